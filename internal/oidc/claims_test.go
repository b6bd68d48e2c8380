package oidc

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// raw is JSON that json.Marshal must leave as it is.
func raw(s string) json.RawMessage { return json.RawMessage(s) }

const generic = "The web identity token provided could not be validated. See the AssumeRoleWithWebIdentity documentation for requirements."

// TestClaimRows is AWS's table of refusals, a row a case. The sentences are
// recorded on AWS, 2026-09, except where InvalidClaim is the kind.
func TestClaimRows(t *testing.T) {
	t.Parallel()
	const badTime = "Invalid timestamp in token claims."
	n := now.Unix()
	at := func(offset int64) string { return strconv.FormatInt(n+offset, 10) }
	for name, c := range map[string]struct {
		change  map[string]any
		kind    Kind // 0: accepted
		message string
	}{
		"as it is":                 {nil, 0, ""},
		"iss absent":               {map[string]any{"iss": nil}, MissingClaim, "Missing a required claim: iss"},
		"sub absent":               {map[string]any{"sub": nil}, MissingClaim, "Missing a required claim: sub"},
		"aud absent":               {map[string]any{"aud": nil}, MissingClaim, "Missing a required claim: aud"},
		"iat absent":               {map[string]any{"iat": nil}, MissingClaim, "Missing a required claim: iat"},
		"exp absent":               {map[string]any{"exp": nil}, MissingClaim, "Missing a required claim: exp"},
		"nbf absent":               {map[string]any{"nbf": nil}, 0, ""},
		"names have a case":        {map[string]any{"aud": nil, "AUD": aud}, MissingClaim, "Missing a required claim: aud"},
		"iss comes before exp":     {map[string]any{"iss": nil, "exp": nil}, MissingClaim, "Missing a required claim: iss"},
		"iss a number":             {map[string]any{"iss": 1}, InvalidClaim, generic},
		"iss null":                 {map[string]any{"iss": raw("null")}, InvalidClaim, generic},
		"sub null":                 {map[string]any{"sub": raw("null")}, SubjectNull, "Unknown error validating third-party token"},
		"sub empty":                {map[string]any{"sub": ""}, 0, ""},
		"sub a fraction":           {map[string]any{"sub": raw("1.5")}, InvalidClaim, generic},
		"sub with an exponent":     {map[string]any{"sub": raw("1e3")}, InvalidClaim, generic},
		"sub an object":            {map[string]any{"sub": raw("{}")}, InvalidClaim, generic},
		"sub a boolean":            {map[string]any{"sub": true}, InvalidClaim, generic},
		"aud an array of one":      {map[string]any{"aud": []string{aud}}, 0, ""},
		"aud an empty array":       {map[string]any{"aud": []string{}}, EmptyClaim, "Claim is not allowed to be empty: aud"},
		"aud an empty array, azp":  {map[string]any{"aud": []string{}, "azp": aud}, EmptyClaim, "Claim is not allowed to be empty: aud"},
		"two registered audiences": {map[string]any{"aud": clientIDs}, SeveralAudiences, "Token audience contains more than one audience while authorized party is not present"},
		"one audience twice":       {map[string]any{"aud": []string{aud, aud}}, SeveralAudiences, "Token audience contains more than one audience while authorized party is not present"},
		"two audiences and azp":    {map[string]any{"aud": []string{"x", "y"}, "azp": aud}, 0, ""},
		"aud a number":             {map[string]any{"aud": 1}, InvalidClaim, generic},
		"aud null":                 {map[string]any{"aud": raw("null")}, InvalidClaim, generic},
		"aud an array of numbers":  {map[string]any{"aud": []int{1}}, InvalidClaim, generic},
		"aud an array with null":   {map[string]any{"aud": raw(`[null]`)}, InvalidClaim, generic},
		"aud not registered":       {map[string]any{"aud": "x"}, AudienceNotRegistered, generic},
		"aud in another case":      {map[string]any{"aud": strings.ToUpper(aud)}, AudienceNotRegistered, generic},
		"aud empty":                {map[string]any{"aud": ""}, AudienceNotRegistered, generic},
		"azp not registered":       {map[string]any{"azp": "x"}, AudienceNotRegistered, generic},
		"azp empty":                {map[string]any{"azp": ""}, AudienceNotRegistered, generic},
		"azp null":                 {map[string]any{"azp": raw("null")}, InvalidClaim, generic},
		"azp an array":             {map[string]any{"azp": []string{aud}}, InvalidClaim, generic},
		"amr a string":             {map[string]any{"amr": "pwd"}, InvalidClaim, generic},
		"amr null":                 {map[string]any{"amr": raw("null")}, 0, ""},
		"email a number":           {map[string]any{"email": 1}, InvalidClaim, generic},
		"jti a number":             {map[string]any{"jti": 1}, InvalidClaim, generic},

		"exp 300 s ago":       {map[string]any{"exp": n - 300}, 0, ""},
		"exp 301 s ago":       {map[string]any{"exp": n - 301}, Expired, "Token expired: current date/time " + at(-300) + " must be before the expiration date/time " + at(-301)},
		"exp in 1969":         {map[string]any{"exp": -1}, Expired, "Token expired: current date/time " + at(-300) + " must be before the expiration date/time -1"},
		"exp at the end":      {map[string]any{"exp": raw("9223372036854775807")}, 0, ""},
		"exp beyond the end":  {map[string]any{"exp": raw("9223372036854775808")}, BadTimestamp, badTime},
		"exp at the start":    {map[string]any{"exp": raw("-9223372036854775808")}, Expired, "Token expired: current date/time " + at(-300) + " must be before the expiration date/time -9223372036854775808"},
		"exp digits":          {map[string]any{"exp": at(60)}, 0, ""},
		"exp fraction":        {map[string]any{"exp": raw(at(60) + ".0")}, BadTimestamp, badTime},
		"exp exponent":        {map[string]any{"exp": raw("1e30")}, BadTimestamp, badTime},
		"exp null":            {map[string]any{"exp": raw("null")}, BadTimestamp, badTime},
		"exp words":           {map[string]any{"exp": "tomorrow"}, BadTimestamp, badTime},
		"exp empty":           {map[string]any{"exp": ""}, BadTimestamp, badTime},
		"exp digits, a space": {map[string]any{"exp": at(60) + " "}, BadTimestamp, badTime},
		"exp digits, a sign":  {map[string]any{"exp": "+" + at(60)}, BadTimestamp, badTime},
		"exp other digits":    {map[string]any{"exp": "١٢٣"}, BadTimestamp, badTime},
		"exp true":            {map[string]any{"exp": true}, BadTimestamp, badTime},
		"iat null":            {map[string]any{"iat": raw("null")}, BadTimestamp, badTime},
		"iat in 300 s":        {map[string]any{"iat": n + 300}, 0, ""},
		"iat in 301 s":        {map[string]any{"iat": n + 301}, IssuedInFuture, "Token issued in the future: " + at(301)},
		"iat at the end":      {map[string]any{"iat": raw("9223372036854775807")}, IssuedInFuture, "Token issued in the future: 9223372036854775807"},
		"nbf null":            {map[string]any{"nbf": raw("null")}, BadTimestamp, badTime},
		"nbf fraction":        {map[string]any{"nbf": raw("1.5")}, BadTimestamp, badTime},
		"nbf in 300 s":        {map[string]any{"nbf": n + 300}, 0, ""},
		"nbf in 301 s":        {map[string]any{"nbf": n + 301}, NotYetValid, "Token not yet valid: current date/time " + at(300) + " must be after or equal to the not-before date/time " + at(301)},
		"nbf at the end":      {map[string]any{"nbf": raw("9223372036854775807")}, NotYetValid, "Token not yet valid: current date/time " + at(300) + " must be after or equal to the not-before date/time 9223372036854775807"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := admit(es256().sign(t, payload(t, c.change), nil), keySet(t, es256().jwk(t, nil)))
			if c.kind == 0 {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			if e := wantKind(t, err, c.kind); e.Message() != c.message {
				t.Errorf("message is\n%s\nwant\n%s", e.Message(), c.message)
			}
		})
	}
}

