package analyzer

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/daypass/daypass/internal/audit"
	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/directory"
	"github.com/daypass/daypass/internal/jwks"
)

// DescribeHealthInput names a node.
type DescribeHealthInput struct {
	Node string `json:"node"` // "" is the one that answers
}

// DescribeHealthOutput tells of a node, and of the sessions of all.
type DescribeHealthOutput struct {
	NodeHealth

	Node     string      `json:"node,omitempty"`   // whose health this is, of several
	Nodes    []string    `json:"nodes,omitempty"`  // that run, in order
	Silent   []string    `json:"silent,omitempty"` // those of which sessions are not counted: they did not tell in time
	Sessions []RoleAlive `json:"sessions"`
	Partial  bool        `json:"partial,omitempty"` // of the sessions, only the latest exchanges were counted
}

// NodeHealth is what a node knows of itself.
type NodeHealth struct {
	Time      time.Time   `json:"time"`
	Version   string      `json:"version"`
	GoVersion string      `json:"goVersion"`
	Revision  int64       `json:"revision"` // of the store
	Checks    []NodeCheck `json:"checks"`
	Issuers   []Issuer    `json:"issuers"` // of the account's providers
	Minutes   []Minute    `json:"minutes"` // the last hour; none where the store has several accounts
}

// Issuer is a registered issuer, and what a node knows of its keys.
type Issuer struct {
	Issuer   string     `json:"issuer"`
	Asked    bool       `json:"asked"` // since the node started
	Keys     int        `json:"keys"`
	File     bool       `json:"file,omitempty"`
	Fetched  *time.Time `json:"fetched,omitempty"`
	Expires  *time.Time `json:"expires,omitempty"`
	Failure  string     `json:"failure,omitempty"` // of the last fetch
	Fetches  uint64     `json:"fetches"`
	Failures uint64     `json:"failures"`
}

// RoleAlive is how many sessions of a role, begun with a token, have not expired.
type RoleAlive struct {
	Role     string `json:"role"`
	Sessions int    `json:"sessions"`
}

// Minute is one minute of requests; times are in milliseconds.
type Minute struct {
	Start    time.Time `json:"start"`
	Requests uint64    `json:"requests"`
	Denied   uint64    `json:"denied"`
	Failed   uint64    `json:"failed"`
	P50      float64   `json:"p50Milliseconds"`
	P99      float64   `json:"p99Milliseconds"`
}

// Bounds of the count of sessions.
const (
	longestSession = 12 * time.Hour // of a role
	maxCounted     = 5000           // exchanges
)

func (s *service) describeHealth(c *awsapi.Call, in *DescribeHealthInput) (*DescribeHealthOutput, error) {
	out := &DescribeHealthOutput{Node: s.NodeName}
	if s.Peers != nil {
		out.Nodes = append(s.Peers.Names(), s.NodeName)
		slices.Sort(out.Nodes)
	}
	ctx := c.Request.Context()
	if in.Node == "" || in.Node == s.NodeName {
		out.NodeHealth = *s.healthHere(c.Snapshot, c.Account, c.Now)
	} else {
		told, silent := askOthers[NodeHealth](ctx, s, in.Node, func(string) *question { return &question{Account: c.Account, Health: &struct{}{}} })
		switch {
		case len(silent) > 0:
			return nil, awsapi.Error(503, "NodeNotAnsweringException", "The node "+in.Node+" does not answer.")
		case len(told) == 0:
			return nil, awsapi.Error(400, "ResourceNotFoundException", "No node "+in.Node+" runs.")
		}
		out.Node, out.NodeHealth = in.Node, told[0].told
	}
	sessions, err := s.aliveHere(ctx, c.Account, c.Now)
	if err != nil {
		return nil, err
	}
	others, silent := askOthers[alive](ctx, s, "", func(string) *question { return &question{Account: c.Account, Alive: &struct{}{}} })
	for _, o := range others {
		sessions.add(&o.told)
	}
	out.Silent, out.Sessions, out.Partial = silent, sessions.roles(), sessions.Partial
	return out, nil
}

// healthHere tells of this node, to an account.
func (s *service) healthHere(snapshot *directory.Snapshot, account string, now time.Time) *NodeHealth {
	node := s.Health()
	out := &NodeHealth{
		Time: now.UTC(), Version: node.Version, GoVersion: node.GoVersion, Revision: snapshot.Revision(),
		Checks: node.Checks, Issuers: []Issuer{}, Minutes: []Minute{},
	}
	known := map[string]jwks.IssuerStatus{}
	for _, status := range s.ProviderKeys.Issuers() {
		known[status.Issuer] = status
	}
	for _, p := range snapshot.OIDCProviders(account) {
		status, asked := known[p.Issuer]
		i := Issuer{
			Issuer: p.Issuer, Asked: asked, Keys: status.Keys, File: status.File, Fetched: given(status.Fetched), Expires: given(status.Expires),
			Fetches: status.Fetches, Failures: status.Failures,
		}
		if status.Failure != nil {
			i.Failure = jwks.Reason(status.Failure)
		}
		out.Issuers = append(out.Issuers, i)
	}
	// What all accounts do together is none of one account's business.
	if len(snapshot.Accounts()) == 1 {
		for _, m := range node.Minutes {
			out.Minutes = append(out.Minutes, Minute{m.Start, m.Requests, m.Denied, m.Failed, milliseconds(m.P50), milliseconds(m.P99)})
		}
	}
	return out
}

func given(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// alive are the sessions that began with a token at a node and are not over.
type alive struct {
	Counts  map[string]int `json:"counts"`            // by the role's ARN
	Partial bool           `json:"partial,omitempty"` // more exchanges than were counted
}

func (s *service) aliveHere(ctx context.Context, account string, now time.Time) (*alive, error) {
	q := audit.Query{Account: account, Operation: "AssumeRoleWithWebIdentity", Outcome: audit.Succeeded, From: now.Add(-longestSession)}
	out, counted := &alive{Counts: map[string]int{}}, 0
	for record, err := range s.Events(q) {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return nil, err
		}
		if counted++; counted > maxCounted {
			out.Partial = true
			break
		}
		if e := &record.Event; e.ExpiresAt != nil && e.ExpiresAt.After(now) {
			out.Counts[e.Role]++
		}
	}
	return out, nil
}

func (a *alive) add(b *alive) {
	for role, n := range b.Counts {
		a.Counts[role] += n
	}
	a.Partial = a.Partial || b.Partial
}

// roles are the counts, the largest first.
func (a *alive) roles() []RoleAlive {
	list := []RoleAlive{}
	for role, n := range a.Counts {
		list = append(list, RoleAlive{role, n})
	}
	slices.SortFunc(list, func(a, b RoleAlive) int {
		if a.Sessions != b.Sessions {
			return b.Sessions - a.Sessions
		}
		return strings.Compare(a.Role, b.Role)
	})
	return list
}
