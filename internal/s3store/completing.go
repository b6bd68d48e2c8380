package s3store

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/versity/versitygw/s3err"
)

// completing lets one request at a time complete an upload. The server answers a
// second one with success while the first is at work, which can still fail
// (backend/posix of versitygw 1.8.0).
type completing struct {
	mu    sync.Mutex
	ended map[string]chan struct{} // by upload; closed at the end of the request
}

// begin waits for its turn, and gives the function that ends it.
func (c *completing) begin(ctx context.Context, upload string) (func(), error) {
	for {
		c.mu.Lock()
		other, busy := c.ended[upload]
		if !busy {
			if c.ended == nil {
				c.ended = map[string]chan struct{}{}
			}
			mine := make(chan struct{})
			c.ended[upload] = mine
			c.mu.Unlock()
			return func() {
				c.mu.Lock()
				delete(c.ended, upload)
				c.mu.Unlock()
				close(mine)
			}, nil
		}
		c.mu.Unlock()
		select {
		case <-other:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// completable is nil if the upload is there, or has become the object that is
// there: the same answer is then given again. Of any other upload the server
// would say that it is complete, if only there is an object of that key.
func (g *guarded) completable(bucket, key, uploadID string) error {
	_, err := os.Stat(filepath.Join(g.keeper.buckets, bucket, uploadPath(key, uploadID)))
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if g.completed(bucket, key, uploadID) {
		return nil
	}
	return s3err.GetNoSuchUploadErr(uploadID)
}
