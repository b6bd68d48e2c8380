package s3request

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	signer "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go/middleware"
)

// recorder keeps the request that a client would have sent.
type recorder struct {
	request *Request
	body    []byte
}

var errRecorded = errors.New("recorded")

func (r *recorder) Do(request *http.Request) (*http.Response, error) {
	host := request.Host
	if host == "" {
		host = request.URL.Host
	}
	r.request = &Request{Method: request.Method, Host: host, RequestURI: request.URL.RequestURI(), Header: request.Header}
	if request.Body != nil {
		r.body, _ = io.ReadAll(request.Body)
	}
	return nil, errRecorded
}

// notServedBySDK are the operations of the client that are refused, each with
// what its refusal must name.
var notServedBySDK = map[string]string{
	"CreateBucketMetadataConfiguration":                "S3 Metadata",
	"CreateBucketMetadataTableConfiguration":           "S3 Metadata",
	"CreateSession":                                    "S3 Express",
	"DeleteBucketMetadataConfiguration":                "S3 Metadata",
	"DeleteBucketMetadataTableConfiguration":           "S3 Metadata",
	"GetBucketMetadataConfiguration":                   "S3 Metadata",
	"GetBucketMetadataTableConfiguration":              "S3 Metadata",
	"ListDirectoryBuckets":                             "S3 Express",
	"RenameObject":                                     "S3 Express",
	"UpdateBucketMetadataAnnotationTableConfiguration": "S3 Metadata",
	"UpdateBucketMetadataInventoryTableConfiguration":  "S3 Metadata",
	"UpdateBucketMetadataJournalTableConfiguration":    "S3 Metadata",
	"UpdateObjectEncryption":                           "KMS",
	"WriteGetObjectResponse":                           "Object Lambda",
}

// notOfSDK are the operations of the table that the client has no method for.
var notOfSDK = []string{"PostObject"}

// leftOut are the members that are not filled, each with why: a request with it
// is refused.
var leftOut = map[string]string{
	"PutObjectInput.WriteOffsetBytes":                             "S3 Express One Zone",
	"CreateBucketConfiguration.Location":                          "S3 Express One Zone",
	"CreateBucketConfiguration.Bucket":                            "S3 Express One Zone",
	"PutObjectInput.ObjectLockEventHoldDurationYears":             "event holds in years",
	"CopyObjectInput.ObjectLockEventHoldDurationYears":            "event holds in years",
	"CreateMultipartUploadInput.ObjectLockEventHoldDurationYears": "event holds in years",
	"EventHoldDuration.Years":                                     "event holds in years",
	"RestoreRequest.OutputLocation":                               "it writes to another bucket",
	"RestoreRequest.SelectParameters":                             "it writes to another bucket",
	"RestoreRequest.Type":                                         "it writes to another bucket",
}

// TestSDK sends every operation of aws-sdk-go-v2's client, once with little and
// once with all that its input takes, in path style and with the bucket in the
// host, and asks that Parse names the operation that the client was asked for.
func TestSDK(t *testing.T) {
	t.Parallel()
	found := map[string]bool{}
	for name := range clientMethods() {
		found[name] = true
		for _, full := range []bool{false, true} {
			for _, path := range []bool{false, true} {
				checkSDK(t, name, full, path)
			}
		}
	}
	if len(found) < 100 {
		t.Errorf("%d operations of the client were found", len(found))
	}
	for _, r := range table {
		if !found[r.name] && !contains(notOfSDK, r.name) {
			t.Errorf("%s is in the table and not in the client", r.name)
		}
	}
}

// clientMethods are the operations of the client: methods of a context, an
// input and options.
func clientMethods() map[string]reflect.Method {
	methods := map[string]reflect.Method{}
	client := reflect.TypeFor[*s3.Client]()
	for i := range client.NumMethod() {
		m := client.Method(i)
		if m.Type.NumIn() == 4 && m.Type.NumOut() == 2 && m.Type.In(2).Kind() == reflect.Pointer {
			methods[m.Name] = m
		}
	}
	return methods
}

// record calls an operation of the client and keeps its request.
func record(t testing.TB, method reflect.Method, full, pathStyle bool) *recorder {
	t.Helper()
	r := &recorder{}
	client := s3.New(s3.Options{
		Region: "eu-central-1", BaseEndpoint: aws.String("https://s3.example.com"), UsePathStyle: pathStyle,
		HTTPClient: r, RetryMaxAttempts: 1, DisableS3ExpressSessionAuth: aws.Bool(true),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "AKIAIOSFODNN7EXAMPLE", SecretAccessKey: "secret"}, nil
		}),
	})
	input := reflect.New(method.Type.In(2).Elem())
	fill(input.Elem(), full, 0)
	out := method.Func.Call([]reflect.Value{reflect.ValueOf(client), reflect.ValueOf(t.Context()), input})
	if err, _ := out[1].Interface().(error); r.request == nil {
		t.Fatalf("%s (full %t) sent nothing: %v", method.Name, full, err)
	}
	return r
}

