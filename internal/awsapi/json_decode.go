package awsapi

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
)

// DecodeJSON reads the body of a request of the JSON dialect into a structure,
// whose fields are named as the members are, by their tag json where they have one.
// A field is a string, bool, int64, []byte (in base64), a structure, a list of
// those, a map[string]any, which takes whatever object there is, its numbers as
// json.Number, or a pointer, which is nil where the member is absent or null.
//
// A member of another type is a SerializationException, as at AWS. A member that
// the structure does not have is refused too, where AWS leaves it aside: what a
// newer client asks for would otherwise silently not be done.
func (c *Call) DecodeJSON(into any) error {
	object, err := readJSON(c.body)
	if err != nil {
		return err
	}
	at := reflect.ValueOf(into)
	if at.Kind() != reflect.Pointer || at.Elem().Kind() != reflect.Struct {
		return errors.New("awsapi: DecodeJSON reads into a pointer to a structure")
	}
	return decodeStruct(at.Elem(), object, "")
}

func decodeStruct(to reflect.Value, object map[string]any, path string) error {
	for name, value := range object {
		field, ok := fieldOf(to.Type(), name)
		if !ok {
			return Invalid(fmt.Sprintf("The member %.100q of the request is not known to Daypass; leave it out.", path+name)).
				Because("a member that is not understood is refused, since what it asks for would not be done")
		}
		if value == nil { // absent
			continue
		}
		if err := decodeValue(to.FieldByIndex(field.Index), value, path+name); err != nil {
			return err
		}
	}
	return nil
}

// fieldOf is the field of a member: that whose tag json names it or, without a tag,
// the one of its name.
func fieldOf(t reflect.Type, name string) (reflect.StructField, bool) {
	for i := range t.NumField() {
		field := t.Field(i)
		if tag, ok := field.Tag.Lookup("json"); ok && field.IsExported() && strings.Split(tag, ",")[0] == name {
			return field, true
		}
	}
	field, ok := t.FieldByName(name)
	return field, ok && field.IsExported() && field.Tag.Get("json") == ""
}

func decodeValue(to reflect.Value, value any, path string) error {
	switch {
	case to.Kind() == reflect.Pointer:
		to.Set(reflect.New(to.Type().Elem()))
		return decodeValue(to.Elem(), value, path)
	case to.Type() == reflect.TypeFor[[]byte]():
		text, ok := value.(string)
		if !ok {
			return wrongType(path, value, "a string in base64")
		}
		b, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return unserializable("The value of %s is not base64.", path)
		}
		to.SetBytes(b)
		return nil
	case to.Type() == reflect.TypeFor[map[string]any]():
		object, ok := value.(map[string]any)
		if !ok {
			return wrongType(path, value, "an object")
		}
		to.Set(reflect.ValueOf(object))
		return nil
	case to.Kind() == reflect.Slice:
		return decodeList(to, value, path)
	}
	switch v := value.(type) {
	case string:
		if to.Kind() == reflect.String {
			to.SetString(v)
			return nil
		}
	case bool:
		if to.Kind() == reflect.Bool {
			to.SetBool(v)
			return nil
		}
	case json.Number:
		if n, ok := jsonInteger(v); ok && to.Kind() == reflect.Int64 {
			to.SetInt(n)
			return nil
		}
	case map[string]any:
		if to.Kind() == reflect.Struct {
			return decodeStruct(to, v, path+".")
		}
	}
	return wrongType(path, value, kindWords[to.Kind()])
}

func decodeList(to reflect.Value, value any, path string) error {
	list, ok := value.([]any)
	if !ok {
		return wrongType(path, value, "a list")
	}
	to.Set(reflect.MakeSlice(to.Type(), len(list), len(list)))
	for i, member := range list {
		at := fmt.Sprintf("%s.%d", path, i+1)
		if member == nil {
			return Invalid("1 validation error detected: Value null at '" + at + "' failed to satisfy constraint: Member must not be null")
		}
		if err := decodeValue(to.Index(i), member, at); err != nil {
			return err
		}
	}
	return nil
}

var kindWords = map[reflect.Kind]string{
	reflect.String: "a string", reflect.Bool: "a boolean", reflect.Int64: "an integer", reflect.Struct: "an object",
}

// wrongType says of which type a member is and should be, and nothing of its value.
func wrongType(path string, value any, wanted string) *Fault {
	is := "an object"
	switch value.(type) {
	case string:
		is = "a string"
	case bool:
		is = "a boolean"
	case json.Number:
		is = "a number"
	case []any:
		is = "a list"
	}
	return unserializable("The value of %s is %s and should be %s.", path, is, wanted)
}
