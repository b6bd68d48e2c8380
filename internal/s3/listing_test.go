package s3_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// TestEncodingType: keys are encoded as S3 does it where that is asked for, also of
// a store that does not.
func TestEncodingType(t *testing.T) {
	g := start(t, nil)
	bucket := g.bucket(t)
	g.object(t, bucket, "a b+c&d=e?f#g%h~é*.txt", "")
	g.object(t, bucket, "<dir>/sub", "")
	list := func(query string) reply {
		return g.send(t, signed{config: g.AdminConfig, method: http.MethodGet, target: "/" + bucket + "?" + query})
	}
	for query, wanted := range map[string][]string{
		"list-type=2&encoding-type=url&delimiter=%2F&start-after=%20": {
			"<Key>a+b%2Bc%26d%3De%3Ff%23g%25h%7E%C3%A9*.txt</Key>", "<CommonPrefixes><Prefix>%3Cdir%3E/</Prefix></CommonPrefixes>",
			"<Delimiter>/</Delimiter>", "<StartAfter>+</StartAfter>", "<EncodingType>url</EncodingType>",
		},
		"encoding-type=url&prefix=%3C&marker=%20": {"<Key>%3Cdir%3E/sub</Key>", "<Prefix>%3C</Prefix>", "<Marker>+</Marker>", "<EncodingType>url</EncodingType>"},
		"versions&encoding-type=url&max-keys=1":   {"<Key>%3Cdir%3E/sub</Key>", "<NextKeyMarker>%3Cdir%3E/sub</NextKeyMarker>", "<EncodingType>url</EncodingType>"},
		"list-type=2":                             {"<Key>a b+c&amp;d=e?f#g%h~é*.txt</Key>", "<Key>&lt;dir&gt;/sub</Key>"},
		"encoding-type=base64": {
			"<Code>InvalidArgument</Code><Message>Invalid Encoding Method specified in Request</Message><ArgumentName>encoding-type</ArgumentName><ArgumentValue>base64</ArgumentValue>",
		},
	} {
		got := list(query)
		for _, text := range wanted {
			if !strings.Contains(got.Body, text) {
				t.Errorf("?%s lacks %s\n%d %s", query, text, got.Status, got.Body)
			}
		}
	}
	g.upload(t, bucket, "up load")
	if got := list("uploads&encoding-type=url"); !strings.Contains(got.Body, "<Key>up+load</Key>") {
		t.Errorf("%d %s", got.Status, got.Body)
	}
}

// TestStoreError: a store's error has the ids of our reply.
func TestStoreError(t *testing.T) {
	g := start(t, nil)
	bucket := g.bucket(t)
	got := g.send(t, signed{config: g.AdminConfig, method: http.MethodGet, target: "/" + bucket + "/missing"})
	if id := got.Header.Get("X-Amz-Request-Id"); got.Status != http.StatusNotFound || strings.Count(got.Body, "<RequestId>") != 1 ||
		!strings.HasSuffix(got.Body, "<RequestId>"+id+"</RequestId><HostId>"+got.Header.Get("X-Amz-Id-2")+"</HostId></Error>") ||
		!strings.Contains(got.Body, "<Code>NoSuchKey</Code>") {
		t.Errorf("%d %s, id %s", got.Status, got.Body, id)
	}
	if e := g.lastEvent(t); e.RequestID != got.Header.Get("X-Amz-Request-Id") || e.UpstreamRequestID == "" || e.UpstreamRequestID == e.RequestID {
		t.Errorf("event %+v", e)
	}
	_, err := g.admin.DeleteBucket(t.Context(), &s3.DeleteBucketInput{Bucket: aws.String(bucket)})
	must(t, err)
}
