package pipeline

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/daypass/daypass/internal/gitlab/ci"
)

var stages = []string{".pre", "build", "test", "deploy", ".post"}

// parse reads jobs, one in a line: NAME STAGE [when=W] [allow] [needs=A,B|needs=]
// [fails] [released].
func parse(text string) (jobs []*ci.Job, fails, released map[string]bool) {
	fails, released = map[string]bool{}, map[string]bool{}
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) == 0 {
			continue
		}
		j := &ci.Job{Name: f[0], Stage: f[1], When: "on_success", Script: []string{"true"}}
		for _, word := range f[2:] {
			key, value, _ := strings.Cut(word, "=")
			switch key {
			case "when":
				j.When = value
			case "allow":
				j.AllowFailure.Allowed = true
			case "fails":
				fails[j.Name] = true
			case "released":
				released[j.Name] = true
			case "needs":
				j.Needs = []ci.Need{}
				for _, n := range strings.Split(value, ",") {
					if n != "" {
						j.Needs = append(j.Needs, ci.Need{Job: n, Artifacts: true})
					}
				}
			default:
				panic(word)
			}
		}
		jobs = append(jobs, j)
	}
	return jobs, fails, released
}

// play runs a schedule, all that can run at a time, and writes down each turn.
func play(text string) string {
	jobs, fails, released := parse(text)
	s := newSchedule(stages, jobs, func(j *ci.Job) bool { return released[j.Name] })
	var turns []string
	for {
		s.step()
		var ran []string
		for _, p := range s {
			if p.state == Pending {
				p.state = Running
				ran = append(ran, p.job.Name)
			}
		}
		if len(ran) == 0 {
			break
		}
		turns = append(turns, strings.Join(ran, " "))
		for _, p := range s {
			if p.state == Running {
				p.state = Success
				if fails[p.job.Name] {
					p.state = Failed
				}
			}
		}
	}
	var rest []string
	for _, p := range s {
		if p.state != Success && p.state != Failed {
			rest = append(rest, fmt.Sprintf("%s %s", p.job.Name, p.state))
		}
	}
	state, warnings := s.end()
	out := strings.Join(turns, " | ") + " -> " + string(state)
	if warnings {
		out += " with warnings"
	}
	if len(rest) > 0 {
		out += " (" + strings.Join(rest, ", ") + ")"
	}
	return out
}