// TestMessagesOfTheRest: the sentences that no claim provokes.
func TestMessagesOfTheRest(t *testing.T) {
	t.Parallel()
	for kind, message := range map[Kind]string{
		NotAJWT:              "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)",
		UnknownKey:           "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity documentation for requirements",
		UnsupportedAlgorithm: "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity documentation for requirements",
		BadKeySet:            "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity documentation for requirements",
		TooLarge:             "1 validation error detected: Value at 'webIdentityToken' failed to satisfy constraint: Member must have length less than or equal to 20000",
		BadSignature:         generic,
		0:                    generic,
	} {
		if got := (&Error{Kind: kind}).Message(); got != message {
			t.Errorf("kind %d: %q, want %q", kind, got, message)
		}
	}
}

func TestCheckNeedsNoKeys(t *testing.T) {
	t.Parallel()
	u, err := Parse(es256().sign(t, payload(t, nil), nil))
	if err != nil {
		t.Fatal(err)
	}
	if err := u.Check(clientIDs, now); err != nil {
		t.Error(err)
	}
	e := wantKind(t, u.Check(nil, now), AudienceNotRegistered)
	if !strings.Contains(e.Error(), "client ids are: none") {
		t.Errorf("reason is %q", e)
	}
	e = wantKind(t, u.Check(strings.Split("abcdefg", ""), now), AudienceNotRegistered)
	if !strings.Contains(e.Error(), `"e", and 2 more`) {
		t.Errorf("reason is %q", e)
	}
	// Registering the empty string must not admit an empty audience.
	u, err = Parse(es256().sign(t, payload(t, map[string]any{"aud": ""}), nil))
	if err != nil {
		t.Fatal(err)
	}
	wantKind(t, u.Check([]string{""}, now), AudienceNotRegistered)
}

