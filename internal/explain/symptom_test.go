package explain_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/daypass/daypass/internal/explain"
)

// symptoms are error texts as clients print them, and the causes that they may
// have, the likeliest first.
var symptoms = []struct {
	text string
	want []int
}{
	{"An error occurred (AccessDenied) when calling the AssumeRoleWithWebIdentity operation: Not authorized to perform sts:AssumeRoleWithWebIdentity", []int{42, 43, 41, 40, 46, 44, 50, 51, 49, 48, 45, 52, 54, 47, 53, 60, 55, 56}},
	{"Error: Could not assume role with OIDC: Not authorized to perform\n  sts:AssumeRoleWithWebIdentity", []int{42, 43, 41, 40, 46, 44, 50, 51, 49, 48, 45, 52, 54, 47, 53, 60, 55, 56}},
	{"(InvalidIdentityToken) Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity documentation for requirements", []int{1, 3, 4, 5, 2, 38, 6, 7, 8}},
	{"Could not connect to openid configuration of provider: https://gitlab.example.com", []int{9}},
	{"OpenIDConnect provider's HTTPS certificate doesn't match configured thumbprint", []int{10, 12, 11}},
	{"Please check .well-known/openid-configuration of provider: https://x is valid.", []int{13}},
	{"No OpenIDConnect provider found in your account for https://x", []int{15, 16, 17, 71, 14}},
	{"No OpenIDConnect provider found in your account for http://x", []int{15, 16, 17, 71, 14, 18}},
	{"<Error><Code>PermanentRedirect</Code>", []int{19}},
	{"An error occurred (AccessControlListNotSupported) when calling the PutObject operation: The bucket does not allow ACLs", []int{20}},
	{"GitLab::Ci::Jwt::NoSigningKeyError", []int{21}},
	{"oidc: id token issued by a different provider, expected x", []int{22}},
	{"Missing a required claim: aud", []int{23}},
	{"Incorrect token audience", []int{24, 26}},
	{"The web identity token provided could not be validated. See the AssumeRoleWithWebIdentity documentation for requirements.", []int{24, 26}},
	{"Token audience contains more than one audience while authorized party is not present", []int{25}},
	{"Token expired: current date/time 1789123421 must be before the expiration date/time 1789123397", []int{27}},
	{"Token issued in the future: 1", []int{28}},
	{"Token not yet valid: current date/time 1 must be after or equal to the not-before date/time 2", []int{28}},
	{"The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)", []int{29}},
	{"Invalid timestamp in token claims.", []int{30}},
	{"Invalid length for parameter WebIdentityToken, value: 0, valid min length: 4", []int{31}},
	{"ID token issuance is disabled in CI because this project's path was previously used by a different project", []int{32}},
	{"Credentials could not be loaded, please check your action inputs: Could not load credentials from any providers", []int{33, 34}},
	{"Error message: Unable to get ACTIONS_ID_TOKEN_REQUEST_URL env variable", []int{33, 34}},
	{"Value at 'webIdentityToken' failed to satisfy constraint: Member must have length less than or equal to 20000", []int{35}},
	{"principal_tags passed in claim is not in correct format.", []int{36}},
	{"The target role ARN is not present in the roles claim of the identity token", []int{37}},
	{"Unknown error validating third-party token", []int{39}},
	{"Trust policy with trusted principal gitlab.com must evaluate, using StringEquals, StringLike or StringEqualsIgnoreCase, gitlab.com:sub which is not scoped to all.", []int{57}},
	{"The size of mapped attribute google.subject exceeds the 127 bytes limit.", []int{59}},
	{"Unable to locate credentials. You can configure credentials by running \"aws configure\".", []int{61}},
	{"api error ExpiredToken: The security token included in the request is expired", []int{62}},
	{"The requested DurationSeconds exceeds the MaxSessionDuration set for this role.", []int{63}},
	{"The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.", []int{64}},
	{"Error: token lifetime 43200 exceeds maximum", []int{65}},
	{`1 validation error detected: Value 'feature/x' at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\w+=,.@-]*`, []int{66}},
	{"An error occurred (PackedPolicyTooLarge): Packed policy consumes 113% of allotted space, please use smaller policy.", []int{67}},
	{"User: arn:aws:iam::123456789012:user/ci is not authorized to perform: s3:ListBucket on resource; see user/ci", []int{68}},
	{"retry attempt 3: Not authorized to perform sts:AssumeRoleWithWebIdentity", []int{42, 43, 41, 40, 46, 44, 50, 51, 49, 48, 45, 52, 54, 47, 53, 60, 55, 56, 69}},
	{`Could not connect to the endpoint URL: "https://sts.amazonaws.com/"`, []int{70}},
	{"/bin/bash: line 140: aws: command not found", []int{72}},
	{"An error occurred (SignatureDoesNotMatch): The request signature we calculated does not match the signature you provided.", []int{73}},
	{"policy claim missing from the JWT token, credentials will not be generated", []int{74}},
	{"Role arn:minio:iam:::role/dummy-internal does not exist", []int{75}},
	{"auth error: 1", []int{76}},
	{`"Condition": {"StringEquals": {"oidc:sub": "x"}}`, []int{77}},
	{"x5c not present", []int{79}},
	{"no such text", nil},
}

