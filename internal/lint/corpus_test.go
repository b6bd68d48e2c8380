package lint_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/daypass/daypass/internal/lint"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "write what is found into the archives of testdata")

// An archive of testdata holds policies NAME.json, what else is known of a role in
// NAME.role (a lint.Role as JSON, TrustPolicy aside), and in NAME.want the findings,
// a line each: rule, severity, line, and the subject that gets in. In
// testdata/rules an archive is called after its rule and has bad*.json, on which the
// rule has a finding, and good*.json, on which it has none.

type example struct {
	name string
	role lint.Role
	want string
}

// examples reads one archive. Roles of one archive with the extension .account stand
// in one account: they are examined together.
func examples(t testing.TB, file string) (*txtar.Archive, []example) {
	t.Helper()
	a, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var all []example
	for _, f := range a.Files {
		name, ok := strings.CutSuffix(f.Name, ".json")
		if !ok {
			continue
		}
		e := example{name: name}
		for _, beside := range a.Files {
			switch beside.Name {
			case name + ".role":
				if err := json.Unmarshal(beside.Data, &e.role); err != nil {
					t.Fatalf("%s: %s: %v", file, beside.Name, err)
				}
			case name + ".want":
				e.want = string(beside.Data)
			}
		}
		e.role.Name, e.role.TrustPolicy = name, strings.TrimSuffix(string(f.Data), "\n")
		all = append(all, e)
	}
	return a, all
}

func archives(t testing.TB, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", dir, "*.txtar"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no archives in %s: %v", dir, err)
	}
	return files
}

// told is what is found of one role, as a .want has it.
func told(findings []lint.Finding, name string) string {
	var b strings.Builder
	for i := range findings {
		f := &findings[i]
		if f.Role != name {
			continue
		}
		fmt.Fprintf(&b, "%s %s %d", f.Rule, f.Severity, f.Line)
		if f.Witness != nil {
			b.WriteString(" " + f.Witness.Subject)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// checkWitnesses asks the engine once more about each witness, by the policy as
// everybody else reads it.
func checkWitnesses(t testing.TB, role *lint.Role, findings []lint.Finding) {
	t.Helper()
	document, err := lint.Document(role.TrustPolicy)
	if err != nil {
		t.Fatal(err)
	}
	for i := range findings {
		f := &findings[i]
		if f.Role != role.Name {
			continue
		}
		r, ok := lint.RuleByID(f.Rule)
		if !ok || r.Online {
			t.Errorf("%s: a finding of %s, which is no rule that is run", role.Name, f.Rule)
		}
		if r.Width != (f.Witness != nil) && (r.Width || f.Witness == nil) {
			t.Errorf("%s: %s has no witness", role.Name, f.Rule)
		}
		if f.Witness != nil && !f.Witness.Admitted(document) {
			t.Errorf("%s: %s: the witness %+v is not admitted", role.Name, f.Rule, f.Witness)
		}
		if f.What == "" || f.Why == "" || f.Next == "" || f.Link == "" || f.Line < 1 || f.Column < 1 {
			t.Errorf("%s: %s lacks words or a place: %+v", role.Name, f.Rule, f)
		}
	}
}

func TestRulesOnExamples(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, file := range archives(t, "rules") {
		id := strings.TrimSuffix(filepath.Base(file), ".txtar")
		seen[id] = true
		_, all := examples(t, file)
		together := id == "TP064"
		var roles []lint.Role
		for _, e := range all {
			roles = append(roles, e.role)
		}
		good, bad := 0, 0
		for i, e := range all {
			examined := roles[i : i+1]
			if together {
				examined = roles
			}
			findings, unreadable := lint.Check(examined)
			if len(unreadable) > 0 {
				t.Errorf("%s: %s cannot be read: %v", id, e.name, unreadable[0].Detail)
				continue
			}
			checkWitnesses(t, &e.role, findings)
			has := slices.ContainsFunc(findings, func(f lint.Finding) bool { return f.Rule == id && f.Role == e.name })
			switch {
			case strings.HasPrefix(e.name, "bad"):
				bad++
				if !has {
					t.Errorf("%s: %s has no such finding:\n%s", id, e.name, told(findings, e.name))
				}
			case strings.HasPrefix(e.name, "good"):
				good++
				if has {
					t.Errorf("%s: %s has such a finding:\n%s", id, e.name, told(findings, e.name))
				}
			default:
				t.Errorf("%s: %s is neither good nor bad", id, e.name)
			}
		}
		if good == 0 || bad == 0 {
			t.Errorf("%s has %d good and %d bad policies", id, good, bad)
		}
	}
	for _, r := range lint.Rules() {
		if seen[r.ID] == r.Online {
			t.Errorf("%s: an archive of examples: %v; run offline: %v", r.ID, seen[r.ID], !r.Online)
		}
	}
}

func TestCorpus(t *testing.T) {
	t.Parallel()
	policies, clean := 0, 0
	for _, file := range archives(t, "corpus") {
		a, all := examples(t, file)
		wants := map[string]string{}
		for _, e := range all {
			policies++
			findings, unreadable := lint.Check([]lint.Role{e.role})
			got := told(findings, e.name)
			for _, u := range unreadable {
				got += fmt.Sprintf("unreadable %d %s\n", u.Line, u.Detail)
			}
			if len(unreadable) == 0 {
				checkWitnesses(t, &e.role, findings)
			}
			if !slices.ContainsFunc(findings, func(f lint.Finding) bool { return f.Severity > lint.Low }) {
				clean++
			}
			wants[e.name+".want"] = got
			if diff := cmp.Diff(e.want, got); diff != "" && !*update {
				t.Errorf("%s: %s (-want +got):\n%s", file, e.name, diff)
			}
		}
		if *update {
			writeWants(t, file, a, wants)
		}
	}
	if policies < 60 || clean < 8 {
		t.Errorf("the corpus has %d policies, %d of them good", policies, clean)
	}
}

func writeWants(t *testing.T, file string, a *txtar.Archive, wants map[string]string) {
	t.Helper()
	files := slices.DeleteFunc(slices.Clone(a.Files), func(f txtar.File) bool { return strings.HasSuffix(f.Name, ".want") })
	a.Files = nil
	for _, f := range files {
		a.Files = append(a.Files, f)
		if name, ok := strings.CutSuffix(f.Name, ".json"); ok {
			a.Files = append(a.Files, txtar.File{Name: name + ".want", Data: []byte(wants[name+".want"])})
		}
	}
	if err := os.WriteFile(file, bytes.TrimSpace(txtar.Format(a)), 0o644); err != nil {
		t.Fatal(err)
	}
}
