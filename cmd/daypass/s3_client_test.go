package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/feature/s3/transfermanager"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
)

// goS3 is the program go-s3: what a program on aws-sdk-go-v2 does with the bucket
// that its first argument names. The others say what: walk does everything that
// the role may, put KEY puts an object. With LOOPBACK_NAMES set every host is this
// machine, as names below localhost are (RFC 6761, section 6.3), which not every
// resolver knows.
func goS3() {
	err := func(ctx context.Context) error {
		var options []func(*config.LoadOptions) error
		if os.Getenv("LOOPBACK_NAMES") != "" {
			options = append(options, config.WithHTTPClient(&http.Client{Transport: &http.Transport{DialContext: dialLoopback}}))
		}
		c, err := config.LoadDefaultConfig(ctx, options...)
		if err != nil {
			return err
		}
		client := s3.NewFromConfig(c)
		bucket := os.Args[1]
		if os.Args[2] == "put" {
			_, err := client.PutObject(ctx, &s3.PutObjectInput{Bucket: &bucket, Key: &os.Args[3], Body: strings.NewReader("x")})
			return err
		}
		return walkS3(ctx, client, bucket)
	}(context.Background())
	if fault := smithy.APIError(nil); errors.As(err, &fault) {
		fmt.Fprintln(os.Stderr, fault.ErrorCode()+":", fault.ErrorMessage())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func dialLoopback(ctx context.Context, network, address string) (net.Conn, error) {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	return new(net.Dialer).DialContext(ctx, network, net.JoinHostPort("127.0.0.1", port))
}

// walkS3 makes the bucket, goes through what programs do with one, and deletes it.
func walkS3(ctx context.Context, client *s3.Client, bucket string) error {
	_, err := client.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &bucket, CreateBucketConfiguration: &types.CreateBucketConfiguration{
		LocationConstraint: types.BucketLocationConstraint(client.Options().Region),
	}})
	if err != nil {
		return err
	}
	content := make([]byte, 12<<20+1)
	_, _ = rand.Read(content) // it does not fail
	for _, step := range []func() error{
		func() error { return managed(ctx, client, bucket, content) },
		func() error { return onceOnly(ctx, client, bucket) },
		func() error { return copied(ctx, client, bucket, content) },
		func() error { return paged(ctx, client, bucket) },
		func() error { return presigned(ctx, client, bucket) },
		func() error { return emptied(ctx, client, bucket) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	fmt.Println("all as expected")
	return nil
}

// managed sends and fetches by the transfer manager, in parts and with checksums.
func managed(ctx context.Context, client *s3.Client, bucket string, content []byte) error {
	manager := transfermanager.New(client, func(o *transfermanager.Options) { o.PartSizeBytes = 5 << 20; o.MultipartUploadThreshold = 5 << 20 })
	_, err := manager.UploadObject(ctx, &transfermanager.UploadObjectInput{Bucket: &bucket, Key: aws.String("large"), Body: bytes.NewReader(content)})
	if err != nil {
		return err
	}
	back := make([]byte, len(content))
	if _, err = manager.DownloadObject(ctx, &transfermanager.DownloadObjectInput{Bucket: &bucket, Key: aws.String("large"), WriterAt: writerAt(back)}); err != nil {
		return err
	}
	if !bytes.Equal(back, content) {
		return errors.New("large came back as something else")
	}
	attributes, err := client.GetObjectAttributes(ctx, &s3.GetObjectAttributesInput{
		Bucket: &bucket, Key: aws.String("large"), ObjectAttributes: []types.ObjectAttributes{types.ObjectAttributesObjectSize, types.ObjectAttributesChecksum},
	})
	if err == nil && (aws.ToInt64(attributes.ObjectSize) != int64(len(content)) || attributes.Checksum == nil) {
		return fmt.Errorf("the attributes of large are %+v", attributes)
	}
	return err
}

type writerAt []byte

func (w writerAt) WriteAt(p []byte, offset int64) (int, error) { return copy(w[offset:], p), nil }

// onceOnly puts an object that must not be there yet, with metadata, twice.
func onceOnly(ctx context.Context, client *s3.Client, bucket string) error {
	put := func() error {
		_, err := client.PutObject(ctx, &s3.PutObjectInput{
			Bucket: &bucket, Key: aws.String("once"), Body: strings.NewReader("once"), IfNoneMatch: aws.String("*"),
			Metadata: map[string]string{"commit": "abc"}, ChecksumAlgorithm: types.ChecksumAlgorithmSha256,
		})
		return err
	}
	if err := put(); err != nil {
		return err
	}
	var fault smithy.APIError
	if err := put(); !errors.As(err, &fault) || fault.ErrorCode() != "PreconditionFailed" {
		return fmt.Errorf("put twice: %w", err)
	}
	reply, err := client.GetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: aws.String("once"), ChecksumMode: types.ChecksumModeEnabled})
	if err != nil {
		return err
	}
	text, err := io.ReadAll(reply.Body)
	if err == nil && (string(text) != "once" || reply.Metadata["commit"] != "abc" || reply.ChecksumSHA256 == nil) {
		return fmt.Errorf("once is %q with %v", text, reply.Metadata)
	}
	return errors.Join(err, reply.Body.Close())
}

