package ledger_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/publish/ledger"

	"github.com/go-jose/go-jose/v4"
	"pgregory.net/rapid"
)

const (
	issuer = "https://oidc.example.com"
	uri    = issuer + "/oauth/discovery/keys"
)

var start = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// pool are keys to draw from; making them takes the time.
var pool = func() []ledger.Key {
	keys := make([]ledger.Key, 6)
	for i := range keys {
		key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
		keys[i] = must(ledger.ParseKeys(publicPEM(&key.PublicKey)))[0]
	}
	return keys
}()

func publicPEM(key any) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: must(x509.MarshalPKIXPublicKey(key))})
}

// jwk is an RSA key as a JWK, with members changed.
func jwk(key *rsa.PublicKey, change map[string]any) []byte {
	encode := base64.RawURLEncoding.EncodeToString
	members := map[string]any{"kty": "RSA", "kid": "k", "use": "sig", "n": encode(key.N.Bytes()), "e": encode(big.NewInt(int64(key.E)).Bytes())}
	for name, value := range change {
		members[name] = value
		if value == nil {
			delete(members, name)
		}
	}
	return must(json.Marshal(members))
}

func rule(err error) string {
	var refusal *ledger.Refusal
	if errors.As(err, &refusal) {
		return refusal.Rule
	}
	return ""
}

// TestThumbprint: ours is RFC 7638's, by its example and by go-jose.
func TestThumbprint(t *testing.T) {
	t.Parallel()
	// RFC 7638 section 3.1.
	n := "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
	keys := must(ledger.ParseKeys([]byte(`{"keys":[{"kty":"RSA","kid":"2011-04-29","alg":"RS256","e":"AQAB","x5c":["no certificate"],"n":"` + n + `"}]}`)))
	if got := keys[0].Thumbprint(); got != "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs" {
		t.Errorf("got %s", got)
	}
	key := must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader))
	got := must(ledger.ParseKeys(publicPEM(&key.PublicKey)))[0]
	want := base64.RawURLEncoding.EncodeToString(must((&jose.JSONWebKey{Key: &key.PublicKey}).Thumbprint(5)))
	if got.Thumbprint() != want || got.Kid != want || got.Alg != "ES384" {
		t.Errorf("got %+v, want the thumbprint %s", got, want)
	}
}

// TestKeysRefused: what may not be published is refused by name, and no part of a
// private key is told.
func TestKeysRefused(t *testing.T) {
	t.Parallel()
	key := must(rsa.GenerateKey(rand.Reader, 2048))
	short := must(rsa.GenerateKey(rand.Reader, 1024)) //nolint:gosec // G403: to be refused
	secret := base64.RawURLEncoding.EncodeToString(key.D.Bytes())
	odd := key.PublicKey
	odd.E = 3
	private := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: must(x509.MarshalPKCS8PrivateKey(key))})
	set := func(keys ...[]byte) []byte { return []byte(`{"keys":[` + string(bytes.Join(keys, []byte(","))) + `]}`) }
	good := jwk(&key.PublicKey, nil)
	for name, c := range map[string]struct {
		text []byte
		rule string
	}{
		"private member":       {jwk(&key.PublicKey, map[string]any{"d": secret}), "private-key"},
		"other private member": {set(good, jwk(&key.PublicKey, map[string]any{"kid": "b", "Qi": secret})), "private-key"},
		"private PEM":          {private, "private-key"},
		"private PEM behind":   {append(publicPEM(&key.PublicKey), private...), "private-key"},
		"symmetric":            {[]byte(`{"kty":"oct","kid":"s"}`), "oct"},
		"symmetric, with k":    {[]byte(`{"kty":"oct","kid":"s","k":"` + secret + `"}`), "private-key"},
		"short":                {jwk(&short.PublicKey, nil), "key-short"},
		"exponent":             {jwk(&odd, nil), "key-exponent"},
		"without kid":          {jwk(&key.PublicKey, map[string]any{"kid": nil}), "kid-missing"},
		"kid twice":            {set(good, good), "kid-repeated"},
		"for encryption":       {jwk(&key.PublicKey, map[string]any{"use": "enc"}), "key-use"},
		"algorithm":            {jwk(&key.PublicKey, map[string]any{"alg": "HS256"}), "key-algorithm"},
		"type":                 {[]byte(`{"kty":"OKP","kid":"s","crv":"Ed25519","x":"AA"}`), "key-type"},
		"off the curve":        {[]byte(`{"kty":"EC","kid":"s","crv":"P-256","x":"AA","y":"AA"}`), "key-unusable"},
		"HTML":                 {[]byte("<html>Sign in</html>"), "not-json"},
		"another document":     {[]byte(`{"issuer":"x"}`), "not-json"},
		"no key":               {set(), "empty"},
	} {
		_, err := ledger.ParseKeys(c.text)
		if rule(err) != c.rule || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: %v; want the rule %s", name, err, c.rule)
		}
	}
	// What is dropped, and not refused.
	keys, err := ledger.ParseKeys(set(jwk(&key.PublicKey, map[string]any{"key_ops": []string{"verify"}, "x5t": "AA", "internal": "gitlab.internal"})))
	if err != nil || strings.Contains(string(ledger.RenderKeys(keys)), "internal") || strings.Contains(string(ledger.RenderKeys(keys)), "key_ops") {
		t.Errorf("got %s, %v", ledger.RenderKeys(keys), err)
	}
}

