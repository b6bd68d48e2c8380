package s3

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"net/http"

	"github.com/daypass/daypass/internal/auth"
	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/s3request"
	"github.com/daypass/daypass/internal/s3upstream"
	"github.com/daypass/daypass/internal/sigv4"
)

// xmlElement is one element of an error with a name of its own.
type xmlElement struct {
	XMLName xml.Name
	Value   string `xml:",chardata"`
}

// xmlError is the body of a refusal (S3 API Reference, "REST error responses").
type xmlError struct {
	XMLName   xml.Name `xml:"Error"`
	Code      string
	Message   string
	Elements  []xmlElement
	RequestID string `xml:"RequestId"`
	HostID    string `xml:"HostId"`
}

// refused is a refusal in S3's words.
type refused struct {
	code, message string
	status        int
	elements      []xmlElement
	allow         []string // methods, of a 405
	echoes        bool     // the message may repeat what the client sent, secrets included
	cause         error
}

// Error tells the operator. Elements, which are the client's, are left out.
func (f *refused) Error() string {
	text := "s3: " + f.code + ": " + f.told()
	if f.cause != nil {
		text += ": " + f.cause.Error()
	}
	return text
}

// told is the message as events have it.
func (f *refused) told() string {
	if f.echoes {
		return ""
	}
	return f.message
}

// Unwrap gives the cause.
func (f *refused) Unwrap() error { return f.cause }

func fault(code string, status int, message string) *refused {
	return &refused{code: code, status: status, message: message}
}

func (f *refused) because(cause error) *refused {
	f.cause = cause
	return f
}

func (f *refused) with(name, value string) *refused {
	f.elements = append(f.elements, xmlElement{xml.Name{Local: name}, value})
	return f
}

func noSuchBucket(bucket string) *refused {
	return fault("NoSuchBucket", http.StatusNotFound, "The specified bucket does not exist").with("BucketName", bucket)
}

// storeFault is a fault of ours about a store: the client learns nothing of it.
func storeFault(reason string) error {
	return &awsapi.Fault{Kind: awsapi.Internal, Reason: reason}
}

// inWords puts an error into S3's words. What has none is InternalError.
func (q *request) inWords(err error) *refused {
	var own *refused
	var signature *sigv4.S3Error
	var asked *s3request.Error
	var who *auth.Error
	switch {
	case errors.As(err, &own):
		return own
	case errors.As(err, &signature):
		f := fault(signature.Code, signature.Status, signature.Message.Reveal()).because(err)
		f.echoes = true
		for _, e := range signature.Elements {
			f = f.with(e.Name, e.Value.Reveal())
		}
		return f
	case errors.As(err, &asked):
		f := fault(asked.Code, asked.Status, asked.Message).because(err)
		for _, e := range asked.Elements {
			f = f.with(e.Name, e.Value)
		}
		f.allow = asked.Allow
		return f
	case errors.As(err, &who):
		return q.credentialFault(who)
	}
	return storeWords(err)
}

// credentialFault is a fault of credentials (recorded on S3, where a code has a
// source in the facts; a deleted role's session is answered as an unknown key).
func (q *request) credentialFault(e *auth.Error) *refused {
	switch {
	case e.Kind == auth.Expired:
		return fault("ExpiredToken", http.StatusBadRequest, "The provided token has expired.").with("Token-0", q.token).because(e)
	case e.Kind == auth.UnknownKey && e.Token:
		return fault("InvalidToken", http.StatusBadRequest, "The provided token is malformed or otherwise invalid.").with("Token-0", q.token).because(e)
	case e.Kind == auth.UnknownKey:
		return fault("InvalidAccessKeyId", http.StatusForbidden, "The AWS Access Key Id you provided does not exist in our records.").
			with("AWSAccessKeyId", q.Event.AccessKey).because(e)
	default:
		return fault("AccessDenied", http.StatusForbidden, "Access Denied").because(e)
	}
}

// dialect gives code, status and message of a fault of the front door in S3's
// words.
func (q *request) dialect(f *awsapi.Fault) (code string, status int, message string) {
	switch f.Kind {
	case awsapi.AccessDenied:
		// Who is of another account is not told whose policies say no (S3 User
		// Guide, "Troubleshoot access denied (403 Forbidden) errors in Amazon S3").
		if q.Caller == nil || q.Caller.IsAnonymous() || q.foreign {
			return "AccessDenied", http.StatusForbidden, "Access Denied"
		}
		return "AccessDenied", http.StatusForbidden, f.Message
	case awsapi.InvalidInput:
		return "InvalidRequest", http.StatusBadRequest, f.Message
	case awsapi.Modelled:
		return f.Code, f.Status, f.Message
	case awsapi.Throttled:
		return "SlowDown", http.StatusServiceUnavailable, "Please reduce your request rate."
	case awsapi.Unavailable:
		return "ServiceUnavailable", http.StatusServiceUnavailable, "Service is unable to handle request."
	default:
		return "InternalError", http.StatusInternalServerError, "We encountered an internal error. Please try again."
	}
}

// refusal is the answer to a request that is refused; the event says why.
func (q *request) refusal(err error) *answer {
	words := q.inWords(err)
	if words == nil {
		var upstream *s3upstream.Refusal
		if errors.As(err, &upstream) {
			q.Event.UpstreamRequestID = upstream.RequestID
		}
		words = &refused{}
		words.code, words.status, words.message = q.Refuse(err, q.dialect)
	} else {
		q.RefuseAs(words.code, words.status, words.told(), err)
	}
	body, marshalErr := xml.Marshal(xmlError{
		Code: words.code, Message: words.message, Elements: words.elements, RequestID: q.RequestID, HostID: hostID(q.RequestID),
	})
	if marshalErr != nil {
		body = nil
	}
	a := written(words.status, "application/xml", append([]byte(xml.Header), body...))
	for _, method := range words.allow {
		a.header.Add("Allow", method)
	}
	return a
}

func newReader(b []byte) io.Reader { return bytes.NewReader(b) }
