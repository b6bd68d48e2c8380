package main

import (
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
)

// s3CrashBucket is a bucket as it was created.
type s3CrashBucket struct {
	There, Locked bool
	Tag           string
}

// s3CrashBucketMaker is a client that creates and deletes buckets.
type s3CrashBucketMaker struct {
	*crash
	random  *rand.Rand
	prefix  string
	buckets []s3CrashBucket
	doubt   int // bucket of the write that was under way, -1 for none
	after   s3CrashBucket
}

func newS3CrashBuckets(c *crash, seed int64, n int) *s3CrashBucketMaker {
	return &s3CrashBucketMaker{
		crash: c, random: rand.New(rand.NewPCG(uint64(seed), uint64(n+1))), //nolint:gosec // G115, G404: what to do
		prefix: fmt.Sprintf("client%d-", n), buckets: make([]s3CrashBucket, s3CrashBuckets), doubt: -1,
	}
}

func (c *s3CrashBucketMaker) name(i int) *string {
	return aws.String(fmt.Sprintf("%sbucket%d", c.prefix, i))
}

// work implements s3CrashClient.
func (c *s3CrashBucketMaker) work() {
	for !c.t.Failed() {
		i := c.random.IntN(len(c.buckets))
		c.doubt, c.after = i, s3CrashBucket{}
		if !c.buckets[i].There {
			c.after = s3CrashBucket{There: true, Locked: c.random.IntN(2) == 0}
			if c.random.IntN(2) == 0 {
				c.after.Tag = fmt.Sprint(c.random.IntN(1000))
			}
		}
		if err := c.write(i, c.after); err != nil {
			var answer smithy.APIError
			if errors.As(err, &answer) {
				c.t.Errorf("make %s %+v: the server answered: %v", *c.name(i), c.after, err)
			}
			return
		}
		c.buckets[i], c.doubt = c.after, -1
		c.acknowledged.Add(1)
	}
}

// write creates a bucket or deletes it.
func (c *s3CrashBucketMaker) write(i int, to s3CrashBucket) error {
	if !to.There {
		_, err := c.objects.DeleteBucket(c.t.Context(), &s3.DeleteBucketInput{Bucket: c.name(i)})
		return err
	}
	in := &s3.CreateBucketInput{Bucket: c.name(i)}
	if to.Locked {
		in.ObjectLockEnabledForBucket = aws.Bool(true)
	}
	if to.Tag != "" {
		in.CreateBucketConfiguration = &types.CreateBucketConfiguration{Tags: []types.Tag{{Key: aws.String("tag"), Value: &to.Tag}}}
	}
	_, err := c.objects.CreateBucket(c.t.Context(), in)
	return err
}

// read is a bucket as the store has it.
func (c *s3CrashBucketMaker) read(i int) (b s3CrashBucket, err error) {
	ctx, name := c.t.Context(), c.name(i)
	_, err = c.objects.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: name})
	var missing *types.NotFound
	if errors.As(err, &missing) {
		return b, nil
	}
	if err != nil {
		return b, err
	}
	b.There = true
	tags, err := c.objects.GetBucketTagging(ctx, &s3.GetBucketTaggingInput{Bucket: name})
	if err == nil {
		b.Tag = *tags.TagSet[0].Value
	} else if !answers(err, "NoSuchTagSet") {
		return b, err
	}
	_, err = c.objects.GetObjectLockConfiguration(ctx, &s3.GetObjectLockConfigurationInput{Bucket: name})
	b.Locked = err == nil
	if err != nil && !answers(err, "ObjectLockConfigurationNotFoundError") {
		return b, err
	}
	return b, nil
}

func answers(err error, code string) bool {
	var answer smithy.APIError
	return errors.As(err, &answer) && answer.ErrorCode() == code
}

// settle implements s3CrashClient. What was under way is asked for again: there
// is no state out of which a bucket is neither created nor deleted.
func (c *s3CrashBucketMaker) settle() {
	listed, err := c.objects.ListBuckets(c.t.Context(), &s3.ListBucketsInput{Prefix: &c.prefix})
	if err != nil {
		c.t.Errorf("list the buckets: %v", err)
		return
	}
	names := map[string]bool{}
	for _, b := range listed.Buckets {
		names[*b.Name] = true
	}
	for i := range c.buckets {
		got, err := c.read(i)
		if err != nil {
			c.t.Errorf("read %s after a start: %v", *c.name(i), err)
			return
		}
		if names[*c.name(i)] != got.There {
			c.t.Errorf("%s is listed: %t; it is there: %t", *c.name(i), names[*c.name(i)], got.There)
		}
		if got != c.buckets[i] && (c.doubt != i || got != c.after) {
			c.t.Errorf("%s is %+v after a start; %+v was acknowledged, and %+v under way (of bucket %d)", *c.name(i), got, c.buckets[i], c.after, c.doubt)
		}
		c.buckets[i] = got
	}
	if i := c.doubt; i >= 0 {
		if err := c.write(i, c.after); err != nil && !answers(err, "NoSuchBucket") {
			c.t.Errorf("make %s %+v again: %v", *c.name(i), c.after, err)
		}
		c.buckets[i] = c.after
		if got, err := c.read(i); err != nil || got != c.after {
			c.t.Errorf("%s is %+v after it was made %+v again: %v", *c.name(i), got, c.after, err)
		}
	}
	c.doubt = -1
}

// clear implements s3CrashClient.
func (c *s3CrashBucketMaker) clear() {
	for i, b := range c.buckets {
		if b.There {
			if err := c.write(i, s3CrashBucket{}); err != nil {
				c.t.Errorf("delete %s: %v", *c.name(i), err)
			}
		}
	}
}
