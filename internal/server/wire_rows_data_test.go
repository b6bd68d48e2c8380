package server_test

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// Codes and sentences that AWS gives to several rows.
const (
	invalidToken = "InvalidIdentityToken"
	validation   = "ValidationError"

	notAuthorized = "Not authorized to perform sts:AssumeRoleWithWebIdentity"
	notValidated  = "The web identity token provided could not be validated. See the AssumeRoleWithWebIdentity documentation for requirements."
	noKey         = "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity documentation for requirements"
	notJWT        = "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)"
	badTime       = "Invalid timestamp in token claims."
	severalAud    = "Token audience contains more than one audience while authorized party is not present"
	tagsFormat    = "Session tags passed in claim are not in correct format."
	tagFormat     = "principal_tags passed in claim is not in correct format."
	rolesFormat   = "The roles claim is not in a supported format"
	rolesNone     = "The roles claim contains no valid role ARNs"
	rolesOthers   = "The target role ARN is not present in the roles claim of the identity token"

	rolesClaim = "https://aws.amazon.com/roles"
	tagsClaim  = "https://aws.amazon.com/tags"
)

// roleRows: a stranger learns no more than that he is not authorized.
func (w *wire) roleRows() []wireRow {
	denied := func(name, token string, parameters ...string) wireRow {
		return wireRow{name: name, token: token, parameters: parameters, status: http.StatusForbidden, code: "AccessDenied", message: notAuthorized}
	}
	good := w.with(nil)
	return []wireRow{
		{name: "a good token", token: good},
		denied("role missing", good, "RoleArn", role("missing")),
		denied("role of another path", good, "RoleArn", role("ci/deploy")),
		denied("trust does not match", good, "RoleArn", role("others")),
		denied("trust is for a role", good, "RoleArn", role("chained")),
		denied("trust without sts:TagSession", w.with(object{tagsClaim + "/principal_tags/team": "data"}), "RoleArn", role("long")),
		denied("unknown ProviderId", good, "ProviderId", "accounts.example.com"),
		denied("unknown ProviderId, role missing", good, "ProviderId", "accounts.example.com", "RoleArn", role("missing")),
	}
}

func (w *wire) claimRows() []wireRow {
	refused := func(name, message string, claims object) wireRow {
		return wireRow{name: name, token: w.with(claims), code: invalidToken, message: message}
	}
	rows := []wireRow{
		refused("aud an empty list", "Claim is not allowed to be empty: aud", object{"aud": []string{}}),
		refused("several aud, all registered", severalAud, object{"aud": []string{"aud", "another"}}),
		refused("several aud, one registered", severalAud, object{"aud": []string{"aud", "x"}}),
		{name: "several aud and azp", token: w.with(object{"aud": []string{"aud", "x"}, "azp": "another"})},
		{name: "aud a list of one", token: w.with(object{"aud": []string{"aud"}})},
		refused("aud not registered", notValidated, object{"aud": "x"}),
		refused("aud empty", notValidated, object{"aud": ""}),
		refused("azp not registered", notValidated, object{"azp": "x"}),
		refused("azp empty", notValidated, object{"azp": ""}),
		{name: "azp in the place of aud", token: w.with(object{"aud": "x", "azp": "aud"})},
		{name: "sub a number", token: w.with(object{"sub": 4711})},
		{name: "sub empty", token: w.with(object{"sub": ""})},
		{
			name: "sub null", token: w.with(object{"sub": nil}), status: http.StatusInternalServerError,
			code: "InternalFailure", message: "Unknown error validating third-party token",
		},
		// What a token lacks is told before its provider is looked for.
		refused("no sub, no provider", "Missing a required claim: sub", object{"iss": "https://other.example.com", "sub": absent{}}),
		refused("a bad time, no provider", badTime, object{"iss": "https://other.example.com", "exp": 1.5}),
	}
	for _, claim := range []string{"iss", "sub", "aud", "iat", "exp"} {
		rows = append(rows, refused("no "+claim, "Missing a required claim: "+claim, object{claim: absent{}}))
	}
	return rows
}

