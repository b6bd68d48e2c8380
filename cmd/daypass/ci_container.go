package main

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/daypass/daypass/internal/gitlab/ci"
	"github.com/daypass/daypass/internal/runner"
	"github.com/daypass/daypass/internal/runner/pipeline"
)

// container makes the container of a job, and its services.
func (r *ciRun) container(j *ci.Job, variables []ci.Variable) (*runner.Container, error) {
	expanded, err := ci.ExpandAll(variables)
	if err != nil {
		return nil, err
	}
	image := j.Image
	c := &runner.Container{
		Engine: r.engine, Image: ci.Expand(image.Name, expanded), Entrypoint: image.Entrypoint,
		PullPolicy: image.PullPolicy, Platform: image.Platform, User: image.User,
		Name: "daypass-job-" + strings.ToLower(rand.Text()), Dir: "/builds/" + r.base.Project.Path,
	}
	if r.ignoreServices {
		return c, nil
	}
	for _, s := range j.Services {
		started, err := r.service(s, variables)
		if err != nil {
			return nil, err
		}
		if started.Image != "" { // as GitLab Runner, which leaves it out
			c.Services = append(c.Services, started)
		}
	}
	return c, nil
}

// service makes one service. Its variables may name any of the job's, and so
// come to hold a secret that the file hands on; of the job's own it gets those
// that GitLab calls public: the predefined and the file's, and none of the
// project's settings, no token and no masked one (GitLab Runner's
// PublicOrInternal).
func (r *ciRun) service(s ci.Service, variables []ci.Variable) (runner.Service, error) {
	all, err := ci.ExpandAll(slices.Concat(variables, s.Variables))
	if err != nil {
		return runner.Service{}, err
	}
	private := map[string]bool{}
	for _, v := range variables {
		if v.Masked {
			private[v.Name] = true
		}
	}
	for _, v := range r.base.ProjectVariables {
		private[v.Name] = true
	}
	for _, v := range s.Variables {
		private[v.Name] = false
	}
	name := ci.Expand(s.Name, all)
	out := runner.Service{
		Image: name, Aliases: runner.ServiceAliases(name, ci.Expand(s.Alias, all)), Entrypoint: s.Entrypoint, Command: s.Command,
		PullPolicy: s.PullPolicy, Platform: s.Platform, User: s.User,
	}
	for _, v := range all {
		if !private[v.Name] && !v.File {
			out.Variables = append(out.Variables, v)
		}
	}
	return out, nil
}

// cacheDir is where the project's caches are: in the user's directory of caches,
// by the directory of the project, so that two clones do not mix. It is "" where
// none are wanted, or where there is no such directory.
func (r *ciRun) cacheDir() (string, error) {
	base, err := os.UserCacheDir()
	if err != nil {
		if !r.noCache {
			r.note("caches are not kept: %v", err)
		}
		return "", nil
	}
	root, err := filepath.Abs(r.project.root)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(root))
	dir := filepath.Join(base, "daypass", "ci", filepath.Base(root)+"-"+hex.EncodeToString(sum[:6]))
	if r.clearCache {
		if err := pipeline.ClearCache(dir); err != nil {
			return "", fmt.Errorf("clear the caches: %w", err)
		}
	}
	if r.noCache {
		return "", nil
	}
	return dir, nil
}
