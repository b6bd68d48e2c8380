package server

import (
	"context"
	"log/slog"

	"github.com/daypass/daypass/internal/audit"
)

// LevelRequest is the level of the line that is logged for each request. It lies below
// slog.LevelInfo: the record has every request already, so that who wants them in the
// log as well has to say so.
const LevelRequest = slog.LevelInfo - 2

// logRequest logs one line for a request, by its event: what joins it with the record
// (docs/audit.md) and with the job behind it. Values that a caller made up are quoted by
// the handler, so that none begins a line of its own, and lose what looks like a token.
func logRequest(log *slog.Logger, e *audit.Event, failure error) {
	ctx := context.Background()
	if !log.Enabled(ctx, LevelRequest) {
		return
	}
	line := make([]slog.Attr, 0, 24)
	add := func(name, value string) {
		if value != "" {
			line = append(line, slog.String(name, audit.WithoutTokens(value)))
		}
	}
	add("requestId", e.RequestID)
	add("traceId", e.TraceID)
	add("service", e.Service)
	add("operation", e.Operation)
	line = append(line, slog.Int("status", e.Status))
	outcome := e.Outcome()
	if failure != nil { // it was refused, whatever its event says
		outcome = audit.Failed
	}
	add("outcome", string(outcome))
	add("code", e.Code)
	line = append(line, slog.Float64("milliseconds", float64(e.Duration.Microseconds())/1000))
	add("sourceIp", e.SourceIP)
	add("via", e.Via)
	add("account", e.Account)
	add("principal", e.Principal)
	add("accessKeyId", e.AccessKey)
	add("role", e.Role)
	add("issuedAccessKeyId", e.IssuedKey)
	job := jobOf(e)
	add("issuer", job.Issuer)
	add("subject", job.Subject)
	add("jti", job.TokenID)
	add("project", job.Project)
	add("pipeline", job.Pipeline)
	add("job", job.Job)
	log.LogAttrs(ctx, LevelRequest, "request", line...)
}

// jobOf is the job behind a request: that whose token began the caller's session, or
// whose token the request brought and was verified. A token that was not verified names
// nobody.
func jobOf(e *audit.Event) audit.Origin {
	if e.Origin == nil && !e.Verified {
		return audit.Origin{}
	}
	return e.From()
}
