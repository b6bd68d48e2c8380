package awsapitest

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/auth"
	"github.com/daypass/daypass/internal/session"
	"github.com/daypass/daypass/internal/sigv4"
	"github.com/daypass/daypass/internal/store"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// SignatureRow is one way in which a request's credentials or signature are
// wrong, and AWS's answer to it in the Query protocol.
type SignatureRow struct {
	Name          string
	Request       *http.Request
	Body          string
	Kind          auth.Kind
	Code, Message string // the status is Status
	// Own marks a sentence that is Daypass's: what AWS says is not recorded.
	Own bool
}

// Status is the HTTP status that belongs to the code.
func (r *SignatureRow) Status() int {
	if r.Code == "IncompleteSignature" {
		return http.StatusBadRequest
	}
	return http.StatusForbidden
}

// SignatureRows are the rows for one form of signature. Base says which, for
// which service and when; its credentials are a user's. Parameters are those of
// an operation that this user and a role which may do everything can call: in
// the body of a POST where the signature is in the header, in the query of a GET
// where it is there. What other calls made stays as it was.
func (s *Server) SignatureRows(t testing.TB, base *Signing, parameters url.Values) []SignatureRow {
	t.Helper()
	b := &rowBuilder{t: t, base: base, parameters: parameters}
	b.good()
	b.keys(s)
	b.scopes()
	b.times()
	b.incomplete()
	b.asymmetric()
	if base.InQuery {
		b.incompleteInQuery()
	} else {
		b.incompleteInHeader()
	}
	b.otherForms()
	return b.rows
}

// SignatureForms are the forms of signature, by name, without credentials,
// service and time.
func SignatureForms() map[string]Signing {
	return map[string]Signing{
		"header": {}, "query": {InQuery: true},
		"header 4A": {Algorithm: sigv4.V4A}, "query 4A": {Algorithm: sigv4.V4A, InQuery: true},
	}
}

// Send sends the row's request to the server as it was signed, and compares what
// comes back byte for byte; a row without a code asks for success, and for a
// body that holds succeeds.
func (r *SignatureRow) Send(t testing.TB, s *Server, service, namespace, succeeds string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), r.Request.Method, s.URL+r.Request.URL.RequestURI(), strings.NewReader(r.Body))
	must(t, err)
	request.Host, request.Header = r.Request.Host, r.Request.Header
	reply := s.Do(t, request)
	if r.Code == "" {
		if reply.Status != http.StatusOK || !strings.Contains(reply.Body, succeeds) {
			t.Errorf("%d %s", reply.Status, reply.Body)
		}
		return
	}
	message := r.Message
	if service == "iam" && r.Code == "InvalidClientTokenId" {
		message = strings.TrimSuffix(message, ".") // IAM's has none
	}
	reply.WantFault(t, namespace, r.Status(), r.Code, message)
}

// unknownKeyID is the key of AWS's examples, which nobody has.
const unknownKeyID = "AKIAIOSFODNN7EXAMPLE" //nolint:gosec // an example (G101)

// The sentences of the recorded rows.
const (
	messageInvalid  = "The security token included in the request is invalid."
	messageExpired  = "The security token included in the request is expired"
	messageMismatch = "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
	messageRegion   = "Credential should be scoped to a valid region. "
	messageVersion2 = "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256."
	messageHashed   = "(Hashed with SHA-256 and encoded with Base64) Authorization="
	messageQuery    = "AWS query-string parameters must include '"
	messageAgain    = "Re-examine the query-string parameters."
)

type rowBuilder struct {
	t          testing.TB
	base       *Signing
	parameters url.Values
	rows       []SignatureRow
}

// signed makes a request that is right by all that change left.
func (b *rowBuilder) signed(change func(*Signing)) (*http.Request, string) {
	b.t.Helper()
	signing := *b.base
	change(&signing)
	method, target, body := http.MethodPost, "http://localhost/", b.parameters.Encode()
	if signing.InQuery {
		method, target, body = http.MethodGet, target+"?"+body, ""
	}
	r, err := http.NewRequestWithContext(b.t.Context(), method, target, strings.NewReader(body))
	must(b.t, err)
	r.Header.Set("X-K8s-Aws-Id", "cluster-1")
	if body != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	}
	signing.Sign(b.t, r, body)
	return r, body
}

