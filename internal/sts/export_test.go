package sts

import (
	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/session"
)

// SessionTokenResult is what GetSessionToken answers with; a test cannot
// choose the credentials.
func SessionTokenResult(c session.Credentials) awsapi.Result { return sessionTokenResult{c} }