func TestReasonsAreBounded(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("é", 4000)
	_, err := admit(es256().sign(t, payload(t, map[string]any{"aud": long}), nil), keySet(t, es256().jwk(t, nil)))
	if e := wantKind(t, err, AudienceNotRegistered); len(e.Error()) > 1000 {
		t.Errorf("the reason has %d bytes", len(e.Error()))
	}
}

func TestClaims(t *testing.T) {
	t.Parallel()
	keys := keySet(t, es256().jwk(t, nil))
	document := `{"iss":"https://a.example/x","sub":1234567890123456789012345,"aud":["one"],"azp":"sts.amazonaws.com",
		"amr":["pwd","m\u0066a"],"email":"a@example.com","jti":"first","jti":"last","\u0073ub_type":"\ud83d\ude00",
		"iat":"0001789123700","exp":1789123800,"nbf":0,"kubernetes.io":{"a":[1,{"iss":"}"}],"b":"]\\\""},
		"https://aws.amazon.com/roles":["r"],"https://aws.amazon.com/tags":{}, "n" : -1.5e3 , "t":true }`
	c, err := admit(es256().sign(t, []byte(document), nil), keys)
	if err != nil {
		t.Fatal(err)
	}
	want := Claims{
		Issuer: "https://a.example/x", Subject: "1234567890123456789012345", Audience: aud, AudClaim: []string{"one"},
		AuthorizedParty: aud, HasAuthorizedParty: true, AMR: []string{"pwd", "mfa"}, Email: "a@example.com", HasEmail: true, ID: "last",
		IssuedAt: time.Unix(1789123700, 0).UTC(), Expires: time.Unix(1789123800, 0).UTC(), NotBefore: time.Unix(0, 0).UTC(),
	}
	if diff := cmp.Diff(want, *c, cmp.FilterPath(func(p cmp.Path) bool {
		return len(p.Last().String()) > 1 && p.Last().String()[1] >= 'a'
	}, cmp.Ignore())); diff != "" {
		t.Errorf("claims differ (-want +got):\n%s", diff)
	}
	if c.NotBefore.IsZero() {
		t.Error("nbf 0 reads as absent")
	}

	var all map[string]json.RawMessage
	if err := json.Unmarshal([]byte(document), &all); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(all, c.All()); diff != "" {
		t.Errorf("All differs (-encoding/json +oidc):\n%s", diff)
	}
	c.All()["iss"][1] = 'X'
	if got := string(c.All()["iss"]); got != `"https://a.example/x"` {
		t.Errorf("All gives out what it keeps: %s", got)
	}
	if name, ok := c.FirstWithPrefix("https://aws.amazon.com/"); !ok || name != "https://aws.amazon.com/roles" {
		t.Errorf("first is %q %t", name, ok)
	}
	if name, ok := c.FirstWithPrefix("https://gcp"); ok {
		t.Errorf("first is %q", name)
	}
}

func TestTimesCanBeMarshalled(t *testing.T) {
	t.Parallel()
	c, err := admit(es256().sign(t, payload(t, map[string]any{"exp": raw("9223372036854775807"), "iat": raw("-9223372036854775808"), "nbf": nil}), nil), keySet(t, es256().jwk(t, nil)))
	if err != nil {
		t.Fatal(err)
	}
	if c.Expires.Year() != 9999 || c.IssuedAt.Year() != 1970 || !c.NotBefore.IsZero() {
		t.Errorf("times are %v %v %v", c.Expires, c.IssuedAt, c.NotBefore)
	}
	if _, err := json.Marshal(c); err != nil {
		t.Error(err)
	}
}

