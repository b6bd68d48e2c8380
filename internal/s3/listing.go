package s3

import (
	"bytes"
	"encoding/xml"
	"regexp"
	"strings"
)

// listings are the operations whose answers say who owns what is listed, or who
// began it.
var listings = setOf("ListObjects", "ListObjectsV2", "ListObjectVersions", "ListMultipartUploads", "ListParts")

// maxListing bounds a listing: a thousand entries, of keys of 1024 bytes of which
// each can take nine when it is encoded.
const maxListing = 16 << 20

// ownerElement is an owner or initiator of a listing. In text and in keys a "<" is
// written otherwise, so that nothing else looks so.
var ownerElement = regexp.MustCompile(`(?s)<(Owner|Initiator)>.*?</(?:Owner|Initiator)>`)

// ownListing makes a store's listing one of ours: by its owners, and by the
// encoding of its keys where that is asked for and the store does not do it.
func (q *request) ownListing(a *answer, at *place) (*answer, error) {
	if !listings[q.op.Name] {
		return a, nil
	}
	return a.rewrite(maxListing, func(body []byte) ([]byte, error) {
		body = emptyElement.ReplaceAll(ownOwners(body, at), nil)
		body = inMilliseconds(body)
		if asked, _ := q.op.Parameter("encoding-type"); asked == "url" && q.op.Name != "ListParts" {
			return encodeKeys(body)
		}
		return body, nil
	})
}

// ownOwners puts the owner of the bucket in the place of the store's, who is the
// gateway's own user there. Uploads are told to be begun by him too: who began
// one is in the events, and the store was not told.
func ownOwners(body []byte, at *place) []byte {
	return ownerElement.ReplaceAll(body, []byte("<$1><ID>"+canonicalUser(at.account)+"</ID></$1>"))
}

// emptyElement is how a store says that it has not encoded the keys, or that there
// is no checksum; S3 has no such element then.
var emptyElement = regexp.MustCompile(`<(?:EncodingType|ChecksumAlgorithm|ChecksumType)(?:></(?:EncodingType|ChecksumAlgorithm|ChecksumType)>|\s*/>)`)

// wholeSecond is a time as stores write it that leave the milliseconds out, or tell
// more. S3 has three digits, which are always zero.
var wholeSecond = regexp.MustCompile(`<(LastModified|Initiated)>(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?Z</`)

func inMilliseconds(body []byte) []byte { return wholeSecond.ReplaceAll(body, []byte("<$1>$2.000Z</")) }

// keyElement is an element of a listing that encoding-type encodes (S3 API
// Reference, ListObjects, ListObjectsV2, ListObjectVersions, ListMultipartUploads:
// EncodingType).
var keyElement = regexp.MustCompile(`<(Key|Prefix|Delimiter|Marker|NextMarker|StartAfter|KeyMarker|NextKeyMarker)>([^<]*)</`)

// encodeKeys encodes what encoding-type=url asks for, unless the store has done it
// and says so.
func encodeKeys(body []byte) ([]byte, error) {
	if bytes.Contains(body, []byte("<EncodingType>")) {
		return body, nil
	}
	var failed error
	body = keyElement.ReplaceAllFunc(body, func(element []byte) []byte {
		parts := keyElement.FindSubmatch(element)
		var text string
		if err := xml.Unmarshal([]byte("<t>"+string(parts[2])+"</t>"), &text); err != nil {
			failed = storeFault("the store's listing has a key that cannot be read: " + err.Error())
		}
		return []byte("<" + string(parts[1]) + ">" + encodeListed(text) + "</")
	})
	end := bytes.LastIndex(body, []byte("</"))
	if failed != nil || end < 0 {
		return nil, failed
	}
	return append(body[:end:end], append([]byte("<EncodingType>url</EncodingType>"), body[end:]...)...), nil
}

// encodeListed is the encoding of listings: a form's, but that the slash and the
// asterisk stay and the tilde does not (as MinIO has it from S3).
func encodeListed(key string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(key) {
		switch c := key[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("-._/*", c) >= 0:
			b.WriteByte(c)
		case c == ' ':
			b.WriteByte('+')
		default:
			b.Write([]byte{'%', hex[c>>4], hex[c&15]})
		}
	}
	return b.String()
}
