package client

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Profile is a section of the configuration file of the AWS CLI and SDKs (AWS SDKs and
// Tools Reference Guide, "Shared config and credentials files").
type Profile struct {
	Name     string
	Settings []Setting
}

// Setting is one line of it.
type Setting struct{ Name, Value string }

// profileMark is the comment by which a profile is known to be of ours.
const profileMark = "# by daypass configure; it may be written again"

// ErrProfile says that there is a profile of that name that somebody else wrote.
var ErrProfile = errors.New("client: the profile is there already, and not by daypass configure")

var profileName = regexp.MustCompile(`^[A-Za-z0-9_.@/+-]{1,128}$`)

// competing are settings of a profile by which clients would find other credentials.
func competing(name string) bool {
	return strings.HasPrefix(name, "aws_") || strings.HasPrefix(name, "sso_") || slices.Contains([]string{
		"credential_process", "role_arn", "source_profile", "credential_source", "web_identity_token_file", "role_session_name", "external_id",
		"mfa_serial", "duration_seconds", "login_session",
	}, name)
}

// PutProfile writes a profile into the text of a configuration file. Everything else
// stays as it is, byte for byte. A profile of that name which this function did not
// write is ErrProfile; with force it keeps its settings and comments but for those
// that would win against the new ones.
func PutProfile(text string, p *Profile, force bool) (string, error) {
	if !profileName.MatchString(p.Name) {
		return "", fmt.Errorf("client: %q is no name of a profile; letters, digits and _.@/+- are", p.Name)
	}
	for _, s := range p.Settings {
		if strings.ContainsAny(s.Value, "\r\n") {
			return "", fmt.Errorf("client: the value of %s has a line break", s.Name)
		}
	}
	begin, end, found := findSection(text, sectionNames(p.Name))
	if !found {
		return appendSection(text, p), nil
	}
	if _, _, twice := findSection(text[end:], sectionNames(p.Name)); twice {
		return "", fmt.Errorf("client: the profile %s is in the file twice; take one out", p.Name)
	}
	section := text[begin:end]
	header, body, _ := strings.Cut(section, "\n")
	if !strings.Contains(section, profileMark) && !force {
		return "", fmt.Errorf("%w: %s; give another name, or --force to replace how it gets its credentials", ErrProfile, p.Name)
	}
	var b strings.Builder
	b.WriteString(strings.TrimRight(header, "\r") + "\n")
	writeSettings(&b, p)
	b.WriteString(others(body, p))
	return text[:begin] + b.String() + text[end:], nil
}

// sectionNames are the headers that a profile can have.
func sectionNames(name string) []string {
	if name == "default" {
		return []string{"default", "profile default"}
	}
	return []string{"profile " + name}
}

var sectionHeader = regexp.MustCompile(`(?m)^[ \t]*\[([^\]\n]*)\][^\n]*$`)

// findSection gives where a section begins, and where the next one does.
func findSection(text string, names []string) (begin, end int, found bool) {
	all := sectionHeader.FindAllStringSubmatchIndex(text, -1)
	for i, at := range all {
		name := strings.Join(strings.Fields(strings.ReplaceAll(text[at[2]:at[3]], `"`, "")), " ")
		if !slices.Contains(names, name) {
			continue
		}
		end = len(text)
		if i+1 < len(all) {
			end = all[i+1][0]
		}
		return at[0], end, true
	}
	return 0, 0, false
}

func appendSection(text string, p *Profile) string {
	var b strings.Builder
	b.WriteString(text)
	if text != "" && !strings.HasSuffix(text, "\n") {
		b.WriteString("\n")
	}
	if text != "" {
		b.WriteString("\n")
	}
	b.WriteString("[" + sectionNames(p.Name)[0] + "]\n")
	writeSettings(&b, p)
	return b.String()
}

func writeSettings(b *strings.Builder, p *Profile) {
	b.WriteString(profileMark + "\n")
	for _, s := range p.Settings {
		fmt.Fprintf(b, "%s = %s\n", s.Name, s.Value)
	}
}

// others are the lines of a section that stay: not the mark, not what is written anew,
// nothing that would win against it. What is indented belongs to the setting above.
func others(body string, p *Profile) string {
	var kept strings.Builder
	dropping := false
	for _, line := range strings.SplitAfter(body, "\n") {
		trimmed := strings.TrimSpace(line)
		name, _, isSetting := strings.Cut(trimmed, "=")
		name = strings.ToLower(strings.TrimSpace(name))
		switch {
		case trimmed == profileMark:
			continue
		case trimmed == "", strings.HasPrefix(trimmed, "#"), strings.HasPrefix(trimmed, ";"):
			dropping = false
		case line[0] == ' ' || line[0] == '\t':
			if dropping {
				continue
			}
		case isSetting:
			dropping = competing(name) || slices.ContainsFunc(p.Settings, func(s Setting) bool { return s.Name == name })
			if dropping {
				continue
			}
		}
		kept.WriteString(line)
	}
	return kept.String()
}

// HasKeys reports whether a credentials file has keys for a profile: clients take
// those before anything that the configuration file says of it.
func HasKeys(credentials, name string) bool {
	begin, end, found := findSection(credentials, []string{name})
	return found && regexp.MustCompile(`(?mi)^[ \t]*aws_access_key_id[ \t]*=`).MatchString(credentials[begin:end])
}
