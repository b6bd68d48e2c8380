package explain

// jobCauses are about the job and its client.
var jobCauses = []Cause{
	{
		Number: 61, texts: []string{"unable to locate credentials", "nocredentialserror", "no valid credential sources", "the security token included in the request is invalid"}, Needs: JobFacts,
		Title: "the exchange failed in a command substitution within export or eval, which swallows the exit status, and the job went on without credentials or with the runner's",
		Fix:   "assign the output to a variable first and export from it, or use daypass env, whose output stops the shell",
		Link:  "https://docs.gitlab.com/ci/cloud_services/aws/",
	},
	{
		Number: 62, texts: []string{"the security token included in the request is expired", "expiredtoken:", "(expiredtoken)"}, Needs: JobFacts,
		Title: "the session ended while the job ran: it lives an hour unless more is asked for, and nothing renews what was exported",
		Fix:   "renew by daypass exec or credential_process; exchange after an approval, not before; or ask for a longer session",
		Link:  "https://github.com/aws-actions/configure-aws-credentials/issues/359",
	},
	{
		Number: 63, texts: []string{"durationseconds exceeds the maxsessionduration set for this role"}, Needs: ErrorText,
		Title: "the role allows shorter sessions than were asked for",
		Fix:   "raise the role's MaxSessionDuration (12 hours at most), or ask for less",
		Link:  "https://github.com/aws-actions/configure-aws-credentials/issues/354",
	},
	{
		Number: 64, texts: []string{"exceeds the 1 hour session limit for roles assumed by role chaining"}, Needs: ErrorText,
		Title: "a session that was begun by another session lives an hour at most",
		Fix:   "assume the role with the token, without a role between, or ask for an hour",
		Link:  "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles.html",
	},
	{
		Number: 65, texts: []string{"lifetime…7200", "token lifetime…exceeds"}, Needs: ErrorText | JobFacts,
		Title: "the job asks for a token that lives as long as the session; that is not needed, for the session outlives the token",
		Fix:   "leave the token's lifetime as it is, and give the session's duration to STS alone",
		Link:  "https://github.com/buildkite-plugins/aws-assume-role-with-web-identity-buildkite-plugin/issues/43",
	},
	{
		Number: 66, texts: []string{"at 'rolesessionname' failed to satisfy constraint", "rolesessionname…failed to satisfy", "invalid length for parameter rolesessionname"}, Needs: ErrorText | JobFacts,
		Title: "the session's name holds a character that STS does not take, or has not 2 to 64 of them: a branch or a path went into it",
		Fix:   "use letters, digits and =,.@_+- only, and cut the front, not the end that tells sessions apart",
		Link:  "https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html",
	},
	{
		Number: 67, texts: []string{"packedpolicytoolarge", "packed policy consumes"}, Needs: ErrorText,
		Title: "session policies and session tags together are too large",
		Fix:   "leave tags out, then shorten the session policy, or name managed policies by ARN",
		Link:  "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html",
	},
	{
		Number: 68, texts: []string{"is not authorized to perform…user/"}, Needs: JobFacts,
		Title: "static keys in the environment come before the web identity, and another identity is used than was meant",
		Fix:   "unset AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN in the job, and look with aws sts get-caller-identity",
		Link:  "https://github.com/aws-actions/configure-aws-credentials/issues/743",
	},
	{
		Number: 69, texts: []string{"retry attempt…not authorized", "attempt 12 of 12"}, Needs: JobFacts,
		Title: "the client tries a denial again and again, which cannot help",
		Fix:   "let it try again only where the issuer could not be reached, on throttling, and seconds after a change of the role",
		Link:  "https://github.com/aws-actions/configure-aws-credentials/issues/683",
	},
	{
		Number: 70, texts: []string{"could not connect to the endpoint url…sts", "connect timeout on endpoint url…sts", "dial tcp…sts.amazonaws.com"}, Needs: JobFacts,
		Title: "the client calls STS's global endpoint, or not the endpoint that was set, which a closed network does not let through",
		Fix:   "set AWS_REGION and AWS_STS_REGIONAL_ENDPOINTS=regional, or AWS_ENDPOINT_URL_STS where the client knows it",
		Link:  "https://github.com/aws/aws-cli/issues/8697",
	},
	{
		Number: 71, texts: noProvider, Needs: RoleARN | TokenText,
		Title: "the client calls another partition of AWS than the role's: China and GovCloud have endpoints, and China an audience (sts.amazonaws.com.cn), of their own",
		Fix:   "use a region of the role's partition, and the audience that the provider there has",
		Link:  "https://github.com/aws-actions/configure-aws-credentials#oidc-audience",
	},
	{
		Number: 72, texts: []string{"aws: command not found", "aws: not found", "exec: \"aws\": executable file not found", "aws: error: argument command: invalid choice: sh", "argument command: found invalid choice 'sh'"}, Needs: JobFacts,
		Title: "the job's image has no aws command, or has it as its entrypoint",
		Fix:   "use an image with the AWS CLI and image: {entrypoint: [\"\"]}, or the static daypass binary",
		Link:  "https://docs.gitlab.com/ci/docker/using_docker_images/#override-the-entrypoint-of-an-image",
	},
	{
		Number: 73, texts: []string{"signaturedoesnotmatch", "the request signature we calculated does not match"}, Needs: JobFacts,
		Title: "the secret access key reached the client changed: a + or / that was not quoted, or white space around it",
		Fix:   "quote variables in the shell, and pass credentials by the environment or credential_process and not through templates",
		Link:  "https://repost.aws/knowledge-center/api-gateway-iam-authentication-signature-errors",
	},
}

