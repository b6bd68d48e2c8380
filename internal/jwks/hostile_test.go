package jwks

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/oidc"
)

// TestCrowdAtAColdIssuer: 200 at once cost one discovery and one fetch of keys.
func TestCrowdAtAColdIssuer(t *testing.T) {
	t.Parallel()
	var clock clock
	p := newPKI(t)
	i, c := serve(t, p.leaf, p.intermediate), clock.cache(p.trusted)
	var group sync.WaitGroup
	var bad atomic.Int64
	for range 200 {
		group.Go(func() {
			if keys, err := c.Keys(t.Context(), i.provider(), "one"); err != nil || !keys.Has("one") {
				bad.Add(1)
			}
		})
	}
	group.Wait()
	if bad.Load() > 0 {
		t.Errorf("%d of 200 got no key", bad.Load())
	}
	wantFetches(t, i, 1)
}

// TestFloodOfUnknownKeys: 10,000 invented kids over an hour cost a fetch each
// 30 seconds and no more, and no memory.
func TestFloodOfUnknownKeys(t *testing.T) {
	t.Parallel()
	var clock clock
	p := newPKI(t)
	i, c := serve(t, p.leaf, p.intermediate), clock.cache(p.trusted)
	i.header.Set("Cache-Control", "max-age=86400")
	want(t, c, i.provider(), "one", true)
	const span = time.Hour
	for n := range 10000 {
		want(t, c, i.provider(), fmt.Sprint("invented", n), false)
		clock.advance(span / 10000)
	}
	if n := i.keys.Load() - 1; n > int64(span/unknownKeyFloor) || n < 100 {
		t.Errorf("10,000 unknown kids in %v made %d fetches", span, n)
	}
	entries := 0
	c.entries.Range(func(_, _ any) bool { entries++; return true })
	if entries != 1 {
		t.Errorf("%d entries are kept", entries)
	}
}

// TestUnreachable: what may be well in a moment.
func TestUnreachable(t *testing.T) {
	t.Parallel()
	p := newPKI(t)
	cut := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		io.WriteString(w, `{"keys":[]}`) //nolint:errcheck // the client notices
	}
	reset := func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			_ = conn.(*tls.Conn).NetConn().(*net.TCPConn).SetLinger(0)
			_ = conn.(*tls.Conn).NetConn().Close()
		}
	}
	for name, c := range map[string]struct {
		change func(i *issuer)
		why    string
	}{
		"refused":          {func(i *issuer) { i.url = "https://" + closedPort(t) }, syscall.ECONNREFUSED.Error()},
		"no such name":     {func(i *issuer) { i.url = "https://daypass-test.invalid" }, "daypass-test.invalid"},
		"reset":            {func(i *issuer) { i.answer(discoveryPath, reset) }, "Get "},
		"cut off":          {func(i *issuer) { i.answer(keysPath, cut) }, "EOF"},
		"status 500":       {func(i *issuer) { i.answer(discoveryPath, status(500)) }, "status 500"},
		"status 502":       {func(i *issuer) { i.answer(keysPath, status(502)) }, "status 502"},
		"status 503":       {func(i *issuer) { i.answer(keysPath, status(503)) }, "status 503"},
		"status 504":       {func(i *issuer) { i.answer(keysPath, status(504)) }, "status 504"},
		"too many at once": {func(i *issuer) { i.answer(discoveryPath, status(429)) }, "status 429"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var clock clock
			i := serve(t, p.leaf, p.intermediate)
			c.change(i)
			_, err := clock.cache(p.trusted).Keys(t.Context(), i.provider(), "one")
			wantKind(t, err, ErrUnreachable)
			if err == nil || !strings.Contains(err.Error(), c.why) {
				t.Errorf("error is %v, want it to say %q", err, c.why)
			}
		})
	}
}

// closedPort is an address on loopback where nobody listens.
func closedPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() //nolint:errcheck // it listens no more, or not at all
	return l.Addr().String()
}

// TestNoTLS: what answers is no issuer, however often it is asked.
func TestNoTLS(t *testing.T) {
	t.Parallel()
	var clock clock
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()                          //nolint:errcheck // the test is over
	go http.Serve(l, http.NotFoundHandler()) //nolint:errcheck // ends with the listener
	_, err = clock.cache().Keys(t.Context(), Provider{Issuer: "https://" + l.Addr().String()}, "one")
	wantKind(t, err, ErrCertificate)
}

