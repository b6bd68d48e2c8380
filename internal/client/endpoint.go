package client

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"
)

// endpointPath is where an Endpoint has its credentials.
const endpointPath = "/credentials"

// Endpoint serves credentials to AWS SDKs on this machine as the agents of containers
// do (AWS SDKs and Tools Reference Guide, "Container credential provider"). Whoever
// has its token has the credentials; it is for one program and what that starts.
type Endpoint struct {
	Source Source

	host  string // HOST:PORT as clients write it
	token string
}

// NewEndpoint makes an endpoint that listens on a loopback address.
func NewEndpoint(source Source, address string) (*Endpoint, error) {
	var random [32]byte
	if _, err := rand.Read(random[:]); err != nil {
		return nil, err
	}
	return &Endpoint{Source: source, host: address, token: base64.RawURLEncoding.EncodeToString(random[:])}, nil
}

// Variables are by which SDKs find the endpoint, each NAME=VALUE. The second is a
// secret.
func (e *Endpoint) Variables() []string {
	return []string{
		"AWS_CONTAINER_CREDENTIALS_FULL_URI=http://" + e.host + endpointPath,
		"AWS_CONTAINER_AUTHORIZATION_TOKEN=" + e.token,
	}
}

// Environ is the environment of a program that is to have the endpoint and no other
// credentials, and the names of the variables that were taken out for it.
func (e *Endpoint) Environ(environ []string) (with, removed []string) {
	with, removed = Scrub(environ)
	return append(with, e.Variables()...), removed
}

// containerCredentials are what SDKs read.
type containerCredentials struct {
	AccessKeyID     string `json:"AccessKeyId"`
	SecretAccessKey string
	Token           string
	Expiration      time.Time
	AccountID       string `json:"AccountId,omitempty"`
	RoleARN         string `json:"RoleArn,omitempty"` // of the session
}

// ServeHTTP implements http.Handler. A page of a browser that got a name of its own to
// point to this address (DNS rebinding) is not answered, nor is anybody who has not
// the token.
func (e *Endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	switch {
	case r.Host != e.host:
		refuse(w, http.StatusForbidden, "Forbidden", "this is not the address of the request")
	case !sameSecret(r.Header.Get("Authorization"), e.token):
		refuse(w, http.StatusUnauthorized, "Unauthorized", "the authorization token is missing or wrong")
	case r.URL.Path != endpointPath:
		refuse(w, http.StatusNotFound, "NotFound", "there is nothing here")
	case r.Method != http.MethodGet:
		h.Set("Allow", http.MethodGet)
		refuse(w, http.StatusMethodNotAllowed, "MethodNotAllowed", "credentials are got")
	default:
		e.serve(w, r)
	}
}

func (e *Endpoint) serve(w http.ResponseWriter, r *http.Request) {
	c, err := e.Source.Credentials(r.Context())
	if err != nil {
		status, code := http.StatusInternalServerError, "CredentialsUnavailable" // SDKs ask again
		var known *Error
		if errors.As(err, &known) && known.Kind != Unreachable {
			status = http.StatusBadRequest
			if known.Code != "" {
				code = known.Code
			}
		}
		refuse(w, status, code, "daypass: "+err.Error())
		return
	}
	account, _, _ := strings.Cut(strings.TrimPrefix(c.AssumedRoleARN[strings.Index(c.AssumedRoleARN, ":sts::")+1:], "sts::"), ":")
	text, err := json.Marshal(containerCredentials{c.AccessKeyID, c.SecretAccessKey, c.SessionToken, c.Expiration.UTC(), account, c.AssumedRoleARN})
	if err != nil {
		refuse(w, http.StatusInternalServerError, "CredentialsUnavailable", "the credentials could not be written")
		return
	}
	_, _ = w.Write(text) // a client that went away is told nothing
}

func refuse(w http.ResponseWriter, status int, code, message string) {
	text, err := json.Marshal(map[string]string{"code": code, "message": message})
	if err != nil {
		text = []byte("{}")
	}
	w.WriteHeader(status)
	_, _ = w.Write(text)
}

// sameSecret compares in constant time, lengths too.
func sameSecret(given, want string) bool {
	a, b := sha256.Sum256([]byte(given)), sha256.Sum256([]byte(want))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}