func TestSchedule(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ jobs, want string }{
		"stages":                   {"t test\nb build\nd deploy\nb2 build\n", "b b2 | t | d -> success"},
		"pre and post":             {"p .post\nb build\nr .pre\n", "r | b | p -> success"},
		"an empty stage":           {"b build\nd deploy\n", "b | d -> success"},
		"failure skips later":      {"b build fails\nt test\nd deploy\n", "b -> failed (t skipped, d skipped)"},
		"beside the failure":       {"b build fails\nb2 build\nt test\n", "b b2 -> failed (t skipped)"},
		"allowed failure":          {"b build fails allow\nt test\n", "b | t -> success with warnings"},
		"only an allowed failure":  {"b build fails allow\n", "b -> success with warnings"},
		"on_failure runs":          {"b build fails\nt test\nr .post when=on_failure\n", "b | r -> failed (t skipped)"},
		"on_failure does not run":  {"b build\nr test when=on_failure\nd deploy\n", "b | d -> success (r skipped)"},
		"allowed is no failure":    {"b build fails allow\nr test when=on_failure\n", "b -> success with warnings (r skipped)"},
		"always":                   {"b build fails\nt test\na deploy when=always\n", "b | a -> failed (t skipped)"},
		"manual, optional":         {"m build when=manual allow\nt test\n", "t -> success (m manual)"},
		"manual, blocking":         {"b build\nm test when=manual\nd deploy\n", "b -> manual (m manual, d created)"},
		"manual, released":         {"b build\nm test when=manual released\nd deploy\n", "b | m | d -> success"},
		"manual after a failure":   {"b build fails\nm test when=manual\n", "b -> failed (m skipped)"},
		"delayed":                  {"b build when=delayed\nt test\n", "b | t -> success"},
		"needs":                    {"b build\nb2 build fails\nt test needs=b\nt2 test needs=b2\nd deploy needs=t\n", "b b2 | t | d -> failed (t2 skipped)"},
		"needs nothing":            {"b build\nd deploy needs=\n", "b d -> success"},
		"needs before their stage": {"b build\nl test\nd deploy needs=b\n", "b | l d -> success"},
		"needs a manual one":       {"m build when=manual allow\nt test needs=m\n", " -> skipped (m manual, t skipped)"},
		"needs a blocking one":     {"m build when=manual\nt test needs=m\n", " -> manual (m manual, t created)"},
		"needs an allowed failure": {"b build fails allow\nt test needs=b\n", "b | t -> success with warnings"},
		"needs, on_failure":        {"b build fails\nt test needs=b when=on_failure\n", "b | t -> failed"},
		"needs, always":            {"b build fails\nm build when=manual allow\nt test needs=b,m when=always\n", "b t -> failed (m manual)"},
		"needs of what is skipped": {"b build fails\nt test\nd deploy needs=t\na deploy needs=t when=always\n", "b | a -> failed (t skipped, d skipped)"},
		"needs in the same stage":  {"a build\nb build needs=a\n", "a | b -> success"},
		"needs of a job left out":  {"t test needs=b\n", "t -> success"},
		"all skipped":              {"r test when=on_failure\n", " -> skipped (r skipped)"},
		"skipped counts as passed": {"r build when=on_failure\nt test\n", "t -> success (r skipped)"},
		"a later stage by stage":   {"b build\nt test needs=b fails\nd deploy\n", "b | t -> failed (d skipped)"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(c.want, play(c.jobs)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func stageOf(j *ci.Job) int { return slices.Index(stages, j.Stage) }

// Whatever the jobs: each comes to an end or waits for a hand, none starts before
// what it waits for, and a pipeline with a failure that counts has not passed.
func TestScheduleProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 8).Draw(t, "n")
		var jobs []*ci.Job
		fails := map[string]bool{}
		for i := range n {
			j := &ci.Job{
				Name:  fmt.Sprint("j", i),
				Stage: rapid.SampledFrom(stages).Draw(t, "stage"),
				When:  rapid.SampledFrom([]string{"on_success", "on_success", "on_failure", "always", "manual", "delayed"}).Draw(t, "when"),
			}
			j.AllowFailure.Allowed = rapid.Bool().Draw(t, "allow")
			fails[j.Name] = rapid.Bool().Draw(t, "fails")
			if rapid.Bool().Draw(t, "by needs") {
				j.Needs = []ci.Need{}
				for k := range i { // earlier ones only: no circles, as ci has it
					if stageOf(jobs[k]) <= stageOf(j) && rapid.Bool().Draw(t, "need") {
						j.Needs = append(j.Needs, ci.Need{Job: fmt.Sprint("j", k)})
					}
				}
			}
			jobs = append(jobs, j)
		}
		s := newSchedule(stages, jobs, func(*ci.Job) bool { return false })
		for {
			s.step()
			i := -1
			for k, p := range s {
				if p.state == Pending {
					i = k
				}
			}
			if i < 0 {
				break
			}
			before := s.before(s[i])
			if s[i].byNeeds() && composite(before, true) == Skipped {
				before = nil // with when: always, GitLab waits for nobody then
			}
			for _, q := range before {
				if q.state != Success && q.state != Failed && q.state != Skipped && q.counted() != ignored {
					t.Fatalf("%s starts while %s is %s", s[i].job.Name, q.job.Name, q.state)
				}
			}
			if s[i].state = Success; fails[s[i].job.Name] {
				s[i].state = Failed
			}
		}
		state, _ := s.end()
		blocked := false
		for _, p := range s {
			blocked = blocked || p.state == Manual && !p.allowed
			if p.state == Failed && !p.allowed && state == Success {
				t.Fatalf("passed, though %s failed", p.job.Name)
			}
		}
		for _, p := range s {
			if !p.state.done() && p.state != Manual && !blocked {
				t.Fatalf("%s is left %s", p.job.Name, p.state)
			}
		}
	})
}
