package doctor

// Check is one question that the doctor asks.
type Check struct {
	ID, Name string
	Asks     string // the question, for the manual
	Good     string // what is true where nothing is wrong
	Link     string // where AWS says so
	// Outside says that the answer depends on where one looks from, and AWS looks
	// from the public internet.
	Outside bool
}

const (
	createProvider = "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc.html"
	thumbprintPage = "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc_verify-thumbprint.html"
	noKeyPage      = "https://repost.aws/knowledge-center/iam-sts-invalididentitytoken"
	providerPage   = "https://repost.aws/knowledge-center/iam-oidc-idp-federation"
	gitlabAWS      = "https://docs.gitlab.com/ci/cloud_services/aws/"
	gitlabJobsPage = "https://docs.gitlab.com/ci/secrets/id_token_authentication/"
	assumePage     = "https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html"
	keysPage       = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html"
	tagsPage       = "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html"
)

// AWS's texts, as facts of its wire: each is what people search for.
const (
	errConnect    = "Could not connect to openid configuration of provider"
	errNoKey      = "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity documentation for requirements"
	errThumbprint = "OpenIDConnect provider's HTTPS certificate doesn't match configured thumbprint"
	errDocument   = "Please check .well-known/openid-configuration of provider"
	errProvider   = "No OpenIDConnect provider found in your account for"
	errDenied     = "Not authorized to perform sts:AssumeRoleWithWebIdentity"
	errInvalid    = "The web identity token provided could not be validated. See the AssumeRoleWithWebIdentity documentation for requirements."
	errNotJWT     = "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)"
	errTags       = "principal_tags passed in claim is not in correct format."
)

