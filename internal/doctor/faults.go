package doctor

import "slices"

// Fault is one thing that can be found. What is a sentence without a full stop
// at its end, Fix is the next step.
type Fault struct {
	Code, Check string
	Level       Level
	// Daypass is the level where a Daypass server is to get along with it; "" is
	// Level.
	Daypass Level
	What    string
	Why     string // why it matters to AWS
	AWS     string // AWS's text for it; "" where there is none or it is not known
	Fix     string
	Link    string // "" is the check's
}

// faults is all of them. Of most rows the source is AWS's page that the check
// links to, or behaviour recorded on AWS, 2026-09; what is not known of AWS says
// so in its Why.
var faults = slices.Concat(urlFaults, tlsFaults, documentFaults, answerFaults, tokenFaults, tokenClaimFaults, roleFaults)

var faultsByCode = func() map[string]Fault {
	m := map[string]Fault{}
	for _, f := range faults {
		m[f.Code] = f
	}
	return m
}()

// Texts that several rows share.
const (
	whyUnreachable = "STS fetches the discovery document and the keys itself, from the public internet, with every token that it has no key for."
	whyBound       = "STS gives up on an issuer after 5 seconds, and the job's call fails, at random."
	whyByte        = "AWS finds the provider by the token's iss, byte for byte: case, port and closing slash count."
	whyChain       = "AWS takes the certificates in the order sent. Browsers, curl and Go sort them first, so everything else works."
	whyPage        = "AWS reads JSON there, and nothing else; it signs in nowhere."
	whyKey         = "AWS finds no usable key for tokens that it signed."
	fixBundle      = "Put into the server's certificate file: the host's certificate, then each one's issuer, each once; the root can be left out. GitLab: /etc/gitlab/ssl/HOST.crt, then gitlab-ctl hup nginx. Check with: openssl s_client -showcerts -connect HOST:443"
	fixAgain       = "Run this once more, from outside too; if it is not the network, look at the server's and the proxy's logs."
	fixPublic      = "Make discovery document and key set reachable from the public internet, or publish copies of both under a public URL and make that the issuer (GitLab 18.1: ci_id_tokens_issuer_url)."
	fixProvider    = "Register a provider whose URL is the token's iss, byte for byte: aws iam create-open-id-connect-provider --url ISS --client-id-list AUD"
)

