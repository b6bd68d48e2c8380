package lint

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/daypass/daypass/internal/arn"
	"github.com/daypass/daypass/internal/trust"
)

// check runs all rules on one role.
func (c *checker) check() {
	c.checkDuplicates()
	sites := c.sites()
	for _, s := range c.policy.statements {
		c.checkPrincipals(s)
		c.checkActions(s)
		if !s.webIdentity() {
			continue
		}
		own := slices.DeleteFunc(slices.Clone(sites), func(a *site) bool { return a.statement != s })
		c.checkConditions(s, own)
		c.checkSharing(s, own)
	}
	for _, a := range sites {
		a.checkHolder()
		a.checkSubjects()
		a.checkWorkflow()
		a.checkAudMissing()
	}
	c.checkControls()
	c.checkDoors(sites)
	c.checkSession(sites)
	c.checkSize()
}

// checkDuplicates is about names that stand twice. Merging two blocks of conditions
// in an Allow only closes, for conditions are joined by and.
func (c *checker) checkDuplicates() {
	for _, d := range c.policy.duplicates {
		lost, kept := d.object.members[d.first], d.object.members[d.index]
		f := c.add("TP047", nil, c.node(kept), fmt.Sprintf("%q stands twice; what stands first, on line %d, is lost", kept.name, c.line(lost)))
		s := c.statementAround(kept.start)
		if s != nil {
			f.Statement, f.Sid = s.index+1, s.sid
		}
		if s == nil || s.denies || s.conditions == nil || kept.start < s.conditions.start || kept.start > s.conditions.end {
			continue
		}
		if edits := c.merged(lost, kept, d); edits != nil {
			f.mend(c.policy.text, edits...)
		}
	}
}

func (c *checker) line(m member) int {
	line, _ := c.policy.pos.at(m.start)
	return line
}

func (c *checker) statementAround(offset int) *statement {
	for _, s := range c.policy.statements {
		if s.node.start <= offset && offset < s.node.end {
			return s
		}
	}
	return nil
}

// merged are the edits that join two members of one name.
func (c *checker) merged(lost, kept member, d duplicate) []edit {
	text := func(n *node) string { return c.policy.text[n.start:n.end] }
	edits := []edit{removal(d.object, lost)}
	if lost.value.kind != isObject || kept.value.kind != isObject {
		if text(lost.value) != text(kept.value) {
			return nil
		}
		return edits
	}
	var more strings.Builder
	for _, m := range lost.value.members {
		same := kept.value.get(m.name)
		if same != nil && text(same) == text(m.value) {
			continue
		}
		if same != nil {
			return nil
		}
		more.WriteString(", " + quoted(m.name) + ": " + text(m.value))
	}
	if more.Len() > 0 && len(kept.value.members) == 0 {
		return nil
	}
	if more.Len() > 0 {
		end := kept.value.members[len(kept.value.members)-1].value.end
		edits = append(edits, edit{end, end, more.String()})
	}
	return edits
}

// checkPrincipals is about providers that are not, or are not those that are meant.
func (c *checker) checkPrincipals(s *statement) {
	if s.denies {
		return
	}
	for _, v := range s.federated {
		if problem, next := c.principalProblem(v.text); problem != "" {
			f := c.add("TP061", s, v.node, fmt.Sprintf("%q %s", v.text, problem))
			if next != "" {
				f.Next = next
			}
		}
		if _, url, ok := strings.Cut(v.text, ":oidc-provider/"); ok {
			if known := lookalike(url); known != "" {
				c.add("TP060", s, v.node, fmt.Sprintf("%s looks like %s and is another host", url, known))
			}
		}
	}
}

