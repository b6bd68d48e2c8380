package lint_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/daypass/daypass/internal/lint"
)

// everything is a finding of each kind that the examples have, each in a file.
func everything(t *testing.T) []lint.Located {
	t.Helper()
	var all []lint.Located
	for _, file := range archives(t, "rules") {
		_, examples := examples(t, file)
		for _, e := range examples {
			findings, _ := lint.Check([]lint.Role{e.role})
			for i := range findings {
				all = append(all, lint.Located{Finding: findings[i], File: "policies/" + e.name + ".json", FileLine: findings[i].Line, FileColumn: findings[i].Column})
			}
		}
	}
	return all
}

// The members that SARIF 2.1.0 requires are there, in the values that its schema
// allows (OASIS, section 3: version, runs, tool.driver.name, result.message; level,
// ruleIndex, region.startLine and startColumn from 1).
func TestSARIF(t *testing.T) {
	t.Parallel()
	findings := everything(t)
	var out bytes.Buffer
	if err := lint.WriteSARIF(&out, findings, "v1"); err != nil {
		t.Fatal(err)
	}
	var log struct {
		Schema  string `json:"$schema"`
		Version string
		Runs    []struct {
			Tool struct {
				Driver struct {
					Name  string
					Rules []struct {
						ID               string
						Name             string
						ShortDescription struct{ Text string }
						HelpURI          string
					}
				}
			}
			Results []struct {
				RuleID    string
				RuleIndex int
				Level     string
				Message   struct{ Text string }
				Locations []struct {
					PhysicalLocation struct {
						ArtifactLocation struct{ URI string }
						Region           struct{ StartLine, StartColumn int }
					}
				}
				PartialFingerprints map[string]string
			}
		}
	}
	if err := json.Unmarshal(out.Bytes(), &log); err != nil {
		t.Fatal(err)
	}
	if log.Version != "2.1.0" || !strings.Contains(log.Schema, "sarif-2.1.0") || len(log.Runs) != 1 || log.Runs[0].Tool.Driver.Name == "" {
		t.Fatalf("log is %+v", log)
	}
	run := log.Runs[0]
	for _, r := range run.Tool.Driver.Rules {
		if r.ID == "" || r.Name == "" || r.ShortDescription.Text == "" || !strings.HasPrefix(r.HelpURI, "https://") {
			t.Errorf("rule is %+v", r)
		}
	}
	if len(run.Results) != len(findings) {
		t.Errorf("%d results of %d findings", len(run.Results), len(findings))
	}
	for _, r := range run.Results {
		at := r.Locations[0].PhysicalLocation
		if run.Tool.Driver.Rules[r.RuleIndex].ID != r.RuleID || !slices.Contains([]string{"note", "warning", "error"}, r.Level) || r.Message.Text == "" ||
			at.ArtifactLocation.URI == "" || at.Region.StartLine < 1 || at.Region.StartColumn < 1 || r.PartialFingerprints["daypassLint/v1"] == "" {
			t.Errorf("result is %+v", r)
		}
	}
	out.Reset()
	if err := lint.WriteSARIF(&out, nil, ""); err != nil || !strings.Contains(out.String(), `"results": []`) {
		t.Errorf("no findings are %s, error %v", out.String(), err)
	}
}

// GitLab's report: description, check_name, fingerprint, severity, location.path and
// location.lines.begin; fingerprints are unique (GitLab, "Code Quality").
func TestCodeQuality(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	findings := everything(t)
	if err := lint.WriteCodeQuality(&out, append(findings, findings[0])); err != nil {
		t.Fatal(err)
	}
	var entries []struct {
		Description string
		CheckName   string `json:"check_name"`
		Fingerprint string
		Severity    string
		Location    struct {
			Path  string
			Lines struct{ Begin int }
		}
	}
	if err := json.Unmarshal(out.Bytes(), &entries); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, e := range entries {
		if e.Description == "" || e.CheckName == "" || e.Location.Path == "" || e.Location.Lines.Begin < 1 || seen[e.Fingerprint] ||
			!slices.Contains([]string{"info", "minor", "major", "critical", "blocker"}, e.Severity) {
			t.Errorf("entry is %+v", e)
		}
		seen[e.Fingerprint] = true
	}
	if len(entries) != len(findings)+1 {
		t.Errorf("%d entries of %d findings", len(entries), len(findings)+1)
	}
	out.Reset()
	if err := lint.WriteCodeQuality(&out, nil); err != nil || strings.TrimSpace(out.String()) != "[]" {
		t.Errorf("no findings are %s, error %v", out.String(), err)
	}
}

// A fingerprint outlives edits elsewhere, and tells roles and rules apart.
func TestFingerprint(t *testing.T) {
	t.Parallel()
	find := func(name, text string) map[string]string {
		findings, _ := lint.Check([]lint.Role{{Name: name, TrustPolicy: text}})
		prints := map[string]string{}
		for i := range findings {
			prints[findings[i].Rule] = findings[i].Fingerprint()
		}
		return prints
	}
	text := onGitLab(`{"StringLike":{"gitlab.com:sub":"project_path:mygroup*"}}`)
	a, b, c := find("a", text), find("a", "\n\n"+text), find("b", text)
	if a["TP004"] == "" || a["TP004"] != b["TP004"] || a["TP004"] == c["TP004"] || a["TP004"] == a["TP052"] {
		t.Errorf("fingerprints: %v, %v, %v", a, b, c)
	}
}

func TestSeverities(t *testing.T) {
	t.Parallel()
	for s := lint.Info; s <= lint.Critical; s++ {
		var back lint.Severity
		text, err := s.MarshalText()
		if err != nil || back.UnmarshalText(text) != nil || back != s {
			t.Errorf("%v becomes %s, and that %v", s, text, back)
		}
	}
	var none lint.Severity
	if none.UnmarshalText([]byte("fatal")) == nil || none != 0 {
		t.Errorf("an unknown word is %v", none)
	}
}
