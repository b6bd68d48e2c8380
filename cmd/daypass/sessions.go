package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/daypass/daypass/internal/server"

	"github.com/spf13/cobra"
)

func newSessions() *cobra.Command {
	c := &cobra.Command{Use: "sessions", Short: "Find sessions in the record of requests; revoke them; rotate the keys that seal them"}
	group(c)
	c.AddCommand(newSessionsList(), newSessionsRevoke(), newSessionsRevocations(), newSessionsRotateKeys())
	return c
}

func newSessionsRotateKeys() *cobra.Command {
	var data string
	c := &cobra.Command{
		Use:   "rotate-keys",
		Short: "Rotate the keys that seal sessions, now",
		Long: `Rotate the keys that seal sessions, now. A server does so by itself once a week.

Servers on the same data follow within a second, and no session ends: not those
either that somebody who has seen the keys makes with the old one, for as long as
it is kept (37 hours). Those are ended by revoking.`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			dir, err := dataDir(data)
			if err != nil {
				return err
			}
			return server.RotateSessionKeys(c.Context(), dir, time.Now())
		},
	}
	c.Flags().StringVar(&data, "data", "", "data `DIR`ectory of the server (default: daypass in the user's data directory)")
	return c
}

// maxEvent bounds one line of the record, in bytes.
const maxEvent = 16 << 20

// issued is what an event tells of credentials that were given.
type issued struct {
	Time      time.Time         `json:"time"`
	Key       string            `json:"issuedAccessKeyId"`
	By        string            `json:"accessKeyId"` // of the caller, for what was chained
	Session   string            `json:"session"`
	Account   string            `json:"account"`
	Issuer    string            `json:"issuer"`
	Subject   string            `json:"subject"`
	TokenID   string            `json:"jti"`
	Claims    map[string]string `json:"claims"`
	ExpiresAt time.Time         `json:"expiresAt"`
}

// claim is the first of the claims that the session's token has: CI systems
// have different words for the same thing.
func (s *issued) claim(names ...string) string {
	for _, name := range names {
		if value := s.Claims[name]; value != "" {
			return value
		}
	}
	return ""
}

func (s *issued) project() string {
	return s.claim("project_path", "repository", "organization_slug", "terraform_workspace_name")
}

func (s *issued) pipeline() string {
	return s.claim("pipeline_id", "run_id", "build_number", "terraform_run_id")
}
func (s *issued) job() string { return s.claim("job_id", "step_key", "stepUuid") }

// sessionFilter is what a person looks for; an empty field asks for nothing.
type sessionFilter struct {
	issuer, project, pipeline, job, account string
	active                                  bool
}

func (f *sessionFilter) wants(s *issued, now time.Time) bool {
	return (f.issuer == "" || strings.TrimPrefix(s.Issuer, "https://") == strings.TrimPrefix(f.issuer, "https://")) &&
		(f.project == "" || s.project() == f.project) && (f.pipeline == "" || s.pipeline() == f.pipeline) &&
		(f.job == "" || s.job() == f.job) && (f.account == "" || s.Account == f.account) && (!f.active || now.Before(s.ExpiresAt))
}

func newSessionsList() *cobra.Command {
	var filter sessionFilter
	var events, data string
	var asJSON bool
	c := &cobra.Command{
		Use:   "list",
		Short: "List sessions by issuer, project, pipeline or job",
		Long: `List the sessions that the record of requests tells of, oldest first.

What a session begins by AssumeRole is listed with its issuer, project, pipeline
and job too. Whether one was revoked is not in this record: "daypass sessions
revocations" asks the server.`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := server.CheckAccount(filter.account); err != nil {
				return err
			}
			if events == "" {
				dir, err := dataDir(data)
				if err != nil {
					return err
				}
				events = filepath.Join(dir, "events.jsonl")
			}
			found, err := readSessions(events, &filter, time.Now())
			if err != nil {
				return err
			}
			return printSessions(c.OutOrStdout(), found, asJSON, time.Now())
		},
	}
	f := c.Flags()
	f.StringVar(&events, "events", "", "read this `FILE` of events (default: events.jsonl in the data directory)")
	f.StringVar(&data, "data", "", "data `DIR`ectory of the server (default: daypass in the user's data directory)")
	f.StringVar(&filter.issuer, "issuer", "", "only those of tokens of this issuer, `URL`")
	f.StringVar(&filter.project, "project", "", "only those of this project or repository, its `PATH`")
	f.StringVar(&filter.pipeline, "pipeline", "", "only those of the pipeline or run with this `ID`")
	f.StringVar(&filter.job, "job", "", "only those of the job with this `ID`")
	f.StringVar(&filter.account, "account", "", "only those of this account, 12 `DIGITS`")
	f.BoolVar(&filter.active, "active", false, "only those that have not expired")
	f.BoolVar(&asJSON, "json", false, "one JSON object a line")
	return c
}

// readSessions reads a record of events from its beginning. A line that is no
// event is an error that names it, but for the last, which may be half written.
func readSessions(path string, filter *sessionFilter, now time.Time) ([]*issued, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("the events of requests: %w; name the server's directory with --data, or their file with --events", err)
	}
	defer file.Close() //nolint:errcheck // only read
	lines := bufio.NewScanner(file)
	lines.Buffer(make([]byte, 64<<10), maxEvent)
	byKey := map[string]*issued{}
	var found []*issued
	var bad error
	for n := 1; lines.Scan(); n++ {
		if bad != nil {
			return nil, bad
		}
		if len(lines.Bytes()) == 0 { // behind a write that failed
			continue
		}
		s := &issued{}
		if err := json.Unmarshal(lines.Bytes(), s); err != nil {
			bad = fmt.Errorf("%s: line %d is no event: %w", path, n, err)
			continue
		}
		if s.Key == "" {
			continue
		}
		if parent := byKey[s.By]; parent != nil && s.Claims == nil && s.Issuer == "" {
			s.Issuer, s.Subject, s.TokenID, s.Claims = parent.Issuer, parent.Subject, parent.TokenID, parent.Claims
		}
		byKey[s.Key] = s
		if filter.wants(s, now) {
			found = append(found, s)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return found, nil
}

func printSessions(w io.Writer, found []*issued, asJSON bool, now time.Time) error {
	if asJSON {
		encoder := json.NewEncoder(w)
		for _, s := range found {
			if err := encoder.Encode(s); err != nil {
				return err
			}
		}
		return nil
	}
	rows := make([][]string, len(found))
	for i, s := range found {
		expires := s.ExpiresAt.UTC().Format(time.RFC3339)
		if !now.Before(s.ExpiresAt) {
			expires = "over"
		}
		rows[i] = []string{s.Key, s.Time.UTC().Truncate(time.Second).Format(time.RFC3339), expires, s.Session, s.Issuer, s.project(), s.pipeline(), s.job(), s.TokenID}
	}
	return printTable(w, []string{"ACCESS KEY", "ISSUED", "EXPIRES", "SESSION", "ISSUER", "PROJECT", "PIPELINE", "JOB", "JTI"}, rows)
}
