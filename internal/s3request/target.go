package s3request

import (
	"strings"
	"unicode/utf8"
)

// Bounds of what is read. S3 bounds the key; a target beyond maxTarget is
// refused as S3 refuses what it cannot parse.
const (
	// MaxKeyLength is in bytes of UTF-8 (S3 User Guide, "Naming Amazon S3
	// objects").
	MaxKeyLength = 1024
	maxTarget    = 16 << 10
	maxQuery     = 64 // parameters
)

// target is a request's host and target, taken apart and decoded once.
type target struct {
	raw         string
	bucket, key string
	query       map[string]string
	twice       string // a parameter that is there twice; "" for none
	virtual     bool   // the bucket is in the host
}

func (t *target) on() Resource {
	switch {
	case t.key != "":
		return Object
	case t.bucket != "":
		return Bucket
	default:
		return Service
	}
}

func parseTarget(r *Request, hosts []string) (*target, error) {
	t := &target{raw: r.RequestURI}
	path, query, ok := splitTarget(r.RequestURI)
	if !ok {
		return nil, invalidURI(r.RequestURI)
	}
	bucket, virtual, ok := bucketOfHost(r.Host, hosts)
	if what, other := otherHost(r.Host); other && (!ok || len(hosts) == 0) {
		return nil, notImplemented(what)
	}
	if !ok {
		return nil, invalidRequest(hostMessage)
	}
	t.bucket, t.virtual = bucket, virtual
	rest := path[1:]
	if !virtual {
		first, after, _ := strings.Cut(rest, "/")
		if t.bucket, ok = unescape(first, false); !ok || t.bucket == "" && path != "/" {
			return nil, invalidURI(r.RequestURI)
		}
		rest = after
	}
	if t.key, ok = unescape(rest, false); !ok {
		return nil, invalidURI(r.RequestURI)
	}
	if t.query, t.twice, ok = parseQuery(query); !ok {
		return nil, invalidURI(r.RequestURI)
	}
	return t, nil
}

// BucketAndKey says which bucket and key the host and the path of a request name,
// as Parse would: "" for none. The method and the query are not looked at. It is
// for the preflight of CORS, which is no operation but asks about one.
func BucketAndKey(r *Request, hosts ...string) (bucket, key string, err error) {
	path, _, _ := strings.Cut(r.RequestURI, "?")
	t, err := parseTarget(&Request{Host: r.Host, RequestURI: path}, hosts)
	if err != nil {
		return "", "", err
	}
	return t.bucket, t.key, nil
}

// splitTarget takes a target in origin form apart. A byte that cannot stand in
// a target unencoded (RFC 9112, Section 3.2), a fragment, or a form that is
// meant for proxies is refused: servers differ in what they make of it.
func splitTarget(raw string) (path, query string, ok bool) {
	if len(raw) > maxTarget || !strings.HasPrefix(raw, "/") {
		return "", "", false
	}
	for i := range len(raw) {
		if c := raw[i]; c <= ' ' || c >= 0x7f || c == '#' {
			return "", "", false
		}
	}
	path, query, _ = strings.Cut(raw, "?")
	return path, query, true
}

// unescape decodes percent-encoding, once, and asks that the result be UTF-8.
func unescape(s string, plusIsSpace bool) (string, bool) {
	if !strings.ContainsAny(s, "%+") {
		return s, utf8.ValidString(s)
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '%':
			if i+2 >= len(s) {
				return "", false
			}
			high, ok1 := hexDigit(s[i+1])
			low, ok2 := hexDigit(s[i+2])
			if !ok1 || !ok2 {
				return "", false
			}
			b = append(b, high<<4|low)
			i += 2
		case s[i] == '+' && plusIsSpace:
			b = append(b, ' ')
		default:
			b = append(b, s[i])
		}
	}
	return string(b), utf8.Valid(b)
}

func hexDigit(c byte) (byte, bool) {
	switch {
	case '0' <= c && c <= '9':
		return c - '0', true
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10, true
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10, true
	default:
		return 0, false
	}
}

// parseQuery reads the parameters. In a query, unlike in a path, a plus sign is
// a space. A semicolon divides parameters for some servers and not for others,
// so it must be encoded. A name that is there twice is reported: S3 takes the
// first value, others the last.
func parseQuery(query string) (parameters map[string]string, twice string, ok bool) {
	parameters = map[string]string{}
	for part := range strings.SplitSeq(query, "&") {
		if part == "" {
			continue
		}
		name, value, _ := strings.Cut(part, "=")
		name, ok1 := unescape(name, true)
		value, ok2 := unescape(value, true)
		if !ok1 || !ok2 || name == "" || strings.Contains(part, ";") || len(parameters) == maxQuery {
			return nil, "", false
		}
		if lower := strings.ToLower(name); strings.HasPrefix(lower, headerPrefix) {
			name = lower
		}
		if _, there := parameters[name]; there {
			twice = name
		}
		parameters[name] = value
	}
	return parameters, twice, true
}
