package s3_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

func (g *gateway) putCORS(t *testing.T, bucket string, rules ...types.CORSRule) {
	t.Helper()
	_, err := g.admin.PutBucketCors(t.Context(), &s3.PutBucketCorsInput{Bucket: &bucket, CORSConfiguration: &types.CORSConfiguration{CORSRules: rules}})
	must(t, err)
}

// corsOf are the headers of CORS in a reply, in order of their names.
func corsOf(r reply) string {
	var all []string
	for name, values := range r.Header {
		if name, ours := strings.CutPrefix(name, "Access-Control-"); ours || name == "Vary" {
			all = append(all, name+"="+strings.Join(values, "|"))
		}
	}
	slices.Sort(all)
	return strings.Join(all, "; ")
}

const varies = "; Vary=Origin, Access-Control-Request-Headers, Access-Control-Request-Method"

// TestCORS keeps a configuration and answers browsers by it (S3's answers as
// others recorded them, preflight.go).
func TestCORS(t *testing.T) {
	g := start(t, nil)
	bucket := g.bucket(t)
	g.object(t, bucket, "k", "")
	g.putCORS(t, bucket, types.CORSRule{
		ID: aws.String("site"), AllowedOrigins: []string{"https://*.example.com", "http://localhost:4200"}, AllowedMethods: []string{"GET", "PUT"},
		AllowedHeaders: []string{"Content-Type", "x-amz-*"}, ExposeHeaders: []string{"ETag"}, MaxAgeSeconds: aws.Int32(3000),
	}, types.CORSRule{AllowedOrigins: []string{"*"}, AllowedMethods: []string{"HEAD"}})
	got, err := g.admin.GetBucketCors(t.Context(), &s3.GetBucketCorsInput{Bucket: &bucket})
	must(t, err)
	if r := got.CORSRules; len(r) != 2 || *r[0].ID != "site" || !slices.Equal(r[0].AllowedHeaders, []string{"Content-Type", "x-amz-*"}) ||
		*r[0].MaxAgeSeconds != 3000 || !slices.Equal(r[0].ExposeHeaders, []string{"ETag"}) || r[1].MaxAgeSeconds != nil || r[1].ID != nil {
		t.Errorf("rules %+v", r)
	}
	const app = "Allow-Credentials=true; Allow-Methods=GET, PUT; Allow-Origin=https://app.example.com; Expose-Headers=ETag; Max-Age=3000" + varies
	const forbidden = "403 This CORS request is not allowed. <Method>PUT</Method><ResourceType>OBJECT</ResourceType>"
	for _, row := range []struct{ name, method, target, headers, want string }{
		{"the page may", "OPTIONS", "/" + bucket + "/k", "Origin: https://app.example.com; Access-Control-Request-Method: PUT", "200 " + app},
		{
			"with headers", "OPTIONS", "/" + bucket + "/k?X-Amz-Signature=x&acl", "Origin: https://app.example.com; Access-Control-Request-Method: PUT; Access-Control-Request-Headers: Content-Type,X-AMZ-Date",
			"200 " + strings.Replace(app, "Allow-Methods", "Allow-Headers=content-type, x-amz-date; Allow-Methods", 1),
		},
		{"a header that no rule has", "OPTIONS", "/" + bucket + "/k", "Origin: https://app.example.com; Access-Control-Request-Method: PUT; Access-Control-Request-Headers: authorization", forbidden},
		{"another origin", "OPTIONS", "/" + bucket + "/k", "Origin: https://app.example.org; Access-Control-Request-Method: PUT", forbidden},
		{"an origin in other case", "OPTIONS", "/" + bucket + "/k", "Origin: https://app.EXAMPLE.com; Access-Control-Request-Method: PUT", forbidden},
		{"of a bucket", "OPTIONS", "/" + bucket, "Origin: https://app.example.org; Access-Control-Request-Method: PUT", strings.Replace(forbidden, "OBJECT", "BUCKET", 1)},
		{"the second rule", "OPTIONS", "/" + bucket, "Origin: https://app.example.com; Access-Control-Request-Method: HEAD", "200 Allow-Methods=HEAD; Allow-Origin=*" + varies},
		{"no origin", "OPTIONS", "/" + bucket, "", "400 Insufficient information. Origin request header needed."},
		{"no method", "OPTIONS", "/" + bucket, "Origin: https://app.example.com", "400 Invalid Access-Control-Request-Method: null"},
		{"no such method", "OPTIONS", "/" + bucket, "Origin: https://app.example.com; Access-Control-Request-Method: PATCH", "400 Invalid Access-Control-Request-Method: PATCH"},
		{"no such bucket", "OPTIONS", "/no-such-bucket/k", "Origin: https://app.example.com", "403 CORSResponse: Bucket not found <Method>OPTIONS</Method><ResourceType>BUCKET</ResourceType>"},
		// The request itself is decided upon as any other, and the page reads why.
		{"a reply", "GET", "/" + bucket + "/k", "Origin: https://app.example.com; signed", "200 " + app},
		{"a refusal", "GET", "/" + bucket + "/k", "Origin: https://app.example.com", "403 " + app},
		{"a refusal before the operation is known", "GET", "/" + bucket + "/k?nothing", "Origin: https://app.example.com; signed", "400 " + app},
		{"a reply for another origin", "GET", "/" + bucket + "/k", "Origin: https://app.example.org; signed", "200 "},
		{"a reply without origin", "GET", "/" + bucket + "/k", "signed", "200 "},
		{"a method that no rule has", "DELETE", "/" + bucket + "/gone", "Origin: https://app.example.com; signed", "204 "},
		{"the method that is asked about counts", "GET", "/" + bucket + "/k", "Origin: https://app.example.com; Access-Control-Request-Method: DELETE; signed", "200 "},
		{"the literal star", "HEAD", "/" + bucket + "/k", "Origin: null; signed", "200 Allow-Methods=HEAD; Allow-Origin=*" + varies},
	} {
		request := signed{method: row.method, target: row.target, header: map[string]string{}}
		for header := range strings.SplitSeq(row.headers, "; ") {
			if name, value, ok := strings.Cut(header, ": "); ok {
				request.header[name] = value
			} else if header == "signed" {
				request.config = g.AdminConfig
			}
		}
		got := g.send(t, request)
		status, wanted, _ := strings.Cut(row.want, " ")
		switch said := corsOf(got); {
		case fmt.Sprint(got.Status) != status:
			t.Errorf("%s: %d %s", row.name, got.Status, got.Body)
		case row.method == "OPTIONS" && status != "200":
			sentence, elements, _ := strings.Cut(wanted, " <")
			if said != "" || !strings.Contains(got.Body, sentence) || elements != "" && !strings.Contains(got.Body, "</Message><"+elements) {
				t.Errorf("%s: %s %s", row.name, got.Body, said)
			}
		case said != wanted:
			t.Errorf("%s: %s\nwant %s", row.name, said, wanted)
		}
		if e := g.lastEvent(t); row.method == "OPTIONS" && (e.Operation != "PreflightRequest" || fmt.Sprint(e.Status) != status) {
			t.Errorf("%s: event %+v", row.name, e)
		}
	}
	for range 2 { // to delete it again succeeds
		_, err = g.admin.DeleteBucketCors(t.Context(), &s3.DeleteBucketCorsInput{Bucket: &bucket})
		must(t, err)
	}
	_, err = g.admin.GetBucketCors(t.Context(), &s3.GetBucketCorsInput{Bucket: &bucket})
	want(t, "none", err, "NoSuchCORSConfiguration")
	off := g.send(t, signed{method: "OPTIONS", target: "/" + bucket + "/k", header: map[string]string{"Origin": "https://app.example.com", "Access-Control-Request-Method": "GET"}})
	if off.Status != http.StatusForbidden || !strings.Contains(off.Body, "<Code>AccessForbidden</Code><Message>CORSResponse: CORS is not enabled for this bucket.</Message><Method>GET</Method><ResourceType>BUCKET</ResourceType>") {
		t.Errorf("%d %s", off.Status, off.Body)
	}
}

