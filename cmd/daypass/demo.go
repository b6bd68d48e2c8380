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
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/daypass/daypass/examples/tutorial"

	"github.com/spf13/cobra"
)

func newDemo() *cobra.Command {
	var keep bool
	c := &cobra.Command{
		Use:   "demo",
		Short: "Play the tutorial on this machine: a job on main gets credentials and a file, others do not",
		Long: `Play "Configure OpenID Connect in AWS to retrieve temporary credentials" on this
machine: a server and a GitLab issuer on loopback, provider, roles, policy and a
bucket made with the aws CLI, and the tutorial's job run on two branches, and in
another project whose role may not read that bucket; then all five forms that
the tutorial has had, on both branches; and a job that reads a secret.

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

// The demo's names. Each role's trust policy admits main of its project and
// nothing else, and each role may read its project's bucket.
const (
	demoAudience     = "https://gitlab.example.com"
	demoProject      = "mygroup/myproject"
	demoOtherProject = "mygroup/otherproject"
	demoRole         = "gitlab-deploy"
	demoOtherRole    = "gitlab-other"
	demoTutorialRole = "gitlab-tutorial"
	demoPolicy       = "read-own-bucket"
	demoBucket       = "myproject"
	demoOtherBucket  = "otherproject"
	demoFile         = "release.txt"
	demoAccount      = "000000000000"
	demoRegion       = "us-east-1"
)

// demoTrust is the tutorial's trust policy for the provider at %[1]s and the
// project %[2]s.
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
          "%[1]s:sub": "project_path:%[2]s:ref_type:branch:ref:main"
        }
      }
    }
  ]
}
`

// demoTutorialTrust admits any audience that the provider has: that of
// CI_JOB_JWT_V2 is the issuer itself.
const demoTutorialTrust = `{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Effect": "Allow",
      "Principal": {"Federated": "arn:aws:iam::` + demoAccount + `:oidc-provider/%[1]s"},
      "Action": "sts:AssumeRoleWithWebIdentity",
      "Condition": {"StringEquals": {"%[1]s:sub": "project_path:%[2]s:ref_type:branch:ref:main"}}
    }
  ]
}
`

// demoPermissions allow to read the bucket %[1]s.
const demoPermissions = `{
  "Version": "2012-10-17",
  "Statement": [
    {"Effect": "Allow", "Action": ["s3:GetObject", "s3:ListBucket"], "Resource": ["arn:aws:s3:::%[1]s", "arn:aws:s3:::%[1]s/*"]}
  ]
}
`

// demoPipeline is the tutorial's job, and what the credentials are for.
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
    - aws s3 ls s3://` + demoBucket + `
    - aws s3 cp s3://` + demoBucket + `/` + demoFile + ` -
`

// demoContent is what the file in the bucket says.
const demoContent = "Only main of " + demoProject + " reads this.\n"

// demo is one play. Each check adds a line to its summary.
type demo struct {
	out      io.Writer
	dir      string
	daypass  string // this binary
	aws      string
	refused  int  // the CLI's exit code for an error that the service answers
	finds    bool // the CLI finds the server by itself
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
	d.refused, d.finds = refusedCode(string(version)), readsEndpointURL(string(version))
	if d.daypass, err = os.Executable(); err != nil {
		return err
	}
	if d.dir, err = os.MkdirTemp("", "daypass-demo-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.stop(), os.RemoveAll(d.dir)) }()

	for _, step := range []func(context.Context) error{d.start, d.setUp, d.jobOnMain, d.jobOnBranch, d.jobOfOther, d.tutorialOnMain, d.tutorialOnBranch, d.secretOfJob} {
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
	d.say("STS, IAM, S3 and Secrets Manager answer at %s, the issuer at %s.", d.endpoint, d.issuer)
	host := strings.TrimPrefix(d.issuer, "https://")
	return errors.Join(
		os.WriteFile(d.path("config"), []byte("[default]\nregion = "+demoRegion+"\noutput = json\ncli_follow_urlparam = false\n"), 0o600),
		os.WriteFile(d.path("trust.json"), fmt.Appendf(nil, demoTrust, host, demoProject), 0o600),
		os.WriteFile(d.path("trust-other.json"), fmt.Appendf(nil, demoTrust, host, demoOtherProject), 0o600),
		os.WriteFile(d.path("permissions.json"), fmt.Appendf(nil, demoPermissions, demoBucket), 0o600),
		os.WriteFile(d.path("permissions-other.json"), fmt.Appendf(nil, demoPermissions, demoOtherBucket), 0o600),
		os.WriteFile(d.path(demoFile), []byte(demoContent), 0o600),
		os.WriteFile(d.path("trust-tutorial.json"), fmt.Appendf(nil, demoTutorialTrust, host, demoProject), 0o600),
		os.Mkdir(d.path("project"), 0o700),
		os.WriteFile(d.path("project/.gitlab-ci.yml"), []byte(demoPipeline), 0o600),
		os.CopyFS(d.path("tutorial"), tutorial.Files),
	)
}

// setUp makes provider, roles, policy and bucket through the public API.
func (d *demo) setUp(ctx context.Context) error {
	d.title("2. Identity provider, roles, policy and bucket, with the aws CLI")
	thumbprint, err := os.ReadFile(d.path("issuer/thumbprint"))
	if err != nil {
		return err
	}
	d.say("$ export AWS_SHARED_CREDENTIALS_FILE=%s AWS_CONFIG_FILE=%s", d.path("data/credentials"), d.path("config"))
	provider := "arn:aws:iam::" + demoAccount + ":oidc-provider/" + strings.TrimPrefix(d.issuer, "https://")
	policyARN := "arn:aws:iam::" + demoAccount + ":policy/" + demoPolicy
	for _, step := range []struct {
		args []string
		want string
	}{
		{[]string{"sts", "get-caller-identity"}, "arn:aws:iam::" + demoAccount + ":user/administrator"},
		{[]string{"iam", "create-open-id-connect-provider", "--url", d.issuer, "--client-id-list", demoAudience, d.issuer, "--thumbprint-list", strings.TrimSpace(string(thumbprint))}, provider},
		{[]string{"iam", "create-role", "--role-name", demoRole, "--assume-role-policy-document", "file://" + d.path("trust.json")}, demoRoleARN(demoRole)},
		{[]string{"iam", "create-policy", "--policy-name", demoPolicy, "--policy-document", "file://" + d.path("permissions.json")}, policyARN},
		{[]string{"iam", "attach-role-policy", "--role-name", demoRole, "--policy-arn", policyARN}, ""},
		{[]string{"iam", "list-attached-role-policies", "--role-name", demoRole}, policyARN},
		{[]string{"iam", "create-role", "--role-name", demoOtherRole, "--assume-role-policy-document", "file://" + d.path("trust-other.json")}, demoRoleARN(demoOtherRole)},
		{[]string{"iam", "put-role-policy", "--role-name", demoOtherRole, "--policy-name", demoPolicy, "--policy-document", "file://" + d.path("permissions-other.json")}, ""},
		{[]string{"iam", "create-role", "--role-name", demoTutorialRole, "--assume-role-policy-document", "file://" + d.path("trust-tutorial.json")}, demoRoleARN(demoTutorialRole)},
		{[]string{"iam", "attach-role-policy", "--role-name", demoTutorialRole, "--policy-arn", policyARN}, ""},
		{[]string{"s3", "mb", "s3://" + demoBucket}, "make_bucket: " + demoBucket},
		{[]string{"s3", "cp", "--no-progress", demoFile, "s3://" + demoBucket}, "upload:"},
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
	d.title("3. The tutorial's job on main: the trust policy admits it, its role reads the bucket")
	output, code, err := d.job(ctx, demoProject, "main", demoRole)
	if err != nil {
		return err
	}
	d.check("the job on main ends well", code == 0)
	d.check("and is arn:aws:sts::"+demoAccount+":assumed-role/"+demoRole+"/…", strings.Contains(output, ":assumed-role/"+demoRole+"/GitLabRunner-"))
	d.check("lists the bucket "+demoBucket, demoListed.MatchString(output))
	d.check("and copies a file from it", strings.Contains(output, "\n"+demoContent))
	return nil
}

func (d *demo) jobOnBranch(ctx context.Context) error {
	d.title("4. The same job on the branch try-something: denied, and why")
	output, code, err := d.job(ctx, demoProject, "try-something", demoRole)
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

// jobOfOther is a job that is admitted, and may not read this bucket.
func (d *demo) jobOfOther(ctx context.Context) error {
	d.title("5. The same job in another project, with that project's role: not this bucket, and why")
	output, code, err := d.job(ctx, demoOtherProject, "main", demoOtherRole)
	if err != nil {
		return err
	}
	d.check("the other project's job gets credentials", strings.Contains(output, ":assumed-role/"+demoOtherRole+"/GitLabRunner-"))
	d.check(fmt.Sprintf("and fails at the bucket with the CLI's exit code %d", d.refused), code == d.refused)
	d.check("with who, what and why not, in AWS's words", demoDenied.MatchString(output) && !strings.Contains(output, demoContent))
	d.check("and says which bucket its policy wanted and which it got",
		strings.Contains(output, `"arn:aws:s3:::`+demoOtherBucket+`"`) && strings.Contains(output, `got    "arn:aws:s3:::`+demoBucket+`"`))
	return nil
}

var (
	// demoListed is the line of aws s3 ls.
	demoListed = regexp.MustCompile(`(?m)^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d +` + strconv.Itoa(len(demoContent)) + ` ` + regexp.QuoteMeta(demoFile) + `$`)
	// demoDenied is S3's sentence for a role that no policy allows anything.
	demoDenied = regexp.MustCompile(`\(AccessDenied\) when calling the ListObjectsV2 operation: User: arn:aws:sts::` + demoAccount + `:assumed-role/` + demoOtherRole +
		`/\S+ is not authorized to perform: s3:ListBucket on resource: "arn:aws:s3:::` + demoBucket + `" because no identity-based policy allows the s3:ListBucket action`)
)

func demoRoleARN(name string) string { return "arn:aws:iam::" + demoAccount + ":role/" + name }

// job runs the tutorial's job on one branch, as `daypass ci run` does for anyone.
func (d *demo) job(ctx context.Context, project, branch, role string) (output string, code int, err error) {
	return d.jobOf(ctx, "project/.gitlab-ci.yml", "assume role", project, branch, role)
}

// jobOf runs one job of a file.
func (d *demo) jobOf(ctx context.Context, file, name, project, branch, role string) (output string, code int, err error) {
	return d.command(ctx, os.Environ(), d.daypass, "ci", "run", name,
		"--file", d.path(file), "--issuer", d.path("issuer"), "--endpoint", d.endpoint,
		"--project", project, "--branch", branch,
		"--var", "ROLE_ARN="+demoRoleARN(role))
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
