package client_test

import (
	"strings"
	"testing"

	"github.com/daypass/daypass/internal/client"
)

// TestPartitions: the STS that is asked is one that can know the role.
func TestPartitions(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ partition, region, endpoint, want, fault string }{
		{"aws", "", "", "us-east-1", ""},
		{"aws-cn", "", "", "cn-north-1", ""},
		{"aws-cn", "cn-northwest-1", "", "cn-northwest-1", ""},
		{"aws-us-gov", "", "", "us-gov-west-1", ""},
		{"aws-cn", "eu-west-1", "", "", "the role is of the partition aws-cn, and the region eu-west-1 is of aws"},
		{"aws", "us-gov-west-1", "", "", "is of aws-us-gov"},
		{"aws-cn", "eu-west-1", "https://sts.example.com", "eu-west-1", ""},
		{"aws", "evil.example/", "", "", "is not written as AWS's are"},
	} {
		s, err := client.STSFrom(nil, tt.region, tt.endpoint, tt.partition)
		switch {
		case tt.fault != "":
			if err == nil || !strings.Contains(err.Error(), tt.fault) {
				t.Errorf("%+v: %v", tt, err)
			}
		case err != nil || s.Region != tt.want:
			t.Errorf("%+v: %+v, %v", tt, s, err)
		}
	}
}

// TestNamesApart: what AWS does not take in a name makes no two names one.
func TestNamesApart(t *testing.T) {
	t.Parallel()
	of := func(template, sub string) string {
		jwt, err := client.NewToken(token(t, map[string]any{"sub": sub}), "")
		if err != nil {
			t.Fatal(err)
		}
		name, err := client.SessionName(template, jwt, nil)
		if err != nil {
			t.Fatal(err)
		}
		return name
	}
	if a, b := of("a/b", ""), of("a-b", ""); a == b || !strings.HasPrefix(a, "a-b-") || b != "a-b" {
		t.Errorf("a/b is %s, a-b is %s", a, b)
	}
	if name := of("", "system:serviceaccount:web:api"); !strings.HasPrefix(name, "daypass-system-serviceaccount-web-api-") {
		t.Errorf("without a CI system's claims it is %s", name)
	}
}

// TestOneTokenUnderTwoNames: it is no choice between two.
func TestOneTokenUnderTwoNames(t *testing.T) {
	t.Parallel()
	one := gitlabToken(t, "x")
	find := client.Find{Env: map[string]string{"GITLAB_CI": "true", "B": one, "A": one}}
	source, err := find.TokenSource()
	if err != nil {
		t.Fatal(err)
	}
	if found, err := source.Token(t.Context()); err != nil || found.From != "the variable A" {
		t.Errorf("%v, %v", found, err)
	}
}
