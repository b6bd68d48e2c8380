package policy_test

import (
	"testing"

	"github.com/daypass/daypass/internal/policy"
	"github.com/google/go-cmp/cmp"
)

func TestContext(t *testing.T) {
	t.Parallel()
	var c policy.Context
	c.Set("aws:PrincipalArn", "first")
	c.Set("AWS:principalarn", "second") // the same key
	c.Set("aws:Empty", "")
	c.SetMulti("aws:TagKeys", []string{"a", "b"})
	c.SetMulti("aws:None", nil)
	c.SetIn("gitlab.example.com:8443", "sub", "s")
	c.SetMultiIn("gitlab.example.com:8443", "amr", []string{"x"})

	for _, tc := range []struct {
		key     string
		values  []string
		multi   bool
		present bool
	}{
		{"aws:principalARN", []string{"second"}, false, true},
		{"aws:empty", []string{""}, false, true},
		{"aws:tagkeys", []string{"a", "b"}, true, true},
		{"aws:none", []string{}, true, true},
		{"GitLab.example.com:8443:SUB", []string{"s"}, false, true},
		{"gitlab.example.com:8443:amr", []string{"x"}, true, true},
		{"gitlab.example.com:8443.sub", nil, false, false},
		{"gitlab.example.com:8443:", nil, false, false},
		{"sub", nil, false, false},
		{"", nil, false, false},
	} {
		values, multi, present := c.Get(tc.key)
		if multi != tc.multi || present != tc.present || !cmp.Equal(append([]string{}, values...), append([]string{}, tc.values...)) {
			t.Errorf("Get(%q) = %q, %v, %v; want %q, %v, %v", tc.key, values, multi, present, tc.values, tc.multi, tc.present)
		}
	}
	want := []string{"aws:PrincipalArn", "aws:Empty", "aws:TagKeys", "aws:None", "gitlab.example.com:8443:sub", "gitlab.example.com:8443:amr"}
	if diff := cmp.Diff(want, c.Keys()); diff != "" {
		t.Errorf("Keys (-want +got):\n%s", diff)
	}
}

// One key is one key, however its name was split when it was set.
func TestContextSplitNames(t *testing.T) {
	t.Parallel()
	var c policy.Context
	c.Set("a:b:c", "1")
	c.SetIn("a", "b:c", "2")
	c.SetMultiIn("a:b", "C", []string{"3", "4"})
	if got := len(c.Keys()); got != 1 {
		t.Fatalf("%d keys, want 1: %q", got, c.Keys())
	}
	if values, multi, _ := c.Get("a:b:c"); !multi || !cmp.Equal(values, []string{"3", "4"}) {
		t.Errorf("Get = %q, %v", values, multi)
	}
}

// What was set before Reset must never be seen after it, in any slot and any form.
func TestContextReset(t *testing.T) {
	t.Parallel()
	var c policy.Context
	c.SetMulti("a:one", []string{"secret", "secret"})
	c.Set("a:two", "secret")
	c.Reset()
	if got := c.Keys(); len(got) != 0 {
		t.Fatalf("Keys after Reset = %q", got)
	}
	if _, _, present := c.Get("a:one"); present {
		t.Error("a:one is present after Reset")
	}
	c.SetMulti("b:one", nil)
	c.SetMulti("b:two", []string{"new"})
	if values, multi, present := c.Get("b:one"); len(values) != 0 || !multi || !present {
		t.Errorf("b:one = %q, %v, %v", values, multi, present)
	}
	if values, _, _ := c.Get("b:two"); !cmp.Equal(values, []string{"new"}) {
		t.Errorf("b:two = %q", values)
	}
}

func TestContextKeepsItsOwnValues(t *testing.T) {
	t.Parallel()
	var c policy.Context
	mine := []string{"a"}
	c.SetMulti("k:k", mine)
	mine[0] = "changed"
	if values, _, _ := c.Get("k:k"); values[0] != "a" {
		t.Errorf("value = %q: the caller's slice was kept", values[0])
	}
}

func TestNilContext(t *testing.T) {
	t.Parallel()
	var c *policy.Context
	if values, multi, present := c.Get("a:b"); values != nil || multi || present {
		t.Errorf("Get = %q, %v, %v", values, multi, present)
	}
	if c.Keys() != nil {
		t.Error("Keys of nil")
	}
}
