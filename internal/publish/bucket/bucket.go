// Package bucket is the bucket that an issuer is published in: the right policy
// for it, and what is wrong with another. What a policy admits, package policy
// says; no text is matched here.
//
// Sources: Amazon S3 User Guide, "Actions, resources, and condition keys for
// Amazon S3" and "Blocking public access to your Amazon S3 storage".
package bucket

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// Layout says which bucket is meant, whose it is, and what in it is public.
// All of it but BreakGlass must be given.
type Layout struct {
	Bucket  string
	Account string // the 12-digit id of its owner
	Region  string
	// Publisher is the ARN of the role that publishes.
	Publisher string
	// BreakGlass is the ARN of the role that alone may change the bucket's policy
	// or delete the bucket. Without one the emitted policy leaves those to IAM.
	BreakGlass string
	// Public are the keys that anybody may read.
	Public []string
}

var (
	// Dots fail the wildcard of S3's certificate (S3 User Guide, "Bucket naming
	// rules").
	bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$`)
	accountID  = regexp.MustCompile(`^[0-9]{12}$`)
	region     = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-[0-9]$`)
	roleARN    = regexp.MustCompile(`^arn:aws[a-z-]*:iam::([0-9]{12}):role/[\w+=,.@/-]+$`)
)

// Check says what of the layout is missing or not of its form.
func (l *Layout) Check() error {
	var errs []error
	for _, f := range []struct {
		what, value string
		form        *regexp.Regexp
	}{
		{"bucket (lower case letters, digits and hyphens; a dot fails TLS)", l.Bucket, bucketName},
		{"account (12 digits)", l.Account, accountID},
		{"region", l.Region, region},
		{"publisher (the ARN of a role)", l.Publisher, roleARN},
	} {
		if !f.form.MatchString(f.value) {
			errs = append(errs, fmt.Errorf("%q is no %s", f.value, f.what))
		}
	}
	if l.BreakGlass != "" && !roleARN.MatchString(l.BreakGlass) {
		errs = append(errs, fmt.Errorf("%q is no break-glass role (the ARN of a role)", l.BreakGlass))
	}
	if len(l.Public) == 0 {
		errs = append(errs, errors.New("no public key of an object is named"))
	}
	return errors.Join(errs...)
}

func (l *Layout) partition() string {
	switch {
	case strings.HasPrefix(l.Region, "cn-"):
		return "aws-cn"
	case strings.HasPrefix(l.Region, "us-gov-"):
		return "aws-us-gov"
	}
	return "aws"
}

// ARN is the bucket's.
func (l *Layout) ARN() string { return "arn:" + l.partition() + ":s3:::" + l.Bucket }

func (l *Layout) objects() []string {
	var arns []string
	for _, key := range l.Public {
		arns = append(arns, l.ARN()+"/"+key)
	}
	return arns
}

type document struct {
	Version   string
	Statement []statement
}

type statement struct {
	Sid       string
	Effect    string
	Principal any `json:",omitempty"`
	Action    any
	Resource  any
	Condition any `json:",omitempty"`
}

// changes are the actions by which whoever may take them takes the issuer over.
var changes = []string{
	"s3:DeleteBucket", "s3:DeleteBucketPolicy", "s3:PutBucketPolicy", "s3:PutBucketPublicAccessBlock",
	"s3:PutBucketOwnershipControls", "s3:PutBucketVersioning", "s3:PutBucketAcl", "s3:PutReplicationConfiguration", "s3:PutLifecycleConfiguration",
}

// Policy is the bucket's policy: anybody reads the public objects, only the
// publisher writes, and nothing goes without TLS.
func (l *Layout) Policy() any {
	everybody := "*"
	notBy := func(arn string) any {
		return map[string]any{"ArnNotEquals": map[string]string{"aws:PrincipalArn": arn}}
	}
	d := document{Version: "2012-10-17", Statement: []statement{
		{"PublicRead", "Allow", everybody, "s3:GetObject", l.objects(), nil},
		{
			"OnlyThePublisherWrites", "Deny", everybody,
			[]string{"s3:PutObject", "s3:PutObjectAcl", "s3:DeleteObject", "s3:DeleteObjectVersion"},
			l.ARN() + "/*", notBy(l.Publisher),
		},
		{
			"OnlyTLS", "Deny", everybody, "s3:*", []string{l.ARN(), l.ARN() + "/*"},
			map[string]any{"Bool": map[string]string{"aws:SecureTransport": "false"}},
		},
	}}
	if l.BreakGlass != "" {
		d.Statement = append(d.Statement, statement{"OnlyBreakGlassChangesTheBucket", "Deny", everybody, changes, l.ARN(), notBy(l.BreakGlass)})
	}
	return d
}

// PublisherPolicy is what the publisher's role needs, and no more. It lists, so
// that S3 answers 404 and not 403 where an object is not there yet (S3 API
// Reference, GetObject).
func (l *Layout) PublisherPolicy() any {
	return document{Version: "2012-10-17", Statement: []statement{
		{Sid: "Publish", Effect: "Allow", Action: []string{"s3:GetObject", "s3:PutObject"}, Resource: l.objects()},
		{Sid: "TellMissingFromForbidden", Effect: "Allow", Action: "s3:ListBucket", Resource: l.ARN()},
	}}
}

// Text is a policy as its JSON text.
func Text(policy any) (string, error) {
	text, err := json.MarshalIndent(policy, "", "  ")
	return string(text), err
}
