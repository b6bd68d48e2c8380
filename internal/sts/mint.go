package sts

import (
	"errors"
	"time"

	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/policy"
	"github.com/daypass/daypass/internal/session"
)

// newGrant begins a grant now, in whole seconds, as AWS writes times.
func newGrant(c *awsapi.Call, lasts time.Duration) *session.Grant {
	issued := c.Now.UTC().Truncate(time.Second)
	return &session.Grant{IssuedAt: issued, Expires: issued.Add(lasts)}
}

// mintGrant makes the credentials of a grant, under the keys of the snapshot
// that the request was decided on, and notes them in the event.
func (s *service) mintGrant(c *awsapi.Call, grant *session.Grant) (session.Credentials, error) {
	credentials, err := c.Snapshot.SessionKeys().Mint(grant, s.Random)
	if errors.Is(err, session.ErrTooLarge) {
		return session.Credentials{}, packedPolicyTooLarge(grant)
	}
	if err != nil {
		return session.Credentials{}, err
	}
	c.Event.Account, c.Event.IssuedKey = grant.Account, credentials.AccessKeyID
	c.Event.ExpiresAt, c.Event.Decision = &grant.Expires, policy.Allow.String()
	return credentials, nil
}

// writeCredentials writes the element Credentials.
func writeCredentials(x *awsapi.XML, c session.Credentials) {
	x.Open("Credentials")
	x.Text("AccessKeyId", c.AccessKeyID)
	x.Text("SecretAccessKey", c.SecretAccessKey)
	x.Text("SessionToken", c.SessionToken)
	x.Time("Expiration", c.Expires)
	x.Close()
}

// What the session's context, policies and tags take of what a token can hold,
// in percent. AWS has not published the measure. Recorded: 24 to 25 for a plain
// token, 34 with a subject of 300 characters, one more with a source identity; 16
// for a small policy. The first three lie on this line, and the rest is counted
// by it.
const packedBytes = 27 // of one percent

// packedSize is the figure of a session that a token began.
func packedSize(subject string, g *session.Grant) int {
	return 23 + (len(subject)+len(g.SourceIdentity)+policiesAndTags(g))/packedBytes
}

// packedPolicies is the figure of any other session.
func packedPolicies(g *session.Grant) int { return 1 + policiesAndTags(g)/packedBytes }

func policiesAndTags(g *session.Grant) int {
	n := len(g.Policy)
	for _, policyARN := range g.PolicyARNs {
		n += len(policyARN)
	}
	for _, tag := range g.Tags {
		n += len(tag.Key) + len(tag.Value)
	}
	return n
}
