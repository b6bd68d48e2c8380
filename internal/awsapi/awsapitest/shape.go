package awsapitest

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Shapes hold a service's replies against its public model: no element that the
// model lacks, none twice, lists of <member>, maps of <entry>, values of their
// type, enumerated ones among those of the model. The model is read off
// aws-sdk-go-v2's types, which are generated from it. A real client passes over
// an element that it does not know, and a test with one sees nothing.
//
// Neither the order of elements nor which are required can be read there.
type Shapes struct {
	client    reflect.Type
	namespace string
	differing []Differing
	empty     []string

	mu       sync.Mutex // guards what follows
	answered map[string]bool
	differed map[string]bool
	written  map[string]bool // each member that a structure could have, under its path
}

// Differing is a value that AWS itself does not write as its model says.
type Differing struct {
	Element string         // its name, below that of as many others as are told: A/B
	Form    *regexp.Regexp // of what it writes
	Why     string
}

// ShapesOf are the shapes that an SDK's client, a *sts.Client say, expects.
func ShapesOf(client any, namespace string, differing ...Differing) *Shapes {
	return &Shapes{
		client: reflect.TypeOf(client), namespace: namespace, differing: differing,
		answered: map[string]bool{}, differed: map[string]bool{}, written: map[string]bool{},
	}
}

// WithEmptyResult names operations whose result has no members and is written all
// the same. The SDK's types do not tell them from those without a result; its
// clients fail where it is missing.
func (s *Shapes) WithEmptyResult(operations ...string) *Shapes {
	s.empty = append(s.empty, operations...)
	return s
}

// watch is a handler whose successful replies are checked on their way.
func (s *Shapes) watch(t testing.TB, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen := httptest.NewRecorder()
		h.ServeHTTP(seen, r)
		body := seen.Body.String()
		if seen.Code == http.StatusOK {
			for _, problem := range s.Check(body) {
				t.Error(problem)
			}
		}
		maps.Copy(w.Header(), seen.Header())
		w.WriteHeader(seen.Code)
		_, _ = w.Write([]byte(body)) // a client that went away is told nothing
	})
}

// WantAll asks that each operation of a golden file was answered with success,
// and so had its shape checked; that what is listed as differing did; and that
// replies had all members that the model has, but for those that lack for a
// reason. Under each reason stand their paths, A/member/B, or the names of
// operations that never answer with success.
func (s *Shapes) WantAll(t testing.TB, lacking map[string][]string, golden ...string) {
	t.Helper()
	want := operationsOf(t, golden)
	s.mu.Lock()
	defer s.mu.Unlock()
	known := map[string]bool{}
	for why, paths := range lacking {
		for _, path := range paths {
			known[path] = true
			if i := slices.Index(want, path); i >= 0 {
				want = slices.Delete(want, i, i+1)
				continue
			}
			if written, exists := s.written[path]; written || !exists {
				t.Errorf("%s does not lack, though it is said to: %s", path, why)
			}
		}
	}
	if got := slices.Sorted(maps.Keys(s.answered)); !slices.Equal(want, got) {
		t.Errorf("answered were %q, want %q", got, want)
	}
	for _, d := range s.differing {
		if !s.differed[d.Element] {
			t.Errorf("%s does not differ from the model, though it is said to: %s", d.Element, d.Why)
		}
	}
	for _, path := range slices.Sorted(maps.Keys(s.written)) {
		if !s.written[path] && !known[path] {
			t.Errorf("no reply had %s", path)
		}
	}
}

// operationsOf are those of a golden file (awsapi.Service.Describe).
func operationsOf(t testing.TB, golden []string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(golden...))
	must(t, err)
	var names []string
	for line := range strings.Lines(string(text)) {
		names = append(names, strings.Split(line, "\t")[1])
	}
	return names
}

