package s3_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// upload is a form for upload as a browser sends it.
type upload struct {
	credentials aws.Credentials // of who signed the policy; none: anonymous
	conditions  []any           // besides those that the fields need
	expires     time.Time       // zero: in an hour
	fields      [][2]string     // key among them
	fileName    string
	content     string
	after       [][2]string
	cut         int // bytes that are missing at the end
}

// body makes the form, and its Content-Type.
func (u *upload) body(t testing.TB, bucket string) (string, string) {
	t.Helper()
	fields := u.fields
	if u.credentials.AccessKeyID != "" {
		fields = u.sign(t, bucket)
	}
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for _, f := range fields {
		must(t, w.WriteField(f[0], f[1]))
	}
	if u.fileName != "" {
		part, err := w.CreateFormFile("file", u.fileName)
		must(t, err)
		_, err = io.WriteString(part, u.content)
		must(t, err)
	}
	for _, f := range u.after {
		must(t, w.WriteField(f[0], f[1]))
	}
	must(t, w.Close())
	return b.String()[:b.Len()-u.cut], w.FormDataContentType()
}

// sign gives the fields with a policy that speaks of all of them, signed as the
// API Reference has it ("Browser-Based Uploads Using POST").
func (u *upload) sign(t testing.TB, bucket string) [][2]string {
	t.Helper()
	now := time.Now().UTC()
	day := now.Format("20060102")
	fields := append([][2]string{}, u.fields...)
	fields = append(fields, [2]string{"X-Amz-Algorithm", "AWS4-HMAC-SHA256"},
		[2]string{"X-Amz-Credential", u.credentials.AccessKeyID + "/" + day + "/eu-central-1/s3/aws4_request"},
		[2]string{"X-Amz-Date", now.Format("20060102T150405Z")})
	if u.credentials.SessionToken != "" {
		fields = append(fields, [2]string{"X-Amz-Security-Token", u.credentials.SessionToken})
	}
	conditions := append([]any{map[string]string{"bucket": bucket}}, u.conditions...)
	for _, f := range fields {
		conditions = append(conditions, []string{"starts-with", "$" + f[0], ""})
	}
	expires := u.expires
	if expires.IsZero() {
		expires = now.Add(time.Hour)
	}
	policy, err := json.Marshal(map[string]any{"expiration": expires.UTC().Format("2006-01-02T15:04:05.000Z"), "conditions": conditions})
	must(t, err)
	encoded := base64.StdEncoding.EncodeToString(policy)
	key := []byte("AWS4" + u.credentials.SecretAccessKey)
	for _, part := range []string{day, "eu-central-1", "s3", "aws4_request", encoded} {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(part))
		key = mac.Sum(nil)
	}
	return append(fields, [2]string{"Policy", encoded}, [2]string{"X-Amz-Signature", hex.EncodeToString(key)})
}

func (g *gateway) post(t testing.TB, bucket string, u upload) reply {
	t.Helper()
	body, contentType := u.body(t, bucket)
	return g.send(t, signed{method: http.MethodPost, target: "/" + bucket, header: map[string]string{"Content-Type": contentType}, body: body})
}

func (g *gateway) credentialsOf(t testing.TB, client *s3.Client) aws.Credentials {
	t.Helper()
	c, err := client.Options().Credentials.Retrieve(t.Context())
	must(t, err)
	return c
}

// content is an object's, "" with its code where it is not there.
func (g *gateway) content(t testing.TB, bucket, key string) (string, *s3.GetObjectOutput, string) {
	t.Helper()
	out, err := g.admin.GetObject(t.Context(), &s3.GetObjectInput{Bucket: &bucket, Key: &key})
	if err != nil {
		return "", nil, code(err)
	}
	defer func() { must(t, out.Body.Close()) }()
	text, err := io.ReadAll(out.Body)
	must(t, err)
	return string(text), out, ""
}

