package sigv4

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
)

// pathForm is how a service signs the path.
type pathForm uint8

const (
	// pathNormalised is the form of all services but S3: empty and "." segments
	// go, ".." takes its predecessor with it, and what stands on the wire is
	// encoded once more (IAM User Guide, "Create a signed AWS API request",
	// CanonicalUri).
	pathNormalised pathForm = iota
	// pathVerbatim is the form of S3: every segment stays, encoded once.
	pathVerbatim
)

// form is how a service and a kind of signature write a request down. Its zero
// value is that of all services but S3, signed in the header.
type form struct {
	path pathForm
	// inQuery leaves X-Amz-Signature out of the query that is signed.
	inQuery bool
}

// canonicalRequest appends the canonical request of r to b (IAM User Guide,
// "Create a signed AWS API request", step 1). It refuses what has no canonical
// form, so that two different requests never share one.
func canonicalRequest(b []byte, r *Request, signedHeaders []string, f form) ([]byte, error) {
	if r.Method == "" || !isHeaderName(strings.ToLower(r.Method)) {
		return b, mismatch(RequestForm, "the method is not a token")
	}
	path, query, _ := strings.Cut(r.RequestURI, "?")
	if !strings.HasPrefix(path, "/") {
		return b, mismatch(RequestForm, "the path does not begin with a slash")
	}
	b = append(b, r.Method...)
	b = append(b, '\n')
	var ok bool
	if b, ok = appendPath(b, path, f.path); !ok {
		return b, mismatch(RequestForm, "the path has a broken percent-encoding")
	}
	b = append(b, '\n')
	leftOut := ""
	if f.inQuery {
		leftOut = queryNames[querySignature]
	}
	if b, ok = appendQuery(b, query, leftOut); !ok {
		return b, mismatch(RequestForm, "the query has a broken percent-encoding")
	}
	b = append(b, '\n')
	for _, name := range signedHeaders {
		var err error
		if b, err = appendHeader(b, r, name); err != nil {
			return b, err
		}
	}
	b = append(b, '\n')
	b = appendNames(b, signedHeaders)
	b = append(b, '\n')
	return append(b, r.PayloadHash...), nil
}

func appendNames(b []byte, signedHeaders []string) []byte {
	for i, name := range signedHeaders {
		if i > 0 {
			b = append(b, ';')
		}
		b = append(b, name...)
	}
	return b
}

func appendPath(b []byte, path string, form pathForm) ([]byte, bool) {
	if form == pathVerbatim {
		return appendRecoded(b, path, isPathByte, false)
	}
	start := len(b)
	for rest := path; rest != ""; {
		var segment string
		segment, rest, _ = strings.Cut(rest, "/")
		switch segment {
		case "", ".":
		case "..":
			b = b[:start+max(0, bytes.LastIndexByte(b[start:], '/'))]
		default:
			b = append(b, '/')
			for i := range len(segment) {
				b = appendEncoded(b, segment[i], isUnreserved)
			}
		}
	}
	// A slash at the end stays; the signers drop the one that a last "." or ".."
	// would leave behind under RFC 3986.
	if len(b) == start || strings.HasSuffix(path, "/") {
		b = append(b, '/')
	}
	return b, true
}

// appendQuery appends the parameters, each decoded and encoded anew, sorted by
// encoded name and then by encoded value. A plus sign is a space, as it is for
// whoever decodes the query afterwards: both must read the same. The parameter
// leftOut, if not "", is left out under whichever spelling.
func appendQuery(b []byte, query, leftOut string) ([]byte, bool) {
	if query == "" {
		return b, true
	}
	type pair struct{ name, value []byte }
	var fewPairs [16]pair
	var fewBytes [512]byte
	pairs, text := fewPairs[:0], fewBytes[:0]
	for query != "" {
		var parameter string
		parameter, query, _ = strings.Cut(query, "&")
		if parameter == "" {
			continue
		}
		name, value, _ := strings.Cut(parameter, "=")
		// When text grows into new memory, earlier pairs keep the old.
		from := len(text)
		var ok bool
		if text, ok = appendRecoded(text, name, isUnreserved, true); !ok {
			return b, false
		}
		middle := len(text)
		if leftOut != "" && string(text[from:]) == leftOut {
			text = text[:from]
			continue
		}
		if text, ok = appendRecoded(text, value, isUnreserved, true); !ok {
			return b, false
		}
		pairs = append(pairs, pair{text[from:middle:middle], text[middle:len(text):len(text)]})
	}
	slices.SortFunc(pairs, func(x, y pair) int {
		if c := bytes.Compare(x.name, y.name); c != 0 {
			return c
		}
		return bytes.Compare(x.value, y.value)
	})
	for i, p := range pairs {
		if i > 0 {
			b = append(b, '&')
		}
		b = append(b, p.name...)
		b = append(b, '=')
		b = append(b, p.value...)
	}
	return b, true
}

