package doctor

var tokenFaults = []Fault{
	{
		Code: "token-empty", Check: "T01", Level: Error, What: "there is no token",
		Why: "Clients refuse an empty token before they ask AWS.", AWS: "Invalid length for parameter WebIdentityToken, value: 0",
		Fix: "Declare id_tokens in this very job, and use the variable's name as declared there. GitLab 17.0 removed CI_JOB_JWT and CI_JOB_JWT_V2.", Link: gitlabJobsPage,
	},
	{
		Code: "token-long", Check: "T01", Level: Error, What: "the token is too long",
		Why: "AWS takes up to 20,000 characters.", AWS: "1 validation error detected: Value at 'webIdentityToken' failed to satisfy constraint: Member must have length less than or equal to 20000",
		Fix: "Let the issuer leave out claims. GitLab: groups_direct (feature flag ci_jwt_groups_direct).",
	},
	{
		Code: "token-bearer", Check: "T01", Level: Error, What: "the token has Bearer before it",
		Why: "AWS takes the token alone.", AWS: errNotJWT, Fix: "Cut off the first word.",
	},
	{
		Code: "token-quoted", Check: "T01", Level: Error, What: "the token is quoted",
		Why: "The quotes are part of what AWS gets.", AWS: errNotJWT, Fix: "Take off the quotes: jq -r in place of jq, --output text in place of json.",
	},
	{
		Code: "token-masked", Check: "T01", Level: Error, What: "this is no token, but a variable's name or a mask",
		Why: "Nothing put the variable's value in its place, or the value was copied out of a log.", AWS: errNotJWT, Fix: "Pass the value on inside the job: \"$GITLAB_OIDC_TOKEN\" in double quotes, or a file.",
	},
	{
		Code: "token-object", Check: "T01", Level: Error, What: "this is a JSON object, and no token",
		Why: "AWS takes the compact form: three parts with dots between.", AWS: errNotJWT, Fix: "Take the member value of GitHub's answer: jq -r .value",
	},
	{
		Code: "token-parts", Check: "T01", Level: Error, What: "the token does not have three parts",
		Why: "AWS takes signed tokens: header, payload, signature. One part is an access token or a file's name, five are an encrypted token.", AWS: errNotJWT,
		Fix: "Hand over the ID token, whole.",
	},
	{
		Code: "token-base64", Check: "T01", Level: Error, What: "a part of the token is not base64url",
		Why: "It was cut, masked, wrapped or encoded once more.", AWS: errNotJWT, Fix: "Hand over the token as the CI system gave it.",
	},
	{
		Code: "token-json", Check: "T01", Level: Error, What: "a part of the token is no JSON object",
		Why: "AWS reads claims of a JSON object.", AWS: errNotJWT, Fix: "Hand over the token as the CI system gave it.",
	},
	{
		Code: "token-refused", Check: "T01", Level: Error, What: "the token is refused",
		Why: "Daypass's own reader refuses it, as AWS would.", Fix: "Mend what it says.",
	},
	{
		Code: "header-repeats", Check: "T02", Level: Error, What: "the header has members twice",
		Why: "RFC 7515 section 4 forbids it; what AWS does was not recorded, Daypass refuses it.", AWS: errNotJWT, Fix: "Mend the issuer.",
	},
	{
		Code: "header-extension", Check: "T02", Level: Error, What: "the header asks for an extension",
		Why: "AWS refuses every token with crit (RFC 7515 section 4.1.11).", AWS: errNotJWT, Fix: "Let the issuer leave it out.",
	},
	{
		Code: "header-algorithm", Check: "T02", Level: Error, What: "AWS does not take the algorithm",
		Why: "AWS takes RS256, RS384, RS512, ES256, ES384 and ES512: no PS256, no EdDSA, no HS256, no none.", AWS: errNoKey, Fix: "Let the issuer sign with RS256.",
	},
	{
		Code: "header-no-kid", Check: "T02", Level: Warning, What: "the header has no kid",
		Why: "It works only while the issuer publishes exactly one usable key, and so not during a rotation.", AWS: errNoKey, Fix: "Let the issuer send kid.",
	},
	{
		Code: "header-bad-kid", Check: "T02", Level: Error, What: "the header's kid is empty, or no string",
		Why: "AWS finds no key for it.", AWS: errNoKey, Fix: "Let the issuer send the key's id.",
	},
	{
		Code: "header-access-token", Check: "T02", Level: Warning, What: "this is an access token",
		Why: "It is meant for an API, and its claims are often not those of an ID token.", AWS: errNotJWT, Fix: "Ask for the ID token.",
	},
	{
		Code: "claim-missing", Check: "T03", Level: Error, What: "a claim is missing",
		Why: "AWS needs iss, sub, aud, iat and exp.", AWS: "Missing a required claim", Fix: "GitLab: declare the token with id_tokens and aud; CI_JOB_JWT had no aud. Else let the issuer add it.",
	},
	{
		Code: "claim-type", Check: "T03", Level: Error, What: "a claim has the wrong type",
		Why: "What AWS answers was not recorded; Daypass refuses it.", AWS: errInvalid, Fix: "Let the issuer send the type that is named.",
	},
	{
		Code: "claim-repeats", Check: "T03", Level: Warning, What: "a claim is there twice",
		Why: "AWS takes the last; others may take the first.", Fix: "Mend the issuer.",
	},
	{
		Code: "sub-null", Check: "T03", Level: Error, What: "the subject is null",
		Why: "AWS answers with a failure of its own.", AWS: "Unknown error validating third-party token", Fix: "Let the issuer send a string.",
	},
	{
		Code: "sub-number", Check: "T03", Level: Info, What: "the subject is a number",
		Why: "AWS reads its digits as a string.", Fix: "Nothing; write the digits in the policy.",
	},
	{
		Code: "sub-empty", Check: "T03", Level: Warning, What: "the subject is empty",
		Why: "No policy that asks for a subject admits it.", AWS: errDenied, Fix: "GitLab: set ci_id_token_sub_claim_components to parts that this job has.",
	},
	{
		Code: "iss-not-https", Check: "T04", Level: Error, What: "the issuer is no https URL",
		Why: "IAM has providers with https only.", AWS: errProvider, Fix: "GitLab: use id_tokens, and https in external_url.",
	},
	{
		Code: "iss-other", Check: "T04", Level: Error, What: "the token is of another issuer than the provider",
		Why: whyByte, AWS: errProvider, Fix: fixProvider,
	},
	{
		Code: "iss-not-compared", Check: "T04", Level: Info, What: "the issuer was not compared",
		Why: whyByte, Fix: "Give the provider's URL as --issuer.",
	},
	{
		Code: "aud-empty", Check: "T05", Level: Error, What: "the audience is an empty list",
		Why: "AWS needs one.", AWS: "Claim is not allowed to be empty: aud", Fix: "Let the issuer name one audience. GitLab: aud under id_tokens.",
	},
	{
		Code: "aud-blank", Check: "T05", Level: Error, What: "the audience is empty",
		Why: "No client id is empty.", AWS: errInvalid, Fix: "Let the issuer name one audience; is a variable in it not set?",
	},
	{
		Code: "aud-several", Check: "T05", Level: Error, What: "there are several audiences, and no azp to choose one",
		Why: "AWS refuses that, even if all are registered.", AWS: "Token audience contains more than one audience while authorized party is not present",
		Fix: "Ask for one audience; take a token of its own for each service.",
	},
	{
		Code: "aud-not-registered", Check: "T05", Level: Error, What: "the audience is no client id of the provider",
		Why: "AWS compares it with the provider's client ids, byte for byte. Until 2026 the text was: Incorrect token audience.", AWS: errInvalid,
		Fix: "aws iam add-client-id-to-open-id-connect-provider --open-id-connect-provider-arn ARN --client-id AUD, or ask for a token with the audience that is registered.",
	},
	{
		Code: "aud-not-compared", Check: "T05", Level: Info, What: "the audience was not compared",
		Why: "AWS compares it with the provider's client ids, byte for byte.", Fix: "Give them as --client-id.",
	},
	{
		Code: "azp-counts", Check: "T05", Level: Warning, What: "azp takes the place of aud",
		Why: "AWS compares azp with the provider's client ids, and the key :aud in policies is azp; aud is :oaud.", AWS: errInvalid, Fix: "Register azp as a client id, and ask for it in the policy.",
	},
	{
		Code: "time-form", Check: "T06", Level: Error, What: "a time is no whole number",
		Why: "AWS takes whole seconds since 1970, and their digits as a string.", AWS: "Invalid timestamp in token claims.", Fix: "Let the issuer send integers.",
	},
	{
		Code: "time-expired", Check: "T06", Level: Error, What: "the token has expired",
		Why: "AWS tolerates 300 seconds.", AWS: "Token expired: current date/time", Fix: "Exchange the token at the beginning of the job, or fetch it anew. GitLab: it lives as long as the job's timeout, 5 minutes without one.",
	},
	{
		Code: "time-tolerated", Check: "T06", Level: Warning, What: "the token has expired, and AWS still takes it",
		Why: "AWS tolerates 300 seconds.", AWS: "Token expired: current date/time", Fix: "Exchange the token earlier.",
	},
	{
		Code: "time-soon", Check: "T06", Level: Warning, What: "the token expires within a minute",
		Why: "AWS tolerates 300 seconds more.", AWS: "Token expired: current date/time", Fix: "Exchange the token earlier.",
	},
	{
		Code: "time-future", Check: "T06", Level: Error, What: "the token is issued in the future",
		Why: "AWS tolerates 300 seconds: the issuer's clock, or this one, is wrong.", AWS: "Token issued in the future", Fix: "Let the issuer's clock synchronise with NTP.",
	},
	{
		Code: "time-early", Check: "T06", Level: Error, What: "the token is not valid yet",
		Why: "AWS tolerates 300 seconds: the issuer's clock, or this one, is wrong.", AWS: "Token not yet valid", Fix: "Let the issuer's clock synchronise with NTP.",
	},
	{
		Code: "time-order", Check: "T06", Level: Warning, What: "the token expires before it is issued",
		Why: "It is valid by tolerance alone, if at all.", AWS: "Token expired: current date/time", Fix: "Mend the issuer.",
	},
}

