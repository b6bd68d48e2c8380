package s3request

import (
	"bytes"
	"flag"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/daypass/daypass/internal/goldentest"
)

var update = flag.Bool("update", false, "write the golden file and docs/s3-operations.md")

// TestTableIsUnambiguous asks that no request can be two rows: of all that share
// method, resource, sub-resource and copy source, at most two, of which one asks
// for a parameter more.
func TestTableIsUnambiguous(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	names := map[string]bool{}
	for _, r := range table {
		id := fmt.Sprintf("%s %s ?%s&%s %t", r.method, r.on, r.sub, r.with, r.copies)
		if seen[id] != "" {
			t.Errorf("%s and %s are one request: %s", r.name, seen[id], id)
		}
		seen[id] = r.name
		if names[r.name] {
			t.Errorf("%s is there twice", r.name)
		}
		names[r.name] = true
		if r.sub != "" && subResources[r.sub] == "" {
			t.Errorf("%s: ?%s is not in subResources", r.name, r.sub)
		}
		if r.refused == "" && len(r.actions) == 0 && r.name != "DeleteObjects" {
			t.Errorf("%s needs nothing", r.name)
		}
		if _, reads := readers[r.name]; reads != (r.decides && r.traits.Body == Document) {
			t.Errorf("%s: decides by its body is %t, has a reader is %t", r.name, r.decides, reads)
		}
		if _, known := subResources[r.with]; known {
			t.Errorf("%s: %s is a sub-resource and a parameter", r.name, r.with)
		}
	}
	for sub := range subResources {
		if !slices.ContainsFunc(table, func(r row) bool { return r.sub == sub }) {
			t.Errorf("?%s is of no operation", sub)
		}
	}
}

// TestTable compares the table with the golden file, and the documentation with
// the table.
func TestTable(t *testing.T) {
	t.Parallel()
	var golden bytes.Buffer
	if err := Describe(&golden); err != nil {
		t.Fatal(err)
	}
	goldentest.Compare(t, *update, filepath.Join("testdata", "operations.txt"), golden.Bytes())
	goldentest.Compare(t, *update, filepath.Join("..", "..", "docs", "s3-operations.md"), manual())
}

const manualHead = `<!-- Made from the table in internal/s3request by its test. Do not edit. -->

# Operations of S3

Which request is which operation, and what it needs. The names are those of the S3 API Reference; the permissions are those of the Service Authorization Reference and of the S3 User Guide, "Required permissions for Amazon S3 API operations". A bucket is ` + "`arn:aws:s3:::BUCKET`" + `, an object ` + "`arn:aws:s3:::BUCKET/KEY`" + ` with the key as it is, not encoded.

A request needs all of its permissions. "Of a version" is where ` + "`versionId`" + ` names one; then the permission for the current object does not count.

`

const manualKeys = `
## Condition keys

A key is there if the request has what it is made of, and absent if not: ` + "`s3:max-keys`" + ` without ` + "`max-keys`" + `, ` + "`s3:x-amz-acl`" + ` without the header. Each action has the keys that the Service Authorization Reference gives it, and no others. ` + "`s3:x-amz-copy-source`" + ` is the header as it was sent, its percent-encoding included: one source has many spellings, so restrict the source by ` + "`s3:GetObject`" + ` on it. ` + "`s3:ExistingObjectTag/…`" + ` is of the stored object, and of the source in a copy; ` + "`aws:ResourceTag/…` and `s3:BucketTag/…`" + ` are of a bucket with ` + "`?abac`" + ` enabled. ` + "`s3:object-lock-remaining-retention-days`" + ` counts a day that has begun. Every action has ` + "`s3:authType`, `s3:signatureversion`, `s3:signatureAge`, `s3:x-amz-content-sha256`, `s3:TlsVersion` and `s3:ResourceAccount`" + `.

| Action | Further keys |
|---|---|
`