// appendHeader appends one line of the canonical headers: the name, then all
// values in wire order, joined by commas.
func appendHeader(b []byte, r *Request, name string) ([]byte, error) {
	b = append(b, name...)
	b = append(b, ':')
	ok := true
	switch name {
	case "host", ":authority":
		b, ok = appendValue(b, r.Host)
	case "content-length":
		if r.ContentLength < 0 {
			return b, mismatch(HeaderAbsent, name)
		}
		b = strconv.AppendInt(b, r.ContentLength, 10)
	default:
		var space [64]byte
		values := r.Header[string(appendCanonicalName(space[:0], name))]
		if len(values) == 0 {
			return b, mismatch(HeaderAbsent, name)
		}
		for i, value := range values {
			if i > 0 {
				b = append(b, ',')
			}
			var fine bool
			b, fine = appendValue(b, value)
			ok = ok && fine
		}
	}
	if !ok {
		return b, mismatch(RequestForm, "the header "+name+" has a line break")
	}
	return append(b, '\n'), nil
}

// appendCanonicalName writes a lower-case name as net/http's maps have it: the
// first letter and every letter after a hyphen in upper case.
func appendCanonicalName(b []byte, name string) []byte {
	upper := true
	for i := range len(name) {
		c := name[i]
		if upper && 'a' <= c && c <= 'z' {
			c -= 'a' - 'A'
		}
		b = append(b, c)
		upper = c == '-'
	}
	return b
}

// appendValue appends a header's value without the white space around it and
// with every run of spaces made one. A line break could pass for the next
// header, and is refused.
func appendValue(b []byte, value string) ([]byte, bool) {
	value = strings.Trim(value, " \t")
	for i := range len(value) {
		switch c := value[i]; {
		case c == '\n' || c == '\r':
			return b, false
		case c == ' ' && value[i-1] == ' ':
		default:
			b = append(b, c)
		}
	}
	return b, true
}

// appendRecoded decodes s and encodes it anew, so that every spelling of a byte
// becomes the one that signatures use.
func appendRecoded(b []byte, s string, keep func(byte) bool, plusIsSpace bool) ([]byte, bool) {
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '%':
			decoded, ok := hexByte(s[i+1:])
			if !ok {
				return b, false
			}
			c = decoded
			i += 2
		case c == '+' && plusIsSpace:
			c = ' '
		}
		b = appendEncoded(b, c, keep)
	}
	return b, true
}

func appendDecoded(b []byte, s string) ([]byte, bool) {
	return appendRecoded(b, s, func(byte) bool { return true }, true)
}

func appendEncoded(b []byte, c byte, keep func(byte) bool) []byte {
	if keep(c) {
		return append(b, c)
	}
	const digits = "0123456789ABCDEF"
	return append(b, '%', digits[c>>4], digits[c&15])
}

// isUnreserved reports whether c is never encoded (RFC 3986, section 2.3).
func isUnreserved(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
		c == '-' || c == '.' || c == '_' || c == '~'
}

func isPathByte(c byte) bool { return c == '/' || isUnreserved(c) }

// hexByte reads the two digits after a percent sign.
func hexByte(s string) (byte, bool) {
	if len(s) < 2 {
		return 0, false
	}
	high, ok := hexDigit(s[0])
	low, fine := hexDigit(s[1])
	return high<<4 | low, ok && fine
}

func hexDigit(c byte) (byte, bool) {
	switch {
	case '0' <= c && c <= '9':
		return c - '0', true
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10, true
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}