func (w *wire) timeRows() []wireRow {
	rows := []wireRow{
		{
			name: "expired", token: w.with(object{"exp": w.now - 301}), code: "ExpiredTokenException",
			message: fmt.Sprintf("Token expired: current date/time %d must be before the expiration date/time %d", w.now-300, w.now-301),
		},
		{
			name: "iat in the future", token: w.with(object{"iat": w.now + 301}), code: invalidToken,
			message: fmt.Sprintf("Token issued in the future: %d", w.now+301),
		},
		{
			name: "nbf in the future", token: w.with(object{"nbf": w.now + 301}), code: invalidToken,
			message: fmt.Sprintf("Token not yet valid: current date/time %d must be after or equal to the not-before date/time %d", w.now+300, w.now+301),
		},
		{name: "expired within the tolerance", token: w.with(object{"exp": w.now - 300})},
		{name: "iat within the tolerance", token: w.with(object{"iat": w.now + 300})},
		{name: "nbf within the tolerance", token: w.with(object{"nbf": w.now + 300})},
		{name: "no nbf", token: w.with(object{"nbf": absent{}})},
	}
	for _, claim := range []string{"iat", "exp", "nbf"} {
		for name, value := range map[string]any{
			"a fraction": float64(w.now) + 0.5, "null": nil, "a word": "tomorrow", "a date": "2026-09-11T12:00:00Z", "true": true,
			"a list": []int64{w.now}, "an empty string": "", "a fraction in a string": fmt.Sprintf("%d.5", w.now),
		} {
			rows = append(rows, wireRow{name: claim + " " + name, token: w.with(object{claim: value}), code: invalidToken, message: badTime})
		}
		rows = append(rows, wireRow{name: claim + " in digits", token: w.with(object{claim: fmt.Sprint(w.now)})})
	}
	return rows
}

func (w *wire) keyRows() []wireRow {
	refused := func(name, token, message string) wireRow {
		return wireRow{name: name, token: token, code: invalidToken, message: message}
	}
	good := w.with(nil)
	signed, signature := good[:strings.LastIndex(good, ".")], good[strings.LastIndex(good, "."):]
	other := w.with(object{"sub": "another"})
	const wrong, algorithm = "Text for a token whose signature is wrong", "Text for a forbidden algorithm of a token"
	return []wireRow{
		refused("kid unknown", w.header(object{"kid": "unknown"}), noKey),
		refused("kid missing", w.header(object{"kid": absent{}}), noKey),
		refused("kid empty", w.header(object{"kid": ""}), noKey),
		refused("crit", w.header(object{"crit": []string{"exp"}, "exp": 1}), notJWT),
		refused("no JWT", "glpat-ThisIsNoIDToken00000", notJWT),
		refused("two parts", signed, notJWT),
		refused("four parts", good+".x", notJWT),
		refused("payload no JSON", strings.Replace(good, ".", ".eA", 1), notJWT),
		{name: "bad signature", token: other[:strings.LastIndex(other, ".")] + signature, code: invalidToken, message: notValidated, divergence: wrong},
		{name: "no signature", token: signed + ".", code: invalidToken, message: notValidated, divergence: wrong},
		{name: "alg none", token: w.header(object{"alg": "none"}), code: invalidToken, message: noKey, divergence: algorithm},
		{name: "alg HS256", token: w.header(object{"alg": "HS256"}), code: invalidToken, message: noKey, divergence: algorithm},
		{name: "alg PS256", token: w.header(object{"alg": "PS256"}), code: invalidToken, message: noKey, divergence: algorithm},
		{name: "alg EdDSA", token: w.header(object{"alg": "EdDSA"}), code: invalidToken, message: noKey, divergence: algorithm},
	}
}

