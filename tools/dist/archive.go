package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"cmp"
	"compress/gzip"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/cpuguy83/go-md2man/v2/md2man"
)

// file is one of an archive.
type file struct {
	name string
	text []byte
	mode fs.FileMode
}

// documents are what goes beside the binary.
func documents(module, target string) ([]file, error) {
	var files []file
	for _, name := range []string{"LICENSE", "README.md", "CHANGELOG.md"} {
		text, err := os.ReadFile(filepath.Join(module, name))
		if err != nil {
			return nil, err
		}
		files = append(files, file{name, text, 0o644})
	}
	manual, err := os.ReadFile(filepath.Join(module, "docs", "cli.md"))
	if err != nil {
		return nil, err
	}
	// A title of md2man's own form; the rest is the reference as it is.
	page := md2man.Render(append([]byte("% daypass(1) | Daypass\n\n# NAME\n\ndaypass - temporary credentials for CI jobs, by AWS's own protocols\n\n"), manual...))
	files = append(files, file{"man/daypass.1", page, 0o644})
	if !strings.HasPrefix(target, "linux/") {
		return files, nil
	}
	units := filepath.Join(module, "packaging", "systemd")
	entries, err := os.ReadDir(units)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(units, e.Name()))
		if err != nil {
			return nil, err
		}
		files = append(files, file{"systemd/" + e.Name(), text, 0o644})
	}
	return files, nil
}

// writeArchive writes a zip for Windows and a tar for the others, in which the order, the
// times and the owners are those of no machine.
func writeArchive(path, target string, at time.Time, files []file) error {
	slices.SortFunc(files, func(a, b file) int { return cmp.Compare(a.name, b.name) })
	folder := filepath.Base(path) + "/"
	var b bytes.Buffer
	var err error
	if strings.HasPrefix(target, "windows/") {
		path += ".zip"
		err = writeZip(&b, folder, at, files)
	} else {
		path += ".tar.gz"
		err = writeTar(&b, folder, at, files)
	}
	if err != nil {
		return err
	}
	return os.WriteFile(path, b.Bytes(), 0o644)
}

func writeZip(b *bytes.Buffer, folder string, at time.Time, files []file) error {
	z := zip.NewWriter(b)
	for _, f := range files {
		h := &zip.FileHeader{Name: folder + f.name, Method: zip.Deflate, Modified: at.UTC()}
		h.SetMode(f.mode)
		w, err := z.CreateHeader(h)
		if err != nil {
			return err
		}
		if _, err := w.Write(f.text); err != nil {
			return err
		}
	}
	return z.Close()
}

func writeTar(b *bytes.Buffer, folder string, at time.Time, files []file) error {
	compressed := gzip.NewWriter(b) // its header has neither name nor time
	t := tar.NewWriter(compressed)
	for _, f := range files {
		h := &tar.Header{Typeflag: tar.TypeReg, Name: folder + f.name, Size: int64(len(f.text)), Mode: int64(f.mode), ModTime: at.UTC(), Format: tar.FormatUSTAR}
		if err := t.WriteHeader(h); err != nil {
			return err
		}
		if _, err := t.Write(f.text); err != nil {
			return err
		}
	}
	return errors.Join(t.Close(), compressed.Close())
}

// writeSums writes the hashes as sha256sum does and checks them.
func writeSums(out string) error {
	entries, err := os.ReadDir(out) // sorted
	if err != nil {
		return err
	}
	var lines strings.Builder
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(out, e.Name()))
		if err != nil {
			return err
		}
		fmt.Fprintf(&lines, "%x  %s\n", sha256.Sum256(text), e.Name())
	}
	return os.WriteFile(filepath.Join(out, "SHA256SUMS"), []byte(lines.String()), 0o644)
}