// Check gives all ways in which a successful reply is not of its operation's shape.
func (s *Shapes) Check(body string) []string {
	root, err := ParseElement(body)
	if err != nil {
		return []string{err.Error()}
	}
	if root.Space != s.namespace {
		if _, ours := s.operation(root.Name); !ours {
			return nil // another service's
		}
		return []string{fmt.Sprintf("<%s> is in the namespace %q, not %q", root.Name, root.Space, s.namespace)}
	}
	output, ok := s.operation(root.Name)
	if !ok {
		return []string{"<" + root.Name + "> is the response of no operation"}
	}
	operation := strings.TrimSuffix(root.Name, "Response")
	s.mu.Lock()
	s.answered[operation] = true
	s.mu.Unlock()

	c := &checker{namespace: s.namespace, differs: s.differs, note: s.note}
	want := []string{"ResponseMetadata"}
	if len(members(output)) > 0 || slices.Contains(s.empty, operation) {
		want = []string{operation + "Result", "ResponseMetadata"}
	}
	var got []string
	for _, child := range root.Children {
		got = append(got, child.Name)
	}
	if !slices.Equal(want, got) {
		return []string{fmt.Sprintf("<%s> holds %q, want %q", root.Name, got, want)}
	}
	if result := root.Child(operation + "Result"); result != nil {
		c.value(result.Name, result, output)
	}
	c.value("ResponseMetadata", root.Child("ResponseMetadata"), reflect.TypeFor[struct{ RequestId *string }]())
	return c.problems
}

// differs says whether a value that the model does not allow is one that is known.
func (s *Shapes) differs(path, value string) bool {
	for _, d := range s.differing {
		if strings.HasSuffix("/"+path, "/"+d.Element) && d.Form.MatchString(value) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.differed[d.Element] = true
			return true
		}
	}
	return false
}

var index = regexp.MustCompile(`\[\d+\]`)

// note keeps whether a member was ever written.
func (s *Shapes) note(path string, written bool) {
	path = index.ReplaceAllString(path, "")
	s.mu.Lock()
	defer s.mu.Unlock()
	s.written[path] = s.written[path] || written
}

// operation finds the output of the operation that a root element names.
func (s *Shapes) operation(root string) (reflect.Type, bool) {
	name, ok := strings.CutSuffix(root, "Response")
	if !ok {
		return nil, false
	}
	method, ok := s.client.MethodByName(name)
	if !ok || method.Type.NumOut() != 2 {
		return nil, false
	}
	return method.Type.Out(0).Elem(), true
}

// Undecoded gives the inputs, of all operations of the service, that are of a
// kind which awsapi.Params does not decode: maps, unions, times, floats, blobs.
// Lists that are flattened or renamed, which it does not decode either, cannot be
// told here.
func (s *Shapes) Undecoded() []string {
	var found []string
	for i := range s.client.NumMethod() {
		method := s.client.Method(i)
		if method.Type.NumIn() > 2 && method.Type.In(2).Kind() == reflect.Pointer {
			found = undecoded(found, method.Name, method.Type.In(2).Elem(), nil)
		}
	}
	return found
}

func undecoded(found []string, path string, of reflect.Type, within []reflect.Type) []string {
	switch {
	case of.Kind() == reflect.Pointer:
		return undecoded(found, path, of.Elem(), within)
	case of.Kind() == reflect.Slice && of.Elem().Kind() != reflect.Uint8 && of.Elem().Kind() != reflect.Slice:
		return undecoded(found, path+"/member", of.Elem(), within)
	case of.Kind() == reflect.Struct && of != reflect.TypeFor[time.Time]():
		if slices.Contains(within, of) {
			return found
		}
		all := members(of)
		for _, name := range slices.Sorted(maps.Keys(all)) {
			found = undecoded(found, path+"/"+name, all[name], append(slices.Clip(within), of))
		}
		return found
	case of.Kind() == reflect.String, of.Kind() == reflect.Bool, of.Kind() == reflect.Int32:
		return found
	default:
		return append(found, path+" is a "+of.String())
	}
}