// values are what members get by their names; others of their type get some.
var values = map[string]string{
	"Bucket": "my.bucket-1", "Key": "a//b/../c d+é%2F", "CopySource": "src-bucket/k%20e%2By?versionId=v.1",
	"Tagging": "a=b&c=d%20e", "RenameSource": "/b/k", "VersionId": "v1", "UploadId": "u1", "ContentMD5": "1B2M2Y8AsgTpgAmY7PhCfg==",
	"SSECustomerKey": "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=", "SSECustomerAlgorithm": "AES256",
	"CopySourceSSECustomerKey": "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
	"RequestRoute":             "route", "RequestToken": "token", "Policy": "{}", "Prefix": "p/ +&", "Delimiter": "/",
	"ChecksumAlgorithm": "CRC32", "ExpectedBucketOwner": "123456789012",
}

// minimal are the members that are filled where little is asked for: those that
// some operation requires.
var minimal = []string{
	"Bucket", "Key", "CopySource", "UploadId", "PartNumber", "Id", "AnnotationName", "RenameSource", "ObjectAttributes",
	"Expression", "ExpressionType", "InputSerialization", "OutputSerialization", "RequestRoute", "RequestToken", "Delete",
	"Objects", "Tagging", "TagSet", "Policy", "ObjectEncryption", "OwnershipControls", "AnnotationPayload",
}

// fill gives the members of an input values.
func fill(v reflect.Value, full bool, depth int) {
	for i := range v.NumField() {
		field, member := v.Type().Field(i), v.Field(i)
		if !field.IsExported() || leftOut[v.Type().Name()+"."+field.Name] != "" || field.Type == reflect.TypeFor[middleware.Metadata]() {
			continue
		}
		wanted := full || depth > 0 || contains(minimal, field.Name) || strings.HasSuffix(field.Name, "Configuration") ||
			strings.HasSuffix(field.Name, "Status")
		if !wanted || strings.HasPrefix(field.Name, "Checksum") && field.Name != "ChecksumAlgorithm" || field.Name == "ContentLength" || field.Name == "ContentMD5" {
			continue
		}
		set(member, field.Name, full, depth)
	}
}

func set(member reflect.Value, name string, full bool, depth int) {
	text := values[name]
	if text == "" || depth > 0 && name != "Key" {
		text = "x"
	}
	switch member.Kind() {
	case reflect.String:
		member.SetString(enumeration(member, text))
	case reflect.Int32, reflect.Int64:
		member.SetInt(7)
	case reflect.Bool:
		member.SetBool(true)
	case reflect.Struct:
		if member.Type() == reflect.TypeFor[time.Time]() {
			member.Set(reflect.ValueOf(time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)))
			return
		}
		fill(member, full, depth+1)
	case reflect.Pointer:
		if depth < 6 {
			member.Set(reflect.New(member.Type().Elem()))
			set(member.Elem(), name, full, depth)
		}
	case reflect.Slice:
		if depth < 6 && member.Type().Elem().Kind() != reflect.Uint8 {
			element := reflect.New(member.Type().Elem()).Elem()
			set(element, name, full, depth)
			member.Set(reflect.Append(member, element))
		}
	case reflect.Map:
		member.Set(reflect.ValueOf(map[string]string{"meta": "data"}))
	case reflect.Interface:
		switch member.Type() {
		case reflect.TypeFor[io.Reader]():
			member.Set(reflect.ValueOf(io.Reader(bytes.NewReader([]byte("body")))))
		case reflect.TypeFor[types.ObjectEncryption]():
			member.Set(reflect.ValueOf(&types.ObjectEncryptionMemberSSEKMS{Value: types.SSEKMSEncryption{KMSKeyArn: aws.String("arn")}}))
		}
	}
}

// enumeration is the first value of a type that has some.
func enumeration(member reflect.Value, text string) string {
	if member.Type() == reflect.TypeFor[string]() {
		return text
	}
	out := member.MethodByName("Values")
	if !out.IsValid() {
		return text
	}
	list := out.Call(nil)[0]
	if list.Len() == 0 {
		return text
	}
	return list.Index(0).String()
}

