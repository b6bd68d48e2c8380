package iam_test

import (
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/daypass/daypass/internal/arn"
	"github.com/daypass/daypass/internal/iam"

	"pgregory.net/rapid"
)

// FuzzParseProviderURL asks of whatever is taken for a provider's URL that it
// is one URL with one spelling, which its ARN gives back.
func FuzzParseProviderURL(f *testing.F) {
	for _, seed := range []string{
		"https://gitlab.example.com", "https://gitlab.example.com:443/a", "https://[::1]:8443/", "https://a@b", "https://a:443:443",
		"https://a?b", "http://a", "https://a/%zz", "https://a\\b", "https://%41", "https://a:",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, given string) {
		kept, err := iam.ParseProviderURL(given)
		if err != nil {
			return
		}
		if strings.Replace(given, ":443", "", 1) != "https://"+kept && given != "https://"+kept {
			t.Errorf("%q became %q", given, kept)
		}
		if again, err := iam.ParseProviderURL("https://" + kept); err != nil || again != kept {
			t.Errorf("%q became %q, and that %q, %v", given, kept, again, err)
		}
		parsed, err := url.Parse("https://" + kept)
		if err != nil || parsed.Host == "" || parsed.User != nil || parsed.RawQuery != "" || parsed.Fragment != "" || parsed.Port() == "443" {
			t.Errorf("%q became %q: %+v, %v", given, kept, parsed, err)
		}
		if found, ok := arn.OIDCProviderURL(arn.OIDCProvider(account, kept)); !ok || found != kept {
			t.Errorf("the ARN of %q gives %q", kept, found)
		}
	})
}

func TestPercentEncode(t *testing.T) {
	t.Parallel()
	allowed := regexp.MustCompile(`^([A-Za-z0-9._~-]|%[0-9A-F]{2})*$`) // RFC 3986 section 2.1, 2.3
	rapid.Check(t, func(t *rapid.T) {
		document := rapid.String().Draw(t, "document")
		encoded := iam.PercentEncode(document)
		if !allowed.MatchString(encoded) {
			t.Fatalf("%q is encoded as %q", document, encoded)
		}
		if decoded, err := url.PathUnescape(encoded); err != nil || decoded != document {
			t.Fatalf("%q comes back as %q, %v", document, decoded, err)
		}
	})
}

// TestSize puts white space anywhere into a text: its size is that of the text
// without.
func TestSize(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOf(rapid.StringMatching(`[!-~é€]*`)).Draw(t, "parts")
		space := rapid.StringMatching(`[ \t\r\n]*`).Draw(t, "space")
		if got, want := iam.Size(strings.Join(parts, space)), len([]rune(strings.Join(parts, ""))); got != want {
			t.Fatalf("size is %d, want %d", got, want)
		}
	})
}
