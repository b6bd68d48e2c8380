// Package explain says why AWS STS admits a token under a role, or why it does
// not, from what the asker holds: a token, a trust policy, an ARN, or nothing but
// an error text.
//
// It decides nothing itself. It asks what the server asks, in the server's order
// (package oidc for the token, package trust for the role), and where one step
// refuses it mends what was refused and goes on, so that all that is wrong is told
// and not the first thing only. A mended token is signed by a key that everybody
// knows, and never leaves the package.
//
//	report := explain.Explain(&explain.Question{Token: …, Policy: …, Now: …})
//	causes := explain.Symptom("An error occurred (AccessDenied) …")
//
// # Where to look
//
//   - explain.go: question and report
//   - token.go: the steps up to a token whose claims can be looked at; mend.go: how
//     a refused token is mended
//   - role.go: the role's ARN and its trust policy; miss.go: what is said of a
//     condition that did not match
//   - cause.go and the tables beside it: the catalogue of causes, by error text
//   - job.go: what a CI file and a job's environment prove; job_token.go and
//     job_client.go: the rules; shell.go: exit codes that a script loses
//   - fix.go: the smallest change of the policy under which the token is admitted
package explain

import (
	"slices"
	"time"

	"github.com/daypass/daypass/internal/oidc"
	"github.com/daypass/daypass/internal/policy"
	"github.com/daypass/daypass/internal/trust"
)

// Question is what is to be explained. All but Now may be left out; what is not
// given is not looked at, and the report says so.
type Question struct {
	// Token is an ID token in the compact serialization.
	Token string
	// Event is looked at where there is no Token.
	Event *Event
	// Policy is a role's trust policy, JSON.
	Policy string
	// RoleARN is the role's ARN as the client sends it.
	RoleARN string
	// ClientIDs are those of the provider; nil where they are not known.
	ClientIDs []string
	// Providers are the ARNs of the providers in the role's account; nil where they
	// are not known.
	Providers []string
	// Keys are the issuer's keys; nil where they are not known.
	Keys *oidc.KeySet
	// RoleSessionName and Duration are those of the request; zero where not known.
	RoleSessionName string
	Duration        time.Duration
	// MaxSessionDuration is the role's; zero where not known.
	MaxSessionDuration time.Duration
	// ExtendedClaims makes every claim a condition key, as Daypass can and AWS does
	// not.
	ExtendedClaims bool
	// RequestKeys sets the condition keys that say how was asked, such as
	// aws:SourceIp; nil sets none.
	RequestKeys func(*policy.Context)
	// Jobs are the jobs of a CI file, and Environment what the client finds there;
	// nil where they are not known. What they prove is in Report.Jobs, beside AWS's
	// decision.
	Jobs        []Job
	Environment *Environment
	// Now is the time of the exchange.
	Now time.Time
}

// State is what came of a check. The zero State is Unknown.
type State uint8

const (
	// Unknown means that what the check needs was not given.
	Unknown State = iota
	// Passed means that AWS goes on.
	Passed
	// Failed means that AWS refuses.
	Failed
)

// String is "unknown", "passed" or "failed".
func (s State) String() string {
	switch s {
	case Passed:
		return "passed"
	case Failed:
		return "failed"
	default:
		return "unknown"
	}
}

// MarshalText writes the state as String does.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Check is one thing that AWS asks.
type Check struct {
	// Name says what is asked: token, claims, provider, audience, times, signature,
	// tags, role, trust, session.
	Name  string `json:"name"`
	State State  `json:"state"`
	// Wanted and Got are what AWS asks for and what is there; empty where nothing
	// is to be compared.
	Wanted []string `json:"wanted,omitempty"`
	Got    string   `json:"got,omitempty"`
	// Note is a sentence without a full stop: what was found, or what would have to
	// be given to look.
	Note string `json:"note"`
	// Answer is what AWS answers where the check failed.
	Answer *Answer `json:"answer,omitempty"`
	// Causes are numbers of the catalogue.
	Causes []int `json:"causes,omitempty"`
}

