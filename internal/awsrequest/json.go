package awsrequest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// parseJSON reads a request of AWS JSON 1.0 or 1.1.
func (op *Operation) parseJSON(query string) error {
	op.Protocol = JSON
	r := op.request
	inQuery, err := readParams(query)
	if err != nil {
		return err
	}
	if inQuery.without(signatureParams); len(inQuery.names) > 0 {
		return malformed("the query has the parameter %s", shown(inQuery.names[0]))
	}
	if targets := r.Header["X-Amz-Target"]; r.Method != "POST" || len(targets) != 1 {
		return malformed("the request is no POST with one header X-Amz-Target")
	}
	if op.path != "/" && op.path != "" {
		return malformed("the path of a JSON request is /")
	}
	target := r.header("X-Amz-Target")
	dot := max(strings.LastIndexByte(target, '.'), 0)
	name := strings.TrimPrefix(target[dot:], ".")
	for _, a := range op.Service.apis {
		if row, ok := a.rows[name]; ok && a.speaks(JSON) && a.target == target[:dot] {
			op.Name, op.api, op.row = name, a, row
			if op.document, err = readDocument(r.Body); err != nil {
				return err
			}
			return op.checkMembers()
		}
	}
	return op.Service.unknown(target)
}

// maxDepth is how deep a document may be. AWS's are below 40.
const maxDepth = 200

var (
	errTwice = errors.New("it has a member twice")
	errDeep  = errors.New("it is too deep")
	errMore  = errors.New("something follows it")
	errKind  = errors.New("it is no object")
	errHalf  = errors.New("it holds half of a surrogate pair")
)

// readDocument reads a JSON object: an empty body is an empty one. Members that are
// there twice are refused, since readers differ in which of them counts.
func readDocument(body []byte) (map[string]any, error) {
	if len(body) == 0 {
		return map[string]any{}, nil
	}
	if !utf8.Valid(body) {
		return nil, malformed("the body is not UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	// The decoder puts U+FFFD in the place of half a surrogate pair, which others
	// keep: then two texts would be one here.
	replaced := bytes.ContainsRune(body, utf8.RuneError) || bytes.Contains(bytes.ToLower(body), []byte(`\ufffd`))
	value, err := readValue(d, 0)
	if err == nil && !replaced && holdsReplacement(value) {
		err = errHalf
	}
	if err == nil {
		if _, end := d.Token(); !errors.Is(end, io.EOF) {
			err = errMore
		}
	}
	document, ok := value.(map[string]any)
	if err == nil && !ok {
		err = errKind
	}
	if err != nil {
		return nil, malformed("the body is not the JSON document of a request: %v", reasonOf(err))
	}
	return document, nil
}

// reasonOf tells nothing of the document.
func reasonOf(err error) error {
	for _, known := range []error{errTwice, errDeep, errMore, errKind, errHalf} {
		if errors.Is(err, known) {
			return known
		}
	}
	return errors.New("it cannot be read")
}

// holdsReplacement looks for U+FFFD.
func holdsReplacement(value any) bool {
	switch value := value.(type) {
	case string:
		return strings.ContainsRune(value, utf8.RuneError)
	case []any:
		return slices.ContainsFunc(value, holdsReplacement)
	case map[string]any:
		for name, v := range value {
			if holdsReplacement(name) || holdsReplacement(v) {
				return true
			}
		}
	}
	return false
}

func readValue(d *json.Decoder, depth int) (any, error) {
	if depth > maxDepth {
		return nil, errDeep
	}
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch token {
	case json.Delim('{'):
		object := map[string]any{}
		for d.More() {
			name, err := d.Token()
			if err != nil {
				return nil, err
			}
			if _, twice := object[name.(string)]; twice {
				return nil, errTwice
			}
			if object[name.(string)], err = readValue(d, depth+1); err != nil {
				return nil, err
			}
		}
		_, err = d.Token()
		return object, err
	case json.Delim('['):
		list := []any{}
		for d.More() {
			value, err := readValue(d, depth+1)
			if err != nil {
				return nil, err
			}
			list = append(list, value)
		}
		_, err = d.Token()
		return list, err
	}
	return token, nil
}

// value gives a member of the document, nil where there is none. One of another
// case is refused: the service may take it for this one.
func (op *Operation) value(name string) (any, error) {
	for given := range op.document {
		if given != name && strings.EqualFold(given, name) {
			return nil, malformed("the member %s is not written as %s", shown(given), name)
		}
	}
	return op.document[name], nil
}

// member is value for a text, "" where there is none.
func (op *Operation) member(name string) (string, error) {
	value, err := op.value(name)
	if value == nil || err != nil {
		return "", err
	}
	text, ok := value.(string)
	if !ok {
		return "", malformed("the member %s is no text", name)
	}
	return text, nil
}

// parseCBOR reads a request of Smithy RPC v2, whose path is
// /service/SERVICE/operation/OPERATION. Its body is handed on unread: so only
// operations are taken that need nothing of it (see needs).
func (op *Operation) parseCBOR() error {
	op.Protocol = CBOR
	r := op.request
	parts := strings.Split(op.path, "/")
	if r.Method != "POST" || r.header("Smithy-Protocol") != "rpc-v2-cbor" || len(parts) != 5 || parts[0] != "" || parts[1] != "service" || parts[3] != "operation" {
		return malformed("the request is none of Smithy RPC v2: its path is /service/SERVICE/operation/OPERATION")
	}
	if _, query, ok := strings.Cut(r.RequestURI, "?"); ok && query != "" {
		return malformed("the query has parameters")
	}
	for _, a := range op.Service.apis {
		if row, ok := a.rows[parts[4]]; ok && a.speaks(CBOR) && a.cbor == parts[2] {
			op.Name, op.api, op.row = parts[4], a, row
			return nil
		}
	}
	return op.Service.unknown(parts[4])
}
