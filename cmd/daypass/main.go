// Command daypass trades the ID tokens of CI jobs for temporary credentials,
// by AWS's own protocols, and runs such jobs on a developer's machine.
//
// Each sub-command has a file of its own. Only this package reads the clock
// and ends the process.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"regexp"
	"strings"
	"syscall"

	"github.com/daypass/daypass/internal/gitlab/ci"
	"github.com/daypass/daypass/internal/server"

	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), endSignals()...)
	// Who reads the output may leave, as head does. The write then fails, and
	// what was started is cleaned up, where the signal would end the process.
	// Ignored, it would be ignored in jobs too.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// endSignals are those that ask a program to end.
func endSignals() []os.Signal {
	ends := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // as nohup has it
		ends = append(ends, syscall.SIGHUP)
	}
	return ends
}

// Exit codes of daypass itself. `daypass ci run` ends with the job's own.
const (
	exitOK          = 0
	exitFailure     = 1
	exitUsage       = 2
	exitInterrupted = 130 // 128 and the number of SIGINT, as shells have it
)

// exitError carries an exit code through cobra. Its message was printed before.
type exitError struct{ code int }

func (e *exitError) Error() string { return fmt.Sprintf("exit status %d", e.code) }

// usageError is a wrong call: the command line, not the world, must change.
type usageError struct{ error }

// Unwrap gives what was wrong.
func (e usageError) Unwrap() error { return e.error }

// run carries out one command line and returns its exit code.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	var exit *exitError
	var usage usageError
	var option *server.OptionError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &exit):
		return exit.code
	}
	_, _ = fmt.Fprintf(stderr, "daypass: %s\n", inWords(err))
	var coded codedError
	switch {
	case errors.As(err, &coded):
		return coded.code
	case errors.As(err, &usage), errors.As(err, &option):
		return exitUsage
	case ctx.Err() != nil:
		return exitInterrupted
	default:
		return exitFailure
	}
}

// packageNames are those with which errors of ours begin. They help who reads the
// program, and nobody who runs it.
var packageNames = regexp.MustCompile(`(^|\n|: )(?:(?:archive|audit|backup|ci|client|directory|doctor|durable|gitlab|iam|idtoken|instance|jwks|lint|source|strictyaml|suite|explain|masterkey|kms|rotation|pipeline|publish|ledger|bucket|runner|workspace|server|sqlstore|store|sts): )+`)

// inWords is an error as it is told. What is wrong with a pipeline is told with
// the line and what to do.
func inWords(err error) string {
	var faults ci.Errors
	var fault *ci.Error
	switch {
	case errors.As(err, &faults):
		details := make([]string, len(faults))
		for i, e := range faults {
			details[i] = e.Detail()
		}
		return strings.Join(details, "\n")
	case errors.As(err, &fault):
		return fault.Detail()
	}
	return packageNames.ReplaceAllString(err.Error(), "$1")
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "daypass",
		Short: "Temporary credentials for CI jobs, by AWS's own protocols",
		Long: `Daypass trades a CI job's OIDC ID token for temporary credentials under a role,
if the role's trust policy admits the token. It speaks AWS STS and IAM, so the
aws CLI and every AWS SDK work unchanged. It also issues GitLab's ID tokens and
runs .gitlab-ci.yml jobs on this machine.

Try "daypass demo".`,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	group(root)
	root.SetFlagErrorFunc(flagError)
	root.AddCommand(newExec(), newEnv(), newCredentialProcess(), newWhoami(), newConfigure(), newServe(), newAccount(), newExport(), newImport(), newBackup(), newRestore(), newHealthcheck(), newStatus(), newSessions(), newKeys(), newAudit(), newIssuer(), newDoctor(), newCI(), newToken(), newExplain(), newTest(), newReach(), newLint(), newDiff(), newWhoCan(), newMigrate(), newUpgradeStore(), newMigrateStore(), newPublishCommand(), newDemo(), newVersion())
	return root
}

// flagError is an error of flags, as a wrong call. One about a token does not repeat
// what was given.
func flagError(c *cobra.Command, err error) error {
	if errors.Is(err, errTokenInArguments) {
		return usageError{errTokenInArguments}
	}
	return usageError{fmt.Errorf("%w; see \"%s --help\"", err, c.CommandPath())}
}

// group makes c a command of sub-commands: alone it prints its help, and a
// sub-command that it does not have is a wrong call.
func group(c *cobra.Command) {
	c.Args = noArguments
	c.RunE = func(c *cobra.Command, _ []string) error { return c.Help() }
}

// noArguments is cobra.NoArgs with the exit code of a wrong call.
func noArguments(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	what := "argument"
	if c.HasSubCommands() {
		what = "command"
	}
	return usageError{fmt.Errorf("unknown %s %q; see \"%s --help\"", what, args[0], c.CommandPath())}
}

// newLog writes for people, to stderr: what happened, without a clock's noise
// on a terminal.
func newLog(c *cobra.Command) *slog.Logger {
	return slog.New(slog.NewTextHandler(c.ErrOrStderr(), nil))
}
