package s3request

import (
	"errors"
	"strings"
	"testing"
)

// FuzzParse asks that no request ends in a panic; that an error is an *Error
// with S3's code; that the path which an operation writes is that operation's,
// and says what the path of the request said; that a source reads as it is
// written; and that there is never an operation without needs.
func FuzzParse(f *testing.F) {
	for _, seed := range [][4]string{
		{"GET", "s3.example.com", "/bkt/a//b/..%2F%2b+?versionId=v", ""},
		{"PUT", "bkt.s3.example.com:9000", "/k?x-amz-tagging=a=b", "/src/k%20e%3Fy?versionId=v"},
		{"PUT", "s3.example.com", "/bkt/k?uploadId=u&partNumber=1", "src/a"},
		{"GET", "s3.example.com", "/bkt?versions&acl", ""},
		{"GET", "my.bkt.s3.example.com", "/?list-type=2&prefix=%2F&max-keys=1", ""},
		{"POST", "s3.example.com", "/bkt/k?uploads", ""},
		{"GET", "", "/arn%3Aaws%3As3", "arn:aws:s3:::a"},
	} {
		f.Add(seed[0], seed[1], seed[2], seed[3])
	}
	f.Fuzz(func(t *testing.T, method, host, target, source string) {
		r := &Request{Method: method, Host: host, RequestURI: target, Header: map[string][]string{}}
		if source != "" {
			r.Header["X-Amz-Copy-Source"] = []string{source}
		}
		op, err := Parse(r, "s3.example.com")
		if err != nil {
			var e *Error
			if !errors.As(err, &e) || e.Code == "" || e.Status < 400 {
				t.Fatalf("%v is no error of S3's", err)
			}
			return
		}
		checkPath(t, op, r)
		if op.Source != nil {
			r.Header["X-Amz-Copy-Source"] = []string{op.Source.Header()}
			again, err := Parse(r, "s3.example.com")
			if err != nil || *again.Source != *op.Source {
				t.Fatalf("%+v is written %s, which is %v, %v", *op.Source, op.Source.Header(), again, err)
			}
		}
		if needs, err := op.Needs(); err == nil && len(needs) == 0 || err != nil && !op.NeedsBody() {
			t.Fatalf("%s needs %v, %v", op.Name, needs, err)
		}
	})
}

// checkPath writes the operation's path and reads it.
func checkPath(t *testing.T, op *Operation, r *Request) {
	t.Helper()
	path, query, _ := strings.Cut(r.RequestURI, "?")
	again, err := Parse(&Request{Method: r.Method, RequestURI: op.Path() + "?" + query, Header: r.Header})
	if err != nil || again.Bucket != op.Bucket || again.Key != op.Key || again.Name != op.Name || again.On != op.On {
		t.Fatalf("%q of bucket %q, key %q reads as %+v, %v", op.Path(), op.Bucket, op.Key, again, err)
	}
	// The same bytes, by a decoder that is not ours.
	wire := op.Path()
	if !strings.HasPrefix(strings.ToLower(r.Host), "s3.example.com") {
		wire = "/" + EncodeKey(op.Key)
	}
	if got, want := recode(path), recode(wire); strings.TrimSuffix(got, "/") != strings.TrimSuffix(want, "/") {
		t.Fatalf("the request's path %q is %q, the operation's %q", path, got, want)
	}
}

// recode decodes percent-encoding.
func recode(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			b.WriteByte(s[i])
			continue
		}
		const digits = "0123456789abcdef"
		pair := strings.ToLower(s[i+1 : i+3])
		b.WriteByte(byte(strings.IndexByte(digits, pair[0])<<4 | strings.IndexByte(digits, pair[1])))
		i += 2
	}
	return b.String()
}

// FuzzReadBody asks that no body ends in a panic, that what was read has needs
// on what it names, and that a body that is refused leaves none.
func FuzzReadBody(f *testing.F) {
	lines := []string{"POST /bkt?delete", "PUT /bkt/k?tagging", "PUT /bkt", "PUT /bkt/k?retention", "PUT /bkt/k?legal-hold", "PUT /bkt?replication", "PUT /bkt?inventory&id=i", "POST /bkt/k?restore"}
	for i, body := range []string{
		"<Delete><Object><Key>k</Key><VersionId>v</VersionId></Object></Delete>", tagging,
		"<CreateBucketConfiguration><LocationConstraint>eu</LocationConstraint></CreateBucketConfiguration>", retention,
		"<LegalHold><Status>ON</Status></LegalHold>", "<ReplicationConfiguration><Role>r</Role></ReplicationConfiguration>",
		"<InventoryConfiguration><OptionalFields><Field>Size</Field></OptionalFields></InventoryConfiguration>", "<RestoreRequest><Days>1</Days></RestoreRequest>",
	} {
		f.Add(uint8(i), []byte(body))
	}
	f.Fuzz(func(t *testing.T, which uint8, body []byte) {
		op := mustParse(t, lines[int(which)%len(lines)])
		err := op.ReadBody(body)
		needs, refused := op.Needs()
		if (err == nil) != (refused == nil) || err == nil && len(needs) == 0 {
			t.Fatalf("body %v, needs %v, %v", err, needs, refused)
		}
		for i := range needs {
			if needs[i].Resource == "" || needs[i].Action == "" {
				t.Fatalf("%+v", needs[i])
			}
		}
	})
}