const manualTail = `
## Where this is stricter than S3

S3 leaves much out of account that another server behind the gateway may know. So these are refused:

- a query parameter that the operation does not have, and a sub-resource in other case (` + "`?ACL`" + `); S3 ignores them. Parameters that begin with ` + "`x-`" + ` and no ` + "`x-amz-`" + ` pass, as S3 documents them for its access log
- ` + "`x-id`" + ` that names another operation
- a parameter or an ` + "`x-amz-*`" + ` header that is there twice, or in query and header; S3 takes the first
- an ` + "`x-amz-*`" + ` header that is not known, and one that asks for a permission on an operation that does not take it
- a sub-resource of buckets with a key, which S3 answers for the bucket
- a semicolon, a fragment or bytes beyond ASCII in the request target that are not encoded
- ` + "`list-type`" + ` other than 2
- a copy source whose key holds ` + "`?versionId=`" + `
- tags whose keys differ only in case, because names of condition keys have none
- a trailer that is no checksum
- XML with elements that are there twice, or unknown, or with comments, in bodies that permissions depend on
- a bucket's name that no new bucket may have, also for old buckets (upper case, underscores)

## What is not carried out

Permission is asked for every operation above. Lifecycle, replication, website, encryption, logging, notifications, acceleration, Requester Pays, ABAC, inventories, metrics, analytics and intelligent tiering are read as S3 answers for a bucket of which nobody configured them (encryption: not found, since Daypass encrypts nothing and does not know what a store does), and deleting them succeeds, one of several by its id is ` + "`NoSuchConfiguration`" + `. What is put is refused with ` + "`NotImplemented`" + ` and what to do instead, but for what is so anyway: an empty BucketLoggingStatus or NotificationConfiguration, the payer BucketOwner, acceleration Suspended, ABAC Disabled. RestoreObject is ` + "`InvalidObjectState`" + ` where the object is not archived. SelectObjectContent, GetObjectTorrent and annotations are ` + "`NotImplemented`" + `.

## CORS

OPTIONS, the preflight, is no operation: nobody signs it and no policy decides it. It is answered by the configuration that PutBucketCors keeps with the bucket, for every store; its event is ` + "`PreflightRequest`" + `. A reply to a request with an ` + "`Origin`" + ` that a rule allows has the headers of CORS, also one that refuses. Neither lets a request in, and no such configuration is sent to a store.

## Encoding

Percent-encoding is decoded once. A plus sign in the path is a plus sign (S3 takes it for a space), in the query a space.
`

// manual writes docs/s3-operations.md.
func manual() []byte {
	var b bytes.Buffer
	b.WriteString(manualHead)
	for _, on := range []Resource{Service, Bucket, Object} {
		fmt.Fprintf(&b, "## On the %s\n\n| Operation | Request | Permissions | Kind |\n|---|---|---|---|\n", on)
		for i := range table {
			if r := &table[i]; r.on == on && r.refused == "" {
				fmt.Fprintf(&b, "| %s | `%s` | %s | %s |\n", r.name, r.request(), r.describeNeeds(), r.describeTraits())
			}
		}
		b.WriteString("\n")
	}
	b.WriteString("## Not served\n\nRefused by name with `NotImplemented`:\n\n| Operation | Request | Why |\n|---|---|---|\n")
	for i := range refusedRows {
		r := &refusedRows[i]
		fmt.Fprintf(&b, "| %s | `%s` | %s |\n", r.name, r.request(), r.refused)
	}
	b.WriteString("\nand by what only they have in host, path or header:")
	var what []string
	for _, o := range otherSuffixes {
		what = append(what, o.what)
	}
	for _, o := range otherLabels {
		what = append(what, o.what)
	}
	for _, o := range otherHeaders {
		what = append(what, o.what)
	}
	slices.Sort(what)
	b.WriteString(" " + strings.Join(slices.Compact(what), ", ") + ".\n")
	b.WriteString(manualKeys)
	for _, action := range slices.Sorted(maps.Keys(keysOf)) {
		keys := strings.Fields(strings.ReplaceAll(keysOf[action], "Tag/", "Tag/…"))
		slices.Sort(keys)
		fmt.Fprintf(&b, "| %s | `%s` |\n", action, strings.Join(keys, "`, `"))
	}
	b.WriteString(manualTail)
	return b.Bytes()
}
