package s3

import (
	"encoding/xml"
	"net/http"
	"net/url"
	"strings"

	"github.com/daypass/daypass/internal/auth"
	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/s3request"
	"github.com/daypass/daypass/internal/sigv4"
)

// post is an upload by a form (S3 API Reference, "POST Object"). Who signed its
// policy may do it, if the policy admits the form and what comes in it; an
// unsigned form is anonymous.
func (q *request) post() (*answer, error) {
	f, policy, err := q.admitForm()
	if err != nil {
		return nil, err
	}
	q.watch.lift()
	return q.upload(f, policy)
}

// admitForm reads a form up to its file, and lets it in.
func (q *request) admitForm() (*form, *sigv4.PostPolicy, error) {
	giveBack, err := q.handler.fields.take(maxBeforeFile)
	if err != nil {
		return nil, nil, err
	}
	defer giveBack()
	f, err := readForm(q.Request)
	if err != nil {
		return nil, nil, err
	}
	q.Renew() // the fields took their time
	if err := q.Stale(); err != nil {
		return nil, nil, err
	}
	caller, signed, policy, err := auth.AuthenticatePost(q.Snapshot, f.fields, q.Now)
	q.surroundings = s3request.Surroundings{Now: q.Now, TLSVersion: tlsVersion(q.Request.TLS)}
	if signed != nil {
		q.NoteKey(signed)
		q.surroundings.Algorithm, q.surroundings.Signed, q.token = signed.Algorithm, signed.Time, signed.SecurityToken
	}
	if err != nil {
		return nil, nil, err
	}
	if policy == nil && !caller.IsAnonymous() {
		return nil, nil, storeFault("a form is signed and has no policy") // which cannot be
	}
	q.Admit(caller)
	if err := q.op.ReadForm(f.forOperation(), f.fileName); err != nil {
		return nil, nil, err
	}
	if policy != nil {
		if err := policy.Check(q.op.Bucket, q.op.Key, q.Now); err != nil {
			return nil, nil, err
		}
	}
	if err := q.authorize(); err != nil {
		return nil, nil, err
	}
	if err := q.checkACL(); err != nil {
		return nil, nil, err
	}
	return f, policy, nil
}

type postResponse struct {
	XMLName  xml.Name `xml:"PostResponse"`
	Location string
	Bucket   string
	Key      string
	ETag     string
}

// posted is the answer to a form whose file is stored (same page,
// success_action_redirect and success_action_status).
func (q *request) posted(f *form, stored http.Header) (*answer, error) {
	etag := stored.Get("Etag")
	location := q.location()
	a := empty(http.StatusNoContent)
	if to := redirection(f); to != nil {
		query := to.Query()
		query.Set("bucket", q.op.Bucket)
		query.Set("key", q.op.Key)
		query.Set("etag", etag)
		to.RawQuery = query.Encode()
		a, location = empty(http.StatusSeeOther), to.String()
	} else {
		switch f.get("success_action_status") {
		case "200":
			a = empty(http.StatusOK)
		case "201":
			var err error
			if a, err = document(postResponse{Location: location, Bucket: q.op.Bucket, Key: q.op.Key, ETag: etag}); err != nil {
				return nil, err
			}
			a.status = http.StatusCreated
		}
	}
	for name, values := range stored {
		if name == "Etag" || strings.HasPrefix(name, "X-Amz-Version-Id") || strings.HasPrefix(name, "X-Amz-Checksum-") {
			a.header[name] = values
		}
	}
	a.header.Set("Location", location)
	return a, nil
}

// redirection is where the form wants the browser to be sent, nil where it wants
// that nowhere, or at no address ("can't interpret": S3 then answers as if there
// were none). The older name counts where there is no other.
func redirection(f *form) *url.URL {
	text := f.get("success_action_redirect")
	if text == "" {
		text = f.get("redirect")
	}
	to, err := url.Parse(text)
	if err != nil || to.Host == "" || to.Scheme != "http" && to.Scheme != "https" {
		return nil
	}
	return to
}

// location is the URL of the object, in the form in which the bucket was named.
func (q *request) location() string {
	scheme := "http"
	if awsapi.IsOverTLS(q.Request) {
		scheme = "https"
	}
	path := "/" + s3request.EncodeKey(q.op.Key)
	if host := strings.ToLower(q.Request.Host); !q.handler.isOurs(host) || !strings.HasPrefix(host, q.op.Bucket+".") {
		path = "/" + q.op.Bucket + path
	}
	return scheme + "://" + q.Request.Host + path
}
