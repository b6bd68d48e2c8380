package instance

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/daypass/daypass/internal/durable"
	"github.com/daypass/daypass/internal/gitlab"
)

// Settings are what an operator may choose, in settings.json. The zero value is
// what an instance has without that file. Unknown members are refused.
type Settings struct {
	// Listen is HOST:PORT where the documents are served; empty is 127.0.0.1 and
	// the port of the URL.
	Listen string `json:"listen,omitempty"`
	// IDTokensURL is GitLab's ci_id_tokens_issuer_url: the claim iss of ID tokens.
	// Empty is the instance's URL.
	IDTokensURL string `json:"idTokensIssuerUrl,omitempty"`
	// Declared says that the operator owns the hosts of both URLs.
	Declared bool `json:"declared,omitempty"`
	// GitLabVersion is the version of GitLab that the instance behaves as; empty
	// is the newest.
	GitLabVersion string `json:"gitlabVersion,omitempty"`
}

// Version is the version of GitLab, or the newest.
func (s Settings) Version() (gitlab.Version, error) {
	if s.GitLabVersion == "" {
		return gitlab.Newest, nil
	}
	return gitlab.ParseVersion(s.GitLabVersion)
}

func (s Settings) check() error {
	if _, err := s.Version(); err != nil {
		return err
	}
	if s.Listen == "" {
		return nil
	}
	if _, port, err := net.SplitHostPort(s.Listen); err != nil || port == "" {
		return fmt.Errorf("instance: %q is no address; write it as 127.0.0.1:8443", s.Listen)
	}
	return nil
}

// readSettings reads the file; without one they are zero.
func readSettings(path string) (Settings, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Settings{}, nil
	}
	if err != nil {
		return Settings{}, fmt.Errorf("instance: %w", err)
	}
	var s Settings
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&s); err != nil {
		return Settings{}, fmt.Errorf("instance: %s: %w", path, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return Settings{}, fmt.Errorf("instance: %s: something stands after the settings", path)
	}
	if err := s.check(); err != nil {
		return Settings{}, fmt.Errorf("%w, in %s", err, path)
	}
	return s, nil
}

// Configure changes the settings of the instance in dir, which must be there.
// The change is held against the rules of gitlab.Config before it is kept. A
// process that serves the instance takes it at its next request, all but the
// address.
func Configure(dir string, change func(*Settings)) error {
	path := func(name string) string { return filepath.Join(dir, name) }
	s, err := readSettings(path(settingsFile))
	if err != nil {
		return err
	}
	change(&s)
	if err := s.check(); err != nil {
		return err
	}
	text, err := os.ReadFile(path(urlFile))
	if err != nil {
		return fmt.Errorf("instance: %w", err)
	}
	if _, err := loadIssuer(path, strings.TrimSpace(string(text)), s); err != nil {
		return err
	}
	return writeSettings(path(settingsFile), s)
}

func writeSettings(path string, s Settings) error {
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return fmt.Errorf("instance: %w", err)
	}
	return durable.Replace(path, append(text, '\n'), 0o644)
}

// AddPath adds an issuer below the URL, such as /org/ID: gitlab.Config.Paths. One
// that is there already stays. It returns the instance with it.
//
// Each path is a file of its own, so that two processes that add one each do not
// lose one.
func (i *Instance) AddPath(path string) (*Instance, error) {
	if slices.Contains(i.paths, path) {
		return i, nil
	}
	next, err := loadIssuer(i.path, i.Issuer.URL(), i.Settings, path)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(i.path(pathsDir), 0o700); err != nil {
		return nil, fmt.Errorf("instance: %w", err)
	}
	sum := sha256.Sum256([]byte(path))
	err = durable.Create(filepath.Join(i.path(pathsDir), hex.EncodeToString(sum[:8])), []byte(path+"\n"), 0o644)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	out := *i
	out.Issuer, out.paths = next, append(slices.Clone(i.paths), path)
	return &out, nil
}

// readPaths lists the paths; without the folder there are none.
func readPaths(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("instance: %w", err)
	}
	var paths []string
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, fmt.Errorf("instance: %w", err)
		}
		paths = append(paths, strings.TrimSpace(string(text)))
	}
	return paths, nil
}

// RotateKey gives the instance in dir a new key for ID tokens. GitLab has no
// overlap: tokens that are out fail wherever the key set is read anew. KeepOld
// leaves the old key in the key set. It returns the new key's id. A process that
// serves the instance publishes it from its next request on.
func RotateKey(dir string, keepOld bool) (kid string, err error) {
	path := func(name string) string { return filepath.Join(dir, name) }
	keys, err := loadKeys(path)
	if err != nil {
		return "", err
	}
	next, err := keys.Rotate(keepOld)
	if err != nil {
		return "", err
	}
	text, err := next.MarshalPEM()
	if err != nil {
		return "", err
	}
	if err := durable.Replace(path(keysFile), text, 0o600); err != nil {
		return "", err
	}
	issuer, err := gitlab.NewIssuer(gitlab.Config{URL: "https://localhost", Keys: next})
	if err != nil {
		return "", err
	}
	return issuer.KeyID(), nil
}
