package awsapi

import (
	"context"
	"net/http"
	"time"

	"github.com/daypass/daypass/internal/audit"
	"github.com/daypass/daypass/internal/auth"
)

type viaKey struct{}

// Via marks the requests of a context as made by a part of this process for its
// user, such as "console"; their events say so. No request from outside can be
// marked. It changes no decision.
func Via(ctx context.Context, part string) context.Context {
	return context.WithValue(ctx, viaKey{}, part)
}

type tlsKey struct{}

// OverTLS marks the requests of a context as sent over TLS by their clients, or not, to a
// proxy that is trusted to say so. The connection of that proxy says nothing then.
func OverTLS(ctx context.Context, is bool) context.Context {
	return context.WithValue(ctx, tlsKey{}, is)
}

// IsOverTLS reports whether the client of a request sent it over TLS, as
// aws:SecureTransport says.
func IsOverTLS(r *http.Request) bool {
	if is, marked := r.Context().Value(tlsKey{}).(bool); marked {
		return is
	}
	return r.TLS != nil
}

// HowAsked is what conditions see of how a request was asked, but for what its signature
// says.
func (c *Call) HowAsked() *auth.Request { return howAsked(c.Request, c.Event, c.Now) }

func howAsked(r *http.Request, e *audit.Event, now time.Time) *auth.Request {
	return &auth.Request{Now: now, SourceIP: e.SourceIP, UserAgent: e.UserAgent, SecureTransport: IsOverTLS(r)}
}

func via(r *http.Request) string {
	part, _ := r.Context().Value(viaKey{}).(string) // "" for all others
	return part
}