// TestEndlessAnswers: an answer of 1 GiB is left after little more than its
// bound, wherever it is put; the sockets between hold some megabytes.
func TestEndlessAnswers(t *testing.T) {
	t.Parallel()
	p := newPKI(t)
	const gigabyte = 1 << 30
	for name, c := range map[string]struct {
		path   string
		status int
		kind   error
	}{
		"discovery": {discoveryPath, 200, ErrDocument}, "keys": {keysPath, 200, ErrDocument},
		"an error's page": {keysPath, 404, ErrDocument}, "a redirect's page": {keysPath, 302, ErrDocument}, "down": {discoveryPath, 500, ErrUnreachable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var clock clock
			var sent atomic.Int64
			i := serve(t, p.leaf, p.intermediate)
			i.answer(c.path, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Location", "https://127.0.0.1:1/")
				w.WriteHeader(c.status)
				chunk := bytes.Repeat([]byte(" "), 64<<10)
				for sent.Load() < gigabyte {
					n, err := w.Write(chunk)
					sent.Add(int64(n))
					if err != nil {
						return
					}
				}
			})
			_, err := clock.cache(p.trusted).Keys(t.Context(), i.provider(), "one")
			wantKind(t, err, c.kind)
			if n := sent.Load(); n > 64<<20 {
				t.Errorf("%d bytes were taken", n)
			}
		})
	}
}

// TestDrippingIssuer: a byte at a time keeps nobody beyond the budget.
func TestDrippingIssuer(t *testing.T) {
	t.Parallel()
	var clock clock
	p := newPKI(t)
	i := serve(t, p.leaf, p.intermediate)
	i.answer(keysPath, func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			if _, err := io.WriteString(w, " "); err != nil {
				return
			}
			w.(http.Flusher).Flush()
			select {
			case <-r.Context().Done():
			case <-time.After(5 * time.Millisecond):
			}
		}
	})
	_, err := clock.cache(p.trusted, func(c *Config) { c.Budget = 200 * time.Millisecond }).Keys(t.Context(), i.provider(), "one")
	wantKind(t, err, ErrUnreachable)
	if err == nil || !strings.Contains(err.Error(), "no answer within 200ms") {
		t.Errorf("error is %v", err)
	}
}

// TestKeysThatAreNone: a set whose keys cannot be used is a set all the same,
// and remembers why.
func TestKeysThatAreNone(t *testing.T) {
	t.Parallel()
	p := newPKI(t)
	for name, c := range map[string]struct{ jwk, why string }{
		"private":     {`{"kty":"EC","crv":"P-256","kid":"one","x":"AA","y":"AA","d":"AA"}`, "private key"},
		"symmetric":   {`{"kty":"oct","kid":"one","k":"AAAA"}`, "neither RSA nor EC"},
		"without kid": {`{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}`, "no kid"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var clock clock
			i, cache := serve(t, p.leaf, p.intermediate), clock.cache(p.trusted)
			i.answer(keysPath, text(`{"keys":[`+c.jwk+`]}`))
			for range 50 {
				keys, err := cache.Keys(t.Context(), i.provider(), "one")
				if err != nil || keys.Has("one") || keys.Len() != 0 || !strings.Contains(keys.Unused(), c.why) {
					t.Fatalf("keys %v, unused %q, error %v", keys, keys.Unused(), err)
				}
			}
			wantKeysRequests(t, i, 1)
		})
	}
}

func wantKeysRequests(t *testing.T, i *issuer, n int64) {
	t.Helper()
	if got := i.keys.Load(); got != n {
		t.Errorf("keys were asked for %d times, want %d", got, n)
	}
}

// TestLargestSetIsQuick: the most that an issuer can make us parse.
func TestLargestSetIsQuick(t *testing.T) {
	t.Parallel()
	const one = `{"kid":"x"},`
	set := `{"keys":[` + strings.Repeat(one, oidc.MaxKeySetBytes/len(one)-1) + `{}]}`
	keys, err := oidc.ParseKeySet([]byte(set))
	if err != nil || keys.Len() != 0 || len(keys.Unused()) > 1000 {
		t.Errorf("unused is %d characters, error %v", len(keys.Unused()), err)
	}
}
