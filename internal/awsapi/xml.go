package awsapi

import (
	"strings"
	"time"
	"unicode/utf8"
)

// XML writes a reply in the form that STS and IAM use: no prolog, two spaces a
// level, one element a line, a newline at the end (recorded on AWS). The zero
// value is ready.
type XML struct {
	b     []byte
	stack []string
	// most bounds what is written, in bytes, 0 for no bound; full says that it was
	// reached, and that values are missing.
	most int
	full bool
}

// Result is what an operation answers; it writes the elements inside the
// operation's result element.
type Result interface {
	WriteXML(x *XML)
}

// Open begins an element that holds elements.
func (x *XML) Open(name string) {
	x.indent()
	x.b = append(x.b, '<')
	x.b = append(x.b, name...)
	x.b = append(x.b, '>', '\n')
	x.stack = append(x.stack, name)
}

// OpenNamespace is Open with a default namespace.
func (x *XML) OpenNamespace(name, namespace string) {
	x.indent()
	x.b = append(x.b, '<')
	x.b = append(x.b, name...)
	x.b = append(x.b, ` xmlns="`...)
	x.escape(namespace)
	x.b = append(x.b, '"', '>', '\n')
	x.stack = append(x.stack, name)
}

// Close ends the element that was opened last.
func (x *XML) Close() {
	if len(x.stack) == 0 {
		return
	}
	name := x.stack[len(x.stack)-1]
	x.stack = x.stack[:len(x.stack)-1]
	x.indent()
	x.b = append(x.b, '<', '/')
	x.b = append(x.b, name...)
	x.b = append(x.b, '>', '\n')
}

// Text writes an element that holds a value.
func (x *XML) Text(name, value string) {
	if x.full = x.full || x.most > 0 && len(x.b)+len(value) > x.most; x.full {
		return
	}
	x.indent()
	x.b = append(x.b, '<')
	x.b = append(x.b, name...)
	x.b = append(x.b, '>')
	x.escape(value)
	x.b = append(x.b, '<', '/')
	x.b = append(x.b, name...)
	x.b = append(x.b, '>', '\n')
}

// Bool writes true or false.
func (x *XML) Bool(name string, value bool) {
	if value {
		x.Text(name, "true")
		return
	}
	x.Text(name, "false")
}

// Time writes a time as AWS does: UTC, whole seconds, "Z".
func (x *XML) Time(name string, value time.Time) {
	x.Text(name, value.UTC().Format("2006-01-02T15:04:05Z"))
}

// Texts writes a list of values, each in its own member element.
func (x *XML) Texts(name string, values []string) {
	x.Open(name)
	for _, v := range values {
		x.Text("member", v)
	}
	x.Close()
}

// Bytes is what was written.
func (x *XML) Bytes() []byte { return x.b }

func (x *XML) indent() {
	for range x.stack {
		x.b = append(x.b, ' ', ' ')
	}
}

// escape writes text. What XML 1.0 cannot hold (§2.2, Char) becomes U+FFFD, so
// that no value makes a reply unreadable.
func (x *XML) escape(s string) {
	if !strings.ContainsFunc(s, special) {
		x.b = append(x.b, s...)
		return
	}
	for _, r := range s {
		switch {
		case r == '&':
			x.b = append(x.b, "&amp;"...)
		case r == '<':
			x.b = append(x.b, "&lt;"...)
		case r == '>':
			x.b = append(x.b, "&gt;"...)
		case r == '"':
			x.b = append(x.b, "&quot;"...)
		case r == '\r':
			x.b = append(x.b, "&#xD;"...)
		case !isXMLChar(r):
			x.b = utf8.AppendRune(x.b, utf8.RuneError)
		default:
			x.b = utf8.AppendRune(x.b, r)
		}
	}
}

func special(r rune) bool {
	return r == '&' || r == '<' || r == '>' || r == '"' || r == '\r' || r == utf8.RuneError || !isXMLChar(r)
}

func isXMLChar(r rune) bool {
	return r == '\t' || r == '\n' || r == '\r' || r >= 0x20 && r <= 0xD7FF || r >= 0xE000 && r <= 0xFFFD || r >= 0x10000 && r <= 0x10FFFF
}
