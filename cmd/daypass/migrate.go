package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"

	"github.com/daypass/daypass/internal/lint"

	"github.com/spf13/cobra"
)

// migrateFlags are the flags of both migrations.
type migrateFlags struct {
	ids        string
	id         []string
	dropLegacy bool
	write      bool
	quota      int
}

func newMigrate() *cobra.Command {
	c := &cobra.Command{Use: "migrate", Short: "Rewrite trust policies to the subjects of 2026: ids in place of names"}
	group(c)
	c.AddCommand(
		newMigration(&migration{
			use: "github-immutable", short: "Admit repo:OWNER@ID/REPOSITORY@ID beside GitHub's subjects by name",
			what: `Repositories that were made, renamed or transferred since 2026-07-15 send subjects
with ids; all others go on by names. Both are admitted: each value by name gets one
by ids beside it, with the same ref or environment. No wildcard stands for an id: a
branch name can supply what stands behind it.`,
			form: `OWNER/REPOSITORY=OWNER-ID/REPOSITORY-ID`, pattern: regexp.MustCompile(`^[1-9][0-9]*/[1-9][0-9]*$`), make: lint.GitHubImmutable,
			example: `  daypass migrate github-immutable trust.json --id octo-org/octo-repo=123456/456789
  gh api repos/octo-org/octo-repo --jq '"\(.full_name)=\(.owner.id)/\(.id)"' >> ids
  daypass migrate github-immutable trust.json --ids ids --write`,
		}),
		newMigration(&migration{
			use: "gitlab-project-id", short: "Admit project_id:ID beside GitLab's subjects by path",
			what: `A project whose path another one had before gets no ID token of GitLab 19.1 and
later until its subject begins with project_id (ci_id_token_sub_claim_components:
project_id, ref_type, ref). Both are admitted: each value by path gets one by id
beside it. Then set the project's components, then --drop-legacy.`,
			form: `GROUP/PROJECT=ID`, pattern: regexp.MustCompile(`^[1-9][0-9]*$`), make: lint.GitLabProjectID,
			example: `  daypass migrate gitlab-project-id trust.json --id mygroup/myproject=20
  glab api projects/mygroup%2Fmyproject | jq -r '"\(.path_with_namespace)=\(.id)"' >> ids
  daypass migrate gitlab-project-id trust.json --ids ids --write`,
		}))
	return c
}

// migration is one of them, in words.
type migration struct {
	use, short, what, form, example string
	pattern                         *regexp.Regexp // of ids
	make                            func(ids map[string][]string, dropLegacy bool) *lint.Migration
}

func newMigration(m *migration) *cobra.Command {
	var flags migrateFlags
	c := &cobra.Command{
		Use:   m.use + " FILE…",
		Short: m.short,
		Long: m.what + `

The difference is printed; --write writes the files, or to standard output what
came by standard input (-). Values of Deny and of exclusions are treated alike:
what was denied by name is denied by id.

Ends with 1 where a value by name stays alone, which is told with the reason, or
where a policy outgrows the quota; nothing of such a policy is written.`,
		Example: m.example,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usageError{fmt.Errorf("name a file, or - for standard input; see \"%s --help\"", c.CommandPath())}
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error { return flags.run(c, m, args) },
	}
	f := c.Flags()
	f.StringVar(&flags.ids, "ids", "", "`FILE` of ids, a line each: "+m.form)
	f.StringArrayVar(&flags.id, "id", nil, "one `LINE` of such a file")
	f.BoolVar(&flags.dropLegacy, "drop-legacy", false, "take the values by name away that stand there by id too")
	f.BoolVar(&flags.write, "write", false, "write the files")
	f.IntVar(&flags.quota, "quota", lint.DefaultQuota, "the account's quota of a trust policy, in `CHARACTERS`; AWS raises it to 4096 on request")
	return c
}

