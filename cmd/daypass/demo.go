package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
)

func newDemo() *cobra.Command {
	var keep bool
	c := &cobra.Command{
		Use:   "demo",
		Short: "Play the tutorial on this machine: a job on main gets credentials, one on another branch does not",
		Long: `Play "Configure OpenID Connect in AWS to retrieve temporary credentials" on this
machine: a server and a GitLab issuer on loopback, provider, role and policy made
with the aws CLI, and the tutorial's job run on two branches.

Everything happens in a temporary directory that is removed at the end. The
exit status is 0 only if each step went as expected.`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			return runDemo(c.Context(), c.OutOrStdout(), keep)
		},
	}
	c.Flags().BoolVar(&keep, "keep", false, "leave it running, say how to use it, and clean up on interrupt")
	return c
}

// The demo's names. The trust policy admits main of one project and nothing else.
const (
	demoAudience = "https://gitlab.example.com"
	demoProject  = "mygroup/myproject"
	demoRole     = "gitlab-deploy"
	demoPolicy   = "read-own-bucket"
	demoAccount  = "000000000000"
	demoRegion   = "us-east-1"
)

// demoTrust is the tutorial's trust policy for the provider at %[1]s.
const demoTrust = `{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Effect": "Allow",
      "Principal": {"Federated": "arn:aws:iam::` + demoAccount + `:oidc-provider/%[1]s"},
      "Action": "sts:AssumeRoleWithWebIdentity",
      "Condition": {
        "StringEquals": {
          "%[1]s:aud": "` + demoAudience + `",
          "%[1]s:sub": "project_path:` + demoProject + `:ref_type:branch:ref:main"
        }
      }
    }
  ]
}
`

const demoPermissions = `{
  "Version": "2012-10-17",
  "Statement": [
    {"Effect": "Allow", "Action": ["s3:GetObject", "s3:ListBucket"], "Resource": ["arn:aws:s3:::myproject", "arn:aws:s3:::myproject/*"]}
  ]
}
`

// demoPipeline is the tutorial's job.
const demoPipeline = `assume role:
  id_tokens:
    GITLAB_OIDC_TOKEN:
      aud: ` + demoAudience + `
  script:
    # this is split out for correct exit code handling
    - >
      aws_sts_output=$(aws sts assume-role-with-web-identity
      --role-arn ${ROLE_ARN}
      --role-session-name "GitLabRunner-${CI_PROJECT_ID}-${CI_PIPELINE_ID}"
      --web-identity-token ${GITLAB_OIDC_TOKEN}
      --duration-seconds 3600
      --query 'Credentials.[AccessKeyId,SecretAccessKey,SessionToken]'
      --output text)
    - export $(printf "AWS_ACCESS_KEY_ID=%s AWS_SECRET_ACCESS_KEY=%s AWS_SESSION_TOKEN=%s" $aws_sts_output)
    - aws sts get-caller-identity
`

// demo is one play. Each check adds a line to its summary.
type demo struct {
	out      io.Writer
	dir      string
	daypass  string // this binary
	aws      string
	refused  int // the CLI's exit code for an error that the service answers
	endpoint string
	issuer   string
	checks   []demoCheck
	running  []*exec.Cmd
}

type demoCheck struct {
	what string
	ok   bool
}

func runDemo(ctx context.Context, out io.Writer, keep bool) (err error) {
	d := &demo{out: out}
	if d.aws, err = exec.LookPath("aws"); err != nil {
		return errors.New(`the demo needs the aws CLI and finds none on PATH; install it, on Debian with "apt-get install awscli", and run it again`)
	}
	version, err := exec.CommandContext(ctx, d.aws, "--version").CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s --version: %w\n%s", d.aws, err, version)
	}
	d.refused = refusedCode(string(version))
	if d.daypass, err = os.Executable(); err != nil {
		return err
	}
	if d.dir, err = os.MkdirTemp("", "daypass-demo-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.stop(), os.RemoveAll(d.dir)) }()

	for _, step := range []func(context.Context) error{d.start, d.setUp, d.jobOnMain, d.jobOnBranch} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	failed := d.summary()
	if keep {
		d.explainUse()
		<-ctx.Done()
		d.say("\nStopping, and removing %s.", d.dir)
	}
	if failed {
		return &exitError{exitFailure}
	}
	return nil
}

