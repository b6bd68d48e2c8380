package backup

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"filippo.io/age"
)

// Contents is what a backup was found to be, once it was read to its end.
type Contents struct {
	Manifest
	sum  [sha256.Size]byte // of the manifest
	seal []byte
}

// CheckSeal says whether the backup is what somebody with this master key wrote. The
// error matches ErrSeal.
func (c *Contents) CheckSeal(key Opener) error {
	sum, err := key.Open(c.seal, sealAssociated)
	if err != nil || subtle.ConstantTimeCompare(sum, c.sum[:]) != 1 {
		return ErrSeal
	}
	return nil
}

// Read reads a backup to its end. keep is called for each file, and must read it; what
// it has kept is worth something only if Read ends without an error, for only then is
// every file there and as it was written. identities are those that may open it, where
// it is encrypted. The error matches ErrDamaged, ErrNewer or ErrEncrypted, or is of keep.
func Read(from io.Reader, keep func(name string, size int64, file io.Reader) error, identities ...Identity) (*Contents, error) {
	plain, err := decrypted(bufio.NewReader(from), identities)
	if err != nil {
		return nil, err
	}
	unzipped, err := gzip.NewReader(plain)
	if err != nil {
		return nil, damaged(err)
	}
	r := &reader{tar: tar.NewReader(unzipped), keep: keep}
	if err := r.header(); err != nil {
		return nil, err
	}
	if err := r.files(); err != nil {
		return nil, err
	}
	// The rest: tar's end, gzip's sum, and age's last part.
	if _, err := io.Copy(io.Discard, unzipped); err != nil { //nolint:gosec // G110: nothing of it is kept
		return nil, damaged(err)
	}
	return &r.contents, r.contents.check(r.read)
}

func damaged(err error) error { return fmt.Errorf("%w: %w", ErrDamaged, err) }

func decrypted(from *bufio.Reader, identities []Identity) (io.Reader, error) {
	start, err := from.Peek(len(ageLine))
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("backup: %w", err)
	}
	if string(start) != ageLine {
		return from, nil
	}
	if len(identities) == 0 {
		return nil, fmt.Errorf("%w, and neither identity nor passphrase is given", ErrEncrypted)
	}
	plain, err := age.Decrypt(from, identities...)
	var none *age.NoIdentityMatchError
	switch {
	case errors.As(err, &none):
		return nil, fmt.Errorf("%w for others than the identity or passphrase that was given", ErrEncrypted)
	case err != nil:
		return nil, damaged(err)
	}
	return plain, nil
}

// reader reads the files in their order.
type reader struct {
	tar      *tar.Reader
	keep     func(string, int64, io.Reader) error
	contents Contents
	first    Header
	read     []File
}

func (r *reader) next() (*tar.Header, error) {
	h, err := r.tar.Next()
	if errors.Is(err, io.EOF) {
		return nil, damaged(errors.New("it ends before its manifest"))
	}
	if err != nil {
		return nil, damaged(err)
	}
	if h.Typeflag != tar.TypeReg {
		return nil, damaged(fmt.Errorf("%q is no file", h.Name))
	}
	return h, nil
}

func (r *reader) text(h *tar.Header) ([]byte, error) {
	if h.Size > maxText {
		return nil, damaged(fmt.Errorf("%s has %d bytes", h.Name, h.Size))
	}
	text, err := io.ReadAll(r.tar)
	if err != nil {
		return nil, damaged(err)
	}
	return text, nil
}

// header reads the first file. Of a newer form not even its members are known.
func (r *reader) header() error {
	h, err := r.next()
	if err != nil {
		return err
	}
	if h.Name != headerName {
		return damaged(fmt.Errorf("it begins with %q: it is no backup of daypass", h.Name))
	}
	text, err := r.text(h)
	if err != nil {
		return err
	}
	var version struct {
		Format  int    `json:"format"`
		Version string `json:"version"`
	}
	if err := json.Unmarshal(text, &version); err != nil {
		return damaged(err)
	}
	if version.Format > Format {
		return fmt.Errorf("%w: daypass %s, in form %d; this version reads form %d: restore it with the version that wrote it, or a later one", ErrNewer, version.Version, version.Format, Format)
	}
	return strict(text, &r.first)
}

func strict(text []byte, to any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(to); err != nil {
		return damaged(err)
	}
	return nil
}

// files reads on until the seal.
func (r *reader) files() error {
	for {
		h, err := r.next()
		if err != nil {
			return err
		}
		if h.Name == manifestName {
			return r.end(h)
		}
		if !validName(h.Name) {
			return damaged(fmt.Errorf("a file is named %q", h.Name))
		}
		hash := sha256.New()
		file := io.TeeReader(r.tar, hash)
		if err := r.keep(h.Name, h.Size, &faults{file}); err != nil {
			return err
		}
		if _, err := io.Copy(io.Discard, file); err != nil { // what keep left
			return damaged(err)
		}
		r.read = append(r.read, File{Name: h.Name, Size: h.Size, SHA256: hex.EncodeToString(hash.Sum(nil))})
	}
}

// faults makes an error of reading one that matches ErrDamaged.
type faults struct{ io.Reader }

func (f *faults) Read(p []byte) (int, error) {
	n, err := f.Reader.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = damaged(err)
	}
	return n, err
}

func (r *reader) end(h *tar.Header) error {
	text, err := r.text(h)
	if err != nil {
		return err
	}
	if err := strict(text, &r.contents.Manifest); err != nil {
		return err
	}
	r.contents.sum = sha256.Sum256(text)
	if h, err = r.next(); err != nil {
		return err
	}
	if h.Name != sealName {
		return damaged(fmt.Errorf("%q follows the manifest", h.Name))
	}
	if r.contents.seal, err = r.text(h); err != nil {
		return err
	}
	if _, err := r.tar.Next(); !errors.Is(err, io.EOF) {
		return damaged(errors.New("something follows its seal"))
	}
	return r.headersAgree()
}

func (r *reader) headersAgree() error {
	first, err := json.Marshal(r.first)
	if err != nil {
		return damaged(err)
	}
	last, err := json.Marshal(r.contents.Header)
	if err != nil || !bytes.Equal(first, last) {
		return damaged(errors.New("it begins as another backup than it ends"))
	}
	return nil
}

// check holds what was read against the manifest.
func (c *Contents) check(read []File) error {
	if len(read) != len(c.Files) {
		return damaged(fmt.Errorf("it has %d files, and its manifest lists %d", len(read), len(c.Files)))
	}
	for i, f := range c.Files {
		if read[i] != f {
			return damaged(fmt.Errorf("%s is not as it was written", f.Name))
		}
	}
	return nil
}
