package auth_test

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/auth"
	"github.com/daypass/daypass/internal/awsapi/awsapitest"
	"github.com/daypass/daypass/internal/directory"
	"github.com/daypass/daypass/internal/sigv4"
	"github.com/daypass/daypass/internal/store"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

const iso = "20060102T150405Z"

// TestCredentials are refused for what is wrong with them, in the order in
// which AWS STS looks: what comes first is found, whatever comes after it.
func TestCredentials(t *testing.T) {
	t.Parallel()
	f := start(t)
	admin := f.credentials(t, f.AdminConfig)
	inactive := f.credentials(t, f.User(t, "inactive", awsapitest.Administrator))
	orphan := f.credentials(t, f.User(t, "orphan", awsapitest.Administrator))
	f.update(t, func(tx store.Tx) error {
		id := store.AccessKeyID(account, inactive.AccessKeyID)
		key, err := store.GetRecord[store.AccessKey](tx, id)
		if err != nil {
			return err
		}
		key.Active = false
		if err := store.PutRecord(tx, id, key); err != nil {
			return err
		}
		return tx.Delete(store.UserID(account, "orphan"))
	})
	other := f.mint(t, f.clock().Add(time.Hour))
	expired := f.mint(t, f.clock())
	with := func(c aws.Credentials, change func(*aws.Credentials)) aws.Credentials {
		change(&c)
		return c
	}
	wrongSecret := func(c *aws.Credentials) { c.SecretAccessKey = "wrong" + c.SecretAccessKey[5:] }
	noToken := func(c *aws.Credentials) { c.SessionToken = "" }
	unknown := aws.Credentials{AccessKeyID: "AKIAIOSFODNN7EXAMPLE", SecretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}
	f.secrets = append(f.secrets, other.SessionToken, expired.SessionToken, inactive.SecretAccessKey, unknown.SecretAccessKey)

	wrongService := fault{http.StatusForbidden, "SignatureDoesNotMatch", "Credential should be scoped to correct service: 'things'. "}
	invalidToken := fault{http.StatusForbidden, "InvalidClientTokenId", invalid}
	expiredToken := fault{http.StatusForbidden, "ExpiredToken", "The security token included in the request is expired"}
	badSignature := fault{http.StatusForbidden, "SignatureDoesNotMatch", mismatch}
	for name, c := range map[string]struct {
		credentials  aws.Credentials
		service      string // things where ""
		skew         time.Duration
		want         fault
		kind, reason string
	}{
		"wrong secret":                 {credentials: with(admin, wrongSecret), want: badSignature, kind: "SignatureMismatch", reason: "not that of this request"},
		"wrong secret of a session":    {credentials: with(f.session, wrongSecret), want: badSignature, kind: "SignatureMismatch", reason: "not that of this request"},
		"another service":              {credentials: admin, service: "s3", want: wrongService, kind: "SignatureMismatch", reason: "another service's"},
		"another service, unknown key": {credentials: unknown, service: "s3", want: wrongService, kind: "SignatureMismatch", reason: "another service's"},
		"unknown key":                  {credentials: unknown, want: invalidToken, kind: "UnknownAccessKey", reason: "AKIAIOSFODNN7EXAMPLE is not known here, and the request carries no session token"},
		"unknown key, old":             {credentials: unknown, skew: -time.Hour, want: invalidToken, kind: "UnknownAccessKey", reason: "not known"},
		"inactive key":                 {credentials: inactive, want: invalidToken, kind: "UnknownAccessKey", reason: "is inactive"},
		"inactive key, wrong secret":   {credentials: with(inactive, wrongSecret), want: invalidToken, kind: "UnknownAccessKey", reason: "is inactive"},
		"key of a user who is gone":    {credentials: orphan, want: invalidToken, kind: "UnknownAccessKey", reason: "belongs to user orphan, who is gone"},
		"session without its token":    {credentials: with(f.session, noToken), want: invalidToken, kind: "UnknownAccessKey", reason: "carries no session token"},
		"token of another session":     {credentials: with(f.session, func(c *aws.Credentials) { c.SessionToken = other.SessionToken }), want: invalidToken, kind: "UnknownAccessKey", reason: "does not open"},
		"token damaged":                {credentials: with(f.session, func(c *aws.Credentials) { c.SessionToken = flip(c.SessionToken, 40) }), want: invalidToken, kind: "UnknownAccessKey", reason: "does not open"},
		"token cut":                    {credentials: with(f.session, func(c *aws.Credentials) { c.SessionToken = c.SessionToken[:100] }), want: invalidToken, kind: "UnknownAccessKey", reason: "damaged"},
		"token of AWS":                 {credentials: with(f.session, func(c *aws.Credentials) { c.SessionToken = "IQoJb3JpZ2luX2VjEXAMPLETOKEN==" }), want: invalidToken, kind: "UnknownAccessKey", reason: "another installation's"},
		"session over":                 {credentials: expired, want: expiredToken, kind: "ExpiredCredentials", reason: "the session job-1 of role deploy ended at "},
		"session over, wrong secret":   {credentials: with(expired, wrongSecret), want: expiredToken, kind: "ExpiredCredentials", reason: "ended at"},
		"session over, old request":    {credentials: expired, skew: -time.Hour, want: expiredToken, kind: "ExpiredCredentials", reason: "ended at"},
		"user's key with a token":      {credentials: with(admin, func(c *aws.Credentials) { c.SessionToken = f.session.SessionToken }), want: invalidToken, kind: "UnknownAccessKey", reason: "is a long-lived key, which has none"},
		"the same, wrong secret": {
			credentials: with(with(admin, wrongSecret), func(c *aws.Credentials) { c.SessionToken = "x" }), want: badSignature, kind: "SignatureMismatch", reason: "not that of this request",
		},
		// A secret in the place of the id is not repeated.
		"secret for id": {
			credentials: aws.Credentials{AccessKeyID: strings.ReplaceAll(unknown.SecretAccessKey, "/", "x"), SecretAccessKey: "AKIAIOSFODNN7EXAMPLE"},
			want:        invalidToken, kind: "UnknownAccessKey", reason: "(not of the form of an access key id)",
		},
	} {
		if name == "secret for id" {
			f.secrets = append(f.secrets, c.credentials.AccessKeyID)
		}
		reply := f.Post(t, f.Config(c.credentials), orElse(c.service, "things"), f.clock().Add(c.skew), url.Values{"Action": {"GetThing"}, "Version": {"2026-11-21"}})
		wantFault(t, reply, c.want)
		f.wantReason(t, c.kind, c.reason)
		if e := f.last(t); e.Principal != "" || e.Account != "" {
			t.Errorf("%s: the event names a principal: %+v", name, e)
		}
		if t.Failed() {
			t.Fatalf("in %q", name)
		}
	}
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// flip changes one character of base64 text.
func flip(s string, at int) string {
	c := byte('A')
	if s[at] == c {
		c = 'B'
	}
	return s[:at] + string(c) + s[at+1:]
}

// A role that was deleted has no sessions, even if it was made again.
func TestRoleDeletedAndMadeAgain(t *testing.T) {
	t.Parallel()
	f := start(t)
	allowed := f.role
	allowed.InlinePolicies = []store.InlinePolicy{{Name: "all", Document: awsapitest.Administrator}}
	f.putRole(t, allowed)
	wantOK(t, f.get(t, f.session))
	f.update(t, func(tx store.Tx) error { return tx.Delete(store.RoleID(account, "deploy")) })
	wantFault(t, f.get(t, f.session), fault{http.StatusForbidden, "InvalidClientTokenId", invalid})
	f.wantReason(t, "UnknownAccessKey", "role deploy ("+f.role.ID+") of this session was deleted")
	again := allowed
	again.ID = uniqueID(t)
	f.putRole(t, again)
	wantFault(t, f.get(t, f.session), fault{http.StatusForbidden, "InvalidClientTokenId", invalid})
	f.wantReason(t, "UnknownAccessKey", "was deleted")
	f.putRole(t, allowed) // not made again, but put back
	wantOK(t, f.get(t, f.session))
}

// The clocks may be 15 minutes apart, either way, and not a second more.
func TestClocks(t *testing.T) {
	t.Parallel()
	f := start(t)
	now := f.clock().UTC()
	for _, c := range []struct {
		skew    time.Duration
		message string // "" is accepted
	}{
		{-15 * time.Minute, ""},
		{15 * time.Minute, ""},
		{-15*time.Minute - time.Second, "Signature expired: " + now.Add(-15*time.Minute-time.Second).Format(iso) + " is now earlier than " + now.Add(-15*time.Minute).Format(iso) + " (" + now.Format(iso) + " - 15 min.)"},
		{16 * time.Minute, "Signature not yet current: " + now.Add(16*time.Minute).Format(iso) + " is still later than " + now.Add(15*time.Minute).Format(iso) + " (" + now.Format(iso) + " + 15 min.)"},
		{-16 * time.Minute, "Signature expired: " + now.Add(-16*time.Minute).Format(iso) + " is now earlier than " + now.Add(-15*time.Minute).Format(iso) + " (" + now.Format(iso) + " - 15 min.)"},
	} {
		reply := f.Post(t, f.AdminConfig, "things", now.Add(c.skew), url.Values{"Action": {"GetThing"}, "Version": {"2026-11-21"}})
		if c.message == "" {
			wantOK(t, reply)
			continue
		}
		wantFault(t, reply, fault{http.StatusForbidden, "SignatureDoesNotMatch", c.message})
		f.wantReason(t, "ClockSkew", "compare the clocks")
	}
}

// send posts a request of GetThing that change may spoil after it was signed.
func (f *fixture) send(t *testing.T, sign func(*http.Request), change func(*http.Request)) awsapitest.Reply {
	t.Helper()
	const body = "Action=GetThing&Version=2026-11-21&Name=a"
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, f.URL+"/", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	sign(r)
	change(r)
	response, err := f.AdminConfig.HTTPClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close() //nolint:errcheck // only read
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return awsapitest.Reply{Status: response.StatusCode, Header: response.Header, Body: string(text)}
}

// TestSpoiltRequests: what was signed is what must arrive.
func TestSpoiltRequests(t *testing.T) {
	t.Parallel()
	f := start(t)
	admin := f.credentials(t, f.AdminConfig)
	sign := func(r *http.Request) {
		hash := sigv4.HashPayload([]byte("Action=GetThing&Version=2026-11-21&Name=a"))
		if err := v4.NewSigner().SignHTTP(t.Context(), admin, r, hash, "things", awsapitest.Region, f.clock()); err != nil {
			t.Fatal(err)
		}
	}
	set := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	edit := func(old, now string) func(*http.Request) {
		return func(r *http.Request) {
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), old, now, 1))
		}
	}
	body := func(text string) func(*http.Request) {
		return func(r *http.Request) {
			r.Body, r.ContentLength = io.NopCloser(strings.NewReader(text)), int64(len(text))
		}
	}
	const incomplete = "IncompleteSignature"
	wantOK(t, f.send(t, sign, func(*http.Request) {}))
	for name, c := range map[string]struct {
		change       func(*http.Request)
		status       int
		code         string
		message      string // a part of it
		kind, reason string
	}{
		"not signed":                             {func(r *http.Request) { r.Header.Del("Authorization") }, http.StatusForbidden, "MissingAuthenticationToken", "Request is missing Authentication Token", "MissingAuthentication", "no Authorization header"},
		"another body of one length":             {body("Action=GetThing&Version=2026-11-21&Name=b"), http.StatusForbidden, "SignatureDoesNotMatch", mismatch, "SignatureMismatch", "not that of this request"},
		"a longer body":                          {body("Action=GetThing&Version=2026-11-21&Name=a&Colour=red"), http.StatusForbidden, "SignatureDoesNotMatch", mismatch, "SignatureMismatch", "not that of this request"},
		"a declared hash that is not the body's": {set("X-Amz-Content-Sha256", sigv4.HashPayload(nil)), http.StatusForbidden, "SignatureDoesNotMatch", mismatch, "PayloadMismatch", "the body is not the one"},
		"unsigned payload":                       {set("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD"), http.StatusForbidden, "SignatureDoesNotMatch", mismatch, "PayloadMismatch", "the body is not the one"},
		"another host":                           {func(r *http.Request) { r.Host = "sts.amazonaws.com" }, http.StatusForbidden, "SignatureDoesNotMatch", mismatch, "SignatureMismatch", "not that of this request"},
		"another path":                           {func(r *http.Request) { r.URL.Path = "/other" }, http.StatusForbidden, "SignatureDoesNotMatch", mismatch, "SignatureMismatch", "not that of this request"},
		"a query besides":                        {func(r *http.Request) { r.URL.RawQuery = "Name=b" }, http.StatusForbidden, "SignatureDoesNotMatch", mismatch, "SignatureMismatch", "not that of this request"},
		"a token that was not signed":            {set("X-Amz-Security-Token", f.session.SessionToken), http.StatusForbidden, "InvalidClientTokenId", invalid, "UnknownAccessKey", "which has none"},
		"no signature":                           {edit(", Signature=", ", Signatur="), http.StatusBadRequest, incomplete, "", "MalformedAuthentication", "unknown parameter"},
		"signature cut off": {func(r *http.Request) {
			_, signature, _ := strings.Cut(r.Header.Get("Authorization"), ", Signature")
			edit(", Signature"+signature, "")(r)
		}, http.StatusBadRequest, incomplete, "Authorization header requires 'Signature' parameter. (Hashed with SHA-256 and encoded with Base64) Authorization=", "MalformedAuthentication", "lacks a parameter: Signature"},
		"four parts":                   {edit("/aws4_request", ""), http.StatusBadRequest, incomplete, "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '", "MalformedAuthentication", "exactly five parts"},
		"another terminator":           {edit("aws4_request", "aws5_request"), http.StatusForbidden, "SignatureDoesNotMatch", "Credential should be scoped with a valid terminator: 'aws4_request'", "SignatureMismatch", "aws4_request"},
		"host not signed":              {edit(";host", ""), http.StatusForbidden, "SignatureDoesNotMatch", "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.", "SignatureMismatch", "Host header is not signed"},
		"another day in the scope":     {edit(f.clock().UTC().Format("20060102"), "20150830"), http.StatusForbidden, "SignatureDoesNotMatch", "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP", "SignatureMismatch", "the day of the credential scope"},
		"Version 4A by its name only":  {edit("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256"), http.StatusBadRequest, incomplete, "Authorization header requires existence of a 'X-Amz-Region-Set' header. (Hashed with SHA-256", "MalformedAuthentication", "lacks a parameter: X-Amz-Region-Set"},
		"Basic":                        {set("Authorization", "Basic "+admin.SecretAccessKey), http.StatusBadRequest, incomplete, "Please use AWS4-HMAC-SHA256.", "MalformedAuthentication", "signed with neither AWS4-HMAC-SHA256 nor"},
		"the secret in the credential": {edit(admin.AccessKeyID, admin.SecretAccessKey+"/x"), http.StatusBadRequest, incomplete, "Credential must have", "MalformedAuthentication", "exactly five parts"},
		"no date":                      {func(r *http.Request) { r.Header.Del("X-Amz-Date") }, http.StatusBadRequest, incomplete, "existence of either a 'X-Amz-Date' or a 'Date' header.", "MalformedAuthentication", "neither an X-Amz-Date nor a Date"},
		"a date in another form":       {set("X-Amz-Date", "2026-11-21"), http.StatusBadRequest, incomplete, "Date must be in ISO-8601 'basic format'. Got '2026-11-21'. See http://en.wikipedia.org/wiki/ISO_8601", "MalformedAuthentication", "date cannot be read"},
		"signed twice":                 {func(r *http.Request) { r.Header["Authorization"] = append(r.Header["Authorization"], "x") }, http.StatusBadRequest, incomplete, "Only one Authorization header is allowed.", "MalformedAuthentication", "more than one"},
	} {
		t.Run(name, func(t *testing.T) {
			reply := f.send(t, sign, c.change)
			text := strings.NewReplacer("&quot;", `"`).Replace(reply.Body)
			if reply.Status != c.status || !strings.Contains(text, "<Code>"+c.code+"</Code>") || !strings.Contains(text, c.message) {
				t.Errorf("got %d %s, want %d %s %q", reply.Status, text, c.status, c.code, c.message)
			}
			f.wantReason(t, c.kind, c.reason)
		})
	}
}

