package doctor

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// noAnswer is what "Couldn't retrieve verification key from your identity
// provider" begins with, the second of the errors of the tutorial's
// troubleshooting.
const noAnswer = "Couldn't retrieve verification key from your identity provider"

func wantText(t *testing.T, r *Report, code, text string) {
	t.Helper()
	for _, f := range r.Findings {
		if f.Code == code && !strings.HasPrefix(f.AWSError, text) {
			t.Errorf("of %s AWS is said to say %q", code, f.AWSError)
		}
	}
}

func TestURLs(t *testing.T) {
	t.Parallel()
	long := "https://localhost:1/" + strings.Repeat("a", 255)
	for url, codes := range map[string][]string{
		"http://gitlab.example.com":           {"url-no-issuer"},
		"gitlab.example.com":                  {"url-no-issuer"},
		"https://":                            {"url-no-issuer"},
		"https://user@localhost:1":            {"url-user"},
		"https://localhost:1/?a=b":            {"url-query"},
		"https://localhost:1/#a":              {"url-query"},
		"https://localhost:1/a/":              {"url-slash", "url-port", "dns-loopback", "unreachable"},
		"https://LOCALHOST:1":                 {"url-case", "url-port", "dns-loopback", "unreachable"},
		"https://localhost.:1":                {"url-dot", "url-port", "dns-loopback", "unreachable"},
		long:                                  {"url-long", "url-port", "dns-loopback", "unreachable"},
		"https://127.0.0.1:1":                 {"dns-number", "url-port", "dns-loopback", "unreachable"},
		"https://169.254.169.254:1":           {"dns-number", "url-port", "address-refused", "unreachable"},
		"https://[::ffff:a9fe:1]:1":           {"dns-number", "url-port", "address-refused", "unreachable"},
		"https://[fd00:ec2::254]:443":         {"dns-number", "url-443", "dns-private", "dns-ipv6-only", "unreachable"},
		"https://localhost:1" + discoveryPath: {"url-document", "url-port", "dns-loopback", "unreachable"},
	} {
		t.Run(url, func(t *testing.T) {
			t.Parallel()
			r := examine(t, &issuer{url: url})
			want(t, r, codes...)
			wantText(t, r, "unreachable", noAnswer)
		})
	}
}

// nameServer answers every question for an address with some, over UDP.
func nameServer(t *testing.T, a, aaaa, cname string) *net.Resolver {
	t.Helper()
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		buffer := make([]byte, 512)
		for {
			n, from, err := server.ReadFrom(buffer)
			if err != nil {
				return
			}
			server.WriteTo(dnsAnswer(buffer[:n], a, aaaa, cname), from) //nolint:errcheck // the client asks again
		}
	}()
	t.Cleanup(func() { server.Close(); <-done }) //nolint:errcheck // the test is over
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", server.LocalAddr().String())
	}}
}

// dnsAnswer is a reply by RFC 1035 section 4. A name "fail" is a failure of the
// server.
func dnsAnswer(question []byte, a, aaaa, cname string) []byte {
	end := 12
	for question[end] != 0 {
		end += int(question[end]) + 1
	}
	kind := binary.BigEndian.Uint16(question[end+1:])
	reply := append([]byte{}, question[:end+5]...)
	reply[2], reply[3] = 0x81, 0x80
	for i := 6; i < 12; i++ {
		reply[i] = 0
	}
	if bytes.Contains(question, []byte("fail")) {
		reply[3] = 0x82
		return reply
	}
	owner := []byte{0xc0, 12} // the name that was asked
	record := func(kind uint16, data []byte) {
		reply[7]++
		reply = append(reply, owner...)
		reply = binary.BigEndian.AppendUint16(reply, kind)
		reply = append(reply, 0, 1, 0, 0, 0, 60)
		reply = binary.BigEndian.AppendUint16(reply, uint16(len(data)))
		reply = append(reply, data...)
	}
	if cname != "" {
		var data []byte
		for label := range strings.SplitSeq(cname, ".") {
			data = append(append(data, byte(len(label))), label...)
		}
		data = append(data, 0)
		record(5, data)
		owner = data
	}
	if ip := net.ParseIP(a); ip != nil && kind == 1 {
		record(1, ip.To4())
	}
	if ip := net.ParseIP(aaaa); ip != nil && kind == 28 {
		record(28, ip.To16())
	}
	return reply
}

