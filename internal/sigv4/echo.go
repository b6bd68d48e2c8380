package sigv4

// Echo is text for the client's reply and for nothing else: S3 repeats there
// what the client sent, the canonical request with its session token included.
// Formatted, marshalled or logged it is "[for the reply only]", and so it is as
// a field of whatever is; Reveal alone gives it. The zero Echo is empty.
type Echo struct {
	// A function shows nothing of itself where a field is printed without its
	// methods, as fmt does it with those that are not exported.
	reveal func() string
}

const echoWords = "[for the reply only]"

func echo(text string) Echo { return Echo{func() string { return text }} }

// Reveal gives the text. What is given to anyone but the client who sent the
// request may hold its session token.
func (e Echo) Reveal() string {
	if e.reveal == nil {
		return ""
	}
	return e.reveal()
}

// String does not give the text, whichever it is.
func (Echo) String() string { return echoWords }

// GoString is String, for the verb %#v.
func (Echo) GoString() string { return echoWords }

// MarshalText is String, for encodings and for log/slog.
func (Echo) MarshalText() ([]byte, error) { return []byte(echoWords), nil }
