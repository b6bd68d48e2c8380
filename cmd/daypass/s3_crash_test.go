package main

import (
	"bytes"
	"context"
	"crypto/md5" //nolint:gosec // G501: S3's ETag
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
)

const (
	s3CrashKeys    = 3 // of each client
	s3CrashBuckets = 3 // of each client that makes buckets
)

// TestS3Killed: clients put, copy, upload in parts and delete, in a bucket with
// versions and in one without, and others create and delete buckets, while the
// server is killed again and again. What was acknowledged is there after each
// start: bytes, ETag, metadata and tags; what was under way is there whole or not
// at all; and listings, uploads and records of buckets say the same.
//
// DAYPASS_TEST_SEED repeats a run as far as a race can be repeated, and
// DAYPASS_TEST_KILLS makes it longer.
func TestS3Killed(t *testing.T) {
	t.Parallel()
	seed, kills := number("DAYPASS_TEST_SEED", time.Now().UnixNano()), number("DAYPASS_TEST_KILLS", 8)
	t.Logf("DAYPASS_TEST_SEED=%d", seed)
	random := rand.New(rand.NewPCG(uint64(seed), 0)) //nolint:gosec // G404, G115: when to kill
	c := &crash{t: t, dir: t.TempDir()}
	c.must(os.Mkdir(c.temporary(), 0o700))
	kill := c.serve(0)
	var clients []s3CrashClient
	for i, bucket := range []string{"plain", "versioned", "plain", "versioned"} {
		clients = append(clients, newS3CrashObjects(c, seed, i, bucket))
	}
	clients = append(clients, newS3CrashBuckets(c, seed, len(clients)))
	for _, bucket := range []string{"plain", "versioned"} {
		_, err := c.objects.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &bucket})
		c.must(err)
	}
	_, err := c.objects.PutBucketVersioning(t.Context(), &s3.PutBucketVersioningInput{
		Bucket: aws.String("versioned"), VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled},
	})
	c.must(err)
	each := func(do func(s3CrashClient)) {
		var all sync.WaitGroup
		for _, client := range clients {
			all.Go(func() { do(client) })
		}
		all.Wait()
	}
	for round := range int(kills) {
		killed := c.killAmid(kill, 200*time.Millisecond+time.Duration(random.IntN(500))*time.Millisecond, 10)
		each(s3CrashClient.work) // until the server is gone
		<-killed
		kill = c.serve(round + 1)
		each(s3CrashClient.settle)
		if t.Failed() {
			return
		}
	}
	if n := c.acknowledged.Load(); n < 10*kills {
		t.Errorf("only %d writes were acknowledged", n)
	}
	each(s3CrashClient.clear)
	for _, bucket := range []string{"plain", "versioned"} {
		if _, err := c.objects.DeleteBucket(t.Context(), &s3.DeleteBucketInput{Bucket: &bucket}); err != nil {
			t.Errorf("delete %s, in which nothing is listed: %v", bucket, err)
		}
	}
	kill()
	c.checkLeft()
}

// number is a number of the environment.
func number(name string, otherwise int64) int64 {
	if n, err := strconv.ParseInt(os.Getenv(name), 10, 64); err == nil {
		return n
	}
	return otherwise
}

// checkLeft asks that nothing is left of what the killed servers were at.
func (c *crash) checkLeft() {
	objects := filepath.Join(c.dir, "data", "objects")
	err := filepath.WalkDir(objects, func(path string, entry fs.DirEntry, err error) error {
		name, _ := filepath.Rel(objects, path)
		top, rest, _ := strings.Cut(name, string(filepath.Separator))
		switch {
		case err != nil:
			return err
		case strings.Contains(name, ".vgwlocks"), top == "overflow": // are of no one operation
		case (top == "buckets" || top == "versions" || top == "metadata" || top == "journal" || top == "trash") && rest != "",
			strings.HasPrefix(top, ".probe"):
			c.t.Errorf("%s is left", name)
		}
		return nil
	})
	c.must(err)
	sockets, err := os.ReadDir(c.temporary())
	c.must(err)
	if len(sockets) > 1 { // the last one was killed as well
		c.t.Errorf("%d entries are left in the folder for temporary files, %s among them", len(sockets), sockets[0].Name())
	}
}

// s3CrashClient changes things of its own, one after the other.
type s3CrashClient interface {
	work()   // until the server is gone
	settle() // holds all against what was acknowledged
	clear()  // takes all away
}

