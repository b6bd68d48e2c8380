package iam

import (
	"fmt"
	"strings"

	"github.com/daypass/daypass/internal/arn"
	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/lint"
)

// findingsEffort bounds what the examination of a policy that was written may take:
// a tenth of a second, of policies that people write a few milliseconds.
const findingsEffort = lint.Effort / 20

// noteFindings examines a trust policy that was just written, and tells in the event
// what is wrong with it, and in the log what is severe. It refuses nothing: what AWS
// refuses was refused before. The client waits for it, and nobody else: no lock is
// held, and no decision is taken here.
func (s *service) noteFindings(c *awsapi.Call, name, path, document string) {
	role := lint.Role{
		Name: name, ARN: arn.Role(c.Account, path, name), Account: c.Account, TrustPolicy: document, ProvidersKnown: true, Effort: findingsEffort,
	}
	for _, p := range c.Snapshot.OIDCProviders(c.Account) {
		role.Providers = append(role.Providers, lint.Provider{
			ARN: arn.OIDCProvider(c.Account, p.URL), URL: p.URL, ClientIDs: p.ClientIDs, ExtendedClaims: s.extended[p.URL],
		})
	}
	findings, _ := lint.Check([]lint.Role{role})
	var severe []string
	for i := range findings {
		f := &findings[i]
		if f.Severity < lint.Warning {
			continue
		}
		c.Event.Findings = append(c.Event.Findings, findingText(f))
		if f.Severity >= lint.High {
			severe = append(severe, f.Rule+" "+f.Name)
		}
	}
	if s.Log != nil && len(severe) > 0 {
		s.Log.Warn("a trust policy was written that admits more than its author will want, or never matches; daypass lint says what and why",
			"role", role.ARN, "rules", strings.Join(severe, ", "), "requestId", c.Event.RequestID)
	}
}

// findingText is a finding in one line.
func findingText(f *lint.Finding) string {
	text := fmt.Sprintf("%s %s %s: line %d: %s", f.Rule, f.Name, f.Severity, f.Line, f.What)
	if f.Witness != nil {
		text += fmt.Sprintf("; it admits sub %q", f.Witness.Subject)
	}
	return text
}
