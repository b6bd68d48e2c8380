package runner_test

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/daypass/daypass/internal/runner"
)

func mask(t testing.TB, secrets []string, pieces ...string) string {
	t.Helper()
	var out bytes.Buffer
	m := runner.NewMasker(&out, secrets)
	for _, p := range pieces {
		if n, err := io.WriteString(m, p); err != nil || n != len(p) {
			t.Fatalf("Write(%q): %d, %v", p, n, err)
		}
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestMasker(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		secrets, pieces []string
		want            string
	}{
		"nothing to hide":       {nil, []string{"a", "b"}, "ab"},
		"empty value":           {[]string{""}, []string{"ab"}, "ab"},
		"whole":                 {[]string{"secret"}, []string{"a secret.\n"}, "a [MASKED].\n"},
		"in pieces":             {[]string{"secret"}, []string{"a s", "", "ecr", "et."}, "a [MASKED]."},
		"beginning only":        {[]string{"secret"}, []string{"sec"}, "sec"},
		"false start":           {[]string{"aab"}, []string{"a", "a", "a", "b"}, "a[MASKED]"},
		"twice":                 {[]string{"xy"}, []string{"xyxy xy"}, "[MASKED][MASKED] [MASKED]"},
		"longer wins":           {[]string{"ab", "abcd"}, []string{"ab", "cd ab"}, "[MASKED] [MASKED]"},
		"longer does not come":  {[]string{"ab", "abcd"}, []string{"ab", "ce"}, "[MASKED]ce"},
		"overlap hides both":    {[]string{"abc", "cde"}, []string{"xab", "cdey"}, "x[MASKED]y"},
		"inside of a longer":    {[]string{"abcdef", "cd"}, []string{"abc", "dex cd"}, "ab[MASKED]ex [MASKED]"},
		"overlap with itself":   {[]string{"aa"}, []string{"aaa"}, "[MASKED]"},
		"across lines":          {[]string{"a\nb"}, []string{"a\n", "b"}, "[MASKED]"},
		"ends in the beginning": {[]string{"aba"}, []string{"ab", "ab", "a"}, "[MASKED]"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := mask(t, c.secrets, c.pieces...); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// reference masks a whole text at once: every byte of every occurrence is
// hidden, and one [MASKED] stands for each run of occurrences that overlap.
func reference(secrets []string, text string) string {
	longest := func(i int) int {
		n := 0
		for _, s := range secrets {
			if s != "" && strings.HasPrefix(text[i:], s) {
				n = max(n, len(s))
			}
		}
		return n
	}
	var out strings.Builder
	end := 0
	for i := range len(text) {
		if n := longest(i); n > 0 {
			if i >= end {
				out.WriteString("[MASKED]")
			}
			end = max(end, i+n)
		}
		if i >= end {
			out.WriteByte(text[i])
		}
	}
	return out.String()
}

func TestMaskerDoesNotDependOnThePieces(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		// Few letters, so that values overlap and begin often.
		word := rapid.StringMatching(`[abc]{1,6}`)
		secrets := rapid.SliceOfN(word, 0, 4).Draw(t, "secrets")
		pieces := rapid.SliceOfN(rapid.StringMatching(`[abcd]{0,5}`), 0, 12).Draw(t, "pieces")
		var out bytes.Buffer
		m := runner.NewMasker(&out, secrets)
		for _, p := range pieces {
			if _, err := io.WriteString(m, p); err != nil {
				t.Fatal(err)
			}
		}
		if err := m.Close(); err != nil {
			t.Fatal(err)
		}
		if want := reference(secrets, strings.Join(pieces, "")); out.String() != want {
			t.Fatalf("secrets %q, pieces %q: got %q, want %q", secrets, pieces, &out, want)
		}
	})
}

func FuzzMasker(f *testing.F) {
	f.Add("secret", "token", "a secret and a token", 3)
	f.Add("aa", "aab", "aaab", 1)
	f.Add("", "\x00", "\x00\xff", 0)
	f.Fuzz(func(t *testing.T, a, b, text string, at int) {
		secrets := []string{strings.TrimSpace(a), strings.TrimSpace(b)}
		if strings.Contains(text, "glpat-") || strings.ContainsAny(text, "?&") {
			return // hidden for another reason
		}
		at = max(0, min(at, len(text)))
		got := mask(t, secrets, text[:at], text[at:])
		if want := reference(secrets, text); got != want {
			t.Fatalf("got %q, want %q", got, want)
		}
		for _, s := range secrets {
			// The marker itself may hold or complete a value of its own letters.
			if s != "" && !strings.ContainsAny(s, "[MASKED]") && strings.Contains(got, s) {
				t.Fatalf("%q is still in %q", s, got)
			}
		}
	})
}

func BenchmarkMasker(b *testing.B) {
	line := []byte(strings.Repeat("a line of a log that holds an eye and no token\n", 20))
	m := runner.NewMasker(io.Discard, []string{"eyJ" + strings.Repeat("x", 1500), "eyJ" + strings.Repeat("y", 1500)})
	b.SetBytes(int64(len(line)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := m.Write(line); err != nil {
			b.Fatal(err)
		}
	}
}

func TestMaskerHidesWhatLooksLikeASecret(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		pieces []string
		want   string
	}{
		"presigned URL": {
			[]string{"GET /k?X-Amz-Credential=AKIA/20260101/r/s3/aws4_request&X-Amz-Date=20260101T000000Z&X-Amz-Security-Token=FwoG%2F&X-Amz-Signature=abc HTTP/1.1\n"},
			"GET /k?X-Amz-Credential=[MASKED]&X-Amz-Date=20260101T000000Z&X-Amz-Security-Token=[MASKED]&X-Amz-Signature=[MASKED] HTTP/1.1\n",
		},
		"in pieces":         {[]string{"?private", "_tok", "en=a", "b", "c", "&x=y"}, "?private_token=[MASKED]&x=y"},
		"at the end":        {[]string{"?rss_token=ab"}, "?rss_token=[MASKED]"},
		"no value":          {[]string{"?rss_token=&x=1"}, "?rss_token=[MASKED]&x=1"},
		"another parameter": {[]string{"?token=ab&x-amz-signatur=c&x-amz-signatures=d"}, "?token=ab&x-amz-signatur=c&x-amz-signatures=d"},
		"no parameter":      {[]string{"private_token=ab"}, "private_token=ab"},
		"access token":      {[]string{"a glp", "at-abc_-.=", "9Z, b\n"}, "a glpat-[MASKED], b\n"},
		"prefix alone":      {[]string{"glpat- and glpat", " and GLPAT-x"}, "glpat- and glpat and GLPAT-x"},
		"a value in a URL":  {[]string{"?x-amz-signature=my-secret&my-secret"}, "?x-amz-signature=[MASKED]&[MASKED]"},
		"beginning only":    {[]string{"what?&?x-am"}, "what?&?x-am"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := mask(t, []string{" my-secret\n"}, c.pieces...); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
			if got := mask(t, []string{"my-secret"}, strings.Split(strings.Join(c.pieces, ""), "")...); got != c.want {
				t.Errorf("byte by byte: got %q, want %q", got, c.want)
			}
		})
	}
}
