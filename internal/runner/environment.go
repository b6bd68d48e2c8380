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

// baseEnvironment is the environment in which bash starts.
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
		// Without it an SDK that finds no credentials asks the metadata service
		// of the machine, and the job goes on with rights that are not its own.
		"AWS_EC2_METADATA_DISABLED": "true",
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

// ErrNoBash says that there is no bash to run the job with.
var ErrNoBash = errors.New("runner: bash was not found")

// findBash looks for bash in the PATH that the job will have.
func findBash(pathList string) (string, error) {
	for _, dir := range filepath.SplitList(pathList) {
		if !filepath.IsAbs(dir) {
			continue // a bash in the project's directory is not to be run
		}
		name := filepath.Join(dir, "bash")
		if info, err := os.Stat(name); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return name, nil
		}
	}
	return "", fmt.Errorf("%w in PATH %s: install it, or name its path; jobs are run by the real bash", ErrNoBash, pathList)
}

// shellName is what bash can export.
var shellName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// checkVariables refuses what bash could not take. It shows no value.
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

// exports resolves the variables of the job, and returns the values to mask.
// The runner's own come first, so that the job's win over them, and the tokens
// last. File variables are written under files.
func (s *Spec) exports(files string) (list []export, secrets []string, err error) {
	if err := checkVariables(s.Variables, s.IDTokens); err != nil {
		return nil, nil, err
	}
	all := []ci.Variable{
		{Name: "CI_BUILDS_DIR", Value: filepath.Dir(s.Dir), Raw: true},
		{Name: "CI_PROJECT_DIR", Value: s.Dir, Raw: true},
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
			name := filepath.Join(files, v.Name)
			if err := os.WriteFile(name, []byte(v.Value), 0o600); err != nil {
				return nil, nil, fmt.Errorf("runner: write the file of variable %s: %w", v.Name, err)
			}
			v.Value = name
		}
		list = append(list, export{v.Name, v.Value})
	}
	return list, secrets, nil
}
