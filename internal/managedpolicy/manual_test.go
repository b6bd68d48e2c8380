package managedpolicy_test

import (
	"bytes"
	"flag"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/daypass/daypass/internal/goldentest"
	"github.com/daypass/daypass/internal/managedpolicy"
)

var update = flag.Bool("update", false, "write docs/managed-policies.md")

// TestManual makes docs/managed-policies.md of All, and compares. So a change
// of an id shows, too: those that are derived must stay.
func TestManual(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	b.WriteString("<!-- Made from internal/managedpolicy by its test. Do not edit. -->\n\n# AWS managed policies\n\n" +
		"The policies under `arn:aws:iam::aws:policy` that Daypass has. Their documents are written for Daypass, to the meaning that the AWS Managed Policy Reference gives them; " +
		"they never allow more than AWS's, and may allow less (see [Where Daypass differs from AWS](aws-divergences.md)). They lie in `internal/managedpolicy/documents`.\n\n" +
		"| Path and name | What it is for | Id | Version |\n|---|---|---|---|\n")
	for _, p := range managedpolicy.All() {
		fmt.Fprintf(&b, "| `%s%s` | %s | `%s` | `%s` |\n", p.Path, p.Name, p.Description, p.ID, p.DefaultVersion)
	}
	path := filepath.Join("..", "..", "docs", "managed-policies.md")
	goldentest.Compare(t, *update, path, b.Bytes())
}
