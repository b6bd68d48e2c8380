package doctor

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/daypass/daypass/internal/oidc"
)

// TokenConfig says which token to examine, and against what. Raw and Now are
// needed; what is left out is not examined, and the report says so.
type TokenConfig struct {
	Raw  string
	From string // where it was read, for the report
	For  For    // "" is AWS
	Now  time.Time

	// Issuer is the URL of the provider, with its scheme; "" is that none was told.
	Issuer string
	// ClientIDs are those of the provider; nil is that none were told.
	ClientIDs []string
	// RoleARN is the role that is to be assumed; "" for none.
	RoleARN string
	// Keys are the issuer's; nil is that none are known. NoKeys says then why.
	Keys   *oidc.KeySet
	NoKeys string
	// ShowPersonal shows claims about people whole. Reports are pasted into
	// tickets, so that otherwise they are not.
	ShowPersonal bool
}

// Claim is a claim of a token, for the reader.
type Claim struct {
	Name  string `json:"name"`
	Value string `json:"value"` // as sent
	// Masked says that the value is about a person and was made unreadable.
	Masked bool `json:"masked,omitempty"`
	// Key is the condition key that AWS makes of it; "" for none.
	Key string `json:"conditionKey,omitempty"`
}

// Token examines a token. It sends it nowhere. Whatever package oidc refuses,
// as the server would, is an error here too.
func Token(c TokenConfig) *Report {
	r := newReport(c.From, c.For)
	examineToken(r, &c)
	return r.finish("T")
}

// tokenExam is one examination under way.
type tokenExam struct {
	*Report
	c       *TokenConfig
	raw     string
	header  members
	payload members
	claims  *oidc.Claims // as of a token that was verified; nil where their form is wrong
	iss     string
	clients []string // the audience, as the token has it
}

func examineToken(r *Report, c *TokenConfig) {
	examineTokenInto(&tokenExam{Report: r, c: c, raw: strings.TrimSpace(c.Raw)})
}

func examineTokenInto(e *tokenExam) {
	if e.examineForm() {
		e.examineHeader()
		e.examineClaims()
		e.examineAudience()
		e.examineTimes()
		e.examineProvider()
		e.withClaims()
		e.examineSignature()
		e.examineAWSClaims()
		e.examineOrigin()
		e.examineSubject()
	}
	e.holdAgainstOIDC()
	for _, check := range checks {
		if check.ID[0] == 'T' && e.skipped[check.ID] == "" {
			e.skip(check.ID, "the faults above must be mended first")
		}
	}
}

// holdAgainstOIDC asks the package that decides for the server. What it refuses
// and nothing above found is told in its words.
func (e *tokenExam) holdAgainstOIDC() {
	u, err := oidc.Parse(e.c.Raw)
	if err == nil && e.c.ClientIDs != nil {
		err = u.Check(e.c.ClientIDs, e.c.Now)
	}
	var refused *oidc.Error
	blocked := slices.ContainsFunc(e.Findings, func(f Finding) bool { return f.Level == Error })
	if errors.As(err, &refused) && !blocked {
		e.foundAWS("token-refused", refused.Message(), "%s", refused.Reason)
	}
}

// foundAWS is found with AWS's text of this one case.
func (r *Report) foundAWS(code, awsError, seen string, args ...any) {
	before := len(r.Findings)
	r.found(code, seen, args...)
	if len(r.Findings) > before && awsError != "" {
		r.Findings[before].AWSError = awsError
	}
}

// examineForm is T01. It reports whether header and payload can be read.
func (e *tokenExam) examineForm() bool {
	if len(e.c.Raw) > oidc.MaxTokenBytes {
		e.found("token-long", "it has %d characters", len(e.c.Raw))
	}
	if code := notAToken(e.raw); code != "" {
		e.found(code, "%s", number(len(e.raw), "character"))
		return false
	}
	parts := strings.Split(e.raw, ".")
	if len(parts) != 3 {
		e.found("token-parts", "it has %s", number(len(parts), "part"))
		return false
	}
	var ok [3]bool
	var decoded [3][]byte
	for i, part := range parts {
		var err error
		decoded[i], err = base64.RawURLEncoding.Strict().DecodeString(part)
		ok[i] = err == nil && !strings.ContainsAny(part, "\r\n") && part != ""
		if !ok[i] {
			e.found("token-base64", "its %s", []string{"header", "payload", "signature"}[i])
		}
	}
	var err error
	if ok[0] {
		if e.header, err = parseMembers(decoded[0]); err != nil {
			e.found("token-json", "its header: %v", err)
		}
	}
	if ok[1] {
		if e.payload, err = parseMembers(decoded[1]); err != nil {
			e.found("token-json", "its payload: %v", err)
		}
	}
	e.ok("T01", "%d of at most %d characters", len(e.raw), oidc.MaxTokenBytes)
	return e.header != nil && e.payload != nil
}

