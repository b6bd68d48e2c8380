package policy

// Context holds the condition keys of one request. A key has one value, or is
// multivalued; which of the two it is belongs to the key, not to how many
// values it has today (IAM User Guide, "Single-valued vs. multivalued context
// keys"). Names of keys are compared without regard to the case of ASCII
// letters.
//
// The zero Context is empty and ready. It is meant for some twenty keys and
// searched from the first to the last. After Reset its memory is used again. It
// is not safe for concurrent use.
type Context struct {
	keys []contextKey
}

// contextKey is the key scope:name, or just name when scope is empty. A scope
// is kept apart so that the keys of an identity provider need not be joined for
// each request.
type contextKey struct {
	scope, name string
	multi       bool
	one         [1]string
	many        []string
}

// Set gives a single-valued key its value. An empty value is a value: the key
// is present. It replaces what the key had.
func (c *Context) Set(key, value string) { c.SetIn("", key, value) }

// SetMulti gives a multivalued key its values; they are copied. With no values
// the key is present and empty.
func (c *Context) SetMulti(key string, values []string) { c.SetMultiIn("", key, values) }

// SetIn is Set(provider+":"+name, value) without the joining. Provider is the
// URL of an identity provider without its scheme.
func (c *Context) SetIn(provider, name, value string) {
	k := c.slot(provider, name)
	k.multi, k.one[0] = false, value
}

// SetMultiIn is SetMulti(provider+":"+name, values) without the joining.
func (c *Context) SetMultiIn(provider, name string, values []string) {
	k := c.slot(provider, name)
	k.multi, k.many = true, append(k.many[:0], values...)
}

// Get returns the values of a key, whether it is multivalued, and whether it is
// present at all. The values may be read until the Context is next changed.
func (c *Context) Get(key string) (values []string, multi, present bool) {
	if c == nil {
		return nil, false, false
	}
	for i := range c.keys {
		k := &c.keys[i]
		if !k.is(key) {
			continue
		}
		if k.multi {
			return k.many, true, true
		}
		return k.one[:], false, true
	}
	return nil, false, false
}

// Keys lists the names of the keys that are present, in the order in which
// they were first set.
func (c *Context) Keys() []string {
	if c == nil {
		return nil
	}
	names := make([]string, len(c.keys))
	for i := range c.keys {
		names[i] = c.keys[i].fullName()
	}
	return names
}

// Reset forgets all keys and keeps the memory.
func (c *Context) Reset() { c.keys = c.keys[:0] }

// slot finds the key or makes room for it.
func (c *Context) slot(scope, name string) *contextKey {
	wanted := contextKey{scope: scope, name: name}
	for i := range c.keys {
		if c.keys[i].equal(&wanted) {
			return &c.keys[i]
		}
	}
	if n := len(c.keys); n < cap(c.keys) {
		c.keys = c.keys[:n+1] // an entry of before Reset, whose list is used again
	} else {
		c.keys = append(c.keys, contextKey{})
	}
	k := &c.keys[len(c.keys)-1]
	k.scope, k.name = scope, name
	return k
}

func (k *contextKey) fullName() string {
	if k.scope == "" {
		return k.name
	}
	return k.scope + ":" + k.name
}

// len and at read the full name without building it.
func (k *contextKey) len() int {
	if k.scope == "" {
		return len(k.name)
	}
	return len(k.scope) + 1 + len(k.name)
}

func (k *contextKey) at(i int) byte {
	n := len(k.scope)
	switch {
	case n == 0:
		return k.name[i]
	case i < n:
		return k.scope[i]
	case i == n:
		return ':'
	default:
		return k.name[i-n-1]
	}
}

func (k *contextKey) is(key string) bool {
	if k.len() != len(key) {
		return false
	}
	if k.scope == "" {
		return equalASCIIFold(k.name, key)
	}
	n := len(k.scope)
	return key[n] == ':' && equalASCIIFold(k.name, key[n+1:]) && equalASCIIFold(k.scope, key[:n])
}

// equal compares whole names, so that one key is one key however it was split.
func (k *contextKey) equal(other *contextKey) bool {
	if k.len() != other.len() {
		return false
	}
	for i := range k.len() {
		if lowerASCII(k.at(i)) != lowerASCII(other.at(i)) {
			return false
		}
	}
	return true
}

// SameKey reports whether two names are of one condition key.
func SameKey(a, b string) bool { return equalASCIIFold(a, b) }

// equalASCIIFold compares without regard to the case of ASCII letters.
func equalASCIIFold(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if lowerASCII(a[i]) != lowerASCII(b[i]) {
			return false
		}
	}
	return true
}

func lowerASCII(b byte) byte {
	if 'A' <= b && b <= 'Z' {
		return b + 'a' - 'A'
	}
	return b
}