func (w *wire) providerRows() []wireRow {
	const none = "No OpenIDConnect provider found in your account for "
	good, url := w.with(nil), w.issuer.Issuer.URL()
	return []wireRow{
		{name: "no provider", token: w.with(object{"iss": "https://issuer.example.com"}), code: invalidToken, message: none + "https://issuer.example.com"},
		{name: "no provider with a slash", token: w.with(object{"iss": url + "/"}), code: invalidToken, message: none + url + "/"},
		{name: "no provider in that account", token: good, parameters: []string{"RoleArn", "arn:aws:iam::999999999999:role/deploy"}, code: invalidToken, message: none + url},
		{
			name: "thumbprint of another certificate", token: good, parameters: []string{"RoleArn", "arn:aws:iam::" + otherAccount + ":role/deploy"},
			code: invalidToken, message: "OpenIDConnect provider's HTTPS certificate doesn't match configured thumbprint",
		},
		{
			name: "issuer that is down", token: w.with(object{"iss": w.down}), code: "IDPCommunicationError",
			message:    "Your identity provider could not be reached to retrieve verification keys, please try again",
			divergence: "When STS answers `IDPCommunicationError`, and its text",
		},
		{
			name: "Amazon's ProviderId", token: good, parameters: []string{"ProviderId", "www.amazon.com"},
			code: invalidToken, message: "Provided Token is not a Login With Amazon token",
			divergence: "Tokens of Login with Amazon and Facebook",
		},
		{
			name: "Facebook's ProviderId", token: good, parameters: []string{"ProviderId", "graph.facebook.com"}, status: http.StatusForbidden,
			code: "IDPRejectedClaim", message: "graph.facebook.com: graph.facebook.com responded with HTTP/1.1 400 Bad Request",
			divergence: "Tokens of Login with Amazon and Facebook",
		},
	}
}

// awsClaimRows are those of the claims by which a token tells STS what to do.
func (w *wire) awsClaimRows() []wireRow {
	refused := func(name, claim string, value any, message string) wireRow {
		return wireRow{name: name, token: w.with(object{claim: value}), code: invalidToken, message: message}
	}
	nested := func(tag any) object { return object{"principal_tags": object{"team": tag}} }
	const flat, notAString = tagsClaim + "/principal_tags/team", "Text for a session tag in a claim of its own that is not a string"
	return []wireRow{
		{name: "tags nested", token: w.with(object{tagsClaim: nested([]string{"data"})})},
		{name: "tags flat", token: w.with(object{flat: "data"})},
		refused("tag a string", tagsClaim, nested("data"), tagFormat),
		refused("tag of two values", tagsClaim, nested([]string{"a", "b"}), tagFormat),
		refused("tag without a value", tagsClaim, nested([]string{}), tagFormat),
		refused("tag a number", tagsClaim, nested([]int{1}), tagFormat),
		refused("principal_tags a list", tagsClaim, object{"principal_tags": []string{"team"}}, tagFormat),
		refused("tags a string", tagsClaim, "team=data", tagsFormat),
		refused("tags a list", tagsClaim, []string{"team"}, tagsFormat),
		{name: "flat tag a list", token: w.with(object{flat: []string{"data"}}), code: invalidToken, message: tagsFormat, divergence: notAString},
		{name: "flat tag a number", token: w.with(object{flat: 1}), code: invalidToken, message: tagsFormat, divergence: notAString},
		{name: "roles with the role", token: w.with(object{rolesClaim: []string{role("deploy")}})},
		{name: "roles in a string", token: w.with(object{rolesClaim: role("x") + ";" + role("deploy")})},
		{name: "roles null", token: w.with(object{rolesClaim: nil})},
		refused("roles without an ARN", rolesClaim, []string{"deploy"}, rolesNone),
		refused("roles a wildcard", rolesClaim, []string{role("*")}, rolesNone),
		refused("roles empty", rolesClaim, []string{}, rolesNone),
		refused("roles an empty string", rolesClaim, "", rolesNone),
		refused("roles of others", rolesClaim, []string{role("others")}, rolesOthers),
		refused("roles in another case", rolesClaim, []string{role("Deploy")}, rolesOthers),
		refused("roles an object", rolesClaim, object{"role": role("deploy")}, rolesFormat),
		refused("roles a number", rolesClaim, 1, rolesFormat),
		refused("roles true", rolesClaim, true, rolesFormat),
	}
}