// A presigned URL is a signed request: it is authenticated, asked for its
// permission, and what it signs is what must arrive. The parameters of its
// signature are no parameters of the operation.
func TestPresigned(t *testing.T) {
	t.Parallel()
	f := start(t)
	presign := func(c aws.Credentials, header string) (*http.Request, error) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, f.URL+"/?Action=GetThing&Version=2026-11-21&Name=a&X-Amz-Expires=1", nil)
		if err != nil {
			return nil, err
		}
		r.Header.Set("X-K8s-Aws-Id", header)
		signed, _, err := v4.NewSigner().PresignHTTP(t.Context(), c, r, sigv4.HashPayload(nil), "things", awsapitest.Region, f.clock().Add(-14*time.Minute))
		if err != nil {
			return nil, err
		}
		r.URL, err = url.Parse(signed)
		return r, err
	}
	send := func(c aws.Credentials, change func(*http.Request)) awsapitest.Reply {
		t.Helper()
		r, err := presign(c, "cluster-1")
		if err != nil {
			t.Fatal(err)
		}
		change(r)
		return f.send(t, func(*http.Request) {}, func(to *http.Request) {
			to.Method, to.URL, to.Host, to.Header, to.Body, to.ContentLength = r.Method, r.URL, r.Host, r.Header, http.NoBody, 0
		})
	}
	asItIs := func(*http.Request) {}
	query := func(old, now string) func(*http.Request) {
		return func(r *http.Request) { r.URL.RawQuery = strings.Replace(r.URL.RawQuery, old, now, 1) }
	}
	admin := f.credentials(t, f.AdminConfig)
	badSignature := fault{http.StatusForbidden, "SignatureDoesNotMatch", mismatch}
	wantOK(t, send(admin, asItIs))
	wantFault(t, send(f.session, asItIs), fault{http.StatusForbidden, "AccessDenied", implicit})
	if e := f.last(t); e.Principal != caller || e.AccessKey != f.session.AccessKeyID || e.Action != "things:GetThing" {
		t.Errorf("event is %+v", e)
	}
	wantFault(t, send(admin, query("Name=a", "Name=b")), badSignature)
	wantFault(t, send(admin, query("GetThing", "MoveThing")), badSignature)
	wantFault(t, send(admin, query("X-Amz-Expires=1", "X-Amz-Expires=900")), badSignature)
	wantFault(t, send(admin, func(r *http.Request) { r.Header.Set("X-K8s-Aws-Id", "cluster-2") }), badSignature)
	wantFault(t, send(admin, func(r *http.Request) { r.Header.Del("X-K8s-Aws-Id") }), badSignature)
	f.wantReason(t, "SignatureMismatch", "a signed header did not arrive; look for a proxy that removes it: x-k8s-aws-id")
	wantFault(t, send(admin, func(r *http.Request) { r.Host = "sts.amazonaws.com" }), badSignature)
}

