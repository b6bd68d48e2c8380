package server

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/directory"
	"github.com/daypass/daypass/internal/s3"
	"github.com/daypass/daypass/internal/s3store"
	"github.com/daypass/daypass/internal/s3upstream"
)

// objectsDir is where the embedded store is, in the data directory.
const objectsDir = "objects"

// S3 says how Amazon S3 is served. The zero value serves none.
type S3 struct {
	// Embedded keeps buckets in the data directory, if no upstream takes them. A
	// process can have one such store.
	Embedded bool
	// IfPossible says that where the operating system or the file system of the
	// data directory cannot keep objects, the server does without, and says so.
	IfPossible bool
	// Hosts are names under which buckets are reached as BUCKET.HOST, without a
	// port; other hosts name the bucket in the path.
	Hosts []string
	// Upstreams are stores elsewhere, in the order in which they are asked whether
	// a bucket is theirs.
	Upstreams []Upstream
}

// Upstream is an S3-compatible store that keeps buckets.
type Upstream struct {
	Name   string // by which buckets' records name it; not empty
	Target s3upstream.Target
	// Account and Prefix say which buckets it takes: those of one account, "" for
	// all, whose names begin with the prefix.
	Account, Prefix string
	// Shared says that the store has buckets that others made: they belong to
	// Account.
	Shared bool
}

// openS3 opens the stores and makes the service, nil where there is no store. The
// stores are to be closed, also after an error.
func (n *node) openS3(ctx context.Context, c *Config, api *awsapi.API, dir *directory.Directory) (*s3.Handler, error) {
	var stores []s3.Store
	for _, u := range c.S3.Upstreams {
		if u.Name == "" {
			return nil, errors.New("server: an S3 upstream has no name")
		}
		client, err := s3upstream.New(u.Target, c.Now)
		if err != nil {
			return nil, fmt.Errorf("server: S3 upstream %s: %w", u.Name, err)
		}
		n.closers = append(n.closers, func() error { client.Close(); return nil })
		stores = append(stores, s3.Store{Name: u.Name, Client: client, Account: u.Account, Prefix: u.Prefix, Shared: u.Shared})
	}
	if c.S3.Embedded {
		client, err := n.openEmbedded(ctx, c)
		switch {
		case err == nil:
			stores = append(stores, s3.Store{Client: client})
		case c.S3.IfPossible && (errors.Is(err, s3store.ErrFileSystem) || errors.Is(err, errors.ErrUnsupported)):
			c.Log.Warn("buckets cannot be kept in the data directory, and none are", "error", err)
		case errors.Is(err, s3store.ErrOpen):
			return nil, fmt.Errorf("server: open the objects in the data directory: %w; one server has them: stop it, or start this one with s3.embedded: false in its configuration", err)
		default:
			return nil, fmt.Errorf("server: open the objects in the data directory: %w", err)
		}
	}
	if len(stores) == 0 {
		return nil, nil
	}
	objects, err := s3.New(s3.Config{API: api, Directory: dir, Stores: stores, Hosts: c.S3.Hosts})
	if err != nil {
		return nil, err
	}
	return objects, objects.Settle(ctx, c.Now(), true)
}

// openEmbedded opens the store in the data directory.
func (n *node) openEmbedded(ctx context.Context, c *Config) (*s3upstream.Client, error) {
	embedded, err := s3store.Open(ctx, s3store.Config{Dir: filepath.Join(c.DataDir, objectsDir), Now: c.Now, Log: c.Log})
	if err != nil {
		return nil, err
	}
	n.closers = append(n.closers, embedded.Close)
	client, err := s3upstream.New(embedded.Target(), c.Now)
	if err != nil {
		return nil, err
	}
	n.closers = append(n.closers, func() error { client.Close(); return nil })
	return client, nil
}

// close closes what the node opened, the last first.
func (n *node) close() error {
	var err error
	for i := len(n.closers) - 1; i >= 0; i-- {
		err = errors.Join(err, n.closers[i]())
	}
	return err
}
