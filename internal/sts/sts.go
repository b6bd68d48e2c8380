// Package sts is AWS Security Token Service: it trades an ID token for
// temporary credentials, and tells callers who they are.
//
// The exchange reads one directory snapshot, verifies the token with cached
// keys, asks trust.Decide, and mints a sealed session. It writes nothing.
package sts

import (
	"io"
	"sync"

	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/jwks"
	"github.com/daypass/daypass/internal/policy"
	"github.com/daypass/daypass/internal/session"
)

// Version is the version of the STS API, by which Query requests name it.
const Version = "2011-06-15"

// Config is what the service needs.
type Config struct {
	SessionKeys  *session.Keys
	ProviderKeys *jwks.Cache
	Random       io.Reader
}

// New makes the service.
func New(c Config) (*awsapi.Service, error) {
	s := &service{Config: c, keys: sync.Pool{New: func() any { return new(policy.Context) }}}
	return awsapi.NewService(
		awsapi.Service{Name: "sts", Version: Version, Namespace: "https://sts.amazonaws.com/doc/2011-06-15/"},
		awsapi.Public("AssumeRoleWithWebIdentity", s.assumeRoleWithWebIdentity),
		awsapi.Signed("GetCallerIdentity", awsapi.NoPermission, getCallerIdentity),
	)
}

type service struct {
	Config
	keys sync.Pool // of *policy.Context, for the decision of one exchange
}

// callerIdentity is the reply of GetCallerIdentity, which no policy can deny.
type callerIdentity struct{ arn, userID, account string }

func getCallerIdentity(c *awsapi.Call) (awsapi.Result, error) {
	return callerIdentity{arn: c.Caller.ARN, userID: c.Caller.UserID, account: c.Caller.Account}, nil
}

// WriteXML implements awsapi.Result.
func (r callerIdentity) WriteXML(x *awsapi.XML) {
	x.Text("Arn", r.arn)
	x.Text("UserId", r.userID)
	x.Text("Account", r.account)
}