func TestIssuerRefused(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"http://oidc.example.com": "issuer-http", "https://oidc.example.com:8443": "issuer-port", "https://oidc.example.com?x": "issuer-query",
		"https://oidc.example.com#x": "issuer-query", "https://oidc.example.com/": "issuer-slash", "oidc.example.com": "issuer-url",
		"https://u@oidc.example.com": "issuer-user", "https://OIDC.example.com": "issuer-case", "https://oidc.example.com/" + strings.Repeat("a", 255): "issuer-long",
		"https://oidc.example.com/a": "", "https://localhost:8443/a": "",
	} {
		if got := rule(ledger.CheckIssuer(url)); got != want {
			t.Errorf("%s: %q, want %q", url, got, want)
		}
	}
}

// request is one of an issuer that is published with the first key of the pool.
func request(state *ledger.State, upstream ...ledger.Key) ledger.Request {
	return ledger.Request{Now: start, Issuer: issuer, JWKSURI: uri, State: state, Upstream: upstream, Choose: ledger.ChooseCI, By: "ada", Overlap: ledger.Overlap(15*time.Minute, time.Hour)}
}

func first(t *testing.T) *ledger.State {
	t.Helper()
	r := request(nil, pool[0], pool[1])
	r.Approve = []string{pool[0].Thumbprint()}
	plan, err := ledger.Make(r)
	if err != nil {
		t.Fatal(err)
	}
	return plan.Next
}

// TestPlanRefused: each rule on what a plan may do.
func TestPlanRefused(t *testing.T) {
	t.Parallel()
	state := first(t)
	if len(state.Keys) != 1 || state.Keys[0].Status != ledger.Active || !slices.Equal(state.Ignored, []string{pool[1].Thumbprint()}) {
		t.Fatalf("the first state is %+v", state)
	}
	revoked := must(ledger.Revoke(state, pool[0].Kid, true)).Next
	other := pool[2]
	other.Kid = pool[0].Kid
	for name, c := range map[string]struct {
		r    ledger.Request
		also func(*ledger.Request)
		rule string
	}{
		"first without approval":         {request(nil, pool[0]), nil, "first-approval"},
		"first with a token only":        {request(nil, pool[0]), func(r *ledger.Request) { r.Proven = pool[0].Thumbprint() }, "first-approval"},
		"new key, all":                   {request(state, pool[0], pool[2]), func(r *ledger.Request) { r.Choose = ledger.ChooseAll }, "unproven"},
		"new key, kid":                   {request(state, pool[0], pool[2]), func(r *ledger.Request) { r.Choose = "kid=" + pool[0].Kid + "," + pool[2].Kid }, "unproven"},
		"rotated, nobody vouches":        {request(state, pool[1], pool[2]), nil, "unproven"},
		"rotated, proof of the old key":  {request(state, pool[1], pool[2]), func(r *ledger.Request) { r.Proven = pool[0].Thumbprint() }, "unproven"},
		"staged, nobody vouches":         {request(state), func(r *ledger.Request) { r.Stage = pool[2:3] }, "unproven"},
		"another key under the same kid": {request(state, other), func(r *ledger.Request) { r.Approve = []string{other.Thumbprint()} }, "kid-repeated"},
		"a revoked key":                  {request(revoked, pool[0]), func(r *ledger.Request) { r.Approve = []string{pool[0].Thumbprint()} }, "revoked"},
		"another issuer":                 {request(state, pool[0]), func(r *ledger.Request) { r.Issuer = issuer + "/b" }, "issuer-changed"},
		"the kid changed":                {request(state, ledger.Key{Kty: "EC", Kid: "new", Use: "sig", Alg: "ES256", Crv: pool[0].Crv, X: pool[0].X, Y: pool[0].Y}), nil, "kid-changed"},
		"nothing, no upstream":           {request(nil), nil, "empty"},
	} {
		if c.also != nil {
			c.also(&c.r)
		}
		if plan, err := ledger.Make(c.r); rule(err) != c.rule {
			t.Errorf("%s: %+v, %v; want the rule %s", name, plan, err, c.rule)
		}
	}
	if _, err := ledger.Revoke(state, pool[0].Kid, false); rule(err) != "empty" {
		t.Errorf("to revoke the last key: %v", err)
	}
	if _, err := ledger.Revoke(state, "none", false); rule(err) != "unknown-key" {
		t.Errorf("to revoke no key: %v", err)
	}
}

