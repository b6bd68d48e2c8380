package doctor

const lintHint = " How wide the policy is, daypass lint says."

var roleFaults = []Fault{
	{
		Code: "policy-unreadable", Check: "R01", Level: Error, What: "the trust policy is none",
		Why: "What cannot be read admits nobody, and IAM does not write it.", AWS: "MalformedPolicyDocument", Fix: "Mend the document at the place that is named.",
	},
	{
		Code: "policy-open", Check: "R01", Level: Warning, What: "the policy admits everybody's tokens of a shared issuer",
		Why: "IAM refuses to write it today; one that was written before works until its next change.", AWS: "MalformedPolicyDocument",
		Fix:  "Ask for the subject: the repository or project, exactly." + lintHint,
		Link: "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_oidc_secure-by-default.html",
	},
	{
		Code: "role-arn-form", Check: "R02", Level: Error, What: "this is no role's ARN",
		Why: "AWS does not tell a role that is not there from one that does not trust.", AWS: "is invalid", Fix: "Copy it: aws iam get-role --role-name NAME --query Role.Arn --output text",
	},
	{
		Code: "role-arn-session", Check: "R02", Level: Error, What: "this is the ARN of a session, and not of a role",
		Why: "A session cannot be assumed.", AWS: errDenied, Fix: "Write arn:aws:iam::ACCOUNT:role/NAME.",
	},
	{
		Code: "role-arn-other", Check: "R02", Level: Error, What: "the role has another ARN",
		Why: "The path is part of it, and AWS does not say that there is no such role.", AWS: errDenied, Fix: "Copy the role's ARN, with its path.",
	},
	{
		Code: "role-name-reserved", Check: "R02", Level: Warning, What: "the role is named GitHubActions",
		Why: "Users report that a role of this name is never admitted.", AWS: errDenied, Fix: "Name it otherwise.", Link: "https://github.com/aws-actions/configure-aws-credentials/issues/953",
	},
	{
		Code: "provider-none", Check: "R03", Level: Error, What: "the policy trusts no OpenID Connect provider",
		Why: "A token is admitted under Principal Federated only; \"AWS\": \"*\" does not admit it.", AWS: errDenied,
		Fix: `Write "Principal": {"Federated": "arn:aws:iam::ACCOUNT:oidc-provider/HOST"}, with the ARN that aws iam list-open-id-connect-providers tells.`,
	},
	{
		Code: "provider-arn-form", Check: "R03", Level: Error, What: "what stands under Federated is no provider's ARN",
		Why: "A URL or a role is none.", AWS: errDenied, Fix: "Copy the ARN that aws iam list-open-id-connect-providers tells.",
	},
	{
		Code: "provider-arn-scheme", Check: "R03", Level: Error, What: "the provider's ARN has https:// in it",
		Why: "A provider's ARN ends in its URL without the scheme.", AWS: errDenied, Fix: "Leave out https://.",
	},
	{
		Code: "provider-other-account", Check: "R03", Level: Error, What: "the provider is in another account than the role",
		Why: "A token is held against the providers of the role's account.", AWS: errProvider, Fix: "Create the provider in the role's account, and trust that.", Link: "https://github.com/aws-actions/configure-aws-credentials/issues/721",
	},
	{
		Code: "provider-other-partition", Check: "R03", Level: Error, What: "the provider is in another partition than the role",
		Why: "aws, aws-cn and aws-us-gov share nothing. China's STS wants the audience sts.amazonaws.com.cn.", AWS: errProvider, Fix: "Create the provider in the role's account, and write its ARN.",
	},
	{
		Code: "provider-missing", Check: "R03", Level: Error, What: "the account has no such provider",
		Why: whyByte, AWS: errProvider, Fix: fixProvider,
	},
	{
		Code: "provider-no-clients", Check: "R03", Level: Error, What: "the provider has no client id",
		Why: "The token's audience must be one of them.", AWS: errInvalid, Fix: "aws iam add-client-id-to-open-id-connect-provider --open-id-connect-provider-arn ARN --client-id AUD",
	},
	{
		Code: "provider-not-compared", Check: "R03", Level: Info, What: "whether the provider is there was not looked up",
		Why: "The role admits nobody without it.", AWS: errProvider, Fix: "aws iam get-open-id-connect-provider --open-id-connect-provider-arn ARN",
	},
	{
		Code: "action-other", Check: "R04", Level: Error, What: "the policy allows another action",
		Why: "A token is exchanged by sts:AssumeRoleWithWebIdentity; sts:AssumeRole is another thing.", AWS: errDenied, Fix: `Write "Action": "sts:AssumeRoleWithWebIdentity".`, Link: "https://github.com/danilop/LambdAuth/issues/4",
	},
	{
		Code: "key-scheme", Check: "R05", Level: Error, What: "a condition's key begins with a scheme",
		Why: "There is no such key, so the condition never matches.", AWS: errDenied, Fix: "Write the key without https://: HOST:sub.",
	},
	{
		Code: "key-other-provider", Check: "R05", Level: Error, What: "a condition's key is of another provider",
		Why: "Keys begin with the trusted provider's URL, with its path and without its scheme; any other is absent.", AWS: errDenied, Fix: "Write the provider's URL before the colon, whole.",
	},
	{
		Code: "key-not-aws", Check: "R05", Level: Error, Daypass: Warning, What: "AWS has no such condition key for this provider",
		Why: "The key is absent, so the condition never matches. Of a self-managed GitLab there are sub and aud; Daypass has the claims with --extended-claims.", AWS: errDenied,
		Fix: "Ask for sub instead, and put what is needed into it (GitLab: ci_id_token_sub_claim_components).",
	},
	{
		Code: "key-idle", Check: "R05", Level: Warning, What: "AWS has no such condition key for this provider, so that the condition does nothing",
		Why: "The key is absent: a condition with IfExists, a Not or ForAllValues is then met, and a Deny is not.", Fix: "Ask for sub." + lintHint,
	},
	{
		Code: "audience-not-registered", Check: "R06", Level: Error, What: "the policy asks for an audience that the provider does not have",
		Why: "A token with it is refused before the policy is read.", AWS: errInvalid, Fix: "Make one of the provider's client ids, the policy's value and the job's aud the same.",
	},
	{
		Code: "audience-not-asked", Check: "R06", Level: Info, What: "the policy does not ask for an audience",
		Why: "Every token whose audience is any client id of the provider can come.", Fix: "Add the condition HOST:aud." + lintHint,
	},
	{
		Code: "operator-wildcard", Check: "R07", Level: Error, What: "StringEquals is asked to match a pattern",
		Why: "StringEquals takes * and ? for what they are, and no token has them.", AWS: errDenied, Fix: "Use StringLike, or better write the value whole." + lintHint,
	},
	{
		Code: "operator-for-all", Check: "R07", Level: Warning, What: "ForAllValues is asked of a claim",
		Why: "It is met where the claim is absent, and so opens the role.", Fix: "Leave the prefix out.",
	},
	{
		Code: "operator-for-any", Check: "R07", Level: Warning, What: "ForAnyValue is asked of a key with one value",
		Why: "sub and aud have one value; a prefix for sets is for keys with several.", Fix: "Leave the prefix out.",
	},
	{
		Code: "sub-merge-request", Check: "R07", Level: Error, What: "the policy waits for a ref_type that GitLab does not send",
		Why: "A merge request's token has ref_type:branch and its source branch.", AWS: errDenied, Fix: "Write ref_type:branch, and think of whose branches those are.", Link: "https://phpboyscout.uk/2026/05/14/a-403-you-cant-fix-in-iam.html",
	},
	{
		Code: "role-denies", Check: "R08", Level: Error, What: "the role does not admit the token",
		Why: "AWS says no more than its one sentence, whatever the reason.", AWS: errDenied,
		Fix: "Bring together what was wanted and what the token has, in the statement above. daypass explain shows the smallest change of the policy." + lintHint,
	},
}
