package s3request

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"time"
	"unicode/utf8"
)

// Bounds of the bodies that are read here.
const (
	// MaxDocument is the length of a Document that ReadBody reads. A longer one
	// is refused by it; read one byte more than that to know.
	MaxDocument = 4 << 20
	// MaxDeletions is how many objects DeleteObjects may name (S3 API Reference,
	// DeleteObjects).
	MaxDeletions = 1000

	namespace     = "http://s3.amazonaws.com/doc/2006-03-01/"
	maxDepth      = 16
	maxObjectTags = 10
	maxBucketTags = 50
)

// Deletion is one object of a DeleteObjects request.
type Deletion struct {
	Key       string
	VersionID string // "" for none
	ETag      string // the object is deleted only if it has this; "" for any
}

// document is what permissions ask of a body.
type document struct {
	tags     []tag
	lock     map[string]string // by the ends of the names of x-amz-object-lock-*
	location string
	role     string
	fields   []string
}

type tag struct{ key, value string }

// ReadBody reads the body of an operation whose permissions depend on it
// (NeedsBody): the keys of DeleteObjects, the tags of PutObjectTagging, the
// region of CreateBucket. It must be the whole body, without the framing of
// aws-chunked. Of other operations it reads nothing.
//
// An element that is there twice where one is allowed, an element that the
// operation's page in the API Reference does not have, a comment or a document
// type is MalformedXML: servers differ in what they make of them.
func (op *Operation) ReadBody(body []byte) error {
	if op.row == nil || !op.row.decides || op.row.traits.Body == Form {
		return nil
	}
	op.read, op.Deletions, op.body = false, nil, document{}
	if op.row.name == "CreateBucket" && len(bytes.TrimSpace(body)) == 0 {
		op.read = true
		return nil
	}
	root, err := parseXML(body)
	if err != nil {
		return err
	}
	if err := readers[op.row.name](op, root); err != nil {
		return err
	}
	op.read = true
	return nil
}

// readers read the document of each operation that decides by it.
var readers = map[string]func(*Operation, *element) error{
	"CreateBucket":                    (*Operation).readCreateBucket,
	"DeleteObjects":                   (*Operation).readDelete,
	"PutObjectTagging":                (*Operation).readTagging,
	"PutObjectRetention":              (*Operation).readRetention,
	"PutObjectLegalHold":              (*Operation).readLegalHold,
	"PutBucketReplication":            (*Operation).readReplication,
	"PutBucketInventoryConfiguration": (*Operation).readInventory,
	"RestoreObject":                   (*Operation).readRestore,
}

// element is one element of an XML document.
type element struct {
	name     string
	text     string // empty where there are children
	children []*element
}

// parseXML reads a whole document.
func parseXML(body []byte) (*element, error) {
	switch {
	case len(body) == 0:
		return nil, fail(400, "MissingRequestBodyError", noBodyMessage)
	case len(body) > MaxDocument:
		return nil, fail(400, "MaxMessageLengthExceeded", tooBigMessage, Element{"MaxMessageLengthBytes", "4194304"})
	}
	decoder := xml.NewDecoder(bytes.NewReader(bytes.TrimPrefix(body, []byte("\ufeff"))))
	document := &element{}
	open := []*element{document}
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) && len(open) == 1 && len(document.children) == 1 {
			return document.children[0], nil
		}
		if err != nil {
			return nil, malformedXML()
		}
		parent := open[len(open)-1]
		switch token := token.(type) {
		case xml.StartElement:
			child := &element{name: token.Name.Local}
			if token.Name.Space != "" && token.Name.Space != namespace || len(open) > maxDepth || strings.TrimSpace(parent.text) != "" || parent == document && len(document.children) > 0 {
				return nil, malformedXML()
			}
			parent.text, parent.children = "", append(parent.children, child)
			open = append(open, child)
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			space := len(bytes.TrimSpace(token)) == 0
			if !space && (parent == document || len(parent.children) > 0) {
				return nil, malformedXML()
			}
			if len(parent.children) == 0 && parent != document {
				parent.text += string(token)
			}
		case xml.ProcInst:
			if token.Target != "xml" {
				return nil, malformedXML()
			}
		case xml.Directive, xml.Comment:
			return nil, malformedXML()
		}
	}
}

