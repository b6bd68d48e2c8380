package analyzer

import (
	"slices"
	"strings"
	"time"

	"github.com/daypass/daypass/internal/audit"
	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/jwks"
)

// DescribeHealthInput asks for nothing.
type DescribeHealthInput struct{}

// DescribeHealthOutput tells of the node that answers.
type DescribeHealthOutput struct {
	Time      time.Time   `json:"time"`
	Version   string      `json:"version"`
	GoVersion string      `json:"goVersion"`
	Revision  int64       `json:"revision"` // of the store
	Checks    []NodeCheck `json:"checks"`
	Issuers   []Issuer    `json:"issuers"` // of the account's providers
	Sessions  []RoleAlive `json:"sessions"`
	Partial   bool        `json:"partial,omitempty"` // of the sessions, only the latest exchanges were counted
	Minutes   []Minute    `json:"minutes"`           // the last hour of this node; none where it serves several accounts
}

// Issuer is a registered issuer, and what this node knows of its keys.
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

// RoleAlive is how many sessions of a role, begun with a token here, have not expired.
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

func (s *service) describeHealth(c *awsapi.Call, _ *DescribeHealthInput) (*DescribeHealthOutput, error) {
	node := s.Health()
	out := &DescribeHealthOutput{
		Time: c.Now.UTC(), Version: node.Version, GoVersion: node.GoVersion, Revision: c.Snapshot.Revision(),
		Checks: node.Checks, Issuers: []Issuer{}, Minutes: []Minute{},
	}
	known := map[string]jwks.IssuerStatus{}
	for _, status := range s.ProviderKeys.Issuers() {
		known[status.Issuer] = status
	}
	for _, p := range c.Snapshot.OIDCProviders(c.Account) {
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
	if len(c.Snapshot.Accounts()) == 1 {
		for _, m := range node.Minutes {
			out.Minutes = append(out.Minutes, Minute{m.Start, m.Requests, m.Denied, m.Failed, milliseconds(m.P50), milliseconds(m.P99)})
		}
	}
	var err error
	out.Sessions, out.Partial, err = s.alive(c)
	return out, err
}

func given(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// alive counts the sessions that began with a token and are not over.
func (s *service) alive(c *awsapi.Call) (roles []RoleAlive, partial bool, err error) {
	q := audit.Query{Account: c.Account, Operation: "AssumeRoleWithWebIdentity", Outcome: audit.Succeeded, From: c.Now.Add(-longestSession)}
	counts, counted := map[string]int{}, 0
	for record, err := range s.Events(q) {
		if err == nil {
			err = c.Request.Context().Err()
		}
		if err != nil {
			return nil, false, err
		}
		if counted++; counted > maxCounted {
			partial = true
			break
		}
		if e := &record.Event; e.ExpiresAt != nil && e.ExpiresAt.After(c.Now) {
			counts[e.Role]++
		}
	}
	roles = []RoleAlive{}
	for role, n := range counts {
		roles = append(roles, RoleAlive{role, n})
	}
	slices.SortFunc(roles, func(a, b RoleAlive) int {
		if a.Sessions != b.Sessions {
			return b.Sessions - a.Sessions
		}
		return strings.Compare(a.Role, b.Role)
	})
	return roles, partial, nil
}
