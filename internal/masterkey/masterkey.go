// Package masterkey holds the key under which long-lived secrets lie at rest:
// access keys, upstream credentials, the key ring of sessions.
//
// The key is a file that only its owner may read. It is made once, by Create,
// and never again on its own: Load refuses a file that is missing or damaged,
// because a fresh key in its place would turn everything sealed under the old
// one into noise, and do so silently. Keep a copy of the file apart from the
// copies of the database; either without the other is worth nothing.
//
// Sealing is XAES-256-GCM from a Tink keyset. The associated data should name
// the record that a secret belongs to, so that sealed values cannot be swapped
// between records: Open with other associated data fails.
//
// A key is a keyset: it opens what any key of the set has sealed, and one of
// them, the primary, seals. So the master key can be rotated while values that
// lie under the old one are sealed anew (see Add, SealWith, Drop). Which key
// seals is told by the store that all nodes share, not by the file. Beside a
// file, a key set can come from an environment variable or a credential of
// systemd's, and can be encrypted under a key of a KMS (see Source).
package masterkey

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/daypass/daypass/internal/durable"
)

// The reasons for which a key file is refused, and the one for which a sealed
// value is. Test for them with errors.Is.
var (
	// ErrMissing: there is no file. It matches fs.ErrNotExist too.
	ErrMissing = fmt.Errorf("masterkey: file is missing: %w", fs.ErrNotExist)
	// ErrExists: Create found a file in its place. It matches fs.ErrExist too.
	ErrExists = fmt.Errorf("masterkey: file exists: %w", fs.ErrExist)
	// ErrPermissions: others than the owner can read or write the file, or it
	// is no regular file.
	ErrPermissions = errors.New("masterkey: file is open to others")
	// ErrDamaged: the file is not as Create wrote it.
	ErrDamaged = errors.New("masterkey: file is damaged")
	// ErrKMS: the key set is encrypted under a key of a KMS, and the KMS did not
	// decrypt it, or is another than the one that is configured.
	ErrKMS = errors.New("masterkey: the KMS does not give the key")
	// ErrFixed: the source of the key set cannot be written.
	ErrFixed = errors.New("masterkey: the key set cannot be written where it comes from")
	// ErrUnknownKey: the key set has no key of that id.
	ErrUnknownKey = errors.New("masterkey: the key set has no such key")
	// ErrOpen: a sealed value does not open. It was changed, sealed under
	// another key, or sealed with other associated data; which, cannot be told.
	ErrOpen = errors.New("masterkey: sealed value does not open")
)

// FileError is a key file that cannot be used, with what to do about it.
type FileError struct {
	Path string
	Next string // the next step, a sentence without full stop
	Err  error  // one of the sentinels, or the operating system's error
}

// Error names the file and the next step. It holds nothing of the key.
func (e *FileError) Error() string {
	return fmt.Sprintf("masterkey: %s: %v: %s", e.Path, e.Err, e.Next)
}

// Unwrap gives the cause.
func (e *FileError) Unwrap() error { return e.Err }

const restore = "restore the file from its backup; a new key cannot open what this one sealed"

// Create makes a new key and writes it to a new file at path, readable by its
// owner only. When it returns the file is on the disk, and so is its name. It
// never replaces a file: ErrExists. Errors are *FileError.
func Create(path string) (*Key, error) { return CreateAt(FileSource(path)) }

// Load reads the key at path. It refuses a file that is missing (ErrMissing),
// damaged (ErrDamaged), or that others can read or write (ErrPermissions), and
// never makes one. Errors are *FileError.
func Load(path string) (*Key, error) { return Open(FileSource(path)) }

// writeNew writes a file that was not there, down to the disk.
func writeNew(path string, text []byte) error {
	err := durable.Create(path, text, 0o600)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrExist):
		return &FileError{Path: path, Next: "load it, or name another path; it is not replaced", Err: ErrExists}
	default:
		return &FileError{Path: path, Next: "see whether its directory is there and belongs to the user that runs daypass, and whether the disk is full", Err: err}
	}
}
