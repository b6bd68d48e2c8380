package main

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"strings"
)

// This file is the part of the demo that plays examples/tutorial: the forms in
// which the tutorial was taught, as one pipeline.

// tutorialOnMain runs all forms where the role trusts them.
func (d *demo) tutorialOnMain(ctx context.Context) error {
	d.title("6. All forms of the tutorial since 2022, as one pipeline on main: each reads the bucket")
	output, code, err := d.tutorial(ctx, "main")
	if err != nil {
		return err
	}
	d.check("the pipeline passes", code == 0)
	for _, job := range d.tutorialJobs() {
		want := demoContent
		if strings.HasPrefix(job, "001") {
			want = demoFile
		}
		read := regexp.MustCompile(`(?m)^` + job + ` +\| .*` + regexp.QuoteMeta(strings.TrimSpace(want)) + `$`)
		d.check(fmt.Sprintf("%s reads the bucket", job), jobEnded(output, job, "passed") && read.MatchString(output))
	}
	return nil
}

// tutorialOnBranch runs them where it does not: one form hides the denial.
func (d *demo) tutorialOnBranch(ctx context.Context) error {
	d.title("7. The same pipeline on try-something: all are denied, and one of them is green all the same")
	output, code, err := d.tutorial(ctx, "try-something")
	if err != nil {
		return err
	}
	d.check("the pipeline fails", code == exitFailure)
	d.check("no job reads the bucket", !strings.Contains(output, strings.TrimSpace(demoContent)))
	d.check("it warns that 002 and 003 swallow the failure", strings.Count(output, "export hides that aws fails") == 2)
	for _, job := range d.tutorialJobs() {
		switch job[:3] {
		case "002":
			d.check(job+" is the trap: denied and green", jobEnded(output, job, "passed") && strings.Contains(output, "Nothing was released yet."))
		case "003":
			d.check(job+" fails, for want of credentials", jobEnded(output, job, "failed") && strings.Contains(output, "Unable to locate credentials"))
		default:
			d.check(fmt.Sprintf("%s fails with the CLI's exit code %d", job, d.refused),
				jobEnded(output, job, `failed +\S+ +exit status `+fmt.Sprint(d.refused)))
		}
	}
	return nil
}

// tutorialJobs are the jobs that this machine's aws CLI can run: one that does not
// read AWS_ENDPOINT_URL exchanges the token of a file at AWS itself.
func (d *demo) tutorialJobs() []string {
	jobs := []string{"000 array", "001 token file", "002 one line, green", "003 one line, late", "004 two steps"}
	if !d.finds {
		return append(jobs[:1], jobs[2:]...)
	}
	return jobs
}

// tutorial runs the pipeline on one branch, as of a GitLab that has CI_JOB_JWT_V2.
func (d *demo) tutorial(ctx context.Context, branch string) (output string, code int, err error) {
	args := append([]string{"ci", "run"}, d.tutorialJobs()...)
	return d.command(ctx, os.Environ(), d.daypass, append(args,
		"--file", d.path("tutorial/.gitlab-ci.yml"), "--issuer", d.path("issuer"), "--endpoint", d.endpoint,
		"--project", demoProject, "--branch", branch, "--gitlab-version", "16.11", "--ignore-image",
		"--var", "ROLE_ARN="+demoRoleARN(demoTutorialRole), "--var", "BUCKET="+demoBucket)...)
}

// jobEnded looks for a job's row in the summary.
func jobEnded(output, job, state string) bool {
	return regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(job) + ` +test +` + state).MatchString(output)
}
