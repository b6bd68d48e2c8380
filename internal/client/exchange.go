package client

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"
)

// Exchange is what a job asks for. It is a Source.
type Exchange struct {
	STS    *STS
	Tokens TokenSource
	Env    map[string]string // for SessionName

	RoleARN     string
	SessionName string        // template, see SessionName
	Duration    time.Duration // 0 is AWS's default of an hour
	Policy      string        // session policy, JSON; "" for none
	PolicyARNs  []string

	// Then are the roles that are assumed one after the other, each with the
	// credentials of the one before (role chaining). AWS gives such sessions an hour
	// at most (IAM User Guide, "Terms and concepts", role chaining).
	Then []Hop

	Expect Expectation
}

// Hop is a further role.
type Hop struct {
	RoleARN    string
	ExternalID string            // "" for none
	Tags       map[string]string // session tags
}

// maxChained is the longest that a chained session lasts.
const maxChained = time.Hour

// Expectation is what credentials must be to be handed out. Empty members expect
// nothing.
type Expectation struct {
	Account string        // 12 digits
	ARN     string        // of the assumed role, or of the role; both forms are taken
	Left    time.Duration // how long they must be good for
}

// Credentials implements Source.
func (x *Exchange) Credentials(ctx context.Context) (Credentials, error) {
	token, err := x.Tokens.Token(ctx)
	if err != nil {
		return Credentials{}, err
	}
	name, err := SessionName(x.SessionName, token, x.Env)
	if err != nil {
		return Credentials{}, err
	}
	c, err := x.assumeWithToken(ctx, token, name)
	if err != nil {
		return Credentials{}, x.refused(err, token, x.RoleARN)
	}
	for i := range x.Then {
		if c, err = x.assume(ctx, &x.Then[i], &c, name); err != nil {
			return Credentials{}, x.refused(err, nil, x.Then[i].RoleARN)
		}
	}
	if err := x.Expect.check(&c, x.STS.Now()); err != nil {
		return Credentials{}, err
	}
	return c, nil
}

// refused puts into an error of STS what was asked.
func (x *Exchange) refused(err error, token *Token, role string) error {
	var e *Error
	if errors.As(err, &e) {
		e.Token, e.Role = token, role
	}
	return err
}

func (x *Exchange) assumeWithToken(ctx context.Context, token *Token, name string) (Credentials, error) {
	in := &sts.AssumeRoleWithWebIdentityInput{
		RoleArn: &x.RoleARN, RoleSessionName: &name, WebIdentityToken: aws.String(token.raw), DurationSeconds: seconds(x.Duration),
	}
	if x.Policy != "" {
		in.Policy = &x.Policy
	}
	for _, arn := range x.PolicyARNs {
		in.PolicyArns = append(in.PolicyArns, types.PolicyDescriptorType{Arn: aws.String(arn)})
	}
	var out *sts.AssumeRoleWithWebIdentityOutput
	err := x.STS.try(ctx, func(ctx context.Context) (err error) {
		out, err = x.STS.client(nil).AssumeRoleWithWebIdentity(ctx, in)
		return err
	})
	if err != nil {
		return Credentials{}, err
	}
	return credentialsOf(out.Credentials, out.AssumedRoleUser)
}

func (x *Exchange) assume(ctx context.Context, hop *Hop, c *Credentials, name string) (Credentials, error) {
	in := &sts.AssumeRoleInput{RoleArn: &hop.RoleARN, RoleSessionName: &name, DurationSeconds: seconds(min(x.Duration, maxChained))}
	if hop.ExternalID != "" {
		in.ExternalId = &hop.ExternalID
	}
	for key, value := range hop.Tags {
		in.Tags = append(in.Tags, types.Tag{Key: aws.String(key), Value: aws.String(value)})
	}
	var out *sts.AssumeRoleOutput
	err := x.STS.try(ctx, func(ctx context.Context) (err error) {
		out, err = x.STS.client(c).AssumeRole(ctx, in)
		return err
	})
	if err != nil {
		return Credentials{}, err
	}
	return credentialsOf(out.Credentials, out.AssumedRoleUser)
}

func seconds(d time.Duration) *int32 {
	if d <= 0 {
		return nil
	}
	return aws.Int32(int32(min(d, 24*time.Hour) / time.Second))
}

// credentialsOf takes nothing that is not whole: a reply without a part is not one.
func credentialsOf(c *types.Credentials, user *types.AssumedRoleUser) (Credentials, error) {
	if c == nil || user == nil || aws.ToString(c.AccessKeyId) == "" || aws.ToString(c.SecretAccessKey) == "" ||
		aws.ToString(c.SessionToken) == "" || c.Expiration == nil || aws.ToString(user.Arn) == "" {
		return Credentials{}, &Error{Kind: Unreachable, Message: "client: the reply is not STS's: a part of the credentials is missing; see what --endpoint-url or AWS_ENDPOINT_URL_STS names"}
	}
	return Credentials{
		AccessKeyID: *c.AccessKeyId, SecretAccessKey: *c.SecretAccessKey, SessionToken: *c.SessionToken, Expiration: c.Expiration.UTC(),
		AssumedRoleARN: *user.Arn, AssumedRoleID: aws.ToString(user.AssumedRoleId),
	}, nil
}

// check refuses credentials that are not those that were expected.
func (e *Expectation) check(c *Credentials, now time.Time) error {
	if err := e.CheckARN(c.AssumedRoleARN); err != nil {
		return err
	}
	if left := c.Expiration.Sub(now); left < e.Left || left <= 0 {
		return &Error{Kind: Unexpected, Message: fmt.Sprintf("client: the credentials are good for %s, and %s were wanted; ask for more with --duration, of which a role allows as much as its MaxSessionDuration, and a chained role an hour",
			max(left, 0).Round(time.Second), e.Left)}
	}
	return nil
}

// CheckARN refuses an identity that is not the one expected.
func (e *Expectation) CheckARN(arn string) error {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) != 6 {
		return &Error{Kind: Unexpected, Message: "client: STS names the identity " + shown(arn) + ", which is no ARN"}
	}
	if e.Account != "" && parts[4] != e.Account {
		return &Error{Kind: Unexpected, Message: fmt.Sprintf("client: these are credentials of the account %s, and %s was expected", parts[4], e.Account)}
	}
	if e.ARN != "" && e.ARN != arn && !sameRole(e.ARN, arn) {
		return &Error{Kind: Unexpected, Message: fmt.Sprintf("client: these are credentials of %s, and %s was expected", arn, e.ARN)}
	}
	return nil
}

// sameRole compares a role's ARN with that of a session of it, which lacks the path.
func sameRole(role, session string) bool {
	account, path, ok := strings.Cut(role, ":role/")
	partition, id, isIAM := strings.Cut(account, ":iam::")
	if !ok || !isIAM {
		return false
	}
	name := path[strings.LastIndexByte(path, '/')+1:]
	return strings.HasPrefix(session, partition+":sts::"+id+":assumed-role/"+name+"/")
}
