// Package store says what Daypass keeps and what a place that keeps it owes.
//
// A store holds records. A Record is a document under an ID, and the typed
// documents are in records.go. There is one contract, Store, written out here;
// package sqlstore fulfils it, and package storetest asks every sentence of it
// as a test. A store never decides: it does not know who is asking, nor what a
// document means.
//
// # Writing
//
// All writing of records is done in transactions, by Update. Updates are serialised, also
// between processes that share the store: what one reads, no other changes
// before it commits. An Update is all or nothing, and once it has returned
// without an error its writes survive the death of the process and of the
// machine.
//
// A store counts revisions. A new store is at revision 0. An Update that wrote
// takes exactly one new revision, the one after the last, and all its records
// carry it; an Update that wrote nothing takes none. So the order of revisions
// is the order of commits, without gaps, and a reader that has seen revision n
// has seen all that was committed before n.
//
// An Update whose function fails, or whose context ends before it commits, has
// written nothing. Any other error may come after the writes reached the disk:
// they are then whole or absent, and the caller cannot know which. A caller
// that tries again must therefore write so that doing it twice does no harm.
//
// # Reading
//
// Get, Changes and Revision show what is committed, never a part of a
// transaction, and wait for no writer. A read that begins after an Update has
// returned sees what it wrote.
//
// # Following
//
// A follower rebuilds the state of the store in memory and keeps it fresh:
//
//  1. begin with nothing, at revision 0;
//  2. ask Changes for what came after its revision;
//  3. put each Record in place of the one with the same ID, or take that one
//     away where Deleted is set;
//  4. take as its revision that of the last record, and go on with 2.
//
// Changes gives each record once, as it is now and under its newest revision,
// not each version that it ever had. A record between two revisions of a
// follower can therefore be missing for as long as the follower has not caught
// up; after a call that returned nothing it has the state of the store. To
// apply the same records again changes nothing.
//
// A deleted record stays as a tombstone: its ID, Deleted set, no document, and
// the revision of the deletion. Tombstones are kept for as long as the store
// is, so a follower can be away for any time. A later Put of the same ID ends
// the tombstone.
//
// # Using once
//
// Beside the records a store keeps marks, for what may be used one time only,
// such as an identity token. UseOnce asks and marks in one step: of all that call
// it with one scope and key, in whatever process, one is first until the time
// that it gives, and nobody else. Once it has returned that, the mark survives
// the death of the process and of the machine.
//
// A mark is no record: it takes no revision, and followers do not see it. The
// key is not kept, only a hash of it with its scope. A mark whose time has passed
// counts for nothing and is cleared away in time; each call does a bounded part
// of that. The times are the callers': processes whose clocks differ must add to
// until what they may differ by.
//
// An error can come after the mark was set, and the caller cannot know. The
// thing may then be used up without having been used; it is never used twice.
package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// Limits of a record. A Put over one of them fails with a *LimitError.
const (
	MaxKeyBytes      = 1024    // bytes in ID.Key
	MaxDocumentBytes = 1 << 20 // bytes in Record.Document: 1 MiB
)

var (
	// ErrNotFound says that there is no record of that ID, or that it was deleted.
	ErrNotFound = errors.New("store: no such record")
	// ErrClosed says that the store was closed.
	ErrClosed = errors.New("store: closed")
	// ErrTxDone says that a Tx was used after the function it was given to returned.
	ErrTxDone = errors.New("store: transaction is over")
	// ErrInvalidID says that an ID lacks its kind or key, or holds bytes that
	// cannot be kept.
	ErrInvalidID = errors.New("store: invalid record id")
	// ErrInvalidLimit says that Changes was asked for less than one record.
	ErrInvalidLimit = errors.New("store: limit must be at least 1")
	// ErrInvalidUse says that UseOnce was asked for what cannot be marked: no
	// scope, no key, or a time that is over already.
	ErrInvalidUse = errors.New("store: cannot be marked as used")
	// ErrRevisionAhead says that a follower has seen a revision that the store
	// has not reached: the store is another one, or was put back to an older
	// state. The follower must begin again at revision 0.
	ErrRevisionAhead = errors.New("store: revision is ahead of the store")
)

// Kind is the type of a record; see the constants in this package. Kinds are
// kept apart: the same key may exist under two of them.
type Kind string

// ID names a record. Account is the 12 digits of the account that owns it, or
// empty for what belongs to the installation. All three parts are UTF-8
// without NUL and are compared byte for byte. Kind and Key are not empty, and
// Key is at most MaxKeyBytes long.
type ID struct {
	Kind    Kind
	Account string
	Key     string
}

// String gives the ID in the form in which errors name it.
func (id ID) String() string { return fmt.Sprintf("%s %q of account %q", id.Kind, id.Key, id.Account) }

