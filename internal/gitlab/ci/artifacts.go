package ci

import (
	"regexp"
	"slices"
	"strings"
)

// Source: GitLab Docs, "CI/CD YAML syntax reference", artifacts and cache;
// "GitLab CI/CD artifacts reports types"; GitLab's
// lib/gitlab/ci/config/entry/artifacts.rb and cache.rb.
var (
	artifactKeys = []string{
		"name", "untracked", "paths", "reports", "when", "expire_in", "expose_as", "exclude", "public", "access",
	}
	reportKinds = []string{
		"accessibility", "annotations", "api_fuzzing", "browser_performance", "cluster_image_scanning", "codequality",
		"container_scanning", "coverage_fuzzing", "coverage_report", "cyclonedx", "dast", "dependency_scanning", "dotenv",
		"junit", "load_performance", "lsif", "metrics", "performance", "repository_xray", "requirements", "requirements_v2",
		"sast", "scip", "secret_detection", "terraform",
	}
	uploadWhens    = []string{"on_success", "on_failure", "always"}
	artifactAccess = []string{"none", "developer", "all", "maintainer"}
	cacheKeys      = []string{"key", "untracked", "paths", "when", "policy", "unprotect", "fallback_keys"}
	exposeAs       = regexp.MustCompile(`^\w[-\w ]*$`)
	cachePolicy    = regexp.MustCompile(`pull-push|push|pull|\$\w{1,255}`)
)

func (r *jobReader) artifacts(n *node) {
	prefix := r.prefix + ":artifacts"
	if n.kind != mapNode {
		r.add(n, "%s config should be a hash", prefix)
		return
	}
	a := &Artifacts{When: "on_success", Access: "all", Public: true}
	r.job.Artifacts = a
	r.unknownKeys(prefix, n, artifactKeys)
	a.Paths = r.strings(prefix+" paths", n, "paths")
	a.Exclude = r.strings(prefix+" exclude", n, "exclude")
	set := map[string]bool{}
	for _, e := range n.entries {
		v := e.value
		if v.kind == nullNode {
			continue
		}
		switch set[e.key] = true; e.key {
		case "name":
			if a.Name = v.text; v.kind != stringNode {
				r.add(v, "%s name should be a string", prefix)
			}
		case "untracked":
			if b := r.flag(prefix+" untracked", v); b != nil {
				a.Untracked = *b
			}
		case "public":
			if b := r.flag(prefix+" public", v); b != nil && !*b {
				a.Public, a.Access = false, "developer"
			}
		case "when":
			a.When = r.oneOf(prefix+" when", v, uploadWhens)
		case "access":
			a.Access = r.oneOf(prefix+" access", v, artifactAccess)
			a.Public = a.Access == "all"
		case "expire_in":
			if a.ExpireIn = v.text; !lasts(v) {
				r.add(v, "%s expire in should be a duration", prefix)
			}
		case "expose_as":
			r.exposed(prefix, v, a)
		case "reports":
			r.reports(prefix+":reports", v, a)
		}
	}
	if set["access"] && set["public"] {
		r.add(n, "%s config these keys cannot be used together: access, public", prefix)
	}
}

// lasts reports whether a value is an expire_in: a duration, never, or one with
// a variable in it.
func lasts(n *node) bool {
	if n.kind != stringNode && n.kind != numberNode {
		return false
	}
	_, err := parseTime(n.text)
	return err == nil || n.text == "never" || reference.MatchString(n.text)
}

// oneOf reads a word out of a list.
func (r *jobReader) oneOf(what string, n *node, words []string) string {
	if n.kind != stringNode || !slices.Contains(words, n.text) {
		r.add(n, "%s should be one of: %s", what, strings.Join(words, ", "))
	}
	return n.text
}

func (r *jobReader) exposed(prefix string, n *node, a *Artifacts) {
	a.ExposeAs = n.text
	switch {
	case n.kind != stringNode:
		r.add(n, "%s expose as should be a string", prefix)
	case len(n.text) > 100:
		r.add(n, "%s expose as is too long (maximum is 100 characters)", prefix)
	case !exposeAs.MatchString(n.text):
		r.add(n, "%s expose as can contain only letters, digits, '-', '_' and spaces", prefix)
	}
	if len(a.Paths) == 0 {
		r.add(n, "%s paths can't be blank", prefix)
	}
	if slices.ContainsFunc(a.Paths, func(p string) bool { return strings.Contains(p, "*") }) {
		r.add(n, "%s paths can't contain '*' when used with 'expose_as'", prefix)
	}
}

