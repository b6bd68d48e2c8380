package secretsmanager

import (
	"fmt"
	"slices"
	"testing"

	"github.com/daypass/daypass/internal/store"

	"pgregory.net/rapid"
)

// TestLabels moves labels about: none is ever on two versions, AWSCURRENT is on
// one, and AWSPREVIOUS where AWSCURRENT was before it moved.
func TestLabels(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := &store.Secret{Versions: []store.SecretVersion{{ID: "0", Stages: []string{current}}}}
		was := "0"
		for i := range rapid.IntRange(1, 12).Draw(t, "steps") {
			label := rapid.SampledFrom([]string{current, previous, "AWSPENDING", "mine"}).Draw(t, "label")
			id := rapid.SampledFrom(s.Versions).Draw(t, "version").ID
			switch rapid.IntRange(0, 2).Draw(t, "what") {
			case 0:
				id = fmt.Sprint(i + 1)
				s.Versions = append(s.Versions, store.SecretVersion{ID: id})
				attach(s, label, id)
			case 1:
				in := updateSecretVersionStageInput{VersionStage: label, MoveToVersionId: &id}
				if has := holder(s, label); has != nil {
					from := has.ID
					in.RemoveFromVersionId = &from
				}
				if err := in.move(s); err != nil {
					t.Fatal(err)
				}
			case 2:
				in := updateSecretVersionStageInput{VersionStage: label, RemoveFromVersionId: &id}
				if err := in.move(s); err == nil && label == current {
					t.Fatal("AWSCURRENT was removed")
				}
			}
			on := map[string][]string{}
			for _, v := range s.Versions {
				for _, label := range v.Stages {
					on[label] = append(on[label], v.ID)
				}
			}
			for label, at := range on {
				if len(at) != 1 {
					t.Fatalf("%s is on %q", label, at)
				}
			}
			if len(on[current]) != 1 {
				t.Fatalf("no version is AWSCURRENT")
			}
			if now := on[current][0]; now != was {
				if !slices.Equal(on[previous], []string{was}) {
					t.Fatalf("AWSCURRENT went from %s to %s, and AWSPREVIOUS is on %q", was, now, on[previous])
				}
				was = now
			}
		}
	})
}
