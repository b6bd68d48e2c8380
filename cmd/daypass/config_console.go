package main

import (
	"time"

	"github.com/daypass/daypass/internal/server"
)

// consoleConfiguration is what may be said of the console, which every server has.
type consoleConfiguration struct {
	// Enabled is whether there is a console, at `/console/`. By default there is.
	Enabled *bool `yaml:"enabled"`
	// SignIn is an OpenID Connect provider by which people sign in, beside access
	// keys.
	SignIn *signInConfiguration `yaml:"signIn"`
}

// signInConfiguration is a provider by which people sign in to the console. The ID
// token that it gives is traded for a session of one role, as a job's is: the account
// needs the provider with `clientId` as an audience, and the role's trust policy says
// who may. The server needs `publicUrl`; the client's redirect URI at the provider is
// that with `/console/api/sign-in/callback` behind it. See docs/console.md.
type signInConfiguration struct {
	// Name is what the button calls the provider. By default it is the issuer's host.
	Name string `yaml:"name"`
	// Issuer is the provider's issuer URL, `https://HOST`.
	Issuer string `yaml:"issuer"`
	// ClientID is the client that is registered for the console there.
	ClientID string `yaml:"clientId"`
	// ClientSecretFile is a file with the client's secret; none for a public client.
	ClientSecretFile string `yaml:"clientSecretFile"`
	// Scopes are asked for beside `openid`.
	Scopes []string `yaml:"scopes"`
	// Role is the ARN of the role that people act under.
	Role string `yaml:"role"`
	// Duration is how long a session lasts, `15m` to `12h`, and at most what the role
	// allows. By default it is `1h`; the console ends it after eight hours.
	Duration duration `yaml:"duration"`
}

// server is s as the server takes it.
func (s *signInConfiguration) server() *server.SignIn {
	if s == nil {
		return nil
	}
	return &server.SignIn{
		Name: s.Name, Issuer: s.Issuer, ClientID: s.ClientID, ClientSecretFile: s.ClientSecretFile, Scopes: s.Scopes, Role: s.Role, Duration: time.Duration(s.Duration),
	}
}
