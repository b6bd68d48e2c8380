package arn_test

import (
	"testing"

	"github.com/daypass/daypass/internal/arn"
	"pgregory.net/rapid"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		in   string
		want arn.ARN
	}{
		{"arn:aws:iam::123456789012:role/ci/deploy", arn.ARN{Partition: "aws", Service: "iam", Account: "123456789012", Resource: "role/ci/deploy"}},
		{"arn:aws:s3:::bucket/a:b", arn.ARN{Partition: "aws", Service: "s3", Resource: "bucket/a:b"}},
		{"arn:aws:iam::123456789012:oidc-provider/localhost:8443", arn.ARN{Partition: "aws", Service: "iam", Account: "123456789012", Resource: "oidc-provider/localhost:8443"}},
	} {
		got, err := arn.Parse(tc.in)
		if err != nil || got != tc.want {
			t.Errorf("Parse(%q) = %+v, %v; want %+v", tc.in, got, err, tc.want)
		}
		if got.String() != tc.in {
			t.Errorf("Parse(%q).String() = %q", tc.in, got.String())
		}
	}
	for _, in := range []string{"", "arn", "arn:aws:iam::1", "arn::iam::1:x", "arn:aws:::1:x", "arn:aws:iam::1:", "ARN:aws:iam::1:x"} {
		if got, err := arn.Parse(in); err == nil {
			t.Errorf("Parse(%q) = %+v, want an error", in, got)
		}
	}
}

func TestBuildersAndTheirInverses(t *testing.T) {
	t.Parallel()
	const account = "123456789012"
	if got, want := arn.AssumedRole(account, "deploy", "job-1"), "arn:aws:sts::123456789012:assumed-role/deploy/job-1"; got != want {
		t.Errorf("AssumedRole = %q, want %q", got, want)
	}
	if acc, name, ok := arn.RoleName(arn.Role(account, "/ci/", "deploy")); acc != account || name != "deploy" || !ok {
		t.Errorf("RoleName = %q, %q, %v", acc, name, ok)
	}
	if acc, name, ok := arn.PolicyName(arn.Policy(account, "/", "read")); acc != account || name != "read" || !ok {
		t.Errorf("PolicyName = %q, %q, %v", acc, name, ok)
	}
	if url, ok := arn.OIDCProviderURL(arn.OIDCProvider(account, "localhost:8443/a")); url != "localhost:8443/a" || !ok {
		t.Errorf("OIDCProviderURL = %q, %v", url, ok)
	}
	for _, s := range []string{
		arn.User(account, "/", "deploy"), arn.Root(account), "arn:aws:iam::123:role/x", "arn:aws:iam::123456789012:role/",
		"arn:aws-cn:iam::123456789012:role/x", "arn:aws:iam:eu-west-1:123456789012:role/x", "role/x",
	} {
		if acc, name, ok := arn.RoleName(s); ok {
			t.Errorf("RoleName(%q) = %q, %q, true", s, acc, name)
		}
	}
}

func TestValidAccount(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]bool{
		"000000000000": true, "123456789012": true, "": false, "12345678901": false,
		"1234567890123": false, "12345678901a": false, "١23456789012": false,
	} {
		if got := arn.ValidAccount(in); got != want {
			t.Errorf("ValidAccount(%q) = %v", in, got)
		}
	}
}

// What parses prints as it was written: a policy that names an ARN and a
// request that carries it must not differ by a round trip.
func TestParsePrintIdentity(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringMatching(`arn:[a-z-]{1,6}:[a-z0-9]{1,8}:[a-z0-9-]{0,9}:[0-9]{0,12}:.{1,40}`).Draw(t, "arn")
		a, err := arn.Parse(s)
		if err != nil {
			t.Fatalf("Parse(%q): %v", s, err)
		}
		if a.String() != s {
			t.Fatalf("Parse(%q).String() = %q", s, a.String())
		}
	})
}