func TestDNS(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		host, a, aaaa, cname string
		code                 string // of D02; "" for none at warning or above
	}{
		"public":      {"issuer.test", "192.0.2.1", "2001:db8::1", "", ""},
		"private":     {"issuer.test", "10.1.2.3", "", "", "dns-private"},
		"carrier's":   {"issuer.test", "100.64.0.1", "", "", "dns-private"},
		"IPv6 alone":  {"issuer.test", "", "2001:db8::1", "", "dns-ipv6-only"},
		"link-local":  {"issuer.test", "169.254.169.254", "", "", "address-refused"},
		"no address":  {"issuer.test", "", "", "", "no-such-host"},
		"out of step": {"fail.test", "", "", "", "dns-fails"},
		"an alias":    {"issuer.test", "192.0.2.1", "", "bucket.s3.test", "+dns-alias"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c2 := &IssuerConfig{URL: "https://" + c.host, Now: func() time.Time { return start }, Resolver: nameServer(t, c.a, c.aaaa, c.cname)}
			e := &issuerExam{Report: newReport("", AWS), c: c2, observer: &observer{patient: 10 * time.Second}}
			e.examineURL()
			e.examineDNS(t.Context(), e.issuer)
			if c.code == "" {
				want(t, e.finish("D"))
			} else {
				want(t, e.finish("D"), c.code)
			}
		})
	}
}

// TestUnknownHost: the whole examination of a host that is not there ends, and
// says so.
func TestUnknownHost(t *testing.T) {
	t.Parallel()
	r := examine(t, &issuer{url: "https://issuer.test"}, func(c *IssuerConfig) { c.Resolver = nameServer(t, "", "", "") })
	want(t, r, "no-such-host")
	if n := r.Count(Skipped); n < 10 {
		t.Errorf("%d checks are said to be skipped", n)
	}
}

// TestDocuments: what a server may answer in place of the discovery document.
func TestDocuments(t *testing.T) {
	t.Parallel()
	const members = `"response_types_supported":["id_token"],"subject_types_supported":["public"],"id_token_signing_alg_values_supported":["RS256"]`
	for name, c := range map[string]struct {
		kind, body string // with ISSUER
		codes      []string
	}{
		"HTML":               {"text/html", "<!DOCTYPE html><title>Sign in</title>", []string{"discovery-page"}},
		"XML":                {"application/xml", `<?xml version="1.0"?><ListBucketResult/>`, []string{"discovery-page"}},
		"text":               {"application/json", "hello", []string{"discovery-not-json"}},
		"a list":             {"application/json", "[]", []string{"discovery-not-json"}},
		"a byte order mark":  {"application/json", "\ufeff" + `{"issuer":"ISSUER","jwks_uri":"ISSUER/keys",` + members + `}`, []string{"discovery-bom"}},
		"another type":       {"application/octet-stream", `{"issuer":"ISSUER","jwks_uri":"ISSUER/keys",` + members + `}`, []string{"discovery-content-type"}},
		"another issuer":     {"application/json", `{"issuer":"https://gitlab.example.com","jwks_uri":"ISSUER/keys",` + members + `}`, []string{"discovery-other-issuer"}},
		"a slash more":       {"application/json", `{"issuer":"ISSUER/","jwks_uri":"ISSUER/keys",` + members + `}`, []string{"discovery-other-issuer"}},
		"issuer twice":       {"application/json", `{"issuer":"https://x","issuer":"ISSUER","jwks_uri":"ISSUER/keys",` + members + `}`, []string{"discovery-repeats"}},
		"no issuer":          {"application/json", `{"jwks_uri":"ISSUER/keys",` + members + `}`, []string{"discovery-lacks"}},
		"no jwks_uri":        {"application/json", `{"issuer":"ISSUER",` + members + `}`, []string{"discovery-lacks"}},
		"jwks_uri of http":   {"application/json", `{"issuer":"ISSUER","jwks_uri":"http://localhost/keys",` + members + `}`, []string{"jwks-uri-form"}},
		"jwks_uri portless":  {"application/json", `{"issuer":"ISSUER","jwks_uri":"https://localhost/keys",` + members + `}`, []string{"jwks-uri-no-port", "unreachable"}},
		"few members":        {"application/json", `{"issuer":"ISSUER","jwks_uri":"ISSUER/keys"}`, []string{"discovery-incomplete"}},
		"strange algorithms": {"application/json", `{"issuer":"ISSUER","jwks_uri":"ISSUER/keys","response_types_supported":["id_token"],"subject_types_supported":["public"],"id_token_signing_alg_values_supported":["EdDSA"]}`, []string{"discovery-algorithms"}},
		"far too long":       {"application/json", strings.Repeat(" ", 100<<10) + "{}", []string{"discovery-long"}},
		"a bucket's absence": {"application/xml", "<Error><Code>NoSuchBucket</Code></Error>", []string{"bucket-gone"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var i *issuer
			i = server{at: map[string]http.HandlerFunc{discoveryPath: func(w http.ResponseWriter, r *http.Request) {
				text(c.kind, strings.ReplaceAll(c.body, "ISSUER", i.url))(w, r)
			}}}.start(t)
			want(t, examine(t, i), append(onThisMachine[:2:2], c.codes...)...)
		})
	}
}

