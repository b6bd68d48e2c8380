package store

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// What a Revocation ends.
const (
	// RevocationRole ends the sessions of one role that were issued at or before
	// a time, as the button "Revoke active sessions" does at AWS (IAM User Guide,
	// "Revoke IAM role temporary security credentials").
	RevocationRole = "role"
	// RevocationSession ends one session and all that was chained from it.
	RevocationSession = "session"
	// RevocationToken ends the sessions that one identity token began, and all
	// that was chained from them.
	RevocationToken = "token"
	// RevocationSignIn ends one sign-in to the console, that was signed out.
	RevocationSignIn = "sign-in"
	// RevocationUnreadable is never stored: in memory it stands in the place of a
	// record that cannot be read, and ends every session of its account.
	RevocationUnreadable = "unreadable"
)

// Revocation ends sessions before they expire. Only the fields of its kind are
// set. It reaches sessions of its own account, and those that were chained from
// them into others.
type Revocation struct {
	Account string `json:"account"`
	ID      string `json:"id"`
	Kind    string `json:"kind"`

	// RoleID (AROA…) is what counts for RevocationRole: a role made again under
	// the name is another. RoleName is for people.
	RoleName string    `json:"roleName,omitempty"`
	RoleID   string    `json:"roleId,omitempty"`
	Before   time.Time `json:"before,omitzero"` // sessions issued then or earlier

	AccessKeyID string `json:"accessKeyId,omitempty"` // RevocationSession: ASIA…

	TokenID  string `json:"tokenId,omitempty"`  // RevocationToken: the jti
	Provider string `json:"provider,omitempty"` // and the ARN of the provider; "" for any

	SignIn string `json:"signIn,omitempty"` // RevocationSignIn: its id

	Reason  string    `json:"reason,omitempty"`
	Created time.Time `json:"created"`
	// Until is when the last session that it could end is over by itself, so that
	// the record may go: for a token, the longest session after its exp.
	Until time.Time `json:"until"`
}

// ErrInvalidRevocation says that a revocation does not say what it ends.
var ErrInvalidRevocation = errors.New("store: invalid revocation")

// Check holds a revocation against its contract; the error matches
// ErrInvalidRevocation. Ask before it is written: one that fails the check when
// it is read ends every session of its account.
func (r *Revocation) Check() error {
	var problem string
	switch {
	case r.Account == "" || r.ID == "":
		problem = "it has no account or no id"
	case r.Created.IsZero() || !r.Until.After(r.Created):
		problem = "it ends before it was made"
	case r.Kind == RevocationRole:
		problem = r.checkRole()
	case r.Kind == RevocationSession:
		problem = r.checkSession()
	case r.Kind == RevocationToken:
		problem = r.checkToken()
	case r.Kind == RevocationSignIn:
		problem = r.checkSignIn()
	default:
		problem = fmt.Sprintf("the kind %q is not known", r.Kind)
	}
	if problem != "" {
		return fmt.Errorf("%w %s of account %s: %s", ErrInvalidRevocation, r.ID, r.Account, problem)
	}
	return nil
}

func (r *Revocation) checkRole() string {
	switch {
	case !strings.HasPrefix(r.RoleID, "AROA"):
		return "it has no role's unique id"
	case r.Before.IsZero():
		return "it has no time before which sessions are over"
	case r.AccessKeyID != "" || r.TokenID != "" || r.Provider != "" || r.SignIn != "":
		return "it is of a role and names something else"
	}
	return ""
}

func (r *Revocation) checkSession() string {
	switch {
	case len(r.AccessKeyID) != 20 || !strings.HasPrefix(r.AccessKeyID, "ASIA"):
		return "it has no session's access key id"
	case r.RoleID != "" || r.RoleName != "" || !r.Before.IsZero() || r.TokenID != "" || r.Provider != "" || r.SignIn != "":
		return "it is of a session and names something else"
	}
	return ""
}

func (r *Revocation) checkToken() string {
	switch {
	case r.TokenID == "":
		return "it has no token's id"
	case r.RoleID != "" || r.RoleName != "" || !r.Before.IsZero() || r.AccessKeyID != "" || r.SignIn != "":
		return "it is of a token and names something else"
	}
	return ""
}

func (r *Revocation) checkSignIn() string {
	switch {
	case r.SignIn == "":
		return "it has no sign-in's id"
	case r.RoleID != "" || r.RoleName != "" || !r.Before.IsZero() || r.AccessKeyID != "" || r.TokenID != "" || r.Provider != "":
		return "it is of a sign-in and names something else"
	}
	return ""
}
