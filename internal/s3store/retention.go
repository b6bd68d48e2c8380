package s3store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/versity/versitygw/auth"
	"github.com/versity/versitygw/s3err"
)

// lockByDefault gives a new object the retention that its bucket has for new
// objects, unless the request has one (S3 User Guide, "Locking objects with Object
// Lock", bucket-level default retention). The server itself counts the days from
// when the bucket was configured, whenever an object comes, and protects nothing
// once they are over (auth.CheckObjectAccess of versitygw 1.8.0).
func (g *guarded) lockByDefault(ctx context.Context, bucket string, mode *types.ObjectLockMode, until **time.Time) error {
	if *mode != "" { // which is never without a date (S3 API Reference, PutObject)
		return nil
	}
	raw, err := g.GetObjectLockConfiguration(ctx, bucket)
	if errors.Is(err, s3err.GetAPIError(s3err.ErrObjectLockConfigurationNotFound)) {
		return nil
	}
	if err != nil {
		return err
	}
	var config auth.BucketLockConfig
	if err := json.Unmarshal(raw, &config); err != nil {
		return fmt.Errorf("s3store: the object lock configuration of %s: %w", bucket, err)
	}
	standing := config.DefaultRetention
	if !config.Enabled || standing == nil || standing.Mode == "" {
		return nil
	}
	end := g.now().UTC()
	switch {
	case standing.Days != nil:
		end = end.AddDate(0, 0, int(*standing.Days))
	case standing.Years != nil:
		end = end.AddDate(int(*standing.Years), 0, 0)
	default:
		return nil
	}
	*mode, *until = types.ObjectLockMode(standing.Mode), &end
	return nil
}
