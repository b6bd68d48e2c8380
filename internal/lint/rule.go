package lint

import (
	"fmt"
	"strings"
)

// Severity says how much a finding matters. The zero Severity is none.
type Severity uint8

// The severities, in their order. Error is a role that nobody can assume: an outage,
// and outages tempt people to open the role.
const (
	Info Severity = iota + 1
	Low
	Warning
	Medium
	High
	Error
	Critical
)

var severityNames = [...]string{Info: "info", Low: "low", Warning: "warning", Medium: "medium", High: "high", Error: "error", Critical: "critical"}

// String is the word for it, in lower case.
func (s Severity) String() string {
	if int(s) < len(severityNames) && s > 0 {
		return severityNames[s]
	}
	return fmt.Sprintf("lint.Severity(%d)", uint8(s))
}

// MarshalText writes the severity as String does.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText is the inverse of MarshalText.
func (s *Severity) UnmarshalText(text []byte) error {
	for i, name := range severityNames {
		if i > 0 && name == string(text) {
			*s = Severity(i)
			return nil
		}
	}
	return fmt.Errorf("lint: %q is no severity; they are %s", text, strings.Join(severityNames[1:], ", "))
}

// Rule is one thing that trust policies get wrong.
type Rule struct {
	ID       string
	Name     string
	Severity Severity // a finding may have another, which its text explains
	// What is the rule in a sentence, Why what may come of it, Next the step that
	// mends it.
	What, Why, Next string
	Link            string
	// Width says that each finding shows a token that gets in.
	Width bool
	// Fix says that --fix can mend it, if not always.
	Fix bool
	// Asked says that --fix mends it only where --rule names it: what it takes away
	// may be in use.
	Asked bool
	// Online says that only questions to GitHub or GitLab could tell, so that the
	// rule is not run.
	Online bool
}

// Pages that several rules link to.
const (
	linkGitLabToken = "https://docs.gitlab.com/ci/secrets/id_token_authentication/" //nolint:gosec // a page, no credential
	linkGitLabAWS   = "https://docs.gitlab.com/ci/cloud_services/aws/"
	linkGitHub      = "https://docs.github.com/en/actions/reference/security/oidc"
	linkSharedRule  = "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_oidc_secure-by-default.html"
	linkOperators   = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html"
	linkSets        = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html"
	linkKeys        = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html#condition-keys-wif"
	linkDatadog     = "https://securitylabs.datadoghq.com/articles/exploring-github-to-aws-keyless-authentication-flaws/"
	linkUnit42      = "https://unit42.paloaltonetworks.com/oidc-misconfigurations-in-ci-cd"
	linkRecycled    = "https://astrix.security/learn/blog/subjugation-hijacking-cloud-identities-by-recycling-namespaces-in-global-oidc-issuers/"
	linkProviders   = "https://repost.aws/knowledge-center/iam-oidc-idp-federation"
	linkQuotas      = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"
)