// checks are all questions, in the order of the reports.
var checks = []Check{
	{ID: "D01", Name: "URL", Asks: "Has the URL the form that IAM keeps?", Good: "the URL has the form that IAM keeps", Link: createProvider},
	{ID: "D02", Name: "DNS", Asks: "Does the name lead to public addresses?", Good: "the name leads to addresses that may be asked", Link: noKeyPage, Outside: true},
	{ID: "D03", Name: "latency", Asks: "Do both documents come within 5 seconds, over new connections?", Good: "both documents come in time", Link: noKeyPage, Outside: true},
	{ID: "D04", Name: "TLS version", Asks: "Is TLS 1.2 accepted?", Good: "TLS 1.2 is accepted", Link: thumbprintPage},
	{ID: "D05", Name: "TLS extensions", Asks: "Does the server answer plain HTTP/1.1, and what does it send to who names no host?", Good: "plain HTTP/1.1 is answered", Link: noKeyPage},
	{ID: "D06", Name: "chain", Asks: "Are the certificates sent in order: the host's, then each one's issuer, nothing twice, nothing besides?", Good: "the certificates are sent in order, each once, and whole", Link: gitlabAWS},
	{ID: "D07", Name: "dates", Asks: "Is every certificate within its dates?", Good: "every certificate is within its dates", Link: thumbprintPage},
	{ID: "D08", Name: "host name", Asks: "Is the first certificate the host's?", Good: "the first certificate is the host's", Link: thumbprintPage},
	{ID: "D09", Name: "certificate keys", Asks: "Are keys and signatures of the certificates strong enough?", Good: "keys and signatures of the certificates are strong", Link: thumbprintPage},
	{ID: "D10", Name: "authority", Asks: "Is the authority a public one, or is the thumbprint needed?", Good: "the authority is one of the public ones", Link: thumbprintPage},
	{ID: "D11", Name: "thumbprint", Asks: "What is the thumbprint, of which certificate, and does the registered one match?", Good: "the thumbprint", Link: thumbprintPage},
	{ID: "D12", Name: "discovery", Asks: "Is the discovery document what it must be?", Good: "the discovery document is what it must be", Link: createProvider, Outside: true},
	{ID: "D13", Name: "keys", Asks: "Can AWS use the keys of the key set?", Good: "the keys can be used", Link: createProvider, Outside: true},
	{ID: "D14", Name: "caching", Asks: "May the key set be kept?", Good: "the key set may be kept", Link: "https://gitlab.com/gitlab-org/gitlab/-/merge_requests/138405"},
	{ID: "D15", Name: "same answer", Asks: "Is the answer the same to a client without a browser's name?", Good: "every client gets the same answer", Link: noKeyPage, Outside: true},
	{ID: "D16", Name: "many at once", Asks: "Are many requests at once answered?", Good: "many requests at once are answered", Link: noKeyPage, Outside: true},
	{ID: "D17", Name: "issuer and instance", Asks: "Do a custom issuer's keys agree with those of the GitLab instance?", Good: "names that follow from the issuer", Link: gitlabAWS + "#configure-a-non-public-gitlab-instance"},
	{ID: "D18", Name: "token", Asks: "Does a token of this issuer pass?", Good: "the token passes; its checks follow", Link: assumePage},
	{ID: "D19", Name: "clock", Asks: "Do the issuer's clock and this one agree?", Good: "the clocks agree", Link: assumePage},

	{ID: "T01", Name: "form", Asks: "Is it one signed token, whole, of at most 20,000 characters?", Good: "it is a signed token, and whole", Link: assumePage},
	{ID: "T02", Name: "header", Asks: "Are alg and kid what AWS takes?", Good: "the header is what AWS takes", Link: createProvider},
	{ID: "T03", Name: "claims", Asks: "Are iss, sub, aud, iat and exp there, of the right type?", Good: "the required claims are there", Link: assumePage},
	{ID: "T04", Name: "provider", Asks: "Does a provider have exactly this iss?", Good: "the issuer is the provider's, byte for byte", Link: providerPage},
	{ID: "T05", Name: "audience", Asks: "Is the audience one of the provider's client ids?", Good: "the audience is one of the provider's client ids", Link: providerPage},
	{ID: "T06", Name: "times", Asks: "Is now within the token's times, give or take 300 seconds?", Good: "now is within the token's times", Link: gitlabJobsPage},
	{ID: "T07", Name: "AWS claims", Asks: "Can session tags, roles and source identity be read?", Good: "session tags, roles and source identity can be read", Link: tagsPage},
	{ID: "T08", Name: "signature", Asks: "Does a published key confirm the signature?", Good: "a published key confirms the signature", Link: noKeyPage},
	{ID: "T09", Name: "origin", Asks: "Which CI system made it, in which form?", Good: "where it is from", Link: gitlabJobsPage},
	{ID: "T10", Name: "subject", Asks: "What do trust policies see of it?", Good: "what trust policies see of it at AWS", Link: keysPage},

	{ID: "R01", Name: "trust policy", Asks: "Can the trust policy be read?", Good: "the trust policy can be read", Link: providerPage},
	{ID: "R02", Name: "role ARN", Asks: "Is the role's ARN whole: partition, account, path, name?", Good: "the role's ARN is whole", Link: providerPage},
	{ID: "R03", Name: "provider", Asks: "Does the policy trust a provider of the role's own account, that is there?", Good: "it trusts a provider of its own account", Link: providerPage},
	{ID: "R04", Name: "action", Asks: "Does it allow sts:AssumeRoleWithWebIdentity?", Good: "it allows sts:AssumeRoleWithWebIdentity", Link: providerPage},
	{ID: "R05", Name: "condition keys", Asks: "Do the conditions' keys exist for this provider?", Good: "the conditions' keys exist for this provider", Link: keysPage},
	{ID: "R06", Name: "audience", Asks: "Is what the policy asks of aud a client id of the provider?", Good: "what it asks of aud is a client id of the provider", Link: providerPage},
	{ID: "R07", Name: "operators", Asks: "Can each condition match at all?", Good: "each condition can match", Link: gitlabAWS},
	{ID: "R08", Name: "decision", Asks: "Does the role admit the token?", Good: "the role admits the token", Link: assumePage},
}

var checksByID = func() map[string]Check {
	m := map[string]Check{}
	for _, c := range checks {
		m[c.ID] = c
	}
	return m
}()

// Checks are all questions that the doctor asks, for the manual.
func Checks() []Check { return checks }

// Faults are all faults that the doctor can find, for the manual.
func Faults() []Fault { return faults }
