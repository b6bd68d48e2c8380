// Package revocation is Daypass's own service beside AWS's: it ends sessions
// before they expire. AWS has no operation for that; what it advises, a policy
// that denies what was issued before a time (IAM User Guide, "Revoke IAM role
// temporary security credentials"), works here too, and ends no session that the
// role's policies do not ask about.
//
// It speaks the Query protocol and is signed for the service "daypass". A
// revocation is a record that every node follows; who has it read is refused on
// every node within a second.
package revocation

import (
	"errors"
	"io"
	"regexp"
	"time"

	"github.com/daypass/daypass/internal/arn"
	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/directory"
	"github.com/daypass/daypass/internal/session"
	"github.com/daypass/daypass/internal/store"

	"github.com/google/uuid"
)

// Version is the version of this API, by which Query requests name it.
const Version = "2026-11-26"

// Config is what the service needs. Nothing may be nil.
type Config struct {
	Directory *directory.Directory
	Random    io.Reader // of revocations' ids
}

// New makes the service.
func New(c Config) (*awsapi.Service, error) {
	if c.Directory == nil || c.Random == nil {
		return nil, errors.New("revocation: the configuration lacks a directory or randomness")
	}
	s := &service{Config: c}
	all := awsapi.Resource{Template: "*", Of: func(*awsapi.Call) string { return "*" }}
	return awsapi.NewService(
		awsapi.Service{Name: "daypass", Version: Version, Namespace: "urn:daypass:" + Version},
		awsapi.Signed("RevokeSessions", []awsapi.Need{{Action: "daypass:RevokeSessions", Resource: awsapi.Resource{
			Template: "the role, arn:aws:daypass::${Account}:session/${AccessKeyId} or arn:aws:daypass::${Account}:token/${TokenId}",
			Of:       func(c *awsapi.Call) string { return c.Input.(*revokeRequest).resource },
		}}}, s.revoke).Decoding(decodeRevoke),
		awsapi.Signed("ListRevocations", []awsapi.Need{{Action: "daypass:ListRevocations", Resource: all}}, list),
		awsapi.Signed("DeleteRevocation", []awsapi.Need{{Action: "daypass:DeleteRevocation", Resource: awsapi.Resource{
			Template: "arn:aws:daypass::${Account}:revocation/${RevocationId}",
			Of:       func(c *awsapi.Call) string { return resource(c, "revocation", c.Params.Get("RevocationId")) },
		}}}, s.delete),
	)
}

type service struct{ Config }

func resource(c *awsapi.Call, kind, id string) string {
	return "arn:aws:daypass::" + c.Account + ":" + kind + "/" + id
}

// tokenLasts is how long a revoked token may still be good by itself: nobody
// says when it expires, and a job's token lives as long as the job may run. The
// sessions that it began in its last moment are counted as well.
const tokenLasts = 90*24*time.Hour + session.MaxDuration

// Limits of the parameters, in characters.
const (
	maxReason  = 256
	maxTokenID = 256
)

var accessKeyPattern = regexp.MustCompile(`^ASIA[A-Z2-7]{16}$`)

// revokeRequest is a decoded RevokeSessions request.
type revokeRequest struct {
	store.Revocation

	resource string
}

// decodeRevoke takes one of RoleName, AccessKeyId and TokenId.
func decodeRevoke(c *awsapi.Call) error {
	p := c.Params
	in := &revokeRequest{Revocation: store.Revocation{Account: c.Account, Reason: p.Get("Reason"), Created: c.Now.UTC().Truncate(time.Second)}}
	named := 0
	for _, name := range [...]string{"RoleName", "AccessKeyId", "TokenId"} {
		if p.Get(name) != "" {
			named++
		}
	}
	if named != 1 {
		return awsapi.Invalid("Give one of RoleName, AccessKeyId and TokenId.")
	}
	var v awsapi.Validation
	v.Length("reason", in.Reason, 0, maxReason)
	v.Length("tokenId", p.Get("TokenId"), 0, maxTokenID)
	if err := v.Err(); err != nil {
		return err
	}
	var err error
	switch {
	case p.Get("RoleName") != "":
		err = in.ofRole(c)
	case p.Get("AccessKeyId") != "":
		err = in.ofSession(c)
	default:
		in.Kind, in.TokenID, in.Provider = store.RevocationToken, p.Get("TokenId"), p.Get("ProviderArn")
		in.Until = in.Created.Add(tokenLasts)
		in.resource = resource(c, "token", in.TokenID)
	}
	c.Input = in
	return err
}

