package masterkey

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/daypass/daypass/internal/durable"

	"github.com/tink-crypto/tink-go/v2/core/registry"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// CredentialsVariable is the variable in which systemd names the directory of a
// service's credentials (systemd.exec(5), LoadCredential=).
const CredentialsVariable = "CREDENTIALS_DIRECTORY"

// KMS is a key of a key management system, which encrypts the key set where it
// lies. It is asked when the key set is read or written, and never for a request.
type KMS struct {
	URI  string
	AEAD tink.AEAD
}

// NewKMS finds the client that supports a URI, Tink's interface for KMSs.
func NewKMS(uri string, clients ...registry.KMSClient) (*KMS, error) {
	for _, client := range clients {
		if !client.Supported(uri) {
			continue
		}
		a, err := client.GetAEAD(uri)
		if err != nil {
			return nil, fmt.Errorf("masterkey: %s: %w", uri, err)
		}
		return &KMS{URI: uri, AEAD: a}, nil
	}
	return nil, fmt.Errorf("masterkey: %q is the URI of no KMS that is known here", uri)
}

// Source says where a key set comes from. Make one with FileSource or
// ParseSource.
type Source struct {
	// Path is the file; "" for a variable.
	Path string
	// Variable is the environment variable; "" for a file.
	Variable string
	// Credential says that the file is a credential of systemd's: systemd owns it
	// and sees to who can read it, and nobody writes it.
	Credential bool
	// Getenv reads Variable.
	Getenv func(string) string
	// KMS decrypts the key set; nil where it lies in clear.
	KMS *KMS
}

// FileSource is the file at path.
func FileSource(path string) Source { return Source{Path: path} }

// ParseSource reads how people name a source: "file:PATH", "env:VARIABLE", or
// "credential:NAME", a credential that systemd gave to the service.
func ParseSource(text string, getenv func(string) string) (Source, error) {
	scheme, name, _ := strings.Cut(text, ":")
	switch {
	case name == "":
	case scheme == "file":
		return FileSource(name), nil
	case scheme == "env":
		return Source{Variable: name, Getenv: getenv}, nil
	case scheme == "credential" && name == filepath.Base(name):
		dir := getenv(CredentialsVariable)
		if dir == "" {
			return Source{}, fmt.Errorf("masterkey: %s: the variable %s is not set; start the service by systemd, with LoadCredential=%s:PATH in its unit", text, CredentialsVariable, name)
		}
		return Source{Path: filepath.Join(dir, name), Credential: true}, nil
	}
	return Source{}, fmt.Errorf("masterkey: %q names no master key; write file:PATH, env:VARIABLE or credential:NAME", text)
}

// Writable reports whether a new key can be put where the set comes from.
func (s *Source) Writable() bool { return s.Path != "" && !s.Credential }

// String names the source, as ParseSource reads it.
func (s *Source) String() string {
	switch {
	case s.Variable != "":
		return "env:" + s.Variable
	case s.Credential:
		return "credential:" + filepath.Base(s.Path)
	default:
		return "file:" + s.Path
	}
}

// name is the source in errors.
func (s *Source) name() string {
	if s.Variable != "" {
		return "the variable " + s.Variable
	}
	return s.Path
}

func (s *Source) fault(next string, err error) error {
	return &FileError{Path: s.name(), Next: next, Err: err}
}

// read gives the text of the key set.
func (s *Source) read() ([]byte, error) {
	if s.Variable != "" {
		text := s.Getenv(s.Variable)
		if text == "" {
			return nil, s.fault("set it to the text of the key file", ErrMissing)
		}
		return []byte(text), nil
	}
	f, err := os.Open(s.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, s.fault(restore, ErrMissing)
	case err != nil:
		return nil, s.fault("give the file to the user that runs daypass", err)
	}
	defer f.Close() //nolint:errcheck // opened for reading
	info, err := f.Stat()
	if err != nil {
		return nil, s.fault("look for a failing disk", err)
	}
	if !info.Mode().IsRegular() {
		return nil, s.fault("name a regular file", ErrPermissions)
	}
	// The group of a credential's file is how systemd lets the service read it.
	others := fs.FileMode(0o077)
	if s.Credential {
		others = 0o027
	}
	if mode := info.Mode().Perm(); mode&others != 0 {
		return nil, s.fault(fmt.Sprintf("its mode is %04o; find out who could read it, then chmod 600", mode), ErrPermissions)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, s.fault("look for a failing disk", err)
	}
	return text, nil
}

// write puts another text in the place of the key set's.
func (s *Source) write(text []byte) error {
	if !s.Writable() {
		return s.fault("put the new key set there by the means that put the old one there", ErrFixed)
	}
	if err := durable.Replace(s.Path, text, 0o600); err != nil {
		return s.fault("see whether its directory belongs to the user that runs daypass, and whether the disk is full", err)
	}
	return nil
}

// CreateAt makes a new key and writes it where source says, which must be a file
// that is not there; see Create. Errors are *FileError.
func CreateAt(source Source) (*Key, error) {
	if !source.Writable() {
		return nil, source.fault("make a key set with \"daypass keys new-master\" and put it there", ErrMissing)
	}
	text, err := NewText(source.KMS)
	if err != nil {
		return nil, source.fault("nothing was written", err)
	}
	if err := writeNew(source.Path, text); err != nil {
		return nil, err
	}
	return Open(source)
}

// NewText makes a new key set of one key, as text, for sources that cannot be
// written. It is a secret, unless a KMS encrypts it.
func NewText(kms *KMS) ([]byte, error) {
	handle, err := newHandle()
	if err != nil {
		return nil, fmt.Errorf("masterkey: make a key: %w", err)
	}
	return printed(handle, kms)
}

// Open reads the key set from its source. It refuses one that is missing
// (ErrMissing), damaged (ErrDamaged), or that others can read or write
// (ErrPermissions), one that its KMS does not give (ErrKMS), and never makes one.
// Errors are *FileError.
func Open(source Source) (*Key, error) {
	k := &Key{source: source}
	text, err := source.read()
	if err != nil {
		return nil, err
	}
	h, err := k.parse(text, 0)
	if err != nil {
		return nil, err
	}
	k.held.Store(h)
	return k, nil
}

// Reload reads the key set again, if its file has changed. It reports whether it
// has. Where it cannot be read, the keys that are held stay. A set that lacks the
// key that seals is refused.
func (k *Key) Reload() (changed bool, err error) {
	k.changing.Lock()
	defer k.changing.Unlock()
	before := k.held.Load()
	if before == nil || k.source.Variable != "" {
		return false, nil
	}
	text, err := k.source.read()
	if err != nil || bytes.Equal(text, before.text) {
		return false, err
	}
	h, err := k.parse(text, before.primary)
	if err != nil {
		return false, err
	}
	k.held.Store(h)
	return true, nil
}
