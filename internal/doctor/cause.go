package doctor

import "slices"

// causes are the numbers that faults have in docs/causes.md, which the error texts of
// clients lead to (daypass explain). A fault that is not here is its own cause, and
// noCause says so of each that stands in the way of an issuer.
var causes = map[string][]int{
	"url-no-issuer": {18}, "url-443": {14, 15}, "url-port": {14}, "url-slash": {15}, "url-case": {15},
	"no-such-host": {1}, "dns-fails": {1}, "dns-private": {1}, "dns-loopback": {1}, "address-refused": {1}, "dns-ipv6-only": {1}, "unreachable": {1},
	"no-answer": {1, 3}, "too-slow": {3}, "slow": {3}, "crowd-too-slow": {3}, "crowd-slow": {3},
	"cache-forbidden": {4}, "cache-unreadable": {4}, "crowd-refused": {4}, "discovery-throttled": {4}, "keys-throttled": {4},
	"depends-on-client":     {2},
	"instance-keys-missing": {5},
	"keys-status":           {1}, "discovery-status": {1, 13}, "bucket-gone": {1, 19},
	"discovery-redirect": {19}, "discovery-page": {19}, "keys-redirect": {19}, "keys-page": {19}, "discovery-not-json": {19}, "keys-not-json": {19},
	"discovery-other-issuer": {13}, "discovery-lacks": {13}, "jwks-uri-form": {13}, "discovery-bom": {13}, "jwks-uri-no-port": {14},
	"key-no-kid": {6}, "header-no-kid": {6}, "key-use": {7}, "key-ops": {7}, "keys-too-many": {8}, "keys-none": {7}, "key-unusable": {7, 79},
	"chain-order": {9}, "chain-root-inside": {9}, "chain-duplicate": {9}, "chain-extra": {9}, "chain-incomplete": {9},
	"private-authority": {10}, "tls13-only": {10}, "thumbprint-stale": {10}, "thumbprint-other-certificate": {11}, "thumbprint-other-host": {12},
	"clock-wrong": {28}, "clock-off": {28},

	"token-empty": {31}, "token-long": {35}, "token-bearer": {29}, "token-quoted": {29}, "token-masked": {29}, "token-object": {29}, "token-parts": {29},
	"token-base64": {29}, "token-json": {29}, "token-refused": {29}, "header-extension": {29}, "header-access-token": {29}, "header-algorithm": {38},
	"claim-missing": {23}, "sub-null": {39}, "iss-not-https": {18}, "iss-other": {15, 16}, "aud-several": {25}, "aud-not-registered": {24}, "azp-counts": {26},
	"time-form": {30}, "time-expired": {27}, "time-future": {28}, "time-early": {28}, "tags-claim": {36}, "roles-claim": {37},
	"key-unknown": {5}, "gitlab-v1": {23}, "gitlab-mr": {45}, "github-immutable": {41}, "github-environment": {42}, "github-pull-request": {43},

	"policy-open": {57}, "role-arn-form": {54}, "role-arn-session": {54}, "role-arn-other": {54}, "role-name-reserved": {54},
	"provider-arn-form": {51}, "provider-arn-scheme": {51}, "provider-other-account": {51}, "provider-other-partition": {51}, "provider-missing": {17}, "provider-none": {51},
	"action-other": {52}, "key-scheme": {50}, "key-other-provider": {50}, "key-not-aws": {49}, "audience-not-registered": {24}, "operator-wildcard": {40},
	"sub-merge-request": {45},
}

// noCause says why a fault of issuers has no number: what people then see is no
// failure of an exchange with a text of its own.
var noCause = map[string]string{
	"url-user": "IAM refuses the provider", "url-query": "IAM refuses the provider", "url-long": "IAM refuses the provider", "url-document": "a slip in this call",
	"url-dot": "no certificate has such a name", "dns-number": "a warning of what may come", "cache-long": "a warning of what may come", "instance-not-asked": "of this look, not of the issuer",
	"instance-keys-part": "of this look: with a token it is known",
	"token-fails":        "the token's own faults have the numbers",
	"no-tls":             "no client gets so far", "tls-old": "no client gets so far", "tls-refused": "no client gets so far", "tls-flaky": "a warning of what may come",
	"no-http1": "not known of AWS", "alpn-needed": "not known of AWS",
	"certificate-expired": "every client says so itself", "certificate-early": "every client says so itself", "certificate-ends": "a warning of what may come",
	"certificate-other-host": "every client says so itself", "certificate-no-names": "every client says so itself", "certificate-weak-key": "every client says so itself",
	"certificate-weak-signature": "every client says so itself", "certificate-odd-key": "not known of AWS",
	"thumbprint-form": "IAM refuses the provider, or keeps what matches nothing", "thumbprint-many": "IAM refuses the provider",
	"discovery-long": "not known of AWS", "discovery-content-type": "a warning of what may come", "discovery-repeats": "a warning of what may come",
	"discovery-incomplete": "AWS does without", "discovery-algorithms": "the token's algorithm is what counts", "jwks-uri-port": "not known of AWS",
	"keys-long": "not known of AWS", "keys-content-type": "a warning of what may come", "keys-repeats": "a warning of what may come",
	"key-private": "it works, and so does everybody who read it", "key-no-object": "a warning of what may come", "key-repeats": "a warning of what may come",
	"key-algorithm": "the token's algorithm is what counts", "key-small": "not known of AWS", "key-kid-twice": "AWS takes one of the two, and which is not known",
}

// Causes are the numbers that a fault has in docs/causes.md; nil where it has none.
func Causes(code string) []int { return slices.Clone(causes[code]) }
