package policy_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/daypass/daypass/internal/policy"
)

// The corpus is testdata/corpus: one file for each theme, written from AWS's
// pages and from published captures of AWS, not from what this package answers.
// Each case names its source. Where a case fails, the source decides who is
// wrong.

// corpusFile is one file. A member that is not here is refused.
type corpusFile struct {
	Theme string       `json:"theme"`
	Cases []corpusCase `json:"cases"`
}

type corpusCase struct {
	Name   string `json:"name"`
	Source string `json:"source"`
	Kind   string `json:"kind"`
	// Documents are policies. An object is the policy as it stands in the file,
	// byte for byte; a string holds the text of one that an object could not
	// hold: what is no JSON, or has a name twice.
	Documents []json.RawMessage `json:"documents"`

	// Either Request and Effect, or Refused.
	Request *corpusRequest `json:"request"`
	Effect  *policy.Effect `json:"effect"`
	Refused *corpusRefusal `json:"refused"`
}

type corpusRequest struct {
	Action    string           `json:"action"`
	Resource  string           `json:"resource"`
	Principal *corpusPrincipal `json:"principal"`
	// Keys are the condition keys: a string is a single value, a list is a
	// multivalued key.
	Keys map[string]any `json:"keys"`
}

type corpusPrincipal struct {
	Federated string `json:"federated"`
	ARN       string `json:"arn"`
	Account   string `json:"account"`
	RoleARN   string `json:"role_arn"`
	UniqueID  string `json:"unique_id"`
}

// corpusRefusal is the SyntaxError of the one document.
type corpusRefusal struct {
	// Says is a part of Message or of Detail.
	Says string `json:"says"`
	// Element is SyntaxError.Element.
	Element string `json:"element"`
}

func corpusKind(t *testing.T, name string) policy.Kind {
	t.Helper()
	switch name {
	case "identity":
		return policy.Identity
	case "trust":
		return policy.Trust
	case "resource":
		return policy.Resource
	case "session":
		return policy.Session
	case "boundary":
		return policy.Boundary
	default:
		t.Fatalf("%q is no kind of policy", name)
		return 0
	}
}

func readCorpus(t *testing.T) []corpusFile {
	t.Helper()
	names, err := filepath.Glob(filepath.Join("testdata", "corpus", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	files := make([]corpusFile, len(names))
	for i, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		decoder := json.NewDecoder(bytes.NewReader(text))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&files[i]); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
			t.Fatalf("%s: more than one value", name)
		}
		if files[i].Theme == "" || len(files[i].Cases) == 0 {
			t.Fatalf("%s: no theme or no case", name)
		}
	}
	return files
}

// text returns document i as it is to be parsed.
func (c *corpusCase) text(t *testing.T, i int) string {
	t.Helper()
	raw := c.Documents[i]
	if raw[0] != '"' {
		return string(raw)
	}
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		t.Fatal(err)
	}
	return text
}

func (r *corpusRequest) build(t *testing.T) *policy.Request {
	t.Helper()
	keys := &policy.Context{}
	for name, value := range r.Keys {
		switch value := value.(type) {
		case string:
			keys.Set(name, value)
		case []any:
			values := make([]string, len(value))
			for i := range value {
				text, ok := value[i].(string)
				if !ok {
					t.Fatalf("the key %q holds %v, which is no string", name, value[i])
				}
				values[i] = text
			}
			keys.SetMulti(name, values)
		default:
			t.Fatalf("the key %q is %v, neither a string nor a list", name, value)
		}
	}
	request := &policy.Request{Action: r.Action, Resource: r.Resource, Context: keys}
	if p := r.Principal; p != nil {
		request.Principal = policy.Principal{
			Federated: p.Federated, ARN: p.ARN, Account: p.Account, RoleARN: p.RoleARN, UniqueID: p.UniqueID,
		}
	}
	return request
}

