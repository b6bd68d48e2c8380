package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/daypass/daypass/internal/gitlab"
	"github.com/daypass/daypass/internal/gitlab/ci"
	"github.com/daypass/daypass/internal/gitlab/instance"

	"github.com/spf13/cobra"
)

// jobFlags say which job of which project on which ref a token speaks of: the
// facts that GitLab knows and a work tree does not.
type jobFlags struct {
	issuer, version string

	project, visibility, defaultBranch string
	projectID, namespaceID             int64
	burned                             bool
	subComponents                      []string

	branch, ref, tag, source, jobSource string
	protected                           bool
	mergeRequest                        int64
	target, fork                        string
	forkID, forkNamespaceID             int64

	environment, tier, action string
	protectedEnvironments     []string

	user, accessLevel  string
	userID             int64
	identities, groups []string
	hosted             bool
}

func (f *jobFlags) add(c *cobra.Command) {
	flags := c.Flags()
	flags.StringVar(&f.issuer, "issuer", "", "issuer's `DIR`ectory, made where it is missing (default: issuer in Daypass's data directory)")
	flags.StringVar(&f.version, "gitlab-version", "", "the `VERSION` of GitLab that is played, "+gitlab.Oldest.String()+" to "+gitlab.Newest.String()+"; before 17.0, jobs without id_tokens have CI_JOB_JWT_V2 (default: the issuer's, or the newest)")
	flags.StringVar(&f.project, "project", "", "project `PATH`, such as mygroup/myproject (default: from the git remote origin)")
	flags.Int64Var(&f.projectID, "project-id", 0, "`ID` of the project (default: made from its path)")
	flags.Int64Var(&f.namespaceID, "namespace-id", 0, "`ID` of the project's group (default: made from its path)")
	flags.StringVar(&f.visibility, "visibility", "private", "the project is private, internal or public, a `WORD`")
	flags.StringVar(&f.defaultBranch, "default-branch", "", "the project's default `BRANCH` (default: git's origin/HEAD, or main)")
	flags.BoolVar(&f.burned, "burned-path", false, "another project held the path before: from 19.1 GitLab mints no token with project_path in sub")
	flags.StringSliceVar(&f.subComponents, "sub-components", nil, "the project's ci_id_token_sub_claim_components, `NAMES` by commas (default project_path,ref_type,ref)")
	flags.StringVar(&f.branch, "branch", "", "run on this branch `NAME` (default: the one that git has checked out)")
	flags.StringVar(&f.ref, "ref", "", "run on this branch `NAME`, as --branch")
	flags.StringVar(&f.tag, "tag", "", "run on this tag `NAME`")
	flags.BoolVar(&f.protected, "protected", false, "the branch or tag is protected")
	flags.StringVar(&f.source, "source", "push", "pipeline `SOURCE`, the variable CI_PIPELINE_SOURCE")
	flags.StringVar(&f.jobSource, "job-source", "", "the claim job_source, a `WORD` such as scan_execution_policy (default: the pipeline's source)")
	flags.Int64Var(&f.mergeRequest, "merge-request", 0, "run as the pipeline of the merge request with this `NUMBER`, from the branch")
	flags.StringVar(&f.target, "target", "", "the merge request's target `BRANCH` (default: the default branch)")
	flags.StringVar(&f.fork, "fork", "", "the merge request comes from this other `PROJECT`, of which the token then speaks")
	flags.Int64Var(&f.forkID, "fork-id", 0, "`ID` of that project (default: made from its path)")
	flags.Int64Var(&f.forkNamespaceID, "fork-namespace-id", 0, "`ID` of its group or user (default: made from its path)")
	flags.StringVar(&f.environment, "environment", "", "deploy to this environment `NAME`, whatever the file says")
	flags.StringVar(&f.tier, "deployment-tier", "", "that environment's tier, a `WORD` (default: guessed from its name, as GitLab does)")
	flags.StringVar(&f.action, "environment-action", "", "what is done to it, a `WORD`: start, prepare, stop, verify or access (default start)")
	flags.StringSliceVar(&f.protectedEnvironments, "protected-environment", nil, "this environment `NAME` is protected; may be given again")
	flags.StringVar(&f.user, "user", "", "`LOGIN` of who started the pipeline (default user)")
	flags.Int64Var(&f.userID, "user-id", 0, "`ID` of that user (default 1)")
	flags.StringVar(&f.accessLevel, "access-level", "", "that user's `ROLE` in the project, guest to owner, or none (default developer)")
	flags.StringArrayVar(&f.identities, "user-identity", nil, "an account of the user elsewhere, `PROVIDER=UID`, in a token since the user opted in; may be given again")
	flags.StringSliceVar(&f.groups, "group-direct", nil, "a group `PATH` of the user for groups_direct, which GitLab has under the flag ci_jwt_groups_direct; may be given again")
	flags.BoolVar(&f.hosted, "gitlab-hosted", false, "the runner is hosted by GitLab")
}