var tokenClaimFaults = []Fault{
	{
		Code: "tags-claim", Check: "T07", Level: Error, What: "the session tags cannot be read",
		Why: "AWS wants each tag as a list of one string, or the flat form as a string.", AWS: errTags,
		Fix: `Write "https://aws.amazon.com/tags": {"principal_tags": {"project": ["x"]}, "transitive_tag_keys": ["project"]}`,
	},
	{
		Code: "roles-claim", Check: "T07", Level: Error, What: "the token is not for this role",
		Why: "A token with the claim https://aws.amazon.com/roles is good for the roles that it lists by their ARNs, and for no other; AWS asks that before the trust policy.", AWS: "The target role ARN is not present in the roles claim of the identity token",
		Fix: "Let the issuer list the role's whole ARN, or assume a role that is listed.",
	},
	{
		Code: "source-identity-claim", Check: "T07", Level: Error, What: "the source identity cannot be one",
		Why: "It has 2 to 256 letters, digits and _+=,.@-", Fix: "Let the issuer send such a string.", Link: assumePage,
	},
	{
		Code: "aws-claim-unknown", Check: "T07", Level: Error, What: "the token has a claim under https://aws.amazon.com/ that is not known here",
		Why: "It may forbid something. Daypass refuses it; what AWS does is not known.", Fix: "Let the issuer leave it out.",
	},
	{
		Code: "keys-not-known", Check: "T08", Level: Error, What: "the issuer's keys could not be had",
		Why: "AWS fetches them as well.", AWS: errNoKey, Fix: "Examine the issuer: daypass doctor issuer URL",
	},
	{
		Code: "key-unknown", Check: "T08", Level: Error, What: "the issuer publishes no usable key for this token",
		Why: "AWS finds the key by the header's kid.", AWS: errNoKey, Fix: "Publish the key that signs before it signs; refresh the published copy. Examine the issuer: daypass doctor issuer URL",
	},
	{
		Code: "signature-wrong", Check: "T08", Level: Error, What: "the published key does not confirm the signature",
		Why: "The token was changed, or the key was replaced under the same kid.", AWS: errInvalid, Fix: "Take a new token; if that fails too, publish the key that signs, under a kid of its own.",
	},
	{
		Code: "gitlab-v1", Check: "T09", Level: Error, What: "this is GitLab's CI_JOB_JWT, which was never meant for AWS",
		Why: "Its issuer has no scheme and it has no audience. GitLab 17.0 removed it.", AWS: "Missing a required claim: aud", Fix: "Declare id_tokens with aud in the job.",
	},
	{
		Code: "gitlab-v2", Check: "T09", Level: Info, What: "the audience is GitLab's own URL, as of CI_JOB_JWT_V2",
		Why: "GitLab 17.0 removed that variable. A token of id_tokens can have the same audience, and then every service that takes GitLab's URL as its audience takes this token.", Fix: "Ask for an audience of its own: aud under id_tokens.",
	},
	{
		Code: "gitlab-few-keys", Check: "T09", Level: Info, What: "of a self-managed GitLab, AWS makes condition keys of sub and aud alone",
		Why: "ref_protected, project_id and the others are keys for gitlab.com only. Daypass has them with --extended-claims.", Fix: "Put what policies must test into sub: ci_id_token_sub_claim_components.", Link: gitlabAWS,
	},
	{
		Code: "gitlab-mr", Check: "T09", Level: Warning, What: "the subject has a ref_type that GitLab does not send",
		Why: "GitLab's ref_type is branch or tag; that of a merge request is branch, with its source branch.", Fix: "Is it a token of GitLab's?",
	},
	{
		Code: "gitlab-mr-pipeline", Check: "T09", Level: Info, What: "this is a token of a merge request pipeline",
		Why: "Its ref is the source branch, and from a fork its project is the fork: what trusts branches trusts those that open merge requests.", Fix: "Trust protected branches for what matters: ref_protected, or an environment.",
	},
	{
		Code: "github-immutable", Check: "T09", Level: Info, What: "the subject has the ids of owner and repository",
		Why: "GitHub sends it of repositories that were made, renamed or transferred since 2026-07-15; a policy with names alone does not admit it.", AWS: errDenied,
		Fix: "Write the subject in the policy with the ids, as it stands here.", Link: "https://github.com/aws-actions/configure-aws-credentials/issues/1888",
	},
	{
		Code: "github-environment", Check: "T09", Level: Info, What: "the subject names the environment, and not the branch",
		Why: "A job with environment has no ref in its sub; a policy that asks for the branch does not admit it.", AWS: errDenied, Fix: "Trust the environment, and let it protect the branches.", Link: "https://github.com/aws-actions/configure-aws-credentials/issues/452",
	},
	{
		Code: "github-pull-request", Check: "T09", Level: Info, What: "the subject is that of a pull request",
		Why: "It names no branch: all pull requests of the repository have the same.", AWS: errDenied, Fix: "Give pull requests a role of their own that can only read.", Link: "https://github.com/ministryofjustice/modernisation-platform/issues/3909",
	},
	{
		Code: "outbound-token", Check: "T09", Level: Error, Daypass: Info, What: "this is a token that AWS itself issued",
		Why: "AWS does not take tokens of its outbound federation in AssumeRoleWithWebIdentity.", AWS: errInvalid, Fix: "Assume the role with the credentials that got this token.",
	},
}