func same(*Signing) {}

func as(c aws.Credentials) func(*Signing) { return func(s *Signing) { s.Credentials = c } }

func wrongSecret(s *Signing) { s.Credentials.SecretAccessKey += "x" }

// add takes Request, Body and Kind of the row from its arguments.
func (b *rowBuilder) add(kind auth.Kind, change func(*Signing), spoil func(*http.Request), row SignatureRow) {
	b.t.Helper()
	row.Request, row.Body = b.signed(change)
	row.Kind = kind
	spoil(row.Request)
	b.rows = append(b.rows, row)
}

func untouched(*http.Request) {}

// replace changes what the request says of its signature, wherever it says it.
func replace(old, now string) func(*http.Request) {
	return func(r *http.Request) {
		if header := r.Header.Get("Authorization"); header != "" {
			r.Header.Set("Authorization", strings.Replace(header, old, now, 1))
		}
		r.URL.RawQuery = strings.Replace(r.URL.RawQuery, url.QueryEscape(old), url.QueryEscape(now), 1)
	}
}

// good are a right request, without a code, and one that is not signed.
func (b *rowBuilder) good() {
	b.add(0, same, untouched, SignatureRow{Name: "right"})
	b.add(auth.Missing, same, func(r *http.Request) {
		r.Header.Del("Authorization")
		r.URL.RawQuery, _, _ = strings.Cut(r.URL.RawQuery, "&X-Amz-")
	}, SignatureRow{Name: "not signed", Code: "MissingAuthenticationToken", Message: "Request is missing Authentication Token"})
}

// keys are the rows of the key and the session token.
func (b *rowBuilder) keys(s *Server) {
	b.t.Helper()
	invalid := func(name string, c aws.Credentials) {
		b.add(auth.UnknownKey, as(c), untouched, SignatureRow{Name: name, Code: "InvalidClientTokenId", Message: messageInvalid})
	}
	now := b.base.Time
	live := s.sessionOf(b.t, s.putRole(b.t, "rows"), now.Add(time.Hour))
	other := s.sessionOf(b.t, s.putRole(b.t, "rows-other"), now.Add(time.Hour))
	ended := s.sessionOf(b.t, s.putRole(b.t, "rows-ended"), now.Add(-time.Second))
	gone := s.putRole(b.t, "rows-gone")
	ofGone := s.sessionOf(b.t, gone, now.Add(time.Hour))
	must(b.t, s.Directory.Update(b.t.Context(), func(tx store.Tx) error { return tx.Delete(store.RoleID(gone.Account, gone.Name)) }))
	inactive, err := s.User(b.t, "rows-inactive").Credentials.Retrieve(b.t.Context())
	must(b.t, err)
	must(b.t, s.Directory.Update(b.t.Context(), func(tx store.Tx) error {
		id := store.AccessKeyID(s.Account, inactive.AccessKeyID)
		key, err := store.GetRecord[store.AccessKey](tx, id)
		if err != nil {
			return err
		}
		key.Active = false
		return store.PutRecord(tx, id, key)
	}))

	b.add(0, as(live), untouched, SignatureRow{Name: "right, of a session"})
	invalid("unknown key", aws.Credentials{AccessKeyID: unknownKeyID, SecretAccessKey: "x"})
	invalid("inactive key", inactive)
	invalid("no session token", aws.Credentials{AccessKeyID: live.AccessKeyID, SecretAccessKey: live.SecretAccessKey})
	invalid("session token of another", aws.Credentials{AccessKeyID: live.AccessKeyID, SecretAccessKey: live.SecretAccessKey, SessionToken: other.SessionToken})
	invalid("session of a deleted role", ofGone)
	invalid("session token with a user's key", aws.Credentials{AccessKeyID: b.base.Credentials.AccessKeyID, SecretAccessKey: b.base.Credentials.SecretAccessKey, SessionToken: live.SessionToken})
	b.add(auth.Expired, as(ended), untouched, SignatureRow{Name: "session over", Code: "ExpiredToken", Message: messageExpired})
	b.add(auth.Expired, func(s *Signing) { as(ended)(s); wrongSecret(s) }, untouched, SignatureRow{Name: "session over, wrong secret", Code: "ExpiredToken", Message: messageExpired})
}

