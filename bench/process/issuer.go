package process

import (
	"context"
	"crypto/rand"
	"log/slog"
	"strings"
	"time"

	"github.com/daypass/daypass/internal/gitlab"
	"github.com/daypass/daypass/internal/gitlab/instance"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
)

// What the tokens of an issuer carry, and who they may be.
const (
	Audience = "https://gitlab.example.com"
	Project  = "mygroup/myproject"
)

// Issuer is an issuer of ID tokens in this process.
type Issuer struct {
	*instance.Instance

	now  func() time.Time
	done chan struct{}
}

// StartIssuer serves an issuer, whose files are in dir, until the context ends.
func StartIssuer(ctx context.Context, dir string, now func() time.Time) (*Issuer, error) {
	opened, err := instance.Open(ctx, dir, now())
	if err != nil {
		return nil, err
	}
	l, err := opened.Listen(ctx, now())
	if err != nil {
		return nil, err
	}
	i := &Issuer{opened, now, make(chan struct{})}
	go func() {
		defer close(i.done)
		_ = opened.Serve(ctx, l, slog.New(slog.DiscardHandler)) // its failure shows as a failed request
	}()
	return i, nil
}

// Wait joins it; the context must have ended.
func (i *Issuer) Wait() { <-i.done }

// Token is the ID token of a job on main of Project.
func (i *Issuer) Token() (string, error) {
	job, err := gitlab.NewJob(gitlab.Job{ServerURL: i.Issuer.URL(), Project: gitlab.Project{Path: Project}}, nil)
	if err != nil {
		return "", err
	}
	return i.Issuer.IDToken(job, []string{Audience}, i.now(), rand.Reader)
}

// Admit registers the issuer, and makes a role that trusts its jobs on main of
// Project.
func (d *Daypass) Admit(ctx context.Context, i *Issuer, role string) error {
	_, err := d.IAM.CreateOpenIDConnectProvider(ctx, &iam.CreateOpenIDConnectProviderInput{
		Url: aws.String(i.Issuer.URL()), ClientIDList: []string{Audience}, ThumbprintList: []string{i.Thumbprint},
	})
	if err != nil {
		return err
	}
	return d.CreateRole(ctx, role, TrustPolicy(strings.TrimPrefix(i.Issuer.URL(), "https://"), Audience, Project))
}
