package server

import (
	"crypto/tls"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// certificateLooks is how often, at most, the files of the certificate are looked
	// at: only while there are clients, for nobody else sees it.
	certificateLooks = 5 * time.Second
	// certificateEnds is how long before its end the log says so.
	certificateEnds = 14 * 24 * time.Hour
)

// certificate is the server's own, read anew when its files change: who renews it
// need not start the server anew. A pair that cannot be read, or of which only one
// half has been written yet, changes nothing, and the log says so once.
type certificate struct {
	certFile, keyFile string
	now               func() time.Time
	log               *slog.Logger

	current atomic.Pointer[tls.Certificate]
	looking sync.Mutex // guards what follows
	looked  time.Time
	seen    [2]fs.FileInfo // as they were when they were last read, well or not
}

// loadCertificate reads the files, which must be there and fit.
func loadCertificate(c *Config) (*certificate, error) {
	r := &certificate{certFile: c.CertFile, keyFile: c.KeyFile, now: c.Now, log: c.Log}
	r.looked = r.now()
	seen, err := r.stat()
	if err == nil {
		err = r.read()
	}
	if err != nil {
		return nil, fmt.Errorf("server: certificate: %w", err)
	}
	r.seen = seen
	return r, nil
}

// get is for tls.Config. One handshake in five seconds looks at the files; the others
// take what is there.
func (r *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	if r.looking.TryLock() {
		if now := r.now(); now.Sub(r.looked) >= certificateLooks || now.Before(r.looked) {
			r.looked = now
			r.look()
		}
		r.looking.Unlock()
	}
	return r.current.Load(), nil
}

// look reads the files where they are not those that were read.
func (r *certificate) look() {
	seen, err := r.stat()
	if err == nil && same(seen, r.seen) {
		return
	}
	if err == nil {
		err = r.read()
	}
	if err != nil {
		if r.seen[0] != nil || r.seen[1] != nil { // not said yet
			r.log.Error("the new certificate cannot be used; the old one stays", "certificate", r.certFile, "error", err)
		}
		r.seen = [2]fs.FileInfo{} // it is tried again
		return
	}
	r.seen = seen
	r.log.Info("the certificate was read anew", "certificate", r.certFile, "expires", r.current.Load().Leaf.NotAfter.UTC())
}

func (r *certificate) stat() (seen [2]fs.FileInfo, err error) {
	for i, path := range [...]string{r.certFile, r.keyFile} {
		if seen[i], err = os.Stat(path); err != nil {
			return [2]fs.FileInfo{}, err
		}
	}
	return seen, nil
}

func (r *certificate) read() error {
	pair, err := tls.LoadX509KeyPair(r.certFile, r.keyFile)
	if err != nil {
		return err
	}
	r.current.Store(&pair)
	if left := pair.Leaf.NotAfter.Sub(r.now()); left < certificateEnds {
		r.log.Warn("the certificate expires soon; renew its files, which are read anew by themselves", "certificate", r.certFile, "expires", pair.Leaf.NotAfter.UTC())
	}
	return nil
}

func same(a, b [2]fs.FileInfo) bool {
	for i := range a {
		if a[i] == nil || b[i] == nil || !os.SameFile(a[i], b[i]) || !a[i].ModTime().Equal(b[i].ModTime()) || a[i].Size() != b[i].Size() {
			return false
		}
	}
	return true
}