// principalProblem says what is wrong with a federated principal, and what helps.
func (c *checker) principalProblem(text string) (problem, next string) {
	a, err := arn.Parse(text)
	url, isOIDC := arn.OIDCProviderURL(text)
	switch {
	case strings.ContainsAny(text, "*?"):
		return "holds a wildcard, and a principal is no pattern", ""
	case err != nil && strings.Contains(text, "/"):
		return "is no ARN", "Write arn:aws:iam::ACCOUNT:oidc-provider/" + strings.TrimPrefix(text, "https://") + "."
	case err != nil: // a domain name that AWS knows, or package policy refuses it
		return "", ""
	case !isOIDC && strings.Contains(text, "oidc-provider/"):
		return "is not the ARN of a provider: the account is 12 digits, and the service iam without a region", ""
	case !isOIDC:
		return "", ""
	case strings.Contains(url, "://"):
		return "holds a scheme; the ARN of a provider has none", strings.Replace("Write "+text+".", url, url[strings.Index(url, "://")+3:], 1)
	case strings.HasSuffix(url, "/"):
		return "ends with a slash: a provider with it and one without are two", "Write " + strings.TrimRight(text, "/") + ", or see that the token's iss has the slash too."
	}
	host, path, _ := strings.Cut(url, "/")
	if host != strings.ToLower(host) {
		return "has capitals in the host, and the case of letters counts", "Write " + strings.TrimSuffix(strings.Replace(text, host, strings.ToLower(host), 1), "/"+path) + "."
	}
	account, partition := c.role.Account, ""
	if role, err := arn.Parse(c.role.ARN); err == nil {
		account, partition = role.Account, role.Partition
	}
	switch {
	case account != "" && a.Account != account:
		return fmt.Sprintf("is of account %s, and the role of %s: a role trusts providers of its own account alone", a.Account, account), "Make the provider in the role's account, and write " + strings.Replace(text, a.Account, account, 1) + "."
	case partition != "" && a.Partition != partition:
		return fmt.Sprintf("is of the partition %s, and the role of %s", a.Partition, partition), ""
	}
	if !c.role.ProvidersKnown {
		return "", ""
	}
	for _, p := range c.role.Providers {
		if p.URL == url {
			return "", ""
		}
	}
	return "is no provider of the account", "Make the provider, or write one of those there are: " + c.knownProviders() + "."
}

func (c *checker) knownProviders() string {
	var urls []string
	for _, p := range c.role.Providers {
		urls = append(urls, p.URL)
	}
	return strings.Join(urls, ", ")
}

// checkSharing is about conditions that were written for one of several issuers.
func (c *checker) checkSharing(s *statement, sites []*site) {
	if len(sites) < 2 {
		return
	}
	for _, a := range sites {
		for _, cond := range s.conds {
			if isProviders(cond.key) && ownerOf(cond.key, []*site{a}) == nil && ownerOf(cond.key, sites) != nil {
				f := c.add("TP061", s, a.provider.node, fmt.Sprintf("the conditions are on keys of another issuer than %s", a.provider.url))
				f.Next = "Give each issuer a statement of its own."
				return
			}
		}
	}
}

// checkActions is about what a caller with a token does not ask for.
func (c *checker) checkActions(s *statement) {
	if s.denies || len(s.providers()) == 0 || s.actionNode == nil {
		return
	}
	if !s.webIdentity() {
		f := c.add("TP062", s, s.actionNode, fmt.Sprintf("%s allows no caller with a token", joined(s.actions)))
		f.Next = "Write " + trust.Action + "."
		return
	}
	wide := s.notAction || slices.ContainsFunc(s.actions, func(v value) bool { return wild(v.text) })
	if !wide {
		return
	}
	f := c.add("TP062", s, s.actionNode, fmt.Sprintf("%s is more than a token asks for", joined(s.actions)))
	f.Severity = Medium
	if s.notAction || len(s.aws) > 0 || s.everyone {
		return
	}
	f.mend(c.policy.text, edit{s.actionNode.start, s.actionNode.end, quoted(trust.Action)})
}

func joined(values []value) string {
	var texts []string
	for _, v := range values {
		texts = append(texts, v.text)
	}
	return strings.Join(texts, ", ")
}

