package trust_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/daypass/daypass/internal/policy"
	"github.com/daypass/daypass/internal/trust"
	"github.com/google/go-cmp/cmp"
)

// FuzzNewToken: whatever an issuer signs, NewToken gives a token or an *Error;
// the keys that AWS has are the same with extended claims and without; and what
// goes into the session is within its limits.
func FuzzNewToken(f *testing.F) {
	const registered = `"iss":"https://gitlab.com","sub":"s","aud":"a","iat":1,"exp":2`
	for _, more := range []string{
		``, `,"project_id":20,"SUB":"x","groups":["a"],"Groups":"b"`, `,"azp":"b","amr":[],"email":""`,
		`,"https://aws.amazon.com/roles":"arn:aws:iam::123456789012:role/a; x"`,
		`,"https://aws.amazon.com/tags":{"principal_tags":{"a":["b"]},"transitive_tag_keys":["A"]},"https://aws.amazon.com/source_identity":"ab"`,
		`,"https://aws.amazon.com/tags/principal_tags/k":"v","https://aws.amazon.com/tags/transitive_tag_keys":["k"]`,
		`,"8443:sub":"x","\u0061ud2":null,"x":{"y":[1]}`,
	} {
		f.Add([]byte(`{` + registered + more + `}`))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		c, err := verify(t, payload)
		if err != nil {
			return // no token
		}
		var keys [2]map[string]string
		var tokens [2]*trust.Token
		for i, extended := range []bool{false, true} {
			tokens[i], err = trust.NewToken(trust.Provider{ARN: oidcProvider + "gitlab.com", URL: "gitlab.com", ExtendedClaims: extended}, c)
			var e *trust.Error
			if err != nil {
				if !errors.As(err, &e) || e.Kind == 0 || e.Reason == "" || tokens[i] != nil {
					t.Fatalf("token %v, error %v", tokens[i], err)
				}
				if e.Kind != trust.TooManyClaims || !extended {
					return
				}
				continue
			}
			checkSession(t, tokens[i])
			keys[i] = providersKeys(tokens[i])
		}
		if tokens[1] == nil { // too many claims
			return
		}
		for _, name := range strings.Fields("aud oaud sub amr email namespace_id project_id user_id user_login user_email user_access_level ref_protected pipeline_source runner_environment") {
			off, inOff := keys[0][name]
			on, inOn := keys[1][name]
			if off != on || inOff != inOn {
				t.Fatalf("%s is %q (%v) without extended claims, %q (%v) with them", name, off, inOff, on, inOn)
			}
			delete(keys[0], name)
		}
		if len(keys[0]) != 0 {
			t.Fatalf("keys that AWS does not have: %q", keys[0])
		}
	})
}

// checkSession holds what the token puts into the session against its limits,
// and against what the keys say.
func checkSession(t *testing.T, tok *trust.Token) {
	t.Helper()
	var ctx policy.Context
	trust.ConditionKeys(trust.Action, tok, session(), &ctx)
	keys, _, _ := ctx.Get("aws:TagKeys")
	if len(tok.Tags) > 50 || len(tok.Tags) != len(keys) || len(tok.TransitiveTagKeys) > len(tok.Tags) || len(tok.SourceIdentity) > 256 {
		t.Fatalf("session is %+v", tok)
	}
	for i, tag := range tok.Tags {
		value, multi, present := ctx.Get("aws:RequestTag/" + tag.Key)
		if tag.Key == "" || tag.Key != keys[i] || multi || !present || !cmp.Equal(value, []string{tag.Value}) {
			t.Fatalf("tag %+v is %q", tag, value)
		}
	}
	if tok.HasRoles && len(tok.Roles) == 0 {
		t.Fatal("a claim roles without roles")
	}
}