func checkSDK(t *testing.T, name string, full, pathStyle bool) {
	t.Helper()
	recorded := record(t, clientMethods()[name], full, pathStyle)
	request := recorded.request
	op, err := Parse(request, "s3.example.com")
	if service, refused := notServedBySDK[name]; refused {
		var e *Error
		if !errors.As(err, &e) || e.Code != "NotImplemented" || !strings.Contains(e.Message, service) {
			t.Errorf("%s: %v, want it refused by name (%s)", name, err, service)
		}
		return
	}
	if err != nil {
		t.Errorf("%s (full %t): %s %s%s: %v", name, full, request.Method, request.Host, request.RequestURI, err)
		return
	}
	if op.Name != name {
		t.Errorf("%s is taken for %s: %s %s", name, op.Name, request.Method, request.RequestURI)
	}
	if op.On != Service && op.Bucket != values["Bucket"] || op.On == Object && op.Key != values["Key"] {
		t.Errorf("%s: bucket %q, key %q of %s", name, op.Bucket, op.Key, request.RequestURI)
	}
	if full && op.row.takes(versionParameter) && op.VersionID != "v1" {
		t.Errorf("%s: version %q", name, op.VersionID)
	}
	if !full && len(recorded.body) == 0 {
		return
	}
	if err := op.ReadBody(recorded.body); err != nil {
		t.Errorf("%s (full %t): body %s: %v", name, full, recorded.body, err)
	}
	if needs, err := op.Needs(); err != nil || len(needs) == 0 {
		t.Errorf("%s: needs %v, %v", name, needs, err)
	}
	if op.Source != nil && *op.Source != (Source{"src-bucket", "k e+y", "v.1"}) {
		t.Errorf("%s: source %+v", name, op.Source)
	}
}

// TestPresigned reads requests that the SDK has presigned, and a form.
func TestPresigned(t *testing.T) {
	t.Parallel()
	client := s3.NewPresignClient(s3.New(s3.Options{
		Region: "eu-central-1", BaseEndpoint: aws.String("https://s3.example.com"), UsePathStyle: true,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "AKIAIOSFODNN7EXAMPLE", SecretAccessKey: "secret", SessionToken: "token"}, nil
		}),
	}))
	bucket, key := aws.String("my.bucket-1"), aws.String("a//b+c d")
	for name, presign := range map[string]func() (*signer.PresignedHTTPRequest, error){
		"GetObject": func() (*signer.PresignedHTTPRequest, error) {
			return client.PresignGetObject(t.Context(), &s3.GetObjectInput{Bucket: bucket, Key: key, ResponseContentType: aws.String("a/b; c")})
		},
		"PutObject": func() (*signer.PresignedHTTPRequest, error) {
			return client.PresignPutObject(t.Context(), &s3.PutObjectInput{Bucket: bucket, Key: key, ACL: types.ObjectCannedACLPrivate, Tagging: aws.String("a=b")})
		},
		"UploadPart": func() (*signer.PresignedHTTPRequest, error) {
			return client.PresignUploadPart(t.Context(), &s3.UploadPartInput{Bucket: bucket, Key: key, UploadId: aws.String("u"), PartNumber: aws.Int32(1)})
		},
		"DeleteObject": func() (*signer.PresignedHTTPRequest, error) {
			return client.PresignDeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: bucket, Key: key, VersionId: aws.String("v")})
		},
		"HeadObject": func() (*signer.PresignedHTTPRequest, error) {
			return client.PresignHeadObject(t.Context(), &s3.HeadObjectInput{Bucket: bucket, Key: key})
		},
		"HeadBucket": func() (*signer.PresignedHTTPRequest, error) {
			return client.PresignHeadBucket(t.Context(), &s3.HeadBucketInput{Bucket: bucket})
		},
	} {
		presigned, err := presign()
		if err != nil {
			t.Fatal(err)
		}
		u, err := url.Parse(presigned.URL)
		if err != nil {
			t.Fatal(err)
		}
		op, err := Parse(&Request{Method: presigned.Method, Host: u.Host, RequestURI: u.RequestURI(), Header: presigned.SignedHeader}, "s3.example.com")
		if err != nil || op.Name != name || op.Bucket != *bucket || op.On == Object && op.Key != *key {
			t.Errorf("%s: %+v, %v", name, op, err)
			continue
		}
		if needs, err := op.Needs(); err != nil || name == "PutObject" && len(needs) != 3 {
			t.Errorf("%s needs %+v, %v", name, needs, err)
		}
	}
	form, err := client.PresignPostObject(t.Context(), &s3.PutObjectInput{Bucket: bucket, Key: key})
	if err != nil {
		t.Fatal(err)
	}
	op := mustParse(t, "POST /"+*bucket, "content-type=multipart/form-data")
	var fields []Field
	for name, value := range form.Values {
		fields = append(fields, Field{name, value})
	}
	if err := op.ReadForm(fields, "file"); err != nil || op.Key != *key {
		t.Errorf("%+v: %v", form, err)
	}
}
