package s3request

import (
	"strings"
	"unicode/utf8"
)

// Field is one field of a form upload that stands before its file.
type Field struct{ Name, Value string }

// fileNameVariable stands in a form's key for the name of the file.
const fileNameVariable = "${filename}"

// formFields are the fields that are no headers of S3 (S3 API Reference, "POST
// Object", Form fields). Of Signature Version 2, which is not served, the names
// are known so that it is its own sentence that the client is told.
var formFields = []string{
	"key", "policy", "success_action_redirect", "redirect", "success_action_status", "cache-control", "content-type",
	"content-disposition", "content-encoding", "content-language", "expires", "awsaccesskeyid", "signature", "bucket",
}

// ReadForm reads the fields of a PostObject that stand before its file, and the
// name of the file, which a key may hold as ${filename}. Names of fields are
// compared without regard to case. Fields whose name begins with x-ignore- are
// left out of account. A field that is there twice, or that S3 does not have, is
// refused.
//
// It does not look at the policy of the form: that is for whoever verifies its
// signature, and must be done with the same fields.
func (op *Operation) ReadForm(fields []Field, fileName string) error {
	if op.row == nil || op.row.traits.Body != Form {
		return nil
	}
	op.read = false
	form := map[string]string{}
	for _, f := range fields {
		name := strings.ToLower(f.Name)
		switch _, twice := form[name]; {
		case strings.HasPrefix(name, "x-ignore-"):
			continue
		case twice:
			return invalidArgument(formTwice, f.Name, f.Value)
		case !contains(formFields, name) && name != "acl" && name != "tagging" && !strings.HasPrefix(name, headerPrefix):
			return invalidArgument("Unexpected form field", f.Name, f.Value)
		case !utf8.ValidString(f.Value):
			return invalidArgument("The value of a form field must be UTF-8", f.Name, "")
		}
		form[name] = f.Value
	}
	if bucket, ok := form["bucket"]; ok && bucket != op.Bucket {
		return invalidArgument("The form names another bucket", "bucket", bucket)
	}
	if err := op.setFormHeaders(form); err != nil {
		return err
	}
	if err := op.setFormKey(form["key"], fileName); err != nil {
		return err
	}
	op.read = true
	return nil
}

// setFormHeaders makes headers of fields: acl is x-amz-acl.
func (op *Operation) setFormHeaders(form map[string]string) error {
	if acl, ok := form["acl"]; ok {
		if _, twice := form["x-amz-acl"]; twice {
			return invalidArgument(formTwice, "acl", acl)
		}
		form["x-amz-acl"] = acl
	}
	for _, name := range sortedKeys(form) {
		if !strings.HasPrefix(name, headerPrefix) {
			continue
		}
		if contains(signatureParameters, name) {
			continue
		}
		if _, twice := op.headers[name]; twice || name == "x-amz-tagging" {
			return invalidArgument(formTwice, name, form[name])
		}
		op.headers[name] = form[name]
	}
	for _, check := range []func() error{op.checkHeaders, op.checkValues} {
		if err := check(); err != nil {
			return err
		}
	}
	tagging, ok := form["tagging"]
	if !ok {
		return nil
	}
	root, err := parseXML([]byte(tagging))
	if err != nil {
		return err
	}
	return op.readTagging(root)
}

// setFormKey replaces the variable by the last element of the file's name, as a
// browser may send its whole path.
func (op *Operation) setFormKey(key, fileName string) error {
	fileName = fileName[strings.LastIndexAny(fileName, `/\`)+1:]
	key = strings.ReplaceAll(key, fileNameVariable, fileName)
	switch {
	case key == "":
		return fail(400, "UserKeyMustBeSpecified", userKeyMessage)
	case !utf8.ValidString(key):
		return invalidArgument("The key must be UTF-8", "key", "")
	case len(key) > MaxKeyLength:
		return keyTooLong(len(key))
	}
	op.Key = key
	return nil
}