// TestRotation: the old key stays for its overlap, and goes in a change of its own.
func TestRotation(t *testing.T) {
	t.Parallel()
	state := first(t)
	r := request(state, pool[1], pool[2])
	r.Proven, r.ProvenBy = pool[2].Thumbprint(), "token x"
	plan := must(ledger.Make(r))
	state = plan.Next
	old, _ := state.Find(pool[0].Kid)
	if old.Status != ledger.Retired || !old.Leaves.Equal(start.Add(25*time.Hour+10*time.Minute)) || len(state.Keys) != 2 {
		t.Fatalf("after the rotation: %+v", state.Keys)
	}
	r = request(state, pool[1], pool[2])
	r.Now = old.Leaves.Add(-time.Second)
	if plan := must(ledger.Make(r)); plan.Next != nil {
		t.Errorf("before its time: %+v", plan)
	}
	r.Now = old.Leaves
	withNew := r
	withNew.Upstream, withNew.Approve = append(withNew.Upstream, pool[3]), []string{pool[3].Thumbprint()}
	if plan := must(ledger.Make(withNew)); len(plan.Next.Keys) != 3 || len(plan.Later) != 1 {
		t.Errorf("with another that comes: %+v", plan)
	}
	silent := r
	silent.Upstream = nil
	if plan := must(ledger.Make(silent)); plan.Next != nil {
		t.Errorf("an issuer that says nothing takes a key away: %+v", plan)
	}
	if plan := must(ledger.Make(r)); len(plan.Next.Keys) != 1 {
		t.Errorf("at its time: %+v", plan)
	}
}

// TestChangesKeepTheRules draws what an issuer has, what is vouched for, and the
// time; every plan is one that the ledger takes, and no key goes before its time.
func TestChangesKeepTheRules(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		l := &ledger.Ledger{}
		now := start
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 30).Draw(t, "hours")) * time.Hour)
			old := l.State()
			pick := func(name string) (some []ledger.Key) {
				for i, in := range rapid.SliceOfN(rapid.Bool(), len(pool), len(pool)).Draw(t, name) {
					if in {
						some = append(some, pool[i])
					}
				}
				return some
			}
			r := request(old, pick("upstream")...)
			r.Now = now
			r.Choose = rapid.SampledFrom([]string{ledger.ChooseCI, ledger.ChooseAll}).Draw(t, "choose")
			if rapid.Bool().Draw(t, "proof") {
				r.Proven, r.ProvenBy = rapid.SampledFrom(pool).Draw(t, "proven").Thumbprint(), "token"
			}
			for _, k := range pick("approved") {
				r.Approve = append(r.Approve, k.Thumbprint())
			}
			plan, err := ledger.Make(r)
			if rapid.IntRange(0, 9).Draw(t, "revoke") == 0 && old != nil && len(old.Keys) > 0 {
				plan, err = ledger.Revoke(old, old.Keys[0].Thumbprint, false)
			}
			if err != nil {
				if rule(err) == "" {
					t.Fatalf("an error that is no refusal: %v", err)
				}
				continue
			}
			if plan.Next == nil {
				continue
			}
			if l, err = l.Append(ledger.Entry{Time: now, Kind: ledger.Intent, By: "x", State: plan.Next}); err != nil {
				t.Fatal(err)
			}
			if old == nil {
				continue
			}
			for _, was := range old.Keys {
				k := was.Key
				_, stays := plan.Next.Find(k.Thumbprint())
				if !stays && !slices.Contains(plan.Next.Revoked, k.Thumbprint()) && (was.Status != ledger.Retired || now.Before(was.Leaves)) {
					t.Fatalf("%+v went at %s", was, now)
				}
			}
		}
		if _, err := ledger.Parse(l.Bytes()); err != nil {
			t.Fatal(err)
		}
	})
}

