package server

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/daypass/daypass/internal/arn"
	"github.com/daypass/daypass/internal/audit"
	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/console"
	"github.com/daypass/daypass/internal/directory"
	"github.com/daypass/daypass/internal/jwks"
	"github.com/daypass/daypass/internal/store"
)

// SignIn is an OpenID Connect provider by which people sign in to the console, under
// one role. Its trust policy decides who may.
type SignIn struct {
	Name     string // for people; "" is the issuer's host
	Issuer   string // https://HOST
	ClientID string
	// ClientSecretFile has the client's secret; "" for a public client.
	ClientSecretFile string
	Scopes           []string // beside openid
	Role             string   // ARN
	// Duration is that of the sessions, 15 minutes to 12 hours; 0 is an hour.
	Duration time.Duration
}

// check refuses what cannot work.
func (s *SignIn) check() error {
	issuer, err := url.Parse(s.Issuer)
	switch _, _, isRole := arn.RoleName(s.Role); {
	case err != nil || issuer.Scheme != "https" || issuer.Host == "" || issuer.RawQuery != "" || issuer.Fragment != "":
		return optionErrorf("server: the issuer for signing in to the console, %q, is no URL over https", s.Issuer)
	case s.ClientID == "":
		return optionErrorf("server: signing in to the console by %s needs the ID of a client that is registered there", s.Issuer)
	case !isRole:
		return optionErrorf("server: the role for signing in to the console, %q, is no role's ARN; write arn:aws:iam::ACCOUNT:role/NAME", s.Role)
	case s.Duration != 0 && (s.Duration < 15*time.Minute || s.Duration > 12*time.Hour):
		return optionErrorf("server: sessions of people last 15 minutes to 12 hours, not %v", s.Duration)
	}
	return nil
}

func (s *SignIn) provider(client *http.Client) (*console.Provider, error) {
	p := &console.Provider{
		Name: s.Name, Issuer: s.Issuer, ClientID: s.ClientID, Scopes: s.Scopes, Role: s.Role, Duration: s.Duration, Client: client,
	}
	if p.Name == "" {
		p.Name = strings.TrimPrefix(s.Issuer, "https://")
	}
	if s.ClientSecretFile != "" {
		text, err := os.ReadFile(s.ClientSecretFile)
		if err != nil {
			return nil, fmt.Errorf("server: the secret of the client for signing in to the console: %w", err)
		}
		if p.ClientSecret = strings.TrimSpace(string(text)); p.ClientSecret == "" {
			return nil, fmt.Errorf("server: the secret of the client for signing in to the console, %s, is empty", s.ClientSecretFile)
		}
	}
	return p, nil
}

func (n *node) newConsole(c *Config, api *awsapi.API, front http.Handler, sealer console.Sealer, keys *jwks.Cache) (*console.Console, error) {
	config := console.Config{
		Front: front, Note: noteConsole(api), Sealer: sealer, SignOuts: signOuts{n.directory, c.Now}, Now: c.Now, Random: c.Random, Log: c.Log, Public: &url.URL{},
	}
	if c.PublicURL != "" {
		public, err := url.Parse(c.PublicURL)
		if err != nil {
			return nil, err // it was checked
		}
		config.Public = public
	}
	if c.SignIn != nil {
		if c.PublicURL == "" {
			return nil, optionErrorf("server: to sign in to the console by %s the server must know the URL under which browsers reach it; set publicUrl", c.SignIn.Issuer)
		}
		var err error
		if config.Provider, err = c.SignIn.provider(keys.Client(c.SignIn.Issuer)); err != nil {
			return nil, err
		}
	}
	return console.New(config)
}

// noteConsole puts sign-ins on the record.
func noteConsole(api *awsapi.API) func(*http.Request, *console.Entry) error {
	return func(r *http.Request, entry *console.Entry) error {
		e := &audit.Event{
			Service: "signin", Operation: entry.Operation, Status: entry.Status, Account: entry.Account, Principal: entry.Principal, AccessKey: entry.AccessKeyID,
		}
		if f := entry.Fault; f != nil {
			e.Fault, e.Code, e.Message, e.Reason = f.Kind.String(), f.Code, f.Message, f.Reason
		}
		return api.Note(r, e)
	}
}

// signOuts keeps them in the store, as revocations.
type signOuts struct {
	directory *directory.Directory
	now       func() time.Time
}

func (s signOuts) Has(account, id string) bool { return s.directory.Snapshot().SignedOut(account, id) }

func (s signOuts) Add(ctx context.Context, account, id string, until time.Time) error {
	r := store.Revocation{
		Account: account, ID: "sign-in-" + rand.Text(), Kind: store.RevocationSignIn, SignIn: id,
		Created: s.now().UTC(), Until: until.UTC(),
	}
	if err := r.Check(); err != nil {
		return err
	}
	return s.directory.Update(ctx, func(tx store.Tx) error {
		return store.PutRecord(tx, store.RevocationID(account, r.ID), r)
	})
}
