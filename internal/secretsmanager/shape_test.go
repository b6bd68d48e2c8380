package secretsmanager_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	client "github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// shapes hold replies against the service's public model, read off the types of
// aws-sdk-go-v2, which are made from it: no member that the model lacks, values of
// their type. A real client passes over a member that it does not know.
type shapes struct {
	mu       sync.Mutex // guards what follows
	answered map[string]bool
	written  map[string]bool // each member that a reply could have, under its path
}

func newShapes() *shapes { return &shapes{answered: map[string]bool{}, written: map[string]bool{}} }

func (s *shapes) check(operation, body string) []string {
	method, ok := reflect.TypeFor[*client.Client]().MethodByName(operation)
	if !ok {
		return []string{"is no operation of the model"}
	}
	var value any
	if err := json.Unmarshal([]byte(body), &value); err != nil {
		return []string{err.Error()}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answered[operation] = true
	return s.value(operation, value, method.Type.Out(0).Elem())
}

func (s *shapes) value(path string, value any, of reflect.Type) (problems []string) {
	if of.Kind() == reflect.Pointer {
		of = of.Elem()
	}
	is := func(ok bool) []string {
		if ok {
			return nil
		}
		return []string{fmt.Sprintf("%s is %T %v, want a %v", path, value, value, of)}
	}
	switch v := value.(type) {
	case map[string]any:
		switch of.Kind() {
		case reflect.Struct:
			return s.structure(path, v, of)
		case reflect.Map:
			for _, member := range v {
				problems = append(problems, s.value(path+"/*", member, of.Elem())...)
			}
			return problems
		}
	case []any:
		if of.Kind() == reflect.Slice && of.Elem().Kind() != reflect.Uint8 {
			for _, member := range v {
				problems = append(problems, s.value(path, member, of.Elem())...)
			}
			return problems
		}
	case string:
		return is(of.Kind() == reflect.String || of == reflect.TypeFor[[]byte]())
	case float64: // times are numbers of seconds
		return is(of == reflect.TypeFor[time.Time]())
	case bool:
		return is(of.Kind() == reflect.Bool)
	}
	return is(false)
}

func (s *shapes) structure(path string, value map[string]any, of reflect.Type) (problems []string) {
	known := map[string]bool{}
	for _, field := range reflect.VisibleFields(of) {
		if !field.IsExported() || field.Name == "ResultMetadata" {
			continue
		}
		known[field.Name] = true
		at := path + "/" + field.Name
		member, has := value[field.Name]
		s.written[at] = s.written[at] || has
		if has {
			problems = append(problems, s.value(at, member, field.Type)...)
		}
	}
	for name := range value {
		if !known[name] {
			problems = append(problems, path+"/"+name+" is not in the model")
		}
	}
	return problems
}

// wantAll asks that every operation of the table answered, and with every member
// that it could have, but for those that never are there.
func (s *shapes) wantAll(t *testing.T, never func(path string) bool) {
	t.Helper()
	table, err := os.ReadFile(filepath.Join("testdata", "operations.golden"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(table)) {
		if name := strings.Split(line, "\t")[1]; s.answered[name] == never(name) {
			t.Errorf("%s: answered with success: %v", name, s.answered[name])
		}
	}
	for _, path := range slices.Sorted(maps.Keys(s.written)) {
		if s.written[path] == never(path) {
			t.Errorf("%s: written: %v", path, s.written[path])
		}
	}
}
