package policy_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/daypass/daypass/internal/policy"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

const (
	evalAccount = "111122223333"
	evalOther   = "444455556666"
	evalUser    = "arn:aws:iam::111122223333:user/mateo"
	evalRole    = "arn:aws:iam::111122223333:role/ci/deploy"
	evalSession = "arn:aws:sts::111122223333:assumed-role/deploy/job-1"
	evalObject  = "arn:aws:s3:::production/Test"
	evalAction  = "s3:PutObject"
)

// stance is what the policies of one kind say of the request.
type stance string

const (
	none  stance = "none" // there is no policy of that kind
	quiet stance = "quiet"
	allow stance = "allow"
	deny  stance = "deny"
	gone  stance = "unreadable" // a policy that could not be read
)

// stand gives a list of documents of that stance. A resource's policy names a
// principal.
func stand(t testing.TB, kind policy.Kind, s stance, principal string) []*policy.Document {
	t.Helper()
	effect, action := "Allow", "s3:*"
	switch s {
	case none, "":
		return nil
	case gone:
		return []*policy.Document{nil}
	case quiet:
		action = "s3:GetBucketAcl"
	case deny:
		effect = "Deny"
	}
	resource, named := `,"Resource":"*"`, ""
	if kind == policy.Trust {
		action, resource = strings.NewReplacer("s3:*", "sts:AssumeRole", "s3:GetBucketAcl", "sts:TagSession").Replace(action), ""
	}
	if kind == policy.Trust || kind == policy.Resource {
		if principal == "" {
			principal = namesAll
		}
		named = `"Principal":` + principal + `,`
	}
	text := `{"Version":"2012-10-17","Statement":[{"Effect":"` + effect + `",` + named + `"Action":"` + action + `"` + resource + `}]}`
	return []*policy.Document{mustParse(t, kind, text)}
}

// evalCase is a request by a user or a session to a resource.
type evalCase struct {
	session                      bool // not a user
	account                      string
	principal                    string // of the resource's policy
	identity, boundary, sessions stance
	resource                     stance
}

func (c *evalCase) request() *policy.Request {
	r := &policy.Request{Action: evalAction, Resource: evalObject, Principal: policy.Principal{ARN: evalUser, Account: evalAccount, UniqueID: "AIDAEXAMPLEEXAMPLE123"}}
	if c.session {
		r.Principal = policy.Principal{ARN: evalSession, Account: evalAccount, RoleARN: evalRole, UniqueID: "AROAEXAMPLEEXAMPLE123"}
	}
	return r
}

func (c *evalCase) policies(t testing.TB) *policy.Policies {
	t.Helper()
	return &policy.Policies{
		Identity: stand(t, policy.Identity, c.identity, ""), Boundary: stand(t, policy.Boundary, c.boundary, ""),
		Session: stand(t, policy.Session, c.sessions, ""), Resource: stand(t, policy.Resource, c.resource, c.principal),
		ResourceAccount: c.account,
	}
}

// The principals that a resource's policy may name.
const (
	namesUser    = `{"AWS":"` + evalUser + `"}`
	namesUserID  = `{"AWS":"AIDAEXAMPLEEXAMPLE123"}`
	namesRole    = `{"AWS":"` + evalRole + `"}`
	namesRoleID  = `{"AWS":"AROAEXAMPLEEXAMPLE123"}`
	namesSession = `{"AWS":"` + evalSession + `"}`
	namesAccount = `{"AWS":"` + evalAccount + `"}`
	namesRoot    = `{"AWS":"arn:aws:iam::` + evalAccount + `:root"}`
	namesAll     = `"*"`
)

var evalPrincipals = []string{namesUser, namesUserID, namesRole, namesRoleID, namesSession, namesAccount, namesRoot, namesAll}

