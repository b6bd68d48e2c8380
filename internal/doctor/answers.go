package doctor

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/daypass/daypass/internal/arn"
	"github.com/daypass/daypass/internal/jwks"
	"github.com/daypass/daypass/internal/oidc"
)

// longAge is from when on a kept key set is told of: a rotation is seen late.
const longAge = 24 * time.Hour

// examineCaching is D14 (RFC 9111 section 5.2.2).
func (e *issuerExam) examineCaching() {
	a := &e.keys
	if a.err != nil || a.status != http.StatusOK {
		return
	}
	said := strings.Join(a.header.Values("Cache-Control"), ", ")
	seen := "the key set comes with Cache-Control " + shown(said)
	forbidden := strings.Contains(strings.ToLower(a.header.Get("Pragma")), "no-cache") && said == ""
	if forbidden {
		seen = "the key set comes with Pragma " + shown(a.header.Get("Pragma"))
	}
	age, told := time.Duration(0), false
	for directive := range strings.SplitSeq(said, ",") {
		name, value, _ := strings.Cut(strings.ToLower(strings.TrimSpace(directive)), "=")
		switch name {
		case "no-store", "no-cache":
			forbidden = true
		case "max-age":
			seconds, err := strconv.ParseUint(strings.Trim(value, `"`), 10, 31)
			if err != nil {
				e.found("cache-unreadable", "%s", seen)
				return
			}
			age, told = time.Duration(seconds)*time.Second, true
			forbidden = forbidden || seconds == 0
		}
	}
	switch {
	case forbidden:
		e.found("cache-forbidden", "%s", seen)
	case !told:
		e.found("cache-unsaid", "%s", seen)
	case age > longAge:
		e.found("cache-long", "%s", seen)
	}
	e.ok("D14", "%s", seen)
}

// examineSameAnswer is D15: a firewall that wants a browser, or a person, answers
// others with a page of its own.
func (e *issuerExam) examineSameAnswer(ctx context.Context, well *url.URL) {
	first := &e.discovery
	if first.err != nil {
		return
	}
	for _, other := range []struct{ agent, who string }{{"", "a client without User-Agent"}, {browser, "a browser"}} {
		a := e.get(ctx, well, other.agent, jwks.MaxDiscoveryBytes)
		switch {
		case a.err != nil:
			e.found("depends-on-client", "%s gets no answer (%s), where User-Agent %s gets status %d", other.who, reason(a.err), agent, first.status)
		case a.status != first.status:
			e.found("depends-on-client", "%s gets status %d%s, where User-Agent %s gets status %d", other.who, a.status, pageKind(a.body), agent, first.status)
		case a.status == http.StatusOK && isPage(a.body) != isPage(first.body):
			e.found("depends-on-client", "%s gets another document%s", other.who, pageKind(a.body))
		}
	}
	e.ok("D15", "status %d with User-Agent %s, with none, and with a browser's", first.status, agent)
}

// examineCrowd is D16. STS asks from many machines at once where many jobs
// begin.
func (e *issuerExam) examineCrowd(ctx context.Context) {
	if e.c.Parallel < 0 {
		e.skip("D16", "switched off by --parallel 0")
		return
	}
	if e.keySet == nil {
		return
	}
	answers := make([]answer, e.c.Parallel)
	var group sync.WaitGroup
	for i := range answers {
		group.Go(func() { answers[i] = e.get(ctx, e.keysURL, agent, oidc.MaxKeySetBytes) })
	}
	group.Wait()
	outcomes, slowest := map[string]int{}, time.Duration(0)
	for i := range answers {
		a := &answers[i]
		slowest = max(slowest, a.took)
		switch {
		case a.err != nil:
			outcomes["no answer ("+reason(a.err)+")"]++
		case a.status != http.StatusOK:
			outcomes[fmt.Sprintf("status %d", a.status)]++
		case isPage(a.body):
			outcomes["a page in place of keys"]++
		}
	}
	if len(outcomes) > 0 {
		var parts []string
		for outcome, n := range outcomes {
			parts = append(parts, fmt.Sprintf("%d of %d got %s", n, len(answers), outcome))
		}
		slices.Sort(parts)
		e.found("crowd-refused", "%s", strings.Join(parts, "; "))
		return
	}
	seen := fmt.Sprintf("%s at once, the slowest took %s", number(len(answers), "request"), round(slowest))
	switch {
	case slowest > e.c.Bound:
		e.found("crowd-too-slow", "%s; the bound is %s", seen, e.c.Bound)
	case slowest > e.c.Slow:
		e.found("crowd-slow", "%s; the bound is %s", seen, e.c.Bound)
	default:
		e.ok("D16", "%s", seen)
	}
}

// clockWarning is from when on a difference of clocks is told; from oidc.Skew on
// tokens are refused.
const clockWarning = 60 * time.Second

