package server

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/ratelimit"

	"golang.org/x/net/netutil"
)

// Limits bound how often somebody may ask, and how much is done at once. The zero
// Limits bound nobody.
type Limits struct {
	// Requests is how many may be under way at once; who comes then is answered
	// ServiceUnavailable, and SDKs try again. 0 is any number.
	Requests int
	// Connections is how many may be open at once; who comes then waits until one is
	// closed. 0 is any number.
	Connections int
	// Source is for all requests from one IPv4 address, or one /64 of IPv6.
	Source ratelimit.Rate
	// Issuer is for exchanges of verified tokens of one issuer.
	Issuer ratelimit.Rate
	// Exempt are addresses to which Source does not apply.
	Exempt []netip.Prefix
}

func (l *Limits) check() error {
	for name, r := range map[string]ratelimit.Rate{"source": l.Source, "issuer": l.Issuer} {
		if err := r.Check(); err != nil {
			return optionErrorf("server: limits.%s: %v", name, err)
		}
	}
	for name, n := range map[string]int{"requests": l.Requests, "connections": l.Connections} {
		if n < 0 {
			return optionErrorf("server: limits.%s is %d; give how many may be there at once, or 0 for any number", name, n)
		}
	}
	return nil
}

// Timeouts are how long the server waits for a client. The zero value of each is its
// default.
type Timeouts struct {
	Header  time.Duration // for a request's header
	Request time.Duration // for a request, from its first byte to its last
	Reply   time.Duration // for the client to take the reply
	Idle    time.Duration // for the next request on a connection
	Drain   time.Duration // for requests under way when the server is to end
}

// withDefaults is t with the defaults in the place of zeros. A header has a GET's whole
// query, a token of 20,000 characters among it; bodies of S3 have no end time, but must
// not stand still for a minute (package s3).
func (t Timeouts) withDefaults() Timeouts {
	for _, d := range []struct {
		given *time.Duration
		usual time.Duration
	}{{&t.Header, 10 * time.Second}, {&t.Request, time.Minute}, {&t.Reply, time.Minute}, {&t.Idle, 2 * time.Minute}, {&t.Drain, 10 * time.Second}} {
		if *d.given == 0 {
			*d.given = d.usual
		}
	}
	return t
}

// longestTimeout keeps what is meant to be never from being so.
const longestTimeout = time.Hour

func (t *Timeouts) check() error {
	for name, d := range map[string]time.Duration{"header": t.Header, "request": t.Request, "reply": t.Reply, "idle": t.Idle, "drain": t.Drain} {
		if d < 0 || d > longestTimeout {
			return optionErrorf("server: timeouts.%s is %v; give up to %v", name, d, longestTimeout)
		}
	}
	return nil
}

// crowded is Limits.Requests as package awsapi asks for it; nil where there is none.
func (l *Limits) crowded(underWay func() int64) func() bool {
	if l.Requests == 0 {
		return nil
	}
	return func() bool { return underWay() > int64(l.Requests) }
}

// bounded is a listener that lets in as many at once as the limits say.
func (l *Limits) bounded(listener net.Listener) net.Listener {
	if l.Connections == 0 {
		return listener
	}
	return netutil.LimitListener(listener, l.Connections)
}

// pace is Limits.Source as package awsapi asks for it; nil where there is none.
func (l *Limits) pace() func(remote string, now time.Time) bool {
	limiter := ratelimit.New[netip.Prefix](l.Source)
	if limiter == nil {
		return nil
	}
	return func(remote string, now time.Time) bool {
		if address, err := netip.ParseAddrPort(remote); err == nil && within(l.Exempt, address.Addr()) {
			return true
		}
		return limiter.Allow(ratelimit.Source(remote), now)
	}
}

func within(prefixes []netip.Prefix, address netip.Addr) bool {
	address = address.Unmap().WithZone("")
	return slices.ContainsFunc(prefixes, func(p netip.Prefix) bool { return p.Contains(address) })
}

// maxForwarded is how many proxies a request can have come through.
const maxForwarded = 32

// forwarded takes from requests of trusted proxies where they come from and whether that
// was over TLS. Of others, what they say of that is nothing: aws:SourceIp and
// aws:SecureTransport would be whatever a client likes.
type forwarded struct {
	http.Handler

	trusted []netip.Prefix
}

// ServeHTTP implements http.Handler.
func (f forwarded) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil || !within(f.trusted, peer.Addr()) {
		f.Handler.ServeHTTP(w, r)
		return
	}
	client := clientOf(r.Header.Values("X-Forwarded-For"), f.trusted)
	ctx := r.Context()
	if scheme := last(r.Header.Values("X-Forwarded-Proto")); scheme != "" {
		ctx = awsapi.OverTLS(ctx, scheme == "https")
	}
	r = r.WithContext(ctx)
	if client.IsValid() {
		r.RemoteAddr = netip.AddrPortFrom(client, 0).String()
	}
	f.Handler.ServeHTTP(w, r)
}

// clientOf reads X-Forwarded-For from its end, to which each proxy writes whom it was
// asked by: the first address that is not a trusted proxy's is the client's. What stands
// before it the client may have made up. It is not valid where the proxies name nobody,
// or something that is no address.
func clientOf(headers []string, trusted []netip.Prefix) (client netip.Addr) {
	entries := strings.Split(strings.Join(headers, ","), ",")
	for n := 0; n < maxForwarded && n < len(entries); n++ {
		text := strings.TrimSpace(entries[len(entries)-1-n])
		address, err := netip.ParseAddr(text)
		if err != nil {
			pair, err := netip.ParseAddrPort(text) // as some proxies write it
			if err != nil {
				return netip.Addr{}
			}
			address = pair.Addr()
		}
		if client = address.Unmap().WithZone(""); !within(trusted, client) {
			return client
		}
	}
	return client
}

func last(headers []string) string {
	entries := strings.Split(strings.Join(headers, ","), ",")
	return strings.ToLower(strings.TrimSpace(entries[len(entries)-1]))
}
