package sigv4

import (
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// signedForm makes the fields of a form for the policy, others after it.
func signedForm(t tb, policy string, others ...PostField) []PostField {
	t.Helper()
	encoded := base64.StdEncoding.EncodeToString([]byte(policy))
	return append([]PostField{
		{"key", "k/${filename}"},
		{"x-amz-algorithm", V4},
		{"x-amz-credential", "AKIDEXAMPLE/20260911/us-east-1/s3/aws4_request"},
		{"x-amz-date", "20260911T120000Z"},
		{"policy", encoded},
		{"x-amz-signature", new(s3Client).signV4(t, encoded)},
	}, others...)
}

// covered is a policy with conditions for all of those fields, and more.
func covered(conditions ...string) string {
	return `{"expiration": "2026-09-12T12:00:00.000Z", "conditions": [` + strings.Join(append([]string{
		`{"bucket": "b"}`, `["starts-with", "$key", "k/"]`, `{"x-amz-algorithm": "AWS4-HMAC-SHA256"}`,
		`{"x-amz-credential": "AKIDEXAMPLE/20260911/us-east-1/s3/aws4_request"}`, `{"x-amz-date": "20260911T120000Z"}`,
	}, conditions...), ", ") + `]}`
}

func TestPostPolicy(t *testing.T) {
	t.Parallel()
	const (
		denied  = "AccessDenied"
		invalid = "InvalidPolicyDocument"
		failed  = "Invalid according to Policy: Policy Condition failed: "
		extra   = "Invalid according to Policy: Extra input fields: "
	)
	png := PostField{"Content-Type", "image/png"}
	for _, tt := range []struct {
		name, policy  string
		fields        []PostField
		code, message string
		elements      string
	}{
		{name: "just covered", policy: covered()},
		{name: "eq", policy: covered(`["eq", "$Content-Type", "image/png"]`), fields: []PostField{png}},
		{name: "names in any case", policy: covered(`["Eq", "$cOntent-tYpe", "image/png"]`, `{"ACL": "private"}`), fields: []PostField{png, {"aCl", "private"}}},
		{name: "starts with anything", policy: covered(`["starts-with", "$Content-Type", ""]`), fields: []PostField{png}},
		{name: "a list of types", policy: covered(`["starts-with", "$Content-Type", "image/"]`), fields: []PostField{{"Content-Type", "image/png, image/gif"}}},
		{name: "ignored", policy: covered(), fields: []PostField{{"x-ignore-me", "x"}, {"file", "x"}}},
		{name: "length", policy: covered(`["content-length-range", 5, 10]`)},
		{name: "length in strings", policy: covered(`["content-length-range", "5", "10"]`)},
		{"another value", covered(`["eq", "$success_action_redirect", "http://localhost.test/random"]`), []PostField{{"success_action_redirect", "HTTP://localhost.test/random"}}, denied, failed + `["eq", "$success_action_redirect", "http://localhost.test/random"]`, ""},
		{"another value, in the simple form", covered(`{"acl":"private"}`), []PostField{{"acl", "public-read"}}, denied, failed + `["eq", "$acl", "private"]`, ""},
		{"no dollar", covered(`["eq","acl","private"]`, `{"acl": "private"}`), []PostField{{"acl", "private"}}, denied, failed + `["eq", "acl", "private"]`, ""},
		{"another beginning", covered(`["starts-with","$Content-Type","image/"]`), []PostField{{"Content-Type", "text/png"}}, denied, failed + `["starts-with", "$Content-Type", "image/"]`, ""},
		{"one of a list of types", covered(`["starts-with", "$Content-Type", "image/"]`), []PostField{{"Content-Type", "image/png,text/html"}}, denied, failed + `["starts-with", "$Content-Type", "image/"]`, ""},
		{"no field", covered(`["starts-with", "$Content-Type", ""]`), nil, denied, failed + `["starts-with", "$Content-Type", ""]`, ""},
		{"quotes", covered(`["eq", "$Content-Disposition", "filename=\"a<b>.png\""]`), nil, denied, failed + `["eq", "$Content-Disposition", "filename=\"a<b>.png\""]`, ""},
		{"one more field", covered(), []PostField{{"StorageClass", "x"}}, denied, extra + "StorageClass", ""},
		{"no bucket", strings.Replace(covered(), `{"bucket": "b"}, `, "", 1), nil, denied, extra + "bucket", ""},
		{"another bucket", strings.Replace(covered(), `"b"`, `"c"`, 1), nil, denied, failed + `["eq", "$bucket", "c"]`, ""},
		{"too large", covered(`["content-length-range", 1, 5]`), nil, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size", "ProposedSize=6 MaxSizeAllowed=5"},
		{"too small", covered(`["content-length-range", 7, 9]`), nil, "EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size", "ProposedSize=6 MinSizeAllowed=7"},
		{"no length", covered(`["content-length-range", "test", "10"]`), nil, denied, failed + `["content-length-range", "test", "10"]`, ""},
		{"expired", strings.Replace(covered(), "-12T", "-11T", 1), nil, denied, "Invalid according to Policy: Policy expired.", ""},
		{"expired in a way that cannot be read", strings.Replace(covered(), "12T12:00:00.000Z", "12T12:00:00+02:00", 1), nil, invalid, "Invalid Policy: Invalid 'expiration' value: '2026-09-12T12:00:00+02:00'", ""},
		{"a space for the T", strings.Replace(covered(), "12T12:00:00.000Z", "12 12:00:00Z", 1), nil, invalid, "Invalid Policy: Invalid 'expiration' value: '2026-09-12 12:00:00Z'", ""},
		{"no policy", "", nil, invalid, "Invalid Policy: Expecting '{' but found End-of-Input", ""},
		{"no JSON", "{x", nil, invalid, "Invalid Policy: Invalid JSON.", ""},
		{"a list", "[]", nil, invalid, "Invalid Policy: Invalid JSON.", ""},
		{"two objects", covered() + "{}", nil, invalid, "Invalid Policy: Invalid JSON.", ""},
		{"no end", covered()[:80], nil, invalid, "Invalid Policy: Invalid JSON.", ""},
		{"a member twice", strings.Replace(covered(), "{", `{"conditions": [], `, 1), nil, invalid, "Invalid Policy: Invalid JSON.", ""},
		{"another member", strings.Replace(covered(), "{", `{"Statement": [], `, 1), nil, invalid, "Invalid Policy: Unexpected: 'statement'", ""},
		{"no expiration", `{"conditions": []}`, nil, invalid, "Invalid Policy: Policy missing expiration.", ""},
		{"an expiration that is a number", `{"expiration": 1, "conditions": []}`, nil, invalid, "Invalid Policy: Invalid JSON.", ""},
		{"no conditions", `{"expiration": "2026-09-12T12:00:00Z"}`, nil, invalid, "Invalid Policy: Policy missing conditions.", ""},
		{"conditions that are no list", `{"expiration": "2026-09-12T12:00:00Z", "conditions": null}`, nil, invalid, "Invalid Policy: Invalid 'conditions' value: must be a List.", ""},
		{"a condition that is a string", covered(`"x"`), nil, invalid, "Invalid Policy: Invalid condition test: must be a List or Object.", ""},
		{"an empty condition", covered(`[]`), nil, invalid, "Invalid Policy: Invalid Condition: missing operation identifier.", ""},
		{"a condition of numbers", covered(`[1, 2, 3]`), nil, invalid, "Invalid Policy: Invalid JSON.", ""},
		{"an unknown operation", covered(`["in", "$acl", "x"]`), nil, invalid, "Invalid Policy: Invalid Condition: unknown operation 'in'.", ""},
		{"two arguments", covered(`["eq", "$acl"]`), nil, invalid, "Invalid Policy: Invalid eq: wrong number of arguments.", ""},
		{"a value that is a number", covered(`["eq", "$acl", 1]`), nil, invalid, "Invalid Policy: Invalid JSON.", ""},
		{"two simple conditions", covered(`{"acl": "x", "acl": "y"}`), nil, invalid, "Invalid Policy: Invalid Simple-Condition: Simple-Conditions must have exactly one property specified.", ""},
		{"a simple condition with a number", covered(`{"Content-Length": 1}`), nil, invalid, "Invalid Policy: Invalid Simple-Condition: value must be a string.", ""},
		{"a simple condition with null", covered(`{"acl": null}`), nil, invalid, "Invalid Policy: Invalid JSON.", ""},
		{"a length that is no whole number", covered(`["content-length-range", 0, 512.0]`), nil, invalid, "Invalid Policy: Invalid JSON.", ""},
	} {
		err := upload(signedForm(t, tt.policy, tt.fields...), "b", "k/a", 6, testSecret, s3Time.Add(time.Second))
		if tt.code == "" {
			if err != nil {
				t.Errorf("%s: %s", tt.name, reveal(err))
			}
			continue
		}
		wantS3(t, tt.name, err, tt.code, tt.message, tt.elements)
	}
	for key, fine := range map[string]bool{"k/": true, "k/x": true, "K/x": false, "x": false, "": false} {
		if err := upload(signedForm(t, covered()), "b", key, 0, testSecret, s3Time); (err == nil) != fine {
			t.Errorf("key %q: %v", key, err)
		}
	}
	end := time.Date(2026, 9, 12, 12, 0, 0, 0, time.UTC)
	for at, fine := range map[time.Time]bool{end: true, end.Add(1): false, s3Time.Add(-MaxSkew): true, s3Time.Add(-MaxSkew - 1): false} {
		if err := upload(signedForm(t, covered()), "b", "k/", 0, testSecret, at); (err == nil) != fine {
			t.Errorf("at %v: %v", at, err)
		}
	}
	old := strings.Replace(covered(), "2026-09-12", "2027-09-12", 1)
	for at, fine := range map[time.Time]bool{s3Time.Add(maxPostAge): true, s3Time.Add(maxPostAge + 1): false} {
		if err := upload(signedForm(t, old), "b", "k/", 0, testSecret, at); (err == nil) != fine {
			t.Errorf("a key of %v, at %v: %v", s3Time, at, err)
		}
	}
}

func TestPostZeroDenies(t *testing.T) {
	t.Parallel()
	var p PostPolicy
	if err := p.Check("b", "k", s3Time); s3Kind(err) != PolicyExpired {
		t.Error(err)
	}
	if err := p.CheckLength(0); s3Kind(err) != PolicyExpired || p.MaxLength() != -1 {
		t.Errorf("%v, %d", err, p.MaxLength())
	}
	if policy, err := new(PostAuthorization).Verify(testSecret); policy != nil || s3Kind(err) != Mismatch {
		t.Error(err)
	}
	a, err := ParsePost(signedForm(t, covered(`["content-length-range", 0, 9]`, `["content-length-range", 2, 7]`)))
	if err != nil {
		t.Fatal(err)
	}
	policy, err := a.Verify(testSecret)
	if err != nil || policy.MaxLength() != 7 {
		t.Errorf("%v, %+v", err, policy)
	}
	if _, err := a.Verify(""); s3Kind(err) != Mismatch {
		t.Errorf("an empty secret: %v", err)
	}
	if err := a.Signed.Verify(&Request{Method: "POST", RequestURI: "/"}, testSecret); kind(err) != Mismatch {
		t.Errorf("as a request of another service: %v", err)
	}
}

func TestParsePostRefuses(t *testing.T) {
	t.Parallel()
	const credential = "AKIDEXAMPLE/20260911/us-east-1/s3/aws4_request"
	field := func(name, value string) func([]PostField) []PostField {
		return func(fields []PostField) []PostField {
			at := slices.IndexFunc(fields, func(f PostField) bool { return strings.EqualFold(f.Name, name) })
			fields[at].Value = value
			return fields
		}
	}
	without := func(names ...string) func([]PostField) []PostField {
		return func(fields []PostField) []PostField {
			return slices.DeleteFunc(fields, func(f PostField) bool { return slices.Contains(names, f.Name) })
		}
	}
	missing := func(name string) string {
		return "Bucket POST must contain a field named '" + name + "'.  If it is specified, please check the order of the fields."
	}
	for _, tt := range []struct {
		name          string
		change        func([]PostField) []PostField
		code, message string
		elements      string
	}{
		{"no signature", without("x-amz-signature"), "InvalidArgument", missing("X-Amz-Signature"), "ArgumentName=X-Amz-Signature ArgumentValue="},
		{"no algorithm and credential", without("x-amz-algorithm", "x-amz-credential"), "InvalidArgument", missing("X-Amz-Algorithm"), "ArgumentName=X-Amz-Algorithm ArgumentValue="},
		{"no policy", without("policy"), "InvalidArgument", missing("Policy"), "ArgumentName=Policy ArgumentValue="},
		{"no key", without("key"), "InvalidArgument", missing("key"), "ArgumentName=key ArgumentValue="},
		{"another algorithm", field("x-amz-algorithm", V4A), "InvalidArgument", "Only AWS4-HMAC-SHA256 is supported", "ArgumentName=X-Amz-Algorithm ArgumentValue=" + V4A},
		{"another region", field("x-amz-credential", "AKIDEXAMPLE/20260911/us-west-1/s3/aws4_request"), "InvalidArgument", "the region 'us-west-1' is wrong; expecting 'us-east-1'", "ArgumentName=X-Amz-Credential ArgumentValue=AKIDEXAMPLE/20260911/us-west-1/s3/aws4_request Region=us-east-1"},
		{"another service", field("x-amz-credential", "AKIDEXAMPLE/20260911/us-east-1/sts/aws4_request"), "InvalidArgument", `incorrect service "sts". This endpoint belongs to "s3".`, "ArgumentName=X-Amz-Credential ArgumentValue=AKIDEXAMPLE/20260911/us-east-1/sts/aws4_request"},
		{"four parts", field("x-amz-credential", "x/y/z/aws4_request"), "InvalidArgument", malformedCredential, "ArgumentName=X-Amz-Credential ArgumentValue=x/y/z/aws4_request"},
		{"no access key", field("x-amz-credential", credential[len("AKIDEXAMPLE"):]), "InvalidArgument", "a non-empty Access Key (AKID) must be provided in the credential.", "ArgumentName=X-Amz-Credential ArgumentValue=" + credential[len("AKIDEXAMPLE"):]},
		{"malformed date", field("x-amz-date", "20260911T120000"), "InvalidArgument", "X-Amz-Date must be formated via ISO8601 Long format", "ArgumentName=X-Amz-Date ArgumentValue=20260911T120000"},
		{"another day", field("x-amz-date", "20260912T120000Z"), "InvalidArgument", `Invalid credential date "20260911". This date is not the same as X-Amz-Date: "20260912".`, "ArgumentName=X-Amz-Credential ArgumentValue=" + credential},
		{"version 2", func(f []PostField) []PostField { return append(f, PostField{"AWSAccessKeyId", "x"}) }, "InvalidRequest", algorithmMessage, ""},
		{"a field twice", func(f []PostField) []PostField { return append(f, PostField{"KEY", "x"}) }, "InvalidArgument", "The form must contain each field only once.", "ArgumentName=KEY ArgumentValue="},
		{"too much", func(f []PostField) []PostField {
			return append(f, PostField{"x-ignore-me", strings.Repeat("x", maxPostFields)})
		}, "MaxPostPreDataLengthExceeded", preDataMessage, "MaxPostPreDataLengthBytes=20480"},
	} {
		err := upload(tt.change(signedForm(t, covered())), "b", "k/", 0, testSecret, s3Time)
		wantS3(t, tt.name, err, tt.code, tt.message, tt.elements)
	}
	for name, change := range map[string]func([]PostField) []PostField{
		"nothing": without("x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-signature", "policy"),
		"policy":  without("x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-signature"),
	} {
		if _, err := ParsePost(change(signedForm(t, covered()))); !errors.Is(err, ErrMissing) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// A damaged policy is another signature, before anyone reads it.
	fields := signedForm(t, covered())
	encoded := fields[4].Value
	fields[4].Value = encoded[:len(encoded)-2]
	err := upload(fields, "b", "k/", 0, testSecret, s3Time)
	wantS3(t, "damaged", err, "SignatureDoesNotMatch", "The request signature we calculated does not match the signature you provided. Check your key and signing method.",
		"AWSAccessKeyId=AKIDEXAMPLE StringToSign="+fields[4].Value+" SignatureProvided="+fields[5].Value+" StringToSignBytes="+spacedHex(fields[4].Value))
}

// TestPostConditionsOnlyClose: one more condition admits nothing more, and no
// field that a condition speaks of may be another.
func TestPostConditionsOnlyClose(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.StringMatching(`[a-c/]{0,4}`)
		condition := func(label string) string {
			operator := rapid.SampledFrom([]string{"eq", "starts-with"}).Draw(t, label)
			return `["` + operator + `", "$acl", "` + value.Draw(t, label) + `"]`
		}
		policy := covered(condition("first"))
		field := PostField{"acl", value.Draw(t, "field")}
		before := upload(signedForm(t, policy, field), "b", "k/", 1, testSecret, s3Time)
		after := upload(signedForm(t, strings.TrimSuffix(policy, "]}")+", "+condition("second")+"]}", field), "b", "k/", 1, testSecret, s3Time)
		if before != nil && after == nil {
			t.Fatalf("%s: one more condition admits %v", policy, field)
		}
	})
}
