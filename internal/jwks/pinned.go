package jwks

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/daypass/daypass/internal/oidc"
)

// fileInterval is how often a file of keys is read, at most, and only if a
// token comes. It is read whole and compared: times and sizes of files lie
// where copies are made within one tick, or keep the old time.
const fileInterval = 5 * time.Second

// keysFile is a provider's keys from a file. A file that cannot be used any
// more changes nothing: the keys stay, and the log says so once.
type keysFile struct {
	set  atomic.Pointer[oidc.KeySet] // swapped whole; read without the lock
	next atomic.Int64                // when the file is read again, in nanoseconds of Unix

	mu      sync.Mutex // guards the fields below, and is held while reading
	text    []byte     // as last read, good or not
	problem string     // of the last reading, as logged
}

// keys reads the file if it is time. Others go on with the keys they have while
// one reads; only the first keys are waited for.
func (k *keysFile) keys(c *Cache, path string) (Keys, error) {
	now := c.config.Now()
	set := k.set.Load()
	if set != nil && now.UnixNano() < k.next.Load() {
		return Keys{KeySet: set}, nil
	}
	if set == nil {
		k.mu.Lock()
	} else if !k.mu.TryLock() {
		return Keys{KeySet: set}, nil
	}
	defer k.mu.Unlock()
	k.reread(c, path)
	k.next.Store(now.Add(fileInterval).UnixNano())
	if set = k.set.Load(); set == nil {
		return Keys{}, fmt.Errorf("%w: %s", ErrKeysFile, k.problem)
	}
	return Keys{KeySet: set}, nil
}

// reread needs mu.
func (k *keysFile) reread(c *Cache, path string) {
	set, text, err := readKeysFile(path)
	switch {
	case err != nil:
		if problem := err.Error(); problem != k.problem && k.set.Load() != nil {
			c.config.Log.Error("a file of keys cannot be used; the keys read before stay in use", "file", path, "error", problem)
		}
		k.problem = err.Error()
	case k.set.Load() == nil || k.problem != "" || !bytes.Equal(text, k.text):
		if k.set.Load() != nil {
			c.config.Log.Info("a file of keys was read again", "file", path, "keys", set.Len())
		}
		k.set.Store(set)
		k.text, k.problem = text, ""
	}
}

// readKeysFile reads a JWK Set. A set that lists keys of which none can be used
// is a mistake; one that lists none withdraws them all, and may be meant.
func readKeysFile(path string) (*oidc.KeySet, []byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, nil, fmt.Errorf("keys file: %w", err)
	}
	if !info.Mode().IsRegular() { // a pipe would be waited for
		return nil, nil, fmt.Errorf("keys file: %s is no regular file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, fmt.Errorf("keys file: %w", err)
	}
	defer f.Close() //nolint:errcheck // only read
	text, err := io.ReadAll(io.LimitReader(f, oidc.MaxKeySetBytes+1))
	if err != nil {
		return nil, nil, fmt.Errorf("keys file: %w", err)
	}
	set, err := oidc.ParseKeySet(text)
	if err != nil {
		return nil, nil, fmt.Errorf("keys file: %s: %w", path, err)
	}
	if unused := set.Unused(); set.Len() == 0 && unused != "" {
		return nil, nil, fmt.Errorf("keys file: %s: %w", path, errors.New(unused))
	}
	return set, text, nil
}
