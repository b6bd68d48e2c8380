package s3

import (
	"net/http"
	"sync"
)

// What forms hold in memory at once. Whoever has a connection can begin a form
// without being let in, and forms that are let in are handed to browsers of people
// nobody knows. So what they hold together is bounded, however many come, and who
// comes when it is taken is told to come later.
const (
	// fieldsAtOnce are the bytes of forms whose senders are not known yet: some
	// eight hundred forms.
	fieldsAtOnce = 64 << 20
	// filesAtOnce are the bytes of files on their way to a store: thirty-two forms
	// with large files, and more with small ones.
	filesAtOnce = 32 * partSize
)

// budget is a number of bytes that are given out and come back.
type budget struct {
	mu   sync.Mutex
	left int64
}

// take takes so many, or refuses in S3's words. Who took gives them back, once.
func (b *budget) take(n int64) (giveBack func(), err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if n > b.left {
		return nil, slowDown()
	}
	b.left -= n
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.left += n
	}, nil
}

// slowDown is S3's for more than it serves at once (S3 API Reference, "List of
// error codes"); the SDKs wait and try again.
func slowDown() *refused {
	return fault("SlowDown", http.StatusServiceUnavailable, "Please reduce your request rate.")
}
