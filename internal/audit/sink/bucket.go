package sink

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// bucketPatience is how long a store has to take a batch.
const bucketPatience = time.Minute

// Bucket is where NewS3 puts batches.
type Bucket struct {
	// Client is of AWS's S3, or of what speaks its protocol. It should not try again
	// by itself: the sink does.
	Client *s3.Client
	Name   string
	// Prefix is what keys begin with.
	Prefix string
}

type bucket struct{ Bucket }

// NewS3 puts each batch as an object of lines of JSON, its key made of the prefix, the
// node, the day of the first event, and the events that are in it. A batch that is sent
// again has the same key and content, so that the bucket has each event once.
func NewS3(b Bucket) (Target, error) {
	if b.Name == "" {
		return nil, fmt.Errorf("there is no bucket; name it with bucket")
	}
	return &bucket{b}, nil
}

func (*bucket) kind() string { return "s3" }
func (*bucket) plans() bool  { return true }
func (*bucket) close()       {}

func (k *bucket) deliver(ctx context.Context, b *batch) error {
	text, err := b.ndjson()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, bucketPatience)
	defer cancel()
	key := k.Prefix + b.key()
	_, err = k.Client.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &k.Name, Key: &key, Body: bytes.NewReader(text), ContentType: aws.String("application/x-ndjson"),
	})
	return err
}

// key names a batch: NODE/YYYY/MM/DD/FIRST-LAST-HASH.jsonl, numbers with 20 digits, so
// that keys are listed in the order of events. The hash is of the last event: two records
// of one node are not mixed up.
func (b *batch) key() string {
	var first struct{ Time time.Time }
	_ = json.Unmarshal(b.lines[0].Text, &first) // it is then of the year 1
	last := b.last()
	_, hash, _ := strings.Cut(last.String(), ":")
	return fmt.Sprintf("%s/%s/%020d-%020d-%.16s.jsonl", b.node, first.Time.UTC().Format("2006/01/02"), b.lines[0].Sequence, last.Sequence, hash)
}
