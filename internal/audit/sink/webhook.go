package sink

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
)

// webhookPatience is how long a receiver has to take a batch.
const webhookPatience = 30 * time.Second

// maxAuthorization bounds the file with the header's value.
const maxAuthorization = 64 << 10

// Webhook is where NewWebhook sends batches.
type Webhook struct {
	// URL is https, or http to loopback. It may hold no user and password.
	URL string
	// AuthorizationFile has the value of the header Authorization; "" sends none. It
	// is read for each batch, so that what it holds can be exchanged.
	AuthorizationFile string
	// Roots vouch for the receiver; nil is the system's.
	Roots *x509.CertPool
}

type webhook struct {
	Webhook

	client *http.Client
}

// NewWebhook posts batches: lines of JSON (application/x-ndjson). An answer of 2xx
// takes the batch. After any other it is sent again, the same events under the same
// Idempotency-Key (the header of draft-ietf-httpapi-idempotency-key-header), after
// what Retry-After says. One of 413 has the batch sent in halves. Redirects are not
// followed: the receiver is who was configured.
func NewWebhook(c Webhook) (Target, error) {
	if err := CheckURL("url", c.URL); err != nil {
		return nil, err
	}
	transport := &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: c.Roots, MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: true,
		IdleConnTimeout: time.Minute, TLSHandshakeTimeout: 10 * time.Second, Proxy: http.ProxyFromEnvironment,
	}
	return &webhook{Webhook: c, client: &http.Client{
		Transport: transport, Timeout: webhookPatience,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// CheckURL refuses what is no URL to send events to: they go by https, or to loopback.
// The error names the key and nothing of its value.
func CheckURL(key, value string) error {
	u, err := url.Parse(value)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return fmt.Errorf("%s is no URL; write it as https://HOST/PATH", key)
	case u.User != nil:
		return fmt.Errorf("%s holds a user or a password; put what authorizes into a file, and name that with authorizationFile or credentialsFile", key)
	case u.Scheme == "http" && !isLoopback(u.Hostname()):
		return fmt.Errorf("%s is http, and events must not travel unencrypted; write https://, or an address on loopback", key)
	}
	return nil
}

func isLoopback(host string) bool {
	a, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && a.IsLoopback()
}

func (*webhook) kind() string { return "webhook" }
func (*webhook) plans() bool  { return true }
func (w *webhook) close()     { w.client.CloseIdleConnections() }

func (w *webhook) deliver(ctx context.Context, b *batch) error {
	text, err := b.ndjson()
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, w.URL, bytes.NewReader(text))
	if err != nil {
		return errors.New("the request could not be made")
	}
	first, last := b.lines[0].Sequence, b.last()
	request.Header.Set("Content-Type", "application/x-ndjson")
	request.Header.Set("User-Agent", "daypass")
	request.Header.Set("Daypass-Node", b.node)
	request.Header.Set("Daypass-Events", fmt.Sprintf("%d-%d", first, last.Sequence))
	request.Header.Set("Idempotency-Key", fmt.Sprintf(`"%d-%s"`, first, last))
	if w.AuthorizationFile != "" {
		value, err := readAuthorization(w.AuthorizationFile)
		if err != nil {
			return err
		}
		request.Header.Set("Authorization", value)
	}
	response, err := w.client.Do(request)
	var failed *url.Error
	if errors.As(err, &failed) { // which repeats the URL, where a key may be
		return fmt.Errorf("the receiver does not answer: %w", failed.Err)
	}
	if err != nil {
		return errors.New("the receiver does not answer")
	}
	defer response.Body.Close()                                     //nolint:errcheck // only read
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, 4096)) // so that the connection serves again
	return judgeAnswer(response)
}

func judgeAnswer(response *http.Response) error {
	switch {
	case response.StatusCode >= 200 && response.StatusCode < 300:
		return nil
	case response.StatusCode == http.StatusRequestEntityTooLarge:
		return errTooLarge
	}
	err := fmt.Errorf("the receiver answers with status %d", response.StatusCode)
	if seconds, bad := strconv.Atoi(response.Header.Get("Retry-After")); bad == nil && seconds > 0 && seconds <= int(longestPause/time.Second) {
		return &pauseError{err, time.Duration(seconds) * time.Second}
	}
	return err
}

// readAuthorization repeats nothing of the file.
func readAuthorization(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("authorizationFile: %w", err)
	}
	defer f.Close() //nolint:errcheck // only read
	text, err := io.ReadAll(io.LimitReader(f, maxAuthorization+1))
	if err != nil {
		return "", fmt.Errorf("authorizationFile: %w", err)
	}
	value := strings.TrimSpace(string(text))
	if value == "" || len(text) > maxAuthorization || strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return "", fmt.Errorf("authorizationFile: %s is not one line with the header's value", path)
	}
	return value, nil
}
