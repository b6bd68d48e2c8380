package policy_test

import (
	"strings"
	"testing"

	"github.com/daypass/daypass/internal/policy"
)

// Permissions boundaries are written like identity policies and refused with
// the same sentences; session policies too, but for their literals.
func TestParseBoundaryAndSession(t *testing.T) {
	t.Parallel()
	const ok = `"Effect":"Allow","Action":"s3:*","Resource":"*"`
	for _, kind := range []policy.Kind{policy.Boundary, policy.Session} {
		d := mustParse(t, kind, identity(ok))
		if d.Kind() != kind {
			t.Errorf("kind %v, want %v", d.Kind(), kind)
		}
		notJSON := syntax
		if kind == policy.Session {
			notJSON = "The policy is not in the valid JSON format."
		}
		testRefusals(t, kind, []refusal{
			{"not JSON", `{`, notJSON, "not JSON"},
			{"principal", identity(ok + `,"Principal":"*"`), "Policy document should not specify a principal.", "a " + kind.String() + " holds no Principal"},
			{"not principal", identity(ok + `,"NotPrincipal":"*"`), "Policy document should not specify a principal.", "holds no NotPrincipal"},
			{"no action", identity(`"Effect":"Allow","Resource":"*"`), "Policy statement must contain actions.", "no Action"},
			{"no resource", identity(`"Effect":"Allow","Action":"s3:*"`), "Policy statement must contain resources.", "no Resource"},
			{"operator", identity(ok + `,"Condition":{"StringIs":{"a:b":"c"}}`), syntax, `"StringIs": it is no condition operator`},
			{"variable", identity(ok + `,"Condition":{"StringEquals":{"a:b":"${c"}}`), syntax, "holds a policy variable"},
			{"binary", identity(ok + `,"Condition":{"BinaryEquals":{"a:b":"c"}}`), legacy, "is not base64"},
			{"variable under Bool", identity(ok + `,"Condition":{"Bool":{"a:b":"${c:d}"}}`), syntax, "only the String and Arn operators"},
		})
	}
	testRefusals(t, policy.Session, []refusal{{"Id", `{"Id":"x","Statement":[]}`, syntax, "a session policy has no Id"}})
	for operator, values := range malformedLiterals() {
		for _, value := range values {
			text := identity(ok + `,"Condition":{"` + operator + `":{"a:b":"` + value + `"}}`)
			if _, err := policy.Parse(policy.Session, text); err != nil {
				t.Errorf("a session policy: %v", err)
			}
			for _, kind := range []policy.Kind{policy.Identity, policy.Boundary} {
				if _, err := policy.Parse(kind, text); err == nil {
					t.Errorf("%v took %s %q", kind, operator, value)
				}
			}
		}
	}
}

