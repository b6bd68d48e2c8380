package s3_test

import (
	"crypto/md5" //nolint:gosec // Content-MD5
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// signed is a request as it stands on the wire.
type signed struct {
	config         aws.Config // of who signs; one without credentials signs nothing
	method, target string
	header         map[string]string
	body           string
	at             time.Time // zero: now
	service        string    // that it is signed for; "" is s3
	expires        string    // of a presigned URL; "" signs in the header
	unhashed       bool      // without x-amz-content-sha256
	spoil          func(*http.Request)
}

// reply is an answer with its whole body.
type reply struct {
	Status int
	Header http.Header
	Body   string
}

func (g *gateway) send(t testing.TB, s signed) reply {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), s.method, g.URL+s.target, strings.NewReader(s.body))
	must(t, err)
	for name, value := range s.header {
		request.Header.Set(name, value)
	}
	if s.config.Credentials != nil {
		s.sign(t, request)
	}
	if s.spoil != nil {
		s.spoil(request)
	}
	response, err := plain.Do(request)
	must(t, err)
	defer func() { must(t, response.Body.Close()) }()
	body, err := io.ReadAll(response.Body)
	must(t, err)
	return reply{response.StatusCode, response.Header, string(body)}
}

func (s *signed) sign(t testing.TB, request *http.Request) {
	t.Helper()
	credentials, err := s.config.Credentials.Retrieve(t.Context())
	must(t, err)
	if s.at.IsZero() {
		s.at = time.Now()
	}
	if s.service == "" {
		s.service = "s3"
	}
	signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })
	if s.expires != "" {
		query := request.URL.Query()
		query.Set("X-Amz-Expires", s.expires)
		request.URL.RawQuery = query.Encode()
		url, header, err := signer.PresignHTTP(t.Context(), credentials, request, "UNSIGNED-PAYLOAD", s.service, s.config.Region, s.at)
		must(t, err)
		request.Header = header
		request.URL, err = request.URL.Parse(url)
		must(t, err)
		return
	}
	hash := hashOf(s.body)
	if !s.unhashed {
		request.Header.Set("X-Amz-Content-Sha256", hash)
	}
	if s.body != "" && request.Header.Get("Content-Md5") == "" {
		request.Header.Set("Content-Md5", contentMD5(s.body))
	}
	must(t, signer.SignHTTP(t.Context(), credentials, request, hash, s.service, s.config.Region, s.at))
}

// contentMD5 is Content-MD5, which some operations ask for.
func contentMD5(body string) string {
	sum := md5.Sum([]byte(body)) //nolint:gosec // it guards nothing
	return base64.StdEncoding.EncodeToString(sum[:])
}

// hashOf is a hash as x-amz-content-sha256 has it.
func hashOf(body string) string {
	sum := sha256.Sum256([]byte(body))
	return hex.EncodeToString(sum[:])
}
