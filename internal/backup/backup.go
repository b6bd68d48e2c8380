// Package backup is the form of a backup: files in one stream, each whole and as it was
// written, or the backup is refused.
//
// A backup is a tar archive, compressed with gzip, and encrypted with age where there is
// somebody to encrypt it for (age-encryption.org/v1). Its first file, daypass-backup.json,
// says what it is: Header. Its last, manifest.json, lists the others with their sizes and
// SHA-256 hashes, so that one that was cut off has none; and a seal over the manifest,
// which only who has the master key can make, stands behind it, so that nobody else can
// change what is in a backup that is not encrypted. The package does not know what the
// files mean.
package backup

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"time"
)

// Format is the version of the form that this program writes. It reads this and none
// newer.
const Format = 1

const (
	headerName   = "daypass-backup.json"
	manifestName = "manifest.json"
	sealName     = "manifest.seal"
	// maxText bounds the header, the manifest and the seal, in bytes.
	maxText = 4 << 20
	ageLine = "age-encryption.org/"
)

var (
	// ErrDamaged says that the backup is not what was written: changed, cut off, or of
	// another kind.
	ErrDamaged = errors.New("backup: the backup is damaged")
	// ErrNewer says that a newer version wrote the backup.
	ErrNewer = errors.New("backup: a newer version of daypass wrote it")
	// ErrEncrypted says that the backup is encrypted and no identity was given, or none
	// that opens it.
	ErrEncrypted = errors.New("backup: the backup is encrypted")
	// ErrSeal says that the seal was made under another key, or for another manifest.
	ErrSeal = errors.New("backup: the master key is not the one that sealed it")
)

// Header says what a backup is.
type Header struct {
	Format  int       `json:"format"`
	Version string    `json:"version"` // of the program that wrote it
	Created time.Time `json:"created"`
	// Revision of the store, whose state the backup has.
	Revision int64    `json:"revision"`
	Accounts []string `json:"accounts"`
	// MasterKey says that the master key is in it.
	MasterKey bool `json:"masterKey"`
	// Record says that the record of requests is in it, of the node that wrote it.
	Record bool `json:"record"`
}

// File is one of the files of a backup.
type File struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"` // hexadecimal
}

// Manifest is what the last file says.
type Manifest struct {
	Header Header `json:"header"`
	Files  []File `json:"files"`
}

// Sealer seals under the master key.
type Sealer interface {
	Seal(plain, associated []byte) ([]byte, error)
}

// Opener opens what a Sealer sealed.
type Opener interface {
	Open(sealed, associated []byte) ([]byte, error)
}

// sealAssociated keeps a seal from being taken for anything else that is sealed.
var sealAssociated = []byte("daypass backup manifest")

// Writer writes one backup.
type Writer struct {
	manifest Manifest
	tar      *tar.Writer
	closers  []io.Closer // in the order in which they are closed
}

// NewWriter begins a backup on w, for recipients or, where there are none, in clear.
func NewWriter(w io.Writer, header Header, recipients ...Recipient) (*Writer, error) {
	header.Format = Format
	b := &Writer{manifest: Manifest{Header: header}}
	if len(recipients) > 0 {
		encrypted, err := encrypt(w, recipients...)
		if err != nil {
			return nil, fmt.Errorf("backup: encrypt: %w", err)
		}
		w, b.closers = encrypted, append(b.closers, encrypted)
	}
	compressed := gzip.NewWriter(w)
	b.tar = tar.NewWriter(compressed)
	b.closers = append([]io.Closer{b.tar, compressed}, b.closers...)
	return b, b.addJSON(headerName, header)
}

func (b *Writer) addJSON(name string, v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	return b.put(name, int64(len(text)), bytes.NewReader(text))
}

func (b *Writer) put(name string, size int64, from io.Reader) error {
	h := &tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o600, ModTime: b.manifest.Header.Created, Format: tar.FormatPAX}
	if err := b.tar.WriteHeader(h); err != nil {
		return fmt.Errorf("backup: write %s: %w", name, err)
	}
	if _, err := io.CopyN(b.tar, from, size); err != nil {
		return fmt.Errorf("backup: write %s: %w", name, err)
	}
	return nil
}

// Add puts the first size bytes of a file into the backup. Fewer are an error.
func (b *Writer) Add(name string, size int64, from io.Reader) error {
	if !validName(name) {
		return fmt.Errorf("backup: a file cannot be named %q", name)
	}
	hash := sha256.New()
	if err := b.put(name, size, io.TeeReader(io.LimitReader(from, size), hash)); err != nil {
		return err
	}
	b.manifest.Files = append(b.manifest.Files, File{Name: name, Size: size, SHA256: hex.EncodeToString(hash.Sum(nil))})
	return nil
}

// Close seals the manifest and ends the backup. Without it there is none.
func (b *Writer) Close(key Sealer) error {
	text, err := json.MarshalIndent(b.manifest, "", "  ")
	if err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	if len(text) > maxText {
		return fmt.Errorf("backup: its %d files are more than a backup can list", len(b.manifest.Files))
	}
	sum := sha256.Sum256(text)
	seal, err := key.Seal(sum[:], sealAssociated)
	if err != nil {
		return err
	}
	if err := errors.Join(b.put(manifestName, int64(len(text)), bytes.NewReader(text)), b.put(sealName, int64(len(seal)), bytes.NewReader(seal))); err != nil {
		return err
	}
	for _, c := range b.closers {
		if err := c.Close(); err != nil {
			return fmt.Errorf("backup: %w", err)
		}
	}
	return nil
}

// validName says whether a file can have a name: a path without anything that leads
// elsewhere, and none of the form's own.
func validName(name string) bool {
	switch name {
	case "", ".", headerName, manifestName, sealName:
		return false
	}
	return path.Clean(name) == name && !path.IsAbs(name) && name != ".." && !strings.HasPrefix(name, "../") && !strings.ContainsAny(name, "\\\x00:")
}
