package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/daypass/daypass/internal/publish"
	"github.com/daypass/daypass/internal/publish/ledger"

	"github.com/spf13/cobra"
)

func newPublishWatch() *cobra.Command {
	var f publishFlags
	var interval time.Duration
	var listen string
	c := &cobra.Command{
		Use:   "watch",
		Short: "Publish again and again, with metrics",
		Long: `Apply again and again: follow the issuer's keys, take out those whose overlap is
over, put back what was changed by hand, and say when the issuer has a key that is
not public. Several may run on one target.

A new key still needs a proof: name a file with --proof-token-file that a job
writes, and that is read anew each time.

With --listen, /metrics is for Prometheus: daypass_publish_age_seconds,
daypass_publish_upstream_kid_unpublished, daypass_publish_public_mismatch and
others. /readyz is 200 while the last good check is recent, /livez always.`,
		Args: noToken,
		RunE: func(c *cobra.Command, _ []string) error {
			if interval < time.Second {
				return usageError{fmt.Errorf("--interval %v is below a second", interval)}
			}
			return publishError(c, f.watch(c, interval, listen))
		},
	}
	f.addAll(c)
	f.addSource(c)
	c.Flags().DurationVar(&interval, "interval", 30*time.Second, "`TIME` between checks, give or take a tenth")
	c.Flags().StringVar(&listen, "listen", "", "serve metrics and readiness at `HOST:PORT`, over http")
	return c
}

func (f *publishFlags) watch(c *cobra.Command, interval time.Duration, listen string) error {
	upstream, err := f.upstream()
	if err != nil {
		return err
	}
	switch {
	case upstream == nil:
		return errNoSource
	case f.file == "-":
		return usageError{errors.New("--proof-token-file - can be read once only; name a file that is written anew")}
	}
	if err := ledger.CheckChoice(f.keys); err != nil {
		return usageError{fmt.Errorf("--keys: %w", err)}
	}
	p, err := f.setUp(c)
	if err != nil {
		return err
	}
	w := &publish.Watcher{
		Publisher: p, Interval: interval, Log: newLog(c),
		Request: func(context.Context) (ledger.Request, error) {
			r, err := f.request(c, p, upstream)
			var usage usageError
			if errors.As(err, &usage) && r.Upstream != nil { // no job has written the token yet
				err = &publish.Refusal{Rule: "proof", Text: err.Error()}
			}
			return r, err
		},
	}
	ctx, stop := context.WithCancel(c.Context())
	defer stop()
	served := make(chan error, 1)
	served <- nil
	if listen != "" {
		l, err := new(net.ListenConfig).Listen(ctx, "tcp", listen)
		if err != nil {
			return err
		}
		w.Log.Info("metrics", "url", "http://"+l.Addr().String()+"/metrics")
		server := &http.Server{Handler: w.Handler(), ReadHeaderTimeout: 10 * time.Second}
		<-served
		go func() { served <- server.Serve(l) }()
		defer context.AfterFunc(ctx, func() { _ = server.Close() })() //nolint:errcheck // it says only whether it ran
	}
	w.Run(ctx)
	stop()
	if err := <-served; err != nil && !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