func TestStatuses(t *testing.T) {
	t.Parallel()
	to := func(where string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Date", start.Format(http.TimeFormat))
			http.Redirect(w, r, where, http.StatusMovedPermanently)
		}
	}
	for name, c := range map[string]struct {
		path    string
		handler http.HandlerFunc
		codes   []string
	}{
		"moved":                   {discoveryPath, to("https://www.example.com/"), []string{"discovery-redirect"}},
		"moved to cloud metadata": {discoveryPath, to("http://169.254.169.254/latest"), []string{"discovery-redirect"}},
		"not there":               {discoveryPath, status(404, "no"), []string{"discovery-status"}},
		"forbidden by S3":         {discoveryPath, status(403, `<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>`), []string{"discovery-status"}},
		"too many":                {discoveryPath, status(429, ""), []string{"discovery-throttled"}},
		"keys moved":              {keysPath, to("/elsewhere"), []string{"keys-redirect"}},
		"keys not there":          {keysPath, status(404, "no"), []string{"keys-status"}},
		"keys down":               {keysPath, status(503, "no"), []string{"keys-throttled"}},
		"keys behind a login":     {keysPath, text("text/html", "<html>Sign in"), []string{"keys-page"}},
		"keys of another type":    {keysPath, text("text/plain", goodKeys()), []string{"keys-content-type", "+cache-unsaid"}},
		"keys in PEM":             {keysPath, text("application/json", "-----BEGIN PUBLIC KEY-----"), []string{"keys-not-json"}},
		"one key":                 {keysPath, text("application/json", jwk("")), []string{"keys-not-json"}},
		"far too many keys":       {keysPath, text("application/json", keySet(strings.Repeat(" ", 300<<10))), []string{"keys-long"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := examine(t, server{at: map[string]http.HandlerFunc{c.path: c.handler}}.start(t))
			want(t, r, append(onThisMachine[:2:2], c.codes...)...)
			if c.path == keysPath {
				wantText(t, r, c.codes[0], noAnswer)
			}
		})
	}
}

