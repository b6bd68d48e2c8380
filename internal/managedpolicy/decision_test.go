package managedpolicy_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/daypass/daypass/internal/managedpolicy"
	"github.com/daypass/daypass/internal/policy"
)

const account = "123456789012"

// question is a line of testdata: an action, a resource and one condition key,
// the last two where they are written.
func question(t *testing.T, line string) *policy.Request {
	t.Helper()
	fields := strings.Fields(line)
	r := &policy.Request{
		Action: fields[0], Resource: "*", Context: &policy.Context{},
		Principal: policy.Principal{ARN: "arn:aws:iam::" + account + ":user/alice", Account: account, UniqueID: "AIDAALICE"},
	}
	r.Context.Set("aws:username", "alice")
	if len(fields) > 1 {
		r.Resource = fields[1]
	}
	if len(fields) > 2 {
		key, value, ok := strings.Cut(fields[2], "=")
		if !ok || len(fields) > 3 {
			t.Fatalf("cannot read %q", line)
		}
		r.Context.Set(key, value)
	}
	return r
}

// parsed is the document of each policy.
func parsed(t *testing.T) map[string]*policy.Document {
	t.Helper()
	documents := map[string]*policy.Document{}
	for _, p := range managedpolicy.All() {
		document, err := policy.Parse(policy.Identity, p.Document)
		if err != nil {
			t.Fatalf("%s: %v", p.Name, err)
		}
		documents[p.Name] = document
	}
	return documents
}

func TestDecisions(t *testing.T) {
	t.Parallel()
	documents := parsed(t)
	asked := map[string]map[string]int{} // by policy and sign
	name := ""
	for _, line := range lines(t, "decisions.txt") {
		sign, ask, isQuestion := strings.Cut(line, " ")
		if !isQuestion {
			name = line
			if documents[name] == nil || asked[name] != nil {
				t.Fatalf("%s is no policy, or is there twice", name)
			}
			asked[name] = map[string]int{}
			continue
		}
		asked[name][sign]++
		want := policy.ImplicitDeny
		if sign == "+" {
			want = policy.Allow
		}
		if got := policy.Decide(question(t, ask), []*policy.Document{documents[name]}, nil); got.Effect != want {
			t.Errorf("%s: %s is %v, want %v", name, ask, got.Effect, want)
		}
	}
	for name := range documents {
		if n := asked[name]; n["+"] < 2 || n["-"] < 2 && name != "AdministratorAccess" {
			t.Errorf("%s: %d decisions that allow and %d that do not", name, n["+"], n["-"])
		}
	}
}

// onlyReads says whether a policy is one of those that change nothing.
func onlyReads(name string) bool {
	return strings.Contains(name, "ReadOnly") || slices.Contains([]string{"ViewOnlyAccess", "SecurityAudit"}, name)
}

// No policy that only reads allows a write, whatever the resource.
func TestReadsDoNotWrite(t *testing.T) {
	t.Parallel()
	writes := lines(t, "writes.txt")
	n := 0
	for name, document := range parsed(t) {
		if !onlyReads(name) {
			continue
		}
		n++
		for _, action := range writes {
			for _, resource := range resources(t, name) {
				r := question(t, action+" "+resource)
				if got := policy.Decide(r, []*policy.Document{document}, nil); got.Effect != policy.ImplicitDeny {
					t.Errorf("%s: %s on %s is %v", name, action, resource, got.Effect)
				}
			}
		}
	}
	if n < 20 {
		t.Errorf("only %d policies only read", n)
	}
}

// resources are those that a policy's statements are about.
func resources(t *testing.T, name string) []string {
	t.Helper()
	found := []string{"*"}
	for _, p := range managedpolicy.All() {
		if p.Name != name {
			continue
		}
		for _, s := range statements(t, p) {
			for _, resource := range s.Resource {
				found = append(found, strings.ReplaceAll(resource, "*", "x"))
			}
		}
	}
	return found
}

// readVerbs begin the names of actions that read. What ends in $ is a single
// action: queries of logs, which change nothing, and words of one service.
var readVerbs = regexp.MustCompile(`^(Get|List|Describe|BatchGet|View|Search|Lookup|Check|BatchCheck|Query|Scan|Select|` +
	`Validate|Estimate|Evaluate|Discover|Preview|Count|Filter|Test(DNSAnswer|EventPattern|MetricFilter)$|` +
	`Simulate(Custom|Principal)Policy$|Generate(CredentialReport|ServiceLastAccessedDetails|Query)$|` +
	`(Start|Stop)(Query|LiveTail)$|PartiQLSelect$|GitPull$|ReadFromRepository$|RetrieveEnvironmentInfo$|` +
	`Download(CompleteDBLogFile|DBLogFilePortion)$|DomainMetadata$|ESHttp(Get|Head)$|GET$|Admin(GetUser|ListGroupsForUser)$)`)

// What is not in the list of writes is held by its name: every action that a
// policy lists begins with a word of reading, and no wildcard stands before one.
func TestReadsAreReads(t *testing.T) {
	t.Parallel()
	for _, p := range managedpolicy.All() {
		if !onlyReads(p.Name) {
			continue
		}
		for _, s := range statements(t, p) {
			if len(s.NotAction) > 0 {
				t.Errorf("%s: NotAction in a policy that only reads", p.Name)
			}
			for _, action := range s.Action {
				if _, name, _ := strings.Cut(action, ":"); !readVerbs.MatchString(name) {
					t.Errorf("%s: %s is not known to read", p.Name, action)
				}
			}
		}
	}
}

// secretsAllowed are the exceptions of testdata/secrets.txt: two policies that are
// documented as every Get of their service, and the token by which images are
// pulled, which carries no more than the caller may.
var secretsAllowed = map[string]string{
	"AmazonS3ReadOnlyAccess":             "s3:GetDataAccess",
	"AmazonSSMReadOnlyAccess":            "ssm:GetAccessToken ssm:GetParameter ssm:GetParameterHistory ssm:GetParameters ssm:GetParametersByPath",
	"AmazonEC2ContainerRegistryReadOnly": "ecr:GetAuthorizationToken",
	"ReadOnlyAccess":                     "ecr:GetAuthorizationToken",
}

func TestReadsGiveNoSecrets(t *testing.T) {
	t.Parallel()
	for name, document := range parsed(t) {
		if !onlyReads(name) {
			continue
		}
		var allowed []string
		for _, line := range lines(t, "secrets.txt") {
			if r := question(t, line); policy.Decide(r, []*policy.Document{document}, nil).Allowed() {
				allowed = append(allowed, r.Action)
			}
		}
		if got := strings.Join(allowed, " "); got != secretsAllowed[name] {
			t.Errorf("%s gives out %q, want %q", name, got, secretsAllowed[name])
		}
	}
}

// Everything is allowed by AdministratorAccess and, but for identities and
// accounts, by PowerUserAccess; no other policy has an action of every service.
func TestAllActions(t *testing.T) {
	t.Parallel()
	for name, document := range parsed(t) {
		want := name == "AdministratorAccess" || name == "PowerUserAccess"
		got := policy.Decide(question(t, "nosuchservice:NoSuchAction"), []*policy.Document{document}, nil).Allowed()
		if got != want {
			t.Errorf("%s: an action of a service that nobody knows: %v", name, got)
		}
	}
}