// scopes are the rows of the scope and of the signature itself.
func (b *rowBuilder) scopes() {
	doesNotMatch := func(name, message string, change func(*Signing), spoil func(*http.Request)) {
		b.add(auth.BadSignature, change, spoil, SignatureRow{Name: name, Code: "SignatureDoesNotMatch", Message: message})
	}
	region := func(s *Signing) { s.Region = "US-EAST-1" }
	service := func(s *Signing) { s.Service = "s3" }
	unknown := as(aws.Credentials{AccessKeyID: unknownKeyID, SecretAccessKey: "x"})
	messageService := "Credential should be scoped to correct service: '" + b.base.Service + "'. "
	doesNotMatch("no region", messageRegion, region, untouched)
	doesNotMatch("another service", messageService, service, untouched)
	doesNotMatch("no region, another service, unknown key", messageRegion+messageService, func(s *Signing) { region(s); service(s); unknown(s) }, untouched)
	doesNotMatch("another terminator", "Credential should be scoped with a valid terminator: 'aws4_request'", same, replace("/aws4_request", "/aws5_request"))
	day := b.base.Time.UTC().Format("20060102")
	doesNotMatch("another day", "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP", same, replace("/"+day+"/", "/20150830/"))
	doesNotMatch("host not signed", "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.", same, replace("host;", ""))
	doesNotMatch("wrong secret", messageMismatch, wrongSecret, untouched)
	doesNotMatch("another header", messageMismatch, same, func(r *http.Request) { r.Header.Set("X-K8s-Aws-Id", "cluster-2") })
	doesNotMatch("another query", messageMismatch, same, func(r *http.Request) { r.URL.RawQuery += "&x=y" })
}

// times are the rows of the clock.
func (b *rowBuilder) times() {
	const iso = "20060102T150405Z"
	now := b.base.Time.UTC()
	at := func(shift time.Duration) func(*Signing) {
		return func(s *Signing) { s.Time = s.Time.Add(shift) }
	}
	skew := func(name, message string, shift time.Duration) {
		b.add(auth.Skew, at(shift), untouched, SignatureRow{Name: name, Code: "SignatureDoesNotMatch", Message: message})
	}
	early, late := now.Add(-15*time.Minute), now.Add(15*time.Minute)
	b.add(0, at(-15*time.Minute), untouched, SignatureRow{Name: "15 minutes old"})
	b.add(0, at(15*time.Minute), untouched, SignatureRow{Name: "15 minutes ahead"})
	skew("expired", "Signature expired: "+early.Add(-time.Second).Format(iso)+" is now earlier than "+early.Format(iso)+" ("+now.Format(iso)+" - 15 min.)", -15*time.Minute-time.Second)
	skew("not yet current", "Signature not yet current: "+late.Add(time.Second).Format(iso)+" is still later than "+late.Format(iso)+" ("+now.Format(iso)+" + 15 min.)", 15*time.Minute+time.Second)
}

// incomplete are the rows that header and query share.
func (b *rowBuilder) incomplete() {
	credential := b.base.Credentials.AccessKeyID + "/" + b.base.Time.UTC().Format("20060102") + "/" + Region + "/" + b.base.Service
	row := SignatureRow{Name: "credential of four parts", Message: "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '" + credential + "'"}
	if b.base.Algorithm == sigv4.V4A {
		credential = strings.Replace(credential, "/"+Region, "", 1)
		row = SignatureRow{Name: "credential of three parts", Message: "Credential must have exactly 4 slash-delimited elements, e.g. keyid/date/service/term, got '" + credential + "'", Own: true}
	}
	b.incompleteRow(replace("/aws4_request", ""), row)
	bad := SignatureRow{Name: "date in another form", Message: "Date must be in ISO-8601 'basic format'. Got '2026-09-11'. See http://en.wikipedia.org/wiki/ISO_8601"}
	b.incompleteRow(func(r *http.Request) {
		if b.base.InQuery {
			replaceParameter("X-Amz-Date", "X-Amz-Date=2026-09-11")(r)
		} else {
			r.Header.Set("X-Amz-Date", "2026-09-11")
		}
	}, bad)
	b.incompleteRow(func(r *http.Request) {
		algorithm := sigv4.V4
		if b.base.Algorithm != "" {
			algorithm = b.base.Algorithm
		}
		replace(algorithm, "AWS4-HMAC-SHA512")(r)
	}, SignatureRow{Name: "another algorithm", Message: messageVersion2, Own: true})
}

