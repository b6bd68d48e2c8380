package sigv4

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

const clientSecret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"

// run is a part of a recorded body: text, or so many letters "a".
type run struct {
	Text  string
	Count int
}

func joinRuns(runs []run) []byte {
	var b []byte
	for _, r := range runs {
		b = append(append(b, r.Text...), strings.Repeat("a", r.Count)...)
	}
	return b
}

// recording is a request of a published client, written down before it was sent.
type recording struct {
	Name          string
	Head          string
	Body, Payload []run
	Fields        []PostField // of a form, which has nothing else
}

// recordings are of boto3 1.43.11, minio-go 7.4.1 (pkg/signer) and the S3 client
// of aws-sdk-go-v2 (service/s3 1.114.10). None of them is a module of ours, so
// they are not written anew. Headers that were not signed are left out.
func recordings(t *testing.T) []recording {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "s3-clients.json"))
	if err != nil {
		t.Fatal(err)
	}
	var all []recording
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	if len(all) < 20 {
		t.Fatalf("%d recordings", len(all))
	}
	return all
}

// readHead reads a request's head as a net/http server does.
func readHead(t tb, head string) *Request {
	t.Helper()
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(head)))
	if err != nil {
		t.Fatal(err)
	}
	return &Request{Method: r.Method, RequestURI: r.RequestURI, Host: r.Host, Header: r.Header, ContentLength: r.ContentLength}
}

// accept asks all questions of S3 in order and gives the reader of the payload.
func accept(t tb, r *Request, body io.Reader, secret string, now time.Time) *PayloadReader {
	t.Helper()
	reader, err := open(r, body, secret, now)
	if err != nil {
		t.Fatal(reveal(err))
	}
	return reader
}

func open(r *Request, body io.Reader, secret string, now time.Time) (*PayloadReader, error) {
	s, err := ParseS3(r)
	if err != nil {
		return nil, err
	}
	if err := s.CheckScope("us-east-1"); err != nil {
		return nil, err
	}
	if now.IsZero() {
		now = s.Signed.Time
	}
	if err := s.CheckTime(now); err != nil {
		return nil, err
	}
	p, err := s.Verify(r, secret)
	if err != nil {
		return nil, err
	}
	return p.Open(body, OfBody)
}

// reveal writes out for a test what an error has for the client.
func reveal(err error) string {
	var e *S3Error
	if !errors.As(err, &e) {
		return err.Error()
	}
	text := e.Error() + "\n" + e.Code + ": " + e.Message.Reveal()
	for _, element := range e.Elements {
		text += "\n" + element.Name + ": " + element.Value.Reveal()
	}
	return text
}

func TestAcceptsClients(t *testing.T) {
	t.Parallel()
	for _, c := range recordings(t) {
		if c.Fields != nil {
			continue // TestAcceptsPost
		}
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			r := readHead(t, c.Head)
			body, payload := joinRuns(c.Body), joinRuns(c.Payload)
			if r.ContentLength != int64(len(body)) {
				t.Fatalf("Content-Length %d, body %d", r.ContentLength, len(body))
			}
			for _, src := range []io.Reader{bytes.NewReader(body), iotest.OneByteReader(bytes.NewReader(body)), iotest.DataErrReader(bytes.NewReader(body))} {
				got, err := io.ReadAll(accept(t, r, src, clientSecret, time.Time{}))
				if err != nil || !bytes.Equal(got, payload) {
					t.Fatalf("payload of %d bytes, want %d: %s", len(got), len(payload), reveal(errors.Join(err, io.EOF)))
				}
			}
			everyS3ChangeFails(t, c.Head, body, payload)
		})
	}
}

// everyS3ChangeFails changes each byte of the request's head, and of the body
// those that are not in the middle of many alike, one at a time. The request is
// then refused, or it is still the same one: the same payload, and a head in
// which only something that is not signed is another.
func everyS3ChangeFails(t *testing.T, head string, body, payload []byte) {
	t.Helper()
	for i := range len(body) {
		if i > 120 && i < len(body)-260 && i%(1+len(body)/8) != 0 || len(body) > 1<<20 && i%7 != 0 {
			continue
		}
		changed := []byte(flip(string(body), i))
		got, err := io.ReadAll(accept(t, readHead(t, head), bytes.NewReader(changed), clientSecret, time.Time{}))
		if err == nil && !(strings.Contains(head, "X-Amz-Algorithm") && len(got) == len(payload)) {
			if bytes.Equal(got, payload) && (body[i] == '\r' || body[i]|0x20 >= 'a') {
				continue // a digit or a name of the other case, or a line that ends in LF
			}
			t.Errorf("byte %d of the body changed: %d bytes and no error", i, len(got))
		}
		if short, err := io.ReadAll(accept(t, readHead(t, head), bytes.NewReader(body[:i]), clientSecret, time.Time{})); err == nil && !bytes.HasSuffix(body[:i], []byte("\n\r\n")) { // minio-go ends with one blank line too many
			t.Errorf("cut off at %d: %d bytes and no error", i, len(short))
		}
	}
	id := regexp.MustCompile("Credential=([A-Z0-9]+)").FindStringSubmatchIndex(head)[2:]
	for i := range len(head) {
		request, err := http.ReadRequest(bufio.NewReader(strings.NewReader(flip(head, i))))
		if err != nil || request.ContentLength != int64(len(body)) {
			continue
		}
		line := head[strings.LastIndexByte(head[:i], '\n')+1:]
		line, _, _ = strings.Cut(line, "\r\n")
		r := &Request{Method: request.Method, RequestURI: request.RequestURI, Host: request.Host, Header: request.Header, ContentLength: request.ContentLength}
		_, err = open(r, bytes.NewReader(body), clientSecret, time.Time{})
		switch {
		case err != nil, flip(head, i)[i]|0x20 == head[i]|0x20: // a name in another case
		case strings.Contains(line, " HTTP/1.") && i > strings.Index(head, " HTTP/1."), strings.HasPrefix(line, "Content-Length"): // the version is not signed, nor an empty body's length
		case id[0] <= i && i < id[1]: // nor whose secret it is
		default:
			t.Errorf("verifies with byte %d changed in %q", i, line)
		}
	}
}