// TestKeySets: what AWS makes of keys.
func TestKeySets(t *testing.T) {
	t.Parallel()
	good := jwk(`,"kid":"one","use":"sig","alg":"RS256"`)
	many := func(n int) string {
		var list []string
		for i := range n {
			list = append(list, jwk(fmt.Sprintf(`,"kid":"%d","use":"sig"`, i)))
		}
		return keySet(list...)
	}
	short := base64.RawURLEncoding.EncodeToString(new(big.Int).Rsh(rsaKey().N, 1100).SetBit(new(big.Int).Rsh(rsaKey().N, 1100), 0, 1).Bytes())
	zero := base64.RawURLEncoding.EncodeToString(append([]byte{0}, rsaKey().N.Bytes()...))
	other := `{"kty":"EC","crv":"P-256","kid":"one","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}`
	for name, c := range map[string]struct {
		set   string
		codes []string
	}{
		"none":               {keySet(), []string{"keys-none"}},
		"no kid":             {keySet(jwk(`,"use":"sig"`)), []string{"key-no-kid", "keys-none"}},
		"an empty kid":       {keySet(good, jwk(`,"use":"sig","kid":""`)), []string{"key-no-kid"}},
		"for encryption":     {keySet(good, jwk(`,"kid":"two","use":"enc"`)), []string{"+key-use"}},
		"only that":          {keySet(jwk(`,"kid":"two","use":"enc"`)), []string{"+key-use", "keys-none"}},
		"key_ops":            {keySet(jwk(`,"kid":"one","key_ops":["verify"]`)), []string{"key-ops", "keys-none"}},
		"private":            {keySet(good, jwk(`,"kid":"two","d":"AQ"`)), []string{"key-private"}},
		"symmetric":          {keySet(good, `{"kty":"oct","kid":"two","k":"AQ"}`), []string{"key-private", "+key-type"}},
		"Ed25519":            {keySet(good, `{"kty":"OKP","crv":"Ed25519","kid":"two","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`), []string{"+key-type"}},
		"PS256":              {keySet(jwk(`,"kid":"one","alg":"PS256"`)), []string{"key-algorithm"}},
		"short":              {keySet(fmt.Sprintf(`{"kty":"RSA","kid":"one","e":"AQAB","n":%q}`, short)), []string{"key-small", "keys-none"}},
		"a zero before n":    {keySet(fmt.Sprintf(`{"kty":"RSA","kid":"one","e":"AQAB","n":%q}`, zero)), []string{"+key-leading-zero"}},
		"x5c of another":     {keySet(good, jwk(`,"kid":"two","x5c":["AAAA"]`)), []string{"key-unusable"}},
		"no modulus":         {keySet(good, `{"kty":"RSA","kid":"two"}`), []string{"key-unusable"}},
		"a number":           {keySet(good, "7"), []string{"key-no-object"}},
		"a member twice":     {keySet(jwk(`,"kid":"zero","kid":"one"`)), []string{"key-repeats", "keys-none"}},
		"a kid for two":      {keySet(good, other), []string{"key-kid-twice"}},
		"a key twice":        {keySet(good, good), []string{"+key-twice"}},
		"keys twice":         {`{"keys":[],"keys":[` + good + `]}`, []string{"keys-repeats"}},
		"100":                {many(100), nil},
		"101":                {many(101), []string{"keys-too-many", "keys-none"}},
		"named by RFC 7638":  {keySet(strings.Replace(jwk(`,"kid":"KID"`), "KID", jwkThumbprint(members{{"kty", []byte(`"RSA"`)}, {"e", []byte(`"AQAB"`)}, {"n", fmt.Appendf(nil, "%q", base64.RawURLEncoding.EncodeToString(rsaKey().N.Bytes()))}}), 1)), []string{"+key-kid-thumbprint"}},
		"keys is an object":  {`{"keys":{}}`, []string{"keys-not-json"}},
		"a key without name": {keySet(good, "{}"), []string{"key-no-kid"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := examine(t, server{jwks: c.set}.start(t))
			want(t, r, append(onThisMachine[:2:2], c.codes...)...)
			for _, f := range r.Findings {
				if rank(f.Level) >= rank(Warning) && strings.HasPrefix(f.Code, "key") && f.Code != "key-private" && f.Code != "key-repeats" && f.Code != "keys-repeats" {
					wantText(t, r, f.Code, noAnswer)
				}
			}
		})
	}
}

// TestJWKThumbprint is the example of RFC 7638 section 3.1.
func TestJWKThumbprint(t *testing.T) {
	t.Parallel()
	m, err := parseMembers([]byte(`{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"}`))
	if got := jwkThumbprint(m); err != nil || got != "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs" {
		t.Errorf("%s, error %v", got, err)
	}
}

