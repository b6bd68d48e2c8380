package publish_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/publish"
	"github.com/daypass/daypass/internal/publish/ledger"
)

// TestRotation: a key comes with a proof, the old one stays for its overlap, and
// no valid token is refused at any time. The key of those who sign in is never
// published.
func TestRotation(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.first()
	if n := w.public().Len(); n != 1 {
		t.Errorf("%d keys are public, want that of CI alone", n)
	}
	if r, err := p.Follow(t.Context(), w.request("")); err != nil || r.Changed {
		t.Errorf("again: %+v, %v", r, err)
	}
	old, oldKey := w.token(), w.ciKey()
	w.rotate()
	if _, err := p.Follow(t.Context(), w.request("")); rule(err) != "unproven" {
		t.Errorf("without a proof: %v", err)
	}
	if !w.admits(old) {
		t.Error("a refusal took a key away")
	}
	fresh := w.token()
	if _, err := p.Follow(t.Context(), w.request(fresh)); err != nil {
		t.Fatal(err)
	}
	if !w.admits(old) || !w.admits(fresh) {
		t.Error("after the rotation a valid token is refused")
	}
	w.pass(25*time.Hour + 11*time.Minute)
	if _, err := p.Follow(t.Context(), ledger.Request{By: "ada"}); err != nil || !w.public().Has(oldKey) {
		t.Errorf("an issuer that is not read takes a key away: %v", err)
	}
	if _, err := p.Follow(t.Context(), w.request("")); err != nil || w.public().Has(oldKey) {
		t.Errorf("the old key stays: %v", err)
	}
	if !w.admits(w.token()) {
		t.Error("the new key went too")
	}
	if !bytes.Equal(read(t, w.ledger), read(t, w.dir, publish.LedgerKey)) {
		t.Error("the local ledger is not the target's")
	}
}

// TestStagedAndRevoked: a key is public before it signs; one that leaked goes at
// once and does not come back.
func TestStagedAndRevoked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.first()
	leaked, stale := w.token(), w.ciKey()
	w.rotate()
	var next ledger.Key
	for _, k := range w.request("").Upstream {
		if k.Thumbprint() == w.ciKey() {
			next = k
		}
	}
	stage := ledger.Request{By: "ada", Stage: []ledger.Key{next}}
	if _, err := p.Follow(t.Context(), stage); rule(err) != "unproven" {
		t.Errorf("staged without approval: %v", err)
	}
	stage.Approve = []string{next.Thumbprint()}
	if _, err := p.Follow(t.Context(), stage); err != nil || !w.admits(w.token()) || !w.admits(leaked) {
		t.Errorf("staged: %v", err)
	}
	if _, err := p.Follow(t.Context(), w.request("")); err != nil {
		t.Errorf("an issuer with a staged key needs no proof: %v", err)
	}
	r, err := p.Revoke(t.Context(), stale, false)
	if err != nil || w.admits(leaked) || !w.admits(w.token()) {
		t.Errorf("revoked: %+v, %v", r, err)
	}
	if _, err := p.Revoke(t.Context(), next.Kid, false); rule(err) != "empty" || !w.admits(w.token()) {
		t.Errorf("the last key: %v", err)
	}
	again := ledger.Request{By: "ada", Stage: []ledger.Key{{}}}
	for _, e := range must2(ledger.Parse(read(t, w.ledger))).Entries() {
		if e.Sequence == 1 {
			again.Stage[0] = e.State.Keys[0].Key
		}
	}
	again.Approve = []string{stale}
	if _, err := p.Follow(t.Context(), again); rule(err) != "revoked" {
		t.Errorf("a revoked key again: %v", err)
	}
}