// TestSymptoms leads from each text to its causes.
func TestSymptoms(t *testing.T) {
	t.Parallel()
	for _, s := range symptoms {
		if got := numbers(explain.Symptom(s.text)); !slices.Equal(got, s.want) {
			t.Errorf("%.80q: causes are %v, want %v", s.text, got, s.want)
		}
	}
}

// How a cause comes to be known for sure.
const (
	bySymptom = "a text that has no other cause"
	byDenial  = "token, policy or ARN: TestDenials"
	byJob     = "a CI file or an environment: TestJobs"
	byDoctor  = "a look at the issuer: TestDoctorCauses of cmd/daypass"
	neverHere = "nothing that is at hand shows it"
)

// proved says of each cause where a test leads from its symptom to it and to no
// other.
var proved = map[string][]int{
	bySymptom: {19, 20, 21, 22, 23, 25, 27, 28, 29, 30, 32, 35, 36, 37, 39, 57, 59, 62, 63, 64, 65, 66, 67, 68, 70, 72, 73, 74, 75, 76, 77, 79},
	byDenial: {
		5, 6, 7, 14, 15, 16, 17, 18, 23, 24, 25, 26, 27, 28, 29, 30, 31, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54,
		58, 63, 66, 71, 77,
	},
	byJob:    {31, 33, 34, 42, 43, 60, 61, 62, 65, 66, 68, 69, 70, 71, 72, 73},
	byDoctor: {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 18, 19, 79},
	neverHere: {
		55, // seconds after a change, and then no more
		56, // a policy of the organization
		78, // a fault of a server's release
		80, // an emulator that takes everything: each of TestDenials is one that it takes and AWS does not
	},
}

// TestCatalogue asks of every cause that it is whole and proved somewhere, and of
// every proof that is claimed that a test has it.
func TestCatalogue(t *testing.T) {
	t.Parallel()
	tested := map[string]map[int]bool{bySymptom: {}, byDenial: {}, byJob: {}}
	for _, s := range symptoms {
		if len(s.want) == 1 {
			tested[bySymptom][s.want[0]] = true
		}
	}
	for i := range denials {
		tested[byDenial][denials[i].cause] = true
	}
	for i := range jobCases {
		tested[byJob][jobCases[i].cause] = true
	}
	for _, number := range explain.JobCauses() {
		if !tested[byJob][number] {
			t.Errorf("a rule for jobs proves cause %d, and no case of TestJobs does", number)
		}
	}
	where := map[int][]string{}
	for how, all := range proved {
		for _, number := range all {
			if where[number] = append(where[number], how); tested[how] != nil && !tested[how][number] {
				t.Errorf("cause %d is not proved by %s", number, how)
			}
		}
	}
	causes := explain.Causes()
	if len(causes) != 80 {
		t.Errorf("there are %d causes", len(causes))
	}
	for i, c := range causes {
		if c.Number != i+1 {
			t.Errorf("cause %d has the number %d", i+1, c.Number)
		}
		if c.Title == "" || c.Fix == "" || !strings.HasPrefix(c.Link, "https://") || len(c.Needs.Names()) == 0 || strings.HasSuffix(c.Title, ".") || strings.HasSuffix(c.Fix, ".") {
			t.Errorf("cause %d is not whole: %+v", c.Number, c)
		}
		if len(where[c.Number]) == 0 {
			t.Errorf("nothing proves cause %d", c.Number)
		}
		if c.Needs&explain.JobFacts != 0 && !slices.Contains(where[c.Number], byJob) {
			t.Errorf("cause %d is said to be decided by the CI file or the environment, and is not", c.Number)
		}
		if c.Needs&explain.IssuerURL != 0 && !slices.Contains(where[c.Number], byDoctor) {
			t.Errorf("cause %d is said to be decided by the issuer, and is not", c.Number)
		}
	}
}