// notAToken knows what else than a token people hand over.
func notAToken(raw string) string {
	switch {
	case raw == "":
		return "token-empty"
	case len(raw) > 7 && strings.EqualFold(raw[:7], "bearer "):
		return "token-bearer"
	case raw[0] == '"' || raw[0] == '\'':
		return "token-quoted"
	case raw[0] == '$' || strings.HasPrefix(raw, "[MASKED]") || strings.HasPrefix(raw, "***"):
		return "token-masked"
	case raw[0] == '{':
		return "token-object"
	}
	return ""
}

// examineHeader is T02 (RFC 7515 section 4.1; what AWS takes was recorded on AWS,
// 2026-09).
func (e *tokenExam) examineHeader() {
	if again := e.header.repeated(); len(again) > 0 {
		e.found("header-repeats", "%s", listed(again))
	}
	for _, extension := range []string{"crit", "b64"} {
		if _, sent := e.header.get(extension); sent {
			e.found("header-extension", "%s", extension)
		}
	}
	alg, ok := e.header.text("alg")
	if !ok || !slices.Contains(algorithms, alg) {
		e.found("header-algorithm", "alg is %s", shown(alg))
	}
	kid, isText := e.header.text("kid")
	switch _, sent := e.header.get("kid"); {
	case !sent:
		e.found("header-no-kid", "the header has %s", listed(namesOf(e.header)))
	case !isText || kid == "":
		e.found("header-bad-kid", "kid is %s", shown(kid))
	}
	typ, _ := e.header.text("typ")
	if strings.EqualFold(typ, "at+jwt") {
		e.found("header-access-token", "typ is %s", shown(typ))
	}
	e.ok("T02", "alg %s, kid %s, typ %s", alg, shown(kid), shown(typ))
}

func namesOf(m members) []string {
	var all []string
	for i := range m {
		all = append(all, m[i].name)
	}
	return all
}

// requiredClaims are AWS's, in the order in which it names what is missing
// (recorded on AWS, 2026-09).
var requiredClaims = []string{"iss", "sub", "aud", "iat", "exp"}

// examineClaims is T03.
func (e *tokenExam) examineClaims() {
	var there []string
	for _, name := range requiredClaims {
		if _, ok := e.payload.get(name); !ok {
			e.foundAWS("claim-missing", "Missing a required claim: "+name, "%s", name)
			continue
		}
		there = append(there, name)
	}
	if again := e.payload.repeated(); len(again) > 0 {
		e.found("claim-repeats", "%s", listed(again))
	}
	if value, ok := e.payload.get("iss"); ok {
		if e.iss, ok = textOf(value); !ok {
			e.found("claim-type", "iss is %s, and must be a string", shown(string(value)))
		}
	}
	if value, ok := e.payload.get("sub"); ok {
		_, isText := textOf(value)
		switch {
		case string(value) == "null":
			e.found("sub-null", "sub is null")
		case !isText && !wholeNumber(string(value)):
			e.found("claim-type", "sub is %s, and must be a string", shown(string(value)))
		case !isText:
			e.found("sub-number", "sub is %s", shown(string(value)))
		case string(value) == `""`:
			e.found("sub-empty", "sub is empty")
		}
	}
	for _, name := range []string{"email", "jti"} {
		if value, ok := e.payload.get(name); ok && string(value) != "null" {
			if _, isText := textOf(value); !isText {
				e.found("claim-type", "%s is %s, and must be a string", name, kindOfJSON(value))
			}
		}
	}
	if value, ok := e.payload.get("amr"); ok && string(value) != "null" {
		if _, isList := textsOf(value); !isList {
			e.found("claim-type", "amr is %s, and must be a list of strings", kindOfJSON(value))
		}
	}
	e.ok("T03", "%s", strings.Join(there, ", "))
}