// TestEvaluate holds each rule of evaluation to what its source says. "Guide" is
// the IAM User Guide: "single" its page "Policy evaluation for requests within a
// single account", "enforcement" its page "How AWS enforcement code logic
// evaluates requests to allow or deny access", "cross-account" its page
// "Cross-account policy evaluation logic".
func TestEvaluate(t *testing.T) {
	t.Parallel()
	const same, other = evalAccount, evalOther
	tests := []struct {
		source string
		evalCase
		effect policy.Effect
		kind   policy.Kind
	}{
		// Guide, enforcement: by default all requests are denied.
		{"nothing", evalCase{false, same, namesUser, none, none, none, none}, policy.ImplicitDeny, policy.Identity},
		{"nothing that is about it", evalCase{false, same, namesUser, quiet, allow, allow, quiet}, policy.ImplicitDeny, policy.Identity},

		// Guide, single: identity-based policies, intersected with a boundary
		// and with session policies.
		{"identity", evalCase{false, same, "", allow, none, none, none}, policy.Allow, policy.Identity},
		{"identity and boundary", evalCase{false, same, "", allow, allow, none, none}, policy.Allow, policy.Identity},
		{"a boundary grants nothing", evalCase{false, same, "", quiet, allow, none, none}, policy.ImplicitDeny, policy.Identity},
		{"beyond the boundary", evalCase{false, same, "", allow, quiet, none, none}, policy.ImplicitDeny, policy.Boundary},
		{"identity, boundary and session", evalCase{true, same, "", allow, allow, allow, none}, policy.Allow, policy.Identity},
		{"a session policy grants nothing", evalCase{true, same, "", none, none, allow, none}, policy.ImplicitDeny, policy.Identity},
		{"beyond the session policy", evalCase{true, same, "", allow, none, quiet, none}, policy.ImplicitDeny, policy.Session},
		{"beyond both", evalCase{true, same, "", allow, quiet, quiet, none}, policy.ImplicitDeny, policy.Boundary},

		// Guide, enforcement: an explicit deny in any policy decides.
		{"identity denies", evalCase{false, same, namesUser, deny, allow, none, allow}, policy.ExplicitDeny, policy.Identity},
		{"boundary denies", evalCase{false, same, namesUser, allow, deny, none, allow}, policy.ExplicitDeny, policy.Boundary},
		{"session denies", evalCase{true, same, namesSession, allow, allow, deny, allow}, policy.ExplicitDeny, policy.Session},
		{"resource denies", evalCase{false, same, namesUser, allow, allow, none, deny}, policy.ExplicitDeny, policy.Resource},
		{"resource denies someone else", evalCase{true, same, namesUser, allow, allow, none, deny}, policy.Allow, policy.Identity},
		{"resource denies across accounts", evalCase{false, other, namesUser, allow, none, none, deny}, policy.ExplicitDeny, policy.Resource},
		{"what was not read denies", evalCase{false, same, namesUser, gone, allow, none, allow}, policy.ExplicitDeny, policy.Identity},
		{"a boundary that was not read", evalCase{false, same, namesUser, allow, gone, none, allow}, policy.ExplicitDeny, policy.Boundary},
		{"a session policy that was not read", evalCase{true, same, "", allow, none, gone, none}, policy.ExplicitDeny, policy.Session},
		{"a resource's policy that was not read", evalCase{false, same, "", allow, none, none, gone}, policy.ExplicitDeny, policy.Resource},

		// Guide, enforcement, resource-based policies: a user's ARN is a grant
		// to the user, which implicit denies do not limit. The second is the
		// same-account example of IAM API Reference, SimulateCustomPolicy.
		{"user named", evalCase{false, same, namesUser, none, none, none, allow}, policy.Allow, policy.Resource},
		{"user named, beyond the boundary", evalCase{false, same, namesUser, quiet, quiet, none, allow}, policy.Allow, policy.Resource},
		{"user named by id", evalCase{false, same, namesUserID, quiet, quiet, none, allow}, policy.Allow, policy.Resource},
		{"another user named", evalCase{true, same, namesUser, quiet, none, none, allow}, policy.ImplicitDeny, policy.Identity},

		// Same place: a role's ARN is limited by the boundary and the session
		// policy of the session; a session's ARN is not.
		{"role named", evalCase{true, same, namesRole, quiet, none, none, allow}, policy.Allow, policy.Resource},
		{"role named by id", evalCase{true, same, namesRoleID, quiet, none, none, allow}, policy.Allow, policy.Resource},
		{"role named, within its limits", evalCase{true, same, namesRole, quiet, allow, allow, allow}, policy.Allow, policy.Resource},
		{"role named, beyond the boundary", evalCase{true, same, namesRole, quiet, quiet, allow, allow}, policy.ImplicitDeny, policy.Boundary},
		{"role named by id, beyond the boundary", evalCase{true, same, namesRoleID, quiet, quiet, allow, allow}, policy.ImplicitDeny, policy.Boundary},
		{"role named, beyond the session policy", evalCase{true, same, namesRole, quiet, allow, quiet, allow}, policy.ImplicitDeny, policy.Session},
		{"role named, identity allows, beyond the boundary", evalCase{true, same, namesRole, allow, quiet, none, allow}, policy.ImplicitDeny, policy.Boundary},
		{"session named", evalCase{true, same, namesSession, quiet, none, none, allow}, policy.Allow, policy.Resource},
		{"session named, beyond everything", evalCase{true, same, namesSession, quiet, quiet, quiet, allow}, policy.Allow, policy.Resource},

		// Guide, "AWS JSON policy elements: Principal", AWS account principals:
		// an account is named to delegate to its own policies.
		{"account named", evalCase{false, same, namesAccount, quiet, none, none, allow}, policy.ImplicitDeny, policy.Identity},
		{"root named", evalCase{true, same, namesRoot, none, none, none, allow}, policy.ImplicitDeny, policy.Identity},
		{"account named, identity allows", evalCase{false, same, namesAccount, allow, none, none, allow}, policy.Allow, policy.Identity},
		{"account named, identity allows, beyond the boundary", evalCase{false, same, namesAccount, allow, quiet, none, allow}, policy.ImplicitDeny, policy.Boundary},

		// Same guide, enforcement, on aws:PrincipalArn with the principal "*":
		// neither boundary nor session policy limits what everyone is granted.
		{"everyone", evalCase{false, same, namesAll, none, none, none, allow}, policy.Allow, policy.Resource},
		{"everyone, beyond the boundary", evalCase{true, same, namesAll, quiet, quiet, quiet, allow}, policy.Allow, policy.Resource},

		// Guide, cross-account: both accounts must allow; whom the resource's
		// policy names does not matter then.
		{"across, both", evalCase{false, other, namesUser, allow, none, none, allow}, policy.Allow, policy.Identity},
		{"across, account and identity", evalCase{true, other, namesAccount, allow, allow, allow, allow}, policy.Allow, policy.Identity},
		{"across, identity alone", evalCase{false, other, namesUser, allow, none, none, none}, policy.ImplicitDeny, policy.Resource},
		{"across, resource silent", evalCase{false, other, namesUser, allow, none, none, quiet}, policy.ImplicitDeny, policy.Resource},
		{"across, resource alone", evalCase{false, other, namesUser, none, none, none, allow}, policy.ImplicitDeny, policy.Identity},
		{"across, session named alone", evalCase{true, other, namesSession, quiet, none, none, allow}, policy.ImplicitDeny, policy.Identity},
		{"across, everyone", evalCase{false, other, namesAll, quiet, none, none, allow}, policy.ImplicitDeny, policy.Identity},
		// The cross-account example of IAM API Reference, SimulatePrincipalPolicy.
		{"across, beyond the boundary", evalCase{false, other, namesUser, quiet, quiet, none, allow}, policy.ImplicitDeny, policy.Identity},
		{"across, session named, beyond the boundary", evalCase{true, other, namesSession, allow, quiet, none, allow}, policy.ImplicitDeny, policy.Boundary},
		{"across, beyond the session policy", evalCase{true, other, namesRole, allow, allow, quiet, allow}, policy.ImplicitDeny, policy.Session},
		{"an account that is not told is another", evalCase{false, "", namesUser, allow, none, none, none}, policy.ImplicitDeny, policy.Resource},
	}
	for _, tt := range tests {
		t.Run(tt.source, func(t *testing.T) {
			t.Parallel()
			for _, why := range []*policy.Reasons{nil, {}} {
				got := policy.Evaluate(tt.request(), tt.policies(t), why)
				if got.Effect != tt.effect || got.Kind != tt.kind {
					t.Errorf("%+v is %v by %v, want %v by %v", tt.evalCase, got.Effect, got.Kind, tt.effect, tt.kind)
				}
			}
		})
	}
}

