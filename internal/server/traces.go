package server

import (
	"context"
	"os"

	"github.com/daypass/daypass/internal/tracing"
)

// openTraces begins to trace, where settings or environment say so.
func (c *Config) openTraces(ctx context.Context) (err error) {
	c.Traces.Version = c.Version.Version
	if c.tracer, err = tracing.Open(ctx, c.Traces, os.Getenv, c.Log); err != nil {
		return optionErrorf("server: traces: %v", err)
	}
	return nil
}
