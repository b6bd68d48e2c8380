// Package auth answers two questions about a signed request: who is calling,
// and may they. It knows keys, sessions and policies; it knows nothing of HTTP
// replies or of services.
//
// Authenticate checks in the order recorded on AWS STS: scope, then whether
// the key is known and active, then that the session token belongs to the key,
// its expiry, that its role is alive, and only then time and signature.
package auth

import (
	"errors"
	"strings"
	"time"

	"github.com/daypass/daypass/internal/directory"
	"github.com/daypass/daypass/internal/session"
	"github.com/daypass/daypass/internal/sigv4"
)

// Kind tells failures of authentication apart. The zero Kind is none of them,
// and the door takes it for an internal fault.
type Kind uint8

// The kinds of failure.
const (
	Missing         Kind = iota + 1 // nothing was signed
	Malformed                       // the signature cannot be read
	UnknownKey                      // key unknown, inactive, or token not of this key
	BadSignature                    // wrong scope or signature
	Expired                         // session over
	Skew                            // clock more than 15 minutes off
	Payload                         // body is not the one that was signed
	BadToken                        // the session token is damaged, or not of this key
	UnexpectedToken                 // a session token beside a long-lived key
)

// Error is a failure of authentication. Message is AWS's sentence, "" where
// the dialect has its own; Reason is for the operator.
type Error struct {
	Kind    Kind
	Message string
	Reason  string
	// Token says of an UnknownKey that the key may be good, and the session token
	// is not: damaged, of another key, or beside a long-lived key, which has none.
	Token bool
	Cause error
}

// Error gives the operator's view.
func (e *Error) Error() string {
	text := "auth: " + e.Reason
	if e.Cause != nil {
		text += ": " + e.Cause.Error()
	}
	return text
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Cause }

// Authenticate finds out who signed r for the given service (its signing name,
// "sts"). Everything is read from one snapshot, which has the session keys too,
// and the request; there is no I/O. Errors are *Error.
//
// The credentials of GetSessionToken and GetFederationToken may not call IAM
// without MFA, which Daypass does not have (STS API Reference, both operations).
func Authenticate(snapshot *directory.Snapshot, r *sigv4.Request, service string, now time.Time) (*Caller, *sigv4.Authorization, error) {
	signed, err := sigv4.Parse(r)
	if err != nil {
		return nil, nil, fromSigv4(err)
	}
	if err := signed.CheckService(service); err != nil {
		return nil, signed, fromSigv4(err)
	}
	caller, secret, err := find(snapshot, signed, now)
	if err != nil {
		return nil, signed, err
	}
	if err := signed.CheckTime(now); err != nil {
		return nil, signed, fromSigv4(err)
	}
	if err := signed.Verify(r, secret); err != nil {
		return nil, signed, fromSigv4(err)
	}
	if err := unexpectedToken(caller, signed); err != nil {
		return nil, signed, err
	}
	if s := caller.Session; s != nil && s.Kind != session.AssumedRole && service == "iam" {
		return nil, signed, &Error{Kind: UnknownKey, Reason: "the " + nameOf(s) + " may not call IAM: temporary credentials of a user may not, without MFA"}
	}
	return caller, signed, nil
}

// Recognise does what Authenticate does without the body, and so without the
// signature: it refuses who cannot be admitted, before a body is read. It admits
// nobody.
func Recognise(snapshot *directory.Snapshot, r *sigv4.Request, service string, now time.Time) (*sigv4.Authorization, error) {
	signed, err := sigv4.Parse(r)
	if err != nil {
		return nil, fromSigv4(err)
	}
	if err := signed.CheckService(service); err != nil {
		return signed, fromSigv4(err)
	}
	if _, _, err := find(snapshot, signed, now); err != nil {
		return signed, err
	}
	if err := signed.CheckTime(now); err != nil {
		return signed, fromSigv4(err)
	}
	return signed, nil
}

// KeyIDForRecord is an access key id as it may stand in an event or an error.
// AWS's ids are of capital letters and digits; what is not may be a secret that
// was put in its place, and is replaced.
func KeyIDForRecord(id string) string {
	for i := range len(id) {
		if c := id[i]; (c < 'A' || c > 'Z') && (c < '0' || c > '9') {
			return "(not of the form of an access key id)"
		}
	}
	return id
}

// find gives the caller and secret of the key that the request names.
func find(snapshot *directory.Snapshot, signed *sigv4.Authorization, now time.Time) (*Caller, string, error) {
	if key, ok := snapshot.AccessKey(signed.AccessKeyID); ok {
		return userCaller(snapshot, key)
	}
	if signed.SecurityToken == "" {
		return nil, "", &Error{Kind: UnknownKey, Reason: "access key " + KeyIDForRecord(signed.AccessKeyID) + " is not known here, and the request carries no session token"}
	}
	s, err := snapshot.SessionKeys().Open(signed.AccessKeyID, signed.SecurityToken)
	if err != nil {
		return nil, "", &Error{Kind: UnknownKey, Token: strings.HasPrefix(signed.AccessKeyID, "ASIA"), Reason: "the session token does not open for access key " + KeyIDForRecord(signed.AccessKeyID) + ": it is damaged, another key's, or another installation's", Cause: err}
	}
	if s.Expired(now) {
		return nil, "", &Error{Kind: Expired, Reason: "the " + nameOf(s) + " ended at " + iso8601(s.Expires)}
	}
	return sessionCaller(snapshot, s)
}

func fromSigv4(err error) *Error {
	if errors.Is(err, sigv4.ErrMissing) {
		return &Error{Kind: Missing, Reason: "the request has no Authorization header and no signature in its query"}
	}
	var e *sigv4.Error
	if !errors.As(err, &e) {
		return &Error{Kind: BadSignature, Reason: "the signature could not be verified", Cause: err}
	}
	return &Error{Kind: kindOf(e), Message: e.Message, Reason: e.Error()}
}

func kindOf(e *sigv4.Error) Kind {
	switch {
	case e.Incomplete():
		return Malformed
	case e.Kind == sigv4.Expired || e.Kind == sigv4.NotYetCurrent:
		return Skew
	case e.Kind == sigv4.PayloadMismatch:
		return Payload
	default:
		return BadSignature
	}
}