// TestEvaluateTrust: a role's trust policy must allow (Guide, enforcement). In
// one account, naming the caller is enough; across accounts, even "*" is not
// (same page, and published captures of AWS, 2026).
func TestEvaluateTrust(t *testing.T) {
	t.Parallel()
	assume := stand(t, policy.Identity, allow, "")
	assume[0] = mustParse(t, policy.Identity, identity(`"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"`))
	tests := []struct {
		name           string
		session        bool
		account        string
		trust          stance
		principal      string
		identity       []*policy.Document
		boundary       stance
		effect         policy.Effect
		kind           policy.Kind
		withoutTheRole bool
	}{
		{"identity alone", false, evalAccount, quiet, namesAccount, assume, none, policy.ImplicitDeny, policy.Trust, false},
		{"user named", false, evalAccount, allow, namesUser, nil, none, policy.Allow, policy.Trust, false},
		{"user named, beyond the boundary", false, evalAccount, allow, namesUser, nil, quiet, policy.Allow, policy.Trust, false},
		{"session named", true, evalAccount, allow, namesSession, nil, quiet, policy.Allow, policy.Trust, false},
		{"role named", true, evalAccount, allow, namesRole, nil, none, policy.Allow, policy.Trust, false},
		{"role named, beyond the boundary", true, evalAccount, allow, namesRole, assume, quiet, policy.ImplicitDeny, policy.Boundary, false},
		{"account named", false, evalAccount, allow, namesRoot, nil, none, policy.ImplicitDeny, policy.Identity, false},
		{"account named, identity allows", false, evalAccount, allow, namesRoot, assume, none, policy.Allow, policy.Identity, false},
		{"account named, beyond the boundary", false, evalAccount, allow, namesRoot, assume, quiet, policy.ImplicitDeny, policy.Boundary, false},
		{"trust denies", false, evalAccount, deny, namesUser, assume, none, policy.ExplicitDeny, policy.Trust, false},
		{"across, user named", false, evalOther, allow, namesUser, nil, none, policy.ImplicitDeny, policy.Identity, false},
		{"across, everyone", false, evalOther, allow, namesAll, nil, none, policy.ImplicitDeny, policy.Identity, false},
		{"across, both", false, evalOther, allow, namesAccount, assume, none, policy.Allow, policy.Identity, false},
		{"across, identity alone", false, evalOther, quiet, namesUser, assume, none, policy.ImplicitDeny, policy.Trust, false},
		{"no trust policy", false, evalAccount, none, "", assume, none, policy.ExplicitDeny, policy.Trust, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := evalCase{session: tt.session}
			r := c.request()
			r.Action, r.Resource = "sts:AssumeRole", "arn:aws:iam::"+tt.account+":role/target"
			var trust *policy.Document
			if documents := stand(t, policy.Trust, tt.trust, tt.principal); len(documents) > 0 {
				trust = documents[0]
			}
			// What stands in Resource does not count, whatever it says.
			p := &policy.Policies{Identity: tt.identity, Boundary: stand(t, policy.Boundary, tt.boundary, ""), Resource: assume, ResourceAccount: tt.account}
			for _, why := range []*policy.Reasons{nil, {}} {
				if got := policy.EvaluateTrust(r, trust, p, why); got.Effect != tt.effect || got.Kind != tt.kind {
					t.Errorf("%v by %v, want %v by %v", got.Effect, got.Kind, tt.effect, tt.kind)
				}
			}
		})
	}
}