func TestCaching(t *testing.T) {
	t.Parallel()
	for said, codes := range map[string][]string{
		"Cache-Control: no-cache":                     {"cache-forbidden"},
		"Cache-Control: No-Store":                     {"cache-forbidden"},
		"Cache-Control: public, max-age=0":            {"cache-forbidden"},
		"Pragma: no-cache":                            {"cache-forbidden"},
		"Cache-Control: max-age=soon":                 {"cache-unreadable"},
		"Cache-Control: ":                             {"+cache-unsaid"},
		"Cache-Control: public":                       {"+cache-unsaid"},
		"Cache-Control: max-age=86401":                {"cache-long"},
		"Cache-Control: max-age=86400, public, extra": nil,
	} {
		t.Run(said, func(t *testing.T) {
			t.Parallel()
			name, value, _ := strings.Cut(said, ": ")
			header := http.Header{"Cache-Control": nil}
			header.Set(name, value)
			r := examine(t, server{header: header}.start(t))
			want(t, r, append(onThisMachine[:2:2], codes...)...)
		})
	}
}

// pause answers after a while.
func pause(d time.Duration, then func() string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-time.After(d):
		case <-r.Context().Done():
			return
		}
		w.Header().Set("Cache-Control", "max-age=60")
		text("application/json", then())(w, r)
	}
}

// TestSlow: with bounds a fraction of AWS's, so that the test is quick. Each
// request takes 400 milliseconds at least.
func TestSlow(t *testing.T) {
	t.Parallel()
	slow := server{at: map[string]http.HandlerFunc{keysPath: pause(400*time.Millisecond, goodKeys)}}.start(t)
	bounds := func(slow, bound time.Duration) func(*IssuerConfig) {
		return func(c *IssuerConfig) { c.Slow, c.Bound = slow, bound; realTime(c) }
	}
	r := examine(t, slow, bounds(time.Millisecond, time.Minute))
	want(t, r, append(onThisMachine[:2:2], "slow", "crowd-slow")...)
	r = examine(t, slow, bounds(time.Millisecond, 350*time.Millisecond))
	want(t, r, append(onThisMachine[:2:2], "too-slow", "crowd-too-slow")...)
	wantText(t, r, "too-slow", noAnswer)
	never := server{at: map[string]http.HandlerFunc{keysPath: pause(time.Minute, goodKeys)}}.start(t)
	r = examine(t, never, bounds(time.Millisecond, 2*time.Second))
	if r.has("slow") { // the first document took more than a millisecond, or not
		t.Error("it is slow and not without answer")
	}
	want(t, r, append(onThisMachine[:2:2], "no-answer")...)
	wantText(t, r, "no-answer", noAnswer)
}

// TestCrowd: an issuer that limits how many it answers at once.
func TestCrowd(t *testing.T) {
	t.Parallel()
	var inside atomic.Int64
	i := server{at: map[string]http.HandlerFunc{keysPath: func(w http.ResponseWriter, r *http.Request) {
		defer inside.Add(-1)
		if inside.Add(1) > 3 {
			w.WriteHeader(http.StatusTooManyRequests)
			return
		}
		pause(200*time.Millisecond, goodKeys)(w, r)
	}}}.start(t)
	r := examine(t, i, func(c *IssuerConfig) { c.Parallel = Parallel })
	want(t, r, append(onThisMachine[:2:2], "crowd-refused")...)
	contains(t, seen(t, r, "crowd-refused"), "of 20 got status 429")
	wantText(t, r, "crowd-refused", noAnswer)
	want(t, examine(t, i, func(c *IssuerConfig) { c.Parallel = -1 }), onThisMachine...)
}

