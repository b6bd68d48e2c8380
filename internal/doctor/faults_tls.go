package doctor

var tlsFaults = []Fault{
	{
		Code: "no-tls", Check: "D04", Level: Error, What: "what answers speaks no TLS",
		Why: "AWS speaks https only.", AWS: errConnect, Fix: "Serve https at this port, or correct the URL.",
	},
	{
		Code: "tls-old", Check: "D04", Level: Error, What: "the server speaks only TLS before 1.2",
		Why: "AWS's clients ask for TLS 1.2 or later.", AWS: errConnect, Fix: "Allow TLS 1.2 and 1.3 on the server.",
	},
	{
		Code: "tls-refused", Check: "D04", Level: Error, What: "the server refuses the handshake",
		Why: "AWS gets no connection either.", AWS: errConnect, Fix: "Look at the server's log of TLS: does it have a certificate for this host, does it ask clients for one?",
	},
	{
		Code: "tls-flaky", Check: "D04", Level: Warning, What: "one of several handshakes failed",
		Why: "AWS connects anew again and again.", AWS: errNoKey, Fix: fixAgain,
	},
	{
		Code: "tls13-only", Check: "D04", Level: Warning, Daypass: Info, What: "TLS 1.2 is refused",
		Why: "Where TLS 1.3 is required AWS does not look at the authority and goes by the registered thumbprint.", AWS: errThumbprint,
		Fix: "Accept TLS 1.2 besides 1.3 (nginx: ssl_protocols TLSv1.2 TLSv1.3), or register the thumbprint of D11.",
	},
	{
		Code: "no-http1", Check: "D05", Level: Error, What: "the server does not speak HTTP/1.1",
		Why: "That AWS speaks HTTP/2 to issuers is not documented.", AWS: errNoKey, Fix: "Offer http/1.1 besides h2 (ALPN).",
	},
	{
		Code: "alpn-needed", Check: "D05", Level: Warning, What: "the server refuses clients without ALPN",
		Why: "Which extensions AWS's client sends is not documented.", AWS: errNoKey, Fix: "Take a client without ALPN as one of HTTP/1.1.",
	},
	{
		Code: "sni-needed", Check: "D05", Level: Info, What: "the certificate is sent only to who names the host",
		Why: "AWS names it, as every client today. openssl s_client before 1.1.1 does not, and shows, and pins, another certificate.",
		Fix: "Nothing; give openssl s_client -servername HOST.",
	},
	{
		Code: "chain-order", Check: "D06", Level: Error, Daypass: Warning, What: "the certificates are sent out of order",
		Why: whyChain, AWS: errConnect, Fix: fixBundle,
	},
	{
		Code: "chain-root-inside", Check: "D06", Level: Error, Daypass: Warning, What: "the root is sent, and not as the last",
		Why: whyChain, AWS: errConnect, Fix: fixBundle,
	},
	{
		Code: "chain-duplicate", Check: "D06", Level: Error, Daypass: Warning, What: "a certificate is sent twice",
		Why: whyChain, AWS: errConnect, Fix: fixBundle + " (The file and its chain, both with the host's certificate, make two of it.)",
	},
	{
		Code: "chain-extra", Check: "D06", Level: Error, Daypass: Warning, What: "a certificate is sent that does not belong to the chain",
		Why: whyChain, AWS: errConnect, Fix: fixBundle,
	},
	{
		Code: "chain-incomplete", Check: "D06", Level: Error, What: "a certificate is missing",
		Why: "AWS does not fetch what is missing, as some browsers do.", AWS: errConnect, Fix: "Add the missing certificate behind the others; authorities publish it, ACME clients write it to fullchain.pem. If the authority is your own: --ca FILE",
	},
	{
		Code: "chain-root-sent", Check: "D06", Level: Info, What: "the root is sent, too",
		Why: "That is allowed. The thumbprint, which is of the last certificate sent, is then the root's.", Fix: "Nothing; if you leave the root out one day, register the new thumbprint before.",
	},
	{
		Code: "certificate-expired", Check: "D07", Level: Error, What: "a certificate has expired",
		Why: "AWS refuses the connection, whichever authority or thumbprint there is.", AWS: errNoKey, Fix: "Renew it, and see why that did not happen by itself.",
	},
	{
		Code: "certificate-early", Check: "D07", Level: Error, What: "a certificate is not valid yet",
		Why: "AWS refuses the connection.", AWS: errNoKey, Fix: "Check the clock of the machine that made it, and this one's.",
	},
	{
		Code: "certificate-ends", Check: "D07", Level: Warning, What: "a certificate expires within two weeks",
		Why: "AWS refuses the connection from then on.", AWS: errNoKey, Fix: "Renew it.",
	},
	{
		Code: "certificate-other-host", Check: "D08", Level: Error, What: "the certificate is another host's",
		Why: "AWS checks the name, also where it goes by a thumbprint.", AWS: errNoKey, Fix: "Get a certificate for this host, or correct the URL.",
	},
	{
		Code: "certificate-no-names", Check: "D08", Level: Error, What: "the certificate names no host but in its common name",
		Why: "Clients have read subject alternative names only for years.", AWS: errNoKey, Fix: "Get a certificate with the host as a subject alternative name.",
	},
	{
		Code: "certificate-weak-key", Check: "D09", Level: Error, What: "a certificate's key is too short",
		Why: "Clients refuse RSA keys below 2048 bits.", AWS: errNoKey, Fix: "Replace it by RSA 2048 or ECDSA P-256.",
	},
	{
		Code: "certificate-weak-signature", Check: "D09", Level: Error, What: "a certificate is signed with a hash that is broken",
		Why: "Clients refuse SHA-1 and MD5 in signatures.", AWS: errNoKey, Fix: "Have it issued anew with SHA-256.",
	},
	{
		Code: "certificate-odd-key", Check: "D09", Level: Warning, Daypass: Info, What: "a certificate's key is of a kind that AWS is not known to take",
		Why: "No public authority signs Ed25519.", AWS: errNoKey, Fix: "Use RSA 2048 or ECDSA P-256.",
	},
	{
		Code: "private-authority", Check: "D10", Level: Warning, What: "no public authority vouches for the host",
		Why: "AWS then goes by the provider's thumbprint: it must be registered, and registered anew whenever that certificate changes. The authorities of this system stand in for AWS's own list.", AWS: errThumbprint,
		Fix: "Register the thumbprint of D11 (aws iam update-open-id-connect-provider-thumbprint), and compare: --thumbprint. Better: a certificate of a public authority.",
	},
	{
		Code: "private-authority-pinned", Check: "D10", Level: Info, What: "no public authority vouches for the host, so that the thumbprint counts",
		Why: "AWS goes by the provider's thumbprint, which is compared in D11. CloudTrail tells which way was used: additionalEventData.identityProviderConnectionVerificationMethod.",
		Fix: "See D11, and register a new thumbprint before that certificate is replaced.",
	},
	{
		Code: "thumbprint-needed", Check: "D11", Level: Info, What: "AWS needs the thumbprint",
		Why: "No public authority vouches for the host, or it requires TLS 1.3.", AWS: errThumbprint,
		Fix: "Register it, and give it here as --thumbprint to compare.",
	},
	{
		Code: "thumbprint-stale", Check: "D11", Level: Error, What: "no registered thumbprint is of a certificate that is sent",
		Why: "AWS goes by the thumbprint here, and refuses the connection.", AWS: errThumbprint,
		Fix: "aws iam update-open-id-connect-provider-thumbprint --open-id-connect-provider-arn ARN --thumbprint-list NEW, the old ones too while both are in use",
	},
	{
		Code: "thumbprint-other-certificate", Check: "D11", Level: Error, Daypass: Info, What: "the registered thumbprint is of another certificate of the chain",
		Why: "AWS wants that of the last certificate that is sent, the top intermediate. Of the host's own certificate it would change with each renewal.", AWS: errThumbprint,
		Fix: "Register the thumbprint of D11.",
	},
	{
		Code: "thumbprint-other-host", Check: "D11", Level: Error, What: "the registered thumbprint is of the issuer's host, and the keys are at another",
		Why: "AWS checks the host of jwks_uri.", AWS: errThumbprint, Fix: "Register the thumbprint of D11.",
	},
	{
		Code: "thumbprint-unused", Check: "D11", Level: Info, What: "no registered thumbprint matches, which does not matter now",
		Why: "A public authority vouches for the host, so AWS does not look at thumbprints.", Fix: "Register the right one, for the day when the authority is another.",
	},
	{
		Code: "thumbprint-form", Check: "D11", Level: Error, What: "a thumbprint is not 40 hexadecimal digits",
		Why: "IAM stores any 40 characters; what is no SHA-1 in hex never matches. Colons must be left out, and SHA-256 is another thing.", AWS: errThumbprint,
		Fix: "Give the SHA-1 of the certificate's DER, 40 digits without colons.",
	},
	{
		Code: "thumbprint-many", Check: "D11", Level: Error, What: "there are more than five thumbprints",
		Why: "IAM takes five.", AWS: "Thumbprint list must contain fewer than 5 entries.", Fix: "Leave out old ones.",
	},
}

