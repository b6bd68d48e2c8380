package main

import (
	"net/netip"

	"github.com/daypass/daypass/internal/ratelimit"
	"github.com/daypass/daypass/internal/server"
)

// limitsConfiguration is how often somebody may ask of this node. Who asks more often is
// answered as AWS throttles, and SDKs try again later. By default there are no limits.
type limitsConfiguration struct {
	// Source is for all requests from one IPv4 address, or from one /64 of IPv6: `rate`
	// is how many a second for long, `burst` how many at once. Jobs behind one gateway
	// are one source.
	Source rateConfiguration `yaml:"source"`
	// Issuer is for exchanges of tokens of one issuer, with `rate` and `burst`. Only
	// tokens that were verified count, so that who makes tokens up uses nothing of it.
	Issuer rateConfiguration `yaml:"issuer"`
	// Exempt are addresses to which `source` does not apply.
	Exempt []netip.Prefix `yaml:"exempt"`
}

type rateConfiguration struct {
	Rate  float64 `yaml:"rate"`
	Burst int     `yaml:"burst"`
}

func (r rateConfiguration) server() ratelimit.Rate {
	return ratelimit.Rate{PerSecond: r.Rate, Burst: r.Burst}
}

// server is l as the server takes it.
func (l *limitsConfiguration) server() server.Limits {
	return server.Limits{Source: l.Source.server(), Issuer: l.Issuer.server(), Exempt: l.Exempt}
}