// Check says whether a record can be kept under id: an error that matches
// ErrInvalidID, a *LimitError, or nil. It is for those who write a Store.
func (id ID) Check() error {
	if len(id.Key) > MaxKeyBytes {
		return &LimitError{ID: id, What: "key", Bytes: len(id.Key), Max: MaxKeyBytes}
	}
	if id.Kind == "" || id.Key == "" {
		return fmt.Errorf("%w: %v lacks its kind or its key", ErrInvalidID, id)
	}
	for _, part := range []string{string(id.Kind), id.Account, id.Key} {
		if !utf8.ValidString(part) || strings.ContainsRune(part, 0) {
			return fmt.Errorf("%w: %v is not UTF-8 without NUL", ErrInvalidID, id)
		}
	}
	return nil
}

// CheckPut says whether document can be kept under id, with the errors of
// ID.Check and a *LimitError. It is for those who write a Store.
func CheckPut(id ID, document []byte) error {
	if err := id.Check(); err != nil {
		return err
	}
	if len(document) > MaxDocumentBytes {
		return &LimitError{ID: id, What: "document", Bytes: len(document), Max: MaxDocumentBytes}
	}
	return nil
}

// LimitError says that a record is larger than a store keeps.
type LimitError struct {
	ID    ID
	What  string // "key" or "document"
	Bytes int    // how long it is
	Max   int    // how long it may be
}

// Error names the record; a key that is too long is cut.
func (e *LimitError) Error() string {
	id := e.ID
	if len(id.Key) > 64 {
		id.Key = id.Key[:64] + "…"
	}
	return fmt.Sprintf("store: %s of %v has %d bytes, at most %d can be kept", e.What, id, e.Bytes, e.Max)
}

// Record is a document under its ID, at the revision of its last write.
type Record struct {
	ID
	Document []byte // the caller's own copy; empty where Deleted
	Revision int64  // from 1
	Deleted  bool   // a tombstone; only Changes gives those
}

// Tx is one transaction under way, good until the function it was given to
// returns. It is not safe for concurrent use. An error of the place itself (a
// full disk, say) makes the whole Update fail, even if the function drops it.
type Tx interface {
	// Get gives the record as this transaction sees it: its own writes
	// included, under the revision that the transaction will take. The error
	// matches ErrNotFound where there is none.
	Get(id ID) (Record, error)
	// Put writes a record, new or not; the document is copied. An ID that
	// cannot be kept and a *LimitError refuse this write only.
	Put(id ID, document []byte) error
	// Delete puts a tombstone in place of a record. The error matches
	// ErrNotFound where there is none, and then nothing is written.
	Delete(id ID) error
}

// Store keeps records. The package comment is its contract. All methods are
// safe for concurrent use; once Close is called, all but Close fail with
// ErrClosed.
type Store interface {
	// Update calls f once, at most, and commits what it wrote. It returns the
	// revision that it took or, if f wrote nothing, the present one. An error
	// of f comes back matchable, and nothing was written; so it is if f
	// panics. f must not call Update or Close, which wait for it.
	Update(ctx context.Context, f func(Tx) error) (revision int64, err error)
	// Get gives one committed record. The error matches ErrNotFound where
	// there is none.
	Get(ctx context.Context, id ID) (Record, error)
	// Changes gives the records whose revision is greater than after, in order
	// of revision, tombstones included. It stops at the first revision that
	// fills limit, and gives that one whole: never are the records of one
	// revision split between two calls, though that exceeds limit. No records
	// and no error mean that after is the newest revision. The error matches
	// ErrInvalidLimit for a limit below 1, ErrRevisionAhead where after is
	// greater than the store's revision.
	Changes(ctx context.Context, after int64, limit int) ([]Record, error)
	// Revision gives the newest revision.
	Revision(ctx context.Context) (int64, error)
	// UseOnce marks key as used in scope until the given time, and reports
	// whether it was not. first is false with every error. Both strings may be
	// any bytes, of any length; the error matches ErrInvalidUse where one of them
	// is empty, or until is not later than now.
	UseOnce(ctx context.Context, scope, key string, now, until time.Time) (first bool, err error)
	// Close waits for what is under way, then lets go of the place. To close
	// again does nothing.
	Close() error
}

// Feed is a store that tells when it was written to, by whatever process, sooner
// than one that asks would learn. It is a hint: who relies on it must ask all the
// same, now and then.
type Feed interface {
	// Listen calls wake once it listens, and again after each Update that wrote;
	// several may be told as one. It returns when ctx ends, or with an error when
	// the feed is lost.
	Listen(ctx context.Context, wake func()) error
}

// Timeline is a store whose history can be exchanged for another: a failover may lose
// what was written last, and other writes then take the revisions of what was lost.
type Timeline interface {
	// Since gives the point at which the store is. The error matches ErrRevisionAhead
	// where the history that led to last is not the store's, or where that cannot be
	// told any more: what was read of it must be read anew. The zero Point is the
	// beginning of every history.
	Since(ctx context.Context, last Point) (Point, error)
}

// Point is one in the history of a Timeline.
type Point struct {
	Revision int64
	// Sign tells the write that took the revision from others that could have; 0 where
	// it is not known.
	Sign int64
	// Connections counts those that were made to the store. Beyond what signs reach,
	// another connection can mean another store.
	Connections int64
}
