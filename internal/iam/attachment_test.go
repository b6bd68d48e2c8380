package iam_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/daypass/daypass/internal/arn"

	"github.com/aws/aws-sdk-go-v2/aws"
	iamclient "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"
)

func (f *fixture) attach(t *testing.T, role, policyARN string) error {
	t.Helper()
	_, err := f.admin.AttachRolePolicy(t.Context(), &iamclient.AttachRolePolicyInput{RoleName: &role, PolicyArn: &policyARN})
	return err
}

func (f *fixture) detach(t *testing.T, role, policyARN string) error {
	t.Helper()
	_, err := f.admin.DetachRolePolicy(t.Context(), &iamclient.DetachRolePolicyInput{RoleName: &role, PolicyArn: &policyARN})
	return err
}

func (f *fixture) attachedTo(t *testing.T, role string) []string {
	t.Helper()
	out := noError[*iamclient.ListAttachedRolePoliciesOutput](t)(f.admin.ListAttachedRolePolicies(t.Context(), &iamclient.ListAttachedRolePoliciesInput{RoleName: &role}))
	var arns []string
	for _, p := range out.AttachedPolicies {
		if !strings.HasSuffix(*p.PolicyArn, "/"+*p.PolicyName) {
			t.Errorf("policy %s is told under the name %s", *p.PolicyArn, *p.PolicyName)
		}
		arns = append(arns, *p.PolicyArn)
	}
	return arns
}

func TestAttachmentLife(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.createRole(t, "deploy")
	f.createRole(t, "review")
	read, write := f.createPolicy(t, "/ci/", "Read"), f.createPolicy(t, "/", "write")
	for _, a := range [][2]string{{"deploy", read}, {"deploy", read}, {"DEPLOY", strings.ToLower(read)}, {"review", read}, {"deploy", write}} {
		if err := f.attach(t, a[0], a[1]); err != nil {
			t.Fatal(a, err)
		}
	}
	if diff := cmp.Diff([]string{read, write}, f.attachedTo(t, "deploy")); diff != "" {
		t.Errorf("what is attached stays attached once, in its own spelling (-want +got):\n%s", diff)
	}
	if n := *f.getPolicy(t, read).AttachmentCount; n != 2 {
		t.Errorf("AttachmentCount is %d, want 2", n)
	}
	under := noError[*iamclient.ListAttachedRolePoliciesOutput](t)(f.admin.ListAttachedRolePolicies(t.Context(),
		&iamclient.ListAttachedRolePoliciesInput{RoleName: aws.String("deploy"), PathPrefix: aws.String("/ci/")}))
	if len(under.AttachedPolicies) != 1 || *under.AttachedPolicies[0].PolicyArn != read {
		t.Errorf("under /ci/: %v", under.AttachedPolicies)
	}

	_, err := f.admin.DeletePolicy(t.Context(), &iamclient.DeletePolicyInput{PolicyArn: &read})
	wantFault(t, err, fault{http.StatusConflict, "DeleteConflict", "Cannot delete a policy attached to entities."})
	if err := f.detach(t, "deploy", read); err != nil {
		t.Fatal(err)
	}
	wantFault(t, f.detach(t, "deploy", read), noPolicy(read))
	if n := *f.getPolicy(t, read).AttachmentCount; n != 1 {
		t.Errorf("AttachmentCount is %d, want 1", n)
	}
	if err := f.detach(t, "Review", strings.ToLower(read)); err != nil {
		t.Fatal(err)
	}
	must(t)(f.admin.DeletePolicy(t.Context(), &iamclient.DeletePolicyInput{PolicyArn: &read}))
	wantFault(t, f.attach(t, "deploy", read), fault{http.StatusNotFound, "NoSuchEntity", "Policy " + read + " does not exist or is not attachable."})
}

func TestAttachmentQuota(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.createRole(t, "deploy")
	arns := make([]string, 21)
	for i := range arns {
		arns[i] = f.createPolicy(t, "/", fmt.Sprint("p", i))
	}
	for _, policyARN := range arns[:20] {
		if err := f.attach(t, "deploy", policyARN); err != nil {
			t.Fatal(err)
		}
	}
	wantFault(t, f.attach(t, "deploy", arns[20]), fault{http.StatusConflict, "LimitExceeded", "Cannot exceed quota for PoliciesPerRole: 20"})
	if err := f.attach(t, "deploy", arns[3]); err != nil {
		t.Errorf("an attached policy at the quota: %v", err)
	}
	if n := *f.getPolicy(t, arns[20]).AttachmentCount; n != 0 {
		t.Errorf("the refused policy counts %d attachments", n)
	}
}

// TestAttachmentsAtOnce has several clients attach, detach and delete the same
// few things. Whatever came of each request, at the end every count is the
// number of roles that name the policy, and no role names one that is gone.
func TestAttachmentsAtOnce(t *testing.T) {
	t.Parallel()
	f := start(t)
	const clients, rounds, roles, policies = 6, 12, 3, 2
	for i := range roles {
		f.createRole(t, fmt.Sprint("role", i))
	}
	policyARN := func(i int) string { return arn.Policy(account, "/", fmt.Sprint("policy", i)) }
	step := func(client, round int) error {
		n := client*7 + round*5
		role, policy := fmt.Sprint("role", n%roles), policyARN(n%policies)
		switch round % 4 {
		case 0:
			_, err := f.admin.CreatePolicy(t.Context(), &iamclient.CreatePolicyInput{
				PolicyName: aws.String(fmt.Sprint("policy", n%policies)), PolicyDocument: aws.String(readPolicy),
			})
			return err
		case 1:
			return f.attach(t, role, policy)
		case 2:
			if client%2 == 0 {
				return f.detach(t, role, policy)
			}
			return f.attach(t, role, policy)
		default:
			_, err := f.admin.DeletePolicy(t.Context(), &iamclient.DeletePolicyInput{PolicyArn: &policy})
			return err
		}
	}
	var running sync.WaitGroup
	for client := range clients {
		running.Go(func() {
			for round := range rounds {
				err := step(client, round)
				var api smithy.APIError
				if err != nil && (!errors.As(err, &api) || !expected[api.ErrorCode()]) {
					t.Errorf("client %d, round %d: %v", client, round, err)
				}
			}
		})
	}
	running.Wait()

	counts := map[string]int32{}
	for i := range roles {
		for _, a := range f.attachedTo(t, fmt.Sprint("role", i)) {
			counts[a]++
		}
	}
	for i := range policies {
		p, ok := f.Directory.Snapshot().Policy(policyARN(i))
		switch {
		case !ok && counts[policyARN(i)] != 0:
			t.Errorf("%s is gone, and %d roles name it", policyARN(i), counts[policyARN(i)])
		case ok && int32(p.AttachmentCount) != counts[policyARN(i)]:
			t.Errorf("%s counts %d attachments, and %d roles name it", policyARN(i), p.AttachmentCount, counts[policyARN(i)])
		}
	}
}

// expected are the codes with which requests at the same moment may fail.
var expected = map[string]bool{"NoSuchEntity": true, "EntityAlreadyExists": true, "DeleteConflict": true, "ConcurrentModification": true}
