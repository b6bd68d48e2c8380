package main

import (
	"crypto/rand"
	"slices"
	"strings"

	"github.com/daypass/daypass/internal/gitlab/ci"
	"github.com/daypass/daypass/internal/runner"
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
