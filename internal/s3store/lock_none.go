//go:build !darwin && !dragonfly && !freebsd && !linux && !netbsd && !openbsd

package s3store

import (
	"context"
	"errors"
)

const (
	canLock    = false
	lockShards = 1
)

// lock does not exist here; Open refuses.
func (g *guarded) lock(context.Context, string, string) (func(), error) {
	return nil, errors.ErrUnsupported
}
