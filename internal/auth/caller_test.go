package auth_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/auth"
	"github.com/daypass/daypass/internal/awsapi/awsapitest"
	"github.com/daypass/daypass/internal/policy"
	"github.com/daypass/daypass/internal/store"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/google/go-cmp/cmp"
)

const (
	implicit = "User: " + caller + " is not authorized to perform: things:GetThing on resource: " + thing + " because no identity-based policy allows the things:GetThing action"
	explicit = "User: " + caller + " is not authorized to perform: things:GetThing on resource: " + thing + " with an explicit deny in an identity-based policy"

	denyAll  = `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"things:*","Resource":"*"}]}`
	allowGet = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"things:GetThing","Resource":"arn:aws:things::123456789012:thing/a"}]}`
)

// managed gives the ARN of a managed policy that it puts.
func (f *fixture) managed(t *testing.T, name, document string) string {
	t.Helper()
	f.update(t, func(tx store.Tx) error {
		return store.PutRecord(tx, store.PolicyID(account, name), store.Policy{
			Account: account, Name: name, Path: "/team/", ID: "ANPAAAAAAAAAAAAAAAAAA", DefaultVersion: "v1",
			Versions: []store.PolicyVersion{{ID: "v1", Document: document}},
		})
	})
	return "arn:aws:iam::123456789012:policy/team/" + name
}

// give makes these the policies of the role.
func (f *fixture) give(t *testing.T, attached []string, inline ...string) {
	t.Helper()
	r := f.role
	r.AttachedPolicies = attached
	for i, document := range inline {
		r.InlinePolicies = append(r.InlinePolicies, store.InlinePolicy{Name: "inline-" + string(rune('1'+i)), Document: document})
	}
	f.putRole(t, r)
}

// TestDecisions: the sentence is AWS's, and an explicit deny names the managed
// policy that holds it.
func TestDecisions(t *testing.T) {
	t.Parallel()
	f := start(t)
	get, all, deny := f.managed(t, "get", allowGet), f.managed(t, "all", awsapitest.Administrator), f.managed(t, "deny", denyAll)
	const gone = "arn:aws:iam::123456789012:policy/team/gone"
	for name, c := range map[string]struct {
		attached []string
		inline   []string
		message  string // "" is allowed
		document int    // of the decision
	}{
		"no policy":                         {message: implicit},
		"inline":                            {inline: []string{allowGet}},
		"managed":                           {attached: []string{get}},
		"of another thing":                  {inline: []string{strings.Replace(allowGet, "thing/a", "thing/b", 1)}, message: implicit},
		"of another account's":              {inline: []string{strings.Replace(allowGet, "123456789012", "210987654321", 1)}, message: implicit},
		"of another action":                 {inline: []string{strings.Replace(allowGet, "GetThing", "PutThing", 1)}, message: implicit},
		"denied inline":                     {inline: []string{allowGet, denyAll}, message: explicit, document: 1},
		"denied by a managed policy":        {attached: []string{all, deny}, message: explicit + ": " + deny, document: 1},
		"denied, whatever else allows":      {attached: []string{deny, all, get}, inline: []string{allowGet}, message: explicit + ": " + deny, document: 1},
		"attached and gone":                 {attached: []string{all, gone}, message: explicit + ": " + gone, document: 1},
		"attached by another path":          {attached: []string{all, "arn:aws:iam::123456789012:policy/get"}, message: explicit + ": arn:aws:iam::123456789012:policy/get", document: 1},
		"attached, AWS's own, not had here": {attached: []string{all, "arn:aws:iam::aws:policy/NotHadHere"}, message: explicit + ": arn:aws:iam::aws:policy/NotHadHere", document: 1},
		"inline that cannot be read":        {attached: []string{all}, inline: []string{`{"Version":"2012-10-17"`}, message: explicit, document: 0},
	} {
		f.give(t, c.attached, c.inline...)
		reply := f.get(t, f.session)
		if c.message == "" {
			if reply.Status != http.StatusOK {
				t.Errorf("%s: %d %s", name, reply.Status, reply.Body)
			}
			continue
		}
		wantFault(t, reply, fault{http.StatusForbidden, "AccessDenied", c.message})
		e := f.last(t)
		if e.Action != "things:GetThing" || e.Resource != thing || e.Principal != caller || e.Account != account || e.AccessKey != f.session.AccessKeyID {
			t.Errorf("%s: event is %+v", name, e)
		}
		if want := len(c.attached) + len(c.inline); len(e.Documents) != want {
			t.Errorf("%s: the event names the documents %q, want %d", name, e.Documents, want)
		}
		if explicitly := strings.Contains(c.message, "explicit"); (e.Decision == "ExplicitDeny") != explicitly || e.Reasons == nil || explicitly && e.Reasons.Document != c.document {
			t.Errorf("%s: decision %s, reasons %+v", name, e.Decision, e.Reasons)
		}
		if t.Failed() {
			t.Fatalf("in %q", name)
		}
	}
}

// A document that was stored and cannot be read denies to all whom it is
// attached to, and the directory names it. Nobody can put one through IAM.
func TestUnreadableStoredPolicyDenies(t *testing.T) {
	t.Parallel()
	f := start(t)
	arn := f.managed(t, "unreadable", allowGet)
	f.give(t, []string{arn})
	wantOK(t, f.get(t, f.session))
	document, err := store.Encode(store.Policy{
		Account: account, Name: "unreadable", Path: "/team/", DefaultVersion: "v1",
		Versions: []store.PolicyVersion{{ID: "v1", Document: strings.Replace(allowGet, `"Effect"`, `"Unless":"x","Effect"`, 1)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Store.Update(t.Context(), func(tx store.Tx) error { return tx.Put(store.PolicyID(account, "unreadable"), document) }); err != nil {
		t.Fatal(err)
	}
	if err := f.Directory.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantFault(t, f.get(t, f.session), fault{http.StatusForbidden, "AccessDenied", explicit + ": " + arn})
	problems := f.Directory.Snapshot().Problems()
	named := 0
	for _, p := range problems {
		if strings.Contains(p, arn) && strings.Contains(p, "Unless") {
			named++
		}
	}
	if named != 1 {
		t.Errorf("problems are %q, want one that names the policy and what it does not understand", problems)
	}
	wantOK(t, f.get(t, f.credentials(t, f.AdminConfig))) // who does not have it is not concerned
}

// An operation with two needs asks for both, and says which is lacking.
func TestEveryNeedIsAsked(t *testing.T) {
	t.Parallel()
	f := start(t)
	put := strings.Replace(allowGet, "GetThing", "PutThing", 1)
	f.give(t, nil, allowGet)
	wantFault(t, f.call(t, "MoveThing", f.session), fault{http.StatusForbidden, "AccessDenied", strings.ReplaceAll(implicit, "GetThing", "PutThing")})
	f.give(t, nil, put)
	wantFault(t, f.call(t, "MoveThing", f.session), fault{http.StatusForbidden, "AccessDenied", implicit})
	f.give(t, nil, put, allowGet)
	wantOK(t, f.call(t, "MoveThing", f.session))
}

// TestKeys are the condition keys of a request: who asks, how, and what the
// operation adds.
func TestKeys(t *testing.T) {
	t.Parallel()
	f := start(t)
	at := f.clock().UTC().Format("2006-01-02T15:04:05Z")
	begun := f.clock().UTC().Format("2006-01-02T15:04:05Z") // the session began when it was minted for an hour
	for _, c := range []struct {
		condition string
		allowed   bool
	}{
		{`"StringEquals":{"things:Colour":"red"}`, true},
		{`"StringEquals":{"things:Colour":"blue"}`, false},
		{`"StringEquals":{"aws:PrincipalArn":"` + roleARN + `"}`, true},
		{`"StringEquals":{"aws:PrincipalArn":"` + caller + `"}`, false},
		{`"StringEquals":{"aws:PrincipalAccount":"` + account + `","aws:PrincipalType":"AssumedRole","aws:PrincipalIsAWSService":"false"}`, true},
		{`"StringEquals":{"aws:userid":"` + f.role.ID + `:job-1"}`, true},
		{`"StringEquals":{"aws:TokenIssueTime":"` + begun + `"}`, true},
		{`"StringEquals":{"aws:FederatedProvider":"arn:aws:iam::123456789012:oidc-provider/gitlab.example.com"}`, true},
		{`"StringEquals":{"aws:CurrentTime":"` + at + `"}`, true},
		{`"StringEquals":{"aws:RequestedRegion":"` + awsapitest.Region + `","aws:SourceIp":"127.0.0.1","aws:UserAgent":"Go-http-client/1.1"}`, true},
		{`"Bool":{"aws:SecureTransport":"false","aws:ViaAWSService":"false"}`, true},
		{`"Bool":{"aws:SecureTransport":"true"}`, false},
		{`"StringEquals":{"aws:SourceIdentity":"alice","aws:PrincipalTag/team":"data","aws:PrincipalTag/cost center":""}`, true},
		{`"StringEquals":{"aws:PrincipalTag/team":"Data"}`, false},
		{`"Null":{"aws:RequestTag/team":"true","sts:SourceIdentity":"true","aws:TagKeys":"true"}`, true}, // of the exchange alone
		{`"Null":{"aws:username":"true"}`, true},
		{`"Bool":{"aws:MultiFactorAuthPresent":"false"}`, true}, // with temporary credentials it is there
	} {
		f.give(t, nil, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*","Condition":{`+c.condition+`}}]}`)
		if reply := f.get(t, f.session, "Colour", "red"); (reply.Status == http.StatusOK) != c.allowed {
			t.Errorf("%s: %d, want allowed %v", c.condition, reply.Status, c.allowed)
		}
	}
}

