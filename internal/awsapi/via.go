package awsapi

import (
	"context"
	"net/http"
)

type viaKey struct{}

// Via marks the requests of a context as made by a part of this process for its
// user, such as "console"; their events say so. No request from outside can be
// marked. It changes no decision.
func Via(ctx context.Context, part string) context.Context {
	return context.WithValue(ctx, viaKey{}, part)
}

type tlsKey struct{}

// OverTLS marks the requests of a context as sent over TLS by their clients, to a proxy
// that is trusted to say so. aws:SecureTransport is true of them.
func OverTLS(ctx context.Context) context.Context { return context.WithValue(ctx, tlsKey{}, true) }

// IsOverTLS reports whether the client of a request sent it over TLS.
func IsOverTLS(r *http.Request) bool {
	marked, _ := r.Context().Value(tlsKey{}).(bool)
	return r.TLS != nil || marked
}

func via(r *http.Request) string {
	part, _ := r.Context().Value(viaKey{}).(string) // "" for all others
	return part
}
