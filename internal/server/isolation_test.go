package server_test

import (
	"errors"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/awsapi/awsapitest"
	"github.com/daypass/daypass/internal/server"

	"github.com/aws/aws-sdk-go-v2/aws"
	iamclient "github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	stsclient "github.com/aws/aws-sdk-go-v2/service/sts"
	ststypes "github.com/aws/aws-sdk-go-v2/service/sts/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"
)

// ours is the account of the first start. The other is otherAccount.
const ours = "123456789012"

// house is a server with two accounts, and who may do everything in each.
type house struct {
	*awsapitest.Server // a second process on the data; speaks to the server
	r                  *running
	ours, others       aws.Config
}

func startHouse(t *testing.T) *house {
	t.Helper()
	c := newConfig(t.TempDir())
	mustStart(t, c).mustStop(t)
	other := credentialsOf(t, mustCreateAccount(t, c.DataDir, otherAccount))
	own := credentialsOf(t, server.Credentials{File: c.DataDir + "/credentials", Profile: "default"})
	s := awsapitest.OpenData(t, c.DataDir, time.Now)
	r := mustStart(t, c)
	s.URL = r.endpoint
	return &house{Server: s, r: r, ours: r.config(own), others: r.config(other)}
}

// marker is in everything of the other account that is no name.
const marker = "zebra"

// fill makes one of each thing in the other account, all named secret, and gives
// the unique ids that nobody else may learn.
func (h *house) fill(t *testing.T, issuer string) (ids []string) {
	t.Helper()
	must := func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	other := iamclient.NewFromConfig(h.others)
	document := aws.String(`{"Version":"2012-10-17","Statement":[{"Sid":"` + marker + `","Effect":"Allow","Action":"s3:*","Resource":"*"}]}`)
	trust := aws.String(`{"Version":"2012-10-17","Statement":[{"Sid":"` + marker + `","Effect":"Allow","Principal":{"AWS":"` + otherAccount + `"},"Action":"sts:AssumeRole"}]}`)
	tags := []iamtypes.Tag{{Key: aws.String(marker), Value: aws.String(marker)}}
	policy, err := other.CreatePolicy(t.Context(), &iamclient.CreatePolicyInput{PolicyName: aws.String("secret"), PolicyDocument: document, Description: aws.String(marker)})
	must(policy, err)
	role, err := other.CreateRole(t.Context(), &iamclient.CreateRoleInput{
		RoleName: aws.String("secret"), AssumeRolePolicyDocument: trust, Description: aws.String(marker), Tags: tags, PermissionsBoundary: policy.Policy.Arn,
	})
	must(role, err)
	must(other.PutRolePolicy(t.Context(), &iamclient.PutRolePolicyInput{RoleName: aws.String("secret"), PolicyName: aws.String("secret"), PolicyDocument: document}))
	must(other.AttachRolePolicy(t.Context(), &iamclient.AttachRolePolicyInput{RoleName: aws.String("secret"), PolicyArn: policy.Policy.Arn}))
	must(other.CreateOpenIDConnectProvider(t.Context(), &iamclient.CreateOpenIDConnectProviderInput{
		Url: &issuer, ClientIDList: []string{marker}, ThumbprintList: []string{strings.Repeat("0", 40)},
	}))
	user := h.UserOf(t, otherAccount, "secret", *document)
	wantSoon(t, "the user is known", func() bool { return h.r.works(t, credentials(t, user)) })
	caller, err := stsclient.NewFromConfig(h.others).GetCallerIdentity(t.Context(), &stsclient.GetCallerIdentityInput{})
	must(caller, err)
	return []string{*policy.Policy.PolicyId, *role.Role.RoleId, *caller.UserId}
}

