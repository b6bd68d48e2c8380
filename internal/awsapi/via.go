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

func via(r *http.Request) string {
	part, _ := r.Context().Value(viaKey{}).(string) // "" for all others
	return part
}
