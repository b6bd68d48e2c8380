package runner

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/daypass/daypass/internal/gitlab/ci"
)

// passedOn are the variables of the caller that a job gets: where programs are,
// how to write, and how to reach the network. Everything else, and above all
// AWS_*, stays outside.
var passedOn = []string{
	"PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TERM", "USER", "LOGNAME",
	"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "no_proxy", "all_proxy",
	"SSL_CERT_FILE", "SSL_CERT_DIR", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS",
}

// defaultPath is used where the caller has no PATH.
const defaultPath = "/usr/local/bin:/usr/bin:/bin"

// baseEnvironment is the environment in which the shell starts.
func baseEnvironment(caller []string, home, tmp string) []string {
	values := map[string]string{}
	for _, kv := range caller {
		if name, value, ok := strings.Cut(kv, "="); ok {
			values[name] = value
		}
	}
	env := map[string]string{
		"PATH": defaultPath,
		"LANG": "C.UTF-8",
		"HOME": home, "TMPDIR": tmp,
		metadataOff.Name: metadataOff.Value,
	}
	for _, name := range passedOn {
		if v := values[name]; v != "" {
			env[name] = v
		}
	}
	out := make([]string, 0, len(env))
	for _, name := range slices.Sorted(maps.Keys(env)) {
		out = append(out, name+"="+env[name])
	}
	return out
}

func valueOf(env []string, name string) string {
	for _, kv := range env {
		if v, ok := strings.CutPrefix(kv, name+"="); ok {
			return v
		}
	}
	return ""
}

// ErrNoShell says that there is no shell to run the job with.
var ErrNoShell = errors.New("runner: no shell was found")

// shells are those that GitLab Runner looks for in an image, in its order
// (BashDetectShellScript of its shells/bash.go): bash first, then any sh.
var shells = []string{
	"/usr/local/bin/bash", "/usr/bin/bash", "/bin/bash",
	"/usr/local/bin/sh", "/usr/bin/sh", "/bin/sh", "/busybox/sh",
}

// findShell looks for bash in the PATH that the job will have, then where GitLab
// Runner looks for bash and sh.
func findShell(pathList string) (string, error) {
	for _, dir := range filepath.SplitList(pathList) {
		// A bash in the project's directory is not to be run.
		if name := filepath.Join(dir, "bash"); filepath.IsAbs(dir) && executable(name) {
			return name, nil
		}
	}
	for _, name := range shells {
		if executable(name) {
			return name, nil
		}
	}
	return "", fmt.Errorf("%w: there is no bash in PATH %s, and none of %s; install bash, or name a shell's path", ErrNoShell, pathList, strings.Join(shells, ", "))
}

func executable(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

// shellCommand is how the shell at a path is started so that it reads a script
// from its standard input and nothing else first, and which of GitLab Runner's
// shells it is.
func shellCommand(path string) (argv []string, interpreter string) {
	switch name := filepath.Base(path); {
	case name == "busybox":
		return []string{path, "sh"}, "sh"
	case strings.HasPrefix(name, "bash"):
		return []string{path, "--noprofile", "--norc"}, "bash"
	}
	return []string{path}, "sh"
}

// shellName is what a shell can export.
var shellName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// checkVariables refuses what a shell could not take. It shows no value.
func checkVariables(variables []ci.Variable, tokens map[string]string) error {
	check := func(name, value string) error {
		if !shellName.MatchString(name) {
			return fmt.Errorf("runner: %q cannot be the name of a variable in a shell", name)
		}
		if strings.ContainsRune(value, 0) {
			return fmt.Errorf("runner: variable %s holds a NUL character, which no shell can take", name)
		}
		return nil
	}
	for _, v := range variables {
		if err := check(v.Name, v.Value); err != nil {
			return err
		}
	}
	for name, token := range tokens {
		if err := check(name, token); err != nil {
			return err
		}
	}
	return nil
}

// metadataOff keeps the SDKs of AWS from asking the metadata service of the
// machine where they find no credentials: the job would go on with rights that
// are not its own.
var metadataOff = ci.Variable{Name: "AWS_EC2_METADATA_DISABLED", Value: "true", Raw: true}

// exports resolves the variables of the job, and returns the values to mask.
// The runner's own come first, so that the job's win over them, and the tokens
// last. File variables are written into the directory files, which the job sees
// as seen.
func (s *Spec) exports(files, seen string) (list []export, secrets []string, err error) {
	if err := checkVariables(s.Variables, s.IDTokens); err != nil {
		return nil, nil, err
	}
	all := []ci.Variable{
		metadataOff,
		{Name: "CI_BUILDS_DIR", Value: s.BuildsDir, Raw: true},
		{Name: "CI_PROJECT_DIR", Value: s.jobDir(), Raw: true},
	}
	if s.Container != nil {
		// The directory belongs to the caller, and the container's user is
		// another one: git would refuse to work there. GitLab Runner's own
		// containers are all root's, so that git has nothing to refuse. git reads
		// this since 2.38; a job that sets it itself wins.
		all = append(all, ci.Variable{Name: "GIT_CONFIG_COUNT", Value: "1", Raw: true},
			ci.Variable{Name: "GIT_CONFIG_KEY_0", Value: "safe.directory", Raw: true},
			ci.Variable{Name: "GIT_CONFIG_VALUE_0", Value: s.jobDir(), Raw: true})
	}
	all = append(all, s.Variables...)
	for _, name := range slices.Sorted(maps.Keys(s.IDTokens)) {
		all = append(all, ci.Variable{Name: name, Value: s.IDTokens[name], Raw: true, Masked: true})
	}
	expanded, err := ci.ExpandAll(all)
	if err != nil {
		return nil, nil, fmt.Errorf("runner: %w", err)
	}
	// As written and as expanded: a job may come to show either.
	for _, v := range slices.Concat(all, expanded) {
		if v.Masked {
			secrets = append(secrets, v.Value)
		}
	}
	for _, v := range expanded {
		if v.File {
			if err := writeVariable(filepath.Join(files, v.Name), v.Value); err != nil {
				return nil, nil, fmt.Errorf("runner: write the file of variable %s: %w", v.Name, err)
			}
			v.Value = filepath.Join(seen, v.Name)
		}
		list = append(list, export{v.Name, v.Value})
	}
	return list, secrets, nil
}

// writeVariable writes the file of a variable. Only its user may read it, as far
// as no container is to.
func writeVariable(path, value string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(value), 0o600)
}

// value is what the job's shell will have of a variable.
func valueIn(list []export, name string) string {
	for _, e := range slices.Backward(list) {
		if e.name == name {
			return e.value
		}
	}
	return ""
}