// members are the types of a structure's members under their names.
func members(structure reflect.Type) map[string]reflect.Type {
	all := map[string]reflect.Type{}
	for _, field := range reflect.VisibleFields(structure) {
		if field.IsExported() && field.Name != "ResultMetadata" && len(field.Index) == 1 {
			all[field.Name] = field.Type
		}
	}
	return all
}

var timestamp = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$`)

type checker struct {
	namespace string
	differs   func(path, value string) bool
	note      func(path string, written bool)
	problems  []string
}

func (c *checker) problem(path, format string, args ...any) {
	c.problems = append(c.problems, path+" "+fmt.Sprintf(format, args...))
}

// value checks an element that holds a value of a type.
func (c *checker) value(path string, e *Element, of reflect.Type) {
	if of.Kind() == reflect.Pointer {
		of = of.Elem()
	}
	if e.Space != c.namespace {
		c.problem(path, "is in the namespace %q", e.Space)
	}
	switch {
	case of == reflect.TypeFor[time.Time]():
		c.scalar(path, e, timestamp.MatchString(e.Text), "a time in UTC and whole seconds")
	case of.Kind() == reflect.Struct:
		c.structure(path, e, of)
	case of.Kind() == reflect.Slice:
		c.list(path, e, "member", func(path string, member *Element) { c.value(path, member, of.Elem()) })
	case of.Kind() == reflect.Map:
		c.list(path, e, "entry", func(path string, entry *Element) {
			if len(entry.Children) != 2 || entry.Child("key") == nil || entry.Child("value") == nil {
				c.problem(path, "is not a key and a value")
				return
			}
			c.value(path+"/key", entry.Child("key"), of.Key())
			c.value(path+"/value", entry.Child("value"), of.Elem())
		})
	case of.Kind() == reflect.Int32:
		_, err := strconv.ParseInt(e.Text, 10, 32)
		c.scalar(path, e, err == nil, "an integer")
	case of.Kind() == reflect.Bool:
		c.scalar(path, e, e.Text == "true" || e.Text == "false", "true or false")
	case of.Kind() == reflect.String:
		values := enumerated(of)
		c.scalar(path, e, values == nil || slices.Contains(values, e.Text), fmt.Sprintf("one of %q", values))
	default:
		c.problem(path, "is of a type that the check does not know: %v", of)
	}
}

func (c *checker) scalar(path string, e *Element, ok bool, want string) {
	if len(e.Children) > 0 {
		c.problem(path, "holds elements, want %s", want)
	} else if !ok && !c.differs(path, e.Text) {
		c.problem(path, "is %q, want %s", e.Text, want)
	}
}

func (c *checker) structure(path string, e *Element, of reflect.Type) {
	if e.Text != "" {
		c.problem(path, "holds the text %q, want elements", e.Text)
	}
	known, seen := members(of), map[string]bool{}
	for name := range known {
		c.note(path+"/"+name, e.Child(name) != nil)
	}
	for _, child := range e.Children {
		member, ok := known[child.Name]
		switch {
		case !ok:
			c.problem(path+"/"+child.Name, "is not in the model")
		case seen[child.Name]:
			c.problem(path+"/"+child.Name, "is there twice")
		default:
			c.value(path+"/"+child.Name, child, member)
		}
		seen[child.Name] = true
	}
}

func (c *checker) list(path string, e *Element, name string, element func(path string, e *Element)) {
	if e.Text != "" {
		c.problem(path, "holds the text %q, want elements", e.Text)
	}
	for i, child := range e.Children {
		at := fmt.Sprintf("%s/%s[%d]", path, name, i+1)
		if child.Name != name {
			c.problem(at, "is a <%s>", child.Name)
			continue
		}
		element(at, child)
	}
}

// enumerated are the values of an enumerated type, nil for any other.
func enumerated(of reflect.Type) []string {
	method := reflect.Zero(of).MethodByName("Values")
	if !method.IsValid() {
		return nil
	}
	values := []string{}
	list := method.Call(nil)[0]
	for i := range list.Len() {
		values = append(values, list.Index(i).String())
	}
	return values
}