// TestEdited: no line can be changed, taken out, or put elsewhere.
func TestEdited(t *testing.T) {
	t.Parallel()
	l := &ledger.Ledger{}
	state := first(t)
	for _, e := range []ledger.Entry{
		{Time: start, Kind: ledger.Intent, By: "ada", State: state}, {Time: start, Kind: ledger.Done, By: "ada"},
		{Time: start.Add(time.Hour), Kind: ledger.Intent, By: "bob", State: must(ledger.Revoke(state, pool[0].Kid, true)).Next}, {Time: start.Add(time.Hour), Kind: ledger.Done, By: "bob"},
	} {
		var err error
		if l, err = l.Append(e); err != nil {
			t.Fatal(err)
		}
	}
	text := string(l.Bytes())
	lines := strings.SplitAfter(text, "\n")
	for name, edited := range map[string]string{
		"a name":            strings.Replace(text, "ada", "eve", 1),
		"a line out":        lines[0] + lines[2] + lines[3],
		"the first out":     lines[1] + lines[2] + lines[3],
		"lines exchanged":   lines[1] + lines[0] + lines[2] + lines[3],
		"a line twice":      lines[0] + lines[0],
		"cut off":           text[:len(text)-1],
		"another member":    strings.Replace(text, `{"sequence"`, `{"x":1,"sequence"`, 1),
		"a done in advance": lines[1],
	} {
		if _, err := ledger.Parse([]byte(edited)); err == nil {
			t.Errorf("%s is not found", name)
		}
	}
	shorter := must(ledger.Parse([]byte(lines[0] + lines[1])))
	if shorter.Holds(l.Head()) || !l.Holds(shorter.Head()) || !l.Extends(shorter) || shorter.Extends(l) {
		t.Error("a ledger without its end is taken for the whole")
	}
	// What the rules forbid is not taken, though its hash be right.
	sneaky := *state
	sneaky.Keys = append(slices.Clone(state.Keys), ledger.Published{Key: pool[3], Thumbprint: pool[3].Thumbprint(), Status: ledger.Active})
	if _, err := l.Append(ledger.Entry{Time: start.Add(2 * time.Hour), Kind: ledger.Intent, By: "eve", State: &sneaky}); err == nil {
		t.Error("a key that nobody vouched for is taken")
	}
}

func FuzzParseKeys(f *testing.F) {
	f.Add(ledger.RenderKeys(pool))
	f.Add([]byte(`{"keys":[{"kty":"RSA","kid":"a","n":"AA","e":"AQAB"}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		keys, err := ledger.ParseKeys(text)
		if err != nil {
			return
		}
		again, err := ledger.ParseKeys(ledger.RenderKeys(keys))
		if err != nil || len(again) != len(keys) {
			t.Fatalf("what was published is not read again: %v", err)
		}
		if bytes.Contains(ledger.RenderKeys(keys), []byte(`"d":`)) {
			t.Fatal("a private member is published")
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"sequence":1,"time":"2026-01-01T00:00:00Z","kind":"intent","by":"a","state":{"issuer":"i","jwksUri":"u","keys":[]},"previous":""}` + "\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		l, err := ledger.Parse(text)
		if err == nil && !bytes.Equal(l.Bytes(), text) {
			t.Fatal("a ledger is not what was read")
		}
	})
}
