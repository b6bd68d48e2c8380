package lint

import (
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/daypass/daypass/internal/policy"
)

// checkTogether adds what only several roles show, and what the role's power makes
// of a finding.
func checkTogether(all []checked) []Finding {
	groups := map[string][]*checked{}
	for i := range all {
		c := &all[i]
		if doors := newChecker(c.role, c.policy).sites(); len(doors) > 0 && c.role.PermissionsKnown {
			groups[meaning(c.policy)] = append(groups[meaning(c.policy)], c)
		}
	}
	for _, group := range groups {
		for _, c := range group {
			c.comparePower(group)
		}
	}
	var findings []Finding
	for i := range all {
		c := &all[i]
		if c.role.PermissionsKnown && administers(c.role) {
			c.checkAdministrator()
		}
		findings = append(findings, c.findings...)
	}
	return findings
}

// meaning is a policy without its form: what is the same in two policies that say
// the same in the same words.
func meaning(p *trustPolicy) string {
	var statements []string
	for _, s := range p.statements {
		var parts []string
		for _, v := range s.federated {
			parts = append(parts, "federated "+v.text)
		}
		for _, v := range s.aws {
			parts = append(parts, "aws "+v.text)
		}
		for _, v := range s.actions {
			parts = append(parts, fmt.Sprint("action ", s.notAction, v.text))
		}
		for _, c := range s.conds {
			texts := c.texts()
			sort.Strings(texts)
			parts = append(parts, c.operator+" "+strings.ToLower(c.key)+" "+strings.Join(texts, "\x00"))
		}
		sort.Strings(parts)
		statements = append(statements, fmt.Sprint(s.denies, s.everyone, strings.Join(parts, "\x01")))
	}
	sort.Strings(statements)
	return strings.Join(statements, "\x02")
}

// comparePower notes another role of the same trust and other permissions.
func (c *checked) comparePower(group []*checked) {
	for _, other := range group {
		if other == c || power(other.role) == power(c.role) {
			continue
		}
		k := &checker{role: c.role, policy: c.policy, index: c.index, findings: c.findings}
		k.add("TP064", nil, nil, fmt.Sprintf("the role %s has the same trust policy and other permissions", other.role.Name))
		c.findings = k.findings
		return
	}
}

// power is what a role may, as text.
func power(r *Role) string {
	var all []string
	for _, text := range r.Permissions {
		all = append(all, strings.Join(strings.Fields(text), ""))
	}
	all = append(all, r.Attached...)
	sort.Strings(all)
	return strings.Join(all, "\x00")
}

// administers reports whether a role may do everything: by the policies' own
// evaluation, on an action that no other grant covers.
func administers(r *Role) bool {
	if slices.ContainsFunc(r.Attached, func(a string) bool { return strings.HasSuffix(a, ":aws:policy/AdministratorAccess") }) {
		return true
	}
	for _, text := range r.Permissions {
		d, err := policy.Parse(policy.Identity, text)
		if err != nil {
			continue
		}
		request := policy.Request{Action: "iam:CreateAccessKey", Resource: "arn:aws:iam::000000000000:user/anyone", Context: &policy.Context{}}
		other := policy.Request{Action: "s3:DeleteBucket", Resource: "arn:aws:s3:::anything", Context: &policy.Context{}}
		if policy.Decide(&request, []*policy.Document{d}, nil).Allowed() && policy.Decide(&other, []*policy.Document{d}, nil).Allowed() {
			return true
		}
	}
	return false
}

// scopeRules are those on who gets in.
func isScope(id string) bool { return id >= "TP001" && id <= "TP028" && id != "TP013" || id == "TP044" }

// checkAdministrator notes that an administrator's role is open too wide.
func (c *checked) checkAdministrator() {
	var rules []string
	var witness *Witness
	for _, f := range c.findings {
		if isScope(f.Rule) && f.Severity >= Medium && !slices.Contains(rules, f.Rule) {
			rules = append(rules, f.Rule)
			if witness == nil {
				witness = f.Witness
			}
		}
	}
	if len(rules) == 0 {
		return
	}
	k := &checker{role: c.role, policy: c.policy, index: c.index, findings: c.findings}
	f := k.add("TP064", nil, nil, "a role that may do everything is open too wide: "+strings.Join(rules, ", "))
	f.Witness = witness
	c.findings = k.findings
}