// ofRole ends the sessions of a role that were issued until IssuedBefore, which
// is now where it is not given and cannot be later.
func (in *revokeRequest) ofRole(c *awsapi.Call) error {
	name := c.Params.Get("RoleName")
	in.Kind, in.RoleName, in.Before, in.resource = store.RevocationRole, name, in.Created, arn.Role(c.Account, "/", name)
	// Whether there is such a role is told after permission was asked.
	if role, ok := c.Snapshot.Role(c.Account, name); ok {
		in.RoleName, in.RoleID, in.resource = role.Name, role.ID, role.ARN
	}
	if given := c.Params.Get("IssuedBefore"); given != "" {
		before, err := time.Parse(time.RFC3339, given)
		if err != nil || before.After(in.Created) {
			return awsapi.Invalid("IssuedBefore is no time of the past; write 2026-11-26T12:00:00Z.")
		}
		in.Before = before.UTC().Truncate(time.Second)
	}
	in.Until = in.Before.Add(session.MaxDuration)
	if !in.Until.After(in.Created) {
		return awsapi.Invalid("The sessions that were issued until IssuedBefore have all expired; nothing is left to revoke.")
	}
	return nil
}

// ofSession ends one session and what was chained from it.
func (in *revokeRequest) ofSession(c *awsapi.Call) error {
	in.Kind, in.AccessKeyID = store.RevocationSession, c.Params.Get("AccessKeyId")
	if !accessKeyPattern.MatchString(in.AccessKeyID) {
		return awsapi.Invalid("AccessKeyId is no access key id of a session; it is ASIA and 16 characters.")
	}
	if !session.OfAccount(in.AccessKeyID, c.Account) { // whose it is, anyone can ask GetAccessKeyInfo
		return awsapi.Invalid("AccessKeyId is of a session of another account than " + c.Account + ", in which alone you can revoke.")
	}
	in.Until = in.Created.Add(2 * session.MaxDuration) // what was chained from it in its last moment, too
	in.resource = resource(c, "session", in.AccessKeyID)
	return nil
}

func (s *service) revoke(c *awsapi.Call) (awsapi.Result, error) {
	in := c.Input.(*revokeRequest)
	c.Event.Resource = in.resource
	if in.Kind == store.RevocationRole && in.RoleID == "" {
		return nil, awsapi.Error(404, "NoSuchEntity", "The role with name "+in.RoleName+" cannot be found.")
	}
	id, err := uuid.NewRandomFromReader(s.Random)
	if err != nil {
		return nil, err
	}
	in.ID = id.String()
	if err := in.Check(); err != nil {
		return nil, awsapi.Invalid("The revocation cannot be kept.").Because("%s", err.Error())
	}
	err = s.Directory.Update(c.Request.Context(), func(tx store.Tx) error {
		return store.PutRecord(tx, store.RevocationID(in.Account, in.ID), in.Revocation)
	})
	return revoked{id: in.ID}, err
}

// revoked is the reply of RevokeSessions.
type revoked struct{ id string }

// WriteXML implements awsapi.Result.
func (r revoked) WriteXML(x *awsapi.XML) { x.Text("RevocationId", r.id) }

// listed is the reply of ListRevocations.
type listed []*store.Revocation

func list(c *awsapi.Call) (awsapi.Result, error) {
	return listed(c.Snapshot.Revocations(c.Account)), nil
}

// WriteXML implements awsapi.Result.
func (l listed) WriteXML(x *awsapi.XML) {
	x.Open("Revocations")
	for _, r := range l {
		x.Open("member")
		x.Text("RevocationId", r.ID)
		x.Text("Kind", r.Kind)
		for _, field := range [...][2]string{
			{"RoleName", r.RoleName}, {"AccessKeyId", r.AccessKeyID}, {"TokenId", r.TokenID}, {"ProviderArn", r.Provider}, {"Reason", r.Reason},
		} {
			if field[1] != "" {
				x.Text(field[0], field[1])
			}
		}
		if !r.Before.IsZero() {
			x.Time("IssuedBefore", r.Before)
		}
		if !r.Created.IsZero() {
			x.Time("Created", r.Created)
			x.Time("Until", r.Until)
		}
		x.Close()
	}
	x.Close()
}

// delete takes a revocation back: the sessions that it ended and that are not
// over go on. It is also the way out where a record cannot be read.
func (s *service) delete(c *awsapi.Call) (awsapi.Result, error) {
	id := c.Params.Get("RevocationId")
	c.Event.Resource = resource(c, "revocation", id)
	if _, err := uuid.Parse(id); err != nil {
		return nil, awsapi.Invalid("RevocationId is no id of a revocation.")
	}
	err := s.Directory.Update(c.Request.Context(), func(tx store.Tx) error { return tx.Delete(store.RevocationID(c.Account, id)) })
	if errors.Is(err, store.ErrNotFound) {
		return nil, awsapi.Error(404, "NoSuchEntity", "The revocation "+id+" cannot be found.")
	}
	return nil, err
}