// Who has no policies of its own needs none: the resource's decides.
func TestEvaluateCallersWithoutPolicies(t *testing.T) {
	t.Parallel()
	trusted := mustParse(t, policy.Trust, trust(`"Effect":"Allow","Principal":{"Federated":"`+provider+`","Service":"ec2.amazonaws.com"},"Action":"sts:Assume*"`))
	public := stand(t, policy.Resource, allow, namesAll)
	p := &policy.Policies{Resource: public, ResourceAccount: evalOther}
	object := &policy.Request{Action: evalAction, Resource: evalObject}
	for name, got := range map[string]struct {
		policy.Evaluation
		want policy.Effect
	}{
		"token":               {policy.EvaluateTrust(trustRequest(policy.Principal{Federated: provider}), trusted, nil, nil), policy.Allow},
		"another's token":     {policy.EvaluateTrust(trustRequest(policy.Principal{Federated: provider + "x"}), trusted, nil, nil), policy.ImplicitDeny},
		"service":             {policy.EvaluateTrust(trustRequest(policy.Principal{Service: "ec2.amazonaws.com"}), trusted, nil, nil), policy.Allow},
		"another service":     {policy.EvaluateTrust(trustRequest(policy.Principal{Service: "sns.amazonaws.com"}), trusted, nil, nil), policy.ImplicitDeny},
		"anonymous":           {policy.Evaluate(with(object, policy.Principal{Anonymous: true}), p, nil), policy.Allow},
		"anonymous, no grant": {policy.Evaluate(with(object, policy.Principal{Anonymous: true}), &policy.Policies{}, nil), policy.ImplicitDeny},
		"nobody":              {policy.Evaluate(object, p, nil), policy.ImplicitDeny},
		"token, no role":      {policy.Evaluate(with(object, policy.Principal{Federated: provider}), p, nil), policy.ImplicitDeny},
	} {
		if got.Effect != got.want {
			t.Errorf("%s: %v by %v, want %v", name, got.Effect, got.Kind, got.want)
		}
	}
}

