package trust_test

import (
	"slices"
	"testing"

	"github.com/daypass/daypass/internal/policy"
	"github.com/daypass/daypass/internal/trust"
	"github.com/google/go-cmp/cmp"
)

// Of what is asked for, sts:SetSourceIdentity sees the source identity, and the
// other actions see all.
func TestKeysOfTheActions(t *testing.T) {
	t.Parallel()
	asked := trust.Asked{
		RoleSessionName: "job-17", ExternalID: "x-1", HasExternalID: true, SourceIdentity: "alice",
		Tags: []trust.Tag{{Key: "team", Value: "data"}}, TransitiveTagKeys: []string{"team"},
	}
	all := []string{"aws:RequestTag/team", "aws:TagKeys", "sts:ExternalId", "sts:RoleSessionName", "sts:SourceIdentity", "sts:TransitiveTagKeys"}
	for action, want := range map[string][]string{
		"sts:AssumeRole": all, trust.Action: all, trust.ActionTagSession: all,
		trust.ActionSetSourceIdentity: {"sts:SourceIdentity"},
	} {
		var ctx, none policy.Context
		asked.SetKeys(action, &ctx)
		got := ctx.Keys()
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s:\n%s", action, diff)
		}
		(&trust.Asked{}).SetKeys(action, &none)
		if got := none.Keys(); len(got) != 0 {
			t.Errorf("%s: where nothing is asked for there is %q", action, got)
		}
	}
}

// Decide gives each action its keys, whatever the one before it saw, and leaves
// those of the refused one.
func TestDecideByTheKeysOfTheAction(t *testing.T) {
	t.Parallel()
	tok := token(mainBranch)
	tok.Tags, tok.TransitiveTagKeys, tok.SourceIdentity = []trust.Tag{{Key: "team", Value: "data"}}, []string{"team"}, "alice"
	const three = `["sts:AssumeRoleWithWebIdentity","sts:TagSession","sts:SetSourceIdentity"]`
	for _, c := range []struct {
		condition string
		refused   string // "" for none
	}{
		{`{}`, ""},
		{`{"StringEquals":{"sts:SourceIdentity":"alice","gitlab.example.com:sub":"` + mainBranch + `","aws:PrincipalAccount":"` + account + `"}}`, ""},
		{`{"Bool":{"sts:RoleAuthorizedByIdp":"false"}}`, ""},
		{`{"StringEquals":{"sts:RoleSessionName":"job-17"}}`, trust.ActionSetSourceIdentity},
		{`{"StringEquals":{"aws:RequestTag/team":"data"}}`, trust.ActionSetSourceIdentity},
		{`{"ForAnyValue:StringEquals":{"aws:TagKeys":"team"}}`, trust.ActionSetSourceIdentity},
		{`{"ForAnyValue:StringEquals":{"sts:TransitiveTagKeys":"team"}}`, trust.ActionSetSourceIdentity},
		{`{"StringEqualsIfExists":{"sts:RoleSessionName":"job-17","aws:RequestTag/team":"data"}}`, ""},
		{`{"Null":{"sts:RoleSessionName":"true"}}`, trust.Action},
	} {
		d := parse(t, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":`+federated+`,"Action":`+three+`,"Condition":`+c.condition+`}]}`)
		var ctx policy.Context
		why := &policy.Reasons{}
		got := trust.Decide(d, tok, session(), &ctx, why)
		if got.Allowed() != (c.refused == "") || !got.Allowed() && (got.Action != c.refused || why.Statements[0].Action.Got != c.refused) {
			t.Errorf("%s: %+v", c.condition, got)
		}
		if _, _, named := ctx.Get("sts:RoleSessionName"); !got.Allowed() && named != (c.refused != trust.ActionSetSourceIdentity) {
			t.Errorf("%s: the keys that are left are %q", c.condition, ctx.Keys())
		}
	}
	// A Deny by such a key denies where the action sees it, and not beyond.
	d := parse(t, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":`+federated+`,"Action":`+three+`},
		{"Effect":"Deny","Principal":"*","Action":"sts:SetSourceIdentity","Condition":{"StringEquals":{"sts:RoleSessionName":"job-17"}}}]}`)
	if got := trust.Decide(d, tok, session(), nil, nil); !got.Allowed() {
		t.Errorf("decision is %+v", got)
	}
}