// rules is the table, in order of the ids.
var rules = []Rule{
	{
		ID: "TP001", Name: "sub-missing", Severity: Critical, Width: true, Link: linkDatadog,
		What: "An Allow asks for nothing that says whose token it is: neither sub nor a key that does as well.",
		Why:  "Whoever can get a token of the issuer gets in: on a shared issuer anyone who signs up, on a private one every project.",
		Next: "Ask for sub with StringEquals, whole: project or repository, and ref or environment.",
	},
	{
		ID: "TP002", Name: "sub-universal", Severity: Critical, Width: true, Link: linkSharedRule,
		What: "A value for sub consists of * and ? alone.",
		Why:  "It admits every subject. That IAM lets it be written says nothing: it takes ** for gitlab.com and ?* for GitHub.",
		Next: "Write the subject that is meant, whole.",
	},
	{
		ID: "TP003", Name: "owner-not-pinned", Severity: Critical, Width: true, Link: linkUnit42,
		What: "A wildcard stands before or inside the name of the owner (group, organization, namespace).",
		Why:  "Whoever makes an owner whose name fits gets in.",
		Next: "Write the owner's name in full, up to the separator behind it.",
	},
	{
		ID: "TP004", Name: "owner-boundary", Severity: Critical, Width: true, Fix: true, Link: linkUnit42,
		What: "A wildcard stands directly behind the owner's name.",
		Why:  "An owner whose name only begins so gets in; on a shared issuer anyone can register one.",
		Next: "Put the separator between the name and the wildcard, and better name the project too.",
	},
	{
		ID: "TP005", Name: "owner-wide", Severity: High, Width: true, Link: linkGitLabAWS,
		What: "Every project or repository of an owner is admitted, at any depth, also those made later.",
		Why:  "Whoever may make a project there has the role.",
		Next: "List the projects that need the role, each whole.",
	},
	{
		ID: "TP006", Name: "repo-prefix", Severity: High, Width: true, Fix: true, Link: linkUnit42,
		What: "A wildcard is glued to the name of the project or repository.",
		Why:  "A project whose name only begins so gets in.",
		Next: "Write the project's name in full.",
	},
	{
		ID: "TP007", Name: "wildcard-crossing", Severity: High, Width: true, Link: linkGitHub,
		What: "Text behind a wildcard can be supplied by a branch name, for * goes across colons and slashes.",
		Why:  "A job of another project gets in if its branch is named to fit. Branch names cannot hold a colon: a pattern that goes on with :ref:refs/heads/main, or GitLab's :ref_type:branch:ref:main, is anchored.",
		Next: "Name the project, and end the pattern with the ref or the environment.",
	},
	{
		ID: "TP008", Name: "sub-starts-with-abusable", Severity: Critical, Width: true, Link: linkUnit42,
		What: "The subject's first part says nothing about the owner (environment:, ref:, workflow: and the like).",
		Why:  "Owners choose the parts of their subjects and these values themselves, so that anyone's token can have this subject.",
		Next: "Let the subject begin with the project: repo: or repository_id: on GitHub, project_path: or project_id: on GitLab.",
	},
	{
		ID: "TP009", Name: "name-only-identity", Severity: Medium, Width: true, Link: linkRecycled,
		What: "The owner is known by a name alone, which can be given to somebody else.",
		Why:  "When the owner is renamed or deleted, whoever takes the name next has the role. On gitlab.com and github.com anybody can.",
		Next: "Ask for an id besides: gitlab.com:project_id, repository_id, or a subject with ids.",
	},
	{
		ID: "TP010", Name: "phantom-namespace", Severity: Critical, Online: true, Link: linkRecycled,
		What: "The owner or project that the policy names does not exist any more.",
		Why:  "Whoever registers the name has the role.",
		Next: "Remove the role, or name the project as it is called now.",
	},
	{
		ID: "TP011", Name: "hyphen-id-form", Severity: Critical, Width: true, Link: "https://labs.boostsecurity.io/articles/sleeper-squats-github-oidc-immutable-subject-claim",
		What: "The ids of owner and repository are joined to their names by a hyphen, a form that GitHub only previewed.",
		Why:  "NAME-123 is a name that anyone can register. GitHub joins ids by @, which no name can hold.",
		Next: "Write repo:OWNER@ID/REPOSITORY@ID:…",
	},
	{
		ID: "TP012", Name: "user-claims-only", Severity: High, Width: true, Link: linkGitLabToken,
		What: "Only keys about who or what runs decide (actor, user_login, workflow, environment), none about whose project it is.",
		Why:  "Users change these, and can run a job in a project of their own.",
		Next: "Ask for sub, or for the project's id, besides.",
	},
	{
		ID: "TP013", Name: "sleeping-format", Severity: Warning, Link: "https://github.com/aws-actions/configure-aws-credentials/issues/1888",
		What: "The policy knows GitHub's subject by names alone.",
		Why:  "Repositories that were made, renamed or transferred since 2026-07-15 send repo:OWNER@ID/REPOSITORY@ID, and are then denied: an outage, at the latest at the next rename.",
		Next: "Admit both forms: daypass migrate github-immutable.",
	},
	{
		ID: "TP020", Name: "any-ref", Severity: High, Width: true, Link: linkGitHub,
		What: "Every ref of a project is admitted.",
		Why:  "Whoever may push a branch has the role, without review; so do tags, pull requests and every environment.",
		Next: "End the subject with one ref or one environment.",
	},
	{
		ID: "TP021", Name: "any-branch", Severity: High, Width: true, Link: linkGitLabAWS,
		What: "Every branch of a project is admitted.",
		Why:  "Every developer may push one. On GitLab the pipelines of merge requests have the same subject.",
		Next: "Name the branch, and see that it is protected; on gitlab.com ask for gitlab.com:ref_protected too.",
	},
	{
		ID: "TP022", Name: "branch-prefix", Severity: High, Width: true, Fix: true, Link: linkUnit42,
		What: "A wildcard is glued to the name of a branch.",
		Why:  "main* admits main-evil, which nobody protected.",
		Next: "Write the branch in full, or release/* with the slash where release/* is protected.",
	},
	{
		ID: "TP023", Name: "ref-type-open", Severity: High, Width: true, Fix: true, Link: linkGitLabAWS,
		What: "The subject does not say whether the ref is a branch or a tag.",
		Why:  "A tag with the name of the branch gets in, and tags are seldom protected.",
		Next: "Write ref_type:branch:ref:NAME.",
	},
	{
		ID: "TP024", Name: "tag-open", Severity: Medium, Width: true, Link: linkGitLabAWS,
		What: "Tags are admitted by a wildcard.",
		Why:  "Tags can be moved, and mostly whoever may push may make one.",
		Next: "Protect tags of this form; on gitlab.com ask for gitlab.com:ref_protected.",
	},
	{
		ID: "TP025", Name: "pull-request", Severity: High, Width: true, Link: linkGitHub,
		What: "Pull requests are admitted.",
		Why:  "Their code was reviewed by nobody.",
		Next: "Give pull requests a role of their own that can only read, and keep this one to a ref or an environment.",
	},
	{
		ID: "TP026", Name: "mr-pipelines", Severity: Medium, Width: true, Fix: true, Asked: true, Link: "https://gitlab.com/gitlab-org/gitlab/-/work_items/563038",
		What: "Pipelines of merge requests are admitted like those of pushes.",
		Why:  "GitLab's subject does not tell them apart: it has the source branch.",
		Next: "Ask for gitlab.com:pipeline_source.",
	},
	{
		ID: "TP027", Name: "unprotected-ref", Severity: Medium, Width: true, Fix: true, Asked: true, Link: linkGitLabToken,
		What: "Nothing asks that the ref is protected.",
		Why:  "The name of a branch is worth nothing if everybody may push to it, or make it again.",
		Next: "On gitlab.com ask for gitlab.com:ref_protected; elsewhere, since GitLab 18.7, make ref_protected a part of the subject.",
	},
	{
		ID: "TP028", Name: "env-open", Severity: Medium, Width: true, Fix: true, Link: linkGitHub,
		What: "Environments are admitted by a wildcard.",
		Why:  "A workflow that names an environment that is not there makes it, and it has no protection rules.",
		Next: "Name the environment, and protect it.",
	},
	{
		ID: "TP029", Name: "no-such-ref-type", Severity: Error, Link: "https://phpboyscout.uk/2026/05/14/a-403-you-cant-fix-in-iam.html",
		What: "The subject waits for a ref_type that GitLab does not have; there are branch and tag.",
		Why:  "It never matches. Pipelines of merge requests have ref_type:branch and the source branch.",
		Next: "Write ref_type:branch:ref:SOURCE-BRANCH, or give up on telling merge requests by the subject.",
	},
	{
		ID: "TP030", Name: "workflow-ref-mutable", Severity: Medium, Width: true, Link: linkGitHub,
		What: "A reusable workflow is pinned at a branch or tag, or its callers are not named.",
		Why:  "Whoever moves the ref changes what runs; and every repository that may call the workflow gets in.",
		Next: "Pin the workflow's full commit id, and ask for repository_id besides.",
	},
	{
		ID: "TP031", Name: "volatile-sub", Severity: Error, Link: "https://support.atlassian.com/bitbucket-cloud/docs/deploy-on-aws-using-bitbucket-pipelines-openid-connect/",
		What: "The subject is asked for whole and holds a part that is new in each run.",
		Why:  "It matches one run, or none.",
		Next: "Use StringLike with a pattern that ends where the volatile part begins.",
	},
	{
		ID: "TP040", Name: "wildcard-under-equals", Severity: Error, Link: linkGitLabToken,
		What: "A * or ? stands under an operator that compares literally.",
		Why:  "It never matches: no subject holds these characters.",
		Next: "Write the value that is meant. StringLike would make it a pattern, and a pattern is mostly wider than one thinks.",
	},
	{
		ID: "TP041", Name: "like-without-wildcard", Severity: Info, Fix: true, Link: linkOperators,
		What: "StringLike is used for a value without a wildcard.",
		Why:  "It admits no more, and it invites the next person to add one.",
		Next: "Use StringEquals.",
	},
	{
		ID: "TP042", Name: "forallvalues-allow", Severity: Critical, Fix: true, Link: linkSets,
		What: "ForAllValues: stands in an Allow on a key that has one value.",
		Why:  "It is true where the token has no such key, or its name is misspelt.",
		Next: "Take the prefix away.",
	},
	{
		ID: "TP043", Name: "ifexists-allow", Severity: High, Fix: true, Link: linkOperators,
		What: "…IfExists stands in an Allow on a key of the token.",
		Why:  "A token without the claim passes.",
		Next: "Take IfExists away.",
	},
	{
		ID: "TP044", Name: "negative-only", Severity: High, Width: true, Link: linkOperators,
		What: "Whose token it is decides by exclusion alone.",
		Why:  "Everybody who was not thought of gets in.",
		Next: "Say who may, with StringEquals on sub; keep the exclusion besides.",
	},
	{
		ID: "TP045", Name: "loosest-value", Severity: High, Width: true, Fix: true, Asked: true, Link: linkOperators,
		What: "One value of a list is a wide pattern, while the others are exact.",
		Why:  "One of the values is enough: the exact ones have no effect.",
		Next: "Remove the wide value, and list what it was for.",
	},
	{
		ID: "TP046", Name: "ignore-case", Severity: Low, Fix: true, Link: linkOperators,
		What: "A name is compared without regard to case.",
		Why:  "It is wider than needed: tokens spell a project in one way.",
		Next: "Use StringEquals with the spelling of the token.",
	},
	{
		ID: "TP047", Name: "duplicate-json-key", Severity: Error, Fix: true, Link: "https://www.rfc-editor.org/rfc/rfc8259#section-4",
		What: "A name stands twice in one object.",
		Why:  "Programs keep the last one, silently; IAM refuses the text.",
		Next: "Merge the two.",
	},
	{
		ID: "TP048", Name: "variable-or-empty", Severity: Medium, Link: linkOperators,
		What: "A value is empty, or a policy variable.",
		Why:  "A token gives such variables no value, and no subject is empty: it matches nothing, or not what was meant.",
		Next: "Write the value out.",
	},
	{
		ID: "TP050", Name: "unsupported-key", Severity: Error, Link: linkKeys,
		What: "AWS makes no condition key of this claim for this issuer.",
		Why:  "The key is absent from every request: a condition on it never matches, and one with ForAllValues, IfExists or Not always does.",
		Next: "Make the claim a part of the subject; of a self-managed GitLab AWS knows sub and aud alone.",
	},
	{
		ID: "TP051", Name: "key-prefix", Severity: Error, Link: "https://github.com/windmill-labs/windmilldocs/pull/635",
		What: "The condition key does not begin with the provider's URL without https://, path included.",
		Why:  "It is the key of another provider, or of none, and absent from the request.",
		Next: "Write the provider's URL as its ARN has it, a colon, the claim.",
	},
	{
		ID: "TP052", Name: "aud-missing", Severity: Medium, Width: true, Fix: true, Link: linkProviders,
		What: "Nothing asks for the audience.",
		Why:  "A token made for another service that the provider's client ids admit can be used here.",
		Next: "Ask for aud with StringEquals.",
	},
	{
		ID: "TP053", Name: "aud-generic", Severity: Low, Link: linkGitLabAWS,
		What: "The audience is the issuer's own URL.",
		Why:  "Tokens for any other service mostly have the same one, so that it tells nothing.",
		Next: "Use sts.amazonaws.com, or an audience for each account.",
	},
	{
		ID: "TP054", Name: "secure-by-default", Severity: Error, Link: linkSharedRule,
		What: "IAM would not take this policy again: a shared issuer, and no condition that tells its users apart.",
		Why:  "The role works as it stands, and breaks at its next edit.",
		Next: "Ask for sub, as the finding on it says.",
	},
	{
		ID: "TP060", Name: "lookalike-provider", Severity: Critical, Link: linkProviders,
		What: "The provider's host looks like that of a known issuer and is another.",
		Why:  "Whoever has the host signs tokens that the role takes for the known issuer's.",
		Next: "Delete the provider, or see whose host it is.",
	},
	{
		ID: "TP061", Name: "federated-principal", Severity: Error, Link: linkProviders,
		What: "The federated principal names no provider that could be meant: wrong account or partition, a slash at the end, capitals, a wildcard; or one condition serves several issuers.",
		Why:  "Nobody can assume the role so, or an issuer passes by conditions that were written for another.",
		Next: "Copy the provider's ARN, one issuer for each statement.",
	},
	{
		ID: "TP062", Name: "action", Severity: Error, Fix: true, Link: "https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html",
		What: "The action is not the one that a token asks for.",
		Why:  "sts:AssumeRole is for callers of AWS, and never allows a token; all of sts: is more than IAM takes.",
		Next: "Write sts:AssumeRoleWithWebIdentity, and sts:TagSession where tokens bring tags.",
	},
	{
		ID: "TP063", Name: "second-door", Severity: High, Link: "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html",
		What: "Another statement lets more in: a whole account, or everybody.",
		Why:  "Statements are joined by or: the widest one counts.",
		Next: "Remove the statement, or give its callers a role of their own.",
	},
	{
		ID: "TP064", Name: "same-trust-different-power", Severity: High, Link: "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html",
		What: "Roles of different power have the same trust policy, or a role of an administrator is admitted too widely.",
		Why:  "Whoever may assume the weak one may assume the strong one.",
		Next: "Tell them apart by environment, ref or audience; or by sts:RoleAuthorizedByIdp where the issuer names roles.",
	},
	{
		ID: "TP065", Name: "session-hygiene", Severity: Low, Link: "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html#ck_rolesessionname",
		What: "The caller chooses the session's name freely, or sessions last long.",
		Why:  "The name is what logs show: it can be anyone's.",
		Next: "Ask for sts:RoleSessionName with StringLike, and keep MaxSessionDuration to what a job needs.",
	},
	{
		ID: "TP066", Name: "policy-size", Severity: Warning, Link: linkQuotas,
		What: "The policy is near the quota of 2,048 characters that an account has for trust policies.",
		Why:  "The next subject does not fit; both of GitHub's forms double the text.",
		Next: "Merge statements, or split the role; AWS raises the quota to 4,096 on request.",
	},
}

// Rules lists all rules, in order of their ids.
func Rules() []Rule { return append([]Rule(nil), rules...) }

// RuleByID finds a rule by its id or name, in any case.
func RuleByID(id string) (Rule, bool) {
	for _, r := range rules {
		if strings.EqualFold(r.ID, id) || strings.EqualFold(r.Name, id) {
			return r, true
		}
	}
	return Rule{}, false
}

// Help is a rule as text.
func (r Rule) Help() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s (%s)\n\n%s\n\nWhy     %s\nNext    %s\n", r.ID, r.Name, r.Severity, r.What, r.Why, r.Next)
	switch {
	case r.Online:
		b.WriteString("Run     Not run: only the issuer could tell, and lint asks nobody.\n")
	case r.Width:
		b.WriteString("Proof   Each finding shows a token that the policy admits.\n")
	}
	switch {
	case r.Asked:
		fmt.Fprintf(&b, "Fix     --fix --rule %s mends it where that only closes; what it takes away may be in use.\n", r.ID)
	case r.Fix:
		b.WriteString("Fix     --fix mends it where that only closes.\n")
	}
	fmt.Fprintf(&b, "Link    %s\n", r.Link)
	return b.String()
}
