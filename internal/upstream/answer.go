package upstream

import (
	"bytes"
	"encoding/binary"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/awsrequest"
)

// answer is what a request is answered with. Its body is streamed.
type answer struct {
	status int
	header http.Header
	length int64 // -1: not known
	body   io.ReadCloser
}

func (a *answer) close() { _ = a.body.Close() } // nothing of it is told

// patience is how long a client may take no part of an answer.
const patience = 60 * time.Second

// write sends the answer. A body that breaks off must not look like a whole one: the
// connection is then broken too.
func (q *request) write(w http.ResponseWriter, a *answer) {
	defer a.close()
	h := w.Header()
	for name, values := range a.header {
		h[name] = values
	}
	h["X-Amzn-Requestid"] = []string{q.RequestID}
	if a.length >= 0 && a.status != http.StatusNoContent {
		h["Content-Length"] = []string{strconv.FormatInt(a.length, 10)}
	}
	connection := http.NewResponseController(w)
	// The listener bounds whole replies, which a stream outlives. Where a deadline
	// cannot be set the listener's stays.
	extend := func() { _ = connection.SetWriteDeadline(q.handler.Now().Add(patience)) }
	extend()
	w.WriteHeader(a.status)
	space := make([]byte, 32<<10)
	for {
		n, err := a.body.Read(space)
		extend()
		if n > 0 {
			if _, failed := w.Write(space[:n]); failed != nil {
				panic(http.ErrAbortHandler)
			}
			_ = connection.Flush() // an event of a stream is not to wait for the next
		}
		if errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return
		}
		if err != nil {
			panic(http.ErrAbortHandler)
		}
	}
}

// dialects are the words of the front door for each protocol.
var dialects = map[awsrequest.Protocol]*awsapi.Dialect{
	awsrequest.Query: awsapi.Query, awsrequest.EC2Query: awsapi.EC2Query, awsrequest.JSON: awsapi.JSON11,
	awsrequest.CBOR: awsapi.JSON11, awsrequest.RESTJSON: awsapi.RESTJSON, awsrequest.RESTXML: awsapi.Query,
}

// refusal is the answer to a request that is refused; the event says why.
func (q *request) refusal(err error) *answer {
	protocol := q.kind.Dialect(q.asked)
	if q.op != nil {
		protocol = q.op.Protocol
	}
	if errors.Is(err, errTooLarge) {
		q.RefuseAs("RequestEntityTooLarge", http.StatusRequestEntityTooLarge, "", err)
		return q.errorReply(protocol, "RequestEntityTooLarge", http.StatusRequestEntityTooLarge, "The request body is too large.")
	}
	code, status, message := q.Refuse(err, dialects[protocol].Words)
	if protocol == awsrequest.EC2Query && q.Event.Encoded != "" { // as EC2 says it
		message += " Encoded authorization failure message: " + q.Event.Encoded
	}
	return q.errorReply(protocol, code, status, message)
}

// errorReply writes an error in the words of a protocol.
func (q *request) errorReply(protocol awsrequest.Protocol, code string, status int, message string) *answer {
	a := &answer{status: status, header: http.Header{}}
	var body []byte
	kind := "Sender"
	if status >= http.StatusInternalServerError {
		kind = "Receiver"
	}
	switch protocol {
	case awsrequest.EC2Query:
		a.header.Set("Content-Type", "text/xml;charset=UTF-8")
		body = inXML(ec2Error{Errors: []wireError{{Code: code, Message: message}}, RequestID: q.RequestID})
	case awsrequest.JSON, awsrequest.RESTJSON:
		a.header.Set("Content-Type", "application/x-amz-json-1.1")
		if q.Request.Header.Get("X-Amzn-Query-Mode") == "true" { // SQS: the code as it was in Query
			a.header.Set("X-Amzn-Query-Error", strings.TrimSuffix(code, "Exception")+";"+kind)
		}
		a.header.Set("X-Amzn-Errortype", code)
		body = awsapi.JSONError(code, "message", message)
	case awsrequest.CBOR:
		a.header.Set("Content-Type", "application/cbor")
		a.header.Set("Smithy-Protocol", "rpc-v2-cbor")
		body = append([]byte{0xa2}, inCBOR("__type", code, "message", message)...)
	default:
		a.header.Set("Content-Type", "text/xml")
		body = inXML(queryError{Error: wireError{Type: kind, Code: code, Message: message}, RequestID: q.RequestID})
	}
	a.length, a.body = int64(len(body)), io.NopCloser(bytes.NewReader(body))
	return a
}

// The errors of EC2 (EC2 API Reference, "API error response") and of the Query
// protocol (Smithy, "AWS query protocol", operation error serialization).
type (
	wireError struct {
		Type    string `xml:",omitempty"`
		Code    string
		Message string
	}
	ec2Error struct {
		XMLName   xml.Name    `xml:"Response"`
		Errors    []wireError `xml:"Errors>Error"`
		RequestID string
	}
	queryError struct {
		XMLName   xml.Name `xml:"ErrorResponse"`
		Error     wireError
		RequestID string `xml:"RequestId"`
	}
)

func inXML(value any) []byte {
	body, err := xml.Marshal(value)
	if err != nil { // texts always can be written
		return nil
	}
	return append([]byte(xml.Header), body...)
}

// inCBOR writes texts one after the other (RFC 8949 section 3.1, major type 3).
func inCBOR(texts ...string) []byte {
	var b []byte
	for _, text := range texts {
		b = append(b, 0x7a)
		b = binary.BigEndian.AppendUint32(b, uint32(len(text)))
		b = append(b, text...)
	}
	return b
}