// checkHolder asks whether the statement says whose token it is.
func (a *site) checkHolder() {
	s, url := a.statement, a.provider.url
	identity := append([]string{"sub"}, a.family.identity...)
	for _, name := range identity {
		for _, c := range s.on(url, name) {
			if c.narrows() || name == "sub" && !c.negated && c.isText() {
				return
			}
		}
	}
	for _, c := range s.conds {
		if strings.EqualFold(c.key, "sts:RoleAuthorizedByIdp") && c.narrows() && len(c.values) == 1 && strings.EqualFold(c.values[0].text, "true") ||
			strings.EqualFold(c.key, "sts:RoleSessionName") && c.narrows() && strings.HasPrefix(url, "sts.windows.net/") {
			return
		}
	}
	w := a.find(want{})
	if w == nil {
		return
	}
	switch {
	case s.narrowed(url, a.family.personal...):
		a.width("TP012", nil, w, fmt.Sprintf("nothing says which %s of %s may; only %s decides", a.family.project, url, a.asked(a.family.personal)))
	case a.excludes(identity):
		a.width("TP044", nil, w, fmt.Sprintf("of %s everybody may but those that are excluded", url))
	default:
		f := a.width("TP001", nil, w, fmt.Sprintf("nothing says whose token of %s may", url))
		f.Severity = a.identitySeverity()
	}
}

// asked are the names of some keys that the statement asks for.
func (a *site) asked(names []string) string {
	var found []string
	for _, name := range names {
		if len(a.statement.on(a.provider.url, name)) > 0 {
			found = append(found, name)
		}
	}
	return strings.Join(found, ", ")
}

// excludes reports whether a key is asked for by exclusion.
func (a *site) excludes(names []string) bool {
	for _, name := range names {
		for _, c := range a.statement.on(a.provider.url, name) {
			if c.negated || c.base == "Null" {
				return true
			}
		}
	}
	return false
}

// checkWorkflow is about GitHub's reusable workflows, as a key and as a part of the
// subject.
func (a *site) checkWorkflow() {
	if a.family != gitHub {
		return
	}
	s, url := a.statement, a.provider.url
	caller := s.narrowed(url, "sub", "repository", "repository_id", "repository_owner_id")
	var values []value
	for _, c := range s.on(url, "job_workflow_ref") {
		if c.narrows() {
			values = append(values, c.values...)
		}
	}
	for _, v := range a.subjects {
		if _, ref, ok := strings.Cut(v.text, "job_workflow_ref:"); ok {
			values = append(values, value{literalOr(ref, ':'), v.cond.values[v.index].node})
			caller = caller && strings.HasPrefix(v.text, "repo")
		}
	}
	for _, v := range values {
		_, ref, _ := strings.Cut(v.text, "@")
		var what string
		switch {
		case !commitID.MatchString(ref):
			what = fmt.Sprintf("%q can be changed by whoever moves the ref", v.text)
		case !caller:
			what = fmt.Sprintf("%q may be called by any repository that can see it", v.text)
		default:
			continue
		}
		if w := a.find(want{}); w != nil {
			f := a.add("TP030", s, v.node, what)
			f.Witness = w
		}
	}
}

// checkAudMissing is about the audience that nothing asks for.
func (a *site) checkAudMissing() {
	if a.family == byAud || a.family == google || a.statement.narrowed(a.provider.url, "aud", "oaud") {
		return
	}
	for _, c := range a.statement.on(a.provider.url, "aud") {
		if !c.negated && c.isText() {
			return // ForAllValues and IfExists are told of otherwise
		}
	}
	w := a.find(want{})
	if w == nil {
		return
	}
	f := a.width("TP052", nil, w, fmt.Sprintf("a token of %s for whatever audience is admitted that the provider takes", a.provider.url))
	for _, p := range a.role.Providers {
		if p.URL != a.provider.url {
			continue
		}
		switch len(p.ClientIDs) {
		case 0:
		case 1:
			f.mend(a.policy.text, a.ask(a.provider.url+":aud", p.ClientIDs[0])...)
		default:
			f.Severity = High
			f.What += ": " + strings.Join(p.ClientIDs, ", ")
		}
	}
}

// checkControls is about what IAM would not write again.
func (c *checker) checkControls() {
	var control *trust.ControlError
	if err := trust.CheckSharedIssuers(c.policy.document); errors.As(err, &control) && control.Statement <= len(c.policy.statements) {
		s := c.policy.statements[control.Statement-1]
		c.add("TP054", s, nil, "IAM would answer: "+control.Message)
	}
}

