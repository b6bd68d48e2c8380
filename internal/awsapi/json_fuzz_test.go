package awsapi

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// FuzzJSON reads bodies of the JSON dialect: what is taken is JSON, comes back as
// it was written, and is decoded or refused, whatever it holds.
func FuzzJSON(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"Text":"a","Flag":true,"Number":7,"Bytes":"aGk=","Lines":["x"],"Tags":[{"Key":"k"}]}`, `{"Number":1e400}`, `{"Number":-0}`,
		`[[]]`, `{"a":{"b":[null,{}]}}`, `{"a":1,"a":2}`, `{"Text":"\ud83d\ude00 \ufffd"}`, `{"Text":"\ud83d"}`, "{\"Text\":\"\xff\"}", `{"a":1}x`, `{`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		object, err := readJSON(body)
		if err != nil {
			return
		}
		if !json.Valid(body) {
			t.Fatalf("%q was taken for JSON", body)
		}
		written, err := marshalJSON(object)
		if err != nil {
			t.Fatal(err)
		}
		again, err := readJSON(written)
		if err != nil {
			t.Fatalf("%q became %q: %v", body, written, err)
		}
		if diff := cmp.Diff(object, again); diff != "" {
			t.Fatalf("%q became %q: %s", body, written, diff)
		}
		var into struct {
			Text   string
			Maybe  *string
			Flag   *bool
			Number *int64
			Bytes  []byte
			Lines  []string
			Tags   []struct{ Key, Value string }
		}
		c := &Call{body: body}
		if err := c.DecodeJSON(&into); err == nil && into.Text != "" && into.Text != object["Text"] {
			t.Fatalf("Text is %q, and %q was sent", into.Text, object["Text"])
		}
	})
}
