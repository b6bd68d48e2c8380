// Package runner runs one CI/CD job on this machine, under bash or another POSIX
// shell, as GitLab Runner does with its shell executor; or in a container of
// docker or podman, as its Docker executor does.
//
// Run is the whole of it. Before_script and script run in one shell with
// errexit and pipefail, without nounset, and with an empty standard input; each
// item is echoed in green before it runs; the exit code of the shell is the
// job's. After_script runs in a shell of its own and cannot fail the job. Values
// that must not be seen are masked in the output. The log has GitLab's sections
// and ends with GitLab's last line.
//
// Two things differ from a runner, both so that a job cannot reach what it
// should not:
//
//   - The job does not get the caller's environment, only the few variables that
//     a program needs to start and to reach the network; nothing whose name
//     begins with AWS_ is handed on, and the AWS SDKs are told not to ask the
//     machine's own metadata service for credentials. Otherwise a job that
//     failed to assume its role would quietly go on with the caller's rights.
//   - HOME is a fresh directory that is removed at the end, because the aws CLI
//     keeps credentials under it, and a refused token can then seem to work.
//
// It runs what the file says with the rights of the user who starts it. It is no
// sandbox.
//
// Sources: GitLab Runner's shells/bash.go, shells/abstract.go and
// common/variables.go (August 2026); GitLab Docs, "CI/CD YAML syntax reference",
// script, before_script, after_script.
package runner
