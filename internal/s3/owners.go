package s3

import (
	"io"
	"net/http"
	"regexp"
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

// ownOwners puts the owner of the bucket in the place of the store's, who is the
// gateway's own user there. Uploads are told to be begun by him too: who began
// one is in the events, and the store was not told.
func (q *request) ownOwners(a *answer, at *place) (*answer, error) {
	if a.status != http.StatusOK || !listings[q.op.Name] {
		return a, nil
	}
	body, err := io.ReadAll(io.LimitReader(a.body, maxListing+1))
	a.close()
	if err != nil {
		return nil, err
	}
	if len(body) > maxListing {
		return nil, storeFault("the store's listing is longer than 16 MiB")
	}
	id := canonicalUser(at.account)
	body = ownerElement.ReplaceAll(body, []byte("<$1><ID>"+id+"</ID></$1>"))
	told := written(a.status, "", body)
	told.header = a.header
	return told, nil
}