func must2[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// TestUpstreamRefused: what an issuer may not answer with. Nothing of it changes
// what is public.
func TestUpstreamRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.first()
	before := read(t, w.dir, filepath.FromSlash(publish.KeysKey))
	document := func(rw http.ResponseWriter, r *http.Request, keys string) {
		rw.Header().Set("Content-Type", "application/json")
		if strings.HasSuffix(r.URL.Path, "configuration") {
			_, _ = fmt.Fprintf(rw, `{"issuer":"x","jwks_uri":"http://%s/keys"}`, r.Host)
			return
		}
		_, _ = io.WriteString(rw, keys)
	}
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		rule   string
	}{
		"HTML": {func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Content-Type", "text/html")
			_, _ = io.WriteString(rw, "<html>Sign in</html>")
		}, "not-json"},
		"HTML that says it is JSON": {func(rw http.ResponseWriter, r *http.Request) { document(rw, r, "<html>") }, "not-json"},
		"a redirect": {func(rw http.ResponseWriter, r *http.Request) {
			http.Redirect(rw, r, "/users/sign_in", http.StatusFound)
		}, "redirect"},
		"keys on another host": {func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(rw, `{"jwks_uri":"http://127.0.0.2/keys"}`)
		}, "upstream-host"},
		"a private key": {func(rw http.ResponseWriter, r *http.Request) {
			document(rw, r, `{"keys":[{"kty":"RSA","kid":"a","n":"AA","e":"AQAB","d":"AA"}]}`)
		}, "private-key"},
		"a symmetric key": {func(rw http.ResponseWriter, r *http.Request) { document(rw, r, `{"keys":[{"kty":"oct","kid":"a"}]}`) }, "oct"},
		"no keys":         {func(rw http.ResponseWriter, r *http.Request) { document(rw, r, `{"keys":[]}`) }, "empty"},
		"endless":         {func(rw http.ResponseWriter, r *http.Request) { document(rw, r, strings.Repeat(" ", 2<<20)) }, "too-long"},
		"an error":        {func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(http.StatusBadGateway) }, ""},
	} {
		server := httptest.NewServer(c.answer)
		u := publish.Upstream{URL: server.URL}
		if keys, err := u.Keys(t.Context()); err == nil || rule(err) != c.rule || keys != nil {
			t.Errorf("%s: %v, %v; want the rule %q", name, keys, err, c.rule)
		}
		server.Close()
	}
	for name, c := range map[string]struct {
		u    publish.Upstream
		rule string
	}{
		"http":              {publish.Upstream{URL: "http://gitlab.internal"}, "upstream-http"},
		"no authority":      {publish.Upstream{URL: w.upstream.URL}, "tls"},
		"another authority": {publish.Upstream{URL: w.upstream.URL, Reader: publish.Reader{Roots: w.roots}}, "tls"},
		"another pin":       {publish.Upstream{URL: w.upstream.URL, Reader: publish.Reader{Roots: w.upstream.Reader.Roots, Pin: "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="}}, "pin"},
	} {
		if _, err := c.u.Keys(t.Context()); rule(err) != c.rule {
			t.Errorf("%s: %v; want the rule %q", name, err, c.rule)
		}
	}
	if !bytes.Equal(before, read(t, w.dir, filepath.FromSlash(publish.KeysKey))) {
		t.Error("what is public has changed")
	}
}

// TestProofRefused: a token that proves nothing.
func TestProofRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	keys := w.request("").Upstream
	old := w.token()
	other := newWorld(t)
	for name, c := range map[string]struct{ token, rule string }{
		"of another issuer": {other.token(), "proof-issuer"}, "no token": {"secret-nonsense", "proof"}, "cut off": {old[:len(old)-4], "proof"},
	} {
		if _, err := publish.Prove(c.token, w.issuer, keys, w.now()); rule(err) != c.rule || strings.Contains(err.Error(), c.token) {
			t.Errorf("%s: %v; want %s", name, err, c.rule)
		}
	}
	if _, err := publish.Prove(old, w.issuer, keys, w.now().Add(48*time.Hour)); rule(err) != "proof" {
		t.Errorf("a token that is over: %v", err)
	}
	w.rotate()
	if _, err := publish.Prove(old, w.issuer, w.request("").Upstream, w.now()); rule(err) != "proof" {
		t.Errorf("a token of a key that the issuer has no more: %v", err)
	}
}

