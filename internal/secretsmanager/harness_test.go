package secretsmanager_test

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"flag"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/awsapi/awsapitest"
	"github.com/daypass/daypass/internal/goldentest"
	"github.com/daypass/daypass/internal/secretsmanager"
	"github.com/daypass/daypass/internal/store"

	"github.com/aws/aws-sdk-go-v2/aws"
	client "github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	account = awsapitest.Account
	other   = "210987654321"
	token   = "11111111-1111-1111-1111-111111111111"
	token2  = "22222222-2222-2222-2222-222222222222"
	token3  = "33333333-3333-3333-3333-333333333333"
)

// fixture is the service behind a front door.
type fixture struct {
	*awsapitest.Server
	now    time.Time
	admin  *client.Client
	shapes *shapes
}

func newService(s *awsapitest.Server) (*awsapi.Service, error) {
	return secretsmanager.New(secretsmanager.Config{
		Directory: s.Directory, Values: s.Store, MasterKey: s.MasterKey(), Random: rand.Reader, Log: slog.New(slog.DiscardHandler),
	})
}

func start(t testing.TB) *fixture {
	t.Helper()
	f := &fixture{now: time.Now().UTC().Truncate(time.Millisecond), shapes: newShapes()}
	f.Server = awsapitest.Start(t, awsapitest.Options{
		Now: func() time.Time { return f.now },
		Services: func(s *awsapitest.Server) ([]*awsapi.Service, error) {
			service, err := newService(s)
			return []*awsapi.Service{service}, err
		},
	})
	f.admin = client.NewFromConfig(f.AdminConfig)
	return f
}

// call sends a request of the JSON dialect and gives its reply, whose shape is
// held against the service's model.
func (f *fixture) call(t testing.TB, config aws.Config, operation, body string) awsapitest.Reply {
	t.Helper()
	r := f.PostJSON(t, config, "secretsmanager", f.now, "secretsmanager."+operation, body)
	if r.Status == 200 {
		for _, problem := range f.shapes.check(operation, r.Body) {
			t.Errorf("%s: %s", operation, problem)
		}
	}
	return r
}

// do is call by the administrator, with success.
func (f *fixture) do(t testing.TB, operation, body string) map[string]any {
	t.Helper()
	r := f.call(t, f.AdminConfig, operation, body)
	if r.Status != 200 {
		t.Fatalf("%s %s: %d %s", operation, body, r.Status, r.Body)
	}
	var answer map[string]any
	if err := json.Unmarshal([]byte(r.Body), &answer); err != nil {
		t.Fatal(err)
	}
	return answer
}

// refused is call with a fault.
func (f *fixture) refused(t testing.TB, config aws.Config, operation, body, code, message string) {
	t.Helper()
	r := f.call(t, config, operation, body)
	var fault struct {
		Type    string `json:"__type"`
		Message string
	}
	if err := json.Unmarshal([]byte(r.Body), &fault); err != nil || r.Status != 400 || fault.Type != code || !strings.Contains(fault.Message, message) {
		t.Errorf("%s %s: %d %s\nwant %s: %s", operation, body, r.Status, r.Body, code, message)
	}
}

// create makes a secret with a text, and gives its ARN.
func (f *fixture) create(t testing.TB, name, value string) string {
	t.Helper()
	return f.do(t, "CreateSecret", `{"Name":"`+name+`","SecretString":"`+value+`","ClientRequestToken":"`+token+`"}`)["ARN"].(string)
}

var update = flag.Bool("update", false, "write the golden file")

// TestOperations lists every operation with what it needs.
func TestOperations(t *testing.T) {
	t.Parallel()
	service, err := newService(start(t).Server)
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	if err := service.Describe(&got); err != nil {
		t.Fatal(err)
	}
	golden := filepath.Join("testdata", "operations.golden")
	goldentest.Compare(t, *update, golden, got.Bytes())
	if _, err := secretsmanager.New(secretsmanager.Config{}); err == nil {
		t.Error("a service is made of nothing")
	}
}

// putSecrets writes the records of secrets without values, in one transaction.
func putSecrets(t testing.TB, f *fixture, n int, name func(int) string, created time.Time) {
	t.Helper()
	if err := f.Directory.Update(t.Context(), func(tx store.Tx) error {
		for i := range n {
			s := store.Secret{
				Account: account, Region: awsapitest.Region, Name: name(i), ID: name(i), Suffix: "AAAAAA",
				Created: created.Add(time.Duration(i) * time.Millisecond), Changed: created,
			}
			if err := store.PutRecord(tx, store.SecretID(account, s.Region, s.Name), s); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}
