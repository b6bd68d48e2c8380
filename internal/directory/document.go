package directory

import (
	"fmt"

	"github.com/daypass/daypass/internal/policy"

	"github.com/maypok86/otter/v2"
)

// A compiled policy takes some ten times the memory of its text, and of 100,000
// roles few are in use. So all documents are compiled when they come, to learn
// whether they can be read, and those that were used of late are kept compiled.
const (
	// maxCompiled is how much the documents that are kept compiled weigh, in
	// bytes, roughly.
	maxCompiled = 64 << 20
	// A compiled document weighs as much as this, and for each byte of its text
	// this much more.
	compiledWeight     = 512
	compiledWeightByte = 8
)

// documents keeps compiled what was used of late. It is safe for concurrent use.
type documents struct {
	compiled *otter.Cache[*document, *policy.Document]
}

func newDocuments() (*documents, error) {
	compiled, err := otter.New(&otter.Options[*document, *policy.Document]{
		MaximumWeight: maxCompiled,
		Weigher: func(d *document, _ *policy.Document) uint32 {
			return compiledWeight + compiledWeightByte*uint32(len(d.text))
		},
	})
	if err != nil {
		return nil, fmt.Errorf("directory: make the cache of compiled policies: %w", err)
	}
	return &documents{compiled}, nil
}

// document is a stored policy. It never changes.
type document struct {
	kind       policy.Kind
	text       string
	principals map[string]string // see policy.Document.Bind
	unreadable bool              // it denies
	kept       *policy.Document  // of an AWS managed policy, which stays compiled
	of         *documents
}

// compile gives the document's compiled form, nil for one that cannot be read.
// Two that ask at once may each compile; both get the same meaning.
func (d *document) compile() *policy.Document {
	if d == nil || d.unreadable {
		return nil
	}
	if d.kept != nil {
		return d.kept
	}
	if compiled, ok := d.of.compiled.GetIfPresent(d); ok {
		return compiled
	}
	compiled, err := policy.Parse(d.kind, d.text)
	if err != nil { // it was readable when it came, and has not changed
		return nil
	}
	compiled = compiled.Bind(d.principals)
	d.of.compiled.Set(d, compiled)
	return compiled
}

// reader compiles the documents of one record, and gathers what is wrong with it.
type reader struct {
	of       *documents
	problems problemList
}

func (r *reader) read(kind policy.Kind, text string, principals map[string]string, what string) *document {
	d := &document{kind: kind, text: text, principals: principals, of: r.of}
	if _, err := policy.Parse(kind, text); err != nil {
		r.problems = append(r.problems, fmt.Sprintf("%s cannot be read and denies: %v", what, err))
		d.unreadable = true
	}
	return d
}