var urlFaults = []Fault{
	{
		Code: "url-no-issuer", Check: "D01", Level: Error, What: "the URL cannot be an issuer's",
		Why: "IAM takes https URLs of a host only.", AWS: "Invalid Open ID Connect Provider URL. The URL must begin with https://.",
		Fix: "Give the issuer's URL with its scheme, such as https://gitlab.example.com. An instance on http needs https first.",
	},
	{
		Code: "url-user", Check: "D01", Level: Error, What: "the URL names a user",
		Why: "An issuer is public and is asked without credentials.", Fix: "Leave out what stands before the @.",
	},
	{
		Code: "url-query", Check: "D01", Level: Error, What: "the URL has a query or a fragment",
		Why: "IAM refuses such a provider, with a message that says nothing: Unknown.", AWS: "Unknown",
		Fix: "Make an issuer without ? and #: a path can part tenants.",
	},
	{
		Code: "url-443", Check: "D01", Level: Error, Daypass: Error, What: "the URL names port 443",
		Why: "IAM drops :443 from the provider's URL, and then no token whose iss has it finds the provider.", AWS: errProvider,
		Fix: "Set the issuer's URL without the port. GitLab: external_url.",
	},
	{
		Code: "url-port", Check: "D01", Level: Error, Daypass: Info, What: "the URL has a port of its own",
		Why: "AWS says that a provider's URL has no port, and asks at 443.", AWS: errNoKey,
		Fix: "Serve the issuer at port 443, or publish the two documents under a URL without a port and make that the issuer.",
	},
	{
		Code: "url-slash", Check: "D01", Level: Warning, What: "the URL ends in a slash",
		Why: "With and without it are two providers. " + whyByte, AWS: errProvider,
		Fix: "Compare with the iss of a token (daypass doctor token), and register what stands there.",
	},
	{
		Code: "url-case", Check: "D01", Level: Warning, What: "the host has capital letters",
		Why: whyByte, AWS: errProvider, Fix: "Write the host in lower case, in the issuer and in the provider.",
	},
	{
		Code: "url-dot", Check: "D01", Level: Warning, What: "the host ends in a dot",
		Why: whyByte + " Certificates have no such name.", Fix: "Leave out the dot.",
	},
	{
		Code: "url-long", Check: "D01", Level: Error, What: "the URL has more than 255 characters",
		Why: "IAM keeps up to 255.", Fix: "Shorten the path.",
	},
	{
		Code: "url-document", Check: "D01", Level: Error, What: "this is the URL of the document, and not of the issuer",
		Why: "AWS adds /.well-known/openid-configuration itself.", Fix: "Give the URL without it.",
	},
	{
		Code: "no-such-host", Check: "D02", Level: Error, What: "the host has no address",
		Why: whyUnreachable, AWS: errNoKey, Fix: "Enter the name in the DNS. From outside: dig HOST @1.1.1.1. To look at a server before its name is there: --resolve HOST:ADDRESS",
	},
	{
		Code: "dns-fails", Check: "D02", Level: Error, What: "the name could not be looked up",
		Why: whyUnreachable, AWS: errNoKey, Fix: "Check this machine's resolver, then the name's servers; once more from outside.",
	},
	{
		Code: "dns-private", Check: "D02", Level: Error, Daypass: Info, What: "the address is a private one",
		Why: whyUnreachable + " A private address leads nowhere there. If the name has another address outside, look from there.", AWS: errNoKey,
		Fix: fixPublic,
	},
	{
		Code: "dns-loopback", Check: "D02", Level: Error, Daypass: Info, What: "the address is this machine's own",
		Why: whyUnreachable, AWS: errNoKey, Fix: fixPublic + " For a Daypass server on this machine: --for daypass",
	},
	{
		Code: "address-refused", Check: "D02", Level: Error, What: "the address is one that no issuer may have",
		Why: "It is of the link, of cloud metadata or of no one host. Neither AWS nor Daypass asks there, and nor did this examination.", AWS: errNoKey,
		Fix: "Correct the name's address.",
	},
	{
		Code: "dns-ipv6-only", Check: "D02", Level: Warning, Daypass: Info, What: "there is no IPv4 address",
		Why: "Whether AWS asks issuers over IPv6 is not documented, and was not tried.", AWS: errNoKey, Fix: "Add an A record.",
	},
	{
		Code: "dns-number", Check: "D02", Level: Warning, Daypass: Info, What: "the host is an address, and no name",
		Why: "No public authority's certificate is likely to be for it, and the issuer moves with the address.", Fix: "Give the issuer a name.",
	},
	{
		Code: "dns-alias", Check: "D02", Level: Info, What: "the host is an alias",
		Why: "Who owns the name that it leads to is the issuer: whoever may make a bucket or a site of that name can sign in to every role that trusts it.",
		Fix: "Make sure that the target is yours, and that nobody else could claim it if it were deleted.",
	},
	{
		Code: "dns-overridden", Check: "D02", Level: Info, What: "the DNS was not asked",
		Why: "AWS asks the public DNS.", Fix: "Look once more without --resolve, from outside, when the name is there.",
	},
	{
		Code: "unreachable", Check: "D03", Level: Error, What: "the host could not be asked",
		Why: whyUnreachable, AWS: errNoKey, Fix: "Open port 443 to the public internet, for these two documents at least. " + fixPublic,
	},
	{
		Code: "no-answer", Check: "D03", Level: Error, What: "there was no answer in time",
		Why: whyBound, AWS: errNoKey, Fix: "Is a firewall dropping packets? If it is the server: " + fixPublic,
	},
	{
		Code: "too-slow", Check: "D03", Level: Error, What: "both documents together take longer than AWS waits",
		Why: whyBound, AWS: errNoKey, Fix: "Put a cache or CDN before the two documents, or publish them as static files.",
	},
	{
		Code: "slow", Check: "D03", Level: Warning, What: "both documents take long",
		Why: whyBound + " A cold start or a busy hour will make it that long.", AWS: errNoKey, Fix: "Put a cache or CDN before the two documents.",
	},
}

