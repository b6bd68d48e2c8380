package awsrequest

import (
	"net/url"
	"strings"
	"unicode/utf8"
)

// segment is a part of a path's template: a text, or the name of a label.
type segment struct {
	text  string
	label bool
}

func newSegments(path string) []segment {
	var segments []segment
	for part := range strings.SplitSeq(strings.Trim(path, "/"), "/") {
		if strings.HasPrefix(part, "{") {
			segments = append(segments, segment{strings.Trim(part, "{}+"), true})
			continue
		}
		segments = append(segments, segment{text: part})
	}
	return segments
}

// fits gives the labels of a path's decoded parts.
func (r *row) fits(parts []string) (map[string]string, bool) {
	if len(parts) != len(r.path) {
		return nil, false
	}
	labels := map[string]string{}
	for i, s := range r.path {
		switch {
		case s.label:
			labels[s.text] = parts[i]
		case s.text != parts[i]:
			return nil, false
		}
	}
	return labels, true
}

// literals is how many texts a template has: of several that fit, the one with
// most of them is meant (Smithy, "HTTP URI conflicts").
func (r *row) literals() int {
	n := 0
	if r.query != "" {
		n++
	}
	for _, s := range r.path {
		if !s.label {
			n += 2
		}
	}
	return n
}

// parseREST finds the operation by method and path.
func (op *Operation) parseREST(query string) error {
	a := op.Service.apis[0]
	op.api, op.Protocol = a, a.protocols[0]
	inQuery, err := readParams(strings.ReplaceAll(query, "+", "%2B")) // here it is no space
	if err != nil {
		return err
	}
	inQuery.without(signatureParams)
	op.query = inQuery.values
	op.rawQuery = strings.ReplaceAll(string(inQuery.encode()), "+", "%20")
	parts, err := pathParts(op.path)
	if err != nil {
		return err
	}
	if op.row, op.labels = op.route(parts); op.row == nil {
		return op.Service.unknown(op.request.Method + " " + op.path)
	}
	// A server that decodes a path before it splits it must come to the same
	// operation.
	if whole := strings.Split(strings.Join(parts, "/"), "/"); len(whole) != len(parts) {
		if other, _ := op.route(whole); other != nil {
			return malformed("the path of %s holds an encoded slash, and is one of %s without the encoding", op.row.name, other.name)
		}
	}
	op.Name = op.row.name
	if op.Protocol == RESTJSON && !op.row.blob {
		if op.document, err = readDocument(op.request.Body); err != nil {
			return err
		}
	}
	return op.checkMembers()
}

func (op *Operation) route(parts []string) (*row, map[string]string) {
	var found *row
	var labels map[string]string
	for _, r := range op.api.routes {
		if r.method != op.request.Method {
			continue
		}
		name, value, valued := strings.Cut(r.query, "=")
		if given, has := op.query[name]; r.query != "" && (!has || valued && given != value) {
			continue
		}
		if l, ok := r.fits(parts); ok && (found == nil || r.literals() > found.literals()) {
			found, labels = r, l
		}
	}
	return found, labels
}

// pathParts decodes the parts of a path, each by itself.
func pathParts(path string) ([]string, error) {
	var parts []string
	for part := range strings.SplitSeq(strings.TrimSuffix(strings.TrimPrefix(path, "/"), "/"), "/") {
		decoded, err := url.PathUnescape(part)
		if err != nil || !utf8.ValidString(decoded) {
			return nil, malformed("a percent-encoding of the path is broken")
		}
		for inner := range strings.SplitSeq(decoded, "/") {
			if inner == "" || inner == "." || inner == ".." || strings.ContainsAny(inner, "?#%\\\x00") {
				return nil, malformed("the path has a part that servers read in different ways")
			}
		}
		parts = append(parts, decoded)
	}
	return parts, nil
}
