package pipeline

import (
	"cmp"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/daypass/daypass/internal/gitlab/ci"
	"github.com/daypass/daypass/internal/runner"
	"github.com/daypass/daypass/internal/runner/workspace"
)

// Source of what is done with caches, and of the lines of the log: GitLab Docs,
// "Caching in GitLab CI/CD" and "CI/CD YAML syntax reference", cache; GitLab
// Runner's shells/abstract.go and its cache-extractor and cache-archiver. A cache
// is lost without harm, so that what goes wrong with one is told and no failure.

// cache is one entry of cache with its variables expanded.
type cache struct {
	ci.Cache
	key       string
	fallbacks []string // tried in order where there is none of key
}

// caches are those of the job that keep something.
func (w *work) caches(ctx context.Context, log *runner.Log) ([]cache, error) {
	if w.Sources == nil || w.CacheDir == "" {
		return nil, nil
	}
	expand, err := w.expander()
	if err != nil {
		return nil, err
	}
	one := func(text string) string { return strings.Join(expand([]string{text}), "") }
	var out []cache
	for _, c := range w.job.Cache {
		c.Paths, c.Policy = expand(c.Paths), one(c.Policy)
		if len(c.Paths) == 0 && !c.Untracked {
			continue
		}
		key := cmp.Or(one(c.Key), "default")
		if len(c.KeyFiles) > 0 {
			print, err := w.Sources.Fingerprint(ctx, expand(c.KeyFiles), c.KeyCommits)
			if err != nil {
				return nil, err
			}
			if key = cmp.Or(print, "default"); one(c.Prefix) != "" {
				key = one(c.Prefix) + "-" + key
			}
		}
		// Caches of protected refs are apart, lest others' jobs write them
		// (GitLab Docs, "Use the same cache for all branches"; it is GitLab's
		// default).
		suffix := "-non_protected"
		if w.Protected && !c.Unprotect {
			suffix = "-protected"
		}
		made := cache{Cache: c, key: key + suffix}
		for _, f := range expand(c.FallbackKeys) {
			made.fallbacks = append(made.fallbacks, f+suffix)
		}
		if f := one("$CACHE_FALLBACK_KEY"); strings.HasSuffix(f, "-protected") {
			log.Warn(`CACHE_FALLBACK_KEY %q not allowed to end in "-protected"`, f)
		} else if f != "" {
			made.fallbacks = append(made.fallbacks, f)
		}
		out = append(out, made)
	}
	return out, nil
}

// restoreCaches gives the job the caches that there are.
func (w *work) restoreCaches(ctx context.Context, log *runner.Log) error {
	caches, err := w.caches(ctx, log)
	if err != nil || len(caches) == 0 {
		return err
	}
	defer log.Section("restore_cache", "Restoring cache")()
	for _, c := range caches {
		if c.Policy == "push" {
			log.Say("Not downloading cache %s due to policy", c.key)
			continue
		}
		for _, key := range append([]string{c.key}, c.fallbacks...) {
			log.Note("Checking cache for %s...", key)
			err := workspace.RestoreCache(workspace.CacheFile(w.CacheDir, key), w.spec.Dir)
			if err == nil {
				log.Note("Successfully extracted cache")
				break
			}
			if errors.Is(err, fs.ErrNotExist) {
				log.Warn("Cache file does not exist")
			} else {
				log.Warn("%v", err)
			}
			log.Say("Failed to extract cache")
		}
	}
	return nil
}

// saveCaches keeps the job's caches for the next one.
func (w *work) saveCaches(ctx context.Context, log *runner.Log, result runner.Result) error {
	// The warning of a fallback key was given before.
	caches, err := w.caches(ctx, &runner.Log{W: io.Discard, Now: w.Now})
	if err != nil {
		return err
	}
	section, heading, skip := "archive_cache", "Saving cache for successful job", "on_failure"
	if result.Reason != "" {
		section, heading, skip = "archive_cache_on_failure", "Saving cache for failed job", "on_success"
	}
	var keep []cache
	for _, c := range caches {
		if c.When != skip {
			keep = append(keep, c)
		}
	}
	if len(keep) == 0 {
		return nil
	}
	defer log.Section(section, heading)()
	for _, c := range keep {
		if c.Policy == "pull" {
			log.Say("Not uploading cache %s due to policy", c.key)
			continue
		}
		log.Note("Creating cache %s...", c.key)
		asked := workspace.Artifacts{Paths: c.Paths, Untracked: c.Untracked}
		found, err := workspace.SaveCache(ctx, w.spec.Dir, workspace.CacheFile(w.CacheDir, c.key), asked)
		if err != nil {
			log.Warn("%v", err)
			log.Say("Failed to create cache")
			continue
		}
		if w.tellFound(log, found) == 0 {
			log.Say("No files to cache")
			continue
		}
		log.Note("Created cache")
	}
	return nil
}

// ClearCache removes all caches in a directory of caches. That there are none is
// no error.
func ClearCache(dir string) error { return os.RemoveAll(dir) }
