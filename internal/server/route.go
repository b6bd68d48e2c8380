package server

import (
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"github.com/daypass/daypass/internal/console"
	"github.com/daypass/daypass/internal/directory"
	"github.com/daypass/daypass/internal/outbound"
	"github.com/daypass/daypass/internal/s3"
	"github.com/daypass/daypass/internal/upstream"
)

// router serves the Query protocol where AWS's endpoints do, at "/", the documents
// of the accounts' issuers, S3, and what is behind the gateway.
type router struct {
	api      http.Handler
	s3       *s3.Handler       // nil: not served
	upstream *upstream.Handler // nil: nothing is behind
	issuers  issuers
	console  *console.Console
}

// ServeHTTP implements http.Handler.
func (h *router) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case h.console != nil && console.Serves(r) && (h.s3 == nil || !h.s3.HasHost(r.Host)):
		h.console.ServeHTTP(w, r)
	case h.upstream != nil && h.upstream.Serves(r):
		h.upstream.ServeHTTP(w, r)
	case h.s3 != nil && !h.issuers.has(r) && h.s3.Serves(r):
		h.s3.ServeHTTP(w, r)
	case r.URL.Path != "/":
		h.issuers.ServeHTTP(w, r)
	case r.Method != http.MethodGet && r.Method != http.MethodPost:
		notAllowed(w, "GET, POST")
	default:
		h.api.ServeHTTP(w, r)
	}
}

// notThere is what AWS's Query endpoints answer to any other path, and to any
// method there (recorded on AWS STS).
func notThere(w http.ResponseWriter) {
	w.WriteHeader(http.StatusNotFound)
	_, _ = io.WriteString(w, "<UnknownOperationException/>\n") // a client that went away is told nothing
}

func notAllowed(w http.ResponseWriter, allow string) {
	w.Header().Set("Allow", allow)
	http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
}

// documentLifetime is how long others may keep an issuer's documents. AWS's
// header is not known. Keys do not change; whoever meets a kid that he does not
// have asks again.
const documentLifetime = "public, max-age=3600"

// issuers publishes discovery documents and keys. Anyone may ask, unsigned:
// verifiers have no credentials here. A request costs a look into the snapshot,
// reads no body, changes nothing and is no event.
//
// An account that was enabled once is published for good, as on AWS (recorded):
// tokens that were made before it was disabled stay good until they expire.
type issuers struct {
	dir       *directory.Directory
	publicURL string
}

// has reports whether a request is for an issuer. Their ids are UUIDs, which are
// names that a bucket could have; nobody can choose them, and buckets do not hide
// them.
func (h issuers) has(r *http.Request) bool {
	id, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	_, ok := h.dir.Snapshot().OutboundIssuer(id)
	return ok
}

// ServeHTTP implements http.Handler.
func (h issuers) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id, path, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	issuer, ok := h.dir.Snapshot().OutboundIssuer(id)
	if !ok || h.publicURL == "" {
		notThere(w)
		return
	}
	var body []byte
	switch "/" + path {
	case outbound.KeysPath:
		body = issuer.Keys.Document()
	case outbound.DiscoveryPath:
		var err error
		if body, err = outbound.Discovery(outbound.IssuerURL(h.publicURL, issuer.IssuerID)); err != nil {
			http.Error(w, "internal error", http.StatusInternalServerError)
			return
		}
	default:
		notThere(w)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		notAllowed(w, "GET, HEAD")
		return
	}
	header := w.Header()
	header.Set("Content-Type", "application/json")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Cache-Control", documentLifetime)
	header.Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body) //nolint:gosec // JSON of ours, and said to be that; a client that went away is told nothing
}

// publicURL checks the URL that an operator gave. It is the beginning of every
// iss, which others compare byte for byte: it must be written as clients and
// IAM write it, and only one way.
func publicURL(given, endpoint string, loopback bool) (string, error) {
	if given == "" {
		if loopback {
			return endpoint, nil
		}
		return "", nil
	}
	u, err := url.Parse(given)
	if err != nil {
		return "", optionErrorf("server: --public-url: %v", err)
	}
	fault := ""
	switch host := u.Hostname(); {
	case u.Scheme != "https" && u.Scheme != "http" || host == "" || u.User != nil:
		fault = "is not of the form https://HOST or https://HOST:PORT"
	case u.Scheme == "http" && !isLoopback(host):
		fault = "is not https, which verifiers of tokens ask for, and its host is not loopback"
	case u.Port() == "443" && u.Scheme == "https", u.Port() == "80" && u.Scheme == "http", strings.HasSuffix(u.Host, ":"):
		fault = "should name a port only where it is not the scheme's own"
	case given != u.Scheme+"://"+strings.ToLower(u.Host):
		fault = "should end with the host or the port, in lower case, without a slash: signatures cover the path, so that the server lives at the root"
	}
	if fault != "" {
		return "", optionErrorf("server: --public-url %q %s", given, fault)
	}
	return given, nil
}

// isLoopback says whether a host is this machine by its name (RFC 6761 section
// 6.3) or address.
func isLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return host == "localhost" || strings.HasSuffix(host, ".localhost")
	}
	return addr.Unmap().IsLoopback()
}