func trustRequest(who policy.Principal) *policy.Request {
	return &policy.Request{Action: "sts:AssumeRole", Resource: evalRole, Principal: who}
}

func with(r *policy.Request, who policy.Principal) *policy.Request {
	asked := *r
	asked.Principal = who
	return &asked
}

// A Deny with NotPrincipal denies all who have a permissions boundary, even whom
// it lists (Guide, "Permissions boundaries for IAM entities").
func TestNotPrincipalDeniesTheBounded(t *testing.T) {
	t.Parallel()
	sparing := mustParse(t, policy.Resource, `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Principal":`+namesUser+`,"Action":"s3:*","Resource":"*"},
		{"Effect":"Deny","NotPrincipal":{"AWS":["`+evalAccount+`","`+evalUser+`"]},"Action":"s3:*","Resource":"*"}]}`)
	for boundary, want := range map[stance]policy.Effect{none: policy.Allow, allow: policy.ExplicitDeny} {
		c := evalCase{account: evalAccount, identity: allow, boundary: boundary, resource: none}
		p := c.policies(t)
		p.Resource = []*policy.Document{sparing}
		if got := policy.Evaluate(c.request(), p, nil); got.Effect != want {
			t.Errorf("boundary %s: %+v, want %v", boundary, got, want)
		}
	}
	// Whom it lists is granted what the policy grants.
	c := evalCase{account: evalAccount, identity: quiet}
	p := c.policies(t)
	p.Resource = []*policy.Document{sparing}
	if got := policy.Evaluate(c.request(), p, nil); got.Effect != policy.Allow || got.Kind != policy.Resource {
		t.Errorf("without identity policies: %+v", got)
	}
}