func (b *rowBuilder) incompleteRow(spoil func(*http.Request), row SignatureRow) {
	b.t.Helper()
	row.Code = "IncompleteSignature"
	b.add(auth.Malformed, same, spoil, row)
}

func (b *rowBuilder) incompleteInHeader() {
	for _, missing := range []string{"Credential", "SignedHeaders", "Signature"} {
		b.incompleteRow(dropFromHeader(missing), SignatureRow{Name: "no " + missing, Message: "Authorization header requires '" + missing + "' parameter. " + messageHashed})
	}
	b.incompleteRow(func(r *http.Request) {
		dropFromHeader("Credential")(r)
		dropFromHeader("Signature")(r)
		r.Header.Del("X-Amz-Date")
	}, SignatureRow{
		Name: "no Credential, Signature and date",
		Message: "Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' parameter. " +
			"Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. " + messageHashed,
	})
	b.incompleteRow(func(r *http.Request) { r.Header.Del("X-Amz-Date") }, SignatureRow{
		Name: "no date", Message: "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. " + messageHashed,
	})
	// These end in the header's hash, which the header had to be spoilt for.
	for i := range b.rows {
		if row := &b.rows[i]; strings.HasSuffix(row.Message, messageHashed) {
			sum := sha256.Sum256([]byte(row.Request.Header.Get("Authorization")))
			row.Message += base64.StdEncoding.EncodeToString(sum[:])
		}
	}
}

// dropFromHeader takes a parameter out of the Authorization header.
func dropFromHeader(name string) func(*http.Request) {
	return func(r *http.Request) {
		algorithm, rest, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		var kept []string
		for _, parameter := range strings.Split(rest, ", ") {
			if !strings.HasPrefix(parameter, name+"=") {
				kept = append(kept, parameter)
			}
		}
		r.Header.Set("Authorization", algorithm+" "+strings.Join(kept, ", "))
	}
}

// incompleteInQuery: the sentences for what is missing are recorded on DynamoDB
// and Kinesis; the others are not.
func (b *rowBuilder) incompleteInQuery() {
	for _, missing := range []string{"X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature", "X-Amz-SignedHeaders", "X-Amz-Date"} {
		b.incompleteRow(replaceParameter(missing, ""), SignatureRow{Name: "no " + missing, Message: messageQuery + missing + "'. " + messageAgain})
	}
	b.incompleteRow(func(r *http.Request) {
		replaceParameter("X-Amz-Credential", "")(r)
		replaceParameter("X-Amz-Date", "")(r)
	}, SignatureRow{
		Name: "no X-Amz-Credential and X-Amz-Date", Message: messageQuery + "X-Amz-Credential'. " + messageQuery + "X-Amz-Date'. " + messageAgain,
	})
	b.incompleteRow(func(r *http.Request) { r.URL.RawQuery += "&X-Amz-Signature=00" }, SignatureRow{
		Name: "a parameter twice", Message: messageQuery + "X-Amz-Signature' only once. " + messageAgain, Own: true,
	})
	b.incompleteRow(func(r *http.Request) { r.URL.RawQuery += "&X-Amz-Expires=604801" }, SignatureRow{
		Name: "beyond a week", Message: "X-Amz-Expires must be a number of seconds, at most 604800.", Own: true,
	})
}

// replaceParameter puts text in the place of a parameter of the query.
func replaceParameter(name, text string) func(*http.Request) {
	return func(r *http.Request) {
		parameters := strings.Split(r.URL.RawQuery, "&")
		for i, parameter := range parameters {
			if strings.HasPrefix(parameter, name+"=") {
				parameters[i] = text
			}
		}
		r.URL.RawQuery = strings.Join(parameters, "&")
	}
}

