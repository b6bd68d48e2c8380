package awsapitest

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var recordedDir = []string{"vectors", "botocore", "tests", "unit", "response_parsing", "xml", "responses"}

// RecordedBody is a reply that botocore's tests parse, most of them out of AWS's
// API Reference of 2012, with what botocore makes of it.
type RecordedBody struct {
	Body *Element
	name string
}

// Parse reads what botocore makes of the body.
func (r RecordedBody) Parse(t testing.TB, into any) {
	t.Helper()
	ReadSharedJSON(t, into, append(slices.Clone(recordedDir), r.name+".json")...)
}

// RecordedBodies gives each recorded body of a service to the test that there is
// for its operation. An operation that a golden file has and that has no test
// is an error, and so is a test for no body.
func RecordedBodies(t *testing.T, service string, tests map[string]func(*testing.T, RecordedBody), golden ...string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(Shared(t, recordedDir...), service+"-*.xml"))
	must(t, err)
	served, tested := operationsOf(t, golden), 0
	for _, file := range files {
		r := RecordedBody{name: strings.TrimSuffix(filepath.Base(file), ".xml")}
		r.Body = MustElement(t, ReadShared(t, append(slices.Clone(recordedDir), r.name+".xml")...))
		operation := strings.TrimSuffix(r.Body.Name, "Response")
		test, ok := tests[operation]
		if serves := slices.Contains(served, operation); serves != ok {
			t.Errorf("%s is served: %t; it has a test: %t", operation, serves, ok)
		}
		if ok {
			tested++
			t.Run(operation, func(t *testing.T) { test(t, r) })
		}
	}
	if tested != len(tests) {
		t.Errorf("%d tests, and recorded bodies for %d", len(tests), tested)
	}
}
