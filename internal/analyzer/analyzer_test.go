package analyzer_test

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/analyzer"
	"github.com/daypass/daypass/internal/audit"
	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/awsapi/awsapitest"
	"github.com/daypass/daypass/internal/jwks"
	"github.com/daypass/daypass/internal/policy"
	"github.com/daypass/daypass/internal/store"

	"github.com/aws/aws-sdk-go-v2/aws"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fixture is the service before a record that the test writes.
type fixture struct {
	*awsapitest.Server
	analyzer *analyzer.Analyzer

	log  *audit.Log
	cost audit.Cost
}

func start(t testing.TB) *fixture {
	t.Helper()
	f := &fixture{}
	path := filepath.Join(t.TempDir(), "events.jsonl")
	var err error
	if f.log, err = audit.Open(path, audit.Options{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.log.Close(); err != nil {
			t.Error(err)
		}
	})
	f.Server = awsapitest.Start(t, awsapitest.Options{Now: time.Now, Services: func(s *awsapitest.Server) ([]*awsapi.Service, error) {
		a, err := analyzer.New(analyzer.Config{
			ProviderKeys: jwks.New(jwks.Config{Now: time.Now}), Now: time.Now, Snapshot: s.Directory.Snapshot,
			Events: func(q audit.Query) iter.Seq2[audit.Record, error] {
				f.cost = audit.Cost{}
				return audit.Search(path, q, true, &f.cost)
			},
			Examine: func(context.Context, string) []analyzer.IssuerCheck { return nil },
			Health:  func() analyzer.Node { return analyzer.Node{} },
		})
		if err != nil {
			return nil, err
		}
		f.analyzer = a
		return []*awsapi.Service{a.Service}, nil
	}})
	return f
}

func (f *fixture) write(t testing.TB, events ...*audit.Event) {
	t.Helper()
	for _, e := range events {
		if err := f.log.Write(e); err != nil {
			t.Fatal(err)
		}
	}
}

// ask asks as a caller, and gives the answer's text.
func (f *fixture) ask(t testing.TB, as aws.Config, operation string, in map[string]any, out any) awsapitest.Reply {
	t.Helper()
	if in == nil {
		in = map[string]any{}
	}
	body, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	r := f.PostJSON(t, as, "daypass", time.Now(), "Daypass."+operation, string(body))
	if out != nil {
		if err := json.Unmarshal([]byte(r.Body), out); err != nil || r.Status != 200 {
			t.Fatalf("%s: %d %s: %v", operation, r.Status, r.Body, err)
		}
	}
	return r
}

const others = "999999999999"

// TestOtherAccounts: nothing of another account's is told: not its requests, and not
// what its trust policy says where a caller of ours was refused by it.
func TestOtherAccounts(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.AddAccount(t, others)
	theirs := f.UserOf(t, others, "boss", awsapitest.Administrator)
	now := time.Now().UTC()
	marker := "only-theirs"
	f.write(
		t,
		&audit.Event{Time: now, RequestID: "theirs", Account: others, Principal: "arn:aws:iam::" + others + ":user/" + marker, Operation: "ListRoles", Status: 200},
		&audit.Event{Time: now, RequestID: "exchange", Role: "arn:aws:iam::" + others + ":role/" + marker, Operation: "AssumeRoleWithWebIdentity", Status: 403, Fault: "AccessDenied"},
		&audit.Event{
			Time: now, RequestID: "crossing", Account: awsapitest.Account, Principal: "arn:aws:iam::" + awsapitest.Account + ":user/administrator",
			Operation: "AssumeRole", Status: 403, Fault: "AccessDenied", Code: "AccessDenied", Message: "User is not authorized", Resource: "arn:aws:iam::" + others + ":role/target",
			Reason: "a statement asks for " + marker, Documents: []string{"own", "trust policy of arn:aws:iam::" + others + ":role/target"},
			Reasons: &policy.Reasons{Statements: []policy.StatementReason{
				{Document: 0, Effect: "Allow"},
				{Document: 1, Effect: "Allow", Conditions: []policy.ConditionReason{{Operator: "StringEquals", Key: "sts:ExternalId", Wanted: []string{marker}}}},
			}},
		},
	)
	var list analyzer.ListDecisionsOutput
	f.ask(t, f.AdminConfig, "ListDecisions", nil, &list)
	if len(list.Decisions) != 1 || list.Decisions[0].RequestID != "crossing" || list.Decisions[0].Reason != "User is not authorized" {
		t.Errorf("our list is %+v", list.Decisions)
	}
	for _, id := range []string{"theirs", "exchange", "none"} {
		if r := f.ask(t, f.AdminConfig, "GetDecision", map[string]any{"requestId": id}, nil); r.Status != 400 || !strings.Contains(r.Body, "ResourceNotFoundException") {
			t.Errorf("%s is told as %d %s", id, r.Status, r.Body)
		}
	}
	var one analyzer.GetDecisionOutput
	r := f.ask(t, f.AdminConfig, "GetDecision", map[string]any{"requestId": "crossing"}, &one)
	if len(one.Explanation.Statements) != 1 || strings.Contains(r.Body, marker) {
		t.Errorf("the crossing is told as %s", r.Body)
	}
	f.ask(t, theirs, "ListDecisions", nil, &list)
	if len(list.Decisions) != 2 {
		t.Errorf("their list is %+v", list.Decisions)
	}
	for operation, in := range map[string]map[string]any{
		"DescribeAccess": {"roleName": "arn:aws:iam::" + others + ":role/target"},
		"TryToken":       {"roleArn": "arn:aws:iam::" + others + ":role/target", "claims": map[string]any{"iss": "https://a.example"}},
	} {
		if r := f.ask(t, f.AdminConfig, operation, in, nil); r.Status != 400 || !strings.Contains(r.Body, "ResourceNotFoundException") {
			t.Errorf("%s is answered %d %s", operation, r.Status, r.Body)
		}
	}
}