// s3CrashObject is an object that was put. Its bytes are those of its number.
type s3CrashObject struct {
	number uint64
	size   int
	parts  int    // of a multipart upload; 0 for none
	note   string // its metadata
	tag    string // "" for none
}

// s3CrashPart is the size of parts but the last: the least that S3 takes.
const s3CrashPart = 5 << 20

func (o *s3CrashObject) body() []byte {
	body := make([]byte, o.size)
	var seed [32]byte
	copy(seed[:], strconv.FormatUint(o.number, 10))
	_, _ = rand.NewChaCha8(seed).Read(body) // it does not fail
	return body
}

func (o *s3CrashObject) part(i int) []byte {
	body := o.body()
	return body[(i-1)*s3CrashPart : min(i*s3CrashPart, len(body))]
}

func (o *s3CrashObject) etag() string {
	if o.parts == 0 {
		return etagOf(o.body())
	}
	var sums []byte
	for i := range o.parts {
		sum := md5.Sum(o.part(i + 1)) //nolint:gosec // G401: likewise
		sums = append(sums, sum[:]...)
	}
	return fmt.Sprintf(`"%s-%d"`, strings.Trim(etagOf(sums), `"`), o.parts)
}

func etagOf(body []byte) string {
	sum := md5.Sum(body) //nolint:gosec // G401: likewise
	return `"` + hex.EncodeToString(sum[:]) + `"`
}

func (o *s3CrashObject) String() string {
	if o == nil {
		return "deleted"
	}
	return fmt.Sprintf("%d(%d bytes, %d parts, note %q, tag %q)", o.number, o.size, o.parts, o.note, o.tag)
}

// s3CrashVersion is a version of a key, or the object where there are none. One
// without an object is a delete marker.
type s3CrashVersion struct {
	id     string
	object *s3CrashObject
}

// s3CrashHistory is what there is of a key, the newest first.
type s3CrashHistory []s3CrashVersion

// s3CrashObjects is a client that changes objects.
type s3CrashObjects struct {
	*crash
	random    *rand.Rand
	bucket    string
	prefix    string
	versioned bool
	keys      []s3CrashHistory
	// doubt is the key of the write that was under way when the server was killed,
	// -1 for none; after is what that write would make of it.
	doubt int
	after s3CrashHistory
	// upload is the multipart upload that was under way, "" for none that was
	// acknowledged; of is what it was to be, sent how many parts are acknowledged.
	upload    string
	of        *s3CrashObject
	sent      []types.CompletedPart
	completed bool // it was asked to complete
}

func newS3CrashObjects(c *crash, seed int64, n int, bucket string) *s3CrashObjects {
	return &s3CrashObjects{
		crash: c, random: rand.New(rand.NewPCG(uint64(seed), uint64(n+1))), bucket: bucket, //nolint:gosec // G115, G404: what to do
		prefix: fmt.Sprintf("client%d/", n), versioned: bucket == "versioned", keys: make([]s3CrashHistory, s3CrashKeys), doubt: -1,
	}
}

func (c *s3CrashObjects) key(i int) *string {
	return aws.String(fmt.Sprintf("%sfolder%d/key", c.prefix, i))
}

// newObject draws one.
func (c *s3CrashObjects) newObject() *s3CrashObject {
	o := &s3CrashObject{number: c.random.Uint64(), size: c.random.IntN(200_000), note: fmt.Sprint(c.random.IntN(1000))}
	if c.random.IntN(2) == 0 {
		o.tag = fmt.Sprint(c.random.IntN(1000))
	}
	return o
}

func (o *s3CrashObject) tagging() *string {
	if o.tag == "" {
		return nil
	}
	return aws.String("tag=" + o.tag)
}

func (o *s3CrashObject) metadata() map[string]string { return map[string]string{"note": o.note} }

// over is what a new version makes of a history.
func (c *s3CrashObjects) over(history s3CrashHistory, id string, o *s3CrashObject) s3CrashHistory {
	switch {
	case c.versioned:
		return append(s3CrashHistory{{id, o}}, history...)
	case o == nil:
		return nil
	default:
		return s3CrashHistory{{"null", o}}
	}
}

