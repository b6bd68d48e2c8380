// Package client gets a CI job its credentials: it finds the job's ID token, trades
// it at AWS STS, or what speaks its protocol, for credentials of a role, and goes on
// to further roles. It gives credentials or an error and nothing between: no stale
// ones, none of another account than was expected, none for a token that was guessed.
//
// It reads no clock and no environment of its own: both come from outside.
package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// Credentials are temporary credentials of a role, and whom they make their holder
// (STS API Reference, Credentials and AssumedRoleUser).
type Credentials struct {
	AccessKeyID     string
	SecretAccessKey string
	SessionToken    string
	Expiration      time.Time // UTC
	AssumedRoleARN  string    // arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION
	AssumedRoleID   string    // AROA…:SESSION
}

// String names the access key and hides the rest.
func (c Credentials) String() string { return "credentials of " + c.AccessKeyID }

// GoString is String.
func (c Credentials) GoString() string { return c.String() }

// LogValue implements slog.LogValuer: it is String.
func (c Credentials) LogValue() slog.Value { return slog.StringValue(c.String()) }

// Source gives fresh credentials: each call is an exchange, with a token that is
// read or asked for anew. It is safe for concurrent use.
type Source interface {
	Credentials(ctx context.Context) (Credentials, error)
}

// processOutput is what a credential_process prints (AWS CLI User Guide, "Sourcing
// credentials with an external process"). The last two are ours.
type processOutput struct {
	Version         int
	AccessKeyID     string `json:"AccessKeyId"`
	SecretAccessKey string
	SessionToken    string
	Expiration      time.Time
	AssumedRoleARN  string `json:"AssumedRoleArn,omitempty"`
	AssumedRoleID   string `json:"AssumedRoleId,omitempty"`
}

// ProcessJSON is the form of a credential_process.
func (c Credentials) ProcessJSON() ([]byte, error) {
	text, err := json.Marshal(processOutput{1, c.AccessKeyID, c.SecretAccessKey, c.SessionToken, c.Expiration.UTC(), c.AssumedRoleARN, c.AssumedRoleID})
	if err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	return text, nil
}

// parseProcessJSON reads what ProcessJSON writes.
func parseProcessJSON(text []byte) (Credentials, error) {
	var p processOutput
	if err := json.Unmarshal(text, &p); err != nil {
		return Credentials{}, errors.New("client: the stored credentials are damaged") // an error of JSON can quote them
	}
	c := Credentials{p.AccessKeyID, p.SecretAccessKey, p.SessionToken, p.Expiration, p.AssumedRoleARN, p.AssumedRoleID}
	if p.Version != 1 || c.AccessKeyID == "" || c.SecretAccessKey == "" || c.SessionToken == "" || c.Expiration.IsZero() {
		return Credentials{}, errors.New("client: the stored credentials are not whole")
	}
	return c, nil
}

// Kind says what kept a job from its credentials, so that a script can tell.
type Kind int

// The kinds. The zero value is what is none of the others.
const (
	Other       Kind = iota
	NoToken          // no ID token was found, or more than one, or it could not be read
	Denied           // STS answered no
	Unreachable      // STS gave no answer, or none that was final, however often it was asked
	Unexpected       // the credentials are not those that were expected
)

// Error is why there are no credentials.
type Error struct {
	Kind    Kind
	Message string
	// Code and RequestID are STS's own, where it answered.
	Code, RequestID string
	// Token is that which was refused, nil where none was sent.
	Token *Token
	// Role is the ARN that was asked for, where STS answered.
	Role string
	Err  error
}

// Error is for people.
func (e *Error) Error() string {
	if e.Err != nil {
		return e.Message + ": " + e.Err.Error()
	}
	return e.Message
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

func noToken(format string, args ...any) error {
	return &Error{Kind: NoToken, Message: fmt.Sprintf("client: "+format, args...)}
}