// naming are the parameters by which operations name what they act on, each with
// one of the other account's, and the rest that operations cannot do without.
func naming(issuer string) url.Values {
	form := url.Values{}
	for name, value := range map[string]string{
		"PolicyArn":                "policy/secret",
		"PolicySourceArn":          "role/secret",
		"PermissionsBoundary":      "policy/secret",
		"Arn":                      "role/secret",
		"CallerArn":                "user/secret",
		"OpenIDConnectProviderArn": "oidc-provider/" + strings.TrimPrefix(issuer, "https://"),
	} {
		form.Set(name, "arn:aws:iam::"+otherAccount+":"+value)
	}
	for _, name := range []string{"RoleName", "UserName", "GroupName", "PolicyName", "InstanceProfileName", "NewUserName", "NewGroupName"} {
		form.Set(name, "secret")
	}
	const document = `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}`
	for name, value := range map[string]string{
		"VersionId": "v1", "PolicyDocument": document, "ActionNames.member.1": "s3:GetObject", "ResourceArns.member.1": "*",
		"PolicyInputList.member.1": document, "Description": "changed", "Tags.member.1.Key": "changed", "Tags.member.1.Value": "changed",
		"TagKeys.member.1": marker, "ClientID": "changed", "ThumbprintList.member.1": strings.Repeat("1", 40), "Url": "https://changed.example.com",
		"AssumeRolePolicyDocument": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}]}`,
		"AccountAlias":             "changed", "SetAsDefault": "true",
	} {
		form.Set(name, value)
	}
	return form
}

// operations are all that IAM has at AWS, those included that are not served yet:
// one that comes to be served is asked too.
func operations() []string {
	var names []string
	client := reflect.TypeFor[*iamclient.Client]()
	for i := range client.NumMethod() {
		if name := client.Method(i).Name; name != "Options" {
			names = append(names, name)
		}
	}
	return names
}

func isRead(operation string) bool {
	return slices.ContainsFunc([]string{"Get", "List", "Simulate", "Generate"}, func(verb string) bool { return strings.HasPrefix(operation, verb) })
}

// call sends one operation of IAM. It is nil where it is not served.
func (h *house) call(t *testing.T, as aws.Config, operation string, form url.Values) *awsapitest.Reply {
	t.Helper()
	form.Set("Action", operation)
	form.Set("Version", "2010-05-08")
	reply := h.Post(t, as, "iam", time.Now(), form)
	if strings.Contains(reply.Body, "<Code>InvalidAction</Code>") {
		return nil
	}
	return &reply
}

var requestID = regexp.MustCompile(`<RequestId>.*</RequestId>`)

// everything is what the other account's administrator reads of it.
func (h *house) everything(t *testing.T, issuer string) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, operation := range operations() {
		if strings.HasPrefix(operation, "Get") || strings.HasPrefix(operation, "List") {
			if reply := h.call(t, h.others, operation, naming(issuer)); reply != nil {
				all[operation] = requestID.ReplaceAllString(reply.Body, "")
			}
		}
	}
	return all
}

// TestAccountsSeeNothingOfEachOther: the administrator of one account asks every
// operation of IAM about what is in the other, by its ARNs and its names. No reply
// tells anything of it, and nothing in it changes.
func TestAccountsSeeNothingOfEachOther(t *testing.T) {
	t.Parallel()
	h := startHouse(t)
	const issuer = "https://gitlab.example.com"
	hidden := append(h.fill(t, issuer), marker)
	before := h.everything(t, issuer)
	told := strings.Count(strings.Join(mapValues(before), ""), marker)
	if told < 8 || !strings.Contains(before["GetRole"], hidden[1]) {
		t.Fatalf("the other account's own administrator is told %d times", told)
	}

	served := 0
	ask := func(reads bool) {
		t.Helper()
		for _, operation := range operations() {
			if isRead(operation) != reads {
				continue
			}
			form := naming(issuer)
			form.Del("TagKeys.member.1") // the marker; asked below
			reply := h.call(t, h.ours, operation, form)
			if reply == nil {
				continue
			}
			served++
			for _, id := range hidden {
				if strings.Contains(reply.Body, id) {
					t.Errorf("%s tells %q of the other account: %s", operation, id, reply.Body)
				}
			}
			if reply.Status == 200 && strings.Contains(reply.Body, otherAccount) && !strings.HasPrefix(operation, "Simulate") {
				t.Errorf("%s succeeds and names the other account: %s", operation, reply.Body)
			}
		}
	}
	ask(true)
	ask(false)
	ask(true) // with what the writes have made here, of the same names
	for _, operation := range []string{"UntagRole", "UntagUser", "UntagPolicy", "UntagOpenIDConnectProvider"} {
		h.call(t, h.ours, operation, naming(issuer))
	}
	if served < 40 {
		t.Errorf("only %d operations were asked", served)
	}
	for operation, after := range h.everything(t, issuer) {
		if diff := cmp.Diff(before[operation], after); diff != "" {
			t.Errorf("%s tells the other account's administrator something else now:\n%s", operation, diff)
		}
	}
}

func mapValues(m map[string]string) []string {
	var values []string
	for _, v := range m {
		values = append(values, v)
	}
	return values
}

// What names a thing of the other account by its ARN is answered as if it were
// not there.
func TestArnsOfTheOtherAccount(t *testing.T) {
	t.Parallel()
	h := startHouse(t)
	const issuer = "https://gitlab.example.com"
	h.fill(t, issuer)
	own := iamclient.NewFromConfig(h.ours)
	createRole(t, own, "own", `{"AWS":"`+ours+`"}`, `"sts:AssumeRole"`, 3600)
	in := func(resource string) *string { return aws.String("arn:aws:iam::" + otherAccount + ":" + resource) }
	for name, call := range map[string]func() error{
		"GetPolicy": func() error {
			_, err := own.GetPolicy(t.Context(), &iamclient.GetPolicyInput{PolicyArn: in("policy/secret")})
			return err
		},
		"GetPolicyVersion": func() error {
			_, err := own.GetPolicyVersion(t.Context(), &iamclient.GetPolicyVersionInput{PolicyArn: in("policy/secret"), VersionId: aws.String("v1")})
			return err
		},
		"DeletePolicy": func() error {
			_, err := own.DeletePolicy(t.Context(), &iamclient.DeletePolicyInput{PolicyArn: in("policy/secret")})
			return err
		},
		"AttachRolePolicy": func() error {
			_, err := own.AttachRolePolicy(t.Context(), &iamclient.AttachRolePolicyInput{RoleName: aws.String("own"), PolicyArn: in("policy/secret")})
			return err
		},
		"PutRolePermissionsBoundary": func() error {
			_, err := own.PutRolePermissionsBoundary(t.Context(), &iamclient.PutRolePermissionsBoundaryInput{RoleName: aws.String("own"), PermissionsBoundary: in("policy/secret")})
			return err
		},
		"GetOpenIDConnectProvider": func() error {
			_, err := own.GetOpenIDConnectProvider(t.Context(), &iamclient.GetOpenIDConnectProviderInput{OpenIDConnectProviderArn: in("oidc-provider/gitlab.example.com")})
			return err
		},
		"SimulatePrincipalPolicy": func() error {
			_, err := own.SimulatePrincipalPolicy(t.Context(), &iamclient.SimulatePrincipalPolicyInput{PolicySourceArn: in("role/secret"), ActionNames: []string{"s3:GetObject"}})
			return err
		},
		"GetContextKeysForPrincipalPolicy": func() error {
			_, err := own.GetContextKeysForPrincipalPolicy(t.Context(), &iamclient.GetContextKeysForPrincipalPolicyInput{PolicySourceArn: in("user/secret")})
			return err
		},
		"GetRole": func() error {
			_, err := own.GetRole(t.Context(), &iamclient.GetRoleInput{RoleName: aws.String("secret")})
			return err
		},
	} {
		var fault smithy.APIError
		if err := call(); !errors.As(err, &fault) || fault.ErrorCode() != "NoSuchEntity" && fault.ErrorCode() != "NoSuchEntityException" {
			t.Errorf("%s: got %v, want NoSuchEntity", name, err)
		}
	}
}

// TestAssumeRoleAcrossAccounts: both sides must allow it.
func TestAssumeRoleAcrossAccounts(t *testing.T) {
	t.Parallel()
	h := startHouse(t)
	arnOf := func(role string) string { return "arn:aws:iam::" + otherAccount + ":role/" + role }
	allowing := h.User(t, "allowed", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"arn:aws:iam::`+otherAccount+`:role/*"}]}`)
	plain := h.User(t, "plain")
	other := iamclient.NewFromConfig(h.others)
	for role, principal := range map[string]string{
		"trusts-account": ours, "trusts-allowed": "arn:aws:iam::" + ours + ":user/allowed", "trusts-plain": "arn:aws:iam::" + ours + ":user/plain",
		"trusts-own": otherAccount,
	} {
		// Who was named is known to the running server by following its store.
		wantSoon(t, role+" is made", func() bool {
			_, err := other.CreateRole(t.Context(), &iamclient.CreateRoleInput{RoleName: &role, AssumeRolePolicyDocument: aws.String(
				`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"` + principal + `"},"Action":"sts:AssumeRole"}]}`)})
			return err == nil
		})
	}
	createRole(t, iamclient.NewFromConfig(h.ours), "own", `{"AWS":"`+ours+`"}`, `"sts:AssumeRole"`, 3600)
	for _, c := range []struct {
		name   string
		caller aws.Config
		role   string
		may    bool
	}{
		{"both sides", allowing, arnOf("trusts-account"), true},
		{"both sides, by user", allowing, arnOf("trusts-allowed"), true},
		{"an administrator may everything of its own", h.ours, arnOf("trusts-account"), true},
		{"the caller's account does not allow", plain, arnOf("trusts-account"), false},
		{"the caller's account does not allow, though the role names the user", plain, arnOf("trusts-plain"), false},
		{"the role names another user", allowing, arnOf("trusts-plain"), false},
		{"the role's account does not trust", allowing, arnOf("trusts-own"), false},
		{"the role's account does not trust the administrator", h.ours, arnOf("trusts-own"), false},
		{"the role is of the caller's account", h.others, arnOf("trusts-own"), true},
		{"the other way about", h.others, "arn:aws:iam::" + ours + ":role/own", false},
		{"no such role", h.ours, arnOf("none"), false},
	} {
		out, err := stsclient.NewFromConfig(h.r.config(credentials(t, c.caller))).AssumeRole(t.Context(), &stsclient.AssumeRoleInput{RoleArn: &c.role, RoleSessionName: aws.String("job")})
		if c.may {
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
				continue
			}
			k := out.Credentials
			wantCaller(t, h.r.config(aws.Credentials{AccessKeyID: *k.AccessKeyId, SecretAccessKey: *k.SecretAccessKey, SessionToken: *k.SessionToken}),
				strings.Replace(strings.Replace(c.role, ":iam:", ":sts:", 1), ":role/", ":assumed-role/", 1)+"/job")
			continue
		}
		var fault smithy.APIError
		if !errors.As(err, &fault) || fault.ErrorCode() != "AccessDenied" {
			t.Errorf("%s: got %v, want AccessDenied", c.name, err)
		}
	}
}