// one reads the texts of children that may be there once. Another child is
// refused unless its name is among others.
func (e *element) one(name string, texts map[string]*string, others ...string) error {
	if e.name != name {
		return malformedXML()
	}
	seen := map[string]bool{}
	for _, child := range e.children {
		text, known := texts[child.name]
		switch {
		case known && (seen[child.name] || len(child.children) > 0):
			return malformedXML()
		case known:
			seen[child.name] = true
			*text = child.text
		case !contains(others, child.name):
			return malformedXML()
		}
	}
	return nil
}

func contains(list []string, name string) bool {
	for _, s := range list {
		if s == name {
			return true
		}
	}
	return false
}

// all are the children of one name.
func (e *element) all(name string) []*element {
	var found []*element
	for _, child := range e.children {
		if child.name == name {
			found = append(found, child)
		}
	}
	return found
}

func (op *Operation) readDelete(root *element) error {
	var quiet string
	if err := root.one("Delete", map[string]*string{"Quiet": &quiet}, "Object"); err != nil {
		return err
	}
	objects := root.all("Object")
	if len(objects) == 0 || len(objects) > MaxDeletions {
		return malformedXML()
	}
	for _, object := range objects {
		var d Deletion
		var modified, size string
		if err := object.one("Object", map[string]*string{
			"Key": &d.Key, "VersionId": &d.VersionID, "ETag": &d.ETag, "LastModifiedTime": &modified, "Size": &size,
		}); err != nil {
			return err
		}
		switch {
		case d.Key == "":
			return fail(400, "UserKeyMustBeSpecified", userKeyMessage)
		case len(d.Key) > MaxKeyLength:
			return keyTooLong(len(d.Key))
		case d.VersionID == "" && len(object.all("VersionId")) > 0:
			return invalidArgument(emptyVersion, versionParameter, "")
		}
		op.Deletions = append(op.Deletions, d)
	}
	return nil
}

func (op *Operation) readCreateBucket(root *element) error {
	if err := root.one("CreateBucketConfiguration", map[string]*string{"LocationConstraint": &op.body.location}, "Tags", "Location", "Bucket"); err != nil {
		return err
	}
	for _, name := range []string{"Location", "Bucket"} {
		if len(root.all(name)) > 0 {
			return notImplemented("directory buckets (" + ofExpress + ")")
		}
	}
	sets := root.all("Tags")
	if len(sets) > 1 {
		return malformedXML()
	}
	for _, set := range sets {
		return op.readTags(set, maxBucketTags)
	}
	return nil
}

func (op *Operation) readTagging(root *element) error {
	sets := root.all("TagSet")
	if root.name != "Tagging" || len(sets) != 1 || len(root.children) != 1 {
		return malformedXML()
	}
	return op.readTags(sets[0], maxObjectTags)
}

// readTags reads Tag elements (S3 User Guide, "Categorizing your objects using
// tags": at most 10, keys of 128 and values of 256 characters, keys unique).
func (op *Operation) readTags(set *element, most int) error {
	op.body.tags = nil
	for _, child := range set.children {
		var t tag
		if err := child.one("Tag", map[string]*string{"Key": &t.key, "Value": &t.value}); err != nil {
			return err
		}
		op.body.tags = append(op.body.tags, t)
	}
	return checkTags(op.body.tags, most)
}

// checkTags refuses keys that are one but for their case as well, which S3 takes:
// names of condition keys have no case, so that of two only one could decide.
func checkTags(tags []tag, most int) error {
	seen := map[string]bool{}
	for _, t := range tags {
		folded := strings.ToLower(t.key)
		switch {
		case t.key == "" || utf8.RuneCountInString(t.key) > 128:
			return fail(400, "InvalidTag", tagKeyMessage, Element{"TagKey", t.key})
		case utf8.RuneCountInString(t.value) > 256:
			return fail(400, "InvalidTag", tagValueMessage, Element{"TagKey", t.key}, Element{"TagValue", t.value})
		case seen[folded]:
			return fail(400, "InvalidTag", tagTwiceMessage, Element{"TagKey", t.key})
		}
		seen[folded] = true
	}
	if len(tags) > most {
		return fail(400, "BadRequest", tagCountMessage)
	}
	return nil
}