// TestCorpusIsWhole asks of the files what no single case can tell: how many
// there are, that each has a name and a source, that no two are the same, and
// that each effect and each kind of policy is there.
func TestCorpusIsWhole(t *testing.T) {
	t.Parallel()
	const least = 400
	names, contents := map[string]bool{}, map[string]string{}
	effects, kinds := map[policy.Effect]int{}, map[string]int{}
	refused := 0
	for _, file := range readCorpus(t) {
		for i := range file.Cases {
			c := &file.Cases[i]
			switch {
			case c.Name == "" || names[c.Name]:
				t.Errorf("%s: the name %q is empty or stands twice", file.Theme, c.Name)
			case c.Source == "":
				t.Errorf("%s: no source", c.Name)
			case (c.Effect != nil) == (c.Refused != nil) || (c.Effect != nil) != (c.Request != nil):
				t.Errorf("%s: either request and effect, or refused", c.Name)
			case c.Refused != nil && (c.Refused.Says == "" || len(c.Documents) != 1):
				t.Errorf("%s: a refusal has one document and says something", c.Name)
			}
			names[c.Name] = true
			content := corpusContent(t, c)
			if other, twice := contents[content]; twice {
				t.Errorf("%s and %s are the same", c.Name, other)
			}
			contents[content] = c.Name
			kinds[c.Kind]++
			if c.Refused != nil {
				refused++
			} else if c.Effect != nil {
				effects[*c.Effect]++
			}
		}
	}
	t.Logf("%d cases: effects %v, %d refusals, kinds %v", len(names), effects, refused, kinds)
	if len(names) < least {
		t.Errorf("%d cases, fewer than %d", len(names), least)
	}
	for _, count := range []int{effects[policy.Allow], effects[policy.ImplicitDeny], effects[policy.ExplicitDeny], refused} {
		if count < least/20 {
			t.Errorf("effects %v, %d refusals: one of them is too rare to be tested", effects, refused)
		}
	}
	for _, kind := range []string{"identity", "trust", "resource", "session", "boundary"} {
		if kinds[kind] < 5 {
			t.Errorf("%d cases of kind %s", kinds[kind], kind)
		}
	}
}

// corpusContent is what a case is about, without its name and source.
func corpusContent(t *testing.T, c *corpusCase) string {
	t.Helper()
	bare := *c
	bare.Name, bare.Source, bare.Effect, bare.Refused = "", "", nil, nil
	content, err := json.Marshal(bare)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func TestCorpus(t *testing.T) {
	t.Parallel()
	for _, file := range readCorpus(t) {
		for i := range file.Cases {
			c := &file.Cases[i]
			t.Run(file.Theme+"/"+c.Name, func(t *testing.T) {
				t.Parallel()
				if c.Refused != nil {
					c.checkRefusal(t)
					return
				}
				c.checkEffect(t)
			})
		}
	}
}

func (c *corpusCase) checkRefusal(t *testing.T) {
	t.Helper()
	document, err := policy.Parse(corpusKind(t, c.Kind), c.text(t, 0))
	var refusal *policy.SyntaxError
	if !errors.As(err, &refusal) || document != nil {
		t.Fatalf("it was not refused (error %v); source: %s", err, c.Source)
	}
	if !strings.Contains(refusal.Message, c.Refused.Says) && !strings.Contains(refusal.Detail, c.Refused.Says) {
		t.Errorf("neither message %q\nnor detail %q\nholds %q; source: %s", refusal.Message, refusal.Detail, c.Refused.Says, c.Source)
	}
	if refusal.Element != c.Refused.Element {
		t.Errorf("element %q, want %q: %v", refusal.Element, c.Refused.Element, refusal)
	}
}

// checkEffect decides with and without reasons, and again with the statements
// and the documents in reverse order, which must change no effect.
func (c *corpusCase) checkEffect(t *testing.T) {
	t.Helper()
	request := c.Request.build(t)
	var forward, backward []*policy.Document
	for i := range c.Documents {
		text := c.text(t, i)
		forward = append(forward, c.parse(t, text))
		backward = append(backward, c.parse(t, reverseStatements(t, text)))
	}
	slices.Reverse(backward)
	for _, order := range []struct {
		name string
		docs []*policy.Document
	}{{"as written", forward}, {"in reverse", backward}} {
		var why policy.Reasons
		plain := policy.Decide(request, order.docs, nil)
		told := policy.Decide(request, order.docs, &why)
		if diff := cmp.Diff(plain, told); diff != "" {
			t.Errorf("%s: without and with reasons (-without +with):\n%s", order.name, diff)
		}
		if plain.Effect != *c.Effect {
			t.Errorf("%s: %v, want %v; source: %s\n%s", order.name, plain.Effect, *c.Effect, c.Source, why.String())
		}
	}
}

func (c *corpusCase) parse(t *testing.T, text string) *policy.Document {
	t.Helper()
	document, err := policy.Parse(corpusKind(t, c.Kind), text)
	if err != nil {
		t.Fatalf("%v; source: %s\n%s", err, c.Source, text)
	}
	return document
}

// reverseStatements turns the list of statements round and leaves each as it is.
func reverseStatements(t *testing.T, text string) string {
	t.Helper()
	members := map[string]json.RawMessage{}
	if err := json.Unmarshal([]byte(text), &members); err != nil {
		t.Fatal(err)
	}
	var statements []json.RawMessage
	if json.Unmarshal(members["Statement"], &statements) != nil {
		return text // a single statement, which is an object
	}
	slices.Reverse(statements)
	list, err := json.Marshal(statements)
	if err != nil {
		t.Fatal(err)
	}
	members["Statement"] = list
	reversed, err := json.Marshal(members)
	if err != nil {
		t.Fatal(err)
	}
	return string(reversed)
}
