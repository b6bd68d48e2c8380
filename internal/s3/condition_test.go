package s3_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// TestConditionTellsNoAbsence: who may not list the bucket does not learn by a
// conditional put, small or large, that an object is absent.
func TestConditionTellsNoAbsence(t *testing.T) {
	g := start(t, nil)
	bucket := g.bucket(t)
	objects := "arn:aws:s3:::" + bucket + "/*"
	writer := g.user(t, "writer", allow("s3:PutObject s3:GetObject", objects))
	lister := g.user(t, "lister", allow("s3:PutObject s3:GetObject", objects), allow("s3:ListBucket", "arn:aws:s3:::"+bucket))
	for _, size := range []int{1, 1 << 20} {
		put := func(c *s3.Client) error {
			_, err := c.PutObject(t.Context(), &s3.PutObjectInput{
				Bucket: &bucket, Key: aws.String("none"), IfMatch: aws.String(`"00000000000000000000000000000000"`), Body: strings.NewReader(strings.Repeat("x", size)),
			})
			return err
		}
		want(t, "who may list", put(lister), "NoSuchKey")
		want(t, "who may not", put(writer), "AccessDenied")
	}
}