var answerFaults = []Fault{
	{
		Code: "cache-forbidden", Check: "D14", Level: Warning, Daypass: Info, What: "the key set says that it may not be kept",
		Why: "STS then fetches it for every token, and the issuer's own limits hit it when many jobs start.", AWS: errNoKey,
		Fix: "Send Cache-Control: public, max-age=3600 with the key set, and let no proxy replace it.",
	},
	{
		Code: "cache-unreadable", Check: "D14", Level: Warning, Daypass: Info, What: "the key set's max-age is no number",
		Why: "What cannot be read counts as over at once (RFC 9111 section 4.2.1).", AWS: errNoKey, Fix: "Send Cache-Control: public, max-age=3600 with the key set.",
	},
	{
		Code: "cache-unsaid", Check: "D14", Level: Info, What: "the key set does not say how long it may be kept",
		Why: "AWS then chooses; how long is not documented.", Fix: "Send Cache-Control: public, max-age=3600 with the key set.",
	},
	{
		Code: "cache-long", Check: "D14", Level: Warning, Daypass: Info, What: "the key set may be kept for longer than a day",
		Why: "A new key is seen late, and a withdrawn one is believed for long.", AWS: errNoKey, Fix: "Send a max-age of at most a day, and publish each new key for that long before it signs.",
	},
	{
		Code: "depends-on-client", Check: "D15", Level: Error, What: "the answer depends on who asks",
		Why: "AWS's client is no browser: a firewall or a login that stops such clients stops it.", AWS: errNoKey,
		Fix: "Let both documents pass without challenge, cookie or login, for every client.",
	},
	{
		Code: "crowd-refused", Check: "D16", Level: Error, Daypass: Warning, What: "of many requests at once not all are answered",
		Why: "STS asks from many machines at once when many jobs start.", AWS: errNoKey,
		Fix: "Take the two documents out of the rate limit (GitLab: Admin, Network; and that of the proxy), or put a cache before them. Clients should try again with a random pause.",
	},
	{
		Code: "crowd-too-slow", Check: "D16", Level: Error, Daypass: Warning, What: "of many requests at once some take longer than AWS waits",
		Why: whyBound, AWS: errNoKey, Fix: "Put a cache or CDN before the two documents.",
	},
	{
		Code: "crowd-slow", Check: "D16", Level: Warning, Daypass: Info, What: "of many requests at once some take long",
		Why: whyBound, AWS: errNoKey, Fix: "Put a cache or CDN before the two documents.",
	},
	{
		Code: "instance-not-asked", Check: "D17", Level: Warning, What: "the GitLab instance could not be asked",
		Why: "Whether the issuer publishes its keys is then not known.", Fix: "Run this where the instance can be reached, with --ca for its authority.",
	},
	{
		Code: "instance-is-issuer", Check: "D17", Level: Info, What: "the instance is the issuer itself",
		Why: "Its own documents are what AWS reads.", Fix: "Nothing; --gitlab is for an issuer that is published elsewhere.",
	},
	{
		Code: "instance-keys-missing", Check: "D17", Level: Error, What: "the issuer does not publish the key that signs the ID tokens of the GitLab instance",
		Why: "Jobs whose tokens are signed with a key that is missing get nothing.", AWS: errNoKey,
		Fix: "Publish the instance's keys at the issuer whenever they change (daypass publish does).",
	},
	{
		Code: "instance-keys-part", Check: "D17", Level: Warning, What: "the issuer does not publish all keys of the GitLab instance",
		Why: "GitLab signs ID tokens with one of its keys, and nobody but a token tells which. The others need not be published.",
		Fix: "Give a token of a job (--token-env): the key that signed it must be published.",
	},
	{
		Code: "instance-keys-more", Check: "D17", Level: Info, What: "the issuer publishes keys that the instance does not have",
		Why: "Whoever has such a key can sign in.", Fix: "Remove old keys once no token of theirs is valid any more, and keys that nobody knows at once.",
	},
	{
		Code: "token-fails", Check: "D18", Level: Error, What: "the token does not pass",
		Why: "AWS refuses it.", Fix: "See its own checks below.",
	},
	{
		Code: "clock-wrong", Check: "D19", Level: Error, What: "the issuer's clock and this one are more than 5 minutes apart",
		Why: "AWS tolerates 300 seconds. A token of a clock that is ahead is issued in the future, of one that is behind it has expired.", AWS: "Token issued in the future",
		Fix: "Let both synchronise with NTP: see timedatectl here and there. A proxy's or CDN's clock may be what was seen.",
	},
	{
		Code: "clock-off", Check: "D19", Level: Warning, What: "the issuer's clock and this one are more than a minute apart",
		Why: "AWS tolerates 300 seconds, and clocks drift further.", AWS: "Token issued in the future", Fix: "Let both synchronise with NTP.",
	},
}
