package policy

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func longDocument(t *testing.T, statement func(i int) string) *Document {
	t.Helper()
	statements := make([]string, 500)
	for i := range statements {
		statements[i] = statement(i)
	}
	d, err := Parse(Identity, `{"Version":"2012-10-17","Statement":[`+strings.Join(statements, ",")+`]}`)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func visited(d *Document, r *Request) []int32 {
	var all []int32
	d.index.visit(r, func(i int32) { all = append(all, i) })
	slices.Sort(all)
	return all
}

// Of 500 statements few are looked at, whatever tells them apart.
func TestIndexLeavesOut(t *testing.T) {
	t.Parallel()
	keys := &Context{}
	keys.Set("K:Sub", "group-77/project")
	keys.Set("k:arn", "arn:aws:iam::000000000077:role/x")
	keys.Set("k:user", "u77")
	keys.SetMulti("k:tags", []string{"t12", "t77"})
	r := &Request{Action: "svc77:GetThing", Resource: "arn:aws:s3:::bucket-77/key", Context: keys}
	for name, tc := range map[string]struct {
		statement string // %[1]d is its number
		want      []int32
	}{
		"resources":         {`{"Effect":"Allow","Action":"*","Resource":["arn:aws:s3:::bucket-%[1]d/*","arn:aws:s3:::other-%[1]d"]}`, []int32{77}},
		"with variables":    {`{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::bucket-%[1]d/${k:user}"}`, []int32{77}},
		"actions":           {`{"Effect":"Allow","Action":["SVC%[1]d:get*"],"Resource":"*"}`, []int32{77}},
		"StringLike":        {`{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"StringLike":{"k:sub":"group-%[1]d/*"}}}`, []int32{77}},
		"StringEquals":      {`{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":{"k:user":["u%[1]d","v%[1]d"]}}}`, []int32{7, 77}}, // u7 begins u77
		"ArnLike":           {`{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"ArnLike":{"k:arn":"arn:aws:iam::%012[1]d:role/*"}}}`, []int32{77}},
		"ForAnyValue":       {`{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"ForAnyValue:StringEquals":{"k:tags":"t%[1]d"}}}`, []int32{1, 7, 12, 77}},
		"the rarest":        {`{"Effect":"Allow","Action":"s*","Resource":"arn:aws:s3:::bucket*","Condition":{"StringEquals":{"k:user":"x"},"StringLike":{"k:sub":"group-%[1]d/*"}}}`, []int32{77}},
		"a condition alone": {`{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::bucket-77/*","Condition":{"Bool":{"k:b":true},"StringLike":{"k:sub":["a%[1]d","group-%[1]d/*"]}}}`, []int32{77}},
	} {
		text := tc.statement
		if name == "the rarest" {
			text = strings.Replace(text, `"s*"`, `"svc77:*"`, 1)
		}
		d := longDocument(t, func(i int) string { return fmt.Sprintf(text, i) })
		if got := visited(d, r); !slices.Equal(got, tc.want) {
			t.Errorf("%s: looked at %v, want %v", name, got, tc.want)
		}
	}
}

// Conditions that hold without the text must never leave a statement out.
func TestIndexKeepsWhatMayMatch(t *testing.T) {
	t.Parallel()
	for _, condition := range []string{
		`"StringNotLike":{"k:k":"a%d*"}`, `"StringLikeIfExists":{"k:k":"a%d*"}`, `"ForAllValues:StringLike":{"k:k":"a%d*"}`,
		`"StringEqualsIgnoreCase":{"k:k":"a%d"}`, `"StringLike":{"k:k":["a%d*","*"]}`, `"StringLike":{"k:k":"*a%d"}`, `"StringLike":{"k:k":"?a%d"}`,
		`"ArnLike":{"k:k":"arn:aws:s3:::%d${k:absent}"}`, `"StringEquals":{"k:k":["${k:absent}","a%d"]}`,
	} {
		d := longDocument(t, func(i int) string {
			return fmt.Sprintf(`{"Effect":"Deny","Action":"*","Resource":"*","Condition":{`+condition+`}}`, i)
		})
		if got := len(visited(d, &Request{Action: "a:b", Resource: "*"})); got != 500 {
			t.Errorf("%s: looked at %d of 500", condition, got)
		}
	}
	// An ARN that a variable breaks makes a Deny apply, whatever the request's.
	keys := &Context{}
	keys.Set("k:empty", "")
	keys.Set("k:k", "arn:aws:iam::1:x")
	d := longDocument(t, func(i int) string {
		return fmt.Sprintf(`{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"ArnLike":{"k:k":"arn:aws:s%d:::${k:empty}"}}}`, i)
	})
	r := &Request{Action: "a:b", Resource: "*", Context: keys}
	if got := Decide(r, []*Document{d}, nil); got.Effect != ExplicitDeny || got.Statement != 0 {
		t.Errorf("a broken ARN: %+v", got)
	}
}

// Keys are the same in the index as in Context, where the case of ASCII letters
// alone does not count: a tag's key may hold any letters.
func TestIndexFindsKeysOfAnyLetters(t *testing.T) {
	t.Parallel()
	for key, same := range map[string]string{
		"aws:PrincipalTag/Ärzte":   "AWS:principaltag/ÄRZTE",
		"aws:PrincipalTag/K\u212a": "aws:PrincipalTag/k\u212a",
		"aws:PrincipalTag/İİ":      "AWS:PrincipalTag/İİ",
	} {
		d := longDocument(t, func(i int) string {
			return fmt.Sprintf(`{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"StringEquals":{%q:"t%d"}}}`, key, i)
		})
		keys := &Context{}
		keys.Set(same, "t77")
		r := &Request{Action: "a:b", Resource: "*", Context: keys}
		if got, want := Decide(r, []*Document{d}, nil), (Decision{ExplicitDeny, 0, 77}); got != want {
			t.Errorf("%s: %+v, want %+v", key, got, want)
		}
	}
}

// The prefixes found are those that begin the text, each once.
func TestPrefixes(t *testing.T) {
	t.Parallel()
	text := rapid.StringOfN(rapid.SampledFrom([]rune("abA")), 0, 6, -1)
	rapid.Check(t, func(t *rapid.T) {
		fold := rapid.Bool().Draw(t, "fold")
		p := prefixes{fold: fold}
		texts := rapid.SliceOfN(text, 0, 12).Draw(t, "texts")
		for i := range texts {
			if fold {
				texts[i] = strings.ToLower(texts[i])
			}
			p.put(int32(i), texts[i:i+1])
		}
		p.sort()
		value := text.Draw(t, "value")
		var want, got []int32
		for i := range texts {
			if begins := value; strings.HasPrefix(begins, texts[i]) || fold && strings.HasPrefix(strings.ToLower(begins), texts[i]) {
				want = append(want, int32(i))
			}
		}
		p.visit(value, func(i int32) { got = append(got, i) })
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Fatalf("of %q, %q begins with %v, want %v", texts, value, got, want)
		}
	})
}