// TestAnswer: to another node too nothing is told but of the account that it asks for.
func TestAnswer(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.AddAccount(t, others)
	now := time.Now().UTC()
	over := now.Add(time.Hour)
	for _, account := range []string{awsapitest.Account, others} {
		f.write(t, &audit.Event{
			Time: now, RequestID: "of-" + account, Account: account, Operation: "AssumeRoleWithWebIdentity", Status: 200,
			Role: "arn:aws:iam::" + account + ":role/r", ExpiresAt: &over,
		})
	}
	for question, want := range map[string]string{
		`{"account":"` + others + `","find":{"query":{},"max":10,"after":{}}}`: "of-" + others,
		`{"account":"` + others + `","alive":{}}`:                              `{"counts":{"arn:aws:iam::` + others + `:role/r":1}}`,
		`{"account":"` + others + `","health":{}}`:                             `"revision"`,
	} {
		got, err := f.analyzer.Answer(t.Context(), []byte(question))
		if err != nil || !strings.Contains(string(got), want) || strings.Contains(string(got), awsapitest.Account) {
			t.Errorf("%s is answered %s, %v", question, got, err)
		}
	}
	for _, question := range []string{``, `[]`, `{"account":"` + others + `"}`, `{"account":"` + others + `","secrets":{}}`} {
		if got, err := f.analyzer.Answer(t.Context(), []byte(question)); err == nil {
			t.Errorf("%q is answered %s", question, got)
		}
	}
}

