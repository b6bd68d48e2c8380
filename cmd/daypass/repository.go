package main

import (
	"context"
	"net/url"
	"os/exec"
	"strings"
)

// repository is what git tells of a working tree. What git does not know is "".
type repository struct {
	project, branch, tag, defaultBranch, sha, message string // tag is that of a commit without a branch
}

// readRepository asks git. A directory that is no repository, or a machine
// without git, gives the zero repository: flags say the rest.
func readRepository(ctx context.Context, dir string) repository {
	git := func(args ...string) string {
		out, err := gitOutput(ctx, dir, args...)
		if err != nil {
			return ""
		}
		return strings.TrimSpace(out)
	}
	r := repository{
		project:       projectPath(git("remote", "get-url", "origin")),
		branch:        git("symbolic-ref", "--quiet", "--short", "HEAD"),
		defaultBranch: strings.TrimPrefix(git("symbolic-ref", "--quiet", "--short", "refs/remotes/origin/HEAD"), "origin/"),
		sha:           git("rev-parse", "--verify", "--quiet", "HEAD"),
		message:       git("log", "-1", "--format=%B"),
	}
	if r.branch == "" {
		r.tag = git("describe", "--tags", "--exact-match", "HEAD")
	}
	return r
}

// gitOutput runs git in a directory.
func gitOutput(ctx context.Context, dir string, args ...string) (string, error) {
	out, err := exec.CommandContext(ctx, "git", append([]string{"-C", dir}, args...)...).Output()
	return string(out), err
}

// projectPath takes the project's path out of a remote's URL, in both forms
// that GitLab offers: https://HOST/GROUP/NAME.git and git@HOST:GROUP/NAME.git.
func projectPath(remote string) string {
	path := ""
	if u, err := url.Parse(remote); err == nil && u.Host != "" {
		path = u.Path
	} else if _, after, ok := strings.Cut(remote, ":"); ok {
		path = after
	}
	path = strings.TrimSuffix(strings.Trim(path, "/"), ".git")
	if !strings.Contains(path, "/") {
		return ""
	}
	return path
}