// start runs the server and the issuer, and waits until both answer.
func (d *demo) start(ctx context.Context) (err error) {
	d.title("1. A server and a GitLab issuer, on loopback")
	if d.endpoint, err = d.background(ctx, "server", "serve", "--listen", "127.0.0.1:0", "--data", d.path("data"),
		"--account", demoAccount, "--explain-to-caller"); err != nil {
		return err
	}
	if d.issuer, err = d.background(ctx, "issuer", "issuer", "serve", "--dir", d.path("issuer")); err != nil {
		return err
	}
	d.say("STS and IAM answer at %s, the issuer at %s.", d.endpoint, d.issuer)
	return errors.Join(
		os.WriteFile(d.path("config"), []byte("[default]\nregion = "+demoRegion+"\noutput = json\ncli_follow_urlparam = false\n"), 0o600),
		os.WriteFile(d.path("trust.json"), fmt.Appendf(nil, demoTrust, strings.TrimPrefix(d.issuer, "https://")), 0o600),
		os.WriteFile(d.path("permissions.json"), []byte(demoPermissions), 0o600),
		os.WriteFile(d.path(".gitlab-ci.yml"), []byte(demoPipeline), 0o600),
	)
}

// setUp makes provider, role and policy through the public API.
func (d *demo) setUp(ctx context.Context) error {
	d.title("2. Identity provider, role and policy, with the aws CLI")
	thumbprint, err := os.ReadFile(d.path("issuer/thumbprint"))
	if err != nil {
		return err
	}
	d.say("$ export AWS_SHARED_CREDENTIALS_FILE=%s AWS_CONFIG_FILE=%s", d.path("data/credentials"), d.path("config"))
	provider := "arn:aws:iam::" + demoAccount + ":oidc-provider/" + strings.TrimPrefix(d.issuer, "https://")
	role := "arn:aws:iam::" + demoAccount + ":role/" + demoRole
	policyARN := "arn:aws:iam::" + demoAccount + ":policy/" + demoPolicy
	for _, step := range []struct {
		args []string
		want string
	}{
		{[]string{"sts", "get-caller-identity"}, "arn:aws:iam::" + demoAccount + ":user/administrator"},
		{[]string{"iam", "create-open-id-connect-provider", "--url", d.issuer, "--client-id-list", demoAudience, "--thumbprint-list", strings.TrimSpace(string(thumbprint))}, provider},
		{[]string{"iam", "create-role", "--role-name", demoRole, "--assume-role-policy-document", "file://" + d.path("trust.json")}, role},
		{[]string{"iam", "create-policy", "--policy-name", demoPolicy, "--policy-document", "file://" + d.path("permissions.json")}, policyARN},
		{[]string{"iam", "attach-role-policy", "--role-name", demoRole, "--policy-arn", policyARN}, ""},
		{[]string{"iam", "list-attached-role-policies", "--role-name", demoRole}, policyARN},
	} {
		output, code, err := d.command(ctx, d.awsEnv(), d.aws, append([]string{"--endpoint-url", d.endpoint}, step.args...)...)
		if err != nil {
			return err
		}
		d.check("aws "+step.args[0]+" "+step.args[1], code == 0 && strings.Contains(output, step.want))
	}
	return nil
}

func (d *demo) jobOnMain(ctx context.Context) error {
	d.title("3. The tutorial's job on main: the trust policy admits it")
	output, code, err := d.job(ctx, "main")
	if err != nil {
		return err
	}
	d.check("the job on main ends well", code == 0)
	d.check("and is arn:aws:sts::"+demoAccount+":assumed-role/"+demoRole+"/…", strings.Contains(output, ":assumed-role/"+demoRole+"/GitLabRunner-"))
	return nil
}

