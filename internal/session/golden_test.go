package session

import (
	"encoding/json"
	"errors"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var update = flag.Bool("update", false, "write the testdata that is missing; sessions of earlier programs are those that it has")

// TestOpensEarlierTokens: an installation that is upgraded keeps its ring and
// its running sessions. Each file holds a ring and credentials as that version
// of both made them; the rings are of this test only.
func TestOpensEarlierTokens(t *testing.T) {
	t.Parallel()
	tagged := typicalGrant()
	tagged.SourceIdentity, tagged.Tags = "alice@example.com", []Tag{{Key: "team", Value: "data", Transitive: true}, {Key: "empty"}}
	for name, want := range map[string]*Grant{
		"version4.json": originGrant(), "version1.json": typicalGrant(), "version2.json": tagged, "version3.json": chainedGrant(),
		"version3-user.json": userGrant(UserSession), "version3-federated.json": userGrant(FederatedUser),
	} {
		c, keys := earlier(t, filepath.Join("testdata", name), want)
		s, err := keys.Open(c.AccessKeyID, c.SessionToken)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		opened := &Session{Grant: *want, AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey}
		if diff := cmp.Diff(opened, s, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
}

// earlier reads a file of testdata.
func earlier(t *testing.T, file string, grant *Grant) (Credentials, *Keys) {
	t.Helper()
	type golden struct {
		Ring        json.RawMessage
		Credentials Credentials
	}
	text, err := os.ReadFile(file)
	if *update && errors.Is(err, fs.ErrNotExist) {
		ring, err := NewKeys(start)
		if err != nil {
			t.Fatal(err)
		}
		text, err = json.MarshalIndent(golden{Ring: ring, Credentials: mint(t, parse(t, ring), grant)}, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, append(text, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if err != nil {
		t.Fatal(err)
	}
	var g golden
	if err := json.Unmarshal(text, &g); err != nil {
		t.Fatal(err)
	}
	return g.Credentials, parse(t, g.Ring)
}

// readGolden reads a file of testdata that must be there.
func readGolden(t *testing.T, file string, into any) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatal(err)
	}
}

// TestConcurrentUse is for the race detector: one ring serves all requests.
func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	keys := newKeys(t)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 50 {
				g := typicalGrant()
				c, err := keys.Mint(g, endless{})
				if err != nil {
					t.Error(err)
					return
				}
				s, err := keys.Open(c.AccessKeyID, c.SessionToken)
				if err != nil || s.SecretAccessKey != c.SecretAccessKey {
					t.Errorf("Open = %v, %v", s, err)
					return
				}
			}
		})
	}
	all.Wait()
}

// endless reads as zeros.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