func TestParseResourcePolicy(t *testing.T) {
	t.Parallel()
	const rest = `,"Action":"s3:*","Resource":"arn:aws:s3:::b/*"`
	principal := func(p string) string { return identity(`"Effect":"Deny","Principal":` + p + rest) }
	for _, text := range []string{
		`{"Id":"x","Statement":{"Effect":"Allow","Principal":"*"` + rest + `}}`,
		identity(`"Effect":"Deny","NotPrincipal":{"AWS":["123456789012"]}` + rest),
		identity(`"NotPrincipal":"*","Effect":"Deny"` + rest),
		identity(`"Effect":"Deny","Principal":"*","NotAction":"*","NotResource":"*"`),
		principal(`{"AWS":["*","123456789012","arn:aws:iam::123456789012:root","` + roleARN + `","` + sessionARN + `","` + user + `","arn:aws:sts::123456789012:federated-user/x","` + roleID + `","` + userID + `"]}`),
		principal(`{"Service":["ec2.amazonaws.com"],"CanonicalUser":"` + canonicalID + `","Federated":["` + provider + `"]}`),
	} {
		mustParse(t, policy.Resource, text)
	}
	testRefusals(t, policy.Resource, []refusal{
		{"not JSON", `{`, "This policy contains invalid Json", "not JSON"},
		{"version", `{"Version":"2012","Statement":[]}`, "The policy must contain a valid version string", "2012-10-17"},
		{"empty statement", `{"Statement":[]}`, "Could not parse the policy: Statement is empty!", "empty Statement"},
		{"no effect", identity(`"Principal":"*"` + rest), "Missing required field Effect", "no Effect"},
		{"no principal", identity(`"Effect":"Allow"` + rest), "Missing required field Principal", "no Principal"},
		{"no action", identity(`"Effect":"Allow","Principal":"*","Resource":"*"`), "Missing required field Action", "no Action"},
		{"no resource", identity(`"Effect":"Allow","Principal":"*","Action":"s3:*"`), "Missing required field Resource", "no Resource"},
		{"both principals", identity(`"Effect":"Deny","Principal":"*","NotPrincipal":{"AWS":"123456789012"}` + rest), syntax, "both Principal and NotPrincipal"},
		{"Allow with NotPrincipal", identity(`"NotPrincipal":{"AWS":"123456789012"},"Effect":"Allow"` + rest), "Allow with NotPrincipal is not allowed.", "would admit everyone else"},
		{"empty NotPrincipal", identity(`"Effect":"Deny","NotPrincipal":{"AWS":[]}` + rest), "Missing required field Principal cannot be empty!", "NotPrincipal names nobody"},
		{"NotPrincipal of a type", identity(`"Effect":"Deny","NotPrincipal":{"Aws":"*"}` + rest), syntax, "write AWS"},
		{"action", identity(`"Effect":"Deny","Principal":"*","Resource":"*","Action":"Get*"`), "Policy has invalid action", "names no service"},
		{"resource", identity(`"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"b"`), "Policy has invalid resource", "no ARN"},
		{"partition", identity(`"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"arn:awz:s3:::b"`), "Policy has invalid resource", "partition"},
		{"wildcard in a principal", principal(`{"AWS":"arn:aws:iam::123456789012:role/*"}`), `Invalid principal in policy: "AWS":"arn:aws:iam::123456789012:role/*"`, "without wildcards"},
		{"short id", principal(`{"AWS":"AROAEXAMPLE"}`), `Invalid principal in policy: "AWS":"AROAEXAMPLE"`, "no principal of AWS"},
		{"id in lower case", principal(`{"AWS":"` + strings.ToLower(roleID) + `"}`), `Invalid principal in policy: "AWS":"` + strings.ToLower(roleID) + `"`, "no principal of AWS"},
		{"id of another thing", principal(`{"AWS":"ASIAEXAMPLE00000001"}`), `Invalid principal in policy: "AWS":"ASIAEXAMPLE00000001"`, "no principal of AWS"},
		{"literal", identity(`"Effect":"Deny","Principal":"*","Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/33"}}` + rest), syntax, "is no IP address"},
	})
}