// TestTargetRefused: a place that others can write, or in which there is what no
// ledger tells of.
func TestTargetRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	keys := w.request("").Upstream
	path := filepath.Join(w.dir, filepath.FromSlash(publish.KeysKey))
	must(t, os.MkdirAll(filepath.Dir(path), 0o755))
	p := w.publisher()
	must(t, os.WriteFile(path, []byte("<html>"), 0o644))
	if _, err := p.Follow(t.Context(), w.request("", w.ciKey())); rule(err) != "unknown-keys" {
		t.Errorf("over what is no key set: %v", err)
	}
	must(t, os.Remove(path))
	must(t, os.Symlink(filepath.Join(t.TempDir(), "elsewhere"), path))
	if _, err := p.Follow(t.Context(), w.request("", w.ciKey())); rule(err) != "directory-link" {
		t.Errorf("through a link: %v", err)
	}
	must(t, os.Remove(path))
	must(t, os.WriteFile(path, ledger.RenderKeys(keys), 0o644))
	if _, err := p.Follow(t.Context(), w.request("", w.ciKey())); rule(err) != "loses-key" || !w.admits(w.token()) {
		t.Errorf("over keys that were copied by hand: %v", err)
	}
	must(t, os.Chmod(path, 0o666))
	if _, err := p.Follow(t.Context(), w.request("", keys[0].Thumbprint(), keys[1].Thumbprint())); rule(err) != "public-write" {
		t.Errorf("where everybody can write: %v", err)
	}
	must(t, os.Chmod(path, 0o644))
	if _, err := p.Follow(t.Context(), w.request("", keys[0].Thumbprint(), keys[1].Thumbprint())); err != nil || w.public().Len() != 2 {
		t.Errorf("with all approved: %v", err)
	}
	bad := w.publisher()
	bad.Issuer += "/"
	if _, err := bad.Follow(t.Context(), w.request("")); rule(err) != "issuer-slash" {
		t.Errorf("an issuer with a slash: %v", err)
	}
	if _, err := publish.NewS3(publish.S3Config{Bucket: "a.b"}); rule(err) != "bucket-dots" {
		t.Errorf("dots: %v", err)
	}
	if _, err := publish.NewS3(publish.S3Config{Bucket: "a", OwnerNeeded: true}); rule(err) != "bucket-owner" {
		t.Errorf("no owner: %v", err)
	}
}

// TestVerify finds what was done by hand, without credentials.
func TestVerify(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.first()
	w.rotate()
	must2(p.Follow(t.Context(), w.request(w.token())))
	text := read(t, w.ledger)
	head := must2(ledger.Parse(text)).Head()
	path := filepath.Join(w.dir, filepath.FromSlash(publish.KeysKey))
	good := read(t, path)
	state := must2(ledger.Parse(text)).State()
	verify := func(change func(*publish.VerifyConfig)) []string {
		c := publish.VerifyConfig{Issuer: w.issuer, Public: publish.Reader{Roots: w.roots}, Ledger: text, Head: head, Upstream: w.upstream, Now: w.now}
		if change != nil {
			change(&c)
		}
		v := publish.Verify(t.Context(), c)
		var codes []string
		for _, problem := range v.Problems {
			codes = append(codes, problem.Code)
		}
		if v.Verified != (len(codes) == 0) {
			t.Errorf("verified %v with %v", v.Verified, codes)
		}
		return codes
	}
	want := func(name string, got []string, code string) {
		t.Helper()
		if fmt.Sprint(got) != "["+code+"]" {
			t.Errorf("%s: %v, want [%s]", name, got, code)
		}
	}
	want("nothing", verify(nil), "")
	other := newWorld(t)
	must(t, os.WriteFile(path, ledger.RenderKeys(append(state.Public(), other.request("").Upstream[1])), 0o644))
	want("a key added by hand", verify(nil), "key-added")
	must(t, os.WriteFile(path, ledger.RenderKeys(state.Public()[1:]), 0o644))
	want("a key removed", verify(nil), "key-removed")
	if r, err := p.Follow(t.Context(), w.request("")); err != nil || !r.Changed || len(r.Warnings) != 1 || !bytes.Equal(read(t, path), good) {
		t.Errorf("it is not put back: %+v, %v", r, err)
	}
	want("put back, the ledger is older", verify(nil), "")
	want("a ledger edited", verify(func(c *publish.VerifyConfig) { c.Ledger = bytes.Replace(text, []byte("ada"), []byte("eve"), 1) }), "ledger-edited")
	if codes := verify(func(c *publish.VerifyConfig) { c.Ledger = text[:bytes.IndexByte(text, '\n')+1] }); codes[0] != "ledger-rewritten" {
		t.Errorf("a ledger cut off: %v", codes)
	}
	w.rotate()
	want("a rotation", verify(nil), "upstream-rotated")
	must(t, os.RemoveAll(w.dir))
	if codes := verify(func(c *publish.VerifyConfig) { c.Upstream = nil }); fmt.Sprint(codes) != "[gone gone]" {
		t.Errorf("a bucket gone: %v", codes)
	}
	want("nobody there", verify(func(c *publish.VerifyConfig) { c.Issuer = "https://none.invalid" }), "ledger-issuer")
}