func (r *jobReader) reports(prefix string, n *node, a *Artifacts) {
	if n.kind != mapNode {
		r.add(n, "%s config should be a hash", prefix)
		return
	}
	r.unknownKeys(prefix, n, reportKinds)
	a.Reports = map[string][]string{}
	for _, e := range n.entries {
		v := e.value
		if v.kind == nullNode || !slices.Contains(reportKinds, e.key) {
			continue
		}
		if e.key == "coverage_report" {
			if path, ok := v.get("path"); ok && path.value.kind == stringNode {
				a.Reports[e.key] = []string{path.value.text}
			} else {
				r.add(v, "%s:coverage_report path can't be blank", prefix)
			}
			continue
		}
		list, ok := stringOrList(v)
		if !ok {
			r.add(v, "%s %s should be an array of strings or a string", prefix, strings.ReplaceAll(e.key, "_", " "))
		}
		a.Reports[e.key] = list
	}
	a.Dotenv = a.Reports["dotenv"]
}

// caches reads one cache, or at most four.
func (r *jobReader) caches(n *node) {
	prefix := r.prefix + ":cache"
	items := []*node{n}
	switch n.kind {
	case sequenceNode:
		if items = n.items; len(items) > 4 {
			r.add(n, "%s config no more than 4 caches can be created", prefix)
			return
		}
	case mapNode:
	default:
		r.add(n, "%s config can only be a Hash or an Array", prefix)
		return
	}
	out := []Cache{}
	for _, item := range items {
		if item.kind != mapNode {
			r.add(item, "%s:cache config should be a hash", prefix)
			continue
		}
		if len(item.entries) > 0 {
			out = append(out, r.cache(prefix, item))
		}
	}
	r.job.Cache = out
}

func (r *jobReader) cache(prefix string, n *node) Cache {
	c := Cache{Key: "default", When: "on_success", Policy: "pull-push"}
	r.unknownKeys(prefix, n, cacheKeys)
	c.Paths = r.strings(prefix+":paths config", n, "paths")
	c.FallbackKeys = r.strings(prefix+":fallback_keys config", n, "fallback_keys")
	if len(c.FallbackKeys) > 5 {
		r.add(n, "%s fallback keys has too many entries (maximum 5)", prefix)
	}
	for _, e := range n.entries {
		v := e.value
		if v.kind == nullNode {
			continue
		}
		switch e.key {
		case "key":
			r.cacheKey(prefix+":key", v, &c)
		case "untracked":
			if b := r.flag(prefix+":untracked config", v); b != nil {
				c.Untracked = *b
			}
		case "unprotect":
			if b := r.flag(prefix+":unprotect config", v); b != nil {
				c.Unprotect = *b
			}
		case "when":
			c.When = r.oneOf(prefix+" when", v, uploadWhens)
		case "policy":
			if c.Policy = v.text; v.kind != stringNode || !cachePolicy.MatchString(v.text) {
				r.add(v, "%s policy should be a variable or one of: pull-push, push, pull", prefix)
			}
		}
	}
	return c
}

// cacheKey reads a name, or the files whose last commits make the key.
func (r *jobReader) cacheKey(prefix string, n *node, c *Cache) {
	switch n.kind {
	case stringNode, numberNode:
		if c.Key = n.text; strings.Contains(n.text, "/") || strings.Contains(strings.ToLower(n.text), "%2f") {
			r.add(n, `%s config cannot contain the "/" character`, prefix)
		} else if n.text == "." || n.text == ".." {
			r.add(n, `%s config cannot be "." or ".."`, prefix)
		}
	case mapNode:
		r.unknownKeys(prefix, n, []string{"files", "files_commits", "prefix"})
		c.Key = ""
		c.KeyFiles = r.strings(prefix+":files config", n, "files")
		if c.KeyFiles == nil {
			c.KeyFiles = r.strings(prefix+":files_commits config", n, "files_commits")
			c.KeyCommits = c.KeyFiles != nil
		}
		if len(c.KeyFiles) == 0 || len(c.KeyFiles) > 2 {
			r.add(n, "%s:files config requires at least 1 item and has too many items (maximum is 2)", prefix)
		}
		if e, ok := n.get("prefix"); ok && e.value.kind != nullNode {
			if c.Prefix = e.value.text; e.value.kind != stringNode {
				r.add(e.value, "%s:prefix config should be a string or symbol", prefix)
			}
		}
	default:
		r.add(n, "%s should be a hash, a string or a symbol", prefix)
	}
}
