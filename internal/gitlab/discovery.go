package gitlab

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// The paths of the documents (GitLab's config/routes.rb).
const (
	discoveryPath = "/.well-known/openid-configuration"
	serverPath    = "/.well-known/oauth-authorization-server" // RFC 8414
	keysPath      = "/oauth/discovery/keys"
)

// Who may keep the documents how long. The keys' is that of GitLab's
// JwksController; of the others Rails writes what it writes where a controller
// says nothing.
const (
	documentCache = "max-age=0, private, must-revalidate"
	keysCache     = "max-age=86400, public, must-revalidate, no-transform"
)

// served is a document as it is sent.
type served struct {
	body        []byte
	cache, etag string
}

// newServed reckons the ETag as Rack::ETag does: half of the SHA-256 in hex.
func newServed(document any, cache string) (served, error) {
	body, err := json.Marshal(document)
	if err != nil {
		return served{}, fmt.Errorf("gitlab: write a document: %w", err)
	}
	sum := sha256.Sum256(body)
	return served{body, cache, `W/"` + hex.EncodeToString(sum[:])[:32] + `"`}, nil
}

// publish renders the documents.
func (i *Issuer) publish() error {
	set := struct {
		Keys []publicKey `json:"keys"`
	}{}
	for _, key := range i.keys.public() {
		k, err := newPublicKey(key)
		if err != nil {
			return err
		}
		set.Keys = append(set.Keys, k)
	}
	i.kid = set.Keys[1].Kid
	own := discoveryOf(i.url)
	documents := map[string]any{
		i.root + discoveryPath: own,
		i.root + serverPath:    authorizationServer{own, i.url + "/oauth/register"},
	}
	for _, path := range i.paths {
		documents[i.root+path+discoveryPath] = minimalDiscovery(i.url+path, i.url+keysPath)
	}
	i.documents = make(map[string]served, len(documents)+1)
	var err error
	for path, document := range documents {
		if i.documents[path], err = newServed(document, documentCache); err != nil {
			return err
		}
	}
	keys, err := newServed(set, keysCache)
	i.documents[i.root+keysPath] = keys
	i.keySet = keys.body
	return err
}

// KeySet returns the public keys as a JSON Web Key Set (RFC 7517), as it is
// served at /oauth/discovery/keys.
func (i *Issuer) KeySet() []byte { return append([]byte(nil), i.keySet...) }

// Discovery returns the OpenID Connect discovery document, as it is served at
// /.well-known/openid-configuration. Its issuer is the instance's URL, whatever
// the issuer of ID tokens.
func (i *Issuer) Discovery() []byte {
	return append([]byte(nil), i.documents[i.root+discoveryPath].body...)
}

// Published returns the discovery document that fits ID tokens: with their
// issuer, and the keys below it, at the path where GitLab has them. GitLab Docs,
// "Configure a non-public GitLab instance" of its OpenID Connect pages, has it
// put together by hand.
func (i *Issuer) Published() ([]byte, error) {
	d := discoveryOf(i.url)
	d.Issuer, d.JWKSURI = i.iss, i.iss+keysPath
	s, err := newServed(d, documentCache)
	return s.body, err
}

// Handler serves the documents, each under the relative root of the URL.
// Anything else is 404, and another method than GET, HEAD and OPTIONS is 405.
//
// The headers are GitLab's: the key set may be cached for a day, any origin may
// read all, without credentials. Source: GitLab's JwksController and its request
// specs; for the answer to OPTIONS, rack-cors.
func (i *Issuer) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d, ok := i.documents[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		h := w.Header()
		h.Set("Access-Control-Allow-Origin", "*")
		h.Set("Access-Control-Allow-Methods", "GET, HEAD")
		switch r.Method {
		case http.MethodGet, http.MethodHead:
			d.serve(w, r)
		case http.MethodOptions:
			h.Set("Access-Control-Max-Age", "7200")
			w.WriteHeader(http.StatusOK)
		default:
			h.Set("Allow", "GET, HEAD, OPTIONS")
			http.Error(w, "Method Not Allowed", http.StatusMethodNotAllowed)
		}
	})
}

func (d served) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", d.cache)
	h.Set("ETag", d.etag)
	for tag := range strings.SplitSeq(r.Header.Get("If-None-Match"), ",") {
		if tag = strings.TrimSpace(tag); tag == d.etag || tag == "*" {
			w.WriteHeader(http.StatusNotModified)
			return
		}
	}
	h.Set("Content-Type", "application/json; charset=utf-8")
	// The client is gone if this fails; there is no one to tell.
	_, _ = w.Write(d.body)
}

// authorizationServer is the document of RFC 8414, the same with one member
// more.
type authorizationServer struct {
	discovery
	RegistrationEndpoint string `json:"registration_endpoint"`
}

// minimalDiscovery is what OpenID Connect Discovery 1.0, section 3, requires of
// an issuer whose tokens come without a sign-in.
func minimalDiscovery(issuer, keys string) any {
	return struct {
		Issuer             string   `json:"issuer"`
		JWKSURI            string   `json:"jwks_uri"`
		SubjectTypes       []string `json:"subject_types_supported"`
		ResponseTypes      []string `json:"response_types_supported"`
		Claims             []string `json:"claims_supported"`
		IDTokenSigningAlgs []string `json:"id_token_signing_alg_values_supported"`
		Scopes             []string `json:"scopes_supported"`
	}{
		issuer, keys,
		[]string{"public"},
		[]string{"id_token"},
		[]string{"sub", "aud", "exp", "iat", "iss"},
		[]string{"RS256"},
		[]string{"openid"},
	}
}

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
