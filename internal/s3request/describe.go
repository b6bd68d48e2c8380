package s3request

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// Describe writes the table, one operation a line: its name, the request, what
// it is about, its actions and when further ones are needed, and how a proxy
// handles it; or why it is not served. A golden file holds what it writes.
func Describe(w io.Writer) error {
	rows := slices.Clone(table)
	slices.SortFunc(rows, func(a, b row) int { return strings.Compare(a.name, b.name) })
	for i := range rows {
		r := &rows[i]
		if _, err := fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", r.name, r.request(), r.on, r.describeNeeds(), r.describeTraits()); err != nil {
			return err
		}
	}
	return nil
}

// request is the request line of an operation, for people.
func (r *row) request() string {
	path := map[Resource]string{Service: "/", Bucket: "/BUCKET", Object: "/BUCKET/KEY"}[r.on]
	var query []string
	if r.sub != "" {
		query = append(query, r.sub)
	}
	switch r.with {
	case "":
	case listParameter, selectParameter:
		query = append(query, r.with+"=2")
	default:
		query = append(query, r.with)
	}
	line := r.method + " " + path
	if len(query) > 0 {
		line += "?" + strings.Join(query, "&")
	}
	if r.copies {
		line += " with " + copySource
	}
	return line
}

func (r *row) describeNeeds() string {
	if r.refused != "" {
		return "not served: " + r.refused
	}
	var needs []string
	for _, action := range r.actions {
		needs = append(needs, describeAction(action))
	}
	if r.name == "DeleteObjects" {
		needs = append(needs, "for each object "+describeAction("s3:DeleteObject/s3:DeleteObjectVersion"))
	}
	for i := range r.extras {
		e := &r.extras[i]
		need := describeAction(e.action)
		switch {
		case e.source:
			need += " on the source"
		case e.action == passRole:
			need += " on the role"
		}
		if e.words != "the source" && e.action != passRole {
			need += " (" + e.words + ")"
		}
		if e.when != Always {
			need += " " + e.when.String()
		}
		needs = append(needs, need)
	}
	return strings.Join(needs, ", ")
}

func describeAction(action string) string {
	current, named, both := strings.Cut(action, "/")
	if both {
		return current + " or, of a version, " + named
	}
	return current
}

func (r *row) describeTraits() string {
	if r.refused != "" {
		return "-"
	}
	words := []string{"reads"}
	if r.traits.Writes {
		words[0] = "writes"
	}
	if r.traits.Body != NoBody {
		words = append(words, r.traits.Body.String())
	}
	if r.decides {
		words = append(words, "decides by it")
	}
	if r.traits.Idempotent {
		words = append(words, "idempotent")
	}
	return strings.Join(words, ", ")
}