// storeCauses are about S3-compatible stores and emulators.
var storeCauses = []Cause{
	{
		Number: 74, texts: []string{"policy claim missing from the jwt token"}, Needs: ErrorText,
		Title: "MinIO takes the policy's name from a claim of the token, and the token has none",
		Fix:   "configure a role policy for the provider, or put Daypass in front, which goes by the role's trust policy",
		Link:  "https://github.com/minio/minio/issues/14061",
	},
	{
		Number: 75, texts: []string{"arn:minio:iam:::role/", "role arn:minio"}, Needs: ErrorText,
		Title: "MinIO's ARNs of roles are its own, and AWS's clients cannot leave the role out",
		Fix:   "give the ARN that MinIO prints, or put Daypass in front, which takes AWS's",
		Link:  "https://github.com/minio/minio/issues/16468",
	},
	{
		Number: 76, texts: []string{"auth error: 1"}, Needs: ErrorText,
		Title: "SeaweedFS denied it, and tells no reason",
		Fix:   "put token and policy to daypass explain; on Daypass the event tells the reason",
		Link:  "https://github.com/seaweedfs/seaweedfs/issues/7917",
	},
	{
		Number: 77, texts: []string{"oidc:sub", "oidc:aud"}, Needs: PolicyText,
		Title: "SeaweedFS's condition keys begin with oidc:, and AWS's with the issuer; a policy for the one denies everybody at the other",
		Fix:   "write the keys for the server that decides: for AWS and Daypass ISSUER:sub",
		Link:  "https://github.com/seaweedfs/seaweedfs/pull/9653",
	},
	{
		Number: 78, Needs: Outside,
		Title: "SeaweedFS before 2026-07 let a bearer token in without asking the trust policy",
		Fix:   "update it",
		Link:  "https://github.com/seaweedfs/seaweedfs/pull/10302",
	},
	{
		Number: 79, texts: []string{"x5c not present", "x5c is not present"}, Needs: IssuerURL,
		Title: "older Ceph verifies only by certificates in the key set (x5c), and takes any thumbprint",
		Fix:   "let the issuer publish x5c as well, update Ceph, or put Daypass in front",
		Link:  "https://github.com/ceph/ceph/pull/41525",
	},
	{
		Number: 80, texts: nil, Needs: TokenText | PolicyText,
		Title: "an emulator took the token, and AWS does not: emulators verify neither tokens nor trust policies",
		Fix:   "try the exchange against Daypass, which decides as AWS does",
		Link:  "https://github.com/localstack/localstack/issues/11838",
	},
}
