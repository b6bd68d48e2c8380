package s3store_test

import (
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/daypass/daypass/internal/s3upstream"
)

// TestKeys puts, reads, lists and deletes keys with every kind of character.
func TestKeys(t *testing.T) {
	c, _ := open(t, t.TempDir())
	b := bucket(t, c, "keys")
	keys := []string{
		"a b+c", "ü/日本", "per%cent/%2F/%", "quest?ion", "ha#sh", "semi;colon&amp=x", `back\slash`, "quote\"'`", "tab\tnew\nline",
		"dots.../..a/.b", "~-_.", "meta", "d/meta/etag", "-rf", "*", "trailing dot.", " space ", strings.Repeat("k", 227), strings.Repeat("d/", 500) + "end",
		".sgwtmpfile", "x?acl", "acl", "a=b&versionId=c",
	}
	for _, key := range keys {
		put(t, c, b, key, "of "+key)
		put(t, c, b, key, "of "+key) // in place of the first
	}
	for _, key := range keys {
		if got := get(t, c, b, key); got != "of "+key {
			t.Errorf("%q has %q", key, got)
		}
		list, err := c.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: b, Prefix: &key})
		if err != nil || len(list.Contents) == 0 || *list.Contents[0].Key != key {
			t.Errorf("ListObjectsV2 of %q: %v, %d", key, err, len(list.Contents))
		}
	}
	for _, key := range keys {
		if _, err := c.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: b, Key: &key}); err != nil {
			t.Errorf("DeleteObject %q: %v", key, err)
		}
	}
	if list, err := c.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: b}); err != nil || len(list.Contents) != 0 {
		t.Errorf("what is left: %v, %d", err, len(list.Contents))
	}
}

// TestKeysThatAreNoPaths asks for keys that would be another key's file. Each
// request is one that a policy for public/* permits.
func TestKeysThatAreNoPaths(t *testing.T) {
	dir := t.TempDir()
	c, store := open(t, dir)
	b := bucket(t, c, "keys")
	bucket(t, c, "other")
	put(t, c, b, "secret/k", "secret")
	put(t, c, b, "public/k", "public")
	upstream, err := s3upstream.New(store.Target(), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer upstream.Close()
	do := func(method, key string, query map[string][]string, header http.Header) int {
		r := &s3upstream.Request{Method: method, Bucket: *b, Key: key, Query: query, Header: header}
		if method == http.MethodPut && header == nil {
			r.Body, r.Length = strings.NewReader("stolen"), 6
		}
		response, err := upstream.Do(t.Context(), r)
		if err != nil {
			t.Fatalf("%s %q: %v", method, key, err)
		}
		_ = response.Body.Close()
		return response.Status
	}
	before := tree(t, dir)
	for _, key := range []string{
		"public/../secret/k", "public/./../secret/k", "public//../secret/k", "../keys/secret/k", "../other/k", "public/../../other/new",
		"public//k", "/public/k", "./public/k", "public/.", "public/..", "..", ".", "/", "//", "public/k/../k",
		".sgwtmp/multipart/x", "public/.sgwtmp/x", ".sgwtmp", "nul\x00", "\xff", "control\x01",
		strings.Repeat("k", 228), strings.Repeat("d/", 513),
	} {
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			if status := do(method, key, nil, nil); status != http.StatusNotFound && status != http.StatusBadRequest {
				t.Errorf("%s %q: %d", method, key, status)
			}
		}
		if status := do(http.MethodPut, key, nil, nil); status != http.StatusBadRequest {
			t.Errorf("PUT %q: %d", key, status)
		}
		if status := do(http.MethodPut, "public/copy", nil, http.Header{"X-Amz-Copy-Source": {*b + "/" + strings.ReplaceAll(url.PathEscape(key), "%2F", "/")}}); status/100 != 4 {
			t.Errorf("PUT of a copy of %q: %d", key, status)
		}
		if status := do(http.MethodPost, key, map[string][]string{"uploads": {""}}, nil); status != http.StatusBadRequest {
			t.Errorf("CreateMultipartUpload %q: %d", key, status)
		}
		if status := do(http.MethodDelete, key, nil, nil); status/100 != 2 && status != http.StatusBadRequest {
			t.Errorf("DELETE %q: %d", key, status)
		}
		for _, query := range []string{"tagging", "attributes", "retention", "legal-hold", "acl"} {
			if status := do(http.MethodGet, key, map[string][]string{query: {""}}, nil); status/100 == 2 {
				t.Errorf("GET %q?%s: %d", key, query, status)
			}
		}
	}
	listNothing(t, c, b)
	if after := tree(t, dir); after != before {
		t.Errorf("files have changed from\n%s\nto\n%s", before, after)
	}
}

