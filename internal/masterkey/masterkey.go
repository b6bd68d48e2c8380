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
package masterkey

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/daypass/daypass/internal/durable"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	tinkpb "github.com/tink-crypto/tink-go/v2/proto/tink_go_proto"
	"github.com/tink-crypto/tink-go/v2/tink"
)

const (
	fileVersion = 1
	// maxFile bounds what Load reads, in bytes. A key takes a few hundred.
	maxFile     = 64 << 10
	xaesTypeURL = "type.googleapis.com/google.crypto.tink.XAesGcmKey"
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

// Key seals and opens secrets. It is immutable and safe for concurrent use. The
// zero Key does neither.
type Key struct {
	seal tink.AEAD
}

// String hides the key.
func (k *Key) String() string { return "master key" }

// GoString hides the key.
func (k *Key) GoString() string { return "master key" }

// file is what stands on disk. Sum makes a flipped bit in the key a damaged
// file rather than another key.
type file struct {
	Version int    `json:"version"`
	Keyset  []byte `json:"keyset"` // Tink keyset, binary, in clear
	Sum     []byte `json:"sum"`    // SHA-256 of Keyset
}

// Create makes a new key and writes it to a new file at path, readable by its
// owner only. When it returns the file is on the disk, and so is its name. It
// never replaces a file: ErrExists. Errors are *FileError.
func Create(path string) (*Key, error) {
	handle, err := keyset.NewHandle(aead.XAES256GCM192BitNonceKeyTemplate())
	if err != nil {
		return nil, &FileError{Path: path, Next: "look for a failing random number generator", Err: err}
	}
	var set bytes.Buffer
	if err := insecurecleartextkeyset.Write(handle, keyset.NewBinaryWriter(&set)); err != nil {
		return nil, &FileError{Path: path, Next: "nothing was written", Err: err}
	}
	sum := sha256.Sum256(set.Bytes())
	text, err := json.Marshal(file{Version: fileVersion, Keyset: set.Bytes(), Sum: sum[:]})
	if err != nil {
		return nil, &FileError{Path: path, Next: "nothing was written", Err: err}
	}
	if err := writeNew(path, append(text, '\n')); err != nil {
		return nil, err
	}
	return newKey(path, handle)
}

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

// Load reads the key at path. It refuses a file that is missing (ErrMissing),
// damaged (ErrDamaged), or that others can read or write (ErrPermissions), and
// never makes one. Errors are *FileError.
func Load(path string) (*Key, error) {
	f, err := os.Open(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, &FileError{Path: path, Next: restore, Err: ErrMissing}
	case err != nil:
		return nil, &FileError{Path: path, Next: "give the file to the user that runs daypass", Err: err}
	}
	defer f.Close() //nolint:errcheck // opened for reading
	info, err := f.Stat()
	if err != nil {
		return nil, &FileError{Path: path, Next: "look for a failing disk", Err: err}
	}
	if !info.Mode().IsRegular() {
		return nil, &FileError{Path: path, Next: "name a regular file", Err: ErrPermissions}
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return nil, &FileError{Path: path, Next: fmt.Sprintf("its mode is %04o; find out who could read it, then chmod 600", mode), Err: ErrPermissions}
	}
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, &FileError{Path: path, Next: "look for a failing disk", Err: err}
	}
	handle, err := parse(text)
	if err != nil {
		return nil, &FileError{Path: path, Next: restore, Err: err}
	}
	return newKey(path, handle)
}

// parse reads the text of a key file. No error tells any of it.
func parse(text []byte) (*keyset.Handle, error) {
	if len(text) > maxFile {
		return nil, fmt.Errorf("%w: longer than %d bytes", ErrDamaged, maxFile)
	}
	var from file
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&from); err != nil {
		return nil, fmt.Errorf("%w: it is not the JSON that was written", ErrDamaged)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w: something follows the key", ErrDamaged)
	}
	if from.Version != fileVersion {
		return nil, fmt.Errorf("%w: its version is %d, and this program reads version %d", ErrDamaged, from.Version, fileVersion)
	}
	if sum := sha256.Sum256(from.Keyset); subtle.ConstantTimeCompare(sum[:], from.Sum) != 1 {
		return nil, fmt.Errorf("%w: its sum does not fit its key", ErrDamaged)
	}
	handle, err := insecurecleartextkeyset.Read(keyset.NewBinaryReader(bytes.NewReader(from.Keyset)))
	if err != nil {
		return nil, fmt.Errorf("%w: it holds no keyset", ErrDamaged)
	}
	for _, key := range handle.KeysetInfo().GetKeyInfo() {
		if key.GetTypeUrl() != xaesTypeURL || key.GetOutputPrefixType() != tinkpb.OutputPrefixType_TINK {
			return nil, fmt.Errorf("%w: key %d is not an XAES-256-GCM key with Tink's prefix", ErrDamaged, key.GetKeyId())
		}
	}
	return handle, nil
}

func newKey(path string, handle *keyset.Handle) (*Key, error) {
	seal, err := aead.New(handle)
	if err != nil {
		return nil, &FileError{Path: path, Next: restore, Err: fmt.Errorf("%w: %w", ErrDamaged, err)}
	}
	return &Key{seal: seal}, nil
}

// Seal encrypts plain. Open gives it back only with equal associated data,
// which is not part of the result and need not be secret.
func (k *Key) Seal(plain, associated []byte) ([]byte, error) {
	if k == nil || k.seal == nil {
		return nil, errors.New("masterkey: no key: use Load or Create")
	}
	sealed, err := k.seal.Encrypt(plain, associated)
	if err != nil {
		return nil, fmt.Errorf("masterkey: seal: %w", err)
	}
	return sealed, nil
}

// Open decrypts what Seal made with the same associated data. The only error is
// ErrOpen.
func (k *Key) Open(sealed, associated []byte) ([]byte, error) {
	if k == nil || k.seal == nil {
		return nil, ErrOpen
	}
	plain, err := k.seal.Decrypt(sealed, associated)
	if err != nil {
		return nil, ErrOpen
	}
	return plain, nil
}
