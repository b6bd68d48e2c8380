package client

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/daypass/daypass/internal/durable"
)

// Cache keeps credentials between the runs of a credential_process, which AWS's
// clients call anew for each command: in files of mode 0600 in a directory of mode
// 0700, one for each job and everything that was asked for it. It is a Source.
type Cache struct {
	Dir    string
	Source *Exchange
	// Early is how long before they expire credentials are replaced: at most, for it
	// is never more than half of their life.
	Early time.Duration
}

// DefaultEarly is what the CLI's own sources of credentials have, about.
const DefaultEarly = 5 * time.Minute

// lockPause lies between two tries to have the lock.
const lockPause = 20 * time.Millisecond

// Credentials implements Source. Of many processes that call it at once, one asks
// STS, and the others take what it got.
//
// Where STS cannot be reached and the kept credentials have not expired, they are
// given. Where it denies fresh ones, they are not: who was locked out is out.
func (c *Cache) Credentials(ctx context.Context) (given Credentials, err error) {
	path, err := c.path(ctx)
	if err != nil {
		return Credentials{}, err
	}
	if kept, ok := c.read(path); ok {
		return kept, nil
	}
	unlock, err := c.lock(ctx, path)
	if err != nil {
		return Credentials{}, err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	kept, fresh := c.read(path) // another process may have been quicker
	if fresh {
		return kept, nil
	}
	got, err := c.Source.Credentials(ctx)
	if err != nil {
		var e *Error
		if errors.As(err, &e) && e.Kind == Unreachable && c.stillGood(&kept) {
			return kept, nil
		}
		return Credentials{}, err
	}
	text, err := got.ProcessJSON()
	if err != nil {
		return Credentials{}, err
	}
	stored := storedCredentials(c.Source.STS.Now(), text)
	if err := durable.Replace(path, stored, 0o600); err != nil {
		return Credentials{}, fmt.Errorf("client: keep the credentials: %w", err)
	}
	c.clear(path)
	return got, nil
}

// clear takes away what other jobs have left and nobody can use any more. What cannot
// be taken away stays. Locks stay too: who waits for one must find the same file.
func (c *Cache) clear(but string) {
	all, err := filepath.Glob(filepath.Join(c.Dir, "*.json"))
	if err != nil {
		return
	}
	for _, path := range all {
		text, err := os.ReadFile(path)
		if err != nil || path == but {
			continue
		}
		_, rest, _ := strings.Cut(string(text), "\n")
		if kept, err := parseProcessJSON([]byte(rest)); err == nil && kept.Expiration.Before(c.Source.STS.Now()) {
			_ = os.Remove(path)
		}
	}
}

// path names the file of this job and question. Whatever would make other
// credentials is part of it.
func (c *Cache) path(ctx context.Context) (string, error) {
	job, err := c.Source.Tokens.Key(ctx)
	if err != nil {
		return "", err
	}
	x := c.Source
	parts := []string{job, x.RoleARN, x.SessionName, x.Duration.String(), x.Policy, strings.Join(x.PolicyARNs, ","), x.STS.Endpoint, x.STS.Region}
	for _, hop := range x.Then {
		parts = append(parts, hop.RoleARN, hop.ExternalID, fmt.Sprint(hop.Tags)) // fmt sorts maps
	}
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return "", fmt.Errorf("client: %w", err)
	}
	info, err := os.Stat(c.Dir)
	if err != nil {
		return "", fmt.Errorf("client: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 && durable.CanLock { // where modes mean something
		return "", fmt.Errorf("client: others can look into %s, where credentials are to be kept (mode %04o); chmod 700, or name another with --cache-dir", c.Dir, info.Mode().Perm())
	}
	return filepath.Join(c.Dir, hashOf(parts...)[:40]+".json"), nil
}

// storedCredentials is a line that says when they were got, then their JSON.
func storedCredentials(now time.Time, text []byte) []byte {
	return append([]byte(now.UTC().Format(time.RFC3339)+"\n"), text...)
}

// read gives what is kept; fresh says that it need not be replaced yet. What cannot
// be read is as if it were not there.
func (c *Cache) read(path string) (kept Credentials, fresh bool) {
	info, err := os.Lstat(path)
	if err != nil || !info.Mode().IsRegular() || durable.CanLock && info.Mode().Perm()&0o077 != 0 {
		return Credentials{}, false
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return Credentials{}, false
	}
	first, rest, ok := strings.Cut(string(text), "\n")
	got, err := time.Parse(time.RFC3339, first)
	if !ok || err != nil {
		return Credentials{}, false
	}
	if kept, err = parseProcessJSON([]byte(rest)); err != nil {
		return Credentials{}, false
	}
	now := c.Source.STS.Now()
	early := min(c.Early, kept.Expiration.Sub(got)/2)
	if c.Source.Expect.check(&kept, now) != nil {
		return Credentials{}, false
	}
	return kept, !got.After(now) && kept.Expiration.Sub(now) > early
}

func (c *Cache) stillGood(kept *Credentials) bool {
	return kept.AccessKeyID != "" && c.Source.Expect.check(kept, c.Source.STS.Now()) == nil
}

// lock waits for the file's lock.
func (c *Cache) lock(ctx context.Context, path string) (unlock func() error, err error) {
	for {
		held, err := durable.TryLock(path + ".lock")
		if err != nil {
			return nil, err
		}
		if held != nil {
			return held.Close, nil
		}
		if err := c.Source.STS.Sleep(ctx, lockPause); err != nil {
			return nil, fmt.Errorf("client: another process is getting the same credentials and has not ended: %w", err)
		}
	}
}
