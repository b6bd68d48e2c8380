package awsapi_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/awsapi/awsapitest"
)

// suite is one operation of the Smithy project's tests of the Query protocol, as
// botocore has them.
type suite struct {
	Shapes map[string]shape
	Cases  []*protocolCase
}

// protocolCase is a request with what was asked for, or a response with what it says.
type protocolCase struct {
	ID    string
	Given struct {
		Name          string
		Input, Output reference
	}
	Params     map[string]any
	Serialized struct {
		URI, Body string
		Headers   map[string]string
	}
	Result    json.RawMessage
	ErrorCode string
	Error     map[string]any
	Response  struct {
		StatusCode int `json:"status_code"`
		Body       string
	}
}

type shape struct {
	Type               string
	Members            ordered
	Member, Key, Value reference
	XMLNamespace       any
	TimestampFormat    string
}

// reference is the use of a shape, which may name and form it otherwise.
type reference struct {
	Shape, LocationName string
	Flattened           bool
	XMLNamespace        any
}

// ordered is a JSON object that keeps the order of its members.
type ordered []struct {
	name string
	text json.RawMessage
}

func (o *ordered) UnmarshalJSON(text []byte) error {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(text, &members); err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(text))
	if _, err := d.Token(); err != nil {
		return err
	}
	for range members {
		name, err := d.Token()
		if err != nil {
			return err
		}
		var skipped json.RawMessage
		if err := d.Decode(&skipped); err != nil {
			return err
		}
		*o = append(*o, struct {
			name string
			text json.RawMessage
		}{name.(string), skipped})
	}
	return nil
}

// member is one of a structure's members.
type member struct {
	name, element string
	reference
}

func (s *shape) members(t *testing.T) []member {
	t.Helper()
	var all []member
	for _, m := range s.Members {
		r := member{name: m.name, element: m.name}
		if err := json.Unmarshal(m.text, &r.reference); err != nil {
			t.Fatal(err)
		}
		if r.LocationName != "" {
			r.element = r.LocationName
		}
		all = append(all, r)
	}
	return all
}

// errNoNotion is what awsapi has no notion of, because no operation of STS or
// IAM uses it.
var errNoNotion = errors.New("no notion")

func noNotion(of string) error { return fmt.Errorf("%w of %s", errNoNotion, of) }

// listed are the members and cases that are not as the tests have them. Each is
// known, with its reason, or a failure; and what is known and not met is one too.
type listed struct {
	reasons map[string]string
	met     map[string]bool
}

// has says whether there is a reason, and fails where there is none.
func (l *listed) has(t *testing.T, key string, problem any) {
	t.Helper()
	l.met[key] = true
	if l.reasons[key] == "" {
		t.Errorf("%s: %v", key, problem)
	}
}

func (l *listed) wantAllMet(t *testing.T) {
	t.Helper()
	for _, key := range slices.Sorted(maps.Keys(l.reasons)) {
		if !l.met[key] {
			t.Errorf("%s is listed, and as it should be: %s", key, l.reasons[key])
		}
	}
}

// newListed makes the list out of reasons with the keys that they hold for.
func newListed(reasons map[string][]string) *listed {
	l := &listed{reasons: map[string]string{}, met: map[string]bool{}}
	for reason, keys := range reasons {
		for _, key := range keys {
			l.reasons[key] = reason
		}
	}
	return l
}

// readSuites reads a file of the tests and gives a front door with an operation
// for each suite. Each is answered by what answer currently is.
func readSuites(t *testing.T, file string, answer *func(*awsapi.Call) (awsapi.Result, error)) ([]suite, http.Handler) {
	t.Helper()
	var suites []suite
	awsapitest.ReadSharedJSON(t, &suites, "vectors", "botocore", "tests", "unit", "protocols", file, "query.json")
	names := map[string]bool{}
	for _, s := range suites {
		for _, c := range s.Cases {
			names[c.Given.Name] = true
		}
	}
	if len(names) < 10 {
		t.Fatalf("%s tests %d operations", file, len(names))
	}
	var operations []awsapi.Operation
	for name := range names {
		operations = append(operations, awsapi.Public(name, func(c *awsapi.Call) (awsapi.Result, error) { return (*answer)(c) }))
	}
	s := awsapitest.Start(t, awsapitest.Options{Now: time.Now, Services: func(*awsapitest.Server) ([]*awsapi.Service, error) {
		service, err := awsapi.NewService(awsapi.Service{Name: "protocol", Version: protocolVersion, Namespace: "https://example.com/"}, operations...)
		return []*awsapi.Service{service}, err
	}})
	return suites, s.Handler
}

// protocolVersion is that of all suites' requests.
const protocolVersion = "2020-01-08"

// send gives a handler a form and returns the reply. There is no network, so
// that what the handler notes can be read here.
func send(t *testing.T, h http.Handler, target, body string, header map[string]string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, target, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for name, value := range header {
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}
