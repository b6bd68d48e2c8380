package outbound

import (
	"encoding/json"
	"fmt"
	"strings"
)

// The paths of the two documents below the issuer's URL (IAM API Reference,
// EnableOutboundWebIdentityFederation).
const (
	DiscoveryPath = "/.well-known/openid-configuration"
	KeysPath      = "/.well-known/jwks.json"
)

// IssuerURL is the value of iss. AWS's is https://UUID.tokens.sts.global.api.aws;
// a server of one name has the UUID in the path. "" where the server does not
// know its own URL, for then there is no issuer.
func IssuerURL(publicURL, issuerID string) string {
	if publicURL == "" || issuerID == "" {
		return ""
	}
	return publicURL + "/" + issuerID
}

// IssuerIDOf is the last element of an iss, which is the UUID if the issuer is
// one of ours, under whatever name this server was or is known.
func IssuerIDOf(iss string) string { return iss[strings.LastIndexByte(iss, '/')+1:] }

// discovery has the members of AWS's document, in its order (recorded, 2026-09).
type discovery struct {
	ClaimsSupported        []string `json:"claims_supported"`
	SigningAlgorithms      []string `json:"id_token_signing_alg_values_supported"`
	Issuer                 string   `json:"issuer"`
	JWKSURI                string   `json:"jwks_uri"`
	ResponseTypesSupported []string `json:"response_types_supported"`
	SubjectTypesSupported  []string `json:"subject_types_supported"`
}

// Discovery is the discovery document of an issuer (OpenID Connect Discovery
// 1.0 section 3).
func Discovery(issuer string) ([]byte, error) {
	document, err := json.Marshal(discovery{
		ClaimsSupported:        []string{"sub", "iss", "aud", "exp", "iat", "jti", namespace},
		SigningAlgorithms:      Algorithms,
		Issuer:                 issuer,
		JWKSURI:                issuer + KeysPath,
		ResponseTypesSupported: []string{"id_token"},
		SubjectTypesSupported:  []string{"public"},
	})
	if err != nil {
		return nil, fmt.Errorf("outbound: write the discovery document: %w", err)
	}
	return document, nil
}