// TestObjectsAsEncodingJSON: the walk over an object finds what encoding/json
// finds, in whatever layout.
func TestObjectsAsEncodingJSON(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.OneOf(
			rapid.SampledFrom([]string{`{}`, `[]`, `""`, `"\\"`, `"\""`, `"}"`, `"]"`, `[[],{"a":"\"]"}]`, `{"x":{"y":[1,2,{}]}}`, `null`, `true`, `-0.5e-7`, `0`}),
			rapid.Map(rapid.String(), func(s string) string { b, _ := json.Marshal(s); return string(b) }),
		)
		space := rapid.StringMatching(`[ \t\r\n]{0,2}`)
		var document strings.Builder
		document.WriteString(space.Draw(t, "s") + "{" + space.Draw(t, "s"))
		for i := range rapid.IntRange(0, 6).Draw(t, "members") {
			if i > 0 {
				document.WriteString("," + space.Draw(t, "s"))
			}
			name, _ := json.Marshal(rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"iss", "", `"`, `\`})).Draw(t, "name"))
			document.Write(name)
			document.WriteString(space.Draw(t, "s") + ":" + space.Draw(t, "s") + value.Draw(t, "value") + space.Draw(t, "s"))
		}
		document.WriteString("}" + space.Draw(t, "s"))
		sameAsEncodingJSON(t, []byte(document.String()))
	})
}

// fataler is what testing and rapid have in common here.
type fataler interface{ Fatalf(string, ...any) }

func sameAsEncodingJSON(t fataler, document []byte) {
	var want map[string]json.RawMessage
	wantErr := json.Unmarshal(document, &want)
	members, err := parseObject(document)
	if err != nil {
		return // stricter than encoding/json is fine: null, invalid UTF-8
	}
	if wantErr != nil || want == nil {
		t.Fatalf("%q: accepted, encoding/json says %v", document, wantErr)
	}
	got := (&Claims{members: members}).All()
	if !maps.EqualFunc(want, got, func(a, b json.RawMessage) bool { return string(a) == string(b) }) {
		t.Fatalf("%q: %q, encoding/json finds %q", document, got, want)
	}
}

// TestSamples signs the recorded payloads of issuers and reads them back.
func TestSamples(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join(shared(t, "samples"), "*.json"))
	if err != nil || len(files) < 20 {
		t.Fatalf("%d samples, error %v", len(files), err)
	}
	// The ones that AWS would refuse by their claims, and why.
	refused := map[string]Kind{
		"gitlab_id_token_aud_array.json":   SeveralAudiences,
		"gitlab_legacy_CI_JOB_JWT_V1.json": MissingClaim, // aud
		"forgejo_branch_immutable.json":    MissingClaim, // the sample has no times
	}
	tokens := 0
	for _, file := range files {
		name := filepath.Base(file)
		document, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var claims struct {
			Sub json.RawMessage
			Aud json.RawMessage
			Azp string
			Iat int64
		}
		if err := json.Unmarshal(document, &claims); err != nil || claims.Sub == nil {
			continue // a header, a discovery document, a key set
		}
		tokens++
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			audience, ok := unquote(claims.Aud)
			if list, isList := unquoteAll(claims.Aud); isList && len(list) > 0 {
				audience, ok = list[0], true
			}
			if claims.Azp != "" {
				audience, ok = claims.Azp, true
			}
			u, err := Parse(rs256().sign(t, document, nil))
			if kind := refused[name]; kind != 0 {
				wantKind(t, err, kind)
				return
			}
			if err != nil || !ok {
				t.Fatalf("audience %q, error %v", audience, err)
			}
			got, err := u.Verify(keySet(t, rs256().jwk(t, nil)), []string{audience}, time.Unix(claims.Iat, 0))
			if err != nil {
				t.Fatal(err)
			}
			var all map[string]json.RawMessage
			if err := json.Unmarshal(document, &all); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(slices.Sorted(maps.Keys(all)), slices.Sorted(maps.Keys(got.All()))); diff != "" {
				t.Errorf("claims differ:\n%s", diff)
			}
			if got.Audience != audience {
				t.Errorf("audience is %q, want %q", got.Audience, audience)
			}
		})
	}
	if tokens < 20 {
		t.Errorf("only %d of the samples are tokens", tokens)
	}
}