func TestPost(t *testing.T) {
	t.Parallel()
	g := start(t, nil)
	bucket := g.bucket(t)
	who := g.credentialsOf(t, g.user(t, "poster", allow("s3:PutObject s3:PutObjectTagging", "arn:aws:s3:::"+bucket+"/*", `{"StringEquals":{"s3:authType":"POST","s3:signatureversion":"AWS4-HMAC-SHA256"}}`)))
	got := g.post(t, bucket, upload{
		credentials: who, fileName: `C:\pictures\a b.png`, content: "picture",
		fields: [][2]string{
			{"key", "up/${filename}"},
			{"Content-Type", "image/png"},
			{"x-amz-meta-who", "me"},
			{"Cache-Control", "no-store"},
			{"tagging", "<Tagging><TagSet><Tag><Key>a</Key><Value>b c</Value></Tag></TagSet></Tagging>"},
			{"success_action_status", "201"},
			{"x-ignore-this", "x"},
		},
		conditions: []any{[]any{"content-length-range", 7, 7}, []string{"starts-with", "$key", "up/"}},
		after:      [][2]string{{"submit", "Upload"}},
	})
	text, out, wrong := g.content(t, bucket, "up/a b.png")
	if got.Status != http.StatusCreated || text != "picture" {
		t.Fatalf("%d %s; the object is %q %s", got.Status, got.Body, text, wrong)
	}
	for _, part := range []string{"<Bucket>" + bucket + "</Bucket>", "<Key>up/a b.png</Key>", "<Location>" + g.URL + "/" + bucket + "/up/a%20b.png</Location>", "<ETag>&#34;" + strings.Trim(*out.ETag, `"`) + "&#34;</ETag>"} {
		if !strings.Contains(got.Body, part) {
			t.Errorf("the reply has no %s:\n%s", part, got.Body)
		}
	}
	if *out.ContentType != "image/png" || out.Metadata["who"] != "me" || aws.ToString(out.CacheControl) != "no-store" || aws.ToInt32(out.TagCount) != 1 {
		t.Errorf("the object is %+v", out)
	}
	if e := g.lastEvent(t); e.Operation != "GetObject" {
		t.Errorf("the event is %+v", e)
	}
	// What the policy of the caller, or the form's, does not allow.
	for name, tt := range map[string]struct {
		change       func(*upload)
		status       int
		code, detail string
	}{
		"a redirect": {func(u *upload) {
			u.fields = append(u.fields, [2]string{"success_action_redirect", "https://example.com/done?x=1"})
		}, 303, "", "https://example.com/done?bucket=" + bucket + "&etag=%229a0364b9e99bb480dd25e1f0284c8555%22&key=k&x=1"},
		"a redirect to nowhere": {func(u *upload) {
			u.fields = append(u.fields, [2]string{"success_action_redirect", "javascript:alert(1)"})
		}, 204, "", ""},
		"status 200":              {func(u *upload) { u.fields = append(u.fields, [2]string{"success_action_status", "200"}) }, 200, "", ""},
		"status 418":              {func(u *upload) { u.fields = append(u.fields, [2]string{"success_action_status", "418"}) }, 204, "", ""},
		"a checksum":              {func(u *upload) { u.fields = append(u.fields, [2]string{"x-amz-checksum-sha256", base64sum("content")}) }, 204, "", ""},
		"a wrong checksum":        {func(u *upload) { u.fields = append(u.fields, [2]string{"x-amz-checksum-sha256", base64sum("x")}) }, 400, "BadDigest", ""},
		"too long":                {func(u *upload) { u.conditions = []any{[]any{"content-length-range", 0, 6}} }, 400, "EntityTooLarge", "<ProposedSize>7</ProposedSize>"},
		"too short":               {func(u *upload) { u.conditions = []any{[]any{"content-length-range", 8, 9}} }, 400, "EntityTooSmall", "<ProposedSize>7</ProposedSize>"},
		"another key":             {func(u *upload) { u.conditions = []any{[]string{"starts-with", "$key", "up/"}} }, 403, "AccessDenied", "Invalid according to Policy: Policy Condition failed: "},
		"an expired policy":       {func(u *upload) { u.expires = time.Now().Add(-time.Second) }, 403, "AccessDenied", "Invalid according to Policy: Policy expired."},
		"another secret":          {func(u *upload) { u.credentials.SecretAccessKey += "x" }, 403, "SignatureDoesNotMatch", ""},
		"another session token":   {func(u *upload) { u.credentials.SessionToken = "x" }, 400, "InvalidToken", ""},
		"an ACL":                  {func(u *upload) { u.fields = append(u.fields, [2]string{"acl", "public-read"}) }, 403, "AccessDenied", "s3:PutObjectAcl"},
		"a legal hold":            {func(u *upload) { u.fields = append(u.fields, [2]string{"x-amz-object-lock-legal-hold", "ON"}) }, 403, "AccessDenied", "s3:PutObjectLegalHold"},
		"no key":                  {func(u *upload) { u.fields = nil }, 400, "InvalidArgument", "must contain a field named"},
		"no file":                 {func(u *upload) { u.fileName = "" }, 400, "InvalidArgument", "POST requires exactly one file upload per request."},
		"a form that breaks off":  {func(u *upload) { u.cut = 6 }, 400, "IncompleteBody", ""},
		"a file that breaks off":  {func(u *upload) { u.cut = 70 }, 400, "IncompleteBody", ""},
		"a line break in a field": {func(u *upload) { u.fields = append(u.fields, [2]string{"x-amz-meta-a", "b\r\nc: d"}) }, 400, "InvalidArgument", ""},
		"too many fields":         {func(u *upload) { u.fields = append(u.fields, [2]string{"x-amz-meta-a", strings.Repeat("x", 20<<10)}) }, 400, "MaxPostPreDataLengthExceeded", "<MaxPostPreDataLengthBytes>20480</MaxPostPreDataLengthBytes>"},
		"a field that is huge":    {func(u *upload) { u.fields = append(u.fields, [2]string{strings.Repeat("x", 1<<20), ""}) }, 400, "MaxPostPreDataLengthExceeded", ""},
		"anonymous":               {func(u *upload) { u.credentials = aws.Credentials{} }, 403, "AccessDenied", ""},
		"another field":           {func(u *upload) { u.fields = append(u.fields, [2]string{"submit", "Upload"}) }, 400, "InvalidArgument", "submit"},
	} {
		u := upload{credentials: who, fileName: "f", content: "content", fields: [][2]string{{"key", "k"}}}
		tt.change(&u)
		got := g.post(t, bucket, u)
		where := got.Body + got.Header.Get("Location")
		if got.Status != tt.status || tt.code != "" && !strings.Contains(got.Body, "<Code>"+tt.code+"</Code>") || !strings.Contains(where, tt.detail) {
			t.Errorf("%s: %d %s %+v", name, got.Status, where, g.lastEvent(t))
		}
		_, err := g.admin.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &bucket, Key: aws.String("k")})
		must(t, err)
	}
	if got := g.send(t, signed{method: "POST", target: "/" + bucket, body: "x", header: map[string]string{"Content-Type": "text/plain"}}); got.Status != http.StatusPreconditionFailed {
		t.Errorf("no form: %d %s", got.Status, got.Body)
	}
}

