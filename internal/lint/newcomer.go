package lint

import (
	"strings"

	"github.com/daypass/daypass/internal/policy"
)

// Newcomers finds tokens that a role's trust policy admits after a change and did
// not before: one for each form of subject of each provider in each statement, as
// far as the search finds one. Each was held against both policies by trust.Decide.
// An empty policy before is that of a role that was not there. The error is an
// *UnreadableError; where the search had to give up, there are tokens beside it.
func Newcomers(before, after Role) ([]*Witness, error) {
	now, err := readPolicy(after.TrustPolicy)
	if err != nil {
		return nil, err
	}
	then := &trustPolicy{}
	refused := func(*Witness) bool { return true }
	if before.TrustPolicy != "" {
		if then, err = readPolicy(before.TrustPolicy); err != nil {
			return nil, err
		}
		refused = func(w *Witness) bool { return !w.Admitted(then.document) }
	}
	var found []*Witness
	c := newChecker(&after, now)
	for _, a := range c.sites() {
		a.more = then.others(a.provider.url)
		for _, sh := range a.allShapes() {
			w := a.find(want{shapes: []*shape{sh}, watch: then.subjectLanguages(a.provider.url), accept: refused})
			if w != nil && !contains(found, w) {
				found = append(found, w)
			}
		}
	}
	if c.effort <= 0 {
		return found, &UnreadableError{1, 1, "the patterns are too many, or too intricate, to be compared to the end"}
	}
	return found, nil
}

// allShapes are the family's, and those that patterns make up.
func (a *site) allShapes() []*shape {
	shapes := append([]*shape(nil), a.family.shapes...)
	for _, v := range a.subjects {
		if custom := a.family.custom(v.text); custom != nil {
			shapes = append(shapes, custom)
		}
	}
	return shapes
}

func contains(found []*Witness, w *Witness) bool {
	for _, f := range found {
		if f.Issuer == w.Issuer && f.Subject == w.Subject {
			return true
		}
	}
	return false
}

// subjectLanguages are those of all conditions on the subjects of a provider.
func (p *trustPolicy) subjectLanguages(url string) []*language {
	var languages []*language
	for _, s := range p.statements {
		for _, c := range s.on(url, "sub") {
			if c.isText() {
				languages = append(languages, newLanguage(c.texts(), c.like(), strings.HasSuffix(c.base, "IgnoreCase")))
			}
		}
	}
	return languages
}

// others gives for each key that a policy asks for values that meet the conditions
// and values that do not.
func (p *trustPolicy) others(url string) map[string][]string {
	values := map[string][]string{}
	for _, s := range p.statements {
		for _, c := range s.conds {
			if _, own := cutFold(c.key, url+":"); !own && isProviders(c.key) {
				continue
			}
			samples := c.samples()
			for _, v := range samples {
				if strings.EqualFold(v, "true") {
					values[c.key] = append(values[c.key], "false")
				}
			}
			values[c.key] = append(append(values[c.key], "other"), samples...)
		}
	}
	return values
}

// Document gives the policy as package policy decides by it, with what IAM would
// refuse put right, as Check takes it: for whoever decides by the same text. The
// error is an *UnreadableError.
func Document(text string) (*policy.Document, error) {
	p, err := readPolicy(text)
	if err != nil {
		return nil, err
	}
	return p.document, nil
}

// ProviderURLs gives the URLs, without scheme, of the OpenID Connect providers that a
// trust policy names; none of a text that cannot be read.
func ProviderURLs(text string) []string {
	p, err := readPolicy(text)
	if err != nil {
		return nil
	}
	var urls []string
	for _, s := range p.statements {
		for _, provider := range s.providers() {
			urls = append(urls, provider.url)
		}
	}
	return urls
}