func credentials(t *testing.T, c aws.Config) aws.Credentials {
	t.Helper()
	k, err := c.Credentials.Retrieve(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// TestTokensAreHeldAgainstTheRolesAccount: both accounts have a provider of one
// URL, with other audiences. What counts is that of the role's account, whichever
// provider the trust policy names.
func TestTokensAreHeldAgainstTheRolesAccount(t *testing.T) {
	t.Parallel()
	h := startHouse(t)
	issuer, token := serveIssuer(t, t.TempDir()) // for the audience "aud"
	other, own := iamclient.NewFromConfig(h.others), iamclient.NewFromConfig(h.ours)
	ownProvider := register(t, own, issuer.Issuer.URL(), issuer.Thumbprint)
	otherProvider := strings.Replace(ownProvider, ours, otherAccount, 1)
	trusts := func(c *iamclient.Client, role, provider string) {
		t.Helper()
		createRole(t, c, role, `{"Federated":"`+provider+`"}`, `"sts:AssumeRoleWithWebIdentity"`, 3600)
	}
	trusts(own, "deploy", ownProvider)
	trusts(own, "trusts-other", otherProvider)
	trusts(other, "deploy", otherProvider)
	trusts(other, "trusts-ours", ownProvider)
	ask := func(account, role string) (string, string) {
		t.Helper()
		out, err := stsclient.NewFromConfig(h.r.config(aws.Credentials{})).AssumeRoleWithWebIdentity(t.Context(), &stsclient.AssumeRoleWithWebIdentityInput{
			RoleArn: aws.String("arn:aws:iam::" + account + ":role/" + role), RoleSessionName: aws.String("job"), WebIdentityToken: &token,
		})
		var fault smithy.APIError
		if errors.As(err, &fault) {
			return fault.ErrorCode(), fault.ErrorMessage()
		}
		if err != nil {
			t.Fatal(err)
		}
		return "", *out.Provider
	}
	// provide makes the other account's provider, in place of the one before.
	provided := false
	provide := func(audience string) func() {
		return func() {
			var err error
			if provided {
				_, err = other.DeleteOpenIDConnectProvider(t.Context(), &iamclient.DeleteOpenIDConnectProviderInput{OpenIDConnectProviderArn: &otherProvider})
			}
			provided = true
			if err == nil {
				_, err = other.CreateOpenIDConnectProvider(t.Context(), &iamclient.CreateOpenIDConnectProviderInput{
					Url: aws.String(issuer.Issuer.URL()), ClientIDList: []string{audience}, ThumbprintList: []string{issuer.Thumbprint},
				})
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	const (
		noProvider   = "No OpenIDConnect provider found in your account for "
		notValidated = "The web identity token provided could not be validated."
		notTrusted   = "Not authorized to perform sts:AssumeRoleWithWebIdentity"
	)
	for _, step := range []struct {
		name, account, role, code, message string
		before                             func()
	}{
		{"ours", ours, "deploy", "", ownProvider, nil},
		{"no provider in the role's account", otherAccount, "deploy", "InvalidIdentityToken", noProvider, nil},
		{"nor does it help to name ours", otherAccount, "trusts-ours", "InvalidIdentityToken", noProvider, nil},
		{"other audiences in the role's account", otherAccount, "deploy", "InvalidIdentityToken", notValidated, provide("else")},
		{"nor does it help to name ours, with its audiences", otherAccount, "trusts-ours", "InvalidIdentityToken", notValidated, nil},
		{"ours goes on", ours, "deploy", "", ownProvider, nil},
		{"the audience of the token in the role's account", otherAccount, "deploy", "", otherProvider, provide("aud")},
		{"ours is still none that it can trust", otherAccount, "trusts-ours", "AccessDenied", notTrusted, nil},
		{"nor is theirs one that we can", ours, "trusts-other", "AccessDenied", notTrusted, nil},
	} {
		if step.before != nil {
			step.before()
		}
		if code, message := ask(step.account, step.role); code != step.code || !strings.HasPrefix(message, step.message) {
			t.Errorf("%s: got %q %q, want %q %q", step.name, code, message, step.code, step.message)
		}
	}
}

// Revocations and session policies are the account's too.
func TestOtherServicesOfTheOtherAccount(t *testing.T) {
	t.Parallel()
	h := startHouse(t)
	h.fill(t, "https://gitlab.example.com")
	revocations := func(as aws.Config, action string, parameters ...string) awsapitest.Reply {
		t.Helper()
		form := url.Values{"Action": {action}, "Version": {"2026-11-26"}}
		for i := 0; i+1 < len(parameters); i += 2 {
			form.Set(parameters[i], parameters[i+1])
		}
		return h.Post(t, as, "daypass", time.Now(), form)
	}
	made := revocations(h.others, "RevokeSessions", "RoleName", "secret", "Reason", marker)
	id := regexp.MustCompile(`<RevocationId>(.*)</RevocationId>`).FindStringSubmatch(made.Body)
	if made.Status != 200 || id == nil {
		t.Fatalf("RevokeSessions: %d %s", made.Status, made.Body)
	}
	for _, refused := range []awsapitest.Reply{
		revocations(h.ours, "RevokeSessions", "RoleName", "secret"), revocations(h.ours, "DeleteRevocation", "RevocationId", id[1]),
	} {
		if refused.Status != 404 || !strings.Contains(refused.Body, "<Code>NoSuchEntity</Code>") {
			t.Errorf("got %d %s", refused.Status, refused.Body)
		}
	}
	if list := revocations(h.ours, "ListRevocations"); list.Status != 200 || strings.Contains(list.Body, id[1]) {
		t.Errorf("ListRevocations: %d %s", list.Status, list.Body)
	}
	if list := revocations(h.others, "ListRevocations"); list.Status != 200 || !strings.Contains(list.Body, id[1]) {
		t.Errorf("ListRevocations of its own: %d %s", list.Status, list.Body)
	}

	createRole(t, iamclient.NewFromConfig(h.ours), "own", `{"AWS":"`+ours+`"}`, `"sts:AssumeRole"`, 3600)
	in := &stsclient.AssumeRoleInput{RoleArn: aws.String("arn:aws:iam::" + ours + ":role/own"), RoleSessionName: aws.String("job")}
	if _, err := stsclient.NewFromConfig(h.ours).AssumeRole(t.Context(), in); err != nil {
		t.Error(err)
	}
	in.PolicyArns = []ststypes.PolicyDescriptorType{{Arn: aws.String("arn:aws:iam::" + otherAccount + ":policy/secret")}}
	var fault smithy.APIError
	if _, err := stsclient.NewFromConfig(h.ours).AssumeRole(t.Context(), in); !errors.As(err, &fault) || fault.ErrorCode() != "ValidationError" {
		t.Errorf("a session policy of another account: %v", err)
	}
}
