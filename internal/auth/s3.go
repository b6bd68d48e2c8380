package auth

import (
	"errors"
	"time"

	"github.com/daypass/daypass/internal/directory"
	"github.com/daypass/daypass/internal/sigv4"
)

// AuthenticateS3 is Authenticate for a request to S3, whose signature has rules
// of its own, and whose body is verified while it is read: the Payload opens it.
// Who did not sign is Anonymous.
//
// The order is the one recorded on S3: what is signed and its scope, then the key,
// its session token, the session's end and its role, and only then time and
// signature. Errors are *Error, or *sigv4.S3Error for what S3 has its own words
// for. The authorization is given with an error too, where it could be read.
func AuthenticateS3(snapshot *directory.Snapshot, r *sigv4.Request, now time.Time) (*Caller, *sigv4.S3Authorization, *sigv4.Payload, error) {
	signed, err := sigv4.ParseS3(r)
	if errors.Is(err, sigv4.ErrMissing) {
		payload, err := sigv4.AnonymousS3(r)
		return Anonymous(), nil, payload, err
	}
	if err != nil {
		return nil, nil, nil, err
	}
	if err := signed.CheckScope(claimedRegions(&signed.Signed)...); err != nil {
		return nil, signed, nil, err
	}
	caller, secret, err := find(snapshot, &signed.Signed, now)
	if err != nil {
		return nil, signed, nil, err
	}
	if err := signed.CheckTime(now); err != nil {
		return nil, signed, nil, err
	}
	payload, err := signed.Verify(r, secret)
	if err != nil {
		return nil, signed, nil, err
	}
	if err := unexpectedToken(caller, &signed.Signed); err != nil {
		return nil, signed, nil, err
	}
	return caller, signed, payload, nil
}

// AuthenticatePost is AuthenticateS3 for a form for upload by POST, by its fields
// before the file. Without a signature it is anonymous, and has no policy.
func AuthenticatePost(snapshot *directory.Snapshot, fields []sigv4.PostField, now time.Time) (*Caller, *sigv4.Authorization, *sigv4.PostPolicy, error) {
	form, err := sigv4.ParsePost(fields)
	if errors.Is(err, sigv4.ErrMissing) {
		return Anonymous(), nil, nil, nil
	}
	if err != nil {
		return nil, nil, nil, err
	}
	signed := &form.Signed
	if err := form.CheckScope(claimedRegions(signed)...); err != nil {
		return nil, signed, nil, err
	}
	caller, secret, err := find(snapshot, signed, now)
	if err != nil {
		return nil, signed, nil, err
	}
	if err := form.CheckTime(now); err != nil {
		return nil, signed, nil, err
	}
	policy, err := form.Verify(secret)
	if err != nil {
		return nil, signed, nil, err
	}
	if err := unexpectedToken(caller, signed); err != nil {
		return nil, signed, nil, err
	}
	return caller, signed, policy, nil
}

// claimedRegions are the regions that a request signed for: any is served.
func claimedRegions(signed *sigv4.Authorization) []string {
	if signed.Algorithm == sigv4.V4A {
		return signed.RegionSet
	}
	return []string{signed.Region}
}

// unexpectedToken refuses a session token beside a long-lived key, after the
// signature was verified (recorded on AWS).
func unexpectedToken(caller *Caller, signed *sigv4.Authorization) error {
	if caller.Session != nil || signed.SecurityToken == "" {
		return nil
	}
	return &Error{Kind: UnknownKey, Token: true, Reason: "the request carries a session token, and access key " + signed.AccessKeyID + " is a long-lived key, which has none"}
}
