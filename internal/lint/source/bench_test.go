package source_test

import (
	"bytes"
	"testing"

	"github.com/daypass/daypass/internal/lint/source"
)

// BenchmarkReadOneLine reads a plan as terraform show -json prints it: one line,
// however large the estate is.
func BenchmarkReadOneLine(b *testing.B) {
	var text bytes.Buffer
	text.WriteString(`{"format_version":"1.2","planned_values":{"root_module":{"resources":[{}`)
	for range 20_000 {
		text.WriteString(`,{"address":"aws_instance.a","type":"aws_instance","values":{"tags":["a","b"],"ok":true}}`)
	}
	text.WriteString(`]}}}`)
	b.SetBytes(int64(text.Len()))
	for b.Loop() {
		if _, err := source.Read(text.Bytes()); err != nil {
			b.Fatal(err)
		}
	}
}
