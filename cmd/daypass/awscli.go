package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// environ is the caller's environment for the runner, which takes few variables
// of it. Where the aws CLI is too old to read AWS_ENDPOINT_URL, a script named
// aws comes first on PATH and says --endpoint-url to it: the job's own lines
// stay as they are.
func (f *runFlags) environ(ctx context.Context) (environ []string, cleanUp func(), err error) {
	environ = os.Environ()
	if f.endpoint == "" {
		return environ, func() {}, nil
	}
	path, err := exec.LookPath("aws")
	if err != nil {
		return environ, func() {}, nil //nolint:nilerr // the job may not need it; if it does, bash will say so
	}
	version, err := exec.CommandContext(ctx, path, "--version").CombinedOutput()
	if err != nil || readsEndpointURL(string(version)) {
		return environ, func() {}, nil //nolint:nilerr // a CLI that does not even start fails in the job, in its own words
	}
	dir, err := os.MkdirTemp("", "daypass-aws-")
	if err != nil {
		return nil, nil, err
	}
	cleanUp = func() { _ = os.RemoveAll(dir) } // in the system's temporary directory
	script := "#!/bin/sh\n# This aws CLI does not read AWS_ENDPOINT_URL yet.\nexec " + quote(path) + ` --endpoint-url "$AWS_ENDPOINT_URL" "$@"` + "\n"
	if err := os.WriteFile(filepath.Join(dir, "aws"), []byte(script), 0o700); err != nil { //nolint:gosec // it must be executable
		return nil, nil, errors.Join(err, os.RemoveAll(dir))
	}
	return append(environ, "PATH="+dir+string(os.PathListSeparator)+os.Getenv("PATH")), cleanUp, nil
}

var cliVersion = regexp.MustCompile(`^aws-cli/(\d+)\.(\d+)\.`)

// readsEndpointURL reports whether an aws CLI of this version reads
// AWS_ENDPOINT_URL: since 1.29 and 2.13 (AWS SDKs and Tools Reference Guide,
// "Service-specific endpoints").
func readsEndpointURL(version string) bool {
	m := cliVersion.FindStringSubmatch(strings.TrimSpace(version))
	if m == nil {
		return false
	}
	major, _ := strconv.Atoi(m[1]) // digits by the expression
	minor, _ := strconv.Atoi(m[2])
	return major > 2 || major == 2 && minor >= 13 || major == 1 && minor >= 29
}

// refusedCode is the exit code of an aws CLI of this version when the service
// answers with an error: 254, and 255 with version 1 (AWS CLI User Guide,
// "Command line return codes"; seen with 1.45 and 2.9).
func refusedCode(version string) int {
	if strings.HasPrefix(version, "aws-cli/1.") {
		return 255
	}
	return 254
}