// kindOfJSON names a value's type, and not the value, which may be anybody's.
func kindOfJSON(value json.RawMessage) string {
	switch value[0] {
	case '{':
		return "an object"
	case '[':
		return "a list"
	case '"':
		return "a string"
	case 't', 'f':
		return "true or false"
	case 'n':
		return "null"
	}
	return "a number"
}

// wholeNumber reports whether s is a number without fraction or exponent.
func wholeNumber(s string) bool {
	s = strings.TrimPrefix(s, "-")
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return r < '0' || r > '9' })
}

// examineAudience is T05: which value counts, and whether it is registered.
func (e *tokenExam) examineAudience() {
	value, ok := e.payload.get("aud")
	if !ok {
		e.skip("T05", "the token has no aud")
		return
	}
	one, isText := textOf(value)
	list, isList := textsOf(value)
	if isText {
		list = []string{one}
	}
	switch {
	case !isText && !isList:
		e.found("claim-type", "aud is %s, and must be a string or a list of strings", kindOfJSON(value))
		return
	case len(list) == 0:
		e.found("aud-empty", "aud is []")
		return
	}
	e.clients = list[:1]
	from := "aud"
	azp, hasAZP := e.payload.get("azp")
	if hasAZP {
		party, isText := textOf(azp)
		if !isText {
			e.found("claim-type", "azp is %s, and must be a string", kindOfJSON(azp))
			e.clients = nil
			return
		}
		e.clients, from = []string{party}, "azp"
		if !isList && one != party || isList && !slices.Equal(list, e.clients) {
			e.found("azp-counts", "azp is %s, aud %s", shown(party), listed(list))
		}
	} else if len(list) > 1 {
		e.found("aud-several", "aud is %s", listed(list))
		e.clients = nil
		return
	}
	e.examineClientID(from)
}

// examineClientID holds the audience against the provider's client ids.
func (e *tokenExam) examineClientID(from string) {
	audience := e.clients[0]
	switch {
	case audience == "":
		e.found("aud-blank", "%s is empty", from)
	case e.c.ClientIDs == nil:
		e.found("aud-not-compared", "%s is %s", from, shown(audience))
		e.ok("T05", "%s is %s", from, shown(audience))
	case !slices.Contains(e.c.ClientIDs, audience):
		near := ""
		for _, id := range e.c.ClientIDs {
			if d := difference(audience, id); d != "" {
				near = d
				break
			}
		}
		e.found("aud-not-registered", "%s is %s, the provider's client ids are %s%s", from, shown(audience), listed(e.c.ClientIDs), near)
	default:
		e.ok("T05", "%s is %s", from, shown(audience))
	}
}

// examineProvider is T04.
func (e *tokenExam) examineProvider() {
	if e.iss == "" {
		e.skip("T04", "the token has no iss")
		return
	}
	if !strings.HasPrefix(e.iss, "https://") && e.iss != "accounts.google.com" { // which AWS takes with and without
		e.found("iss-not-https", "iss is %s", shown(e.iss))
	}
	switch want := e.c.Issuer; {
	case want == "":
		e.found("iss-not-compared", "iss is %s", shown(e.iss))
		e.ok("T04", "iss is %s", shown(e.iss))
	case e.iss != want && "https://"+e.iss != want:
		e.foundAWS("iss-other", errProvider+" "+e.iss, "iss is %s, the provider's URL %s%s", shown(e.iss), shown(want), difference(e.iss, want))
	default:
		e.ok("T04", "iss is %s", shown(e.iss))
	}
}

// timesOf are the claims of times, in seconds.
var timesOf = []string{"iat", "exp", "nbf"}

// seconds reads a claim of time as AWS does: a whole number, or a string of its
// digits (recorded on AWS, 2026-09).
func (e *tokenExam) seconds(name string) (seconds int64, sent, ok bool) {
	value, sent := e.payload.get(name)
	if !sent {
		return 0, false, true
	}
	digits, isText := textOf(value)
	if !isText {
		digits = string(value)
	}
	if !wholeNumber(digits) || isText && digits[0] == '-' {
		return 0, true, false
	}
	seconds, err := strconv.ParseInt(digits, 10, 64)
	return seconds, true, err == nil
}
