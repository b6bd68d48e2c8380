// Package strictyaml reads a YAML file that a person wrote for this program into a
// struct, and refuses what it does not understand: a key that the struct does not
// have, one that is given twice, one without a value, a second document. Errors
// name the line, in the words of who wrote the file.
package strictyaml

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v4"
)

// Read reads a text into a pointer to a struct. What the text does not say stays.
// A text of comments alone says nothing.
func Read(text []byte, into any) error {
	var documents []yaml.Node
	if err := yaml.Load(text, &documents, yaml.WithAllDocuments()); err != nil {
		return plain(err)
	}
	switch {
	case len(documents) == 0: // comments at most
		return nil
	case len(documents) > 1:
		return fmt.Errorf("line %d: a second document begins; one is read", documents[1].Line)
	}
	switch root := documents[0].Content; {
	case len(root) == 1 && root[0].Tag == "!!null" && root[0].Value == "":
		return nil
	case len(root) != 1 || root[0].Kind != yaml.MappingNode:
		return fmt.Errorf("line %d: the document must be a mapping: KEY: VALUE", documents[0].Line)
	}
	if err := refuseEmpty(&documents[0]); err != nil {
		return err
	}
	return plain(yaml.Load(text, into, yaml.WithKnownFields(), yaml.WithUniqueKeys()))
}

// Lines gives the line of each item of the list under a key of the document; none
// where there is no such list.
func Lines(text []byte, key string) []int {
	var document yaml.Node
	if yaml.Load(text, &document) != nil || len(document.Content) != 1 {
		return nil
	}
	root := document.Content[0]
	for i := 0; i+1 < len(root.Content); i += 2 {
		if root.Content[i].Value != key {
			continue
		}
		var lines []int
		for _, item := range root.Content[i+1].Content {
			lines = append(lines, item.Line)
		}
		return lines
	}
	return nil
}

// unknownKey is how the library says it, with the name of a Go type.
var unknownKey = regexp.MustCompile(`^field (.*) not found in type \S+$`)

// plain is what the library found in the words of who wrote the file.
func plain(err error) error {
	var list *yaml.LoadErrors
	if !errors.As(err, &list) {
		return err
	}
	var all []string
	for _, e := range list.Errors {
		text := unknownKey.ReplaceAllString(e.Message, "there is no key $1 here")
		all = append(all, fmt.Sprintf("line %d: %s", e.Mark.Line, text))
	}
	return errors.New(strings.Join(all, "; "))
}

// refuseEmpty refuses a key without a value. It would mean the default, and
// read as if it meant nothing.
func refuseEmpty(n *yaml.Node) error {
	for i, child := range n.Content {
		if child.Kind == yaml.ScalarNode && child.Tag == "!!null" {
			name := "a value"
			if n.Kind == yaml.MappingNode && i%2 == 1 {
				name = n.Content[i-1].Value
			}
			return fmt.Errorf("line %d: %s is empty; give it a value or leave it out", child.Line, name)
		}
		if err := refuseEmpty(child); err != nil {
			return err
		}
	}
	return nil
}
