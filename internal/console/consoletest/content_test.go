package consoletest

import (
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// ask sends what a page of the console sends, without a browser.
func (s *server) ask(method, path, body, cookie string, change ...func(*http.Request)) (*http.Response, string) {
	s.t.Helper()
	request, err := http.NewRequestWithContext(s.t.Context(), method, s.endpoint+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	request.Header.Set("X-Daypass-Console", "1")
	request.Header.Set("Cookie", cookie)
	for _, c := range change {
		c(request)
	}
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }() // it was read
	text, err := io.ReadAll(response.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return response, string(text)
}

// TestContent: what a bucket holds is no page of the console's origin, and the
// pages may run nothing but what the server gives.
func TestContent(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	response, text := s.ask("POST", "/console/api/session", document(t, map[string]string{"accessKeyId": s.id, "secretAccessKey": s.secret}), "")
	if response.StatusCode != http.StatusOK {
		t.Fatalf("sign-in: %d, %s", response.StatusCode, text)
	}
	cookie := response.Cookies()[0].Name + "=" + response.Cookies()[0].Value
	key := "a b/<page>&+é.html"
	encoded := "/console/api/s3/console/" + strings.ReplaceAll((&url.URL{Path: key}).EscapedPath(), "+", "%2B")
	if response, text := s.ask("PUT", "/console/api/s3/console/", "", cookie); response.StatusCode != http.StatusOK {
		t.Fatalf("bucket: %d, %s", response.StatusCode, text)
	}
	html := "<script>alert(1)</script>"
	if response, text := s.ask("PUT", encoded, html, cookie, func(r *http.Request) { r.Header.Set("Content-Type", "text/html") }); response.StatusCode != http.StatusOK {
		t.Fatalf("put: %d, %s", response.StatusCode, text)
	}
	response, text = s.ask("GET", encoded, "", cookie)
	header := response.Header
	if response.StatusCode != http.StatusOK || text != html || header.Get("Content-Security-Policy") != "sandbox; default-src 'none'" ||
		header.Get("Content-Disposition") != "attachment" || header.Get("X-Content-Type-Options") != "nosniff" || header.Get("Cache-Control") != "no-store" {
		t.Errorf("the object is answered %d, %q with %v", response.StatusCode, text, header)
	}
	// The bucket that is called as the console is: to a client of S3 it is a bucket.
	if listed := s.aws("s3api", "list-objects-v2", "--bucket", "console"); !strings.Contains(listed, "<page>&+") {
		t.Errorf("the bucket named console has %s", listed)
	}
	s.checkPages(cookie)
	events, err := os.ReadFile(filepath.Join(s.dir, "data", "events.jsonl"))
	if err != nil || strings.Contains(string(events), s.secret) || strings.Contains(string(events), cookie) || !strings.Contains(string(events), `"PutObject"`) {
		t.Errorf("the record of events has a secret, or lacks the request: %v", err)
	}
}

func (s *server) checkPages(cookie string) {
	s.t.Helper()
	response, text := s.ask("GET", "/console/", "", "", func(r *http.Request) { r.Header = http.Header{} })
	policy := response.Header.Get("Content-Security-Policy")
	if response.StatusCode != http.StatusOK || !strings.Contains(text, "app.js") || strings.Contains(policy, "unsafe") ||
		!strings.HasPrefix(policy, "default-src 'none'; script-src 'self'; style-src 'self';") || response.Header.Get("X-Frame-Options") != "DENY" {
		s.t.Errorf("the page is answered %d with %v", response.StatusCode, response.Header)
	}
	known := func(r *http.Request) { r.Header.Set("If-None-Match", response.Header.Get("ETag")) }
	if response, _ := s.ask("GET", "/console/", "", cookie, known, func(r *http.Request) { r.Header.Set("Accept-Encoding", "gzip") }); response.StatusCode != http.StatusNotModified {
		s.t.Errorf("the page that is known is answered %d", response.StatusCode)
	}
	for path, want := range map[string]int{
		"/console": http.StatusPermanentRedirect, "/console/index.html": http.StatusOK, "/console/nothing": http.StatusNotFound,
		"/console/../internal": http.StatusNotFound, "/console/dist/app.js": http.StatusNotFound,
	} {
		if response, text := s.ask("GET", path, "", cookie); response.StatusCode != want {
			s.t.Errorf("%s is answered %d, %.100s", path, response.StatusCode, text)
		}
	}
	if response, _ := s.ask("POST", "/console/", "", cookie); response.StatusCode != http.StatusMethodNotAllowed {
		s.t.Errorf("POST to the page is answered %d", response.StatusCode)
	}
}
