package explain

// trustCauses are about the role and its trust policy. Most show under one
// sentence, by which AWS tells nothing.
var trustCauses = []Cause{
	{
		Number: 40, texts: notAuthorized, Needs: PolicyText,
		Title: "a value with * or ? stands under StringEquals, which compares them as they are",
		Fix:   "write the exact value, or StringLike where a pattern is meant",
		Link:  "https://docs.gitlab.com/ci/cloud_services/aws/",
	},
	{
		Number: 41, texts: notAuthorized, Needs: TokenText | PolicyText,
		Title: "the repository's sub has the immutable form, repo:OWNER@ID/NAME@ID (GitHub, for what was made, renamed or transferred since 2026-07-15), and the policy has the old one",
		Fix:   "trust the form with the ids (daypass migrate github-immutable)",
		Link:  "https://github.com/aws-actions/configure-aws-credentials/issues/1888",
	},
	{
		Number: 42, texts: notAuthorized, Needs: TokenText | PolicyText,
		Title: "the job has an environment, which takes the place of the branch in GitHub's sub; or the policy waits for an environment and the job has none",
		Fix:   "trust …:environment:NAME, or take environment out of the job",
		Link:  "https://github.com/aws-actions/configure-aws-credentials/issues/452",
	},
	{
		Number: 43, texts: notAuthorized, Needs: TokenText | PolicyText,
		Title: "the job is of a pull request, and its sub ends in :pull_request in place of a branch",
		Fix:   "let pull requests assume a role of their own that may only read",
		Link:  "https://github.com/ministryofjustice/modernisation-platform/issues/3909",
	},
	{
		Number: 44, texts: notAuthorized, Needs: TokenText | PolicyText,
		Title: "policy and token differ in the case of letters, which counts",
		Fix:   "copy the value from the token",
		Link:  "https://github.com/aws-actions/configure-aws-credentials/issues/1100",
	},
	{
		Number: 45, texts: notAuthorized, Needs: PolicyText,
		Title: "the policy waits for ref_type:mr or ref_type:merge_request, which GitLab never writes",
		Fix:   "a merge request's pipeline has ref_type:branch and its source branch; to tell it apart use pipeline_source where that is a key",
		Link:  "https://docs.gitlab.com/ci/secrets/id_token_authentication/",
	},
	{
		Number: 46, texts: notAuthorized, Needs: TokenText | PolicyText,
		Title: "the pipeline is for a tag and the policy trusts branches, or the other way round",
		Fix:   "add a statement for protected tags (ref_type:tag), or run the job for the branch",
		Link:  "https://docs.gitlab.com/ci/cloud_services/aws/",
	},
	{
		Number: 47, texts: notAuthorized, Needs: TokenText | PolicyText,
		Title: "the job is of a merge request from a fork, and the token names the fork's project",
		Fix:   "this is meant to be: do not trust forks; run the job in the target project after review",
		Link:  "https://gitlab.com/gitlab-org/gitlab/-/work_items/563038",
	},
	{
		Number: 48, texts: notAuthorized, Needs: TokenText | PolicyText,
		Title: "the form of sub was changed at the forge (ci_id_token_sub_claim_components of GitLab, the sub template of GitHub)",
		Fix:   "write the policy for the form that the token has now, ids first",
		Link:  "https://docs.gitlab.com/ci/secrets/id_token_authentication/",
	},
	{
		Number: 49, texts: notAuthorized, Needs: PolicyText,
		Title: "the policy asks for a claim of which AWS makes no condition key",
		Fix:   "use the keys that AWS has for this issuer; of a GitLab of your own these are sub and aud, and sub can be given further parts",
		Link:  "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html",
	},
	{
		Number: 50, texts: notAuthorized, Needs: PolicyText,
		Title: "the condition key does not begin with the issuer's URL without https://, path included",
		Fix:   "write the key as the provider's ARN has it behind oidc-provider/, then :sub or :aud",
		Link:  "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html",
	},
	{
		Number: 51, texts: notAuthorized, Needs: PolicyText | RoleARN | TokenText,
		Title: "the policy's Federated principal is not the ARN of the token's provider: another account, partition, path, case or slash",
		Fix:   "copy the provider's ARN (aws iam list-open-id-connect-providers)",
		Link:  "https://repost.aws/knowledge-center/iam-oidc-idp-federation",
	},
	{
		Number: 52, texts: notAuthorized, Needs: PolicyText,
		Title: "the statement allows another action than sts:AssumeRoleWithWebIdentity",
		Fix:   "write sts:AssumeRoleWithWebIdentity",
		Link:  "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create_for-idp_oidc.html",
	},
	{
		Number: 53, texts: notAuthorized, Needs: TokenText | PolicyText,
		Title: "the token brings session tags or a source identity, and the policy does not allow sts:TagSession or sts:SetSourceIdentity",
		Fix:   "add the action to the statement",
		Link:  "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html",
	},
	{
		Number: 54, texts: notAuthorized, Needs: RoleARN | Account,
		Title: "there is no such role: a typing error, a path that the ARN lacks, another account, a role that was deleted. STS does not say so",
		Fix:   "copy the role's ARN (aws iam get-role)",
		Link:  "https://github.com/aws-actions/configure-aws-credentials/issues/953",
	},
	{
		Number: 55, texts: notAuthorized, Needs: Account,
		Title: "role or policy was changed seconds ago and AWS does not know yet",
		Fix:   "try again after 10 seconds, once",
		Link:  "https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html",
	},
	{
		Number: 56, texts: notAuthorized, Needs: Account,
		Title: "a resource control policy of the organization denies it, though the trust policy does not",
		Fix:   "ask the organization's administrators",
		Link:  "https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_rcps.html",
	},
	{
		Number: 57, texts: []string{"must evaluate, using stringequals, stringlike or stringequalsignorecase", "requires a stringequals condition on an application id"}, Needs: ErrorText | PolicyText,
		Title: "IAM writes no trust policy that lets everybody of a shared issuer in",
		Fix:   "add a condition on the issuer's sub, exact or with the owner fixed",
		Link:  "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_oidc_secure-by-default.html",
	},
	{
		Number: 58, Needs: PolicyText,
		Title: "an operator or a key stands twice in one JSON object, and only the last counts",
		Fix:   "merge the two",
		Link:  "https://www.rfc-editor.org/rfc/rfc8259#section-4",
	},
	{
		Number: 59, texts: []string{"the size of mapped attribute google.subject exceeds the 127 bytes limit"}, Needs: TokenText,
		Title: "sub is longer than 127 bytes, which Google Cloud does not take; AWS does",
		Fix:   "shorten branch names, or leave the branch out of sub",
		Link:  "https://gitlab.com/gitlab-org/gitlab/-/issues/580605",
	},
	{
		Number: 60, texts: notAuthorized, Needs: JobFacts,
		Title: "the client used another identity than the job's token, such as the runner's own web identity",
		Fix:   "unset AWS_WEB_IDENTITY_TOKEN_FILE, AWS_ROLE_ARN and AWS_PROFILE of the runner in the job, and look with aws sts get-caller-identity",
		Link:  "https://github.com/aws-actions/configure-aws-credentials/issues/1293",
	},
}
