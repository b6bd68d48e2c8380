package session

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var update = flag.Bool("update", false, "write testdata anew; sessions of earlier programs then count no longer")

// TestOpensEarlierTokens: an installation that is upgraded keeps its ring and
// its running sessions. The file holds a ring and credentials as version 1 of
// both made them; the ring is of this test only.
func TestOpensEarlierTokens(t *testing.T) {
	t.Parallel()
	file := filepath.Join("testdata", "version1.json")
	type golden struct {
		Ring        json.RawMessage
		Credentials Credentials
	}
	if *update {
		ring, err := NewKeys()
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.MarshalIndent(golden{Ring: ring, Credentials: mint(t, parse(t, ring), typicalGrant())}, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, append(text, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var earlier golden
	if err := json.Unmarshal(text, &earlier); err != nil {
		t.Fatal(err)
	}
	c := earlier.Credentials
	s, err := parse(t, earlier.Ring).Open(c.AccessKeyID, c.SessionToken)
	if err != nil {
		t.Fatal(err)
	}
	want := &Session{Grant: *typicalGrant(), AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey}
	if diff := cmp.Diff(want, s, cmpopts.EquateEmpty()); diff != "" {
		t.Error(diff)
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
