package main

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/daypass/daypass/internal/publish"
	"github.com/daypass/daypass/internal/publish/ledger"

	"github.com/spf13/cobra"
)

// oneArgument asks for exactly one, and for no token.
func oneArgument(what string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) != 1 {
			return usageError{fmt.Errorf("%s; see \"%s --help\"", what, c.CommandPath())}
		}
		if compact.MatchString(args[0]) {
			return noToken(c, args)
		}
		return nil
	}
}

func readPublicKey(path string) (ledger.Key, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return ledger.Key{}, usageError{err}
	}
	keys, err := ledger.ParseKeys(text)
	if err != nil {
		return ledger.Key{}, fmt.Errorf("%s: %w", path, err)
	}
	if len(keys) != 1 {
		return ledger.Key{}, usageError{fmt.Errorf("%s holds %d keys; stage one at a time", path, len(keys))}
	}
	return keys[0], nil
}

func newPublishStageKey() *cobra.Command {
	var f publishFlags
	c := &cobra.Command{
		Use:   "stage-key FILE",
		Short: "Publish a key before the issuer signs with it",
		Long: `Publish a key before the issuer signs with it, so that every cache has it when it
does. The file holds the public half, as PEM or JWK; of PEM the kid is the key's
thumbprint, as GitLab has it. A person approves it with --approve.` + publishExitCodes,
		Example: `  openssl pkey -in new.pem -pubout -out new.pub
  daypass publish stage-key new.pub --approve THUMBPRINT --issuer https://oidc.example.com --to s3://oidc-example-an --expected-bucket-owner 123456789012`,
		Args: oneArgument("which key? Name the file with its public half"),
		RunE: func(c *cobra.Command, args []string) error { return publishError(c, f.stage(c, args[0])) },
	}
	f.addAll(c)
	return c
}

func (f *publishFlags) stage(c *cobra.Command, path string) error {
	key, err := readPublicKey(path)
	if err != nil {
		return err
	}
	p, err := f.setUp(c)
	if err != nil {
		return err
	}
	request, err := f.request(c, p, nil)
	if err != nil {
		return err
	}
	request.Stage = []ledger.Key{key}
	return f.follow(c, p, request)
}

func newPublishRevoke() *cobra.Command {
	var f publishFlags
	var acceptNoKey bool
	c := &cobra.Command{
		Use:   "revoke KEY",
		Short: "Take a compromised key out now, and never let it in again",
		Long: `Take a key out now, by its kid or thumbprint, without overlap: for one whose private
half may be known to others. It is never published again. Tokens that it signed
are refused as soon as caches let go of the set, which is told.

What AWS gave out for such tokens lives on: revoke the sessions of the roles too.` + publishExitCodes,
		Args: oneArgument("which key? Give its kid or thumbprint"),
		RunE: func(c *cobra.Command, args []string) error {
			return publishError(c, f.revoke(c, args[0], acceptNoKey))
		},
	}
	f.addAll(c)
	c.Flags().BoolVar(&acceptNoKey, "accept-no-key", false, "accept that no key is left with which the issuer may sign: every job is refused until another is published")
	return c
}

func (f *publishFlags) revoke(c *cobra.Command, name string, acceptNoKey bool) error {
	p, err := f.setUp(c)
	if err != nil {
		return err
	}
	result, err := p.Revoke(c.Context(), name, acceptNoKey)
	if err != nil {
		return err
	}
	err = f.endPublish(c, result, false)
	if f.output == "text" {
		_, _ = fmt.Fprintf(c.OutOrStdout(), "caches may hold the key until %s (%v); credentials that were given out for its tokens live until they expire\n",
			p.Now().Add(f.maxAge).UTC().Format(time.RFC3339), f.maxAge)
	}
	return err
}

func newPublishRotate() *cobra.Command {
	var f publishFlags
	var patience time.Duration
	c := &cobra.Command{
		Use:   "rotate FILE",
		Short: "Walk through the rotation of the signing key",
		Long: `Walk through the rotation of the key with which GitLab signs ID tokens, so that no
token is refused at any time: publish the new key (see stage-key), wait until all
caches have it, say when to switch GitLab, wait until the issuer has the key, and
start the overlap of the old one. Watch or a later apply takes that out.

The file holds the public half of the new key. Stopped at any point and called
again, it goes on where it was.` + publishExitCodes,
		Args: oneArgument("which key? Name the file with the public half of the new one"),
		RunE: func(c *cobra.Command, args []string) error {
			return publishError(c, f.rotate(c, args[0], patience))
		},
	}
	f.addAll(c)
	f.addSource(c)
	c.Flags().DurationVar(&patience, "patience", 24*time.Hour, "how long to wait for GitLab to be switched, `TIME` as 2h")
	return c
}

func (f *publishFlags) rotate(c *cobra.Command, path string, patience time.Duration) error {
	key, err := readPublicKey(path)
	if err != nil {
		return err
	}
	upstream, err := f.upstream()
	if err != nil {
		return err
	}
	if upstream == nil {
		return errNoSource
	}
	p, err := f.setUp(c)
	if err != nil {
		return err
	}
	say := func(format string, args ...any) { _, _ = fmt.Fprintf(c.ErrOrStderr(), format+"\n", args...) }
	request, err := f.request(c, p, nil)
	if err != nil {
		return err
	}
	request.Stage = []ledger.Key{key}
	if _, err := p.Follow(c.Context(), request); err != nil {
		return err
	}
	state, err := p.State(c.Context())
	if err != nil {
		return err
	}
	published, _ := state.Find(key.Thumbprint())
	say("1/4 the key %s is public since %s", key.Thumbprint(), published.Since.Format(time.RFC3339))
	if published.Status == ledger.Staged {
		ready := published.Since.Add(f.maxAge)
		say("2/4 until %s caches may hold the set without it; do not switch GitLab yet", ready.Format(time.RFC3339))
		if err := sleep(c.Context(), ready.Sub(p.Now())); err != nil {
			return err
		}
		say("3/4 now give GitLab the new key (ci_jwt_signing_key; docs/publish.md says how), and run a job")
	}
	result, err := f.awaitSwitch(c, p, upstream, awaited{key: key, until: p.Now().Add(patience)})
	if err != nil {
		return err
	}
	say("4/4 the issuer has the new key; the old one stays for its overlap, and then apply or watch takes it out")
	return f.endPublish(c, result, false)
}

// awaited is a key that the issuer is to have.
type awaited struct {
	key   ledger.Key
	until time.Time
}

// rotatePause is how often the issuer is asked whether it was switched.
const rotatePause = 10 * time.Second

// awaitSwitch waits until the issuer has the key, and publishes that. A proof
// token, where one is named, must be signed with it; until a job has made one,
// the old one proves nothing new.
func (f *publishFlags) awaitSwitch(c *cobra.Command, p *publish.Publisher, upstream *publish.Upstream, a awaited) (*publish.Result, error) {
	for {
		request, err := f.request(c, p, upstream)
		has := false
		for _, k := range request.Upstream {
			has = has || k.Thumbprint() == a.key.Thumbprint()
		}
		proven := f.env == "" && f.file == "" || request.Proven == a.key.Thumbprint()
		if err == nil && has && proven {
			return p.Follow(c.Context(), request)
		}
		if p.Now().After(a.until) {
			return nil, errors.Join(errors.New("the issuer was not switched to the new key in time; it stays published, and rotate goes on when it is called again"), err)
		}
		if err := sleep(c.Context(), rotatePause); err != nil {
			return nil, err
		}
	}
}
