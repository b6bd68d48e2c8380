package main

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/daypass/daypass/internal/suite"

	"github.com/spf13/cobra"
)

// suiteSuffixes end the names of files that `daypass test` finds by itself.
var suiteSuffixes = []string{".policytest.yaml", ".policytest.yml"}

// suiteFlags are what `daypass test` is given.
type suiteFlags struct {
	junit, at   string
	asJSON      bool
	verbose     bool
	extended    bool
	minCoverage int
}

func newTest() *cobra.Command {
	var flags suiteFlags
	c := &cobra.Command{
		Use:   "test [flags] [FILE|DIR]...",
		Short: "Run unit tests of trust policies and permissions",
		Long: `Run unit tests of trust policies and permissions: which tokens a role must admit
and which not, what its sessions must be allowed and what not. Each case is decided
by the engine that decides requests; nothing is sent anywhere.

Suites are YAML files, as docs/policy-tests.md describes them. Of a directory, or
without arguments of this one, all that end in .policytest.yaml are run.

It ends with 0 where every test passed, with 1 where one did not or the coverage is
too low, and with 2 where a suite cannot be read.`,
		Example: `  daypass test
  daypass test trust.policytest.yaml --junit report.xml --min-coverage 100`,
		RunE: flags.run,
	}
	f := c.Flags()
	f.BoolVarP(&flags.verbose, "verbose", "v", false, "tell of tests that pass as well")
	f.BoolVar(&flags.asJSON, "json", false, "print JSON")
	f.StringVar(&flags.junit, "junit", "", "write a report in the form of JUnit to `FILE`, - for the standard output")
	addKeySet(c, &flags.extended)
	f.Lookup("aws").Usage = "only the claims of which AWS makes condition keys, whatever the suite says"
	f.Lookup("extended").Usage = "every claim is a condition key, whatever the suite says"
	f.IntVar(&flags.minCoverage, "min-coverage", 0, "fail where less than this `PERCENT` of the policies' statements matched in a test")
	f.StringVar(&flags.at, "at", "", "ask at this `TIME`, such as 2026-11-26T12:00:00Z (default: now)")
	return c
}

// keySet is what --aws or --extended says; nil leaves it to each suite.
func (f *suiteFlags) keySet(c *cobra.Command) *bool {
	if aws, err := c.Flags().GetBool("aws"); f.extended || err == nil && aws {
		return &f.extended
	}
	return nil
}

func (f *suiteFlags) run(c *cobra.Command, args []string) error {
	now := time.Now()
	if f.at != "" {
		var err error
		if now, err = time.Parse(time.RFC3339, f.at); err != nil {
			return usageError{fmt.Errorf("--at %q is no time; write it as 2026-11-26T12:00:00Z", f.at)}
		}
	}
	if f.minCoverage < 0 || f.minCoverage > 100 {
		return usageError{errors.New("--min-coverage is a percentage, 0 to 100")}
	}
	files, err := suiteFiles(args)
	if err != nil {
		return usageError{err}
	}
	var results []*suite.Result
	for _, file := range files {
		result, err := runSuite(file, now, f.keySet(c))
		if err != nil {
			return usageError{err}
		}
		results = append(results, result)
	}
	if f.junit != "" {
		if err := writeJUnit(f.junit, c.OutOrStdout(), results); err != nil {
			return err
		}
	}
	sums := sum(results)
	switch {
	case f.asJSON:
		if err := printJSON(c.OutOrStdout(), sums); err != nil {
			return err
		}
	case f.junit != "-":
		w := &reportWriter{out: c.OutOrStdout()}
		w.suites(sums, f.verbose)
		if w.err != nil {
			return w.err
		}
	}
	if sums.Failed > 0 || sums.Coverage() < f.minCoverage {
		if sums.Failed == 0 && !f.asJSON {
			return fmt.Errorf("%d %% of the statements matched in a test, and --min-coverage asks for %d %%", sums.Coverage(), f.minCoverage)
		}
		return &exitError{exitFailure}
	}
	return nil
}