// checkRefs refuses what does not go together, and lets --ref be --branch.
func (f *jobFlags) checkRefs() error {
	switch {
	case f.ref != "" && f.branch != "" && f.ref != f.branch:
		return usageError{errors.New("--ref and --branch are the same; give one")}
	case f.ref != "" && f.tag != "":
		return usageError{errors.New("give --ref or --tag, not both")}
	case f.branch != "" && f.tag != "":
		return usageError{errors.New("give --branch or --tag, not both")}
	case f.mergeRequest < 0:
		return usageError{fmt.Errorf("--merge-request %d is not the number of a merge request", f.mergeRequest)}
	case f.mergeRequest != 0 && f.tag != "":
		return usageError{errors.New("a merge request comes from a branch; give --merge-request or --tag, not both")}
	case f.target != "" && f.mergeRequest == 0:
		return usageError{errors.New("--target is a merge request's; give --merge-request as well")}
	case f.fork != "" && f.mergeRequest == 0:
		return usageError{errors.New("--fork is where a merge request comes from; give --merge-request as well")}
	case f.fork == "" && (f.forkID != 0 || f.forkNamespaceID != 0):
		return usageError{errors.New("--fork-id and --fork-namespace-id are a fork's; give --fork as well")}
	case f.environment == "" && (f.tier != "" || f.action != ""):
		return usageError{errors.New("--deployment-tier and --environment-action are an environment's; give --environment as well")}
	case f.project != "" && !strings.Contains(f.project, "/"):
		return usageError{fmt.Errorf("--project %q is not GROUP/NAME", f.project)}
	case f.fork != "" && !strings.Contains(f.fork, "/"):
		return usageError{fmt.Errorf("--fork %q is not GROUP/NAME", f.fork)}
	}
	if f.ref != "" {
		f.branch = f.ref
	}
	if f.mergeRequest != 0 {
		f.source = "merge_request_event"
	}
	return nil
}

// job makes the job that the flags and the repository in dir describe, of the
// GitLab that the instance plays.
func (f *jobFlags) job(ctx context.Context, dir string, i *instance.Instance, variables []ci.Variable) (*gitlab.Job, error) {
	if f.version == "" {
		f.version = i.Settings.GitLabVersion
	}
	return f.jobAt(i.Issuer.URL(), readRepository(ctx, dir), variables)
}

// jobAt makes the job that the flags and a repository describe.
func (f *jobFlags) jobAt(serverURL string, repository repository, variables []ci.Variable) (*gitlab.Job, error) {
	if err := f.checkRefs(); err != nil {
		return nil, err
	}
	j := gitlab.Job{
		ServerURL: serverURL,
		Project: gitlab.Project{
			ID: f.projectID, Path: f.project, Visibility: f.visibility, DefaultBranch: f.defaultBranch, Burned: f.burned,
		},
		Namespace: gitlab.Namespace{ID: f.namespaceID}, Protected: f.protected,
		Pipeline: gitlab.Pipeline{Source: f.source}, Source: f.jobSource, MergeRequest: f.merge(),
		SHA: repository.sha, CommitMessage: repository.message,
		StartedAt: time.Now(), ProjectVariables: variables, SubClaimComponents: slices.Clone(f.subComponents),
		Environment: f.deployment(), ProtectedEnvironments: f.protectedEnvironments,
		User: gitlab.User{ID: f.userID, Login: f.user, AccessLevel: f.accessLevel, GroupsDirect: f.groups},
	}
	if f.hosted {
		j.Runner.Environment = "gitlab-hosted"
	}
	if j.Project.Path == "" {
		j.Project.Path = repository.project
	}
	if j.Project.Path == "" {
		return nil, usageError{errors.New("no project is known: git names no remote origin here; give --project GROUP/NAME")}
	}
	if j.Project.DefaultBranch == "" {
		j.Project.DefaultBranch = repository.defaultBranch
	}
	if err := f.onRef(&j, repository); err != nil {
		return nil, err
	}
	for _, identity := range f.identities {
		provider, uid, ok := strings.Cut(identity, "=")
		if !ok || provider == "" || uid == "" {
			return nil, usageError{fmt.Errorf("--user-identity %q is not PROVIDER=UID", identity)}
		}
		j.User.Identities = append(j.User.Identities, gitlab.UserIdentity{Provider: provider, ExternUID: uid})
	}
	if f.version != "" {
		var err error
		if j.Version, err = gitlab.ParseVersion(f.version); err != nil {
			return nil, usageError{fmt.Errorf("--gitlab-version: %w", err)}
		}
	}
	return gitlab.NewJob(j, nil)
}

// onRef says on which branch or tag the job runs. A commit that is checked out
// without a branch is on none: to take it for the default branch would make the
// token say more than is true.
func (f *jobFlags) onRef(j *gitlab.Job, r repository) error {
	switch {
	case f.tag != "":
		j.Ref, j.RefType = f.tag, "tag"
	case f.branch != "":
		j.Ref = f.branch
	case r.branch != "":
		j.Ref = r.branch
	case r.tag != "" && f.mergeRequest == 0:
		j.Ref, j.RefType = r.tag, "tag"
	case r.sha != "":
		return usageError{errors.New("git has a commit checked out, and no branch or tag; give --branch NAME or --tag NAME")}
	}
	return nil
}

func (f *jobFlags) merge() *gitlab.MergeRequest {
	if f.mergeRequest == 0 {
		return nil
	}
	m := &gitlab.MergeRequest{ID: f.mergeRequest, IID: f.mergeRequest, TargetBranch: f.target}
	if f.fork != "" {
		m.Source = &gitlab.Fork{
			Project: gitlab.Project{ID: f.forkID, Path: f.fork}, Namespace: gitlab.Namespace{ID: f.forkNamespaceID},
		}
	}
	return m
}

// deployment is the environment of --environment.
func (f *jobFlags) deployment() *gitlab.Environment {
	if f.environment == "" {
		return nil
	}
	return &gitlab.Environment{Name: f.environment, Tier: f.tier, Action: f.action}
}
