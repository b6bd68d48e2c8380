//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package s3store

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

const (
	lockWait   = time.Millisecond
	maxWait    = 16 * time.Millisecond
	canLock    = true
	lockShards = 256
)

// lock takes the lock under which the server gives an object its name, and gives
// the function that lets it go. The server takes it to put and not to delete
// (backend/posix/objlock.go of versitygw 1.8.0; its issue 2200, where versions
// that were acknowledged are lost when a key is put and deleted at once).
func (g *guarded) lock(ctx context.Context, bucket, key string) (func(), error) {
	shard := sha256.Sum256([]byte(key))[0]
	slot := g.slots[shard]
	select {
	case slot <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	f, err := openLock(g.lockFiles(bucket), shard)
	if err == nil {
		err = flock(ctx, f)
	}
	if err != nil {
		<-slot
		return nil, fmt.Errorf("s3store: lock %s: %w", bucket, err)
	}
	return func() {
		_ = f.Close() // which unlocks
		<-slot
	}, nil
}

func openLock(dir string, shard byte) (*os.File, error) {
	if err := os.MkdirAll(dir, dirMode); err != nil {
		return nil, err
	}
	return os.OpenFile(filepath.Join(dir, fmt.Sprintf("%02x", shard)), os.O_RDWR|os.O_CREATE, fileMode)
}

// flock locks f, or closes it.
func flock(ctx context.Context, f *os.File) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for wait := lockWait; ; wait = min(2*wait, maxWait) {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			return errors.Join(err, f.Close())
		}
		timer.Reset(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			return errors.Join(ctx.Err(), f.Close())
		}
	}
}
