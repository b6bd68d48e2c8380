package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/daypass/daypass/internal/s3store"
)

// serveFloor is the floor: the embedded store as Daypass opens it, without
// Daypass. It prints its address and key.
func serveFloor(ctx context.Context, dir string) error {
	store, err := s3store.Open(ctx, s3store.Config{Dir: dir, Loopback: true, Now: time.Now})
	if err != nil {
		return err
	}
	target := store.Target()
	key, err := target.Credentials.Retrieve(ctx)
	if err != nil {
		return errors.Join(err, store.Close())
	}
	fmt.Println(strings.TrimPrefix(target.Endpoint, "http://"), key.AccessKeyID, key.SecretAccessKey)
	<-ctx.Done()
	return store.Close()
}