var documentFaults = []Fault{
	{
		Code: "discovery-redirect", Check: "D12", Level: Error, What: "the discovery document's URL leads elsewhere",
		Why: "That AWS follows redirects is not documented; a login page or a bucket's other region lies behind most.", AWS: errConnect,
		Fix: "Answer with the document itself: the virtual-hosted URL of the bucket's own region, no redirect from or to www, no login.",
	},
	{
		Code: "discovery-throttled", Check: "D12", Level: Error, What: "the discovery document is refused for too many requests",
		Why: "STS asks often.", AWS: errNoKey, Fix: "Take the two documents out of the rate limit, or put a cache before them.",
	},
	{
		Code: "discovery-status", Check: "D12", Level: Error, What: "there is no discovery document",
		Why: whyPage, AWS: errConnect, Fix: "Serve it at the issuer's URL followed by /.well-known/openid-configuration, to everybody. 403 of S3: the bucket's policy must allow s3:GetObject to everybody on this key.",
	},
	{
		Code: "bucket-gone", Check: "D12", Level: Error, What: "the name leads to a bucket that is not there",
		Why: "Whoever makes a bucket of this name becomes the issuer, and signs in to every role that trusts it.", AWS: errConnect,
		Fix: "Remove the provider from every account now, or make the bucket yourself; an account-regional bucket name cannot be taken over.",
	},
	{
		Code: "discovery-page", Check: "D12", Level: Error, What: "a page is answered in place of the discovery document",
		Why: whyPage, AWS: errConnect, Fix: "Let /.well-known/openid-configuration pass the login and the single-page app, to everybody.",
	},
	{
		Code: "discovery-long", Check: "D12", Level: Error, What: "the discovery document does not end",
		Why: "AWS's bound is not known; Daypass reads 64 KiB.", AWS: errDocument, Fix: "Is it the document? One has about 3 KiB.",
	},
	{
		Code: "discovery-not-json", Check: "D12", Level: Error, What: "the discovery document is no JSON object",
		Why: whyPage, AWS: errDocument, Fix: "Serve JSON in UTF-8.",
	},
	{
		Code: "discovery-bom", Check: "D12", Level: Error, What: "the discovery document begins with a byte order mark",
		Why: "JSON has none (RFC 8259 section 8.1), and parsers stumble over it.", AWS: errDocument, Fix: "Save the file as UTF-8 without BOM.",
	},
	{
		Code: "discovery-content-type", Check: "D12", Level: Warning, Daypass: Info, What: "the discovery document is not called JSON",
		Why: "Whether AWS minds is not documented.", AWS: errDocument, Fix: "Send Content-Type: application/json. S3: aws s3 cp --content-type application/json",
	},
	{
		Code: "discovery-repeats", Check: "D12", Level: Warning, What: "the discovery document has members twice",
		Why: "AWS takes the last (recorded of tokens); other readers the first.", Fix: "Leave one of each.",
	},
	{
		Code: "discovery-lacks", Check: "D12", Level: Error, What: "the discovery document lacks what AWS needs",
		Why: "Without issuer and jwks_uri AWS knows neither whose keys nor where they are.", AWS: errDocument, Fix: "Add it.",
	},
	{
		Code: "discovery-other-issuer", Check: "D12", Level: Error, What: "the discovery document is another issuer's",
		Why: "Its issuer, the provider's URL and the token's iss must be equal, byte for byte.", AWS: errDocument,
		Fix: "If the document is right, give and register that URL. If it is a copy of GitLab's for a custom issuer, set issuer in it to the custom URL.",
	},
	{
		Code: "discovery-incomplete", Check: "D12", Level: Warning, Daypass: Info, What: "the discovery document lacks members that the standard requires",
		Why: "OpenID Connect Discovery 1.0 section 3 requires them; which of them AWS asks for is not known.", AWS: errDocument,
		Fix: `Add: "response_types_supported": ["id_token"], "subject_types_supported": ["public"], "id_token_signing_alg_values_supported": ["RS256"]`,
	},
	{
		Code: "discovery-algorithms", Check: "D12", Level: Warning, What: "the issuer offers no algorithm that AWS takes",
		Why: "AWS takes RS256, RS384, RS512, ES256, ES384 and ES512.", AWS: errNoKey, Fix: "Let the issuer sign with RS256.",
	},
	{
		Code: "jwks-uri-form", Check: "D12", Level: Error, What: "jwks_uri is not an https URL",
		Why: "AWS fetches the keys there, over https.", AWS: errDocument, Fix: "Correct it; GitLab makes it of external_url.",
	},
	{
		Code: "jwks-uri-no-port", Check: "D12", Level: Error, Daypass: Warning, What: "jwks_uri lacks the issuer's port",
		Why: "The keys are asked for at port 443 then, where something else may be.", AWS: errNoKey, Fix: "Add the port, or serve all at 443. A proxy must pass on the port (X-Forwarded-Port, Host).",
	},
	{
		Code: "jwks-uri-port", Check: "D12", Level: Warning, Daypass: Info, What: "jwks_uri has a port of its own",
		Why: "AWS documents port 443 only.", AWS: errNoKey, Fix: "Serve the keys at port 443.",
	},
	{
		Code: "jwks-uri-other-host", Check: "D12", Level: Info, What: "the keys are at another host",
		Why: "That is allowed. The thumbprint is of the keys' host, and whoever owns it is the issuer.", Fix: "Nothing; make sure that it is yours.",
	},
	{
		Code: "keys-redirect", Check: "D13", Level: Error, What: "the key set's URL leads elsewhere",
		Why: "That AWS follows redirects is not documented.", AWS: errNoKey, Fix: "Give the last URL as jwks_uri.",
	},
	{
		Code: "keys-throttled", Check: "D13", Level: Error, What: "the key set is refused for too many requests",
		Why: "STS asks often.", AWS: errNoKey, Fix: "Take the two documents out of the rate limit, or put a cache before them.",
	},
	{
		Code: "keys-status", Check: "D13", Level: Error, What: "there is no key set at jwks_uri",
		Why: whyPage, AWS: errNoKey, Fix: "Serve it there, to everybody, or correct jwks_uri.",
	},
	{
		Code: "keys-page", Check: "D13", Level: Error, What: "a page is answered in place of the key set",
		Why: whyPage, AWS: errNoKey, Fix: "Let the key set pass the login and the single-page app, to everybody.",
	},
	{
		Code: "keys-long", Check: "D13", Level: Error, What: "the key set does not end",
		Why: "AWS's bound is not known; Daypass reads 256 KiB.", AWS: errNoKey, Fix: "Remove old keys, and certificates (x5c), from the set.",
	},
	{
		Code: "keys-not-json", Check: "D13", Level: Error, What: "the key set is none",
		Why: `AWS reads {"keys": […]} (RFC 7517 section 5).`, AWS: errNoKey, Fix: "Serve a JWK Set: PEM and single keys are none.",
	},
	{
		Code: "keys-content-type", Check: "D13", Level: Warning, Daypass: Info, What: "the key set is not called JSON",
		Why: "Whether AWS minds is not documented.", AWS: errNoKey, Fix: "Send Content-Type: application/json.",
	},
	{
		Code: "keys-repeats", Check: "D13", Level: Warning, What: "the key set has members twice",
		Why: "AWS takes the last (recorded of tokens); other readers the first.", Fix: "Leave one of each.",
	},
	{
		Code: "keys-none", Check: "D13", Level: Error, What: "no key can be used",
		Why: whyKey, AWS: errNoKey, Fix: "Publish the public key that signs: kty, kid, use sig, alg, and n and e or crv, x and y. GitLab without a key: set ci_jwt_signing_key.",
	},
	{
		Code: "keys-too-many", Check: "D13", Level: Error, What: "there are more than 100 keys of a type",
		Why: "AWS then uses none of that type.", AWS: errNoKey, Fix: "Remove old keys.",
	},
	{
		Code: "key-private", Check: "D13", Level: Error, What: "A PRIVATE KEY IS PUBLISHED",
		Why: "Whoever reads it can sign in to every role that trusts this issuer. AWS does not say so.",
		Fix: "Make a new key now and sign with that, publish its public part alone, and end the sessions of every role that trusts this issuer. Removing the member does not make the key secret again.",
	},
	{
		Code: "key-no-object", Check: "D13", Level: Warning, What: "what stands among the keys is none",
		Why: whyKey, AWS: errNoKey, Fix: "Remove it.",
	},
	{
		Code: "key-no-kid", Check: "D13", Level: Error, What: "a key has no kid",
		Why: "AWS finds keys by kid, and uses none without.", AWS: errNoKey, Fix: "Give it a kid, best its RFC 7638 thumbprint, and the tokens' header the same.",
	},
	{
		Code: "key-use", Check: "D13", Level: Info, What: "a key is not for signatures",
		Why: "AWS uses keys with use sig, or none.", AWS: errNoKey, Fix: "Nothing, if it signs no ID tokens; otherwise set use to sig.",
	},
	{
		Code: "key-ops", Check: "D13", Level: Error, What: "a key has key_ops",
		Why: "AWS refuses tokens of such a key, whatever key_ops says.", AWS: errNoKey, Fix: "Leave key_ops out; use says enough.",
	},
	{
		Code: "key-repeats", Check: "D13", Level: Warning, What: "a key has members twice",
		Why: "Readers take the first or the last.", Fix: "Leave one of each.",
	},
	{
		Code: "key-type", Check: "D13", Level: Info, What: "a key is of a type that AWS does not take",
		Why: "AWS takes RSA and EC.", AWS: errNoKey, Fix: "Nothing, if it signs no ID tokens for AWS.",
	},
	{
		Code: "key-algorithm", Check: "D13", Level: Warning, What: "a key is for an algorithm that AWS does not take",
		Why: "AWS takes RS256, RS384, RS512, ES256, ES384 and ES512; the token's alg counts, not the key's.", AWS: errNoKey, Fix: "Let the issuer sign with RS256.",
	},
	{
		Code: "key-small", Check: "D13", Level: Error, What: "a key is too short",
		Why: "RS256 asks for 2048 bits or more (RFC 7518 section 3.3); Daypass uses no shorter key, and AWS's bound is not published.", AWS: errNoKey, Fix: "Make an RSA key of 2048 bits.",
	},
	{
		Code: "key-leading-zero", Check: "D13", Level: Info, What: "a key's n begins with a zero byte",
		Why: "RFC 7518 section 6.3.1.1 forbids it; AWS and Daypass read it all the same. Jenkins writes it.", Fix: "Nothing; another relying party may refuse it.",
	},
	{
		Code: "key-unusable", Check: "D13", Level: Warning, What: "a key cannot be used",
		Why: whyKey, AWS: errNoKey, Fix: "Publish kty, kid, use sig, alg, and n and e or crv, x and y, and no certificate that is of another key.",
	},
	{
		Code: "key-twice", Check: "D13", Level: Info, What: "a key is there twice",
		Why: "It does no harm.", Fix: "Remove one.",
	},
	{
		Code: "key-kid-twice", Check: "D13", Level: Error, What: "two keys have one kid",
		Why: "AWS takes the later, and tokens of the earlier fail.", AWS: errNoKey, Fix: "Give each key a kid of its own, best its RFC 7638 thumbprint.",
	},
	{
		Code: "key-kid-thumbprint", Check: "D13", Level: Info, What: "kids are thumbprints of their keys (RFC 7638)",
		Why: "So no two keys can share one.", Fix: "Nothing.",
	},
}