func base64sum(s string) string {
	sum := sha256.Sum256([]byte(s))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// TestPostAnonymous: an unsigned form does what the bucket's policy lets everybody
// do, and its own policy counts for nothing.
func TestPostAnonymous(t *testing.T) {
	t.Parallel()
	g := start(t, nil)
	bucket := g.bucket(t)
	g.putPolicy(t, bucket, `{"Effect":"Allow","Principal":"*","Action":"s3:PutObject","Resource":"BUCKET/in/*"}`)
	for key, status := range map[string]int{"in/a": 204, "out/a": 403} {
		got := g.post(t, bucket, upload{fileName: "f", content: "x", fields: [][2]string{{"key", key}, {"policy", "bm9uZQ=="}}})
		if got.Status != status {
			t.Errorf("%s: %d %s", key, got.Status, got.Body)
		}
	}
	if text, _, _ := g.content(t, bucket, "in/a"); text != "x" {
		t.Errorf("the object is %q", text)
	}
}

// TestPostLarge: a file of more than is in memory is an object whole or not at
// all, and no upload is left.
func TestPostLarge(t *testing.T) {
	t.Parallel()
	g := start(t, nil)
	bucket := g.bucket(t)
	who := g.credentialsOf(t, g.admin)
	const part = 8 << 20
	for name, tt := range map[string]struct {
		size, parts int
		conditions  []any
		cut         int
		code        string
	}{
		"a part":                {size: part},
		"a byte more":           {size: part + 1, parts: 2},
		"two parts":             {size: 2 * part, parts: 2},
		"more than that":        {size: 2*part + 3, parts: 3, conditions: []any{[]any{"content-length-range", 0, 2*part + 3}}},
		"longer than is wanted": {size: 2*part + 3, conditions: []any{[]any{"content-length-range", 0, part + 2}}, code: "EntityTooLarge"},
		"shorter":               {size: part + 3, conditions: []any{[]any{"content-length-range", 2 * part, 3 * part}}, code: "EntityTooSmall"},
		"breaks off":            {size: 2*part + 3, cut: 7, code: "IncompleteBody"},
	} {
		content := strings.Repeat("0123456789abcdef", tt.size/16+1)[:tt.size]
		got := g.post(t, bucket, upload{
			credentials: who, fileName: "f", content: content, conditions: tt.conditions, cut: tt.cut,
			fields: [][2]string{{"key", name}, {"Content-Type", "text/x"}, {"success_action_status", "201"}},
		})
		text, out, wrong := g.content(t, bucket, name)
		if tt.code != "" {
			if !strings.Contains(got.Body, "<Code>"+tt.code+"</Code>") || wrong != "NoSuchKey" {
				t.Errorf("%s: %d %s; the object: %s, %d bytes", name, got.Status, got.Body, wrong, len(text))
			}
			continue
		}
		if got.Status != http.StatusCreated || text != content || *out.ContentType != "text/x" || strings.Contains(*out.ETag, "-"+strconv.Itoa(tt.parts)) != (tt.parts > 0) {
			t.Errorf("%s: %d %s; the object has %d bytes, %+v", name, got.Status, got.Body, len(text), out)
		}
	}
	wantNoUploads(t, g, bucket)
}

func wantNoUploads(t *testing.T, g *gateway, bucket string) {
	t.Helper()
	out, err := g.admin.ListMultipartUploads(t.Context(), &s3.ListMultipartUploadsInput{Bucket: &bucket})
	must(t, err)
	if len(out.Uploads) > 0 {
		t.Errorf("%d uploads are left", len(out.Uploads))
	}
}

// TestPostGone: a client that goes away in the middle of its file leaves neither
// object nor upload.
func TestPostGone(t *testing.T) {
	t.Parallel()
	g := start(t, nil)
	bucket := g.bucket(t)
	u := upload{credentials: g.credentialsOf(t, g.admin), fileName: "f", content: strings.Repeat("x", 20<<20), fields: [][2]string{{"key", "k"}}}
	body, contentType := u.body(t, bucket)
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimPrefix(g.URL, "http://"))
	must(t, err)
	_, err = io.WriteString(conn, "POST /"+bucket+" HTTP/1.1\r\nHost: localhost\r\nContent-Type: "+contentType+"\r\nContent-Length: "+strconv.Itoa(len(body))+"\r\n\r\n"+body[:17<<20])
	must(t, err)
	must(t, conn.Close())
	g.waitForEvent(t, "PostObject")
	if _, _, wrong := g.content(t, bucket, "k"); wrong != "NoSuchKey" {
		t.Errorf("the object is there: %q", wrong)
	}
	wantNoUploads(t, g, bucket)
}

// waitForEvent waits until a request of the operation is over.
func (g *gateway) waitForEvent(t testing.TB, operation string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for ctx.Err() == nil {
		for _, e := range g.Events() {
			if strings.Contains(e, `"operation":"`+operation+`"`) {
				return e
			}
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatalf("no event of %s", operation)
	return ""
}

// plain follows no redirect.
var plain = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