// suiteFiles are the files that were named, and those in directories.
func suiteFiles(args []string) ([]string, error) {
	if len(args) == 0 {
		args = []string{"."}
	}
	var files []string
	for _, arg := range args {
		info, err := os.Stat(arg)
		if err != nil {
			return nil, err
		}
		if !info.IsDir() {
			files = append(files, arg)
			continue
		}
		err = filepath.WalkDir(arg, func(path string, entry fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if entry.IsDir() && path != arg && (strings.HasPrefix(entry.Name(), ".") || entry.Name() == "node_modules") {
				return fs.SkipDir
			}
			if entry.Type().IsRegular() && slices.ContainsFunc(suiteSuffixes, func(suffix string) bool { return strings.HasSuffix(path, suffix) }) {
				files = append(files, path)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("there is no suite in %s; a suite's name ends in %s, see docs/policy-tests.md", strings.Join(args, ", "), suiteSuffixes[0])
	}
	return files, nil
}

func runSuite(file string, now time.Time, extended *bool) (*suite.Result, error) {
	text, err := readBounded(file)
	if err != nil {
		return nil, err
	}
	folder := filepath.Dir(file)
	s, err := suite.Read(file, text, func(path string) ([]byte, error) {
		if !filepath.IsAbs(path) {
			path = filepath.Join(folder, path)
		}
		return readBounded(path)
	})
	if err != nil {
		return nil, err
	}
	if extended != nil {
		s.ExtendedClaims = *extended
	}
	return s.Run(suite.Options{Now: now, Like: func(kind string, keys map[string]any) (map[string]any, error) {
		return likeToken(now, kind, keys)
	}})
}

// readBounded reads a file that a person wrote.
func readBounded(path string) ([]byte, error) { return (&inputs{}).read(path) }

// suiteSums are results with what they come to.
type suiteSums struct {
	Suites     []*suite.Result   `json:"suites"`
	Tests      int               `json:"tests"`
	Failed     int               `json:"failed"`
	Statements int               `json:"statements"`
	Uncovered  []suite.Statement `json:"uncovered,omitempty"`
}

func sum(results []*suite.Result) *suiteSums {
	s := &suiteSums{Suites: results}
	for _, result := range results {
		s.Tests += len(result.Outcomes)
		s.Failed += result.Failed()
		uncovered, all := result.Uncovered()
		s.Statements += all
		s.Uncovered = append(s.Uncovered, uncovered...)
	}
	return s
}

// Coverage is the share of statements that matched, in percent, rounded down.
func (s *suiteSums) Coverage() int {
	if s.Statements == 0 {
		return 100
	}
	return 100 * (s.Statements - len(s.Uncovered)) / s.Statements
}

func (w *reportWriter) suites(s *suiteSums, verbose bool) {
	for _, result := range s.Suites {
		for i := range result.Outcomes {
			o := &result.Outcomes[i]
			if o.Passed {
				if verbose {
					w.say("%s %s", goodStyle.Render("✔"), shownText(o.Name))
				}
				continue
			}
			w.say("%s %s  %s", badStyle.Render("✘"), shownText(o.Name), dimStyle.Render(fmt.Sprintf("%s:%d", result.Suite, o.Line)))
			if o.Got != o.Wanted {
				w.say("    expected %s, got %s", o.Wanted, o.Got)
			}
			for _, line := range o.Why {
				w.say("    %s", shownText(line))
			}
		}
	}
	if s.Failed == 0 && len(s.Uncovered) == 0 {
		w.say("%s %s passed, and every statement matched in one of them", goodStyle.Render("✔"), counted(s.Tests, "test"))
		return
	}
	for i := range s.Uncovered {
		w.say("%s no test needs %s", warnStyle.Render("!"), shownText(s.Uncovered[i].String()))
	}
	w.say("%d of %s passed; %d of %s matched in one of them (%d %%)", s.Tests-s.Failed, counted(s.Tests, "test"), s.Statements-len(s.Uncovered), counted(s.Statements, "statement"), s.Coverage())
	if s.Failed > 0 {
		w.say("%s daypass explain shows a token's way through a trust policy in full", titleStyle.Render("Next:"))
	}
}

// The report that CI systems read (GitLab, "Unit test reports").
type (
	junitSuites struct {
		XMLName  xml.Name     `xml:"testsuites"`
		Tests    int          `xml:"tests,attr"`
		Failures int          `xml:"failures,attr"`
		Suites   []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name     string      `xml:"name,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Cases    []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Name      string        `xml:"name,attr"`
		ClassName string        `xml:"classname,attr"`
		File      string        `xml:"file,attr"`
		Line      int           `xml:"line,attr"`
		Failure   *junitFailure `xml:"failure"`
	}
	junitFailure struct {
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
)

func writeJUnit(file string, stdout io.Writer, results []*suite.Result) error {
	var all junitSuites
	for _, result := range results {
		s := junitSuite{Name: result.Suite, Tests: len(result.Outcomes), Failures: result.Failed()}
		for i := range result.Outcomes {
			o := &result.Outcomes[i]
			one := junitCase{Name: o.Name, ClassName: o.Role, File: result.Suite, Line: o.Line}
			if !o.Passed {
				one.Failure = &junitFailure{Message: "expected " + o.Wanted + ", got " + o.Got, Text: strings.Join(o.Why, "\n")}
			}
			s.Cases = append(s.Cases, one)
		}
		all.Tests += s.Tests
		all.Failures += s.Failures
		all.Suites = append(all.Suites, s)
	}
	text, err := xml.MarshalIndent(all, "", "  ")
	if err != nil {
		return err
	}
	text = append([]byte(xml.Header), append(text, '\n')...)
	if file == "-" {
		_, err = stdout.Write(text)
		return err
	}
	return os.WriteFile(file, text, 0o666) //nolint:gosec // a report, as the umask has it
}