// A user is another kind of principal than a session.
func TestKeysOfAUser(t *testing.T) {
	t.Parallel()
	f := start(t)
	const userARN = "arn:aws:iam::123456789012:user/ann"
	policyOf := func(condition string) string {
		return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*","Condition":{` + condition + `}}]}`
	}
	for i, c := range []struct {
		condition string
		allowed   bool
	}{
		{`"StringEquals":{"aws:username":"ann","aws:PrincipalType":"User","aws:PrincipalArn":"` + userARN + `"}`, true},
		{`"StringEquals":{"aws:username":"Ann"}`, false},
		{`"StringLike":{"aws:userid":"AIDA*"}`, true},
		{`"Null":{"aws:TokenIssueTime":"true","aws:FederatedProvider":"true","aws:SourceIdentity":"true"}`, true},
	} {
		ann := f.credentials(t, f.User(t, "ann", policyOf(c.condition)))
		reply := f.get(t, ann)
		if (reply.Status == http.StatusOK) != c.allowed {
			t.Errorf("%d: %d %s", i, reply.Status, reply.Body)
		}
		if !c.allowed {
			wantFault(t, reply, fault{http.StatusForbidden, "AccessDenied", strings.ReplaceAll(implicit, caller, userARN)})
		}
	}
}

// Accounts are strangers to one another: the administrator of one has the keys
// of no other, and what he may do is asked of his own account's things.
func TestAnotherAccount(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.AddAccount(t, "210987654321")
	other := f.credentials(t, f.UserOf(t, "210987654321", "administrator", awsapitest.Administrator))
	wantOK(t, f.get(t, other))
	if e := f.last(t); e.Account != "210987654321" || e.Principal != "arn:aws:iam::210987654321:user/administrator" {
		t.Errorf("event is %+v", e)
	}
	only := f.credentials(t, f.UserOf(t, "210987654321", "only", allowGet)) // of the first account's thing
	if reply := f.get(t, only); reply.Status != http.StatusForbidden {
		t.Errorf("got %d %s", reply.Status, reply.Body)
	}
}

