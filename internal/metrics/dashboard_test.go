package metrics

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// dashboard is what the test reads of Grafana's file.
type dashboard struct {
	Title         string
	UID           string `json:"uid"`
	SchemaVersion int
	Panels        []struct {
		ID      int
		Type    string
		Title   string
		GridPos struct{ H, W, X, Y int }
		Targets []struct{ Expr, RefID string }
	}
	Templating struct {
		List []struct{ Name, Type, Definition string }
	}
}

const monitoring = "../../examples/monitoring/"

// TestDashboard: panels are where Grafana can put them, none over another, and each asks
// Prometheus for something that it can parse. That the metrics are told, TestNames says.
func TestDashboard(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(monitoring + "dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	var d dashboard
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	if d.Title == "" || d.UID == "" || d.SchemaVersion < 36 || len(d.Panels) < 20 {
		t.Errorf("no dashboard: %q, %q, schema %d, %d panels", d.Title, d.UID, d.SchemaVersion, len(d.Panels))
	}
	variables := map[string]bool{"__rate_interval": true}
	for _, v := range d.Templating.List {
		variables[v.Name] = true
	}
	rules := &strings.Builder{}
	rules.WriteString("groups:\n- name: panels\n  rules:\n")
	ids, taken := map[int]bool{}, map[[2]int]string{}
	for _, p := range d.Panels {
		if ids[p.ID] || p.ID == 0 || p.Title == "" {
			t.Errorf("panel %q: its id %d is taken or missing", p.Title, p.ID)
		}
		ids[p.ID] = true
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				if other, ok := taken[[2]int{x, y}]; ok || x >= 24 {
					t.Fatalf("%q lies over %q, or beyond the edge", p.Title, other)
				}
				taken[[2]int{x, y}] = p.Title
			}
		}
		if (p.Type == "row") != (len(p.Targets) == 0) {
			t.Errorf("panel %q of type %s has %d queries", p.Title, p.Type, len(p.Targets))
		}
		for _, target := range p.Targets {
			for _, used := range regexp.MustCompile(`\$(\w+)`).FindAllStringSubmatch(target.Expr, -1) {
				if !variables[used[1]] {
					t.Errorf("%q: there is no variable %s", p.Title, used[0])
				}
			}
			expr := strings.ReplaceAll(target.Expr, "$__rate_interval", "5m")
			rules.WriteString("  - record: panel" + strconv.Itoa(p.ID) + target.RefID + "\n    expr: " + strconv.Quote(expr) + "\n")
		}
	}
	queries := filepath.Join(t.TempDir(), "queries.yaml")
	if err := os.WriteFile(queries, []byte(rules.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	checkRules(t, queries, monitoring+"alerts.yaml", monitoring+"rules.yaml")
}

// checkRules has Prometheus's own tool parse files of rules.
func checkRules(t *testing.T, files ...string) {
	t.Helper()
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("promtool is missing; scripts/setup.sh installs it")
		}
		t.Skip("promtool is missing; scripts/setup.sh installs it")
	}
	if out, err := exec.Command(promtool, append([]string{"check", "rules"}, files...)...).CombinedOutput(); err != nil {
		t.Errorf("promtool: %v\n%s", err, out)
	}
}

// TestLabels: each label that a query selects or groups by is one that its metrics have.
// Prometheus adds job and instance, a histogram has le.
func TestLabels(t *testing.T) {
	t.Parallel()
	manual, err := os.ReadFile("../../docs/monitoring.md")
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{"job": true, "instance": true, "le": true}
	for _, labels := range regexp.MustCompile("`[^`]*\\{([a-z_,]+)\\}[^`]*`|\\(all `\\{([a-z]+)\\}`").FindAllStringSubmatch(string(manual), -1) {
		for _, label := range strings.Split(labels[1]+labels[2], ",") {
			known[label] = true
		}
	}
	for _, file := range []string{"dashboard.json", "alerts.yaml", "rules.yaml"} {
		text, err := os.ReadFile(monitoring + file)
		if err != nil {
			t.Fatal(err)
		}
		asked := 0
		for _, found := range regexp.MustCompile(`\bby \(([a-z_, ]+)\)|[{,]\s?([a-z_]+)(?:=~|!=|=)\\?"|\$labels\.([a-z_]+)`).FindAllStringSubmatch(string(text), -1) {
			for _, label := range strings.Split(found[1]+found[2]+found[3], ",") {
				asked++
				if label = strings.TrimSpace(label); !known[label] {
					t.Errorf("%s asks for the label %q, which the manual does not name", file, label)
				}
			}
		}
		if asked < 5 {
			t.Errorf("%s asks for %d labels", file, asked)
		}
	}
}