// Each list takes documents of its own kind. One of another is not skipped, and
// least of all does it admit everyone because it names nobody.
func TestEvaluateRefusesOtherKinds(t *testing.T) {
	t.Parallel()
	documents := map[policy.Kind]*policy.Document{0: {}}
	for _, kind := range []policy.Kind{policy.Identity, policy.Boundary, policy.Session, policy.Resource, policy.Trust} {
		documents[kind] = stand(t, kind, allow, namesAll)[0]
	}
	for kind, d := range documents {
		for of, fits := range map[policy.Kind][]policy.Kind{
			policy.Identity: {policy.Identity},
			// Managed policies may be boundaries and session policies.
			policy.Boundary: {policy.Boundary, policy.Identity}, policy.Session: {policy.Session, policy.Identity},
			policy.Resource: {policy.Resource},
		} {
			c := evalCase{account: evalAccount, identity: allow, principal: namesUser}
			p := c.policies(t)
			list := map[policy.Kind]*[]*policy.Document{
				policy.Identity: &p.Identity, policy.Boundary: &p.Boundary, policy.Session: &p.Session, policy.Resource: &p.Resource,
			}[of]
			*list = append(*list, d)
			denied := !slices.Contains(fits, kind)
			for _, why := range []*policy.Reasons{nil, {}} {
				got := policy.Evaluate(c.request(), p, why)
				if denied != (got.Effect == policy.ExplicitDeny) || denied && (got.Kind != of || got.Statement != -1) {
					t.Errorf("%v in the list of %v: %+v", kind, of, got)
				}
			}
		}
		if got := policy.EvaluateTrust(trustRequest(policy.Principal{ARN: evalUser, Account: evalAccount}), d, &policy.Policies{ResourceAccount: evalAccount}, nil); kind != policy.Trust && got.Effect != policy.ExplicitDeny {
			t.Errorf("%v as a trust policy: %+v", kind, got)
		}
	}
}

func TestZeroEvaluationDenies(t *testing.T) {
	t.Parallel()
	if (policy.Evaluation{}).Allowed() {
		t.Error("the zero Evaluation allows")
	}
	if e := policy.Evaluate(nil, nil, nil); e.Allowed() {
		t.Errorf("nothing asked of nothing: %+v", e)
	}
	if e := policy.EvaluateTrust(nil, nil, nil, &policy.Reasons{}); e.Effect != policy.ExplicitDeny {
		t.Errorf("no trust policy: %+v", e)
	}
	everything := stand(t, policy.Identity, allow, "")
	if e := policy.Evaluate(&policy.Request{}, &policy.Policies{Identity: everything}, nil); e.Allowed() {
		t.Errorf("the zero request: %+v", e)
	}
}

// Document counts through the lists of Policies, in the decision and in the
// reasons, whatever list it is in.
func TestEvaluateCountsDocuments(t *testing.T) {
	t.Parallel()
	c := evalCase{session: true, account: evalAccount, principal: namesSession, identity: allow, boundary: allow, sessions: deny, resource: allow}
	p := c.policies(t)
	p.Identity = append(p.Identity, stand(t, policy.Identity, quiet, "")...)
	var why policy.Reasons
	got := policy.Evaluate(c.request(), p, &why)
	want := policy.Evaluation{Decision: policy.Decision{Effect: policy.ExplicitDeny, Document: 3, Statement: 0}, Kind: policy.Session}
	if got != want || why.Decision != want.Decision {
		t.Errorf("%+v, reasons of %+v; want %+v", got, why.Decision, want)
	}
	for i, effect := range []string{"Allow", "Allow", "Allow", "Deny", "Allow"} {
		if i >= len(why.Statements) || why.Statements[i].Document != i || why.Statements[i].Effect != effect {
			t.Fatalf("reason %d: %v", i, why.Statements)
		}
	}
	if got = policy.Evaluate(c.request(), p, nil); got != want {
		t.Errorf("without reasons: %+v, want %+v", got, want)
	}
}

