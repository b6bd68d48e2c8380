package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// TestS3KilledUpstream: a gateway that is killed while objects, and parts of an
// upload, are on their way to a store that is not ours leaves the store as it was:
// also versitygw, which takes the end of a connection for the end of a body that
// nobody signed. The upload can be completed.
func TestS3KilledUpstream(t *testing.T) {
	t.Parallel()
	if err := versitygw(); err != nil {
		t.Fatal(err)
	}
	c := &crash{t: t, dir: t.TempDir()}
	c.must(os.Mkdir(c.temporary(), 0o700))
	foreign := c.startForeign()
	kill := c.serve(0)
	bucket, ctx := aws.String("bucket"), t.Context()
	_, err := c.objects.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: bucket})
	c.must(err)
	_, err = c.objects.PutObject(ctx, &s3.PutObjectInput{Bucket: bucket, Key: aws.String("old"), Body: strings.NewReader("old")})
	c.must(err)
	upload, err := c.objects.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: bucket, Key: aws.String("parts")})
	c.must(err)
	part, err := c.objects.UploadPart(ctx, &s3.UploadPartInput{Bucket: bucket, Key: aws.String("parts"), UploadId: upload.UploadId, PartNumber: aws.Int32(1), Body: strings.NewReader("part")})
	c.must(err)
	presigned, err := s3.NewPresignClient(c.objects).PresignUploadPart(ctx, &s3.UploadPartInput{
		Bucket: bucket, Key: aws.String("parts"), UploadId: upload.UploadId, PartNumber: aws.Int32(2), ContentLength: aws.Int64(int64(len(slowBody))),
	})
	c.must(err)
	c.begin("new")
	c.begin("old")
	slow := c.dialURL("PUT", presigned.URL, len(slowBody))
	_, err = io.WriteString(slow, slowBody[:len(slowBody)/2])
	c.must(err)
	foreign.waitForWrites(t, 3)
	kill()

	foreign.waitForWrites(t, 0)
	store := foreign.client()
	listed, err := store.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: bucket})
	if err != nil || len(listed.Contents) != 1 || *listed.Contents[0].Key != "old" || *listed.Contents[0].Size != 3 {
		t.Errorf("the store has %+v, %v", listed.Contents, err)
	}
	parts, err := store.ListParts(ctx, &s3.ListPartsInput{Bucket: bucket, Key: aws.String("parts"), UploadId: upload.UploadId})
	if err != nil || len(parts.Parts) != 1 {
		t.Errorf("the store has the parts %+v, %v", parts, err)
	}
	kill = c.serve(1)
	defer func() { kill() }()
	_, err = c.objects.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
		Bucket: bucket, Key: aws.String("parts"), UploadId: upload.UploadId,
		MultipartUpload: &types.CompletedMultipartUpload{Parts: []types.CompletedPart{{PartNumber: aws.Int32(1), ETag: part.ETag, ChecksumCRC32: part.ChecksumCRC32}}},
	})
	if err != nil || c.get("parts") != "part" || c.get("old") != "old" {
		t.Errorf("the upload cannot be completed after a start: %v", err)
	}
}

// foreignStore is a store that is not ours.
type foreignStore struct {
	dir, endpoint string
	process       int
}

// waitForWrites waits until the store has so many files open that have no name:
// they are what it has received of objects so far.
func (f foreignStore) waitForWrites(t *testing.T, want int) {
	t.Helper()
	var open int
	for range 2400 { // two minutes
		open = 0
		files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", f.process))
		for _, file := range files {
			if target, _ := os.Readlink(file); strings.HasPrefix(target, f.dir) && strings.HasSuffix(target, " (deleted)") {
				open++
			}
		}
		if open == want {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("the store has %d objects under way, want %d", open, want)
}

// startForeign starts one, and has the server keep buckets there.
func (c *crash) startForeign() foreignStore {
	c.t.Helper()
	listener, err := new(net.ListenConfig).Listen(c.t.Context(), "tcp", "127.0.0.1:0")
	c.must(err)
	f := foreignStore{dir: filepath.Join(c.dir, "foreign"), endpoint: "http://" + listener.Addr().String()}
	c.must(listener.Close())
	c.must(os.Mkdir(f.dir, 0o700))
	server := exec.Command(filepath.Join(binDir, "versitygw"), "--port", strings.TrimPrefix(f.endpoint, "http://"), "--quiet", "posix", f.dir)
	server.Env = append(os.Environ(), "ROOT_ACCESS_KEY=foreign", "ROOT_SECRET_KEY=foreignsecret")
	c.must(server.Start())
	f.process = server.Process.Pid
	c.t.Cleanup(func() {
		_ = server.Process.Kill() // which fails where it has ended
		_ = server.Wait()         // likewise
	})
	keys, config := filepath.Join(c.dir, "keys"), filepath.Join(c.dir, "daypass.yaml")
	c.must(os.WriteFile(keys, []byte("[default]\naws_access_key_id = foreign\naws_secret_access_key = foreignsecret\n"), 0o600))
	c.must(os.WriteFile(config, fmt.Appendf(nil, "s3:\n  embedded: false\n  upstreams:\n    - {name: foreign, endpoint: %q, credentialsFile: %q}\n", f.endpoint, keys), 0o600))
	c.args = []string{"--config", config}
	for range 2400 { // two minutes
		if _, err := f.client().ListBuckets(c.t.Context(), &s3.ListBucketsInput{}); err == nil {
			return f
		}
		time.Sleep(50 * time.Millisecond)
	}
	c.t.Fatal("the other store does not answer")
	return f
}

// client asks the store itself.
func (f foreignStore) client() *s3.Client {
	return s3.New(s3.Options{
		Region: "us-east-1", BaseEndpoint: &f.endpoint, UsePathStyle: true, RetryMaxAttempts: 1,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "foreign", SecretAccessKey: "foreignsecret"}, nil
		}),
	})
}