func (f *migrateFlags) run(c *cobra.Command, m *migration, args []string) error {
	ids, err := f.read(m)
	if err != nil {
		return usageError{err}
	}
	in := &lintInput{flags: &lintFlags{}, stdin: c.InOrStdin()}
	if err := in.read(c, args); err != nil {
		return unreadable(err)
	}
	for _, note := range in.notes {
		_, _ = fmt.Fprintln(c.ErrOrStderr(), strings.Map(printable, note))
	}
	if in.missing > 0 {
		return &exitError{exitUsage}
	}
	apply := m.make(ids, f.dropLegacy)
	left := false
	changed := map[string][]int{}
	for i := range in.roles {
		done, err := apply.Apply(in.roles[i].TrustPolicy)
		if err != nil {
			return usageError{fmt.Errorf("%s: the trust policy of %s cannot be read: %w", in.places[i].file, in.roles[i].Name, err)}
		}
		problem := f.show(c, in, i, done)
		left = left || problem || len(done.Skipped) > 0
		if done.Text != in.roles[i].TrustPolicy && !problem {
			in.roles[i].TrustPolicy = done.Text
			changed[in.places[i].file] = append(changed[in.places[i].file], i)
		}
	}
	if f.write {
		if err := in.writeMigrated(c.OutOrStdout(), args, changed); err != nil {
			return err
		}
	}
	if left {
		return &exitError{exitFailure}
	}
	return nil
}

// writeMigrated writes the files, or standard input's text to standard output.
func (in *lintInput) writeMigrated(stdout io.Writer, args []string, changed map[string][]int) error {
	if len(args) == 1 && args[0] == "-" {
		if len(in.roles) != 1 || in.places[0].start != 0 {
			return errors.New("standard input is written back only where it is one trust policy")
		}
		_, err := io.WriteString(stdout, in.roles[0].TrustPolicy)
		return err
	}
	for file, roles := range changed {
		for _, i := range roles {
			if !in.places[i].writable {
				return fmt.Errorf("%s: the policy is made from something else, and is not written; change that", file)
			}
		}
		if err := in.rewrite(file, roles); err != nil {
			return err
		}
	}
	return nil
}

// show tells what a migration does to one policy, and reports whether it cannot be
// written.
func (f *migrateFlags) show(c *cobra.Command, in *lintInput, i int, done *lint.Migrated) (problem bool) {
	p, role := &in.places[i], &in.roles[i]
	name := p.file
	if role.Name != p.file {
		name += " " + role.Name
	}
	for _, skipped := range done.Skipped {
		_, _ = fmt.Fprintf(c.ErrOrStderr(), "%s: %s\n", strings.Map(printable, name), strings.Map(printable, skipped))
	}
	if done.Text == role.TrustPolicy {
		return false
	}
	out := c.OutOrStdout()
	if f.write && p.file == "-" { // the policy itself goes there
		out = c.ErrOrStderr()
	}
	printDiff(out, name, role.TrustPolicy, done.Text)
	_, _ = fmt.Fprintf(c.ErrOrStderr(), "%s: %s added, %s dropped; %d characters of %d\n", name,
		counted(len(done.Added), "value"), counted(len(done.Dropped), "value"), done.Size, f.quota)
	if done.Size <= f.quota {
		return false
	}
	_, _ = fmt.Fprintf(c.ErrOrStderr(), "%s: the policy does not fit: merge statements, split the role, migrate and drop one repository after the other, or have AWS raise the quota and give --quota\n", name)
	return true
}

// read reads the ids.
func (f *migrateFlags) read(m *migration) (map[string][]string, error) {
	lines := f.id
	if f.ids != "" {
		text, err := os.ReadFile(f.ids)
		if err != nil {
			return nil, err
		}
		lines = append(strings.Split(string(text), "\n"), lines...)
	}
	ids := map[string][]string{}
	for i, line := range lines {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		name, id, ok := strings.Cut(line, "=")
		name, id = strings.ToLower(strings.TrimSpace(name)), strings.TrimSpace(id)
		if !ok || !strings.Contains(name, "/") || !m.pattern.MatchString(id) {
			return nil, fmt.Errorf("line %d of the ids, %q, is not of the form %s", i+1, line, m.form)
		}
		if before, twice := ids[name]; twice && strings.Join(before, "/") != id {
			return nil, fmt.Errorf("the ids give %s two ids, %s and %s", name, strings.Join(before, "/"), id)
		}
		ids[name] = strings.Split(id, "/")
	}
	return ids, nil
}
