package explain

// issuerCauses are about the issuer: its documents, keys and certificates.
var issuerCauses = []Cause{
	{
		Number: 1, texts: noKey, Needs: IssuerURL,
		Title: "AWS cannot reach the issuer's discovery document or its keys from the public internet",
		Fix:   "let the two URLs be reached from outside, or publish copies under a public URL (daypass publish)",
		Link:  "https://repost.aws/knowledge-center/iam-sts-invalididentitytoken",
	},
	{
		Number: 2, texts: noKey, Needs: IssuerURL | Outside,
		Title: "a firewall, a country block or a bot check in front of the issuer turns AWS away, though it answers others",
		Fix:   "allow the paths of the discovery document and of the keys for everybody, without a challenge",
		Link:  "https://repost.aws/knowledge-center/iam-sts-invalididentitytoken",
	},
	{
		Number: 3, texts: noKey, Needs: IssuerURL,
		Title: "the issuer takes longer than AWS waits, about 5 seconds",
		Fix:   "put the two documents behind a cache, or publish them as static files",
		Link:  "https://repost.aws/knowledge-center/iam-sts-invalididentitytoken",
	},
	{
		Number: 4, texts: noKey, Needs: IssuerURL,
		Title: "the issuer forbids caching of its keys, so that each exchange fetches them, and it turns many at once away",
		Fix:   "send Cache-Control: public with a max-age for the keys; let jobs try again after a random pause",
		Link:  "https://github.com/aws-actions/configure-aws-credentials/issues/299",
	},
	{
		Number: 5, texts: noKey, Needs: TokenText | IssuerURL,
		Title: "the key that signed the token (its kid) is not among the published keys: they are older than the last rotation",
		Fix:   "publish a new key before tokens are signed with it, and keep the old one until its tokens have expired",
		Link:  "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc.html",
	},
	{
		Number: 6, texts: noKey, Needs: TokenText | IssuerURL,
		Title: "the token's header has no kid though there are several keys, or a published key has none",
		Fix:   "let the issuer write a kid into every token and every key",
		Link:  "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc.html",
	},
	{
		Number: 7, texts: noKey, Needs: IssuerURL,
		Title: "the published key is one that AWS does not use: its use is not sig, it has key_ops, or its x5c is for another key",
		Fix:   "publish kty, kid, use (sig), alg, n and e of the key, and nothing else",
		Link:  "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc.html",
	},
	{
		Number: 8, texts: noKey, Needs: IssuerURL,
		Title: "the key set has more than 100 RSA or more than 100 EC keys, and AWS uses none of that type",
		Fix:   "take the keys that sign no more tokens out of the set",
		Link:  "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc.html",
	},
	{
		Number: 9, texts: []string{"could not connect to openid configuration of provider"}, Needs: IssuerURL,
		Title: "the server sends its certificates out of order, one of them twice, or one that does not belong there; browsers and most clients forgive that",
		Fix:   "send the server's own certificate, then each authority that signed the one before; daypass doctor issuer shows what is sent",
		Link:  "https://docs.gitlab.com/ci/cloud_services/aws/",
	},
	{
		Number: 10, texts: thumbprint, Needs: IssuerURL,
		Title: "AWS goes by the provider's thumbprints, since the certificate is of a private authority or cannot be read, and they are out of date",
		Fix:   "use a certificate of a public authority, or update the thumbprints (aws iam update-open-id-connect-provider-thumbprint)",
		Link:  "https://github.com/aws-actions/configure-aws-credentials/issues/357",
	},
	{
		Number: 11, texts: thumbprint, Needs: IssuerURL,
		Title: "the thumbprint was taken of the wrong certificate of the chain",
		Fix:   "take that of the last certificate that the server sends; daypass doctor issuer prints it",
		Link:  "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc_verify-thumbprint.html",
	},
	{
		Number: 12, texts: thumbprint, Needs: IssuerURL,
		Title: "the thumbprint is that of the issuer's host, and the keys (jwks_uri) are on another, which is the one that AWS checks",
		Fix:   "take the thumbprint of the host in jwks_uri; daypass doctor issuer prints it",
		Link:  "https://github.com/aws-actions/configure-aws-credentials/issues/357",
	},
	{
		Number: 13, texts: []string{"please check .well-known/openid-configuration of provider"}, Needs: IssuerURL,
		Title: "the discovery document names another issuer than the URL under which it stands, or a jwks_uri that does not fit",
		Fix:   "write the issuer's URL into the document exactly as tokens have it in iss",
		Link:  "https://repost.aws/knowledge-center/iam-oidc-idp-federation",
	},
	{
		Number: 14, texts: noProvider, Needs: IssuerURL | TokenText,
		Title: "the issuer's URL has a port",
		Fix:   "serve the issuer on port 443 and leave the port out of its URL",
		Link:  "https://github.com/sameersbn/docker-gitlab/issues/2514",
	},
	{
		Number: 15, texts: noProvider, Needs: TokenText | PolicyText,
		Title: "the provider's URL and the token's iss differ by a trailing slash or by the case of a letter",
		Fix:   "register the provider with exactly the token's iss",
		Link:  "https://repost.aws/knowledge-center/iam-oidc-idp-federation",
	},
	{
		Number: 16, texts: noProvider, Needs: TokenText | PolicyText,
		Title: "the issuer has another URL than when the provider was registered: a new cluster, a new host name, a custom issuer URL of GitLab",
		Fix:   "register the new issuer as well, trust both, and drop the old one when no more tokens come from it",
		Link:  "https://docs.gitlab.com/ci/cloud_services/aws/",
	},
	{
		Number: 17, texts: noProvider, Needs: TokenText | Account,
		Title: "the provider is registered in another account than the role's",
		Fix:   "register the provider in the account of the role; federation does not reach across accounts",
		Link:  "https://github.com/aws-actions/configure-aws-credentials/issues/721",
	},
	{
		Number: 18, texts: []string{"no openidconnect provider found in your account for http://", "invalidinput…openid connect provider…url", "must begin with https://", "url must start with https"}, Needs: IssuerURL | TokenText,
		Title: "the issuer's URL begins with http://",
		Fix:   "serve the issuer under https and set that URL as the issuer",
		Link:  "https://docs.gitlab.com/ci/cloud_services/aws/",
	},
	{
		Number: 19, texts: []string{"permanentredirect", "openid-configuration…is not valid json", "invalid json response"}, Needs: IssuerURL,
		Title: "the URL of the discovery document answers with a page, an error or a redirect in place of JSON",
		Fix:   "use the URL that answers directly: of a bucket the regional one with the bucket's name in the host; no login in front",
		Link:  "https://github.com/openshift/cloud-credential-operator/pull/468",
	},
	{
		Number: 20, texts: []string{"the bucket does not allow acls", "accesscontrollistnotsupported", "accessdenied…putobject", "access denied…putobject"}, Needs: Account,
		Title: "the issuer's bucket blocks public access, or has ACLs disabled, and the upload asks for a public ACL",
		Fix:   "upload without an ACL, and let a bucket policy or a distribution in front of the bucket admit readers of the two documents",
		Link:  "https://github.com/kubernetes/kops/issues/14699",
	},
	{
		Number: 21, texts: []string{"nosigningkeyerror"}, Needs: ErrorText,
		Title: "the GitLab instance has no key to sign ID tokens with",
		Fix:   "set ci_jwt_signing_key, an RSA key in PEM form, on the instance",
		Link:  "https://docs.gitlab.com/ci/secrets/id_token_authentication/",
	},
	{
		Number: 22, texts: []string{"oidc: id token issued by a different provider", "invalid issuer", "issuer mismatch", "unexpected issuer"}, Needs: TokenText,
		Title: "GitLab's custom issuer URL holds for every ID token of the instance, also those for Vault, Google Cloud or PyPI",
		Fix:   "before it is switched, tell every other consumer of the instance's tokens the new issuer",
		Link:  "https://docs.gitlab.com/ci/cloud_services/aws/",
	},
}
