package s3

import (
	"encoding/xml"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/daypass/daypass/internal/directory"
	"github.com/daypass/daypass/internal/s3upstream"
	"github.com/daypass/daypass/internal/sigv4"
	"github.com/daypass/daypass/internal/store"
)

type createBucketConfiguration struct {
	XMLName            xml.Name `xml:"CreateBucketConfiguration"`
	LocationConstraint string   `xml:"LocationConstraint,omitempty"`
	Tags               []tag    `xml:"Tags>Tag"`
}

// createBucket takes the name and makes the bucket in its store. The record comes
// first: of two who want one name, one gets it, and nobody is ever given a bucket
// that another's record names. Where the store then fails, the record goes; a
// crash between the two leaves it with its Change, which Settle looks into, and to
// create the bucket again finishes it.
func (q *request) createBucket() (*answer, error) {
	record, tags, err := q.newBucket()
	if err != nil {
		return nil, err
	}
	record.Change = q.change()
	made, resumed := true, false
	err = q.handler.Directory.Update(q.Request.Context(), func(tx store.Tx) error {
		old, err := store.GetRecord[store.Bucket](tx, store.BucketID(record.Name))
		switch {
		case errors.Is(err, store.ErrNotFound):
			return store.PutRecord(tx, store.BucketID(record.Name), record)
		case err != nil:
			return err
		case old.Account != record.Account:
			return fault("BucketAlreadyExists", http.StatusConflict, "The requested bucket name is not available. The bucket namespace is shared by all users of the system. Please select a different name and try again.").
				with("BucketName", record.Name)
		}
		made, record = false, &old
		if old.Change == nil {
			return nil
		}
		if err := q.takeOver(record); err != nil {
			return err
		}
		resumed = true
		return store.PutRecord(tx, store.BucketID(record.Name), record)
	})
	if err != nil {
		return nil, err
	}
	at, ok := q.handler.store(record.Store)
	if !ok {
		return nil, storeFault("bucket " + record.Name + " is kept in store " + record.Store + ", which the configuration does not have")
	}
	a, err := q.createInStore(at, record, tags, made)
	if err != nil {
		return nil, errors.Join(err, q.forget(record, made))
	}
	if a == nil && (made || resumed) && len(tags) > 0 && at.Name != "" {
		if a, err = q.tagInStore(at, record, tags); err != nil {
			return nil, errors.Join(err, q.forget(record, made))
		}
	}
	if a != nil {
		return a, q.forget(record, made)
	}
	if made || resumed {
		if err := q.settled(record); err != nil {
			return nil, err
		}
	}
	if !made && !resumed && locationOf(&directory.Bucket{Bucket: *record}) != defaultRegion {
		return nil, fault("BucketAlreadyOwnedByYou", http.StatusConflict, "Your previous request to create the named bucket succeeded and you already own it.").
			with("BucketName", record.Name)
	}
	created := empty(http.StatusOK)
	created.header.Set("Location", "/"+record.Name)
	return created, nil
}

// newBucket is the record of the bucket that the request asks for, and its tags.
func (q *request) newBucket() (*store.Bucket, []tag, error) {
	var tags []tag
	record := &store.Bucket{Account: q.Caller.Account, Name: q.op.Bucket, Created: q.Now.UTC().Truncate(time.Millisecond)}
	if len(q.document) > 0 {
		var configuration createBucketConfiguration
		if err := xml.Unmarshal(q.document, &configuration); err != nil {
			return nil, nil, malformedXML().because(err)
		}
		record.Location, tags = configuration.LocationConstraint, configuration.Tags
	}
	for i := range q.handler.Stores {
		if s := &q.handler.Stores[i]; s.takes(record.Account, record.Name) {
			record.Store = s.Name
			return record, tags, nil
		}
	}
	return nil, nil, fault("InvalidBucketName", http.StatusBadRequest, "The specified bucket is not valid.").with("BucketName", record.Name).
		because(errors.New("no store takes a bucket of this name and account; add one to the configuration"))
}

// createInStore makes the bucket in the store. It gives an answer only where the
// store refuses. What is there already is there: the record says whose it is,
// unless the store is shared with others, who may have made it.
//
// The embedded store makes a bucket with its tags in one step. Stores elsewhere
// may not know tags here, and are given them afterwards.
func (q *request) createInStore(at *Store, record *store.Bucket, tags []tag, made bool) (*answer, error) {
	sent := &s3upstream.Request{Method: http.MethodPut, Bucket: record.Name, Header: http.Header{}}
	if value, ok := q.op.Header("x-amz-bucket-object-lock-enabled"); ok {
		sent.Header.Set("X-Amz-Bucket-Object-Lock-Enabled", value)
	}
	if at.Name == "" && len(tags) > 0 {
		document, err := xml.Marshal(createBucketConfiguration{Tags: tags})
		if err != nil {
			return nil, err
		}
		sent.Body, sent.Length, sent.PayloadHash = newReader(document), int64(len(document)), sigv4.HashPayload(document)
	}
	response, err := at.Client.Do(q.Request.Context(), sent)
	if err != nil {
		return nil, err
	}
	q.Event.UpstreamRequestID = response.RequestID
	exists := response.Status == http.StatusConflict && (!made || !at.Shared)
	if response.Status < http.StatusMultipleChoices || exists {
		_ = response.Body.Close() // nothing of it is told
		return nil, nil
	}
	return &answer{status: response.Status, header: response.Header, length: response.Length, body: response.Body}, nil
}

// tagInStore tags the bucket that was just made. It gives an answer only where the
// store refuses, and the bucket, which is empty, is gone then.
func (q *request) tagInStore(at *Store, record *store.Bucket, tags []tag) (*answer, error) {
	document, err := xml.Marshal(tagging{Tags: tags})
	if err != nil {
		return nil, err
	}
	response, err := at.Client.Do(q.Request.Context(), &s3upstream.Request{
		Method: http.MethodPut, Bucket: record.Name, Query: url.Values{"tagging": {""}}, Header: http.Header{"Content-Md5": {contentMD5(document)}},
		Body: newReader(document), Length: int64(len(document)), PayloadHash: sigv4.HashPayload(document),
	})
	if err == nil && response.Status < http.StatusMultipleChoices {
		return nil, response.Body.Close()
	}
	undone, undoErr := at.Client.Do(q.Request.Context(), &s3upstream.Request{Method: http.MethodDelete, Bucket: record.Name, Header: http.Header{}})
	if undoErr == nil {
		undoErr = undone.Body.Close()
	}
	if err != nil {
		return nil, errors.Join(err, undoErr)
	}
	return &answer{status: response.Status, header: response.Header, length: response.Length, body: response.Body}, undoErr
}
