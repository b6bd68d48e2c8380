package publish

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// Canary is one exchange of a live token, on a role that should have no
// permissions: the whole way, as a job goes it. The credentials are thrown away.
type Canary struct {
	Client *sts.Client // without credentials
	Role   string      // its ARN
	Token  string
}

func (c *Canary) try(ctx context.Context) error {
	_, err := c.Client.AssumeRoleWithWebIdentity(ctx, &sts.AssumeRoleWithWebIdentityInput{
		RoleArn: &c.Role, RoleSessionName: aws.String("daypass-publish-canary"), WebIdentityToken: &c.Token, DurationSeconds: aws.Int32(900),
	})
	if err != nil {
		return fmt.Errorf("publish: %s: %w", c.Role, err)
	}
	return nil
}
