package pipeline_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/daypass/daypass/internal/gitlab/ci"
	"github.com/daypass/daypass/internal/runner/pipeline"
)

func cached(c ci.Cache) []ci.Cache {
	if c.Key == "" && c.KeyFiles == nil {
		c.Key = "default"
	}
	if c.When == "" {
		c.When = "on_success"
	}
	if c.Policy == "" {
		c.Policy = "pull-push"
	}
	return []ci.Cache{c}
}

func TestCaches(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "caches")
	run := func(protected bool, want pipeline.State, j *ci.Job) *played {
		t.Helper()
		j.Name = "job"
		p := newPlayed(t, j)
		p.options.CacheDir, p.options.Protected = dir, protected
		p.run(want)
		return p
	}
	vendor := ci.Cache{Paths: []string{"vendor/", "none"}}
	count := script("cat vendor/n || true; mkdir -p vendor; echo x >> vendor/n")

	p := run(false, pipeline.Success, &ci.Job{Script: count, Cache: cached(vendor)})
	p.says("job 1", "Restoring cache\nChecking cache for default-non_protected...\nWARNING: Cache file does not exist\nFailed to extract cache\n")
	p.says("job 1", "Saving cache for successful job\nCreating cache default-non_protected...\nvendor/: found 2 matching artifact files and directories\nWARNING: none: no matching files.")
	p.says("job 1", "\nCreated cache\n")
	p = run(false, pipeline.Success, &ci.Job{Script: count, Cache: cached(vendor)})
	p.says("job 1", "Checking cache for default-non_protected...\nSuccessfully extracted cache\n")
	p.says("job 1", "|| true; mkdir -p vendor; echo x >> vendor/n\nx\nSaving")

	// A protected ref has caches of its own; fallbacks are asked in their order.
	again := vendor
	again.Key, again.FallbackKeys = "new-$CI_JOB_NAME", []string{"missing", "default"}
	p = run(true, pipeline.Failed, &ci.Job{Script: script("exit 1"), Cache: cached(again)})
	p.says("job 1", "Checking cache for default-protected...\nWARNING: Cache file does not exist\n")
	again.Unprotect, again.Policy = true, "$POLICY"
	p = run(true, pipeline.Success, &ci.Job{Script: script("cat vendor/n"), Cache: cached(again), Variables: []ci.Variable{{Name: "POLICY", Value: "pull"}}})
	p.says("job 1", "Checking cache for new-job-non_protected...\nWARNING: Cache file does not exist\nFailed to extract cache\n"+
		"Checking cache for missing-non_protected...\nWARNING: Cache file does not exist\nFailed to extract cache\n"+
		"Checking cache for default-non_protected...\nSuccessfully extracted cache\n")
	p.says("job 1", "Not uploading cache new-job-non_protected due to policy\n")

	// The global fallback key is taken as it is.
	p = run(false, pipeline.Success, &ci.Job{
		Script: script("cat vendor/n"), Cache: cached(ci.Cache{Key: "k", Paths: vendor.Paths, Policy: "pull"}),
		Variables: []ci.Variable{{Name: "CACHE_FALLBACK_KEY", Value: "default-non_protected"}},
	})
	p.says("job 1", "Checking cache for default-non_protected...\nSuccessfully extracted cache\n")

	// A failed job keeps what is for failures, and what its key's files make.
	p = run(false, pipeline.Failed, &ci.Job{
		Script: script("echo new > fresh; exit 1"),
		Cache:  cached(ci.Cache{KeyFiles: []string{"source"}, Prefix: "p", Untracked: true, When: "always", Policy: "push"}),
	})
	p.says("job 1", "Saving cache for failed job\nCreating cache p-")
	p.says("job 1", "Not downloading cache p-")
	p.says("job 1", "untracked: found 2 files\n") // source is not committed

	got, err := filepath.Glob(dir + "/*")
	if err != nil || len(got) != 2 || !slices.ContainsFunc(got, func(n string) bool { return filepath.Base(n) == "default-non_protected.tar.gz" }) {
		t.Errorf("caches %v, %v", got, err)
	}
	if err := pipeline.ClearCache(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("cleared: %v", err)
	}
}
