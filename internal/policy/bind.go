package policy

import (
	"slices"
	"strings"

	"github.com/daypass/daypass/internal/arn"
)

// Entities lists the users and roles that the document names as principals, by
// their ARNs and unique ids as written, each once. IAM keeps such principals by
// their unique ids; see Bind.
func (d *Document) Entities() []string {
	var named []string
	for _, at := range d.entities() {
		if !slices.Contains(named, at.text) {
			named = append(named, at.text)
		}
	}
	return named
}

// Accounts lists the accounts that the document names as principals, by their
// numbers or the ARNs of their roots as written, each once.
func (d *Document) Accounts() []string {
	if d == nil {
		return nil
	}
	var named []string
	for i := range d.statements {
		if e := d.statements[i].principal; e != nil {
			for _, written := range e.delegated {
				if !slices.Contains(named, written) {
					named = append(named, written)
				}
			}
		}
	}
	return named
}

// Bind gives the document with users and roles known by their unique ids in
// place of the ARNs that it names them by: who was deleted and made again under
// the same name is somebody else (IAM User Guide, "AWS JSON policy elements:
// Principal"). ids gives the id for an ARN as written; the id "" is nobody's, and
// an ARN that is not in ids stays as it is. The text stays, and so does what
// reasons show. A document that was not read is returned as it is.
func (d *Document) Bind(ids map[string]string) *Document {
	if d == nil || len(ids) == 0 || len(d.entities()) == 0 {
		return d
	}
	bound := *d
	bound.statements = slices.Clone(d.statements)
	for i := range bound.statements {
		if e := bound.statements[i].principal; e != nil && len(e.entities) > 0 {
			bound.statements[i].principal = e.bind(ids)
		}
	}
	return &bound
}

func (e *principalElement) bind(ids map[string]string) *principalElement {
	bound := *e
	bound.arns, bound.ids = nil, slices.Clone(e.ids)
	for _, name := range e.arns {
		id, known := ids[name]
		switch {
		case !known:
			bound.arns = append(bound.arns, name)
		case id != "":
			bound.ids = append(bound.ids, id)
		}
	}
	return &bound
}

// Rename gives the document's text with other names in place of those by which
// it names users and roles; all else stays byte for byte. rename is asked about
// each ARN and unique id as written.
func (d *Document) Rename(rename func(written string) string) string {
	entities := d.entities()
	if len(entities) == 0 {
		return d.String()
	}
	var text strings.Builder
	from := 0
	for _, at := range entities {
		name := rename(at.text)
		if name == at.text {
			continue
		}
		text.WriteString(d.text[from:at.offset])
		text.WriteString(`"` + name + `"`)
		from = at.offset + stringLength(d.text[at.offset:])
	}
	text.WriteString(d.text[from:])
	return text.String()
}

// entities are the names of users and roles in order of their places.
func (d *Document) entities() []stringAt {
	if d == nil {
		return nil
	}
	var all []stringAt
	for i := range d.statements {
		if e := d.statements[i].principal; e != nil {
			all = append(all, e.entities...)
		}
	}
	return all
}

// stringLength is how many bytes the JSON string takes with which text begins.
func stringLength(text string) int {
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(text)
}

// isEntity takes what names a user or a role: its unique id, or its ARN. Sessions
// and federated users have no unique id of their own.
func isEntity(name string) bool {
	a, err := arn.Parse(name)
	return isUniqueID(name) || err == nil && a.Service == "iam" && a.Resource != "root"
}
