package sts

import (
	"errors"
	"fmt"
	"net"
	"net/http"

	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/jwks"
	"github.com/daypass/daypass/internal/oidc"
	"github.com/daypass/daypass/internal/session"
	"github.com/daypass/daypass/internal/trust"
)

// notValidated is AWS's one sentence for a token that is not good, whatever the
// reason (recorded on AWS, 2026-09).
const notValidated = "The web identity token provided could not be validated. See the AssumeRoleWithWebIdentity documentation for requirements."

func denied(reason string) *awsapi.Fault {
	return (&awsapi.Fault{Kind: awsapi.AccessDenied, Message: notAuthorized}).Because("%s", reason)
}

func invalidToken(message string) *awsapi.Fault {
	return awsapi.Error(http.StatusBadRequest, "InvalidIdentityToken", message)
}

// tokenFault gives code and status to what oidc found.
func tokenFault(err error) error {
	var e *oidc.Error
	if !errors.As(err, &e) {
		return err
	}
	fault := invalidToken(e.Message())
	fault.Code = e.Code()
	if e.Kind == oidc.SubjectNull {
		fault.Status = http.StatusInternalServerError
	}
	return fault.Because("%s", e.Error())
}

// ownToken answers a token that GetWebIdentityToken made. AWS's sentence for it
// is not known; this is the general one.
func ownToken() error {
	return invalidToken((&oidc.Error{Kind: oidc.BadSignature}).Message()).
		Because("the token was made by GetWebIdentityToken of this server, which takes none of its own back: give it to another service, or use the credentials that it was asked for with")
}

// claimFault gives code and status to what trust found in the claims that tell
// STS what to do. For tags that contradict one another the code is AssumeRole's.
func claimFault(err error) error {
	var e *trust.Error
	if !errors.As(err, &e) {
		return err
	}
	if e.Message() == "" {
		return denied(e.Reason)
	}
	return awsapi.Error(http.StatusBadRequest, e.Code(), e.Message()).Because("%s", e.Reason)
}

// keysFault gives code and status to what jwks found. STS says
// InvalidIdentityToken of an issuer that is slow, answers with an error, or
// wrongly (recorded on AWS; AWS Knowledge Center; reported by users).
//
// IDPCommunicationError, which SDKs try again, is documented for a provider that
// could not be reached (STS API Reference, AssumeRoleWithWebIdentity), and no
// reply of AWS with it was found. Here it is where no connection came about at
// all: a moment later the issuer may be up. Its sentence is ours.
func keysFault(err error) error {
	if noConnection(err) {
		return awsapi.Error(http.StatusBadRequest, "IDPCommunicationError", "Your identity provider could not be reached to retrieve verification keys, please try again").
			Because("%s", err.Error())
	}
	message := "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity documentation for requirements"
	if errors.Is(err, jwks.ErrThumbprint) {
		message = "OpenIDConnect provider's HTTPS certificate doesn't match configured thumbprint"
	}
	return invalidToken(message).Because("%s", err.Error())
}

// noConnection reports whether the issuer was not found, or refused.
func noConnection(err error) bool {
	var dial *net.OpError
	return errors.Is(err, jwks.ErrUnreachable) && errors.As(err, &dial) && dial.Op == "dial" && !dial.Timeout()
}

// packedPolicyTooLarge answers a session that does not fit into its token. The
// sentence is AWS's as users report it; the percentage is Daypass's.
func packedPolicyTooLarge(grant *session.Grant) error {
	percent := max(101, packedSize("", grant))
	return awsapi.Error(http.StatusBadRequest, "PackedPolicyTooLarge",
		fmt.Sprintf("Packed policy consumes %d%% of allotted space, please use smaller policy.", percent)).
		Because("the session's tags, source identity and claims do not fit into a session token of %d characters", session.MaxTokenLength)
}
