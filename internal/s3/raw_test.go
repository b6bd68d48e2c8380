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
		credentials, err := s.config.Credentials.Retrieve(t.Context())
		must(t, err)
		sum := sha256.Sum256([]byte(s.body))
		hash := hex.EncodeToString(sum[:])
		request.Header.Set("X-Amz-Content-Sha256", hash)
		if s.body != "" {
			digest := md5.Sum([]byte(s.body)) //nolint:gosec // Content-MD5, which some operations ask for
			request.Header.Set("Content-Md5", base64.StdEncoding.EncodeToString(digest[:]))
		}
		if s.at.IsZero() {
			s.at = time.Now()
		}
		must(t, v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true }).
			SignHTTP(t.Context(), credentials, request, hash, "s3", s.config.Region, s.at))
	}
	response, err := plain.Do(request)
	must(t, err)
	defer func() { must(t, response.Body.Close()) }()
	body, err := io.ReadAll(response.Body)
	must(t, err)
	return reply{response.StatusCode, response.Header, string(body)}
}
