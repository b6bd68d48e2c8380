package server

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/ratelimit"
)

// Limits bound how often somebody may ask. The zero Limits bound nobody.
type Limits struct {
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
	return nil
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
	if last(r.Header.Values("X-Forwarded-Proto")) == "https" {
		ctx = awsapi.OverTLS(ctx)
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
