package s3

import (
	"errors"
	"net/http"
	"strings"
)

// checkOwners holds the buckets of the request against the accounts that the
// client expects to own them (S3 User Guide, "Verifying bucket ownership with
// bucket owner condition"). Stores have other owners and are never asked.
func (q *request) checkOwners() error {
	if q.op.Bucket != "" && q.op.Name != "CreateBucket" {
		if err := q.checkOwner("x-amz-expected-bucket-owner", q.op.Bucket); err != nil {
			return err
		}
	}
	if q.op.Source != nil {
		return q.checkOwner("x-amz-source-expected-bucket-owner", q.op.Source.Bucket)
	}
	return nil
}

func (q *request) checkOwner(header, bucket string) error {
	expected, ok := q.op.Header(header)
	if !ok {
		return nil
	}
	if len(expected) != 12 || strings.Trim(expected, "0123456789") != "" {
		return fault("InvalidBucketOwnerAWSAccountID", http.StatusBadRequest, "The value of the expected bucket owner parameter must be an AWS account ID")
	}
	at, err := q.place(bucket)
	if err != nil {
		return err
	}
	if at.account != expected {
		return fault("AccessDenied", http.StatusForbidden, "Access Denied").
			because(errors.New("bucket " + bucket + " is of account " + at.account + ", and " + header + " is " + expected))
	}
	return nil
}
