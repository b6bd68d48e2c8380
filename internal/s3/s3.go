// Package s3 is Amazon S3 in front of a store of objects that knows none of our
// credentials.
//
// A request is verified, decided upon by the caller's policies and the bucket's,
// and forwarded, both bodies streamed, to the store that has the bucket, under
// that store's own credentials. What S3 answers of itself (which buckets there
// are, whose they are, bucket policies) is answered here, and never asked of the
// store.
//
// The way of a request is serve, in serve.go; its steps are its statements:
//
//	route         s3request.Parse: the one operation that it is, or a refusal
//	authenticate  auth.AuthenticateS3: who signed; the body is verified as it is read
//	readDocument  the small body on which permissions depend
//	authorize     every need of the operation, by the caller's and the bucket's policies
//	run           answered here (bucket.go, policy.go), or forwarded (forward.go)
//
// The preflight of CORS takes no such way: it is answered by preflight.go, which
// also adds its headers to every reply.
//
// Sources: Amazon S3 API Reference; S3 User Guide.
package s3

import (
	"errors"
	"net/http"
	"time"

	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/directory"
	"github.com/daypass/daypass/internal/s3upstream"
)

// Config is what the service needs.
type Config struct {
	API       *awsapi.API
	Directory *directory.Directory
	// Stores are where objects are kept. The first that takes a new bucket has it.
	Stores []Store
	// Hosts are the names under which S3 is served with the bucket in front of
	// the name ("virtual-hosted style"); a request to any other host names its
	// bucket in the path.
	Hosts []string
}

// Store is one place that keeps objects.
type Store struct {
	// Name is what buckets' records name it by; "" is the embedded store.
	Name   string
	Client *s3upstream.Client
	// Account and Prefix say which buckets it takes: those of one account, ""
	// for all, whose names begin with the prefix.
	Account, Prefix string
	// Shared says that the store has buckets that others made: one that matches
	// and has no record here belongs to Account.
	Shared bool
}

// takes reports whether a bucket of that name and owner belongs into the store.
func (s *Store) takes(account, bucket string) bool {
	return (s.Account == "" || s.Account == account) && len(bucket) >= len(s.Prefix) && bucket[:len(s.Prefix)] == s.Prefix
}

// Handler serves S3. It is safe for concurrent use.
type Handler struct {
	Config

	patience      time.Duration // with clients
	fields, files *budget       // of forms
}

// New makes the service.
func New(c Config) (*Handler, error) {
	if c.API == nil || c.Directory == nil || len(c.Stores) == 0 {
		return nil, errors.New("s3: the configuration lacks the front door, a directory or a store")
	}
	names := map[string]bool{}
	for _, s := range c.Stores {
		switch {
		case s.Client == nil:
			return nil, errors.New("s3: store " + s.Name + " has no client")
		case names[s.Name]:
			return nil, errors.New("s3: there are two stores of the name " + s.Name)
		case s.Shared && s.Account == "":
			return nil, errors.New("s3: store " + s.Name + " has buckets that others made, and no account that they belong to")
		}
		names[s.Name] = true
	}
	return &Handler{Config: c, patience: patience, fields: &budget{left: fieldsAtOnce}, files: &budget{left: filesAtOnce}}, nil
}

// store finds a store by its name.
func (h *Handler) store(name string) (*Store, bool) {
	for i := range h.Stores {
		if h.Stores[i].Name == name {
			return &h.Stores[i], true
		}
	}
	return nil, false
}

// ServeHTTP answers one request, and writes its event before the answer.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	watch := newWatch(w, h.patience)
	defer watch.stop()
	body := &requestBody{ReadCloser: r.Body, watch: watch}
	r = r.WithContext(r.Context()) // the server looks at its own request's body, whether it is to be asked for
	r.Body = body
	q := &request{Visit: h.API.BeginVisit(r, "s3"), handler: h, watch: watch, body: body}
	a, err := q.serveSafely()
	if err != nil {
		a = q.refusal(err)
	}
	if err := q.End(a.status); err != nil {
		a.close()
		a = q.refusal(err)
	}
	q.tellOrigin(a)
	q.write(w, a)
	q.readRest(w)
}