// A request that is good here is good nowhere else.
func TestAuthenticateElsewhere(t *testing.T) {
	t.Parallel()
	f := start(t)
	asked := signedRequest(t, f.session, f.clock())
	if c, _, err := auth.Authenticate(f.Directory.Snapshot(), asked, "things", f.clock()); err != nil || c.ARN != caller {
		t.Fatalf("the request is no good one: %v", err)
	}
	for name, refused := range map[string]func() (*auth.Caller, *sigv4.Authorization, error){
		"no service": func() (*auth.Caller, *sigv4.Authorization, error) {
			return auth.Authenticate(f.Directory.Snapshot(), asked, "", f.clock())
		},
		"another store": func() (*auth.Caller, *sigv4.Authorization, error) {
			return auth.Authenticate(otherSnapshot(t), asked, "things", f.clock())
		},
		"no body hash": func() (*auth.Caller, *sigv4.Authorization, error) {
			unhashed := *asked
			unhashed.PayloadHash = ""
			return auth.Authenticate(f.Directory.Snapshot(), &unhashed, "things", f.clock())
		},
	} {
		c, _, err := refused()
		if c != nil || err == nil {
			t.Errorf("%s: %+v, %v", name, c, err)
		}
	}
}

// signedRequest is a request without a body, as the door hands it over.
func signedRequest(t *testing.T, c aws.Credentials, at time.Time) *sigv4.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://localhost/", nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := v4.NewSigner().SignHTTP(t.Context(), c, r, sigv4.HashPayload(nil), "things", awsapitest.Region, at); err != nil {
		t.Fatal(err)
	}
	return &sigv4.Request{Method: r.Method, RequestURI: "/", Host: r.Host, Header: r.Header, PayloadHash: sigv4.HashPayload(nil)}
}

func otherSnapshot(t *testing.T) *directory.Snapshot {
	t.Helper()
	return start(t).Directory.Snapshot() // its role of the same name has another id
}
