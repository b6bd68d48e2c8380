package bucket_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/daypass/daypass/internal/policy"
	"github.com/daypass/daypass/internal/publish/bucket"
)

func layout() *bucket.Layout {
	return &bucket.Layout{
		Bucket: "oidc-example-an", Account: "123456789012", Region: "eu-north-1",
		Publisher: "arn:aws:iam::123456789012:role/publisher", BreakGlass: "arn:aws:iam::123456789012:role/break-glass",
		Public: []string{".well-known/openid-configuration", "oauth/discovery/keys"},
	}
}

func emitted(t *testing.T, l *bucket.Layout) string {
	t.Helper()
	text, err := bucket.Text(l.Policy())
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestEmittedPolicy(t *testing.T) {
	for _, glass := range []string{"", layout().BreakGlass} {
		l := layout()
		l.BreakGlass = glass
		if err := l.Check(); err != nil {
			t.Fatal(err)
		}
		found, err := bucket.Examine(emitted(t, l), l)
		if err != nil || len(found) != 0 {
			t.Errorf("break glass %q: %v, %v", glass, found, err)
		}
	}
	text, _ := bucket.Text(layout().PublisherPolicy())
	if _, err := policy.Parse(policy.Identity, text); err != nil {
		t.Error(err)
	}
}

func TestExamineFinds(t *testing.T) {
	const arn = "arn:aws:s3:::oidc-example-an"
	read := `{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":["` + arn + `/.well-known/openid-configuration","` + arn + `/oauth/discovery/keys"]}`
	tls := `{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"` + arn + `/*","Condition":{"Bool":{"aws:SecureTransport":"false"}}}`
	for name, test := range map[string]struct{ statements, want, severity string }{
		"all readable":        {strings.Replace(read, "oauth/discovery/keys", "*", 1) + "," + tls, "anybody, without credentials, can s3:GetObject on " + arn + "/private", "high"},
		"one folder readable": {read + "," + tls + `,{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"` + arn + `/backup/*"}`, "s3:GetObject on " + arn + "/backup/x", "high"},
		"listable":            {read + "," + tls + `,{"Effect":"Allow","Principal":"*","Action":"s3:ListBucket","Resource":"` + arn + `"}`, "s3:ListBucket", "high"},
		"writable":            {read + "," + tls + `,{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"s3:Put*","Resource":"` + arn + `/*"}`, "s3:PutObject on", "critical"},
		"writable if":         {read + "," + tls + `,{"Effect":"Allow","Principal":"*","Action":"s3:PutObject","Resource":"` + arn + `/*","Condition":{"StringEquals":{"aws:Referer":"x"}}}`, "whoever meets a condition", "critical"},
		"another account":     {read + "," + tls + `,{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::210987654321:root"},"Action":"s3:PutObject","Resource":"` + arn + `/*"}`, "210987654321", "high"},
		"not readable":        {tls, "nobody without credentials can read", "high"},
		"no TLS":              {read, "without TLS", "high"},
	} {
		t.Run(name, func(t *testing.T) {
			found, err := bucket.Examine(`{"Version":"2012-10-17","Statement":[`+test.statements+`]}`, layout())
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range found {
				if strings.Contains(f.What, test.want) && f.Severity == test.severity {
					return
				}
			}
			t.Errorf("%q (%s) is not among %v", test.want, test.severity, found)
		})
	}
	if _, err := bucket.Examine(`{"Statement":[{"Effect":"Allow"}]}`, layout()); err == nil {
		t.Error("a broken policy was examined")
	}
}

func TestCheckLayout(t *testing.T) {
	l := layout()
	l.Bucket, l.Publisher, l.Public = "a.b", "*", nil
	err := l.Check()
	for _, want := range []string{`"a.b"`, `"*"`, "no public key"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %s", err, want)
		}
	}
}

func TestTemplates(t *testing.T) {
	text, err := layout().CloudFormation()
	if err != nil {
		t.Fatal(err)
	}
	var template struct {
		Resources struct {
			BucketPolicy struct {
				Properties struct{ PolicyDocument json.RawMessage }
			}
		}
	}
	if err := json.Unmarshal([]byte(text), &template); err != nil {
		t.Fatal(err)
	}
	hcl, err := layout().Terraform()
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(hcl, "<<-POLICY\n")
	heredoc, _, ok := strings.Cut(rest, "\n  POLICY")
	if !ok {
		t.Fatal("no policy in the Terraform configuration")
	}
	for _, p := range []string{string(template.Resources.BucketPolicy.Properties.PolicyDocument), heredoc} {
		if found, err := bucket.Examine(p, layout()); err != nil || len(found) != 0 {
			t.Errorf("%v, %v", found, err)
		}
	}
}