// asymmetric are the rows of X-Amz-Region-Set.
func (b *rowBuilder) asymmetric() {
	if b.base.Algorithm != sigv4.V4A {
		return
	}
	for _, set := range []string{"*", "eu-*,us-east-1"} {
		b.add(0, func(s *Signing) { s.Region = set }, untouched, SignatureRow{Name: "right, for " + set})
	}
	if b.base.InQuery {
		b.incompleteRow(replaceParameter("X-Amz-Region-Set", ""), SignatureRow{Name: "no region set", Message: messageQuery + "X-Amz-Region-Set'. " + messageAgain, Own: true})
		return
	}
	b.incompleteRow(func(r *http.Request) { r.Header.Del("X-Amz-Region-Set") }, SignatureRow{
		Name: "no region set", Message: "Authorization header requires existence of a 'X-Amz-Region-Set' header. " + messageHashed, Own: true,
	})
	b.add(auth.BadSignature, same, replace(";x-amz-region-set", ""), SignatureRow{
		Name: "region set not signed", Code: "SignatureDoesNotMatch", Message: "'X-Amz-Region-Set' must be a 'SignedHeader' in the AWS Authorization.", Own: true,
	})
}

// otherForms are the rows of two signatures, and of Signature Version 2.
func (b *rowBuilder) otherForms() {
	b.add(auth.BadSignature, same, func(r *http.Request) {
		if b.base.InQuery {
			r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=x")
		} else {
			r.URL.RawQuery = "X-Amz-Algorithm=AWS4-HMAC-SHA256"
		}
	}, SignatureRow{Name: "signed twice", Code: "SignatureDoesNotMatch", Message: "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header."})
	version2 := url.Values{"AWSAccessKeyId": {b.base.Credentials.AccessKeyID}, "SignatureVersion": {"2"}, "SignatureMethod": {"HmacSHA256"}, "Signature": {"c2ln"}}
	unsigned := func(r *http.Request) { // of what the base put there, nothing stays
		r.Header.Del("Authorization")
		r.URL.RawQuery, _, _ = strings.Cut(r.URL.RawQuery, "&X-Amz-")
	}
	b.incompleteRow(func(r *http.Request) {
		unsigned(r)
		r.URL.RawQuery += "&" + version2.Encode()
	}, SignatureRow{Name: "version 2 in the query", Message: messageVersion2, Own: true})
	if b.base.InQuery {
		return
	}
	b.incompleteRow(unsigned, SignatureRow{Name: "version 2 in the form", Message: messageVersion2, Own: true})
	row := &b.rows[len(b.rows)-1]
	row.Body += "&" + version2.Encode()
	b.incompleteRow(func(r *http.Request) { r.Header.Set("Authorization", "AWS "+b.base.Credentials.AccessKeyID+":c2ln") }, SignatureRow{
		Name: "version 2 in the header", Message: messageVersion2, Own: true,
	})
}

// putRole makes a role that may do everything, unless it is there: with another
// its sessions would be over.
func (s *Server) putRole(t testing.TB, name string) store.Role {
	t.Helper()
	id, err := session.NewUniqueID("AROA", rand.Reader)
	must(t, err)
	role := store.Role{
		Account: s.Account, Name: name, Path: "/", ID: id, MaxSessionDuration: 3600, TrustPolicy: "{}",
		InlinePolicies: []store.InlinePolicy{{Name: "all", Document: Administrator}},
	}
	must(t, s.Directory.Update(t.Context(), func(tx store.Tx) error {
		there, err := store.GetRecord[store.Role](tx, store.RoleID(role.Account, role.Name))
		if err == nil {
			role = there
		}
		if !errors.Is(err, store.ErrNotFound) {
			return err
		}
		return store.PutRecord(tx, store.RoleID(role.Account, role.Name), role)
	}))
	return role
}

// sessionOf makes a session of a role that ends when it is told.
func (s *Server) sessionOf(t testing.TB, role store.Role, expires time.Time) aws.Credentials {
	t.Helper()
	c, err := s.SessionKeys.Mint(&session.Grant{
		Account: role.Account, RoleID: role.ID, RoleName: role.Name, SessionName: "rows",
		IssuedAt: expires.Add(-time.Hour), Expires: expires,
	}, rand.Reader)
	must(t, err)
	return aws.Credentials{AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey, SessionToken: c.SessionToken}
}