// The reasons say which kind of policy decided, and of which each statement is,
// as text and as JSON.
func TestEvaluateTellsTheKind(t *testing.T) {
	t.Parallel()
	c := evalCase{account: evalAccount, identity: allow, boundary: quiet}
	var why policy.Reasons
	policy.Evaluate(c.request(), c.policies(t), &why)
	want := `ImplicitDeny: no permissions boundary allows it
  document 1 statement 1 (Allow, line 1 of the identity-based policy) matches
  document 2 statement 1 (Allow, line 1 of the permissions boundary) does not match
    Action
      wanted "s3:GetBucketAcl"
      got    "` + evalAction + `"
`
	if diff := cmp.Diff(want, why.String()); diff != "" {
		t.Error(diff)
	}
	text, err := json.Marshal(&why)
	if err != nil {
		t.Fatal(err)
	}
	var again policy.Reasons
	if err := json.Unmarshal(text, &again); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(why, again); diff != "" {
		t.Error(diff)
	}
	if err := json.Unmarshal([]byte(`{"kind":"policy"}`), &again); err == nil {
		t.Error("an unknown kind was read")
	}
}

// plainEvaluate is the guide's prose again, from stances and from whom the
// resource's policy names, and without a document.
func plainEvaluate(c *evalCase) bool {
	stances := []stance{c.identity, c.boundary, c.sessions}
	admits := map[string]bool{namesAll: true, namesAccount: true, namesRoot: true}
	direct := map[string]bool{namesAll: true}
	if c.session {
		admits[namesRole], admits[namesRoleID], admits[namesSession], direct[namesSession] = true, true, true, true
	} else {
		admits[namesUser], admits[namesUserID], direct[namesUser], direct[namesUserID] = true, true, true, true
	}
	resource := c.resource
	if resource != gone && !admits[c.principal] {
		resource = quiet
	}
	if resource == deny || resource == gone || slices.Contains(stances, deny) || slices.Contains(stances, gone) {
		return false
	}
	within := (c.boundary == none || c.boundary == allow) && (c.sessions == none || c.sessions == allow)
	own := c.identity == allow && within
	if c.account != evalAccount {
		return own && resource == allow
	}
	role := c.principal == namesRole || c.principal == namesRoleID
	return own || resource == allow && (direct[c.principal] || role && within)
}

func drawEvalCase(t *rapid.T) *evalCase {
	stances := func(label string) stance {
		return rapid.SampledFrom([]stance{none, quiet, allow, allow, allow, deny, gone}).Draw(t, label)
	}
	return &evalCase{
		session: rapid.Bool().Draw(t, "session"), account: rapid.SampledFrom([]string{evalAccount, evalAccount, evalOther, ""}).Draw(t, "account"),
		principal: rapid.SampledFrom(evalPrincipals).Draw(t, "principal"),
		identity:  stances("identity"), boundary: stances("boundary"), sessions: stances("sessions"), resource: stances("resource"),
	}
}