// examineClock is D19. Date is in whole seconds.
func (e *issuerExam) examineClock() {
	if e.discovery.err != nil {
		return
	}
	date, err := http.ParseTime(e.discovery.header.Get("Date"))
	if err != nil {
		e.skip("D19", "the answer has no Date")
		return
	}
	difference := date.Sub(e.now()).Round(time.Second)
	seen := fmt.Sprintf("the issuer's clock is %s ahead of this one", difference)
	if difference < 0 {
		seen = fmt.Sprintf("the issuer's clock is %s behind this one", -difference)
	}
	switch {
	case difference.Abs() > oidc.Skew:
		e.found("clock-wrong", "%s", seen)
	case difference.Abs() > clockWarning:
		e.found("clock-off", "%s", seen)
	default:
		e.ok("D19", "within %s", max(difference.Abs(), time.Second))
	}
}

// examineNames is D17: what follows from the issuer, and for a custom issuer
// whether the instance's keys are published there. GitLab's own document always
// names GitLab's own URL (GitLab's discovery controller), so of a custom issuer
// it can only be the keys that agree.
func (e *issuerExam) examineNames(ctx context.Context) {
	name := strings.TrimPrefix(e.c.URL, "https://")
	if e.issuer.Port() == "443" {
		name = strings.Replace(name, ":443", "", 1)
	}
	account := e.c.Account
	if account == "" {
		account = "ACCOUNT"
	}
	e.ok("D17", "provider ARN %s\ncondition keys begin %s: such as %s:sub", arn.OIDCProvider(account, name), name, name)
	if e.c.GitLab == "" {
		return
	}
	u, err := parseIssuer(e.c.GitLab)
	if err != nil {
		e.found("instance-not-asked", "%v", err)
		return
	}
	well := *u
	well.Path = strings.TrimSuffix(u.Path, "/") + discoveryPath
	a := e.get(ctx, &well, agent, jwks.MaxDiscoveryBytes)
	own, from, ok := instanceDocument(&a)
	if !ok {
		e.found("instance-not-asked", "%s: %s", &well, answerFault(&a))
		return
	}
	keys := e.get(ctx, from, agent, oidc.MaxKeySetBytes)
	_, instanceKeys, err := readKeys(keys.body)
	if keys.err != nil || keys.status != http.StatusOK || keys.tooLong || err != nil {
		e.found("instance-not-asked", "%s: %s", from, answerFault(&keys))
		return
	}
	e.compareKeys(own, instanceKeys)
}

func answerFault(a *answer) string {
	switch {
	case a.err != nil:
		return reason(a.err)
	case a.status != http.StatusOK:
		return fmt.Sprintf("status %d%s", a.status, pageKind(a.body))
	case a.tooLong:
		return "it is too long"
	}
	return "it is no such document" + pageKind(a.body)
}

// compareKeys says which keys of the instance are not published by the issuer,
// and the other way round.
func (e *issuerExam) compareKeys(own string, instance []publishedKey) {
	if own == e.c.URL {
		e.found("instance-is-issuer", "%s", own)
		return
	}
	_, published, err := readKeys(bytes.TrimPrefix(e.keys.body, bom))
	if err != nil {
		return // said of the key set
	}
	known := func(list []publishedKey, k *publishedKey) bool {
		return slices.ContainsFunc(list, func(other publishedKey) bool {
			return other.kid == k.kid && jwkThumbprint(other.members) == jwkThumbprint(k.members)
		})
	}
	var missing, more []string
	for i := range instance {
		if !known(published, &instance[i]) {
			missing = append(missing, instance[i].kid)
		}
	}
	for i := range published {
		if !known(instance, &published[i]) {
			more = append(more, published[i].kid)
		}
	}
	kid := e.signedBy()
	switch {
	case len(missing) > 0 && len(missing) == len(instance) || kid != "" && slices.Contains(missing, kid):
		e.found("instance-keys-missing", "of %s, the issuer does not publish kid %s", own, listed(missing))
	case len(missing) > 0 && kid == "":
		e.found("instance-keys-part", "of %s, the issuer does not publish kid %s", own, listed(missing))
	}
	if len(more) > 0 {
		e.found("instance-keys-more", "kid %s", listed(more))
	}
	e.ok("D17", "the issuer publishes %s of %s", number(len(instance)-len(missing), "key"), own)
}

// signedBy is the kid of the key that signed the token; "" where there is none to
// be read. With one key an instance signs ID tokens, the others are for people who
// sign in with GitLab and for its own services (GitLab's JwksController), and no
// cloud needs those.
func (e *issuerExam) signedBy() string {
	if e.c.Token == nil {
		return ""
	}
	u, err := oidc.Parse(strings.TrimSpace(e.c.Token.Raw))
	if err != nil {
		return "" // said of the token
	}
	return u.KeyID()
}

// ParseResolve reads HOST:ADDRESS of --resolve.
func ParseResolve(text string) (host string, addr netip.Addr, err error) {
	host, rest, ok := strings.Cut(text, ":")
	addr, parseErr := netip.ParseAddr(strings.Trim(rest, "[]"))
	if !ok || host == "" || parseErr != nil {
		return "", netip.Addr{}, fmt.Errorf("%q is not HOST:ADDRESS, such as gitlab.example.com:10.1.2.3", text)
	}
	return host, addr, nil
}