// TestFilters: each filter finds its own; what failed for another reason is not
// among what was denied.
func TestFilters(t *testing.T) {
	t.Parallel()
	f := start(t)
	at := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	event := func(id, project, outcome string) *audit.Event {
		e := &audit.Event{
			Time: at, RequestID: id, Account: awsapitest.Account, Operation: "AssumeRoleWithWebIdentity", Status: 200, Issuer: "https://gitlab.example.com",
			Role: "arn:aws:iam::" + awsapitest.Account + ":role/deploy", Claims: map[string]string{"project_path": project},
		}
		if outcome != "" {
			e.Status, e.Fault = 403, outcome
		}
		at = at.Add(time.Minute)
		return e
	}
	f.write(t, event("1", "a/one", ""), event("2", "a/two", "AccessDenied"), event("3", "a/one", "ClockSkew"), event("4", "a/one", "AccessDenied"))
	for name, tt := range map[string]struct {
		in   map[string]any
		want string
	}{
		"all":       {nil, "4 3 2 1"},
		"project":   {map[string]any{"project": "a/one"}, "4 3 1"},
		"allowed":   {map[string]any{"outcome": "allowed"}, "1"},
		"denied":    {map[string]any{"outcome": "denied"}, "4 2"},
		"failed":    {map[string]any{"outcome": "failed"}, "3"},
		"role":      {map[string]any{"role": "deploy", "issuer": "gitlab.example.com"}, "4 3 2 1"},
		"other":     {map[string]any{"role": "other"}, ""},
		"from, to":  {map[string]any{"since": "2026-11-26T12:01:00Z", "until": "2026-11-26T12:03:00Z"}, "3 2"},
		"operation": {map[string]any{"operation": "GetRole"}, ""},
	} {
		var list analyzer.ListDecisionsOutput
		f.ask(t, f.AdminConfig, "ListDecisions", tt.in, &list)
		var ids []string
		for _, d := range list.Decisions {
			ids = append(ids, d.RequestID)
		}
		if got := strings.Join(ids, " "); got != tt.want {
			t.Errorf("%s finds %q, want %q", name, got, tt.want)
		}
	}
	for _, in := range []map[string]any{{"outcome": "lost"}, {"max": 201}, {"max": -1}, {"since": "yesterday"}, {"next": "AAAA"}} {
		if r := f.ask(t, f.AdminConfig, "ListDecisions", in, nil); r.Status != 400 || !strings.Contains(r.Body, "ValidationException") {
			t.Errorf("%v is answered %d %s", in, r.Status, r.Body)
		}
	}
}

// BenchmarkListDecisions is a page of one project's denials among 100,000 events, and
// the next ones.
func BenchmarkListDecisions(b *testing.B) {
	f := start(b)
	at := time.Now().Add(-24 * time.Hour).UTC()
	for i := range 100_000 {
		e := &audit.Event{
			Time: at, RequestID: fmt.Sprint("r", i), Account: awsapitest.Account, Operation: "AssumeRoleWithWebIdentity", Status: 403, Fault: "AccessDenied",
			Issuer: "https://gitlab.example.com", Role: fmt.Sprintf("arn:aws:iam::%s:role/role-%d", awsapitest.Account, i%500),
			Claims: map[string]string{"project_path": fmt.Sprintf("group/project-%d", i%1000)}, Reason: strings.Repeat("the trust policy does not admit this token; ", 8),
		}
		at = at.Add(800 * time.Millisecond)
		f.write(b, e)
	}
	if err := f.log.BuildIndexes(b.Context()); err != nil {
		b.Fatal(err)
	}
	for name, in := range map[string]map[string]any{
		"newest":  {"max": 50},
		"project": {"project": "group/project-7", "outcome": "denied", "max": 50},
		"one":     {"project": "group/none"},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				var list analyzer.ListDecisionsOutput
				f.ask(b, f.AdminConfig, "ListDecisions", in, &list)
			}
			b.ReportMetric(float64(f.cost.Bytes)/1e6, "MB-read/op")
		})
	}
}

// BenchmarkListReach asks 10,000 roles.
func BenchmarkListReach(b *testing.B) {
	f := start(b)
	provider := "arn:aws:iam::" + awsapitest.Account + ":oidc-provider/gitlab.example.com"
	if err := f.Directory.Update(b.Context(), func(tx store.Tx) error {
		p := store.OIDCProvider{Account: awsapitest.Account, URL: "gitlab.example.com", ClientIDs: []string{"aud"}}
		if err := store.PutRecord(tx, store.OIDCProviderID(p.Account, p.URL), p); err != nil {
			return err
		}
		for i := range 10_000 {
			name := fmt.Sprintf("role-%d", i)
			r := store.Role{Account: awsapitest.Account, Name: name, Path: "/", ID: fmt.Sprintf("AROA%016d", i), TrustPolicy: `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":"` + provider +
				`"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringEquals":{"gitlab.example.com:sub":"project_path:group/project-` + fmt.Sprint(i%1000) + `:ref_type:branch:ref:main"}}}]}`}
			if err := store.PutRecord(tx, store.RoleID(r.Account, r.Name), r); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		var reach analyzer.ListReachOutput
		f.ask(b, f.AdminConfig, "ListReach", map[string]any{"issuer": "https://gitlab.example.com", "claims": map[string]any{"project_path": "group/project-7"}}, &reach)
		if len(reach.Roles) != 10 || reach.Asked != 10_000 {
			b.Fatalf("%d of %d", len(reach.Roles), reach.Asked)
		}
	}
}