// listNothing lists by prefixes that would lead to other keys.
func listNothing(t *testing.T, c *s3.Client, b *string) {
	t.Helper()
	for _, prefix := range []string{"public/../", "public/../secret/", "/", "//", "./", "../", "../other", "public/./", ".sgwtmp/"} {
		for _, version := range []bool{false, true} {
			var n int
			if version {
				list, err := c.ListObjectVersions(t.Context(), &s3.ListObjectVersionsInput{Bucket: b, Prefix: &prefix})
				if err != nil {
					t.Errorf("ListObjectVersions of %q: %v", prefix, err)
					continue
				}
				n = len(list.Versions)
			} else {
				list, err := c.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: b, Prefix: &prefix})
				if err != nil {
					t.Errorf("ListObjectsV2 of %q: %v", prefix, err)
					continue
				}
				n = len(list.Contents)
			}
			if n != 0 {
				t.Errorf("the prefix %q lists %d objects (versions: %v)", prefix, n, version)
			}
		}
	}
}

// tree are the files below dir, with their sizes.
func tree(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(filepath.Join(dir, "buckets"), func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && !strings.Contains(path, ".vgwlocks") {
			content, _ := os.ReadFile(path)
			b.WriteString(path + " " + string(content) + "\n")
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestStrays lists over files that a killed process left.
func TestStrays(t *testing.T) {
	dir := t.TempDir()
	c, _ := open(t, dir)
	b := bucket(t, c, "strays")
	put(t, c, b, "d/k", "x")
	leave := func() string {
		path := filepath.Join(dir, "buckets", *b, "d", ".k.sgwtmp.1795682469018832681")
		if err := os.Link(filepath.Join(dir, "buckets", *b, "d", "k"), path); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for name, list := range map[string]func() int{
		"ListObjects": func() int {
			out, err := c.ListObjects(t.Context(), &s3.ListObjectsInput{Bucket: b})
			if err != nil {
				t.Fatal(err)
			}
			return len(out.Contents)
		},
		"ListObjectsV2": func() int {
			out, err := c.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: b})
			if err != nil || int(*out.KeyCount) != len(out.Contents) {
				t.Fatal(err, len(out.Contents))
			}
			return len(out.Contents)
		},
		"ListObjectVersions": func() int {
			out, err := c.ListObjectVersions(t.Context(), &s3.ListObjectVersionsInput{Bucket: b})
			if err != nil {
				t.Fatal(err)
			}
			return len(out.Versions)
		},
	} {
		path := leave()
		if n := list(); n != 1 {
			t.Errorf("%s has %d objects", name, n)
		}
		if _, err := os.Stat(path); err == nil {
			t.Errorf("%s leaves the file", name)
		}
	}
	if got := get(t, c, b, "d/k"); got != "x" {
		t.Errorf("the object is %q", got)
	}
}

// TestDirectories has the divergences that come of keys being paths.
func TestDirectories(t *testing.T) {
	c, _ := open(t, t.TempDir())
	b := bucket(t, c, "keys")
	write := func(key, content string) error {
		_, err := c.PutObject(t.Context(), &s3.PutObjectInput{Bucket: b, Key: &key, Body: strings.NewReader(content)})
		return err
	}
	put(t, c, b, "a/b", "x")
	if err := write("a", "x"); code(err) != "ExistingObjectIsDirectory" {
		t.Errorf("a key that is another's directory: %v", code(err))
	}
	if err := write("a/b/c", "x"); code(err) != "ObjectParentIsFile" {
		t.Errorf("a key below another: %v", code(err))
	}
	if err := write("folder/", ""); err != nil {
		t.Errorf("a folder: %v", err)
	}
	if err := write("full/", "x"); code(err) != "DirectoryObjectContainsData" {
		t.Errorf("a folder with content: %v", code(err))
	}
	if got := get(t, c, b, "folder/"); got != "" {
		t.Errorf("the folder has %q", got)
	}
	for _, key := range []string{"a", "a/", "folder", "a/b/", "a/b/c"} {
		if _, err := c.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: b, Key: &key}); code(err) != "NotFound" {
			t.Errorf("HeadObject %q: %v", key, err)
		}
	}
	list, err := c.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: b})
	if err != nil || len(list.Contents) != 2 || *list.Contents[1].Key != "folder/" {
		t.Errorf("ListObjectsV2: %v, %d", err, len(list.Contents))
	}
	// To delete a key does not delete what is below it.
	for _, key := range []string{"a", "a/"} {
		if _, err := c.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: b, Key: &key}); err != nil {
			t.Errorf("DeleteObject %q: %v", key, err)
		}
	}
	put(t, c, b, "folder/file", "x")
	for _, key := range []string{"folder/", "folder/file"} {
		out, err := c.DeleteObjects(t.Context(), &s3.DeleteObjectsInput{Bucket: b, Delete: &types.Delete{Objects: []types.ObjectIdentifier{{Key: &key}}}})
		if err != nil || len(out.Errors) != 0 || len(out.Deleted) != 1 {
			t.Errorf("DeleteObjects %q: %v, %+v", key, err, out)
		}
		if _, err := c.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: b, Key: &key}); code(err) != "NotFound" {
			t.Errorf("HeadObject %q: %v", key, err)
		}
	}
	if got := get(t, c, b, "a/b"); got != "x" {
		t.Errorf("a/b is %q", got)
	}
}