// work writes until the server is gone.
func (c *s3CrashObjects) work() {
	for !c.t.Failed() {
		i := c.random.IntN(len(c.keys))
		c.doubt, c.after = -1, nil
		c.upload, c.of, c.sent, c.completed = "", nil, nil, false
		id, err := c.write(i)
		if err != nil {
			c.lost(err)
			return
		}
		if c.doubt == i && id != "" && len(c.after) > 0 && c.after[0].id == "" {
			c.after[0].id = id
		}
		c.keys[i] = c.after
		c.acknowledged.Add(1)
	}
}

// lost asks that an error is that of a server that is gone, and no answer.
func (c *s3CrashObjects) lost(err error) {
	var answer smithy.APIError
	if errors.As(err, &answer) {
		c.t.Errorf("%s, %s: the server answered: %v", c.bucket, *c.key(max(c.doubt, 0)), err)
	}
}

// write draws a write and does it. The id is that of the version that it made.
func (c *s3CrashObjects) write(i int) (id string, err error) {
	ctx, key, history := c.t.Context(), c.key(i), c.keys[i]
	switch choice := c.random.IntN(12); {
	case choice < 5 || len(history) == 0:
		o := c.newObject()
		c.doubt, c.after = i, c.over(history, "", o)
		out, err := c.objects.PutObject(ctx, &s3.PutObjectInput{
			Bucket: &c.bucket, Key: key, Body: bytes.NewReader(o.body()), Metadata: o.metadata(), Tagging: o.tagging(),
		})
		if err != nil {
			return "", err
		}
		return aws.ToString(out.VersionId), nil
	case choice < 6:
		return c.writeParts(i)
	case choice < 8:
		return c.writeCopy(i, c.random.IntN(len(c.keys)))
	case choice < 9 && c.versioned:
		at := c.random.IntN(len(history))
		c.doubt, c.after = i, slices.Delete(slices.Clone(history), at, at+1)
		_, err := c.objects.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &c.bucket, Key: key, VersionId: &history[at].id})
		return "", err
	default:
		c.doubt, c.after = i, c.over(history, "", nil)
		out, err := c.objects.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &c.bucket, Key: key})
		if err != nil {
			return "", err
		}
		return aws.ToString(out.VersionId), nil
	}
}

// writeCopy copies another key's object, or puts anew where it has none.
func (c *s3CrashObjects) writeCopy(to, from int) (id string, err error) {
	var source *s3CrashObject
	if len(c.keys[from]) > 0 {
		source = c.keys[from][0].object
	}
	if source == nil {
		c.doubt, c.after = to, c.keys[to]
		return "", nil
	}
	o := &s3CrashObject{number: source.number, size: source.size, note: source.note, tag: source.tag}
	in := &s3.CopyObjectInput{Bucket: &c.bucket, Key: c.key(to), CopySource: aws.String(c.bucket + "/" + *c.key(from))}
	if to == from || c.random.IntN(2) == 0 {
		other := c.newObject()
		o.note, o.tag = other.note, other.tag
		in.MetadataDirective, in.Metadata = types.MetadataDirectiveReplace, o.metadata()
		in.TaggingDirective, in.Tagging = types.TaggingDirectiveReplace, o.tagging()
	}
	c.doubt, c.after = to, c.over(c.keys[to], "", o)
	out, err := c.objects.CopyObject(c.t.Context(), in)
	if err != nil {
		return "", err
	}
	return aws.ToString(out.VersionId), nil
}

// writeParts uploads an object in parts. Before it asks to complete the upload,
// nothing of the key is in doubt.
func (c *s3CrashObjects) writeParts(i int) (id string, err error) {
	ctx, key := c.t.Context(), c.key(i)
	c.of = c.newObject()
	c.of.parts = 1 + c.random.IntN(2)
	c.of.size += (c.of.parts - 1) * s3CrashPart
	c.doubt, c.after = i, c.keys[i]
	made, err := c.objects.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: &c.bucket, Key: key, Metadata: c.of.metadata(), Tagging: c.of.tagging()})
	if err != nil {
		return "", err
	}
	c.upload = *made.UploadId
	for n := range c.of.parts {
		if err := c.sendPart(i, n+1); err != nil {
			return "", err
		}
	}
	return c.complete(i)
}

func (c *s3CrashObjects) sendPart(i, n int) error {
	number := int32(n) //nolint:gosec // G115: one or two
	part, err := c.objects.UploadPart(c.t.Context(), &s3.UploadPartInput{
		Bucket: &c.bucket, Key: c.key(i), UploadId: &c.upload, PartNumber: &number, Body: bytes.NewReader(c.of.part(n)),
	})
	if err == nil {
		c.sent = append(c.sent, types.CompletedPart{PartNumber: &number, ETag: part.ETag, ChecksumCRC32: part.ChecksumCRC32})
	}
	return err
}

