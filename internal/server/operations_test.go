package server

import (
	"bytes"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/goldentest"
)

var update = flag.Bool("update", false, "write docs/operations.md")

const operationsHead = `<!-- Made from the services' tables by a test of internal/server. Do not edit. -->

# Operations

Every operation that Daypass answers itself, and the permissions it asks for: all of them, each where what stands behind it in brackets is so. An operation that is not listed is refused by name. S3 has [a table of its own](s3-operations.md); what a gateway before other AWS services asks for is in [docs/upstream.md](upstream.md).

"public" is asked of nobody: who calls is not known, and what he brings (an ID token) is held against a trust policy.
`

// operationsManual writes docs/operations.md.
func operationsManual(services []*awsapi.Service) ([]byte, error) {
	var b, table bytes.Buffer
	b.WriteString(operationsHead)
	for _, s := range services {
		table.Reset()
		if err := s.Describe(&table); err != nil {
			return nil, err
		}
		fmt.Fprintf(&b, "\n## %s, version %s, in %s\n\n| Operation | Permissions |\n|---|---|\n", s.Name, s.Version, s.Dialect.Name)
		for line := range strings.Lines(table.String()) {
			fields := strings.Split(strings.TrimSpace(line), "\t")
			fmt.Fprintf(&b, "| %s | %s |\n", fields[1], strings.ReplaceAll(fields[3], "*", `\*`))
		}
	}
	return b.Bytes(), nil
}

// TestOperationsManual keeps docs/operations.md what a server answers.
func TestOperationsManual(t *testing.T) {
	t.Parallel()
	c := &Config{DataDir: t.TempDir(), Account: DefaultAccount, Now: time.Now, Random: rand.Reader, Stdout: io.Discard, Log: slog.New(slog.DiscardHandler)}
	d, err := openData(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if d.events, err = openEvents(c); err != nil {
		t.Fatal(err)
	}
	n, err := newNode(t.Context(), c, d, true)
	defer func() {
		if err := errors.Join(n.close(), d.events.Close(), d.store.Close()); err != nil {
			t.Error(err)
		}
	}()
	if err != nil {
		t.Fatal(err)
	}
	got, err := operationsManual(n.services)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("..", "..", "docs", "operations.md")
	goldentest.Compare(t, *update, path, got)
}
