package server

import (
	"context"
	"iter"
	"strings"

	"github.com/daypass/daypass/internal/analyzer"
	"github.com/daypass/daypass/internal/audit"
	"github.com/daypass/daypass/internal/doctor"
	"github.com/daypass/daypass/internal/jwks"
)

// healthMinutes is how much of its history a node tells.
const healthMinutes = 60

// newAnalyzer makes the service that explains. It may be asked only once the node is
// whole.
func (n *node) newAnalyzer(c *Config, d *data, keys *jwks.Cache, loopback bool) (*analyzer.Analyzer, error) {
	name := ""
	if n.peers != nil {
		name = n.peers.Self.Name
	}
	return analyzer.New(analyzer.Config{
		Peers: n.peers, NodeName: name, Snapshot: n.directory.Snapshot, Now: c.Now,
		ProviderKeys: keys, ExtendedClaims: c.ExtendedClaims,
		Events: func(q audit.Query) iter.Seq2[audit.Record, error] {
			path := d.events.Path()
			if path == "" { // events go elsewhere, and cannot be asked for here
				return func(func(audit.Record, error) bool) {}
			}
			return audit.Search(path, q, true, nil)
		},
		Examine: func(ctx context.Context, url string) []analyzer.IssuerCheck {
			return examineIssuer(ctx, c, url, loopback)
		},
		Health: func() analyzer.Node {
			h := analyzer.Node{Version: c.Version.Version, GoVersion: c.Version.GoVersion, Minutes: n.watch.metrics.History.Last(c.Now(), healthMinutes)}
			for _, check := range n.watch.checks(context.Background()) {
				h.Checks = append(h.Checks, analyzer.NodeCheck(check))
			}
			return h
		},
	})
}

// examineIssuer has the doctor look, by the rules of which addresses this server
// asks. It makes no load of many requests at once: it is the server's own caller who
// asks, and not the issuer's operator.
func examineIssuer(ctx context.Context, c *Config, url string, loopback bool) []analyzer.IssuerCheck {
	report := doctor.Issuer(ctx, doctor.IssuerConfig{
		URL: url, For: doctor.Daypass, Now: c.Now, Private: c.Roots, Parallel: -1,
		Egress: c.Issuers.Egress, NotLoopback: !loopback && !c.Issuers.Egress.AllowLoopback,
	})
	var checks []analyzer.IssuerCheck
	for i := range report.Findings {
		f := &report.Findings[i]
		detail := f.What
		if f.Seen != "" {
			detail = strings.TrimPrefix(detail+": "+f.Seen, ": ")
		}
		checks = append(checks, analyzer.IssuerCheck{
			ID: f.Check, Name: f.Name, Outcome: string(f.Level), Detail: detail, Why: f.Why, Remedy: f.Fix, Link: f.Link,
		})
	}
	return checks
}
