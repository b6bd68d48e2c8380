package console

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strings"
)

// The pages, as "make console" builds them from the folder console. Names carry no
// hash, so that a build changes few lines; browsers ask by ETag.
//
//go:embed dist
var dist embed.FS

// file is one of the pages' files.
type file struct {
	kind   string // its media type
	etag   string
	plain  []byte
	zipped []byte // nil where that is no gain
}

var kinds = map[string]string{
	".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8",
	".svg": "image/svg+xml", ".woff2": "font/woff2", ".md": "text/plain; charset=utf-8",
}

func readPages() (map[string]*file, error) {
	pages := map[string]*file{}
	err := fs.WalkDir(dist, "dist", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		kind, ok := kinds[path.Ext(name)]
		if !ok {
			return fmt.Errorf("console: no media type is known for %s", name)
		}
		content, err := dist.ReadFile(name)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(content)
		f := &file{kind: kind, plain: content, etag: hex.EncodeToString(sum[:16])}
		if !strings.HasSuffix(name, ".woff2") {
			if f.zipped, err = zip(content); err != nil {
				return err
			}
		}
		pages[strings.TrimPrefix(name, "dist/")] = f
		return nil
	})
	return pages, err
}

func zip(content []byte) ([]byte, error) {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(content); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	if b.Len() >= len(content) {
		return nil, nil
	}
	return b.Bytes(), nil
}

// servePage answers with a file. All routes of the pages are behind #, so that
// there is one page.
func (c *Console) servePage(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	name, ok := strings.CutPrefix(r.URL.Path, Root)
	if !ok {
		http.Redirect(w, r, Root, http.StatusPermanentRedirect)
		return
	}
	if name == "" {
		name = "index.html"
	}
	f, ok := c.pages[name]
	if !ok {
		http.NotFound(w, r)
		return
	}
	header := w.Header()
	header.Set("Content-Type", f.kind)
	header.Set("Cache-Control", "no-cache") // ask whether it is still the same
	header.Set("Vary", "Accept-Encoding")
	content, etag := f.plain, f.etag
	if f.zipped != nil && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		header.Set("Content-Encoding", "gzip")
		content, etag = f.zipped, f.etag+"-gzip"
	}
	header.Set("ETag", `"`+etag+`"`)
	if r.Header.Get("If-None-Match") == `"`+etag+`"` {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	header.Set("Content-Length", fmt.Sprint(len(content)))
	if r.Method == http.MethodGet {
		_, _ = w.Write(content) // a client that went away is told nothing
	}
}
