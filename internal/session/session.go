// Package session makes and opens sessions (of roles, of IAM users, of federated
// users) that live in their own session token. Nothing is stored for a session: whoever holds the key ring can open
// its token, on any node, without a look into the store.
//
// # What a token is
//
// The token is a Grant in a compact binary form, sealed with XAES-256-GCM under
// the ring's primary key and written in standard base64. The access key id is
// the associated data: a token opens for the access key that it was minted with
// and for no other. The secret access key is in neither; both sides derive it
// from a secret of the ring, the access key id and the sealed bytes. So a token
// that leaks does not give the secret away, and changing one bit of the token
// changes the secret, even before the seal refuses it.
//
// # What Open does not decide
//
// Open proves that this installation minted the token. It does not look at the
// clock: ask Session.Expired. It does not know whether the role is still there:
// compare RoleID with the role's present unique id, because a role that was
// deleted and made again has another one, and its old sessions are over; UserID
// likewise with the user's. It does not know of revocations.
//
// # Which variant of the cipher
//
// Nonces are the full 192 bits of the published algorithm (C2SP, XAES-256-GCM)
// rather than the shorter 160-bit variant. Every node draws them at random under
// one shared key and nobody counts messages; the full nonce keeps the chance of a
// repetition negligible for any number of sessions, for four bytes per token.
package session

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"
)

// MaxTokenLength is the most characters of a session token that Mint makes and
// Open looks at. AWS publishes no limit and says that sizes vary (STS API
// Reference, Credentials); this one leaves room beside it in an 8 KiB line.
const MaxTokenLength = 8192

// ErrInvalid is the one answer of Open to a token that it does not open:
// forged, damaged, sealed under a key that the ring has not, minted for another
// access key, or of an unknown version. Which of them it was cannot be told
// without helping a forger.
var ErrInvalid = errors.New("session: token is not valid for this access key")

// ErrTooLarge says that a grant does not fit into MaxTokenLength characters.
var ErrTooLarge = fmt.Errorf("session: grant needs more than the %d characters of a session token", MaxTokenLength)

// GrantError is a grant that Mint refuses because a field breaks its contract.
type GrantError struct {
	Field   string // the field's Go name
	Problem string // what is wrong with it, without its value
}

// Error names the field.
func (e *GrantError) Error() string { return "session: grant field " + e.Field + " " + e.Problem }

// MaxDuration is the longest that a session lasts: 129,600 seconds (STS API
// Reference, GetSessionToken and GetFederationToken, DurationSeconds). The key
// ring keeps a key for as long.
const MaxDuration = 36 * time.Hour

// MaxAncestors bounds Grant.Ancestors.
const MaxAncestors = 16

// maxPolicyARNs bounds Grant.PolicyARNs (STS API Reference, AssumeRole,
// PolicyArns: up to 10).
const maxPolicyARNs = 10

// PrincipalKind is what a session acts as.
type PrincipalKind uint8

// The kinds of principals. The zero value is the role, which all sessions were
// before there were kinds.
const (
	AssumedRole   PrincipalKind = iota
	UserSession                 // GetSessionToken: the IAM user, for a while
	FederatedUser               // GetFederationToken: whom the IAM user vouches for
	principalKinds
)

// String names the kind.
func (k PrincipalKind) String() string {
	switch k {
	case AssumedRole:
		return "AssumedRole"
	case UserSession:
		return "UserSession"
	case FederatedUser:
		return "FederatedUser"
	}
	return fmt.Sprintf("PrincipalKind(%d)", uint8(k))
}

// Grant is what a session is: who it acts as, for how long, and on whose word.
// The zero Grant cannot be minted.
type Grant struct {
	Account string // 12 digits
	Kind    PrincipalKind

	// The role, for AssumedRole; empty for the other kinds.
	RoleID   string // the role's unique id, AROA…, 21 characters
	RoleName string
	RolePath string // "/" or "/path/"; "" where the caller does not keep it

	// The IAM user, for UserSession and FederatedUser; empty for roles.
	UserID   string // the user's unique id, AIDA…, 21 characters
	UserName string

	// SessionName is the role session's name, or the federated user's. A
	// UserSession has none.
	SessionName string

	// IssuedAt and Expires are whole seconds, as AWS writes them; Open gives
	// them in UTC. Expires is later than IssuedAt, by at most MaxDuration.
	IssuedAt time.Time
	Expires  time.Time

	// Provider is the ARN of the OpenID Connect provider whose token started
	// the session or, Chained, the first session of its chain; "" if none did.
	Provider string
	// Context are the condition keys that later requests of the session carry
	// (IAM User Guide, "Available keys for AWS OIDC federation").
	Context []KeyValue
	// SourceIdentity is aws:SourceIdentity in later requests, "" if none was set.
	SourceIdentity string
	// TokenID is the jti of the identity token at the beginning, "" if it had none.
	TokenID string
	// Tags are the session tags, aws:PrincipalTag/KEY in later requests (IAM
	// User Guide, "Pass session tags in AWS STS").
	Tags []Tag

	// Policy and PolicyARNs are the session policies: what the session may do is
	// what the principal's policies and these allow both (IAM User Guide,
	// "Session policies"). Policy is the inline one, the text as submitted, "" for
	// none. A UserSession has none of either, nor tags: GetSessionToken takes none.
	Policy     string
	PolicyARNs []string // at most 10

	// Ancestors are the access key ids of the sessions that this role session
	// was chained from, so that revoking one of them reaches it: the first of the
	// chain, then the nearest, oldest first; see Session.Lineage.
	Ancestors []string
	// Chained says that another role session began this one. It has Ancestors
	// then; the chain of one that a UserSession began has them as well and is not
	// Chained. aws:FederatedProvider is not a key of a chained session.
	Chained bool

	// Origin is for the record alone; no decision looks at it.
	Origin Origin
}

