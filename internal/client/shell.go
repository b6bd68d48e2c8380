package client

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Format is a form in which credentials are printed.
type Format string

// The forms. Their output sets the variables of AWS's SDKs, in what evaluates it.
const (
	Sh         Format = "sh"         // bash, dash, zsh, busybox: eval "$(…)"
	Fish       Format = "fish"       // eval (…)
	PowerShell Format = "powershell" // … | Out-String | Invoke-Expression
	Cmd        Format = "cmd"        // … > file.cmd, call file.cmd
	Dotenv     Format = "dotenv"     // NAME=value lines
	JSON       Format = "json"       // that of a credential_process
)

// Formats are all of them.
var Formats = []Format{Sh, Fish, PowerShell, Cmd, Dotenv, JSON}

// pair is a variable and its value.
type pair struct{ name, value string }

// variables are those by which AWS's SDKs know credentials.
func (c Credentials) variables() []pair {
	return []pair{
		{"AWS_ACCESS_KEY_ID", c.AccessKeyID},
		{"AWS_SECRET_ACCESS_KEY", c.SecretAccessKey},
		{"AWS_SESSION_TOKEN", c.SessionToken},
		{"AWS_CREDENTIAL_EXPIRATION", c.Expiration.UTC().Format(time.RFC3339)},
	}
}

// leftovers are variables by which an SDK would take other credentials than these:
// a profile comes before keys in some, and a token file would be traded again.
var leftovers = []string{
	"AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SECURITY_TOKEN", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN", "AWS_ROLE_SESSION_NAME",
	"AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN",
	"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
}

// Print gives the text that sets the credentials in the given form, and unsets what
// would win against them. unset names what of that is set.
func (c Credentials) Print(format Format, unset []string) (string, error) {
	if format == JSON {
		text, err := c.ProcessJSON()
		return string(text) + "\n", err
	}
	var b strings.Builder
	for _, p := range c.variables() {
		if strings.ContainsFunc(p.value, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return "", &Error{Kind: Unreachable, Message: "client: the value of " + p.name + " has a control character, which no credentials of AWS have"}
		}
		switch format {
		case Sh:
			fmt.Fprintf(&b, "export %s='%s'\n", p.name, strings.ReplaceAll(p.value, "'", `'\''`))
		case Fish:
			fmt.Fprintf(&b, "set -gx %s '%s';\n", p.name, strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(p.value))
		case PowerShell:
			fmt.Fprintf(&b, "$Env:%s = '%s'\n", p.name, strings.ReplaceAll(p.value, "'", "''"))
		case Cmd:
			if strings.ContainsAny(p.value, `"%!^&|<>`) {
				return "", &Error{Kind: Other, Message: "client: the value of " + p.name + " has a character that cmd.exe would change; use --format powershell"}
			}
			fmt.Fprintf(&b, "set \"%s=%s\"\r\n", p.name, p.value)
		case Dotenv:
			fmt.Fprintf(&b, "%s=%s\n", p.name, p.value)
		default:
			return "", fmt.Errorf("client: the form %q is not known", format)
		}
	}
	for _, name := range unset {
		switch format {
		case Sh:
			fmt.Fprintf(&b, "unset %s\n", name)
		case Fish:
			fmt.Fprintf(&b, "set -e %s;\n", name)
		case PowerShell:
			fmt.Fprintf(&b, "Remove-Item Env:%s -ErrorAction SilentlyContinue\n", name)
		case Cmd:
			fmt.Fprintf(&b, "set \"%s=\"\r\n", name)
		}
	}
	return b.String(), nil
}

// Abort is what is printed in the place of credentials, so that what evaluates it
// ends with the status. In the shells of Sh, eval of nothing succeeds, with and
// without set -e: the job would go on without credentials, or with others.
func Abort(format Format, status int) string {
	switch format {
	case Sh:
		// The first sets the status for shells whose exit is shadowed by a trap or a
		// function; the second ends the shell.
		return fmt.Sprintf("(exit %d); exit %d\n", status, status)
	case Fish:
		// exit ends what source reads, and the script goes on: another process in its
		// place does not.
		return fmt.Sprintf("exec sh -c 'exit %d'\n", status)
	case PowerShell:
		return fmt.Sprintf("exit %d\n", status)
	case Cmd:
		return fmt.Sprintf("exit %d\r\n", status)
	}
	return ""
}

// Leftovers are the variables of an environment that would win against credentials.
func Leftovers(env map[string]string) []string {
	var found []string
	for _, name := range leftovers {
		if _, ok := env[name]; ok {
			found = append(found, name)
		}
	}
	return found
}

// scrubbed are leftovers and keys.
func scrubbed(name string) bool {
	switch name {
	case "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_CREDENTIAL_EXPIRATION":
		return true
	}
	return slices.Contains(leftovers, name)
}

// Scrub is an environment, as os.Environ has it, without anything by which an SDK
// would take credentials, and the names of what was taken out. Of a variable that is
// there twice only the last is kept: programs differ in which they take.
func Scrub(environ []string) (kept, removed []string) {
	seen := map[string]bool{}
	for _, entry := range slices.Backward(environ) {
		name, _, _ := strings.Cut(entry, "=")
		switch {
		case seen[name]:
			continue
		case scrubbed(name):
			removed = append(removed, name)
		default:
			kept = append(kept, entry)
		}
		seen[name] = true
	}
	slices.Reverse(kept)
	slices.Sort(removed)
	return kept, removed
}

// Environ is the environment of a program that is to have these credentials and no
// others.
func (c Credentials) Environ(environ []string) (with, removed []string) {
	with, removed = Scrub(environ)
	for _, p := range c.variables() {
		with = append(with, p.name+"="+p.value)
	}
	return with, removed
}

// Masks are the values that a log must not show, for what hides them.
func (c Credentials) Masks() []string { return []string{c.SecretAccessKey, c.SessionToken} }
