package s3

import (
	"io"
	"maps"
	"slices"
	"time"
)

// SetPatience is for tests that have none.
func (h *Handler) SetPatience(d time.Duration) { h.patience = d }

// SetFormMemory bounds what forms hold, and FormMemory is what of it is left.
func (h *Handler) SetFormMemory(fields, files int64) {
	h.fields, h.files = &budget{left: fields}, &budget{left: files}
}

// FormMemory is what SetFormMemory was given, when no form is at work.
func (h *Handler) FormMemory() (fields, files int64) {
	h.fields.mu.Lock()
	defer h.fields.mu.Unlock()
	h.files.mu.Lock()
	defer h.files.mu.Unlock()
	return h.fields.left, h.files.left
}

// CarriedOut are the operations that are answered here or forwarded.
func CarriedOut() []string {
	return slices.Sorted(func(yield func(string) bool) {
		for name := range maps.Keys(answeredHere) {
			if !yield(name) {
				return
			}
		}
		for name := range maps.Keys(forwarded) {
			if !yield(name) {
				return
			}
		}
	})
}

// Instead are the sentences of what is not carried out.
func Instead() map[string]string { return instead }

// NewCompletion is an answer to CompleteMultipartUpload.
func NewCompletion(store io.ReadCloser, change func([]byte) []byte) io.Reader {
	return &completion{store: store, change: change}
}
