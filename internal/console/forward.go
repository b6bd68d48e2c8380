package console

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/daypass/daypass/internal/awsapi"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// maxBody is the most that a request to a service but S3 may have; the largest that
// a page sends is a policy, of some ten KB.
const maxBody = 1 << 20

// The region that requests are signed for, unless the page names one: secrets are
// kept per region.
const defaultRegion = "us-east-1"

var regionName = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-\d{1,2}$`)

// services are those that pages may ask, apart from S3.
var services = map[string]bool{"sts": true, "iam": true, "secretsmanager": true, "daypass": true}

func (c *Console) serveService(w http.ResponseWriter, r *http.Request, service string) {
	if r.Method != http.MethodPost || !services[service] {
		refuse(w, http.StatusNotFound, "NotFound", "The console asks sts, iam, secretsmanager and daypass, by POST.")
		return
	}
	as, region, ok := c.caller(w, r)
	if !ok {
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			refuse(w, http.StatusRequestEntityTooLarge, "RequestTooLarge", "A request of the console has at most 1 MiB.")
		}
		return // otherwise the client went away
	}
	request := r.Clone(r.Context())
	request.Header = only(r.Header, "Content-Type", "X-Amz-Target", "User-Agent")
	if err := c.forward(guarded{w}, request, service, region, "/", as, body); err != nil {
		refuse(w, http.StatusInternalServerError, "InternalFailure", "The request could not be signed.")
	}
}

// serveObjects passes a request to S3 on, streaming both ways. What a bucket holds
// is never a page of this origin: it comes as an attachment, in a sandbox.
func (c *Console) serveObjects(w http.ResponseWriter, r *http.Request) {
	as, region, ok := c.caller(w, r)
	if !ok {
		return
	}
	request := r.Clone(r.Context())
	request.Header = only(r.Header, "Content-Type", "Content-Length", "Range", "If-Match", "If-None-Match", "User-Agent")
	path := strings.TrimPrefix(r.URL.EscapedPath(), Root+"api/s3")
	if err := c.forward(guarded{w}, request, "s3", region, path, as, nil); err != nil {
		refuse(w, http.StatusInternalServerError, "InternalFailure", "The request could not be signed.")
	}
}

// serveDownload gives an object to a browser that follows a link, so that the page
// holds nothing of it. A link cannot carry the page's header; the cookie comes with no
// request of another site's, and browsers say where one comes from.
func (c *Console) serveDownload(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet {
		w.Header().Set("Allow", "GET")
		refuse(w, http.StatusMethodNotAllowed, "MethodNotAllowed", "An object is downloaded by following a link.")
		return
	}
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" && site != "same-origin" {
		refuse(w, http.StatusForbidden, "CrossOrigin", "The request does not come from a page of the console.")
		return
	}
	as, _, ok := c.caller(w, r)
	if !ok {
		return
	}
	path := strings.TrimPrefix(r.URL.EscapedPath(), Root+"api/download")
	query := url.Values{}
	if version := r.URL.Query().Get("versionId"); version != "" {
		query.Set("versionId", version)
	}
	if bucket, key, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/"); bucket == "" || key == "" {
		refuse(w, http.StatusNotFound, "NotFound", "That is the address of no object.")
		return
	}
	request := r.Clone(r.Context())
	request.URL = &url.URL{RawQuery: query.Encode()}
	request.Header = only(r.Header, "Range", "If-Match", "If-None-Match", "User-Agent")
	if err := c.forward(guarded{w}, request, "s3", defaultRegion, path, as, nil); err != nil {
		refuse(w, http.StatusInternalServerError, "InternalFailure", "The request could not be signed.")
	}
}

// caller is who asks, and the region that he asks in; without one of them the request
// is answered.
func (c *Console) caller(w http.ResponseWriter, r *http.Request) (as credentials, region string, ok bool) {
	s, ok := c.session(w, r)
	if !ok {
		return as, "", false
	}
	region, ok = regionOf(w, r)
	return s.credentials, region, ok
}

func regionOf(w http.ResponseWriter, r *http.Request) (string, bool) {
	region := r.Header.Get("X-Daypass-Region")
	if region == "" {
		return defaultRegion, true
	}
	if !regionName.MatchString(region) {
		refuse(w, http.StatusBadRequest, "ValidationError", "X-Daypass-Region is not the name of a region.")
		return "", false
	}
	return region, true
}

// only copies headers of these names; cookies and whatever else a browser sends
// stay here.
func only(header http.Header, names ...string) http.Header {
	kept := http.Header{}
	for _, name := range names {
		if values := header.Values(name); len(values) > 0 {
			kept[http.CanonicalHeaderKey(name)] = values
		}
	}
	return kept
}

// forward signs a request as the caller and has the front door answer it. Without a
// body the request's own is streamed, and not signed: it does not leave this process.
func (c *Console) forward(w http.ResponseWriter, request *http.Request, service, region, path string, as credentials, body []byte) error {
	request = request.WithContext(awsapi.Via(request.Context(), viaConsole))
	plain, err := url.PathUnescape(path)
	if err != nil {
		return err
	}
	// Not parsed: what follows two slashes would be a host.
	target := &url.URL{Path: plain, RawPath: encode(plain), RawQuery: request.URL.RawQuery}
	target.Scheme, target.Host = "http", request.Host // for the signature; the front door reads Host
	if service != "s3" {
		target.RawQuery = ""
	}
	request.URL, request.Pattern = target, ""
	hash := "UNSIGNED-PAYLOAD"
	if body != nil {
		sum := sha256.Sum256(body)
		hash = hex.EncodeToString(sum[:])
		request.Body, request.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	}
	request.Header.Set("X-Amz-Content-Sha256", hash)
	signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = service == "s3" })
	key := aws.Credentials{AccessKeyID: as.AccessKeyID, SecretAccessKey: as.SecretAccessKey, SessionToken: as.SessionToken}
	if err := signer.SignHTTP(request.Context(), key, request, hash, service, region, c.now()); err != nil {
		return err
	}
	request.URL = &url.URL{Path: target.Path, RawPath: target.RawPath, RawQuery: target.RawQuery}
	request.RequestURI = request.URL.RequestURI()
	c.front.ServeHTTP(w, request)
	return nil
}

// encode writes a path as S3 signs it: every byte but letters, digits and -._~/
// encoded (Amazon S3 API Reference, "Signature Calculations", UriEncode). Browsers
// leave more as it is.
func encode(path string) string {
	const hexadecimal = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(path) {
		c := path[i]
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._~/", c) >= 0 {
			b.WriteByte(c)
			continue
		}
		b.Write([]byte{'%', hexadecimal[c>>4], hexadecimal[c&15]})
	}
	return b.String()
}

// guarded keeps an answer from being a page: whatever it is, the browser must not
// run it in the console's origin, nor keep it.
type guarded struct{ http.ResponseWriter }

// WriteHeader implements http.ResponseWriter.
func (g guarded) WriteHeader(status int) {
	g.guard()
	g.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (g guarded) Write(p []byte) (int, error) {
	g.guard()
	return g.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController reach the connection.
func (g guarded) Unwrap() http.ResponseWriter { return g.ResponseWriter }

func (g guarded) guard() {
	header := g.Header()
	header.Set("Content-Security-Policy", "sandbox; default-src 'none'")
	header.Set("Content-Disposition", "attachment")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Cache-Control", "no-store")
	header.Del("Set-Cookie")
	header.Del("Location")
}
