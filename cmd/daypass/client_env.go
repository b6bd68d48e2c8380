package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/daypass/daypass/internal/client"

	"github.com/spf13/cobra"
)

func newEnv() *cobra.Command {
	var f clientFlags
	var format string
	c := &cobra.Command{
		Use:   "env",
		Short: "Print a job's credentials as variables, for eval",
		Long: `Trade the job's ID token for credentials and print them as variables.

  eval "$(daypass env --role ARN)"

If that fails, what is printed ends the shell with the exit code, under bash, dash,
zsh and busybox, with and without set -e; in a subshell it ends that. A shell that
cannot even start daypass evaluates nothing and goes on; where that could happen,
write

  creds=$(daypass env --role ARN) || exit
  eval "$creds"

Variables that would win over these credentials, as AWS_PROFILE, are unset.
"daypass exec" is safer: nothing is printed.
` + clientExitHelp,
		Example: `  eval "$(daypass env --role arn:aws:iam::123456789012:role/deploy)"
  daypass env --format fish | source
  daypass env --format powershell | Out-String | Invoke-Expression`,
	}
	form := func() client.Format {
		if !slices.Contains(client.Formats, client.Format(format)) {
			return client.Sh
		}
		return client.Format(format)
	}
	// Whatever goes wrong, wrong flags among it, ends the shell that evaluates this.
	abort := func(c *cobra.Command, err error) error {
		err = failed(c, err)
		code := exitFailure
		if exit, ok := err.(*exitError); ok { //nolint:errorlint // failed made it
			code = exit.code
		}
		_, _ = fmt.Fprint(c.OutOrStdout(), client.Abort(form(), code))
		return err
	}
	c.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return abort(c, flagError(c, err))
	})
	c.Args = func(c *cobra.Command, args []string) error {
		if err := noToken(c, args); err != nil {
			return abort(c, err)
		}
		return nil
	}
	c.RunE = func(c *cobra.Command, _ []string) (err error) {
		defer func() {
			if met := recover(); met != nil {
				err = abort(c, fmt.Errorf("the program met a fault of its own: %v", met))
			}
		}()
		if form() != client.Format(format) {
			return abort(c, usageError{fmt.Errorf("--format %q is not known; there are %v", format, client.Formats)})
		}
		x, err := f.exchange()
		if err != nil {
			return abort(c, err)
		}
		given, err := x.Credentials(c.Context())
		if err != nil {
			return abort(c, err)
		}
		mask(c, x.Env, given)
		text, err := given.Print(form(), client.Leftovers(x.Env))
		if err != nil {
			return abort(c, err)
		}
		_, err = fmt.Fprint(c.OutOrStdout(), text)
		return err
	}
	f.add(c)
	c.Flags().StringVar(&format, "format", string(client.Sh), "`FORM`: sh, fish, powershell, cmd, dotenv (NAME=value; a file of such lines is a secret) or json (as a credential_process)")
	complete(c, "format", formatNames()...)
	return c
}

func formatNames() []string {
	names := make([]string, len(client.Formats))
	for i, format := range client.Formats {
		names[i] = string(format)
	}
	return names
}

// complete offers a shell the values that a flag can have.
func complete(c *cobra.Command, flag string, values ...string) {
	if err := c.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic("daypass: " + err.Error()) // the flag is not there: met by every test
	}
}

func newExec() *cobra.Command {
	var f clientFlags
	var refresh bool
	c := &cobra.Command{
		Use:   "exec [flags] -- COMMAND [ARGUMENT]...",
		Short: "Run a command with a job's credentials, and nothing else with them",
		Long: `Trade the job's ID token for credentials and run a command that has them in its
environment, and none other: keys, profiles and token files that are set are taken
out. Nothing is written or printed. If there are no credentials, the command is
not run.

The exit code is the command's: 127 if there is no such command, 126 if it cannot
be run, 128 and the number of the signal that ended it.
` + clientExitHelp,
		Example: `  daypass exec --role arn:aws:iam::123456789012:role/deploy -- aws s3 sync site s3://releases`,
		Args: func(c *cobra.Command, args []string) error {
			switch dash := c.ArgsLenAtDash(); {
			case dash < 0 && len(args) > 0:
				return usageError{fmt.Errorf("put -- before the command: daypass exec -- %s", shownCell(args[0]))}
			case dash > 0:
				return noToken(c, args[:dash])
			case len(args) == 0:
				return usageError{fmt.Errorf("which command? daypass exec --role ARN -- COMMAND")} //nolint:perfsprint // as the others
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			x, err := f.exchange()
			if err != nil {
				return failed(c, err)
			}
			path, err := lookProgram(args[0])
			if err != nil {
				return err
			}
			if refresh {
				return runRefreshed(c, x, path, args, f.settings())
			}
			given, err := x.Credentials(c.Context())
			if err != nil {
				return failed(c, err)
			}
			mask(c, x.Env, given)
			environ, removed := given.Environ(append(os.Environ(), f.settings()...))
			tellRemoved(c, removed)
			return runInstead(c, path, args, environ)
		},
	}
	f.add(c)
	c.Flags().BoolVar(&refresh, "refresh", false, "for commands that last longer than credentials: give them through an endpoint on loopback that AWS SDKs ask (AWS_CONTAINER_CREDENTIALS_FULL_URI), with fresh ones before the old expire")
	return c
}

func newCredentialProcess() *cobra.Command {
	var f clientFlags
	var dir string
	var noCache bool
	var early time.Duration
	c := &cobra.Command{
		Use:   "credential-process",
		Short: "Print a job's credentials for the AWS CLI and SDKs, and keep them for the next call",
		Long: `Print a job's credentials in the form of a credential_process, for a profile in the
configuration of the AWS CLI and SDKs:

  [profile deploy]
  credential_process = daypass credential-process --role ARN

The CLI asks anew for each command; so they are kept, readable by this user only,
until five minutes before they expire. Of many calls at once one asks STS. Where STS
gives no answer, kept credentials that have not expired are given; where it denies,
never.
` + clientExitHelp,
		Args: noToken,
		RunE: func(c *cobra.Command, _ []string) error {
			x, err := f.exchange()
			if err != nil {
				return failed(c, err)
			}
			var source client.Source = x
			if !noCache {
				if dir == "" {
					if dir, err = cacheDir(); err != nil {
						return failed(c, err)
					}
				}
				source = &client.Cache{Dir: dir, Source: x, Early: early}
			}
			ctx, cancel := context.WithTimeout(c.Context(), processTimeout)
			defer cancel()
			given, err := source.Credentials(ctx)
			if err != nil {
				return failed(c, err)
			}
			mask(c, x.Env, given)
			text, err := given.Print(client.JSON, nil)
			if err != nil {
				return failed(c, err)
			}
			_, err = fmt.Fprint(c.OutOrStdout(), text)
			return err
		},
	}
	f.add(c)
	c.Flags().StringVar(&dir, "cache-dir", "", "keep the credentials in this `DIR`ectory (default: daypass/credentials in the user's cache directory)")
	c.Flags().BoolVar(&noCache, "no-cache", false, "keep none, and ask STS each time")
	c.Flags().DurationVar(&early, "early", client.DefaultEarly, "replace them this `DURATION` before they expire, or at half of their life")
	return c
}

// processTimeout ends a call whose lock is held for ever, or whose STS never answers.
const processTimeout = 2 * time.Minute
