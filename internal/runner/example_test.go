package runner_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"time"

	"github.com/daypass/daypass/internal/gitlab"
	"github.com/daypass/daypass/internal/gitlab/ci"
	"github.com/daypass/daypass/internal/runner"
)

// One job from its file to its end.
func ExampleRun() {
	const file = `
assume role:
  id_tokens:
    GITLAB_OIDC_TOKEN:
      aud: https://$CI_SERVER_HOST
  script:
    - echo "$CI_PROJECT_PATH on $CI_COMMIT_BRANCH"
    - echo "token ${GITLAB_OIDC_TOKEN}"
`
	err := func() error {
		pipeline, err := ci.Parse(".gitlab-ci.yml", []byte(file))
		if err != nil {
			return err
		}
		definition, err := pipeline.Job("assume role")
		if err != nil {
			return err
		}
		job, err := gitlab.NewJob(gitlab.Job{
			ServerURL: "https://gitlab.example.com",
			Project:   gitlab.Project{Path: "mygroup/myproject"},
		}, definition)
		if err != nil {
			return err
		}
		keys, err := gitlab.NewKeys()
		if err != nil {
			return err
		}
		issuer, err := gitlab.NewIssuer(gitlab.Config{URL: job.ServerURL, Keys: keys})
		if err != nil {
			return err
		}
		tokens, err := issuer.IDTokens(job, time.Now(), rand.Reader)
		if err != nil {
			return err
		}
		result, err := runner.Run(context.Background(), runner.Spec{
			Job: definition, Variables: job.Variables(), IDTokens: tokens,
			Dir: os.TempDir(), Stdout: os.Stdout, Now: time.Now,
		})
		if err != nil {
			return err
		}
		fmt.Println("exit code", result.ExitCode)
		return nil
	}()
	if err != nil {
		fmt.Println(err)
	}
	// Output:
	// Preparing the "shell" executor
	// Using Shell (bash) executor...
	// Executing "step_script" stage of the job script
	// $ echo "$CI_PROJECT_PATH on $CI_COMMIT_BRANCH"
	// mygroup/myproject on main
	// $ echo "token ${GITLAB_OIDC_TOKEN}"
	// token [MASKED]
	// Job succeeded
	// exit code 0
}