// checkDoors is about other statements of a role for tokens.
func (c *checker) checkDoors(sites []*site) {
	if len(sites) == 0 {
		return
	}
	for _, s := range c.policy.statements {
		if s.denies || len(s.conds) > 0 {
			continue
		}
		if s.everyone {
			c.add("TP063", s, s.node.get("Principal"), "everybody in AWS may, if a policy of theirs allows it")
		}
		for _, v := range s.aws {
			switch {
			case v.text == "*":
				c.add("TP063", s, v.node, "everybody in AWS may, if a policy of theirs allows it")
			case strings.HasSuffix(v.text, ":root") || arn.ValidAccount(v.text):
				c.add("TP063", s, v.node, fmt.Sprintf("%s: whoever that account allows to", v.text))
			}
		}
	}
}

// longSession is how long, in seconds, a job's session seldom needs to last.
const longSession = 4 * 3600

// checkSession is about names and lengths of sessions.
func (c *checker) checkSession(sites []*site) {
	if len(sites) == 0 {
		return
	}
	if c.role.MaxSessionDuration > longSession {
		f := c.add("TP065", nil, nil, fmt.Sprintf("sessions may last %d hours", c.role.MaxSessionDuration/3600))
		f.Next = "Set MaxSessionDuration to what the longest job needs."
	}
	for _, a := range sites {
		if !slices.ContainsFunc(a.statement.conds, func(c *cond) bool { return strings.EqualFold(c.key, "sts:RoleSessionName") }) {
			c.add("TP065", a.statement, nil, "the caller chooses the session's name")
			return
		}
	}
}

// Quotas of a trust policy in characters without white space (IAM User Guide, "IAM
// and AWS STS quotas"): what an account has, and what AWS grants.
const (
	DefaultQuota = 2048
	RaisedQuota  = 4096
)

// Size is the length of a trust policy as the quotas count it.
func Size(text string) int {
	n := utf8.RuneCountInString(text)
	for i := range len(text) {
		if strings.IndexByte(" \t\r\n", text[i]) >= 0 {
			n--
		}
	}
	return n
}

func (c *checker) checkSize() {
	n := Size(c.policy.text)
	switch {
	case n > RaisedQuota:
		f := c.add("TP066", nil, nil, fmt.Sprintf("the policy has %d characters, and AWS takes %d at most", n, RaisedQuota))
		f.Severity = Error
	case n > DefaultQuota:
		c.add("TP066", nil, nil, fmt.Sprintf("the policy has %d characters, more than the %d of an account whose quota was not raised", n, DefaultQuota))
	case n > DefaultQuota*9/10:
		c.add("TP066", nil, nil, fmt.Sprintf("the policy has %d characters of %d", n, DefaultQuota))
	}
}

// lookalike gives the known issuer that a URL's host resembles, or "".
func lookalike(url string) string {
	host, _, _ := strings.Cut(url, "/")
	known := append(trust.SharedIssuers(), "app.terraform.io", "oidc.circleci.com", "api.bitbucket.org", "vstoken.dev.azure.com")
	slices.Sort(known)
	for _, issuer := range known {
		issuerHost, _, _ := strings.Cut(issuer, "/")
		if host == issuerHost {
			return ""
		}
	}
	for _, issuer := range known {
		issuerHost, _, _ := strings.Cut(issuer, "/")
		if strings.HasPrefix(host, issuerHost+".") || strings.HasPrefix(host, issuerHost+"-") || len(issuerHost) >= 9 && distance(host, issuerHost) == 1 {
			return issuerHost
		}
	}
	return ""
}

// distance is how many characters must be changed, added or taken away: 0, 1, or 2
// for more.
func distance(a, b string) int {
	if len(a) > len(b) {
		a, b = b, a
	}
	if len(b)-len(a) > 1 {
		return 2
	}
	i := 0
	for i < len(a) && a[i] == b[i] {
		i++
	}
	switch {
	case i == len(a) && len(a) == len(b):
		return 0
	case len(a) == len(b) && a[i+1:] == b[i+1:], len(a) < len(b) && a[i:] == b[i+1:]:
		return 1
	}
	return 2
}
