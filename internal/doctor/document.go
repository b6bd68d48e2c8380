package doctor

import (
	"bytes"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/daypass/daypass/internal/jwks"
)

// discoveryPath follows the issuer without its closing slash (OpenID Connect
// Discovery 1.0 section 4).
const discoveryPath = "/.well-known/openid-configuration"

// wantedMembers are those that OpenID Connect Discovery 1.0 section 3 requires,
// besides issuer and jwks_uri, of an issuer of ID tokens alone. AWS's page asks
// for a complete document; which of them it reads is not published.
var wantedMembers = []string{"response_types_supported", "subject_types_supported", "id_token_signing_alg_values_supported"}

// algorithms are those that AWS takes (IAM User Guide, "Create an OpenID Connect
// (OIDC) identity provider in IAM").
var algorithms = []string{"RS256", "RS384", "RS512", "ES256", "ES384", "ES512"}

// examineDiscovery is D12. It sets keysURL, if the document tells it.
func (e *issuerExam) examineDiscovery() {
	a := &e.discovery
	if a.err != nil || !e.examineAnswer(a, "discovery") {
		return
	}
	e.examineContentType(a, "discovery-content-type")
	document, err := parseMembers(bytes.TrimPrefix(a.body, bom))
	if err != nil {
		e.found("discovery-not-json", "%s: %v: it begins %s", a.from, err, beginning(a.body))
		return
	}
	if bytes.HasPrefix(a.body, bom) {
		e.found("discovery-bom", "%s", a.from)
	}
	if again := document.repeated(); len(again) > 0 {
		e.found("discovery-repeats", "%s", listed(again))
	}
	issuer, ok := document.text("issuer")
	switch {
	case !ok:
		e.found("discovery-lacks", "issuer")
	case issuer != e.c.URL:
		e.found("discovery-other-issuer", "the document has %s, asked was for %s%s", shown(issuer), shown(e.c.URL), difference(issuer, e.c.URL))
	}
	e.examineJWKSURI(document)
	var lacking []string
	for _, name := range wantedMembers {
		if list, ok := document.texts(name); !ok || len(list) == 0 {
			lacking = append(lacking, name)
		}
	}
	if len(lacking) > 0 {
		e.found("discovery-incomplete", "%s", strings.Join(lacking, ", "))
	}
	if offered, ok := document.texts("id_token_signing_alg_values_supported"); ok && !slices.ContainsFunc(offered, func(a string) bool { return slices.Contains(algorithms, a) }) {
		e.found("discovery-algorithms", "%s", listed(offered))
	}
	e.ok("D12", "%s has this issuer, and jwks_uri %s", a.from, e.keysURL)
}

// examineAnswer says what is wrong with an answer as such, and reports whether
// there is a document to read. What is "discovery" or "keys".
func (e *issuerExam) examineAnswer(a *answer, what string) bool {
	switch {
	case a.status >= 300 && a.status < 400:
		e.found(what+"-redirect", "%s answers with status %d and leads to %s", a.from, a.status, shown(a.header.Get("Location")))
	case a.status == http.StatusTooManyRequests || a.status == http.StatusServiceUnavailable:
		e.found(what+"-throttled", "%s answers with status %d%s", a.from, a.status, retryAfter(a.header))
	case bytes.Contains(a.body, []byte("NoSuchBucket")):
		e.found("bucket-gone", "%s answers with status %d, NoSuchBucket", a.from, a.status)
	case a.status != http.StatusOK:
		e.found(what+"-status", "%s answers with status %d%s", a.from, a.status, pageKind(a.body))
	case a.tooLong:
		e.found(what+"-long", "%s: more than %d bytes", a.from, len(a.body))
	case isPage(a.body):
		e.found(what+"-page", "%s answers with status 200%s: it begins %s", a.from, pageKind(a.body), beginning(a.body))
	default:
		return true
	}
	return false
}

func retryAfter(h http.Header) string {
	if after := h.Get("Retry-After"); after != "" {
		return ", Retry-After " + shown(after)
	}
	return ""
}

