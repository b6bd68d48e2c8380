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

// exports resolves the variables of the job, with the tokens over them, and
// returns the values to mask. File variables are written under dir.
func exports(variables []ci.Variable, tokens map[string]string, dir string) (list []export, secrets []string, err error) {
	if err := checkVariables(variables, tokens); err != nil {
		return nil, nil, err
	}
	expanded, err := ci.ExpandAll(variables)
	if err != nil {
		return nil, nil, fmt.Errorf("runner: %w", err)
	}
	for _, v := range variables {
		if v.Masked {
			secrets = append(secrets, v.Value) // as written, too: it may be shown by set
		}
	}
	for _, v := range expanded {
		if v.Masked {
			secrets = append(secrets, v.Value)
		}
		if _, token := tokens[v.Name]; token {
			continue
		}
		if v.File {
			name := filepath.Join(dir, v.Name)
			if err := os.WriteFile(name, []byte(v.Value), 0o600); err != nil {
				return nil, nil, fmt.Errorf("runner: write the file of variable %s: %w", v.Name, err)
			}
			v.Value = name
		}
		list = append(list, export{v.Name, v.Value})
	}
	for _, name := range slices.Sorted(maps.Keys(tokens)) {
		list = append(list, export{name, tokens[name]})
		secrets = append(secrets, tokens[name])
	}
	return list, secrets, nil
}
