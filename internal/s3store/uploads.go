package s3store

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/versity/versitygw/s3response"
)

// ListMultipartUploads implements backend.Backend. The pages are made here: the
// server takes no marker that it gives (backend.ListMultipartUploads of versitygw
// 1.8.0 looks for the upload among those of later keys).
func (g *guarded) ListMultipartUploads(ctx context.Context, in *s3.ListMultipartUploadsInput) (s3response.ListMultipartUploadsResult, error) {
	none, all := "", int32(math.MaxInt32)
	out, err := g.Backend.ListMultipartUploads(ctx, &s3.ListMultipartUploadsInput{
		Bucket: in.Bucket, Prefix: in.Prefix, Delimiter: &none, KeyMarker: &none, UploadIdMarker: &none, MaxUploads: &all,
	})
	if err != nil {
		return out, err
	}
	uploads, delimiter := g.byBeginning(*in.Bucket, out.Uploads), text(in.Delimiter)
	keyMarker, idMarker, most := text(in.KeyMarker), text(in.UploadIdMarker), 1000
	if in.MaxUploads != nil {
		most = int(*in.MaxUploads)
	}
	out.Delimiter, out.KeyMarker, out.UploadIDMarker, out.MaxUploads = delimiter, keyMarker, idMarker, most
	out.Uploads, out.CommonPrefixes, out.IsTruncated, out.NextKeyMarker, out.NextUploadIDMarker = nil, nil, false, "", ""
	var lastKey, lastID, lastPrefix string
	for _, u := range uploadsAfter(uploads, keyMarker, idMarker) {
		before, _, within := strings.Cut(strings.TrimPrefix(u.Key, out.Prefix), delimiter)
		prefix := out.Prefix + before + delimiter
		within = within && delimiter != ""
		if within && (prefix == lastPrefix || prefix <= keyMarker) {
			continue
		}
		if len(out.Uploads)+len(out.CommonPrefixes) >= most {
			if most > 0 {
				out.IsTruncated, out.NextKeyMarker, out.NextUploadIDMarker = true, lastKey, lastID
			}
			break
		}
		if within {
			out.CommonPrefixes = append(out.CommonPrefixes, s3response.CommonPrefix{Prefix: prefix})
			lastKey, lastID, lastPrefix = prefix, "", prefix
			continue
		}
		out.Uploads = append(out.Uploads, u)
		lastKey, lastID = u.Key, u.UploadID
	}
	return out, nil
}

// uploadsAfter are the uploads after those of a key or, where an upload is named,
// after that one of them. They are in order of keys, and of a key in that in which
// they were begun. An upload that is gone leaves all of its key.
func uploadsAfter(uploads []s3response.Upload, keyMarker, idMarker string) []s3response.Upload {
	if keyMarker == "" {
		return uploads
	}
	first := slices.IndexFunc(uploads, func(u s3response.Upload) bool { return u.Key >= keyMarker })
	if first < 0 {
		return nil
	}
	rest := uploads[first:]
	later := slices.IndexFunc(rest, func(u s3response.Upload) bool { return u.Key > keyMarker })
	if later < 0 {
		later = len(rest)
	}
	if idMarker == "" {
		return rest[later:]
	}
	at := slices.IndexFunc(rest[:later], func(u s3response.Upload) bool { return u.UploadID == idMarker })
	return rest[at+1:]
}

// begunAt is the attribute of an upload that has when it was begun. The server
// tells when its directory was changed, which is when the last part came.
const begunAt = "daypass-begun"

func uploadPath(key, uploadID string) string {
	return filepath.Join(multipartDir, fmt.Sprintf("%x", sha256.Sum256([]byte(key))), uploadID)
}

func (g *guarded) noteBegun(bucket, key, uploadID string) error {
	return g.attributes.StoreAttribute(nil, bucket, uploadPath(key, uploadID), begunAt, []byte(g.now().UTC().Format(time.RFC3339Nano)))
}

// byBeginning says of uploads when they were begun, and orders those of one key by
// that. Of an upload of an earlier build that is not known.
func (g *guarded) byBeginning(bucket string, uploads []s3response.Upload) []s3response.Upload {
	for i := range uploads {
		u := &uploads[i]
		if noted, err := g.attributes.RetrieveAttribute(nil, bucket, uploadPath(u.Key, u.UploadID), begunAt); err == nil {
			if at, err := time.Parse(time.RFC3339Nano, string(noted)); err == nil {
				u.Initiated = at
			}
		}
	}
	slices.SortStableFunc(uploads, func(a, b s3response.Upload) int {
		return cmp.Or(strings.Compare(a.Key, b.Key), a.Initiated.Compare(b.Initiated))
	})
	return uploads
}
