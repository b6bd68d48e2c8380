package store_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/daypass/daypass/internal/store"
)

func TestCheckPut(t *testing.T) {
	t.Parallel()
	isInvalid := func(err error) bool { return errors.Is(err, store.ErrInvalidID) }
	isLimit := func(err error) bool {
		var limit *store.LimitError
		return errors.As(err, &limit)
	}
	tests := []struct {
		name     string
		id       store.ID
		document int              // bytes
		is       func(error) bool // nil: no error
		message  string
	}{
		{"least", store.ID{Kind: "k", Key: "a"}, 0, nil, ""},
		{"most", store.ID{Kind: "k", Account: "1", Key: strings.Repeat("é", store.MaxKeyBytes/2)}, store.MaxDocumentBytes, nil, ""},
		{"no kind", store.ID{Key: "a"}, 0, isInvalid, "lacks its kind or its key"},
		{"no key", store.ID{Kind: "k"}, 0, isInvalid, "lacks its kind or its key"},
		{"NUL", store.ID{Kind: "k", Key: "a\x00"}, 0, isInvalid, `k "a\x00" of account "" is not UTF-8 without NUL`},
		{"not UTF-8", store.ID{Kind: "k", Account: "\x80", Key: "a"}, 0, isInvalid, "is not UTF-8"},
		{"document", store.RoleID("1", "a"), store.MaxDocumentBytes + 1, isLimit, `document of role "a" of account "1" has 1048577 bytes, at most 1048576 can be kept`},
		{"key", store.ID{Kind: "k", Key: strings.Repeat("é", 513)}, 0, isLimit, `key of k "` + strings.Repeat("é", 32) + `…" of account "" has 1026 bytes`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			err := store.CheckPut(tt.id, make([]byte, tt.document))
			switch {
			case tt.is == nil && err != nil:
				t.Fatal(err)
			case tt.is != nil && (err == nil || !tt.is(err) || !strings.Contains(err.Error(), tt.message)):
				t.Fatalf("error is %v, want one with %q", err, tt.message)
			}
		})
	}
}