// TestFirewall: an answer for browsers only, and one for others only.
func TestFirewall(t *testing.T) {
	t.Parallel()
	for name, stop := range map[string]func(agent string) bool{
		"browsers only": func(agent string) bool { return !strings.HasPrefix(agent, "Mozilla/") },
		"no nameless":   func(agent string) bool { return agent == "" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i := server{}.start(t)
			good := i.at[discoveryPath]
			i.at[discoveryPath] = func(w http.ResponseWriter, r *http.Request) {
				if stop(r.UserAgent()) {
					status(403, "<html>Prove that you are human")(w, r)
					return
				}
				good(w, r)
			}
			r := examine(t, i)
			want(t, r, append(onThisMachine[:2:2], map[string][]string{"browsers only": {"depends-on-client", "discovery-status"}, "no nameless": {"depends-on-client"}}[name]...)...)
		})
	}
}

func TestClocks(t *testing.T) {
	t.Parallel()
	i := server{}.start(t)
	for ahead, codes := range map[time.Duration][]string{
		59 * time.Second: nil, -59 * time.Second: nil, 2 * time.Minute: {"clock-off"}, -6 * time.Minute: {"clock-wrong"}, 6 * time.Minute: {"clock-wrong"},
	} {
		r := examine(t, i, func(c *IssuerConfig) { c.Now = func() time.Time { return start.Add(ahead) } })
		want(t, r, append(onThisMachine[:2:2], codes...)...)
	}
}

// TestCustomIssuer: the keys of a GitLab instance, published elsewhere.
func TestCustomIssuer(t *testing.T) {
	t.Parallel()
	second := `{"kty":"EC","crv":"P-256","kid":"two","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}`
	instance := server{}.start(t)
	for name, c := range map[string]struct {
		published string
		instance  string
		codes     []string
	}{
		"agree":     {"", instance.url, nil},
		"missing":   {keySet(second), instance.url, []string{"instance-keys-missing", "+instance-keys-more"}},
		"not there": {"", "https://localhost:1", []string{"instance-not-asked"}},
		"no https":  {"", "http://localhost", []string{"instance-not-asked"}},
		"no GitLab": {"", instance.url + "/nothing", []string{"instance-not-asked"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := examine(t, server{jwks: c.published}.start(t), func(config *IssuerConfig) { config.GitLab = c.instance })
			want(t, r, append(onThisMachine[:2:2], c.codes...)...)
		})
	}
	// An instance with keys for other things: only the one that signs is needed.
	both := server{jwks: keySet(jwk(`,"kid":"one","use":"sig","alg":"RS256"`), second)}.start(t)
	published := server{}.start(t)
	part := func(change func(*IssuerConfig)) *Report {
		return examine(t, published, func(config *IssuerConfig) { config.GitLab = both.url; change(config) })
	}
	want(t, part(func(*IssuerConfig) {}), append(onThisMachine[:2:2], "instance-keys-part")...)
	for kid, missing := range map[string]bool{"one": false, "two": true} {
		token := sign(t, `{"alg":"RS256","kid":"`+kid+`"}`, fmt.Sprintf(`{"iss":%q,"sub":"s","aud":"a","iat":%d,"exp":%d}`, published.url, start.Unix(), start.Unix()+300))
		r := part(func(config *IssuerConfig) { config.Token = &TokenConfig{Raw: token} })
		if r.has("instance-keys-missing") != missing || r.has("instance-keys-part") {
			t.Errorf("a token of key %s: %s", kid, asJSON(t, r))
		}
	}
	none := server{jwks: keySet()}.start(t)
	if r := examine(t, published, func(config *IssuerConfig) { config.GitLab = none.url }); r.has("instance-keys-missing") || r.has("instance-keys-part") {
		t.Errorf("an instance without keys: %s", asJSON(t, r))
	}
	r := examine(t, instance, func(config *IssuerConfig) { config.GitLab = instance.url; config.Account = "123456789012" })
	want(t, r, append(onThisMachine[:2:2], "+instance-is-issuer")...)
	contains(t, asJSON(t, r), "arn:aws:iam::123456789012:oidc-provider/localhost:", ":sub")
}

// TestJWKSPort: keys at a port, of an issuer at 443.
func TestJWKSPort(t *testing.T) {
	t.Parallel()
	e := &issuerExam{Report: newReport("", AWS), c: &IssuerConfig{URL: "https://issuer.test"}}
	e.examineURL()
	e.examineJWKSURI(members{{"jwks_uri", []byte(`"https://issuer.test:8443/keys"`)}})
	want(t, e.finish("D"), "jwks-uri-port")
}