func (c *s3CrashObjects) complete(i int) (id string, err error) {
	c.completed, c.doubt, c.after = true, i, c.over(c.keys[i], "", c.of)
	out, err := c.objects.CompleteMultipartUpload(c.t.Context(), &s3.CompleteMultipartUploadInput{
		Bucket: &c.bucket, Key: c.key(i), UploadId: &c.upload, MultipartUpload: &types.CompletedMultipartUpload{Parts: c.sent},
	})
	if err != nil {
		return "", err
	}
	if *out.ETag != c.of.etag() {
		c.t.Errorf("the ETag of parts is %s, want %s", *out.ETag, c.of.etag())
	}
	return aws.ToString(out.VersionId), nil
}

// read asks for all of a key: what the listing of versions says, and each version
// itself; and that the listing of objects says the same. An entry without an
// object that is expected is an error of the test.
func (c *s3CrashObjects) read(i int, expected []s3CrashHistory) (s3CrashHistory, error) {
	ctx, key := c.t.Context(), c.key(i)
	listed, err := c.objects.ListObjectVersions(ctx, &s3.ListObjectVersionsInput{Bucket: &c.bucket, Prefix: key})
	if err != nil {
		return nil, err
	}
	var history s3CrashHistory
	latest := ""
	for _, v := range listed.Versions {
		o, err := c.readObject(key, &v, expected)
		if err != nil {
			return nil, err
		}
		history = append(history, s3CrashVersion{*v.VersionId, o})
		if *v.IsLatest {
			latest = *v.VersionId
		}
	}
	for _, v := range listed.DeleteMarkers {
		history = append(history, s3CrashVersion{*v.VersionId, nil})
		if *v.IsLatest {
			latest = *v.VersionId
		}
	}
	slices.SortFunc(history, func(a, b s3CrashVersion) int { return strings.Compare(b.id, a.id) })
	if len(history) > 0 && history[0].id != latest {
		c.t.Errorf("the latest version of %s is %q, and the newest is %s", *key, latest, history[0].id)
	}
	objects, err := c.objects.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &c.bucket, Prefix: key})
	if err != nil {
		return nil, err
	}
	if there := len(history) > 0 && history[0].object != nil; there != (len(objects.Contents) == 1) || len(objects.Contents) > 1 {
		c.t.Errorf("ListObjectsV2 has %d of %s, whose history is %v", len(objects.Contents), *key, history)
	}
	return history, nil
}

// readObject fetches a version that is listed, which must be one of those that
// are expected, whole.
func (c *s3CrashObjects) readObject(key *string, listed *types.ObjectVersion, expected []s3CrashHistory) (*s3CrashObject, error) {
	ctx, version := c.t.Context(), listed.VersionId
	if !c.versioned {
		version = nil
	}
	out, err := c.objects.GetObject(ctx, &s3.GetObjectInput{Bucket: &c.bucket, Key: key, VersionId: version})
	if err != nil {
		return nil, fmt.Errorf("%s is listed: %w", *key, err)
	}
	body, err := io.ReadAll(out.Body)
	if err := errors.Join(err, out.Body.Close()); err != nil {
		return nil, err
	}
	tags, err := c.objects.GetObjectTagging(ctx, &s3.GetObjectTaggingInput{Bucket: &c.bucket, Key: key, VersionId: version})
	if err != nil {
		return nil, err
	}
	tag := ""
	if len(tags.TagSet) > 0 {
		tag = *tags.TagSet[0].Value
	}
	for _, history := range expected {
		for _, v := range history {
			o := v.object
			if o != nil && o.size == len(body) && o.note == out.Metadata["note"] && o.tag == tag && o.etag() == *out.ETag &&
				*out.ETag == *listed.ETag && int64(o.size) == *listed.Size && bytes.Equal(o.body(), body) {
				return o, nil
			}
		}
	}
	c.t.Errorf("%s, %s of version %q is %d bytes, note %q, tag %q, ETag %s: that is none of %v", c.bucket, *key, *listed.VersionId, len(body), out.Metadata["note"], tag, *out.ETag, expected)
	return &s3CrashObject{number: 0, size: len(body)}, nil
}

