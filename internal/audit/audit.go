// Package audit writes one wide event for each request: who asked what, what
// was answered, and why. The events are the audit record, so a request whose
// event cannot be written is not answered with success.
//
// An event never holds a token, a secret access key or a session token. What
// it holds of an ID token are claims that name things: iss, sub, aud, jti. A
// caller who mixes up variables sends an ID token as the name of a role, and
// messages repeat names: so Write replaces whatever looks like a token.
package audit

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/daypass/daypass/internal/policy"
)

// Event is everything worth knowing of one request. Empty members are left
// out. Times are UTC.
type Event struct {
	Time              time.Time         `json:"time"`
	RequestID         string            `json:"requestId"`
	TraceID           string            `json:"traceId,omitempty"`   // of the request's trace, where it is traced
	Service           string            `json:"service,omitempty"`   // sts, iam
	Operation         string            `json:"operation,omitempty"` // CreateRole
	Region            string            `json:"region,omitempty"`    // that the caller signed for
	SourceIP          string            `json:"sourceIp,omitempty"`
	UserAgent         string            `json:"userAgent,omitempty"`
	Via               string            `json:"via,omitempty"`   // console, where that made the request for its user
	Status            int               `json:"status"`          // of the HTTP reply
	Fault             string            `json:"fault,omitempty"` // the kind: AccessDenied, ClockSkew …
	Code              string            `json:"code,omitempty"`  // as the client was told
	Message           string            `json:"message,omitempty"`
	Duration          time.Duration     `json:"durationNanoseconds"`
	Account           string            `json:"account,omitempty"`
	Principal         string            `json:"principal,omitempty"` // ARN of who signed
	AccessKey         string            `json:"accessKeyId,omitempty"`
	Action            string            `json:"action,omitempty"`   // what was asked for, where it was denied
	Resource          string            `json:"resource,omitempty"` // on what
	Issuer            string            `json:"issuer,omitempty"`   // of the ID token, verified or not: see Verified; or of the token that was made
	Provider          string            `json:"provider,omitempty"` // ARN of the one that the token's issuer and the role's account name
	Subject           string            `json:"subject,omitempty"`
	Audience          []string          `json:"audience,omitempty"`
	TokenID           string            `json:"jti,omitempty"`
	Verified          bool              `json:"tokenVerified,omitempty"`   // the token's signature and times were right
	Claims            map[string]string `json:"claims,omitempty"`          // of a verified token: those that name project, pipeline and job
	Origin            *Origin           `json:"origin,omitempty"`          // of a caller whose session a token began: the job behind the request
	StaleKeys         string            `json:"staleKeys,omitempty"`       // why the issuer's keys were used beyond their time
	Role              string            `json:"role,omitempty"`            // ARN asked for
	RoleSessionName   string            `json:"roleSessionName,omitempty"` // asked for
	Session           string            `json:"session,omitempty"`         // ARN given
	IssuedKey         string            `json:"issuedAccessKeyId,omitempty"`
	ExpiresAt         *time.Time        `json:"expiresAt,omitempty"`
	SourceIdentity    string            `json:"sourceIdentity,omitempty"`              // set in the session given
	NonPortableKeys   []string          `json:"nonPortableKeys,omitempty"`             // condition keys in the trust policy that AWS does not have
	Findings          []string          `json:"findings,omitempty"`                    // about a trust policy that was written, by daypass lint
	Reason            string            `json:"reason,omitempty"`                      // one sentence, for the operator only
	Decision          string            `json:"decision,omitempty"`                    // Allow, ImplicitDeny, ExplicitDeny
	Reasons           *Reasons          `json:"reasons,omitempty"`                     // each statement and condition, where the answer was no
	Documents         []string          `json:"documents,omitempty"`                   // names of the documents that Reasons counts
	Encoded           string            `json:"encodedAuthorizationMessage,omitempty"` // of a denial, for sts:DecodeAuthorizationMessage
	UpstreamRequestID string            `json:"upstreamRequestId,omitempty"`           // by which the store behind names the request
	ErrorChain        string            `json:"error,omitempty"`                       // of a fault that is ours
	Retired           string            `json:"retired,omitempty"`                     // of RetireOperation: the head, SEQUENCE:HASH, of what was removed
}

// Reasons is the decision's own account of itself.
type Reasons = policy.Reasons

// tokenForm is a JSON Web Token in the compact form, or its beginning (RFC 7515
// section 7.1): a header, which is a JSON object in base64url, a dot, the rest.
var tokenForm = regexp.MustCompile(`eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_.-]*`)

// spacedTokenForm is tokenForm with white space behind the header's brace. It
// then begins as words do, of which a header is longer.
var (
	tokenStart       = []byte("eyJ")
	spacedTokenForm  = regexp.MustCompile(`\be(?:yA[gi]|w[ko0])[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_.-]*`)
	spacedTokenStart = [][]byte{[]byte("eyA"), []byte("ewk"), []byte("ewo"), []byte("ew0")}
)

// withoutTokens puts "(token)" in the place of what looks like one.
func withoutTokens(line []byte) []byte {
	if bytes.Contains(line, tokenStart) { // few do
		line = tokenForm.ReplaceAllLiteral(line, []byte("(token)"))
	}
	// Few lines have such a start, and to search for it is five times as fast.
	if slices.ContainsFunc(spacedTokenStart, func(start []byte) bool { return bytes.Contains(line, start) }) {
		line = spacedTokenForm.ReplaceAllLiteral(line, []byte("(token)"))
	}
	return line
}

// WithoutTokens is text with "(token)" in the place of whatever looks like one, as in the
// record, for who logs what a caller sent. It is cut at 1024 bytes.
func WithoutTokens(text string) string {
	const most = 1024
	if len(text) > most { // of a token that is cut off the rest still looks like one, or is too short to matter
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	if !strings.Contains(text, "e") { // neither form is without it
		return text
	}
	return string(withoutTokens([]byte(text)))
}

// maxText is the most bytes of one text in an event: as many as an ID token may
// have, so that no claim is ever cut. What the sender of a request makes up can
// have ten million, several times over, and would fill the disk.
const maxText = 20000

// bounded is e with no text longer than maxText that a request's sender could
// make so.
func bounded(e *Event) *Event {
	isLong := false
	for _, text := range e.texts() {
		isLong = isLong || len(*text) > maxText
	}
	if !isLong {
		return e
	}
	b := *e
	for _, text := range b.texts() {
		if len(*text) > maxText {
			*text = fmt.Sprintf("%s… (cut, %d bytes)", strings.ToValidUTF8((*text)[:maxText], ""), len(*text))
		}
	}
	return &b
}

// texts are those that a request's sender can make long.
func (e *Event) texts() [9]*string {
	return [...]*string{&e.RoleSessionName, &e.UserAgent, &e.Message, &e.Action, &e.Resource, &e.Role, &e.Reason, &e.StaleKeys, &e.ErrorChain}
}