// IAM User Guide, "AWS JSON policy elements: Principal" and "NotPrincipal".
func TestPrincipalOfResourcePolicy(t *testing.T) {
	t.Parallel()
	session := policy.Principal{ARN: sessionARN, Account: account, RoleARN: roleARN, UniqueID: roleID, CanonicalUser: canonicalID}
	other := policy.Principal{ARN: sessionARN + "2", Account: account, RoleARN: roleARN, UniqueID: roleID}
	caller := policy.Principal{ARN: user, Account: account, UniqueID: userID}
	root := policy.Principal{ARN: "arn:aws:iam::" + account + ":root", Account: account}
	foreign := policy.Principal{ARN: stranger, Account: "999999999999", UniqueID: "AIDAEXAMPLE00000002"}
	anonymous := policy.Principal{Anonymous: true}
	service := policy.Principal{Service: "ec2.amazonaws.com"}
	for _, tc := range []struct {
		element string
		covers  []policy.Principal
		spares  []policy.Principal
	}{
		{`"Principal":"*"`, []policy.Principal{session, caller, root, foreign}, nil},
		{`"Principal":{"AWS":"123456789012"}`, []policy.Principal{session, caller, root}, []policy.Principal{foreign, anonymous, service}},
		{`"Principal":{"AWS":"` + roleARN + `"}`, []policy.Principal{session, other}, []policy.Principal{caller, root, foreign, anonymous}},
		{`"Principal":{"AWS":"` + sessionARN + `"}`, []policy.Principal{session}, []policy.Principal{other, caller}},
		{`"Principal":{"AWS":"` + user + `"}`, []policy.Principal{caller}, []policy.Principal{session, foreign}},
		// A role made again under the same name has another id.
		{`"Principal":{"AWS":"` + roleID + `"}`, []policy.Principal{session, other}, []policy.Principal{caller, {ARN: sessionARN, Account: account, RoleARN: roleARN, UniqueID: "AROAEXAMPLE00000009"}, {ARN: sessionARN, Account: account, RoleARN: roleARN}}},
		{`"Principal":{"AWS":"` + userID + `"}`, []policy.Principal{caller}, []policy.Principal{session, {ARN: user, Account: account}, foreign}},
		{`"Principal":{"Service":"ec2.amazonaws.com"}`, []policy.Principal{service}, []policy.Principal{caller, anonymous, {Service: "s3.amazonaws.com"}}},
		{`"Principal":{"CanonicalUser":"` + canonicalID + `"}`, []policy.Principal{session}, []policy.Principal{caller, anonymous}},
		{`"NotPrincipal":{"AWS":["123456789012","` + user + `"]}`, []policy.Principal{foreign, session, anonymous, service, {}, {Federated: provider}}, []policy.Principal{caller, root}},
		{`"NotPrincipal":{"AWS":["` + user + `"]}`, []policy.Principal{caller, session, root}, nil}, // the account is not listed
		{`"NotPrincipal":{"AWS":["123456789012"]}`, []policy.Principal{caller, session}, []policy.Principal{root}},
		{`"NotPrincipal":{"AWS":["123456789012","` + roleARN + `"]}`, []policy.Principal{session, other, caller}, nil},
		{`"NotPrincipal":{"AWS":["123456789012","` + sessionARN + `"]}`, []policy.Principal{session}, nil},
		{`"NotPrincipal":{"AWS":["123456789012","` + roleARN + `","` + sessionARN + `"]}`, []policy.Principal{other, caller, bounded(session)}, []policy.Principal{session}},
		{`"NotPrincipal":{"CanonicalUser":"` + canonicalID + `","AWS":["` + roleID + `","` + sessionARN + `"]}`, []policy.Principal{other}, []policy.Principal{session}},
		{`"NotPrincipal":{"AWS":["123456789012","` + user + `"]}`, []policy.Principal{bounded(caller)}, []policy.Principal{caller}},
		{`"NotPrincipal":{"AWS":["123456789012","` + userID + `"]}`, []policy.Principal{session}, []policy.Principal{caller}},
		{`"NotPrincipal":{"Service":"ec2.amazonaws.com","Federated":"` + provider + `"}`, []policy.Principal{caller, anonymous}, []policy.Principal{service, {Federated: provider}}},
		{`"NotPrincipal":"*"`, nil, []policy.Principal{session, caller, foreign, anonymous, {}, bounded(caller)}},
	} {
		deny := mustParse(t, policy.Resource, identity(`"Effect":"Deny","Action":"s3:*","Resource":"*",`+tc.element))
		ask := func(who policy.Principal) *policy.Request {
			return &policy.Request{Action: "s3:GetObject", Resource: "arn:aws:s3:::b/k", Principal: who}
		}
		for _, who := range tc.covers {
			if got := decide(t, ask(who), deny).Effect; got != policy.ExplicitDeny {
				t.Errorf("%s: %+v: %v", tc.element, who, got)
			}
		}
		for _, who := range tc.spares {
			if got := decide(t, ask(who), deny).Effect; got != policy.ImplicitDeny {
				t.Errorf("%s: %+v: %v", tc.element, who, got)
			}
		}
		if strings.HasPrefix(tc.element, `"Not`) {
			continue
		}
		allow := mustParse(t, policy.Resource, identity(`"Effect":"Allow","Action":"s3:*","Resource":"*",`+tc.element))
		for _, who := range tc.covers {
			if !decide(t, ask(who), allow).Allowed() {
				t.Errorf("Allow %s: %+v is not allowed", tc.element, who)
			}
		}
		for _, who := range tc.spares {
			if decide(t, ask(who), allow).Allowed() {
				t.Errorf("Allow %s: %+v is allowed", tc.element, who)
			}
		}
	}
}

func bounded(who policy.Principal) policy.Principal {
	who.Bounded = true
	return who
}

// "*" means everyone, the public too, in the policy of a resource; a role's
// trust is never public.
func TestAnonymous(t *testing.T) {
	t.Parallel()
	public := mustParse(t, policy.Resource, identity(`"Effect":"Allow","Action":"s3:*","Resource":"*","Principal":"*"`))
	anyone := mustParse(t, policy.Trust, trust(`"Effect":"Allow","Action":"sts:Assume*","Principal":{"AWS":"*"}`))
	if !decide(t, &policy.Request{Action: "s3:GetObject", Resource: "arn:aws:s3:::b/k", Principal: policy.Principal{Anonymous: true}}, public).Allowed() {
		t.Error("the public is not allowed what everyone is")
	}
	if decide(t, &policy.Request{Action: "s3:GetObject", Resource: "arn:aws:s3:::b/k"}, public).Allowed() {
		t.Error("nobody is allowed, though not said to be anonymous")
	}
	if decide(t, &policy.Request{Action: "sts:AssumeRole", Resource: "*", Principal: policy.Principal{Anonymous: true}}, anyone).Allowed() {
		t.Error("a role is public")
	}
}

func TestKindText(t *testing.T) {
	t.Parallel()
	for kind, want := range map[policy.Kind]string{
		policy.Identity: "identity-based policy", policy.Trust: "role trust policy", policy.Resource: "resource-based policy",
		policy.Session: "session policy", policy.Boundary: "permissions boundary", 0: "policy.Kind(0)", 99: "policy.Kind(99)",
	} {
		if kind.String() != want {
			t.Errorf("%d is %q, want %q", uint8(kind), kind, want)
		}
	}
}