// Answer is what AWS STS sends to the client.
type Answer struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// Report is the explanation.
type Report struct {
	// Checks are in AWS's order as far as it is recorded: the first that failed is
	// what the client is told.
	Checks []Check `json:"checks"`
	// Subject, Issuer and Audience are the token's, unverified unless Keys were
	// given.
	Issuer   string   `json:"issuer,omitempty"`
	Subject  string   `json:"subject,omitempty"`
	Audience []string `json:"audience,omitempty"`
	// From is the CI system that the token looks like one of, empty if none.
	From string `json:"from,omitempty"`
	// Trust is the account of the trust policy; nil where it was not asked.
	Trust *Trust `json:"trust,omitempty"`
	// Jobs are what the CI file or the environment proves.
	Jobs []JobFinding `json:"jobs,omitempty"`
	// Token is what a trust policy sees of the token; nil where it could not be read.
	Token *trust.Token `json:"-"`
	// Fix is the smallest change that admits the token; nil where there is none, or
	// none is needed.
	Fix *Fix `json:"fix,omitempty"`
}

// Trust is how the trust policy decided.
type Trust struct {
	// Action is the one that the answer is about.
	Action string `json:"action"`
	// Reasons are each statement's and each condition's.
	Reasons *policy.Reasons `json:"reasons"`
	// Nearest is the index in Reasons.Statements of the statement that missed by
	// least, -1 where none allows anything.
	Nearest int `json:"nearest"`
	// Misses are the conditions that did not match, and what is to be said of each.
	Misses []Miss `json:"misses,omitempty"`
	// Notes are further sentences.
	Notes []string `json:"notes,omitempty"`
}

// Verdict is the answer in one word. The zero Verdict is Denied.
type Verdict uint8

const (
	// Denied means that a check failed, or nothing was looked at.
	Denied Verdict = iota
	// Open means that nothing failed, and the trust policy or the token was not
	// looked at.
	Open
	// Admitted means that the trust policy admits the token, and no other check
	// failed.
	Admitted
)

// String is "denied", "open" or "admitted".
func (v Verdict) String() string {
	switch v {
	case Open:
		return "open"
	case Admitted:
		return "admitted"
	default:
		return "denied"
	}
}

// MarshalText writes the verdict as String does.
func (v Verdict) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// Verdict sums the checks up.
func (r *Report) Verdict() Verdict {
	if len(r.Checks) == 0 || r.Failure() != nil {
		return Denied
	}
	if check := r.check("trust"); check == nil || check.State != Passed {
		return Open
	}
	return Admitted
}

// Failure is the check that decides what AWS answers; nil where none failed.
func (r *Report) Failure() *Check {
	for i := range r.Checks {
		if r.Checks[i].State == Failed {
			return &r.Checks[i]
		}
	}
	return nil
}

// Causes are those of all checks, and of what the job proves, in their order, each
// once.
func (r *Report) Causes() []Cause {
	var numbers []int
	for i := range r.Checks {
		numbers = append(numbers, r.Checks[i].Causes...)
	}
	for i := range r.Jobs {
		numbers = append(numbers, r.Jobs[i].Cause)
	}
	var causes []Cause
	told := map[int]bool{}
	for _, number := range numbers {
		if cause := byNumber[number]; cause != nil && !told[number] {
			told[number] = true
			causes = append(causes, *cause)
		}
	}
	return causes
}

// JobFails reports whether the CI file or the environment proves something that
// always shows.
func (r *Report) JobFails() bool {
	return slices.ContainsFunc(r.Jobs, func(f JobFinding) bool { return f.When == "" })
}

func (r *Report) check(name string) *Check {
	for i := range r.Checks {
		if r.Checks[i].Name == name {
			return &r.Checks[i]
		}
	}
	return nil
}

// Explain looks at everything that was given.
func Explain(q *Question) *Report {
	own := *q
	e := &explanation{Question: &own, report: &Report{}}
	var token *trust.Token
	var claims *oidc.Claims
	if q.Token == "" && q.Event != nil {
		token = e.event()
	} else if claims = e.token(); claims != nil {
		token = e.claims(claims)
	}
	e.report.Token = token
	e.role(token, claims)
	e.session()
	e.jobs()
	return e.report
}

// explanation is one question on its way to its report.
type explanation struct {
	*Question
	report *Report
}

func (e *explanation) add(c Check) { e.report.Checks = append(e.report.Checks, c) }

func (e *explanation) failed(name string) bool {
	check := e.report.check(name)
	return check != nil && check.State == Failed
}

// passed and unknown add a check.
func (e *explanation) passed(name, note string) { e.add(Check{Name: name, State: Passed, Note: note}) }

func (e *explanation) unknown(name, note string) {
	e.add(Check{Name: name, State: Unknown, Note: note})
}
