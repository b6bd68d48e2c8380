package client_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/daypass/daypass/internal/client"

	"pgregory.net/rapid"
)

var deploy = client.Profile{Name: "deploy", Settings: []client.Setting{{Name: "credential_process", Value: "daypass credential-process"}, {Name: "region", Value: "eu-west-1"}}}

const written = "[profile deploy]\n# by daypass configure; it may be written again\ncredential_process = daypass credential-process\nregion = eu-west-1\n"

func TestPutProfile(t *testing.T) {
	t.Parallel()
	theirs := "# mine\n[default]\nregion=x\n\n[profile deploy]\n# a comment\nrole_arn = r\nsource_profile= default\ns3 =\n  max_concurrent_requests = 20\noutput = json\n\n[profile other]\nx = y"
	for name, k := range map[string]struct {
		text, want string
		force      bool
	}{
		"empty":       {"", written, false},
		"behind":      {"[default]\nregion=x", "[default]\nregion=x\n\n" + written, false},
		"ours":        {"[profile deploy]\n# by daypass configure; it may be written again\ncredential_process = old\nregion = old\noutput = json\n[a]\n", written + "output = json\n[a]\n", false},
		"theirs":      {theirs, "", false},
		"forced":      {theirs, "# mine\n[default]\nregion=x\n\n" + written + "# a comment\ns3 =\n  max_concurrent_requests = 20\noutput = json\n\n[profile other]\nx = y", true},
		"other forms": {"[ profile  \"deploy\" ] \nrole_arn=x\n", "", false},
		"twice":       {written + written, "", true},
		"look-alike":  {"[profile deploy2]\n[deploy]\n", "[profile deploy2]\n[deploy]\n\n" + written, false},
	} {
		got, err := client.PutProfile(k.text, &deploy, k.force)
		if (k.want == "") != (err != nil) || got != k.want {
			t.Errorf("%s: %v\n%s", name, err, got)
		}
		if (name == "theirs" || name == "other forms") && !errors.Is(err, client.ErrProfile) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, bad := range []client.Profile{{Name: "a]b"}, {Name: ""}, {Name: "x", Settings: []client.Setting{{Name: "a", Value: "b\n[c]"}}}} {
		if got, err := client.PutProfile("", &bad, true); err == nil {
			t.Errorf("%+v gives %q", bad, got)
		}
	}
	for text, want := range map[string]bool{"[deploy]\nAWS_ACCESS_KEY_ID = x": true, "[deploy2]\naws_access_key_id=x\n": false, "[deploy]\n[x]\naws_access_key_id=x\n": false} {
		if client.HasKeys(text, "deploy") != want {
			t.Errorf("%q: not %v", text, want)
		}
	}
}

// TestPutProfileKeepsTheRest: whatever a file has, what is not of the profile stays,
// and to write it twice is to write it once.
func TestPutProfileKeepsTheRest(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		pieces := rapid.SliceOf(rapid.SampledFrom([]string{"[profile a]\n", "[profile b]\r\n", "[default]\n", "x = y\n", "  z = 1\n", "# c\n", "\n", "role_arn = r\n", "[sso-session s]\n", "garbage"})).Draw(t, "pieces")
		text := strings.Join(pieces, "")
		once, err := client.PutProfile(text, &deploy, false)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(once, text) || !strings.HasSuffix(once, written) {
			t.Fatalf("%q becomes %q", text, once)
		}
		twice, err := client.PutProfile(once, &deploy, false)
		if err != nil || twice != once {
			t.Fatalf("%v: %q becomes %q", err, once, twice)
		}
	})
}