func TestZeroCallerMayDoNothing(t *testing.T) {
	t.Parallel()
	var nobody auth.Caller
	for _, why := range []*policy.Reasons{nil, {}} {
		for _, q := range []auth.Question{{}, {Action: "things:GetThing", Resource: "*"}, {Action: "*", Resource: "*"}} {
			if a := nobody.Decide(&auth.Request{}, &q, why); a.Allowed() || a.Source != "" {
				t.Errorf("%+v: %+v", q, a)
			}
		}
	}
	if (auth.Answer{}).Allowed() {
		t.Error("the zero Answer allows")
	}
}

// The decision is the same with and without reasons, and so is the document
// that it names.
func TestReasonsDoNotChangeTheAnswer(t *testing.T) {
	t.Parallel()
	f := start(t)
	deny := f.managed(t, "deny", denyAll)
	for _, c := range []struct {
		attached []string
		inline   []string
		effect   policy.Effect
		source   string
	}{
		{nil, nil, policy.ImplicitDeny, ""},
		{nil, []string{denyAll, allowGet}, policy.ExplicitDeny, "inline policy inline-1"},
		{[]string{deny}, []string{allowGet}, policy.ExplicitDeny, deny},
		{nil, []string{strings.Replace(allowGet, "/a", "/b", 1), allowGet}, policy.Allow, "inline policy inline-2"},
	} {
		f.give(t, c.attached, c.inline...)
		who := f.callerOf(t, f.session)
		question := &auth.Question{Action: "things:GetThing", Resource: thing}
		request := &auth.Request{Now: time.Unix(0, 0)}
		plain := who.Decide(request, question, nil)
		why := &policy.Reasons{}
		if diff := cmp.Diff(plain, who.Decide(request, question, why)); diff != "" {
			t.Errorf("with reasons (-without +with):\n%s", diff)
		}
		if plain.Effect != c.effect || plain.Kind != policy.Identity || plain.Source != c.source || why.Decision != plain.Decision {
			t.Errorf("answer %+v, reasons of %+v; want %s by %q", plain, why.Decision, c.effect, c.source)
		}
	}
}

// callerOf authenticates without a network.
func (f *fixture) callerOf(t *testing.T, c aws.Credentials) *auth.Caller {
	t.Helper()
	request := signedRequest(t, c, f.clock())
	who, _, err := auth.Authenticate(f.Directory.Snapshot(), request, "things", f.clock())
	if err != nil {
		t.Fatal(err)
	}
	return who
}