// TestNoTLS: something answers, and not by TLS.
func TestNoTLS(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: http.NotFoundHandler(), ReadHeaderTimeout: time.Minute}
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	defer func() { s.Close(); <-done }() //nolint:errcheck // the test is over
	_, port, _ := net.SplitHostPort(l.Addr().String())
	want(t, examine(t, &issuer{url: "https://localhost:" + port}), append(onThisMachine[:2:2], "no-tls", "unreachable")...)
}

// TestHostileIssuers: bodies, headers and handshakes without end are left after
// little more than their bounds, and nothing that a document says leads to where
// no issuer may be.
func TestHostileIssuers(t *testing.T) {
	t.Parallel()
	var sent atomic.Int64
	endless := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Date", start.Format(http.TimeFormat))
		chunk := bytes.Repeat([]byte(" "), 64<<10)
		for sent.Load() < 1<<30 {
			n, err := w.Write(chunk)
			sent.Add(int64(n))
			if err != nil {
				return
			}
		}
	}
	r := examine(t, server{at: map[string]http.HandlerFunc{discoveryPath: endless}}.start(t))
	want(t, r, append(onThisMachine[:2:2], "discovery-long")...)
	if n := sent.Load(); n > 128<<20 {
		t.Errorf("%d bytes were taken", n)
	}
	bounds := func(c *IssuerConfig) { c.Bound = 2 * time.Second; realTime(c) }
	drip := func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			if _, err := io.WriteString(w, " "); err != nil {
				return
			}
			w.(http.Flusher).Flush()
			time.Sleep(5 * time.Millisecond)
		}
	}
	want(t, examine(t, server{at: map[string]http.HandlerFunc{discoveryPath: drip}}.start(t), bounds), append(onThisMachine[:2:2], "no-answer")...)
	huge := func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X-Huge", strings.Repeat("a", 1<<20)) }
	want(t, examine(t, server{at: map[string]http.HandlerFunc{discoveryPath: huge}}.start(t)), append(onThisMachine[:2:2], "unreachable")...)
	silent := server{listen: func(l net.Listener) net.Listener { return silence{l} }}.start(t)
	want(t, examine(t, silent, bounds), append(onThisMachine[:2:2], "no-answer", "unreachable")...)

	metadata := server{keysURL: "https://169.254.169.254/latest/meta-data"}.start(t)
	want(t, examine(t, metadata), append(onThisMachine[:2:2], "dns-number", "address-refused", "unreachable")...)
	inward := server{keysURL: "https://localhost:1/keys", host: "issuer.example", chain: []*cert{world().middle.issue(t, "issuer", host("issuer.example")), world().middle}}.start(t)
	r = examine(t, inward, resolve("issuer.example"))
	if !r.has("dns-loopback") {
		t.Error("a jwks_uri on loopback is not told")
	}
	steering := text("application/json", "{\"issuer\":\"https://\x1b[2Jx\u202e\",\"jwks_uri\":\"\"}")
	if r = examine(t, server{at: map[string]http.HandlerFunc{discoveryPath: steering}}.start(t)); strings.ContainsAny(asJSON(t, r), "\x1b\u202e") {
		t.Error("what was sent can steer a terminal")
	}
}

// silence accepts and says nothing.
type silence struct{ net.Listener }

func (l silence) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return mute{conn}, nil
}

type mute struct{ net.Conn }

func (mute) Write(b []byte) (int, error) { return len(b), nil }

func TestResolve(t *testing.T) {
	t.Parallel()
	for text, wanted := range map[string]string{
		"a.example:10.1.2.3": "a.example 10.1.2.3", "a.example:[::1]": "a.example ::1", "a.example:::1": "a.example ::1",
		"a.example": "", ":1.2.3.4": "", "a.example:b": "",
	} {
		h, addr, err := ParseResolve(text)
		if got := h + " " + addr.String(); err == nil && got != wanted || (err == nil) != (wanted != "") {
			t.Errorf("%s: %s, error %v", text, got, err)
		}
	}
}