func copied(ctx context.Context, client *s3.Client, bucket string, content []byte) error {
	if _, err := client.CopyObject(ctx, &s3.CopyObjectInput{Bucket: &bucket, Key: aws.String("page/copy"), CopySource: aws.String(bucket + "/large")}); err != nil {
		return err
	}
	reply, err := client.GetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: aws.String("page/copy"), Range: aws.String("bytes=-7")})
	if err != nil {
		return err
	}
	tail, err := io.ReadAll(reply.Body)
	if err == nil && !bytes.Equal(tail, content[len(content)-7:]) {
		return errors.New("the copy ends with something else")
	}
	return errors.Join(err, reply.Body.Close())
}

func paged(ctx context.Context, client *s3.Client, bucket string) error {
	for _, key := range []string{"page/a b+c", "page/ü&=?#%2F"} {
		if _, err := client.PutObject(ctx, &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: strings.NewReader(key)}); err != nil {
			return err
		}
	}
	var keys []string
	pages := s3.NewListObjectsV2Paginator(client, &s3.ListObjectsV2Input{Bucket: &bucket, Prefix: aws.String("page/"), MaxKeys: aws.Int32(2)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, o := range page.Contents {
			keys = append(keys, *o.Key)
		}
	}
	if got := strings.Join(keys, "\n"); got != "page/a b+c\npage/copy\npage/ü&=?#%2F" {
		return fmt.Errorf("the pages have\n%s", got)
	}
	return nil
}

func presigned(ctx context.Context, client *s3.Client, bucket string) error {
	request, err := s3.NewPresignClient(client).PresignGetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: aws.String("page/a b+c")})
	if err != nil {
		return err
	}
	asked, err := http.NewRequestWithContext(ctx, request.Method, request.URL, nil)
	if err != nil {
		return err
	}
	reply, err := client.Options().HTTPClient.Do(asked)
	if err != nil {
		return err
	}
	text, err := io.ReadAll(reply.Body)
	if err == nil && string(text) != "page/a b+c" {
		return fmt.Errorf("the presigned URL gives %s %q", reply.Status, text)
	}
	return errors.Join(err, reply.Body.Close())
}

// emptied deletes every object, and the bucket.
func emptied(ctx context.Context, client *s3.Client, bucket string) error {
	listed, err := client.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &bucket})
	if err != nil {
		return err
	}
	var all []types.ObjectIdentifier
	for _, o := range listed.Contents {
		all = append(all, types.ObjectIdentifier{Key: o.Key})
	}
	deleted, err := client.DeleteObjects(ctx, &s3.DeleteObjectsInput{Bucket: &bucket, Delete: &types.Delete{Objects: all}})
	if err != nil {
		return err
	}
	if len(deleted.Errors) > 0 || len(deleted.Deleted) != len(all) {
		return fmt.Errorf("of %d objects %d were deleted, and %v not", len(all), len(deleted.Deleted), deleted.Errors)
	}
	_, err = client.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: &bucket})
	return err
}
