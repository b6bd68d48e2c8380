package metrics

import (
	"strings"

	"github.com/daypass/daypass/internal/audit"
)

// The classes of why a caller was refused, as daypass_denials_total has them. A
// class is a place to look at, not an error code: several codes can be one, and
// events have the reason.
const (
	causeImplicit   = "no_allow"            // no statement allows it
	causeExplicit   = "explicit_deny"       // a statement denies it
	causeNotTrusted = "not_authorized"      // no such role, or a call that is never allowed
	causeNoProvider = "unknown_issuer"      // the account has no provider for the token's issuer
	causeIssuerKeys = "issuer_keys"         // the issuer's keys could not be had
	causeToken      = "invalid_token"       // signature, audience, times, claims, one use
	causeExpired    = "expired_token"       // an ID token beyond its time
	causeSession    = "expired_credentials" // a session beyond its time
	causeKey        = "unknown_access_key"
	causeSignature  = "signature"
	causeSkew       = "clock_skew"
	causeUnsigned   = "unsigned" // no signature, or one that cannot be read
	causeThrottled  = "throttled"
)

var causes = []string{
	causeImplicit, causeExplicit, causeNotTrusted, causeNoProvider, causeIssuerKeys, causeToken, causeExpired,
	causeSession, causeKey, causeSignature, causeSkew, causeUnsigned, causeThrottled,
}

// faultCauses are the classes of what the front door calls kinds of fault.
var faultCauses = map[string]string{
	"AccessDenied": causeNotTrusted, "MissingAuthentication": causeUnsigned, "MalformedAuthentication": causeUnsigned,
	"UnknownAccessKey": causeKey, "SignatureMismatch": causeSignature, "PayloadMismatch": causeSignature,
	"ExpiredCredentials": causeSession, "ClockSkew": causeSkew, "Throttled": causeThrottled,
}

// causeOf is the class of why the event's caller was refused; "" where he was not,
// or for what is no denial: a request that cannot be understood, a fault of ours.
func causeOf(e *audit.Event) string {
	if e.Fault == "" {
		return ""
	}
	switch e.Decision {
	case "ImplicitDeny":
		return causeImplicit
	case "ExplicitDeny":
		return causeExplicit
	}
	switch e.Code {
	case "ExpiredTokenException":
		if e.Operation == "AssumeRoleWithWebIdentity" {
			return causeExpired
		}
	case "IDPCommunicationError":
		return causeIssuerKeys
	case "IDPRejectedClaim":
		return causeToken
	case "InvalidIdentityToken":
		switch {
		case strings.HasPrefix(e.Message, "Couldn't retrieve verification key"), strings.HasPrefix(e.Message, "OpenIDConnect provider's HTTPS certificate"):
			return causeIssuerKeys
		case e.Provider == "" && e.Issuer != "":
			return causeNoProvider
		}
		return causeToken
	case "Throttling", "ThrottlingException", "SlowDown", "TooManyRequestsException":
		return causeThrottled
	}
	return faultCauses[e.Fault]
}
