package main

import (
	"encoding/json"
	"io"
	"slices"
	"time"

	"github.com/daypass/daypass/internal/audit"
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

// issued is what an event tells of credentials that were given.
type issued struct {
	Time      time.Time  `json:"time"`
	Key       string     `json:"issuedAccessKeyId"`
	By        string     `json:"accessKeyId"` // of the caller, for what was chained
	Session   string     `json:"session"`
	Account   string     `json:"account"`
	ExpiresAt *time.Time `json:"expiresAt"`
	audit.Origin
	Claims map[string]string `json:"claims,omitempty"`
}

func newSessionsList() *cobra.Command {
	var filter audit.Query
	var where recordFlags
	var active, asJSON bool
	c := &cobra.Command{
		Use:   "list",
		Short: "List sessions by issuer, project, pipeline or job",
		Long: `List the sessions that the record of requests tells of, oldest first.

What a session begins by AssumeRole is listed with its issuer, project, pipeline
and job too. Whether one was revoked is not in this record: "daypass sessions
revocations" asks the server.`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := server.CheckAccount(filter.Account); err != nil {
				return err
			}
			path, err := where.path()
			if err != nil {
				return err
			}
			var cost audit.Cost
			found, err := readSessions(path, filter, &cost)
			if err != nil {
				return err
			}
			if active {
				found = slices.DeleteFunc(found, func(s *issued) bool { return s.isOver(time.Now()) })
			}
			if err := warnOfNoEvents(c.ErrOrStderr(), &cost); err != nil {
				return err
			}
			return printSessions(c.OutOrStdout(), found, asJSON, time.Now())
		},
	}
	where.add(c)
	f := c.Flags()
	f.StringVar(&filter.Issuer, "issuer", "", "only those of tokens of this issuer, `URL`")
	f.StringVar(&filter.Project, "project", "", "only those of this project or repository, its `PATH`")
	f.StringVar(&filter.Pipeline, "pipeline", "", "only those of the pipeline or run with this `ID`")
	f.StringVar(&filter.Job, "job", "", "only those of the job with this `ID`")
	f.StringVar(&filter.Account, "account", "", "only those of this account, 12 `DIGITS`")
	f.BoolVar(&active, "active", false, "only those that have not expired")
	f.BoolVar(&asJSON, "json", false, "one JSON object a line")
	return c
}

// readSessions finds the sessions in a record, oldest first.
func readSessions(path string, filter audit.Query, cost *audit.Cost) ([]*issued, error) {
	var found []*issued
	for r, err := range audit.Search(path, filter, false, cost) {
		if err != nil {
			return nil, inRecord(err)
		}
		if r.IssuedKey == "" {
			continue
		}
		found = append(found, &issued{
			Time: r.Time, Key: r.IssuedKey, By: r.AccessKey, Session: r.Session, Account: r.Account, ExpiresAt: r.ExpiresAt,
			Origin: r.From(), Claims: r.Claims,
		})
	}
	return found, nil
}

// isOver reports whether the session is. A session says when; what does not is over.
func (s *issued) isOver(now time.Time) bool { return s.ExpiresAt == nil || !now.Before(*s.ExpiresAt) }

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
		expires := "over"
		if !s.isOver(now) {
			expires = s.ExpiresAt.UTC().Format(time.RFC3339)
		}
		rows[i] = []string{s.Key, s.Time.UTC().Truncate(time.Second).Format(time.RFC3339), expires, s.Session, s.Issuer, s.Project, s.Pipeline, s.Job, s.TokenID}
	}
	return printTable(w, []string{"ACCESS KEY", "ISSUED", "EXPIRES", "SESSION", "ISSUER", "PROJECT", "PIPELINE", "JOB", "JTI"}, rows)
}