// TestObjectLock has its own store, since what is locked cannot be deleted.
func TestObjectLock(t *testing.T) {
	c, _ := open(t, t.TempDir())
	b := aws.String("locked")
	if _, err := c.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: b, ObjectLockEnabledForBucket: aws.Bool(true)}); err != nil {
		t.Fatal(err)
	}
	out, err := c.PutObject(t.Context(), &s3.PutObjectInput{
		Bucket: b, Key: aws.String("k"), Body: strings.NewReader("x"), ObjectLockMode: types.ObjectLockModeCompliance,
		ObjectLockRetainUntilDate: aws.Time(time.Now().Add(time.Hour)), ObjectLockLegalHoldStatus: types.ObjectLockLegalHoldStatusOn,
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: b, Key: aws.String("k"), VersionId: out.VersionId}); code(err) != "AccessDenied" {
		t.Errorf("DeleteObject of a locked version: %v", err)
	}
	if out, err := c.GetObjectRetention(t.Context(), &s3.GetObjectRetentionInput{Bucket: b, Key: aws.String("k")}); err != nil || out.Retention.Mode != types.ObjectLockRetentionModeCompliance {
		t.Errorf("GetObjectRetention: %v", err)
	}
	if out, err := c.GetObjectLegalHold(t.Context(), &s3.GetObjectLegalHoldInput{Bucket: b, Key: aws.String("k")}); err != nil || out.LegalHold.Status != types.ObjectLockLegalHoldStatusOn {
		t.Errorf("GetObjectLegalHold: %v", err)
	}
	if _, err := c.GetObjectLockConfiguration(t.Context(), &s3.GetObjectLockConfigurationInput{Bucket: b}); err != nil {
		t.Errorf("GetObjectLockConfiguration: %v", err)
	}
}

// TestLacks asks for what the store does not have. SSE-C is the dangerous one: an
// object that its owner believes encrypted.
func TestLacks(t *testing.T) {
	c, _ := open(t, t.TempDir())
	b := bucket(t, c, "lacks")
	for name, in := range map[string]*s3.PutObjectInput{
		"SSE-C": {
			SSECustomerAlgorithm: aws.String("AES256"), SSECustomerKeyMD5: aws.String("hRasmdxgYDKV3nvbahU1MA=="),
			SSECustomerKey: aws.String("MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="),
		},
		"SSE-KMS":       {ServerSideEncryption: types.ServerSideEncryptionAwsKms},
		"SSE-S3":        {ServerSideEncryption: types.ServerSideEncryptionAes256},
		"storage class": {StorageClass: types.StorageClassGlacier},
	} {
		in.Bucket, in.Key, in.Body = b, aws.String("k"), strings.NewReader("x")
		if _, err := c.PutObject(t.Context(), in); err == nil || !strings.Contains(err.Error(), "501") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := c.PutObject(t.Context(), &s3.PutObjectInput{Bucket: b, Key: aws.String("k"), Body: strings.NewReader("x"), StorageClass: types.StorageClassStandard}); err != nil {
		t.Errorf("the standard storage class: %v", err)
	}
	for _, query := range []string{
		"accelerate", "analytics", "encryption", "intelligent-tiering", "inventory", "lifecycle", "logging", "metrics", "notification",
		"publicAccessBlock", "replication", "requestPayment",
	} {
		response, err := c.Options().HTTPClient.Do(request(t, c, "/lacks?"+query))
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != http.StatusNotImplemented {
			t.Errorf("?%s: %s", query, response.Status)
		}
	}
}

func request(t *testing.T, c *s3.Client, path string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, *c.Options().BaseEndpoint+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}
