package upstream

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/s3upstream"
)

// withheld are headers x-amz-… that say how the caller signed and sent the request.
var withheld = map[string]bool{
	"X-Amz-Algorithm": true, "X-Amz-Content-Sha256": true, "X-Amz-Credential": true, "X-Amz-Date": true,
	"X-Amz-Expires": true, "X-Amz-Region-Set": true, "X-Amz-Security-Token": true, "X-Amz-Signature": true,
	"X-Amz-Signedheaders": true, "X-Amz-Target": true, "X-Amz-User-Agent": true, "X-Amz-Trailer": true,
	"X-Amz-Decoded-Content-Length": true,
}

// forward sends the operation on. Of the caller's request goes what was read of it:
// nothing of his credentials, and no header that he did not sign.
func (q *request) forward() (*answer, error) {
	m := q.op.Message()
	sent := &s3upstream.Message{Method: m.Method, Path: m.Path, RawQuery: m.RawQuery, Body: m.Body, Service: q.kind.Name, Header: http.Header{}}
	if sent.Path == "" {
		sent.Path = "/"
	}
	if m.REST {
		for name, values := range q.Request.Header {
			if strings.HasPrefix(name, "X-Amz-") && !withheld[name] && q.isSigned(name, q.signed) {
				sent.Header[name] = values
			}
		}
	}
	for name, value := range m.Header {
		sent.Header.Set(name, value)
	}
	sent.Header.Set("User-Agent", "daypass")
	response, err := q.send(sent)
	if err != nil {
		return nil, err
	}
	q.Event.UpstreamRequestID = response.RequestID
	a := &answer{status: response.Status, header: response.Header, length: response.Length, body: response.Body}
	return a, q.inspect(a)
}

// send sends a message to the service.
func (q *request) send(m *s3upstream.Message) (*s3upstream.Response, error) {
	client, err := q.target.client(q.scope.Region)
	if err != nil {
		return nil, err
	}
	response, err := client.Send(q.Request.Context(), m)
	if err != nil {
		return nil, sendFault(err)
	}
	return response, nil
}

// sendFault says whose fault it is that a service could not be asked.
func sendFault(err error) error {
	reason := "the service behind could not be asked"
	for of, words := range map[error]string{
		s3upstream.ErrUnreachable: "the service behind cannot be reached",
		s3upstream.ErrTimeout:     "the service behind does not answer in time",
		s3upstream.ErrTLS:         "there is no secure connection to the service behind",
		s3upstream.ErrCredentials: "the gateway's credentials for the service behind cannot be had",
	} {
		if errors.Is(err, of) {
			reason = words
		}
	}
	return &awsapi.Fault{Kind: awsapi.Internal, Reason: reason, Cause: err}
}

// maxError is the most that is read of an error to see what it is.
const maxError = 64 << 10

// Codes by which services refuse who signed, which was the gateway, and what the
// gateway may do.
var (
	credentialCodes = codes("AuthFailure", "ExpiredToken", "ExpiredTokenException", "IncompleteSignature", "IncompleteSignatureException",
		"InvalidAccessKeyId", "InvalidClientTokenId", "InvalidSignatureException", "MissingAuthenticationToken", "MissingAuthenticationTokenException",
		"OptInRequired", "RequestExpired", "SignatureDoesNotMatch", "UnrecognizedClientException", "Blocked", "PendingVerification")
	permissionCodes = codes("AccessDenied", "AccessDeniedException", "AuthorizationError", "AuthorizationErrorException", "UnauthorizedOperation", "NotAuthorized")
)

func codes(names ...string) map[string]bool {
	set := map[string]bool{}
	for _, name := range names {
		set[name] = true
	}
	return set
}

// inspect refuses an answer that is about the gateway and not about its caller: he
// was let in here. What the service said goes into the event.
func (q *request) inspect(a *answer) error {
	if a.status < 400 || a.status >= 500 {
		return nil
	}
	start, err := io.ReadAll(io.LimitReader(a.body, maxError))
	if err != nil {
		a.close()
		return sendFault(err)
	}
	code, message := errorOf(a.header, start)
	switch {
	case credentialCodes[code]:
		a.close()
		return &awsapi.Fault{Kind: awsapi.Internal, Reason: "the service behind refuses the gateway's credentials: " + code + ": " + cut(message)}
	case permissionCodes[code]:
		a.close()
		return &awsapi.Fault{
			Kind: awsapi.AccessDenied, Action: q.op.Action(),
			Message: "The policies here allow " + q.op.Action() + ", and the service behind does not allow it to the gateway",
			Reason:  "the service behind does not allow it to the gateway: " + code + ": " + cut(message),
		}
	}
	a.body = &rest{Reader: io.MultiReader(bytes.NewReader(start), a.body), Closer: a.body}
	return nil
}

// rest is a body with what was read ahead of it.
type rest struct {
	io.Reader
	io.Closer
}

func cut(text string) string {
	const most = 512
	return strings.ToValidUTF8(text[:min(len(text), most)], "")
}

// errorOf finds code and message of an error, in XML or in JSON.
func errorOf(header http.Header, body []byte) (code, message string) {
	var asXML struct {
		Code        string `xml:"Error>Code"`
		Message     string `xml:"Error>Message"`
		EC2Code     string `xml:"Errors>Error>Code"`
		EC2Message  string `xml:"Errors>Error>Message"`
		PlainCode   string `xml:"Code"`
		PlainReason string `xml:"Message"`
	}
	if xml.Unmarshal(body, &asXML) == nil {
		return asXML.Code + asXML.EC2Code + asXML.PlainCode, asXML.Message + asXML.EC2Message + asXML.PlainReason
	}
	var asJSON struct {
		Type    string `json:"__type"`
		Code    string `json:"code"`
		Message string `json:"message"`
	}
	_ = json.Unmarshal(body, &asJSON) // what it is not, stays empty
	code = header.Get("X-Amzn-Errortype")
	for _, other := range []string{asJSON.Type, asJSON.Code} {
		if code == "" {
			code = other
		}
	}
	code, _, _ = strings.Cut(code, ":")
	return code[strings.LastIndexByte(code, '#')+1:], asJSON.Message
}
