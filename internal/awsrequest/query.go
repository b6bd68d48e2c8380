package awsrequest

import (
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"
)

// params are the parameters of a Query request, in their order. No name is there
// twice.
type params struct {
	names  []string
	values map[string]string
}

// signatureParams belong to the signature of a presigned URL, and not to the
// operation; in lower case.
var signatureParams = map[string]bool{
	"x-amz-algorithm": true, "x-amz-content-sha256": true, "x-amz-credential": true, "x-amz-date": true,
	"x-amz-expires": true, "x-amz-region-set": true, "x-amz-security-token": true, "x-amz-signature": true, "x-amz-signedheaders": true,
}

func readParams(encoded string) (*params, error) {
	p := &params{values: map[string]string{}}
	for pair := range strings.SplitSeq(encoded, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(name)
		if err == nil {
			value, err = url.QueryUnescape(value)
		}
		if err != nil || !utf8.ValidString(name) || !utf8.ValidString(value) {
			return nil, malformed("a percent-encoding of the parameters is broken")
		}
		if _, twice := p.values[name]; twice {
			return nil, malformed("the parameter %s is there twice, and which of the two counts is not known", shown(name))
		}
		p.names, p.values[name] = append(p.names, name), value
	}
	return p, nil
}

// without leaves out what belongs to a signature.
func (p *params) without(left map[string]bool) {
	kept := p.names[:0]
	for _, name := range p.names {
		if left[strings.ToLower(name)] {
			delete(p.values, name)
			continue
		}
		kept = append(kept, name)
	}
	p.names = kept
}

func (p *params) encode() []byte {
	var b strings.Builder
	for i, name := range p.names {
		if i > 0 {
			b.WriteByte('&')
		}
		b.WriteString(url.QueryEscape(name) + "=" + url.QueryEscape(p.values[name]))
	}
	return []byte(b.String())
}

func (p *params) get(name string) string { return p.values[name] }

// list gives NAME.1, NAME.2 … in the order of their coming. A name that could be
// meant for a member and is written otherwise is refused: the service may take it
// for one.
func (p *params) list(name string) ([]string, error) {
	var values []string
	for _, given := range p.names {
		rest, ok := cutFold(given, name)
		if !ok || rest == "" && p.values[given] == "" {
			continue
		}
		if given[:len(name)] != name || !isIndex(rest[min(1, len(rest)):]) {
			return nil, malformed("the parameter %s is not written as %s.1", shown(given), name)
		}
		values = append(values, p.values[given])
	}
	return values, nil
}

// one gives the parameter of that name, "" where there is none.
func (p *params) one(name string) (string, error) {
	for _, given := range p.names {
		if rest, ok := cutFold(given, name); ok && (given != name || rest != "") {
			return "", malformed("the parameter %s is not written as %s", shown(given), name)
		}
	}
	return p.values[name], nil
}

// below gives the structures of a list, NAME.1.FIELD, in the order of their first
// coming, each with its fields.
func (p *params) below(name string) ([]*params, error) {
	var found []*params
	byIndex := map[string]*params{}
	for _, given := range p.names {
		rest, ok := cutFold(given, name)
		if !ok || rest == "" && p.values[given] == "" {
			continue
		}
		index, field, isField := strings.Cut(strings.TrimPrefix(rest, "."), ".")
		if given[:len(name)] != name || !isIndex(index) || !isField || field == "" {
			return nil, malformed("the parameter %s is not written as %s.1.FIELD", shown(given), name)
		}
		member := byIndex[index]
		if member == nil {
			member = &params{values: map[string]string{}}
			byIndex[index] = member
			found = append(found, member)
		}
		member.names, member.values[field] = append(member.names, field), p.values[given]
	}
	return found, nil
}

// has reports whether there is a parameter of that name, or below it.
func (p *params) has(name string) bool {
	for _, given := range p.names {
		if _, ok := cutFold(given, name); ok {
			return true
		}
	}
	return false
}

// cutFold gives what follows NAME in NAME or NAME.…, whatever the case.
func cutFold(given, name string) (string, bool) {
	if len(given) < len(name) || !strings.EqualFold(given[:len(name)], name) {
		return "", false
	}
	rest := given[len(name):]
	return rest, rest == "" || rest[0] == '.'
}

func isIndex(text string) bool {
	n, err := strconv.Atoi(text)
	return err == nil && n > 0 && strconv.Itoa(n) == text
}

// parseQuery reads a Query request: parameters in the body of a POST, or in the
// query of a GET.
func (op *Operation) parseQuery(protocol Protocol, query string) error {
	op.Protocol = protocol
	r := op.request
	inQuery, err := readParams(query)
	if err != nil {
		return err
	}
	inQuery.without(signatureParams)
	switch r.Method {
	case "GET":
		if len(r.Body) > 0 {
			return malformed("a GET has a body")
		}
		op.params = inQuery
	case "POST":
		media, _, _ := strings.Cut(r.header("Content-Type"), ";")
		if !strings.EqualFold(strings.TrimSpace(media), "application/x-www-form-urlencoded") {
			return malformed("the body is no form: its Content-Type is %s", shown(media))
		}
		if len(inQuery.names) > 0 {
			return malformed("parameters are in the query of a POST, and its body has others")
		}
		if op.params, err = readParams(string(r.Body)); err != nil {
			return err
		}
		op.params.without(signatureParams)
	default:
		return malformed("the method is %s; write POST", shown(r.Method))
	}
	if err := op.findAction(); err != nil {
		return err
	}
	if op.path != "/" && op.path != "" && (op.Service.Name != "sqs" || !op.row.has("QueueUrl")) { // SQS: the path of the queue's URL
		return malformed("the path of a Query request is /")
	}
	return nil
}

// findAction goes by Action, and where APIs share it by Version.
func (op *Operation) findAction() error {
	name, err := op.params.one("Action")
	if err != nil {
		return err
	}
	version, err := op.params.one("Version")
	if err != nil {
		return err
	}
	if name == "" {
		return malformed("the request names no Action")
	}
	for _, a := range op.Service.apis {
		if r, ok := a.rows[name]; ok && a.speaks(op.Protocol) && (a.version == version || len(op.Service.apis) == 1) {
			op.Name, op.api, op.row = name, a, r
			dry, err := op.params.one("DryRun")
			op.DryRun = op.Protocol == EC2Query && strings.EqualFold(dry, "true")
			if dry != "" && !op.DryRun && !strings.EqualFold(dry, "false") && op.Protocol == EC2Query {
				return malformed("DryRun is neither true nor false")
			}
			if err != nil {
				return err
			}
			return op.checkMembers()
		}
	}
	return op.Service.unknown(name)
}
