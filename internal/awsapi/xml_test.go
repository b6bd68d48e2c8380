package awsapi_test

import (
	"encoding/xml"
	"io"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/daypass/daypass/internal/awsapi"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// The form is as recorded on AWS STS: no prolog, two spaces, newline at the end.
func TestXMLForm(t *testing.T) {
	t.Parallel()
	var x awsapi.XML
	x.OpenNamespace("R", "https://example.com/doc/")
	x.Open("Result")
	x.Text("Name", "a<b>&\"c\"\r\n")
	x.Bool("IsTruncated", false)
	x.Time("CreateDate", time.Date(2026, 11, 21, 5, 26, 39, 999, time.FixedZone("CET", 3600)))
	x.Texts("List", []string{"1", "2"})
	x.Texts("Empty", nil)
	x.Close()
	x.Close()
	x.Close() // one too many does nothing
	want := `<R xmlns="https://example.com/doc/">
  <Result>
    <Name>a&lt;b&gt;&amp;&quot;c&quot;&#xD;
</Name>
    <IsTruncated>false</IsTruncated>
    <CreateDate>2026-11-21T04:26:39Z</CreateDate>
    <List>
      <member>1</member>
      <member>2</member>
    </List>
    <Empty>
    </Empty>
  </Result>
</R>
`
	if diff := cmp.Diff(want, string(x.Bytes())); diff != "" {
		t.Error(diff)
	}
}

// Any text goes through a reply and comes back, save what XML cannot hold,
// which comes back as U+FFFD.
func TestXMLRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.OneOf(rapid.String(), rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) })).Draw(t, "value")
		var x awsapi.XML
		x.Open("R")
		x.Text("V", value)
		x.Close()
		var got struct{ V string }
		d := xml.NewDecoder(strings.NewReader(string(x.Bytes())))
		if err := d.Decode(&got); err != nil {
			t.Fatalf("%q does not decode: %v", x.Bytes(), err)
		}
		if _, err := d.Token(); err != io.EOF {
			if tok, ok := err.(*xml.SyntaxError); ok {
				t.Fatalf("after the reply: %v", tok)
			}
		}
		want := strings.Map(func(r rune) rune {
			if r == '\t' || r == '\n' || r == '\r' || r >= 0x20 && r <= 0xD7FF || r >= 0xE000 && r <= 0xFFFD || r >= 0x10000 {
				return r
			}
			return utf8.RuneError
		}, value)
		if got.V != want {
			t.Fatalf("wrote %q, read %q, want %q", value, got.V, want)
		}
	})
}