// TestEvaluateAgreesWithReference goes through all cases there are.
func TestEvaluateAgreesWithReference(t *testing.T) {
	t.Parallel()
	type key struct {
		kind      policy.Kind
		stance    stance
		principal string
	}
	parsed := map[key][]*policy.Document{}
	docs := func(kind policy.Kind, s stance, principal string) []*policy.Document {
		k := key{kind, s, principal}
		if _, ok := parsed[k]; !ok {
			parsed[k] = stand(t, kind, s, principal)
		}
		return parsed[k]
	}
	allowed := 0
	all := []stance{none, quiet, allow, deny, gone}
	each := func(c evalCase) {
		p := &policy.Policies{
			Identity: docs(policy.Identity, c.identity, ""), Boundary: docs(policy.Boundary, c.boundary, ""),
			Session: docs(policy.Session, c.sessions, ""), Resource: docs(policy.Resource, c.resource, c.principal),
			ResourceAccount: c.account,
		}
		var why policy.Reasons
		got := policy.Evaluate(c.request(), p, nil)
		if told := policy.Evaluate(c.request(), p, &why); told != got || why.Decision != got.Decision {
			t.Fatalf("%+v: %+v with reasons, %+v without", c, told, got)
		}
		if want := plainEvaluate(&c); got.Allowed() != want {
			t.Fatalf("%+v: %+v, want allowed %v", c, got, want)
		}
		if got.Allowed() {
			allowed++
		}
	}
	for _, session := range []bool{false, true} {
		for _, account := range []string{evalAccount, evalOther, ""} {
			for _, principal := range evalPrincipals {
				for _, identity := range all {
					for _, boundary := range all {
						for _, sessions := range all {
							for _, resource := range all {
								each(evalCase{session, account, principal, identity, boundary, sessions, resource})
							}
						}
					}
				}
			}
		}
	}
	if allowed == 0 {
		t.Error("no case was ever allowed")
	}
}

// A policy more that denies, or that cannot be read, never opens; neither does
// a limit, whatever it says.
func TestEvaluateOnlyCloses(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		c := drawEvalCase(rt)
		before := policy.Evaluate(c.request(), c.policies(t), nil)
		p := c.policies(t)
		for _, list := range []*[]*policy.Document{&p.Identity, &p.Boundary, &p.Session, &p.Resource} {
			whole := *list
			*list = append(slices.Clone(whole), nil)
			if got := policy.Evaluate(c.request(), p, nil); got.Effect != policy.ExplicitDeny {
				rt.Fatalf("%+v with a policy that was not read: %+v", *c, got)
			}
			*list = whole
		}
		limited := *c
		if limited.boundary == none {
			limited.boundary = rapid.SampledFrom([]stance{quiet, allow, deny}).Draw(rt, "new boundary")
		} else {
			limited.sessions = deny
		}
		if got := policy.Evaluate(limited.request(), limited.policies(t), nil); got.Allowed() && !before.Allowed() {
			rt.Fatalf("%+v was %+v; limited, %+v", *c, before, got)
		}
	})
}

// Not parallel: AllocsPerRun counts for the whole process.
func TestEvaluateDoesNotAllocate(t *testing.T) {
	for _, c := range []evalCase{
		{true, evalAccount, namesRole, quiet, allow, allow, allow},
		{true, evalAccount, namesSession, quiet, quiet, quiet, allow},
		{false, evalOther, namesUser, allow, allow, none, allow},
		{false, evalAccount, namesUser, deny, allow, none, allow},
	} {
		r, p := c.request(), c.policies(t)
		if n := testing.AllocsPerRun(100, func() { policy.Evaluate(r, p, nil) }); n != 0 {
			t.Errorf("%+v: %v allocations", c, n)
		}
	}
	trust := stand(t, policy.Trust, allow, namesUser)[0]
	c := evalCase{account: evalAccount}
	r, p := c.request(), c.policies(t)
	if n := testing.AllocsPerRun(100, func() { policy.EvaluateTrust(r, trust, p, nil) }); n != 0 {
		t.Errorf("trust: %v allocations", n)
	}
}

func BenchmarkEvaluate(b *testing.B) {
	for name, c := range map[string]evalCase{
		"identity":            {true, evalAccount, "", allow, none, none, none},
		"identity, limited":   {true, evalAccount, "", allow, allow, allow, none},
		"role named, limited": {true, evalAccount, namesRole, quiet, allow, allow, allow},
		"across accounts":     {true, evalOther, namesRole, allow, allow, allow, allow},
	} {
		b.Run(name, func(b *testing.B) {
			r, p := c.request(), c.policies(b)
			b.ReportAllocs()
			for b.Loop() {
				if !policy.Evaluate(r, p, nil).Allowed() {
					b.Fatal("denied")
				}
			}
		})
	}
}