// readTaggingHeader reads x-amz-tagging: the tags of a new object as the
// parameters of a query.
func (op *Operation) readTaggingHeader(value string) error {
	const name = "x-amz-tagging"
	op.body.tags = nil
	for part := range strings.SplitSeq(value, "&") {
		if part == "" {
			continue
		}
		key, text, _ := strings.Cut(part, "=")
		key, ok1 := unescape(key, true)
		text, ok2 := unescape(text, true)
		if !ok1 || !ok2 {
			return invalidArgument(taggingMessage, name, value)
		}
		op.body.tags = append(op.body.tags, tag{key, text})
	}
	seen := map[string]bool{}
	for _, t := range op.body.tags {
		if seen[t.key] {
			return invalidArgument(taggingMessage, name, value)
		}
		seen[t.key] = true
	}
	return checkTags(op.body.tags, maxObjectTags)
}

func (op *Operation) readRetention(root *element) error {
	var mode, until, hold, days, years string
	if err := root.one("Retention", map[string]*string{
		"Mode": &mode, "RetainUntilDate": &until, "EventHold": &hold,
	}, "EventHoldDuration"); err != nil {
		return err
	}
	durations := root.all("EventHoldDuration")
	if len(durations) > 1 {
		return malformedXML()
	}
	for _, duration := range durations {
		if err := duration.one("EventHoldDuration", map[string]*string{"Days": &days, "Years": &years}); err != nil {
			return err
		}
	}
	op.body.lock = map[string]string{}
	for name, value := range map[string]string{"mode": mode, "retain-until-date": until, "event-hold": hold, "event-hold-duration-days": days} {
		if value != "" {
			op.body.lock[name] = value
		}
	}
	switch {
	case years != "":
		return notImplemented("event holds in years")
	case mode != "" && mode != "GOVERNANCE" && mode != "COMPLIANCE", (mode == "") != (until == ""), until != "" && !isDate(until):
		return malformedXML()
	}
	return nil
}

func (op *Operation) readLegalHold(root *element) error {
	var status string
	if err := root.one("LegalHold", map[string]*string{"Status": &status}); err != nil {
		return err
	}
	if status != "ON" && status != "OFF" {
		return malformedXML()
	}
	op.body.lock = map[string]string{"legal-hold": status}
	return nil
}

// isDate is ISO 8601 as S3 takes it.
func isDate(s string) bool {
	_, err := time.Parse(time.RFC3339, s)
	return err == nil
}

func (op *Operation) readReplication(root *element) error {
	err := root.one("ReplicationConfiguration", map[string]*string{"Role": &op.body.role}, "Rule")
	if err == nil && op.body.role == "" {
		return malformedXML()
	}
	return err
}

func (op *Operation) readInventory(root *element) error {
	optional := root.all("OptionalFields")
	if root.name != "InventoryConfiguration" || len(optional) > 1 {
		return malformedXML()
	}
	for _, list := range optional {
		for _, field := range list.children {
			if field.name != "Field" || len(field.children) > 0 {
				return malformedXML()
			}
			op.body.fields = append(op.body.fields, field.text)
		}
	}
	return nil
}

// readRestore refuses a restore that selects: it writes its result to a bucket,
// with permissions of its own, and S3 gives it to no new customer.
func (op *Operation) readRestore(root *element) error {
	var days, tier, description string
	err := root.one("RestoreRequest", map[string]*string{"Days": &days, "Tier": &tier, "Description": &description},
		"GlacierJobParameters", "Type", "SelectParameters", "OutputLocation")
	if err != nil {
		return err
	}
	for _, name := range []string{"Type", "SelectParameters", "OutputLocation"} {
		if len(root.all(name)) > 0 {
			return notImplemented("RestoreObject with " + name)
		}
	}
	return nil
}
