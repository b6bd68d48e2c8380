package gitlab_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/gitlab"
	"github.com/daypass/daypass/internal/gitlab/ci"
)

// keys are made once: RSA keys take long.
var keys = sync.OnceValues(gitlab.NewKeys)

func testKeys(t testing.TB) *gitlab.Keys {
	t.Helper()
	k, err := keys()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func newIssuer(t testing.TB, url string) *gitlab.Issuer {
	t.Helper()
	i, err := gitlab.NewIssuer(gitlab.Config{URL: url, Keys: testKeys(t), Declared: true})
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// sample reads a file of the shared samples.
func sample(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "shared", "samples", name))
	switch {
	case err == nil:
		return text
	case os.Getenv("CI") == "true":
		t.Fatalf("the shared samples are missing: %v", err)
	default:
		t.Skipf("the shared samples are not here: %v", err)
	}
	return nil
}

// compact removes the white space of a JSON text, and nothing else: the order
// of members stays.
func compact(t *testing.T, text []byte) string {
	t.Helper()
	var out bytes.Buffer
	if err := json.Compact(&out, text); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// at is when the samples were minted.
var at = time.Unix(1681395193, 0)

// exampleJob is the job of the samples: the example of GitLab's documentation.
func exampleJob() gitlab.Job {
	return gitlab.Job{
		ServerURL: "https://gitlab.example.com",
		Project:   gitlab.Project{ID: 20, Path: "my-group/my-project"},
		Namespace: gitlab.Namespace{ID: 72},
		Protected: true,
		SHA:       "714a629c0b401fdce83e847fc9589983fc6f46bc",
		Pipeline:  gitlab.Pipeline{ID: 574},
		ID:        302,
		User:      gitlab.User{Login: "sample-user"},
	}
}

// definition is the job named job of a file.
func definition(t *testing.T, file string) *ci.Job {
	t.Helper()
	p, err := ci.Parse(".gitlab-ci.yml", []byte(file))
	if err != nil {
		t.Fatal(err)
	}
	j, err := p.Job("job")
	if err != nil {
		t.Fatal(err)
	}
	return j
}