// matches reports whether a key is as expected; the id of a version that was not
// acknowledged is not known.
func matches(got, want s3CrashHistory) bool {
	return slices.EqualFunc(got, want, func(a, b s3CrashVersion) bool {
		return (a.id == b.id || b.id == "") && (a.object == b.object || a.object != nil && b.object != nil && a.object.number == b.object.number &&
			a.object.note == b.object.note && a.object.tag == b.object.tag && a.object.parts == b.object.parts)
	})
}

// settle implements s3CrashClient.
func (c *s3CrashObjects) settle() {
	for i := range c.keys {
		expected := []s3CrashHistory{c.keys[i]}
		if c.doubt == i {
			expected = append(expected, c.after)
		}
		got, err := c.read(i, expected)
		if err != nil {
			c.t.Errorf("read %s, %s after a start: %v", c.bucket, *c.key(i), err)
			return
		}
		was := matches(got, c.keys[i])
		if !was && (c.doubt != i || !matches(got, c.after)) {
			c.t.Errorf("%s, %s is %v after a start; %v was acknowledged, and under way (of key %d) was %v", c.bucket, *c.key(i), got, c.keys[i], c.doubt, c.after)
		}
		c.keys[i] = got
		if c.doubt == i {
			c.settleUpload(i, was)
		}
	}
	c.doubt, c.after = -1, nil
}

// settleUpload finds the upload that was under way, and completes it or aborts it.
func (c *s3CrashObjects) settleUpload(i int, was bool) {
	ctx, key := c.t.Context(), c.key(i)
	uploads, err := c.objects.ListMultipartUploads(ctx, &s3.ListMultipartUploadsInput{Bucket: &c.bucket, Prefix: aws.String(c.prefix)})
	if err != nil {
		c.t.Errorf("list the uploads: %v", err)
		return
	}
	found := false
	for _, u := range uploads.Uploads {
		if *u.UploadId == c.upload {
			found = true
		} else if c.of == nil || c.upload != "" {
			c.t.Errorf("there is an upload of %s that nobody began", *u.Key)
		}
	}
	if c.upload == "" {
		for _, u := range uploads.Uploads {
			c.abort(u.Key, u.UploadId)
		}
		return
	}
	if found != was {
		c.t.Errorf("the upload of %s is there: %t; that it was completed: %t", *key, found, !was)
	}
	if !found {
		return
	}
	parts, err := c.objects.ListParts(ctx, &s3.ListPartsInput{Bucket: &c.bucket, Key: key, UploadId: &c.upload})
	if err != nil || len(parts.Parts) < len(c.sent) || len(parts.Parts) > len(c.sent)+1 {
		c.t.Errorf("the upload of %s has the parts %v, %v; %d were acknowledged", *key, parts, err, len(c.sent))
	}
	if c.random.IntN(2) == 0 {
		c.abort(key, &c.upload)
		return
	}
	for n := len(c.sent) + 1; n <= c.of.parts; n++ {
		c.must(c.sendPart(i, n))
	}
	id, err := c.complete(i)
	if err != nil {
		c.t.Errorf("the upload of %s cannot be completed after a start: %v", *key, err)
		return
	}
	if c.versioned {
		c.after[0].id = id
	}
	c.keys[i] = c.after
	if got, err := c.read(i, []s3CrashHistory{c.after}); err != nil || !matches(got, c.after) {
		c.t.Errorf("%s is %v, %v after its upload was completed; want %v", *key, got, err, c.after)
	}
}

func (c *s3CrashObjects) abort(key, upload *string) {
	if _, err := c.objects.AbortMultipartUpload(context.WithoutCancel(c.t.Context()), &s3.AbortMultipartUploadInput{Bucket: &c.bucket, Key: key, UploadId: upload}); err != nil {
		c.t.Errorf("abort the upload of %s: %v", *key, err)
	}
}

// clear implements s3CrashClient.
func (c *s3CrashObjects) clear() {
	for i, history := range c.keys {
		for _, v := range history {
			in := &s3.DeleteObjectInput{Bucket: &c.bucket, Key: c.key(i)}
			if c.versioned {
				in.VersionId = aws.String(v.id)
			}
			if _, err := c.objects.DeleteObject(c.t.Context(), in); err != nil {
				c.t.Errorf("delete %s: %v", *in.Key, err)
			}
		}
		if got, err := c.read(i, nil); err != nil || len(got) > 0 {
			c.t.Errorf("%s is %v after it was deleted: %v", *c.key(i), got, err)
		}
	}
}
