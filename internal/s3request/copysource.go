package s3request

import (
	"strings"
)

// Source is the object that a copy is made of: the header x-amz-copy-source,
// read.
type Source struct {
	Bucket, Key string
	VersionID   string // "" for the current version
}

// copySource is the name of the header.
const copySource = "x-amz-copy-source"

// versionMark divides a source's path from its version.
const versionMark = "?versionId="

// Header writes the source in the one encoding that every server reads alike:
// a plus sign is encoded, and no slash stands before the bucket.
func (s *Source) Header() string {
	header := s.Bucket + "/" + EncodeKey(s.Key)
	if s.VersionID != "" {
		header += versionMark + strings.ReplaceAll(EncodeKey(s.VersionID), "/", "%2F")
	}
	return header
}

// readSource reads the source of a copy: BUCKET/KEY, with or without a slash
// before it, in percent-encoding, then perhaps ?versionId=ID, whose question
// mark is not encoded (S3 API Reference, CopyObject, x-amz-copy-source). What is
// encoded is part of the key, decoded once. A key that would itself end in
// ?versionId=… is refused: there are servers that decode first and divide then.
func (op *Operation) readSource() error {
	raw, ok := op.headers[copySource]
	if !ok {
		return nil
	}
	path, query, hasQuery := strings.Cut(raw, "?")
	decoded, ok := unescape(path, false)
	if !ok {
		return invalidArgument(sourceEncoding, copySource, raw)
	}
	decoded = strings.TrimPrefix(decoded, "/")
	if what, other := otherResource(decoded); other && strings.HasPrefix(what, "ARNs") {
		return notImplemented(what)
	}
	bucket, key, _ := strings.Cut(decoded, "/")
	if what, other := otherResource(bucket); other {
		return notImplemented(what)
	}
	switch {
	case bucket == "" || key == "":
		return invalidArgument(sourceMessage, copySource, raw)
	case !ValidBucketName(bucket):
		return invalidArgument(sourceBucket, copySource, raw)
	case len(key) > MaxKeyLength:
		return keyTooLong(len(key))
	case strings.Contains(key, versionMark):
		return invalidArgument(sourceKey, copySource, raw)
	}
	op.Source = &Source{Bucket: bucket, Key: key}
	if !hasQuery {
		return nil
	}
	version, ok := strings.CutPrefix(query, versionMark[1:])
	if !ok || strings.ContainsAny(version, "?&;") {
		return invalidArgument(sourceKey, copySource, raw)
	}
	if version == "" {
		return invalidArgument(emptyVersion, copySource, "")
	}
	if op.Source.VersionID, ok = unescape(version, false); !ok {
		return invalidArgument(sourceEncoding, copySource, raw)
	}
	return nil
}
