package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/daypass/daypass/internal/awsrequest"
)

// TestUpstreamManual: docs/upstream.md lists exactly the services that can stand
// behind the gateway.
func TestUpstreamManual(t *testing.T) {
	t.Parallel()
	_, section, _ := strings.Cut(read(t, filepath.Join("..", "..", "docs", "upstream.md")), "\n## Which services\n\n")
	list, _, _ := strings.Cut(section, "\n")
	for _, name := range awsrequest.Names() {
		if !strings.Contains(list, "`"+name+"`") {
			t.Errorf("docs/upstream.md does not list %s", name)
		}
		list = strings.Replace(list, "`"+name+"`", "", 1)
	}
	if strings.Contains(list, "`") {
		t.Errorf("docs/upstream.md lists what there is not: %s", list)
	}
}
