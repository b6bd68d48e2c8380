package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/daypass/daypass/internal/client"
	"github.com/daypass/daypass/internal/durable"

	"github.com/spf13/cobra"
)

func newConfigure() *cobra.Command {
	var f clientFlags
	var profiles []string
	var force, dryRun bool
	c := &cobra.Command{
		Use:   "configure --profile NAME",
		Short: "Write profiles for the AWS CLI and SDKs that get a job's credentials",
		Long: `Write profiles into the configuration file of the AWS CLI and SDKs (AWS_CONFIG_FILE,
or ~/.aws/config), each with a credential_process that trades the job's ID token.
With NAME=ARN each has a role of its own. The other flags are what
"daypass credential-process" is to be called with; none is tried now.

Everything else in the file stays as it is. A profile that something else wrote is
left alone, unless --force; then its settings stay but for those that name other
credentials.`,
		Example: `  daypass configure --profile deploy --role arn:aws:iam::123456789012:role/deploy --region eu-central-1
  daypass configure --profile staging=arn:aws:iam::111122223333:role/deploy --profile prod=arn:aws:iam::444455556666:role/deploy`,
		Args: noToken,
		RunE: func(c *cobra.Command, _ []string) error {
			if len(profiles) == 0 {
				return usageError{errors.New("which profile? Give its name with --profile")}
			}
			path, err := configFile("AWS_CONFIG_FILE", "config")
			if err != nil {
				return err
			}
			before, err := readIfThere(path)
			if err != nil {
				return err
			}
			after := before
			for _, profile := range profiles {
				if after, err = putProfile(c, &f, after, profile, force); err != nil {
					return err
				}
			}
			if dryRun {
				printDiff(c.OutOrStdout(), path, before, after)
				return nil
			}
			if after == before {
				return nil
			}
			return writeConfig(path, after)
		},
	}
	f.add(c)
	c.Flags().StringArrayVar(&profiles, "profile", nil, "the profile's `NAME`, or NAME=ARN with its role; may be given several times")
	c.Flags().BoolVar(&force, "force", false, "change profiles too that something else wrote")
	c.Flags().BoolVar(&dryRun, "dry-run", false, "print what would change, and change nothing")
	return c
}

// putProfile puts one profile into the text of the configuration file.
func putProfile(c *cobra.Command, f *clientFlags, text, profile string, force bool) (string, error) {
	name, role, own := strings.Cut(profile, "=")
	if !own {
		if role = f.role; role == "" {
			role = os.Getenv("AWS_ROLE_ARN")
		}
	}
	flags := *f
	if flags.role = role; flags.role == "" {
		return "", usageError{fmt.Errorf("which role has the profile %s? Give --profile %s=ARN or --role", name, name)}
	}
	if err := flags.check(); err != nil {
		return "", err
	}
	credentials, err := configFile("AWS_SHARED_CREDENTIALS_FILE", "credentials")
	if err != nil {
		return "", err
	}
	keys, err := readIfThere(credentials)
	if err != nil {
		return "", err
	}
	if client.HasKeys(keys, name) {
		return "", fmt.Errorf("%s has keys for the profile %s, which clients take before any credential_process; take them out, or give the profile another name", credentials, name)
	}
	command, err := processCommand(c, role)
	if err != nil {
		return "", err
	}
	p := client.Profile{Name: name, Settings: []client.Setting{{Name: "credential_process", Value: command}}}
	if f.region != "" {
		p.Settings = append(p.Settings, client.Setting{Name: "region", Value: f.region})
	}
	after, err := client.PutProfile(text, &p, force)
	if errors.Is(err, client.ErrProfile) {
		return "", err
	}
	if err != nil {
		return "", usageError{err}
	}
	return after, nil
}

// processCommand is how the profile calls this program, with the flags that configure
// was given.
func processCommand(c *cobra.Command, role string) (string, error) {
	program, err := os.Executable()
	if err != nil {
		return "", err
	}
	if found, err := exec.LookPath("daypass"); err == nil && sameProgram(found, program) {
		program = "daypass"
	}
	words := []string{program, "credential-process", "--role", role}
	for _, name := range []string{
		"token-env", "token-file", "audience", "session-name", "duration", "min-remaining", "expect-account", "expect-arn", "policy", "external-id",
		"region", "endpoint-url", "wait-propagation",
	} {
		if flag := c.Flags().Lookup(name); flag.Changed {
			words = append(words, "--"+name, absolute(name, flag.Value.String()))
		}
	}
	for _, name := range []string{"then", "policy-arn", "tag"} {
		values, err := c.Flags().GetStringArray(name)
		if err != nil {
			return "", err
		}
		for _, value := range values {
			words = append(words, "--"+name, value)
		}
	}
	for i, word := range words {
		if words[i], err = processWord(word); err != nil {
			return "", err
		}
	}
	return strings.Join(words, " "), nil
}

// absolute makes of a file's name one that is right wherever the CLI is called.
func absolute(flag, value string) string {
	if flag != "token-file" && flag != "policy" {
		return value
	}
	if path, err := filepath.Abs(value); err == nil {
		return path
	}
	return value
}

// processWord quotes a word as all clients read it: with double quotes, and without
// anything that one of them would read in another way.
func processWord(word string) (string, error) {
	if strings.ContainsAny(word, "\"\\$`\n\r") {
		return "", usageError{fmt.Errorf("%q has a character that clients read in different ways in a credential_process; choose another", word)}
	}
	if word == "" || strings.ContainsAny(word, " \t'{}*?[]#;&|<>()~!") {
		return `"` + word + `"`, nil
	}
	return word, nil
}

func sameProgram(a, b string) bool {
	one, err := os.Stat(a)
	if err != nil {
		return false
	}
	other, err := os.Stat(b)
	return err == nil && os.SameFile(one, other)
}

// configFile is a file of the AWS CLI's: the one that a variable names, or its usual.
func configFile(variable, name string) (string, error) {
	if path := os.Getenv(variable); path != "" {
		return path, nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("where the AWS CLI has its files: %w; name one in %s", err, variable)
	}
	return filepath.Join(home, ".aws", name), nil
}

func readIfThere(path string) (string, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return string(text), err
}

// writeConfig writes the file whole, with the mode that it has. A link stays one.
func writeConfig(path, text string) error {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	mode := fs.FileMode(0o600)
	if info, err := os.Stat(path); err == nil {
		mode = info.Mode().Perm()
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return durable.Replace(path, []byte(text), mode)
}