// TestPutBucketCORS: S3's words for what is wrong with a configuration.
func TestPutBucketCORS(t *testing.T) {
	g := start(t, nil)
	bucket := g.bucket(t)
	const rule = "<AllowedOrigin>https://a.example</AllowedOrigin><AllowedMethod>GET</AllowedMethod>"
	malformed := "MalformedXML: The XML you provided was not well-formed or did not validate against our published schema"
	for _, row := range []struct{ rules, want string }{
		{rule + "<ID/><AllowedHeader>*</AllowedHeader><MaxAgeSeconds>0</MaxAgeSeconds>", ""},
		{"<AllowedOrigin>*</AllowedOrigin><AllowedOrigin/><AllowedMethod>GET</AllowedMethod><AllowedMethod>GET</AllowedMethod>", ""},
		{strings.Repeat(rule+"</CORSRule><CORSRule>", 99) + rule, ""},
		{strings.Repeat(rule+"</CORSRule><CORSRule>", 100) + rule, malformed},
		{"", malformed},
		{"<AllowedOrigin>*</AllowedOrigin>", malformed},
		{"<AllowedMethod>GET</AllowedMethod>", malformed},
		{rule + "<AllowedHeaders>*</AllowedHeaders>", malformed},
		{rule + "text", malformed},
		{rule + "<ID>a</ID><ID>b</ID>", malformed},
		{rule + "<ID>" + strings.Repeat("a", 256) + "</ID>", malformed},
		{rule + "<MaxAgeSeconds>-1</MaxAgeSeconds>", malformed},
		{rule + "<MaxAgeSeconds>2147483648</MaxAgeSeconds>", malformed},
		{rule + "<MaxAgeSeconds/>", malformed},
		{rule + "<AllowedMethod>OPTIONS</AllowedMethod>", "InvalidRequest: Found unsupported HTTP method in CORS config. Unsupported method is OPTIONS"},
		{rule + "<AllowedMethod>get</AllowedMethod>", "InvalidRequest: Found unsupported HTTP method in CORS config. Unsupported method is get"},
		{rule + "<AllowedOrigin>http://*.*</AllowedOrigin>", `InvalidRequest: AllowedOrigin "http://*.*" can not have more than one wildcard.`},
		{rule + "<AllowedHeader>x-*-*</AllowedHeader>", `InvalidRequest: AllowedHeader "x-*-*" can not have more than one wildcard.`},
		{rule + "<ExposeHeader>*</ExposeHeader>", `InvalidRequest: ExposeHeader "*" contains wildcard. We currently do not support wildcard for ExposeHeader.`},
		{rule + "<ExposeHeader>a&#13;&#10;Set-Cookie: b</ExposeHeader>", "InvalidRequest: ExposeHeader \"a\r\nSet-Cookie: b\" contains invalid character."},
		{rule + "<ID>" + strings.Repeat("a", 64<<10) + "</ID>", "MaxMessageLengthExceeded: Your request was too big."},
	} {
		got := g.send(t, signed{
			config: g.AdminConfig, method: http.MethodPut, target: "/" + bucket + "?cors",
			body: "<CORSConfiguration" + ofS3 + "><CORSRule>" + row.rules + "</CORSRule></CORSConfiguration>",
		})
		code, message, _ := strings.Cut(row.want, ": ")
		told := strings.NewReplacer("&#34;", `"`, "&#xD;", "\r", "&#xA;", "\n").Replace(got.Body)
		if row.want == "" && got.Status != http.StatusOK || row.want != "" && !strings.Contains(told, "<Code>"+code+"</Code><Message>"+message+"</Message>") {
			t.Errorf("%.200s: %d %s\nwant %s", row.rules, got.Status, told, row.want)
		}
	}
}