func (d *demo) jobOnBranch(ctx context.Context) error {
	d.title("4. The same job on the branch try-something: denied, and why")
	output, code, err := d.job(ctx, "try-something")
	if err != nil {
		return err
	}
	d.check(fmt.Sprintf("the job on another branch fails with the CLI's exit code %d", d.refused), code == d.refused)
	d.check("with AWS's words", strings.Contains(output, "An error occurred (AccessDenied) when calling the AssumeRoleWithWebIdentity operation: Not authorized to perform sts:AssumeRoleWithWebIdentity"))
	sub := strings.TrimPrefix(d.issuer, "https://") + ":sub"
	d.check("and says which condition, what it wanted and what it got",
		strings.Contains(output, "StringEquals") && strings.Contains(output, sub) &&
			strings.Contains(output, "project_path:"+demoProject+":ref_type:branch:ref:main") &&
			strings.Contains(output, "project_path:"+demoProject+":ref_type:branch:ref:try-something"))
	return nil
}

// job runs the tutorial's job on one branch, as `daypass ci run` does for anyone.
func (d *demo) job(ctx context.Context, branch string) (output string, code int, err error) {
	return d.command(ctx, os.Environ(), d.daypass, "ci", "run", "assume role",
		"--file", d.path(".gitlab-ci.yml"), "--issuer", d.path("issuer"), "--endpoint", d.endpoint,
		"--project", demoProject, "--branch", branch,
		"--variable", "ROLE_ARN=arn:aws:iam::"+demoAccount+":role/"+demoRole)
}

func (d *demo) path(name string) string { return filepath.Join(d.dir, name) }

// awsEnv is the environment for the administrator's aws CLI: nothing of the
// caller's AWS settings gets in.
func (d *demo) awsEnv() []string {
	env := []string{
		"AWS_SHARED_CREDENTIALS_FILE=" + d.path("data/credentials"), "AWS_CONFIG_FILE=" + d.path("config"),
		"AWS_EC2_METADATA_DISABLED=true", "AWS_PAGER=", "HOME=" + d.dir,
	}
	for _, name := range []string{"PATH", "LANG", "TMPDIR"} {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// background starts a sub-command that serves, and returns the URL that it
// writes to its ready file.
func (d *demo) background(ctx context.Context, name string, args ...string) (string, error) {
	ready := d.path(name + ".url")
	args = append(args, "--ready-file", ready)
	d.prompt(d.daypass, append(args, "&"))
	log, err := os.Create(d.path(name + ".log"))
	if err != nil {
		return "", err
	}
	defer func() { _ = log.Close() }() // the child has its own copy
	c := exec.CommandContext(ctx, d.daypass, args...)
	c.Stdout, c.Stderr = log, log
	// The tutorial's server is the same for all: no settings of the caller's.
	c.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "DAYPASS_") })
	c.Cancel = func() error { return c.Process.Signal(syscall.SIGTERM) }
	c.WaitDelay = 15 * time.Second
	if err := c.Start(); err != nil {
		return "", err
	}
	d.running = append(d.running, c)
	for range 600 { // 30 seconds
		if url, err := os.ReadFile(ready); err == nil {
			return strings.TrimSpace(string(url)), nil
		}
		select {
		case <-ctx.Done():
			return "", context.Cause(ctx)
		case <-time.After(50 * time.Millisecond):
		}
	}
	text, _ := os.ReadFile(log.Name())
	return "", fmt.Errorf("the %s did not start within 30 seconds; it said:\n%s", name, text)
}

// stop ends what background started, the last first.
func (d *demo) stop() error {
	var all error
	for i := len(d.running) - 1; i >= 0; i-- {
		c := d.running[i]
		if err := c.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
			all = errors.Join(all, err)
		}
		var exit *exec.ExitError
		if err := c.Wait(); err != nil && !errors.As(err, &exit) && !errors.Is(err, context.Canceled) {
			all = errors.Join(all, err)
		}
	}
	return all
}

// command runs one command, shows it and what it prints, and returns both.
func (d *demo) command(ctx context.Context, env []string, name string, args ...string) (output string, code int, err error) {
	d.prompt(name, args)
	var both bytes.Buffer
	c := exec.CommandContext(ctx, name, args...)
	c.Env = env
	c.Dir = d.dir
	c.Stdout = io.MultiWriter(&both, d.out)
	c.Stderr = c.Stdout
	c.Cancel = func() error { return c.Process.Signal(syscall.SIGTERM) } // a job that is killed cannot clean up
	c.WaitDelay = 15 * time.Second
	err = c.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return both.String(), exit.ExitCode(), context.Cause(ctx)
	}
	return both.String(), 0, err
}
