package s3store

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"slices"
)

// strayName is what the server calls an object's file for the moment in which it
// takes another's place (backend/posix/with_otmpfile.go of versitygw 1.8.0). One
// that lies there was left by a process that was killed in that moment.
var strayName = regexp.MustCompile(`(?s)^(.*/)?\.([^/]+)\.sgwtmp\.[0-9]+$`)

// strayOf gives the key that a stray file was to have.
func strayOf(key string) (string, bool) {
	parts := strayName.FindStringSubmatch(key)
	if parts == nil {
		return "", false
	}
	return parts[1] + parts[2], true
}

// withoutStrays leaves stray files out of a listing, and removes them.
func withoutStrays[T any](ctx context.Context, g *guarded, bucket string, list []T, key func(T) *string) []T {
	return slices.DeleteFunc(list, func(entry T) bool {
		name := text(key(entry))
		original, stray := strayOf(name)
		if !stray {
			return false
		}
		// Under the lock of its key no file of that name is at work. What cannot
		// be removed now is left for another time.
		if unlock, err := g.lock(ctx, bucket, original); err == nil {
			_ = os.Remove(filepath.Join(g.keeper.buckets, bucket, name))
			unlock()
		}
		return true
	})
}
