package explain

// tokenCauses are about the token.
var tokenCauses = []Cause{
	{
		Number: 23, texts: []string{"missing a required claim"}, Needs: ErrorText,
		Title: "the token lacks a claim that AWS asks for; one without aud is usually GitLab's old CI_JOB_JWT",
		Fix:   "declare the token with id_tokens and an aud, and pass that variable",
		Link:  "https://docs.gitlab.com/ci/secrets/id_token_authentication/",
	},
	{
		Number: 24, texts: notValidated, Needs: TokenText | Account,
		Title: "the token's audience is no client id of the provider",
		Fix:   "let the job's aud, a client id of the provider and the aud in the trust policy be the same text",
		Link:  "https://github.com/aws-actions/configure-aws-credentials/issues/1309",
	},
	{
		Number: 25, texts: []string{"token audience contains more than one audience"}, Needs: ErrorText,
		Title: "the token has several audiences and no azp, of which AWS picks none",
		Fix:   "ask for a token with the one audience",
		Link:  "https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html",
	},
	{
		Number: 26, texts: notValidated, Needs: TokenText | Account,
		Title: "the token has azp, which AWS reads in the place of aud, and azp is no client id of the provider",
		Fix:   "register the value of azp as a client id, or let the issuer leave azp out",
		Link:  "https://github.com/aws/aws-sdk-net/issues/3071",
	},
	{
		Number: 27, texts: []string{"token expired: current date/time", "expiredtokenexception"}, Needs: ErrorText,
		Title: "the token expired more than 5 minutes before it was used: an approval, a queue or a retry came between",
		Fix:   "exchange the token at once; GitLab's lives as long as the job's timeout, so set one",
		Link:  "https://docs.gitlab.com/ci/secrets/id_token_authentication/",
	},
	{
		Number: 28, texts: []string{"token issued in the future", "token not yet valid"}, Needs: ErrorText,
		Title: "the issuer's clock is more than 5 minutes ahead",
		Fix:   "set the clock of the issuer's machine (NTP)",
		Link:  "https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html",
	},
	{
		Number: 29, texts: notJWT, Needs: ErrorText,
		Title: "what was sent is no ID token: an access token, a masked, cut or quoted value, or one whose header asks for an extension (crit)",
		Fix:   "pass the token's three parts as they are, from the variable or the file that the CI system filled",
		Link:  "https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html",
	},
	{
		Number: 30, texts: []string{"invalid timestamp in token claims"}, Needs: ErrorText,
		Title: "iat, exp or nbf is not a whole number of seconds",
		Fix:   "let the issuer write whole numbers",
		Link:  "https://openid.net/specs/openid-connect-core-1_0.html#IDToken",
	},
	{
		Number: 31, texts: []string{"parameter webidentitytoken, value: 0", "webidentitytoken…length greater than or equal to 4", "webidentitytoken…must not be null", "expected one argument", "webidentitytokenfile…empty"}, Needs: ErrorText | JobFacts,
		Title: "the token's variable is empty: CI_JOB_JWT_V2 is gone since GitLab 17.0, the name is another, or the job declares no id_tokens",
		Fix:   "declare id_tokens in this very job (child pipelines too), and use its name",
		Link:  "https://docs.gitlab.com/ci/cloud_services/",
	},
	{
		Number: 32, texts: []string{"id token issuance is disabled", "id_token_burned_project_path"}, Needs: ErrorText,
		Title: "the project's path belonged to another project before, so that GitLab issues no token that names the path (19.1)",
		Fix:   "let sub begin with project_id (ci_id_token_sub_claim_components), and change the trust policies with it",
		Link:  "https://docs.gitlab.com/ci/secrets/id_token_authentication/#error-id-token-issuance-is-disabled",
	},
	{
		Number: 33, texts: []string{"credentials could not be loaded", "actions_id_token_request_url", "actions_id_token_request_token"}, Needs: ErrorText | JobFacts,
		Title: "the GitHub job may not ask for an ID token",
		Fix:   "give the job permissions: id-token: write (and contents: read, which then has to be said as well)",
		Link:  "https://github.com/aws-actions/configure-aws-credentials/issues/282",
	},
	{
		Number: 34, texts: []string{"credentials could not be loaded", "actions_id_token_request_url"}, Needs: ErrorText | JobFacts,
		Title: "the run is of a fork or of Dependabot, to which GitHub gives no ID token",
		Fix:   "leave credentials to a job that runs after review; be careful with pull_request_target and workflow_run",
		Link:  "https://github.com/aws-actions/configure-aws-credentials/issues/564",
	},
	{
		Number: 35, texts: []string{"webidentitytoken…length less than or equal to 20000", "request entity too large", "413"}, Needs: TokenText,
		Title: "the token is longer than 20,000 characters, mostly of a list of groups",
		Fix:   "let the issuer leave such claims out",
		Link:  "https://gitlab.com/gitlab-org/gitlab/-/merge_requests/161075",
	},
	{
		Number: 36, texts: []string{"principal_tags passed in claim is not in correct format", "session tags passed in claim are not in correct format"}, Needs: ErrorText | TokenText,
		Title: "the claim of session tags has another form than AWS reads: each value a list of one text, or flat claims with a text each",
		Fix:   "let the issuer write https://aws.amazon.com/tags as documented",
		Link:  "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html",
	},
	{
		Number: 37, texts: []string{"not present in the roles claim of the identity token", "the roles claim contains no valid role arns", "the roles claim is not in a supported format"}, Needs: ErrorText | TokenText | RoleARN,
		Title: "the token names the roles that it is for (https://aws.amazon.com/roles), and this is none of them",
		Fix:   "ask the issuer for a token for this role, byte for byte its ARN",
		Link:  "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html",
	},
	{
		Number: 38, texts: noKey, Needs: TokenText,
		Title: "the token is signed by an algorithm that AWS does not take; RS256, RS384, RS512, ES256, ES384 and ES512 are taken",
		Fix:   "let the issuer sign with RS256",
		Link:  "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc.html",
	},
	{
		Number: 39, texts: []string{"unknown error validating third-party token"}, Needs: ErrorText | TokenText,
		Title: "the token's sub is null",
		Fix:   "let the issuer write who the token is for into sub",
		Link:  "https://openid.net/specs/openid-connect-core-1_0.html#IDToken",
	},
}
