package main

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"
)

// TestErrorWords: who runs the command knows nothing of packages.
func TestErrorWords(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"server: there is no account 1":                            "there is no account 1",
		"archive: durable: write x: no space":                      "write x: no space",
		"open the issuer in i: instance: mkdir i: read-only":       "open the issuer in i: mkdir i: read-only",
		"gitlab: this\ngitlab: that":                               "this\nthat",
		"masterkey: m/master.key: masterkey: file is damaged":      "m/master.key: file is damaged",
		"/srv/iam: the server: nothing":                            "/srv/iam: the server: nothing",
		"User: arn:aws:iam::1:user/u is not authorized to perform": "User: arn:aws:iam::1:user/u is not authorized to perform",
	} {
		if got := inWords(errors.New(text)); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

// TestWrongOptions: what only the command line can mend ends with 2, before
// anything is made.
func TestWrongOptions(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"serve --account 12":                                                  `account "12" is not 12 digits`,
		"serve --listen nonsense":                                             `listen`,
		"serve --tls-cert c":                                                  "go together",
		"serve --public-url http://daypass.test":                              "--public-url",
		"serve --listen 0.0.0.0:0":                                            "is not loopback",
		"account create 12":                                                   `account "12" is not 12 digits`,
		"account credentials 12":                                              `account "12" is not 12 digits`,
		"export --account 12 out":                                             `account "12" is not 12 digits`,
		"import --account 12 in":                                              `account "12" is not 12 digits`,
		"sessions list --account 12":                                          `account "12" is not 12 digits`,
		"ci token --aud a --branch m --project x":                             "GROUP/NAME",
		"ci token --aud a --project x/y --ref a --branch b":                   "--ref and --branch are the same",
		"ci token --aud a --project x/y --tag a --merge-request 1":            "a merge request comes from a branch",
		"ci token --aud a --project x/y --fork c/d":                           "give --merge-request as well",
		"ci token --aud a --project x/y --merge-request 1 --fork c":           `--fork "c" is not GROUP/NAME`,
		"ci token --aud a --project x/y --fork-id 7":                          "give --fork as well",
		"ci token --aud a --project x/y --deployment-tier production":         "give --environment as well",
		"ci token --legacy CI_JOB_JWT --project x/y --aud a":                  "without --aud",
		"token mint --like github --claim iss=1":                              `the claim "iss"`,
		"token mint --like gitlab --set nothing=1":                            `gitlab has no setting "nothing"`,
		"token mint --like gitlab --ttl -1h":                                  "lives some time",
		"token mint --like azure-devops --aud a":                              "always api://AzureADTokenExchange",
		"token mint --like github --tag a --ref b":                            "--ref or --tag",
		"token mint --like github --iss https://gitlab.com:8443/x --declared": "is a public issuer",
	} {
		data := t.TempDir()
		args := strings.Fields(line)
		if args[0] != "ci" && args[0] != "token" {
			args = append(args, "--data", data+"/made")
		} else {
			args = append(args, "--issuer", data+"/made")
		}
		if args[0] == "serve" && !strings.Contains(line, "--listen") {
			args = append(args, "--listen", "127.0.0.1:0")
		}
		var out bytes.Buffer
		if code := run(t.Context(), args, nil, &out, &out); code != exitUsage || !strings.Contains(out.String(), want) {
			t.Errorf("%s: exit code %d\n%s", line, code, out.String())
		}
		if _, err := os.Stat(data + "/made"); err == nil {
			t.Errorf("%s: something was made", line)
		}
	}
}

// TestNarrowTable: on a terminal that is narrower than the table, each row is a
// block of lines, which no terminal breaks into a muddle.
func TestNarrowTable(t *testing.T) {
	t.Parallel()
	headings, rows := []string{"KEY", "LONG ONE"}, [][]string{{"a", "x"}, {"b", ""}}
	for width, want := range map[int]string{
		0:  "KEY  LONG ONE\na    x\nb    -\n",
		13: "KEY  LONG ONE\na    x\nb    -\n",
		12: "KEY       a\nLONG ONE  x\n\nKEY       b\nLONG ONE  -\n",
	} {
		var out bytes.Buffer
		if err := writeTable(&out, width, headings, rows); err != nil || out.String() != want {
			t.Errorf("%d columns: error %v\n%s", width, err, out.String())
		}
	}
}

func TestCounted(t *testing.T) {
	t.Parallel()
	if got := counted(1, "problem") + ", " + counted(2, "problem"); got != "1 problem, 2 problems" {
		t.Error(got)
	}
}
