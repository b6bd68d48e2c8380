package awsapitest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/sigv4"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// Signing signs a request in any of the forms that there are, by the standard
// library and none of the server's code. aws-sdk-go-v2 has Signature Version 4A
// in an internal package, and lets nobody choose what it signs.
type Signing struct {
	Credentials aws.Credentials
	Service     string
	Time        time.Time
	Algorithm   string // sigv4.V4 or sigv4.V4A; "" is V4
	InQuery     bool   // a presigned URL
	Region      string // "" is Region; for V4A the region set
}

// Sign signs r, whose path is "/" and whose body is the given text, over the
// host, the date and all headers that r has.
func (s *Signing) Sign(t testing.TB, r *http.Request, body string) {
	t.Helper()
	region := s.Region
	if region == "" {
		region = Region
	}
	date := s.Time.UTC().Format("20060102T150405Z")
	scope := date[:8] + "/" + region + "/" + s.Service + "/aws4_request"
	asked := url.Values{"X-Amz-Date": {date}} // what stands in the query or in headers
	algorithm := sigv4.V4
	if s.Algorithm == sigv4.V4A {
		algorithm = sigv4.V4A
		scope = date[:8] + "/" + s.Service + "/aws4_request"
		asked.Set("X-Amz-Region-Set", region)
	}
	if s.Credentials.SessionToken != "" {
		asked.Set("X-Amz-Security-Token", s.Credentials.SessionToken)
	}
	credential := s.Credentials.AccessKeyID + "/" + scope
	if !s.InQuery {
		for name := range asked {
			r.Header.Set(name, asked.Get(name))
		}
	}
	names, headers := canonicalHeaders(r)
	query := r.URL.Query()
	if s.InQuery {
		asked.Set("X-Amz-Algorithm", algorithm)
		asked.Set("X-Amz-Credential", credential)
		asked.Set("X-Amz-SignedHeaders", names)
		for name := range asked {
			query.Set(name, asked.Get(name))
		}
	}
	// Values.Encode sorts, and encodes all as signatures do but the space.
	r.URL.RawQuery = strings.ReplaceAll(query.Encode(), "+", "%20")
	canonical := strings.Join([]string{r.Method, "/", r.URL.RawQuery, headers, names, digest(body)}, "\n")
	signature := s.signature(t, algorithm, scope, strings.Join([]string{algorithm, date, scope, digest(canonical)}, "\n"))
	if s.InQuery {
		r.URL.RawQuery += "&X-Amz-Signature=" + signature
		return
	}
	r.Header.Set("Authorization", algorithm+" Credential="+credential+", SignedHeaders="+names+", Signature="+signature)
}

func canonicalHeaders(r *http.Request) (names, headers string) {
	values := map[string]string{"host": r.Host}
	for name, sent := range r.Header {
		values[strings.ToLower(name)] = strings.Join(sent, ",")
	}
	sorted := slices.Sorted(maps.Keys(values))
	for _, name := range sorted {
		headers += name + ":" + values[name] + "\n"
	}
	return strings.Join(sorted, ";"), headers
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

func hmacSHA256(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

func (s *Signing) signature(t testing.TB, algorithm, scope, toSign string) string {
	t.Helper()
	if algorithm == sigv4.V4 {
		key := []byte("AWS4" + s.Credentials.SecretAccessKey)
		for part := range strings.SplitSeq(scope, "/") {
			key = hmacSHA256(key, part)
		}
		return hex.EncodeToString(hmacSHA256(key, toSign))
	}
	// One in four milliards of keys needs a second attempt, and fails here.
	d := hmacSHA256([]byte("AWS4A"+s.Credentials.SecretAccessKey), "\x00\x00\x00\x01"+algorithm+"\x00"+s.Credentials.AccessKeyID+"\x01\x00\x00\x01\x00")
	for i := len(d) - 1; i >= 0; i-- {
		if d[i]++; d[i] != 0 {
			break
		}
	}
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), d)
	must(t, err)
	sum := sha256.Sum256([]byte(toSign))
	signature, err := ecdsa.SignASN1(rand.Reader, key, sum[:])
	must(t, err)
	return hex.EncodeToString(signature)
}

// Do sends a request as it is.
func (s *Server) Do(t testing.TB, r *http.Request) Reply {
	t.Helper()
	response, err := s.client.Do(r)
	must(t, err)
	defer response.Body.Close() //nolint:errcheck // read to its end below, or the test fails
	text, err := io.ReadAll(response.Body)
	must(t, err)
	return Reply{Status: response.StatusCode, Header: response.Header, Body: string(text)}
}
