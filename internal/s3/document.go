package s3

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strconv"
	"strings"
)

// node is one element of a document that a client sent. Documents that are kept
// or decided upon here are read so, because what is not understood in one is
// refused, and encoding/xml would leave it out.
type node struct {
	XMLName    xml.Name
	Attributes []xml.Attr `xml:",any,attr"`
	Text       string     `xml:",chardata"`
	Children   []*node    `xml:",any"`
}

// parseDocument reads a document with the given root. Comments are left out, as S3
// does: its own GetBucketLogging has one.
func parseDocument(body []byte, root string) (*node, error) {
	decoder := xml.NewDecoder(bytes.NewReader(bytes.TrimPrefix(body, []byte("\ufeff"))))
	var read *node
	for {
		token, err := decoder.Token()
		switch {
		case errors.Is(err, io.EOF) && read != nil:
			return read, read.check(root)
		case err != nil:
			return nil, malformedXML().because(err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			if read != nil {
				return nil, malformedXML()
			}
			read = &node{}
			if err := decoder.DecodeElement(read, &token); err != nil {
				return nil, malformedXML().because(err)
			}
		case xml.CharData:
			if len(bytes.TrimSpace(token)) > 0 {
				return nil, malformedXML()
			}
		case xml.Directive: // a document type could say what elements mean
			return nil, malformedXML()
		}
	}
}

// check asks for an element of this name, of S3's namespace or of none, without
// attributes, and with text or children.
func (n *node) check(name string) error {
	switch {
	case n.XMLName.Local != name, n.XMLName.Space != "" && n.XMLName.Space != namespace:
		return malformedXML().because(errors.New("there is " + strconv.Quote(n.XMLName.Local) + " in the place of " + name))
	case len(n.Children) > 0 && strings.TrimSpace(n.Text) != "":
		return malformedXML().because(errors.New("there is text beside the elements of " + name))
	}
	for _, a := range n.Attributes {
		if a.Name.Space != "xmlns" && a.Name.Local != "xmlns" && a.Name.Space != xsi {
			return malformedXML().because(errors.New("there is an attribute of " + name))
		}
	}
	return nil
}

// texts reads the children, each of which holds text alone: those of the names
// that are given as often as they are there. Any other is refused.
func (n *node) texts(into map[string]*[]string) error {
	if strings.TrimSpace(n.Text) != "" {
		return malformedXML().because(errors.New("there is text in " + n.XMLName.Local))
	}
	for _, child := range n.Children {
		list, known := into[child.XMLName.Local]
		if !known {
			return malformedXML().because(errors.New(n.XMLName.Local + " has no element " + strconv.Quote(child.XMLName.Local)))
		}
		if err := child.check(child.XMLName.Local); err != nil {
			return err
		}
		if len(child.Children) > 0 {
			return malformedXML().because(errors.New(child.XMLName.Local + " has elements"))
		}
		*list = append(*list, child.Text)
	}
	return nil
}

// one is the text of an element that may be there once, and whether it is.
func one(texts []string) (text string, there bool, err error) {
	switch len(texts) {
	case 0:
		return "", false, nil
	case 1:
		return texts[0], true, nil
	default:
		return "", false, malformedXML().because(errors.New("an element is there twice"))
	}
}

// xsdBoolean reads the four spellings of XML Schema's boolean.
func xsdBoolean(text string) (bool, error) {
	switch strings.TrimSpace(text) {
	case "true", "1":
		return true, nil
	case "false", "0":
		return false, nil
	default:
		return false, malformedXML().because(errors.New("an element is neither true nor false"))
	}
}
