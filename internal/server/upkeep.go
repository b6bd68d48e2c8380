package server

import (
	"context"
	"errors"
	"time"

	"github.com/daypass/daypass/internal/secretsmanager"
)

// The keys that seal sessions are rotated when the primary is this old, unless
// another age is configured, which is looked at this often, by whichever node comes first. Revocations that can end
// nothing any more go at the same time.
const (
	sessionKeysLast = 7 * 24 * time.Hour
	upkeepInterval  = time.Hour
	upkeepAtOnce    = 1000
)

// When roles and access keys were last used is written this often, where the store
// is behind by lastUseAge or more. So each of them in use costs one small record in
// a quarter of an hour, and other nodes are behind by 16 minutes at most; AWS is by
// hours.
const (
	lastUseInterval = time.Minute
	lastUseAge      = 15 * time.Minute
)

// upkeep looks after the store, each thing in its interval, until ctx ends. unrotated
// says that keys could not be rotated at the start.
func (n *node) upkeep(ctx context.Context, c *Config, unrotated bool) {
	ticker, uses := time.NewTicker(upkeepInterval), time.NewTicker(lastUseInterval)
	defer ticker.Stop()
	defer uses.Stop()
	failing, unkept := false, n.keepRecord(ctx, c, false)
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			n.lookAfter(ctx, c)
		case <-uses.C:
			n.settleBuckets(ctx, c)
			failing = n.writeLastUse(ctx, c, lastUseAge, failing)
			unkept = n.keepRecord(ctx, c, unkept)
			unrotated = n.rotateKeys(ctx, c, unrotated)
		}
	}
}

// lookAfter rotates the session keys by their age, and deletes revocations that
// are over and secrets whose recovery window is. What fails is tried again the next time: sessions go on without it.
func (n *node) lookAfter(ctx context.Context, c *Config) {
	rotated, err := n.rotateSession(ctx, c)
	if err == nil {
		_, err = n.directory.DeleteOverRevocations(ctx, c.Now(), upkeepAtOnce)
	}
	if err != nil && ctx.Err() == nil {
		c.Log.Error("the session keys or revocations could not be looked after", "error", err)
	}
	deleted, err := secretsmanager.DeleteOver(ctx, n.directory, c.Now())
	if err != nil && ctx.Err() == nil {
		c.Log.Error("secrets whose recovery window is over could not be deleted", "error", err)
	}
	for _, secret := range deleted {
		c.Log.Info("deleted a secret for good: its recovery window is over", "secret", secret)
	}
	if rotated {
		c.Log.Info("rotated the session keys; sessions go on")
	}
}

// settleBuckets finds out about buckets that a process was creating or deleting
// when it ended. What fails is tried again the next time.
func (n *node) settleBuckets(ctx context.Context, c *Config) {
	if n.objects == nil {
		return
	}
	if err := n.objects.Settle(ctx, c.Now(), false); err != nil && ctx.Err() == nil {
		c.Log.Error("a bucket was being created or deleted when a process ended, and its store does not say whether it is there", "error", err)
	}
}

// writeLastUse writes when roles and access keys were last used. What fails stays
// in memory and is tried again the next time; it is logged once for each run of
// failures. It reports whether it failed, as it is to be told the next time.
func (n *node) writeLastUse(ctx context.Context, c *Config, age time.Duration, failing bool) bool {
	err := n.lastUse.Flush(ctx, age)
	if err != nil && ctx.Err() != nil { // the end, at which all is written
		return failing
	}
	if err != nil && !failing {
		c.Log.Error("the last uses of roles and access keys could not be written; this node remembers them", "error", err)
	}
	if err == nil && failing {
		c.Log.Info("the last uses of roles and access keys are written again")
	}
	return err != nil
}

// keepRecord looks after the record of events: it says in the store how far they
// have come, makes the indexes of files that have become full, and removes files that
// need not be kept any more. What fails is
// logged once for each run of failures, and tried again.
func (n *node) keepRecord(ctx context.Context, c *Config, failing bool) bool {
	err := errors.Join(n.record.keep(ctx, c.Now()), n.record.buildIndexes(ctx), n.record.retire(ctx, c.Retention, c.Now(), n.sinks, c.Log))
	if err != nil && ctx.Err() == nil && !failing {
		c.Log.Error("the record of events could not be looked after: its indexes, how far it has come, or what need not be kept", "error", err)
	}
	return err != nil
}

// finishTimeout is how long the store has to take what the node alone knows.
const finishTimeout = 10 * time.Second

// finish writes what the node alone knows, once no request is under way any more.
func (n *node) finish(ctx context.Context, c *Config) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), finishTimeout)
	defer cancel()
	if err := n.lastUse.Flush(ctx, 0); err != nil {
		c.Log.Error("the last uses of roles and access keys could not be written, and are lost", "error", err)
	}
	n.keepRecord(ctx, c, false)
	if err := n.presence.leave(ctx); err != nil {
		c.Log.Warn("the store was not told that this node ends; for a while rotations of the master key wait for it", "error", err)
	}
}