// TestTwoAtOnce: publishers that run at once, on one target, do no harm: the
// ledger is whole, one rotation is in it once, and every valid token is admitted.
func TestTwoAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.first()
	old := w.token()
	w.rotate()
	fresh := w.token()
	stop := make(chan struct{})
	var refused, looked int
	var reader sync.WaitGroup
	reader.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				looked++
				if !w.admits(old) {
					refused++
				}
			}
		}
	})
	var all sync.WaitGroup
	for i := range 4 {
		p := w.publisher()
		p.Ledger = filepath.Join(t.TempDir(), "ledger.jsonl")
		p.By = fmt.Sprint("publisher ", i)
		request := w.request(fresh)
		all.Go(func() {
			if _, err := p.Follow(context.WithoutCancel(t.Context()), request); err != nil {
				t.Errorf("%s: %v", p.By, err)
			}
		})
	}
	all.Wait()
	close(stop)
	reader.Wait()
	if refused > 0 || looked == 0 || !w.admits(fresh) {
		t.Errorf("%d of %d looks refused the old token; the new one is admitted: %v", refused, looked, w.admits(fresh))
	}
	intents := 0
	for _, e := range must2(ledger.Parse(read(t, w.dir, publish.LedgerKey))).Entries() {
		if e.Kind == ledger.Intent {
			intents++
		}
	}
	if intents != 2 {
		t.Errorf("%d changes are in the ledger, want 2", intents)
	}
}

// TestWatch: it publishes, tells by its metrics what waits for a proof, and is
// ready while all is well.
func TestWatch(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.first()
	var token string
	watcher := &publish.Watcher{
		Publisher: p, Interval: time.Hour, Log: slog.New(slog.DiscardHandler),
		Request: func(context.Context) (ledger.Request, error) { return w.request(token), nil },
	}
	page := func(path string) (int, string) {
		recorder := httptest.NewRecorder()
		watcher.Handler().ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, path, nil))
		return recorder.Code, recorder.Body.String()
	}
	if code, _ := page("/readyz"); code != http.StatusServiceUnavailable {
		t.Errorf("ready before the first check: %d", code)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { watcher.Run(ctx); close(ended) }()
	for code := 0; code != http.StatusOK; code, _ = page("/readyz") {
		time.Sleep(10 * time.Millisecond) // until the first check, or the test's own end
		if t.Context().Err() != nil {
			t.Fatal("it is never ready")
		}
	}
	cancel()
	<-ended
	w.rotate()
	if err := watcher.Check(t.Context()); rule(err) != "unproven" {
		t.Errorf("after a rotation: %v", err)
	}
	if _, metrics := page("/metrics"); !strings.Contains(metrics, "daypass_publish_upstream_kid_unpublished 1") || !strings.Contains(metrics, "daypass_publish_public_mismatch 0") {
		t.Error(metrics)
	}
	token = w.token()
	must(t, watcher.Check(t.Context()))
	must(t, os.WriteFile(filepath.Join(w.dir, filepath.FromSlash(publish.ConfigurationKey)), []byte("{}"), 0o644))
	must(t, watcher.Check(t.Context())) // it puts back
	if _, metrics := page("/metrics"); !strings.Contains(metrics, "daypass_publish_upstream_kid_unpublished 0") || !strings.Contains(metrics, "daypass_publish_keys 2") {
		t.Error(metrics)
	}
	w.pass(5 * time.Hour)
	if code, _ := page("/readyz"); code != http.StatusServiceUnavailable {
		t.Errorf("ready five hours later: %d", code)
	}
}
