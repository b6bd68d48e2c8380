package consoletest

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/daypass/daypass/internal/pgcluster"
)

// TestNodes: at one of two nodes a person sees what the other decided and how it is, and
// is told when it does not answer any more.
func TestNodes(t *testing.T) {
	t.Parallel()
	db, err := pgcluster.Start(t.Context())
	if errors.Is(err, pgcluster.ErrMissing) {
		lacking(t, err.Error())
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	s := &server{t: t, dir: t.TempDir()}
	s.serve("--listen", "127.0.0.1:0", "--store", db.URL("postgres"))
	key, err := os.ReadFile(filepath.Join(s.dir, "data", "master.key"))
	if err == nil {
		err = errors.Join(os.Mkdir(filepath.Join(s.dir, "second"), 0o700), os.WriteFile(filepath.Join(s.dir, "second", "master.key"), key, 0o600))
	}
	if err != nil {
		t.Fatal(err)
	}
	second := s.start("second", "serve", "--data", "second", "--ready-file", "second.ready", "--listen", "127.0.0.1:0", "--store", db.URL("postgres"))
	endpoint := s.waitFile("second.ready")
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	name := host + ":" + filepath.Join(s.dir, "second")

	s.aws("iam", "create-user", "--user-name", "job")
	var made struct {
		AccessKey struct{ AccessKeyID, SecretAccessKey string }
	}
	if err := json.Unmarshal([]byte(s.aws("iam", "create-access-key", "--user-name", "job")), &made); err != nil {
		t.Fatal(err)
	}
	job := []string{"AWS_ACCESS_KEY_ID=" + made.AccessKey.AccessKeyID, "AWS_SECRET_ACCESS_KEY=" + made.AccessKey.SecretAccessKey}
	if output, code := s.command(job, "aws", "--endpoint-url", endpoint, "iam", "list-roles"); code == 0 {
		t.Fatal(output)
	}

	p := s.open(options{})
	p.signIn()
	p.goTo("decisions")
	p.choose("Outcome Any outcome", "Denied")
	p.see("ListRoles")
	p.clickLink("ListRoles denied")
	p.until("the decision of the other node", func() bool {
		if retry := p.find("button", "Retry"); len(retry) > 0 { // a busy node may be late
			p.clickNode(retry[0])
		}
		return evaluate[bool](p, "!!("+shows("What was decided")+")")
	})
	p.heading("ListRoles")
	p.see(name)
	p.see("The smallest fix")

	p.goTo("health")
	p.choose("Node "+host+":"+filepath.Join(s.dir, "data"), name)
	p.the("button", "Node "+name)
	p.see("Revision of the store")

	if err := second.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	p.goTo("decisions")
	p.see(name + " did not answer in time")
	p.goTo("health")
	p.see("Without those of " + name)
}