func (w *wire) parameterRows() []wireRow {
	good := w.with(nil)
	refused := func(message, name, value string) wireRow {
		return wireRow{name: name + " " + value, token: good, parameters: []string{name, value}, code: validation, message: message}
	}
	const pattern = `' at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\w+=,.@-]*`
	var rows []wireRow
	for _, name := range []string{"Session1:2", "job 1", "job/1", "jöb", "<job>"} {
		rows = append(rows, refused("1 validation error detected: Value '"+name+pattern, "RoleSessionName", name))
	}
	for _, arn := range []string{
		"arn:aws:iam::123456789012:user/deploy", "arn:aws:iam::123456789012:role/", "arn:aws:iam::12345678901x:role/deploy",
		"arn:aws:sts::123456789012:assumed-role/deploy/job-1", "this is no ARN of a role at all",
	} {
		rows = append(rows, refused(arn+" is invalid", "RoleArn", arn))
	}
	return rows
}

// durationRows: first the bounds of the service's model, then the role's, then
// that of a chain.
func (w *wire) durationRows(t *testing.T) []wireRow {
	good, chained := w.with(nil), w.session(t)
	const (
		outside = "1 validation error detected: Value '%s' at 'durationSeconds' failed to satisfy constraint: Member must have value %s"
		ofRole  = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
		ofChain = "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining."
		integer = "missing value for decimal type"
	)
	asked := func(seconds, as, code, message string) wireRow {
		return wireRow{name: as + " for " + seconds, token: good, parameters: []string{"DurationSeconds", seconds, "RoleArn", role(as)}, code: code, message: message}
	}
	inChain := func(seconds, as, code, message string) wireRow {
		row := asked(seconds, as, code, message)
		row.name, row.caller, row.parameters = as+" in a chain for "+seconds, chained, append(row.parameters, "Action", "AssumeRole")
		return row
	}
	least, most := "greater than or equal to 900", "less than or equal to 43200"
	return []wireRow{
		asked("899", "long", validation, fmt.Sprintf(outside, "899", least)),
		asked("900", "long", "", ""),
		asked("43200", "long", "", ""),
		asked("43201", "long", validation, fmt.Sprintf(outside, "43201", most)),
		asked("43201", "deploy", validation, fmt.Sprintf(outside, "43201", most)),
		asked("43201", "missing", validation, fmt.Sprintf(outside, "43201", most)),
		asked("3600", "deploy", "", ""),
		asked("3601", "deploy", validation, ofRole),
		asked("+900", "deploy", "", ""),
		asked("0900", "deploy", "", ""),
		asked(" 900", "deploy", "MalformedInput", ""),
		asked("9e2", "deploy", "MalformedInput", ""),
		asked("900.0", "deploy", "MalformedInput", ""),
		asked("2147483648", "deploy", "MalformedInput", ""),
		asked("", "deploy", "MalformedInput", integer),
		inChain("3600", "chained", "", ""),
		inChain("3601", "chained", validation, ofChain),
		inChain("3601", "chained-short", validation, ofRole),
		inChain("43201", "chained", validation, fmt.Sprintf(outside, "43201", most)),
	}
}

// session is of the role "deploy", by a token.
func (w *wire) session(t *testing.T) aws.Config {
	t.Helper()
	reply := w.Post(t, aws.Config{}, "", time.Time{}, url.Values{
		"Action": {"AssumeRoleWithWebIdentity"}, "Version": {"2011-06-15"}, "WebIdentityToken": {w.with(nil)},
		"RoleArn": {role("deploy")}, "RoleSessionName": {"job-1"},
	})
	var given struct {
		Credentials struct{ AccessKeyId, SecretAccessKey, SessionToken string } `xml:"AssumeRoleWithWebIdentityResult>Credentials"`
	}
	if err := xml.Unmarshal([]byte(reply.Body), &given); err != nil || reply.Status != http.StatusOK {
		t.Fatalf("%d %s: %v", reply.Status, reply.Body, err)
	}
	c := given.Credentials
	return w.Config(aws.Credentials{AccessKeyID: c.AccessKeyId, SecretAccessKey: c.SecretAccessKey, SessionToken: c.SessionToken})
}
