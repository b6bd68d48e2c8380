package s3

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/daypass/daypass/internal/s3upstream"
	"github.com/daypass/daypass/internal/store"
)

// A bucket is in two places: its record is here, what is in it is in a store. Who
// creates one or deletes it says so in the record before, and takes that away
// after. What a process that was killed left is settled by asking the store.

// changeTime is after how long a request that creates or deletes a bucket is taken
// to have ended. It is above what the store is given to answer.
const changeTime = time.Minute

func (q *request) change() *store.BucketChange {
	return &store.BucketChange{Request: q.RequestID, Begun: q.Now.UTC()}
}

// takeOver puts this request in the place of one that has ended without an end,
// and is refused where that can still be at work.
func (q *request) takeOver(record *store.Bucket) error {
	if record.Change != nil && q.Now.Sub(record.Change.Begun) < changeTime {
		// S3 API Reference, "List of error codes".
		return fault("OperationAborted", http.StatusConflict, "A conflicting conditional operation is currently in progress against this resource. Please try again.").
			with("BucketName", record.Name)
	}
	record.Change = q.change()
	return nil
}

// beginDeletion says in the bucket's record that it is being deleted. The record
// is nil where there is none, which only buckets of shared stores lack.
func (q *request) beginDeletion() (record *store.Bucket, err error) {
	err = q.handler.Directory.Update(q.Request.Context(), func(tx store.Tx) error {
		found, err := store.GetRecord[store.Bucket](tx, store.BucketID(q.op.Bucket))
		if errors.Is(err, store.ErrNotFound) {
			record = nil
			return nil
		}
		if err != nil {
			return err
		}
		if err := q.takeOver(&found); err != nil {
			return err
		}
		record = &found
		return store.PutRecord(tx, store.BucketID(found.Name), record)
	})
	return record, err
}

// settled says in the bucket's record that the request has done: the bucket is
// there. The client may have gone meanwhile.
func (q *request) settled(record *store.Bucket) error {
	return q.handler.endChange(q.Request.Context(), record, true)
}

// forget takes a record away that a failed creation left, or a deletion. One that
// was not made is left as it is.
func (q *request) forget(record *store.Bucket, made bool) error {
	if !made {
		return q.settled(record)
	}
	return q.handler.endChange(q.Request.Context(), record, false)
}

// endChange ends the change that a record has, if it still is that one.
func (h *Handler) endChange(ctx context.Context, of *store.Bucket, isThere bool) error {
	if of == nil || of.Change == nil {
		return nil
	}
	id := store.BucketID(of.Name)
	return h.Directory.Update(context.WithoutCancel(ctx), func(tx store.Tx) error {
		record, err := store.GetRecord[store.Bucket](tx, id)
		switch {
		case errors.Is(err, store.ErrNotFound):
			return nil
		case err != nil:
			return err
		case record.Change == nil || record.Change.Request != of.Change.Request:
			return nil
		case !isThere:
			return tx.Delete(id)
		}
		record.Change = nil
		return store.PutRecord(tx, id, record)
	})
}

// Settle asks the stores about buckets of which a creation or deletion began
// before now, and has no end. A record goes if its store does not have the bucket;
// otherwise the bucket is there, as if the request had not been or had come to its
// end. Before anybody is served, starting says that no such request in the embedded
// store can be at work; of others those count that began changeTime ago.
func (h *Handler) Settle(ctx context.Context, now time.Time, starting bool) error {
	var errs []error
	snapshot := h.Directory.Snapshot()
	for _, account := range snapshot.Accounts() {
		for b := range snapshot.BucketsAfter(account.Account, "") {
			at, ok := h.store(b.Store)
			embedded := b.Store == ""
			if b.Change == nil || !ok || starting && !embedded || !starting && now.Sub(b.Change.Begun) < changeTime {
				continue
			}
			errs = append(errs, h.settle(ctx, at, &b.Bucket))
		}
	}
	return errors.Join(errs...)
}

func (h *Handler) settle(ctx context.Context, at *Store, b *store.Bucket) error {
	response, err := at.Client.Do(ctx, &s3upstream.Request{Method: http.MethodHead, Bucket: b.Name, Header: http.Header{}})
	if err != nil {
		return err
	}
	_ = response.Body.Close() // it has none
	switch {
	case response.Status == http.StatusNotFound:
		return h.endChange(ctx, b, false)
	case response.Status < http.StatusMultipleChoices:
		return h.endChange(ctx, b, true)
	default:
		return storeFault("the store does not say whether it has bucket " + b.Name + ": " + http.StatusText(response.Status))
	}
}