var bom = []byte("\xef\xbb\xbf")

// isPage reports whether an answer is markup and no JSON.
func isPage(body []byte) bool {
	return bytes.HasPrefix(bytes.TrimSpace(bytes.TrimPrefix(body, bom)), []byte("<"))
}

// pageKind names the kind of an answer that is no JSON.
func pageKind(body []byte) string {
	start := strings.ToLower(string(body[:min(len(body), 2000)]))
	switch {
	case !isPage(body):
		return ""
	case strings.Contains(start, "permanentredirect"):
		return " and S3's PermanentRedirect, of a bucket in another region"
	case strings.Contains(start, "<?xml") || strings.Contains(start, "<error"):
		return " and XML"
	case strings.Contains(start, "password") || strings.Contains(start, "sign in") || strings.Contains(start, "login"):
		return " and a login page"
	}
	return " and a page of HTML"
}

func beginning(body []byte) string {
	return shown(string(body[:min(len(body), 60)]))
}

// difference says where two issuers part that look alike.
func difference(a, b string) string {
	switch {
	case strings.TrimSuffix(a, "/") == strings.TrimSuffix(b, "/"):
		return ": they differ in the closing slash"
	case strings.EqualFold(a, b):
		return ": they differ in upper and lower case"
	case strings.TrimPrefix(a, "http://") == strings.TrimPrefix(b, "https://"), strings.TrimPrefix(a, "https://") == strings.TrimPrefix(b, "http://"):
		return ": they differ in http and https"
	case strings.TrimPrefix(a, "https://") == b, a == strings.TrimPrefix(b, "https://"):
		return ": one lacks its scheme"
	case strings.Replace(a, ":443", "", 1) == strings.Replace(b, ":443", "", 1):
		return ": they differ in :443"
	}
	return ""
}

// examineJWKSURI reads where the keys are.
func (e *issuerExam) examineJWKSURI(document members) {
	text, ok := document.text("jwks_uri")
	if !ok {
		e.found("discovery-lacks", "jwks_uri")
		return
	}
	u, err := parseIssuer(text)
	if err != nil || u.User != nil {
		e.found("jwks-uri-form", "%s", shown(text))
		return
	}
	switch {
	case u.Hostname() == e.issuer.Hostname() && u.Port() != e.issuer.Port() && u.Port() == "":
		e.found("jwks-uri-no-port", "jwks_uri is %s, the issuer %s", shown(text), shown(e.c.URL))
	case u.Port() != "" && u.Port() != "443" && (e.issuer.Port() == "" || e.issuer.Port() == "443"):
		e.found("jwks-uri-port", "jwks_uri is %s", shown(text))
	}
	if !strings.EqualFold(u.Hostname(), e.issuer.Hostname()) {
		e.found("jwks-uri-other-host", "jwks_uri is at %s, the issuer at %s", u.Hostname(), e.issuer.Hostname())
	}
	u.Fragment, u.RawFragment = "", ""
	e.keysURL = u
}

// examineContentType wants JSON's; what follows it does not matter.
func (e *issuerExam) examineContentType(a *answer, code string) {
	kind, _, _ := strings.Cut(a.header.Get("Content-Type"), ";")
	kind = strings.ToLower(strings.TrimSpace(kind))
	if kind == "application/json" || strings.HasPrefix(kind, "application/") && strings.HasSuffix(kind, "+json") {
		return
	}
	e.found(code, "%s comes as %s", a.from, shown(a.header.Get("Content-Type")))
}

// instanceDocument is the discovery document of a GitLab instance behind a
// custom issuer: where its keys are.
func instanceDocument(a *answer) (issuer string, keys *url.URL, ok bool) {
	if a.err != nil || a.status != http.StatusOK || a.tooLong || len(a.body) > jwks.MaxDiscoveryBytes {
		return "", nil, false
	}
	document, err := parseMembers(a.body)
	if err != nil {
		return "", nil, false
	}
	issuer, _ = document.text("issuer")
	text, _ := document.text("jwks_uri")
	keys, err = parseIssuer(text)
	return issuer, keys, err == nil
}