// Origin names the CI job whose identity token started the session, or the first
// session of its chain. A name is empty where the token has none, or a longer one
// than MaxOriginName.
type Origin struct {
	Subject  string // sub
	Project  string // project, repository or workspace
	Pipeline string // pipeline or run
	Job      string
}

// MaxOriginName bounds each name of an Origin, in bytes: a token is sent with
// every request.
const MaxOriginName = 512

// Tag is one session tag. Within a grant no two keys differ in case alone.
type Tag struct {
	Key, Value string
	// Transitive tags go with the session into every role that it assumes.
	Transitive bool
}

// KeyValue is one condition key with its value or values.
type KeyValue struct {
	Key string
	// Multi says that the key is multivalued in the sense of the policy language
	// (ForAllValues, ForAnyValue). Without it there is exactly one value.
	Multi  bool
	Values []string
}

// Credentials is what every operation that begins a session hands out (STS API Reference,
// Credentials).
type Credentials struct {
	AccessKeyID     string // ASIA…, 20 characters
	SecretAccessKey string // 40 characters
	SessionToken    string
	Expires         time.Time
}

// String names the access key and hides the rest, so that credentials which are
// formatted by mistake give nothing away.
func (c Credentials) String() string { return "credentials of " + c.AccessKeyID }

// GoString is String.
func (c Credentials) GoString() string { return c.String() }

// Session is an opened token.
type Session struct {
	Grant
	AccessKeyID string
	// SecretAccessKey verifies the signatures of the session's requests.
	SecretAccessKey string `json:"-"`
}

// String names the session and hides its secret.
func (s Session) String() string {
	switch s.Kind {
	case AssumedRole:
		return "session " + s.SessionName + " of role " + s.RoleName + " with access key " + s.AccessKeyID
	case UserSession:
		return "session of user " + s.UserName + " with access key " + s.AccessKeyID
	case FederatedUser:
		return "federated user " + s.SessionName + " of user " + s.UserName + " with access key " + s.AccessKeyID
	}
	return "session of unknown kind with access key " + s.AccessKeyID
}

// GoString is String.
func (s Session) GoString() string { return s.String() }

// Expired reports whether the session is over at now. It is over from the second
// of Expires on. A nil and a zero Session are over.
func (s *Session) Expired(now time.Time) bool {
	return s == nil || !now.Before(s.Expires)
}

// Lineage gives the Ancestors of a session that s begins: those of s, then s
// itself. Of a chain longer than MaxAncestors the second goes first: the session
// at its head, and the nearest, are those that people revoke.
func (s *Session) Lineage() []string {
	ancestors := s.Ancestors
	if len(ancestors) < MaxAncestors {
		return append(slices.Clone(ancestors), s.AccessKeyID)
	}
	lineage := make([]string, 0, MaxAncestors)
	lineage = append(lineage, ancestors[0])
	lineage = append(lineage, ancestors[len(ancestors)-(MaxAncestors-2):]...)
	return append(lineage, s.AccessKeyID)
}

// Mint makes the credentials of a new session. random gives the access key id;
// the seal draws its nonce from the system's generator itself.
//
// Errors: *GrantError for a grant that breaks its contract, ErrTooLarge, and
// whatever random fails with.
func (k *Keys) Mint(g *Grant, random io.Reader) (Credentials, error) {
	if k == nil || k.seal == nil {
		return Credentials{}, errors.New("session: no key ring: make one with NewKeys and read it with ParseKeys")
	}
	if err := g.validate(); err != nil {
		return Credentials{}, err
	}
	id, err := NewAccessKeyID("ASIA", g.Account, random)
	if err != nil {
		return Credentials{}, err
	}
	plain := appendGrant(make([]byte, 0, 512), g)
	if base64.StdEncoding.EncodedLen(len(plain)+sealOverhead) > MaxTokenLength {
		return Credentials{}, ErrTooLarge
	}
	sealed, err := k.seal.Encrypt(plain, []byte(id))
	if err != nil {
		return Credentials{}, fmt.Errorf("session: seal grant: %w", err)
	}
	secret, ok := k.secretAccessKey(id, sealed)
	if !ok {
		return Credentials{}, errors.New("session: the ring's primary key has no derivation secret")
	}
	return Credentials{
		AccessKeyID:     id,
		SecretAccessKey: secret,
		SessionToken:    base64.StdEncoding.EncodeToString(sealed),
		Expires:         g.Expires.UTC(),
	}, nil
}

// Open opens a token for the access key that the request names. It does not
// check expiry. The only error is ErrInvalid; a nil or zero ring opens nothing.
func (k *Keys) Open(accessKeyID, sessionToken string) (*Session, error) {
	if k == nil || k.seal == nil || len(accessKeyID) != accessKeyIDLength || len(sessionToken) > MaxTokenLength {
		return nil, ErrInvalid
	}
	sealed, err := tokenEncoding.DecodeString(sessionToken)
	// The decoder skips line breaks. A token with one in it is not the token
	// that was minted, and is told by its length.
	if err != nil || base64.StdEncoding.EncodedLen(len(sealed)) != len(sessionToken) {
		return nil, ErrInvalid
	}
	plain, err := k.seal.Decrypt(sealed, []byte(accessKeyID))
	if err != nil {
		return nil, ErrInvalid
	}
	s := &Session{AccessKeyID: accessKeyID}
	if !decodeGrant(string(plain), &s.Grant) {
		return nil, ErrInvalid
	}
	secret, ok := k.secretAccessKey(accessKeyID, sealed)
	if !ok {
		return nil, ErrInvalid
	}
	s.SecretAccessKey = secret
	return s, nil
}
