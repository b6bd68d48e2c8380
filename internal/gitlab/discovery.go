package gitlab

// The paths of the two documents (GitLab's config/routes.rb).
const (
	discoveryPath = "/.well-known/openid-configuration"
	keysPath      = "/oauth/discovery/keys"
)

// discovery is the document of OpenID Connect Discovery 1.0, section 3, with
// GitLab's members in GitLab's order.
type discovery struct {
	Issuer                           string   `json:"issuer"`
	AuthorizationEndpoint            string   `json:"authorization_endpoint"`
	TokenEndpoint                    string   `json:"token_endpoint"`
	RevocationEndpoint               string   `json:"revocation_endpoint"`
	IntrospectionEndpoint            string   `json:"introspection_endpoint"`
	UserinfoEndpoint                 string   `json:"userinfo_endpoint"`
	JWKSURI                          string   `json:"jwks_uri"`
	ScopesSupported                  []string `json:"scopes_supported"`
	ResponseTypesSupported           []string `json:"response_types_supported"`
	ResponseModesSupported           []string `json:"response_modes_supported"`
	GrantTypesSupported              []string `json:"grant_types_supported"`
	TokenEndpointAuthMethodsSupport  []string `json:"token_endpoint_auth_methods_supported"`
	SubjectTypesSupported            []string `json:"subject_types_supported"`
	IDTokenSigningAlgValuesSupported []string `json:"id_token_signing_alg_values_supported"`
	ClaimTypesSupported              []string `json:"claim_types_supported"`
	ClaimsSupported                  []string `json:"claims_supported"`
	CodeChallengeMethodsSupported    []string `json:"code_challenge_methods_supported"`
}

// discoveryOf is GitLab's answer with the members of its newer versions. The
// endpoints for signing users in are named as GitLab names them; this issuer
// does not serve them, and no reader of CI/CD tokens asks for them.
func discoveryOf(url string) discovery {
	return discovery{
		Issuer:                url,
		AuthorizationEndpoint: url + "/oauth/authorize",
		TokenEndpoint:         url + "/oauth/token",
		RevocationEndpoint:    url + "/oauth/revoke",
		IntrospectionEndpoint: url + "/oauth/introspect",
		UserinfoEndpoint:      url + "/oauth/userinfo",
		JWKSURI:               url + keysPath,
		ScopesSupported: []string{
			"api", "read_api", "read_user", "create_runner", "manage_runner", "k8s_proxy",
			"self_rotate", "mcp", "read_repository", "write_repository", "read_registry",
			"write_registry", "read_virtual_registry", "write_virtual_registry",
			"read_observability", "write_observability", "ai_features", "sudo", "admin_mode",
			"read_service_ping", "openid", "profile", "email", "ai_workflows", "user:*",
		},
		ResponseTypesSupported: []string{"code"},
		ResponseModesSupported: []string{"query", "fragment", "form_post"},
		GrantTypesSupported: []string{
			"authorization_code", "password", "client_credentials", "device_code", "refresh_token",
		},
		TokenEndpointAuthMethodsSupport:  []string{"client_secret_basic", "client_secret_post"},
		SubjectTypesSupported:            []string{"public"},
		IDTokenSigningAlgValuesSupported: []string{"RS256"},
		ClaimTypesSupported:              []string{"normal"},
		ClaimsSupported: []string{
			"iss", "sub", "aud", "exp", "iat", "sub_legacy", "name", "nickname",
			"preferred_username", "email", "email_verified", "website", "profile", "picture",
			"groups", "groups_direct", "https://gitlab.org/claims/groups/owner",
			"https://gitlab.org/claims/groups/maintainer", "https://gitlab.org/claims/groups/developer",
			"project_path", "ci_config_ref_uri", "ref_path", "sha", "environment", "jti",
		},
		CodeChallengeMethodsSupported: []string{"plain", "S256"},
	}
}
