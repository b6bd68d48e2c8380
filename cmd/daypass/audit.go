package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/daypass/daypass/internal/audit"
	"github.com/daypass/daypass/internal/server"

	"github.com/spf13/cobra"
)

func newAudit() *cobra.Command {
	c := &cobra.Command{
		Use:   "audit",
		Short: "Ask the record of requests: who did what, for which job, and why it was denied",
		Long: `Ask the record of requests. A server writes one event for each request, those
that failed among them, to events.jsonl in its data directory; docs/audit.md says
what is in one. These commands read the files: beside a server, after it, or on
another machine to which they were copied.`,
	}
	group(c)
	c.AddCommand(newAuditList(), newAuditShow(), newAuditVerify())
	return c
}

// recordFlags say where a record is.
type recordFlags struct{ events, data string }

func (f *recordFlags) add(c *cobra.Command) {
	c.Flags().StringVar(&f.events, "events", "", "read this `FILE` of events (default: events.jsonl in the data directory)")
	c.Flags().StringVar(&f.data, "data", "", "data `DIR`ectory of the server (default: daypass in the user's data directory)")
}

// path of the record's live file.
func (f *recordFlags) path() (string, error) {
	if f.events != "" {
		return f.events, nil
	}
	dir, err := dataDir(f.data)
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, "events.jsonl"), nil
}

// inRecord says what to do about a record that cannot be read.
func inRecord(err error) error {
	return fmt.Errorf("the events of requests: %w; name the server's directory with --data, or their file with --events", err)
}

// warnOfNoEvents tells of lines that a search passed over.
func warnOfNoEvents(w io.Writer, cost *audit.Cost) error {
	if cost.NoEvents == 0 {
		return nil
	}
	_, err := fmt.Fprintf(w, "daypass: warning: %d of the lines that were read are no events; \"daypass audit verify\" says which, and whether any is missing\n", cost.NoEvents)
	return err
}

// auditQuery are the flags by which events are chosen.
type auditQuery struct {
	audit.Query
	from, to           string
	last               time.Duration
	denied, failed, ok bool
}

func (q *auditQuery) add(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&q.from, "from", "", "only those that began at this `TIME` or later (2026-11-26, 2026-11-26T12:00, or with seconds and zone; without a zone UTC)")
	f.StringVar(&q.to, "to", "", "only those that began before this `TIME`")
	f.DurationVar(&q.last, "last", 0, "only those of the last `DURATION`, as 90m or 24h")
	f.StringVar(&q.Project, "project", "", "only those of jobs of this project or repository, its `PATH`")
	f.StringVar(&q.Pipeline, "pipeline", "", "only those of the pipeline or run with this `ID`")
	f.StringVar(&q.Job, "job", "", "only those of the job with this `ID`")
	f.StringVar(&q.Issuer, "issuer", "", "only those of tokens of this issuer, `URL`")
	f.StringVar(&q.Subject, "subject", "", "only those of tokens with this `SUB`")
	f.StringVar(&q.TokenID, "jti", "", "only those of the token with this `ID`")
	f.StringVar(&q.Account, "account", "", "only those of this account, 12 `DIGITS`")
	f.StringVar(&q.Role, "role", "", "only those that asked for the role with this `ARN`, or acted as it")
	f.StringVar(&q.Principal, "principal", "", "only those signed by who has this `ARN`")
	f.StringVar(&q.AccessKey, "access-key", "", "only those signed with the access key with this `ID`, and the one that gave it")
	f.StringVar(&q.Service, "service", "", "only those of this `SERVICE`: sts, iam, s3")
	f.StringVar(&q.Operation, "operation", "", "only those of this `OPERATION`, as AssumeRole")
	f.BoolVar(&q.denied, "denied", false, "only those that a policy or a trust policy denied")
	f.BoolVar(&q.failed, "failed", false, "only those that failed, for whatever reason")
	f.BoolVar(&q.ok, "succeeded", false, "only those that succeeded")
	c.MarkFlagsMutuallyExclusive("denied", "failed", "succeeded")
	c.MarkFlagsMutuallyExclusive("last", "from")
	c.MarkFlagsMutuallyExclusive("last", "to")
}

// timeForms are those in which a person may give a time.
var timeForms = []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02"}

func parseTime(flag, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, form := range timeForms {
		if t, err := time.Parse(form, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, usageError{fmt.Errorf("--%s %q is no time; write 2026-11-26, 2026-11-26T12:00 or 2026-11-26T12:00:00Z", flag, text)}
}

// finish makes the query of the flags.
func (q *auditQuery) finish(now time.Time) (err error) {
	if q.From, err = parseTime("from", q.from); err != nil {
		return err
	}
	if q.To, err = parseTime("to", q.to); err != nil {
		return err
	}
	if q.last < 0 {
		return usageError{errors.New("--last is less than nothing; give a duration such as 24h")}
	}
	if q.last > 0 {
		q.From = now.Add(-q.last)
	}
	switch {
	case q.denied:
		q.Outcome = audit.Denied
	case q.failed:
		q.Outcome = audit.Failed
	case q.ok:
		q.Outcome = audit.Succeeded
	}
	return nil
}

func newAuditList() *cobra.Command {
	var where recordFlags
	var q auditQuery
	var output string
	var limit int
	var oldestFirst bool
	c := &cobra.Command{
		Use:   "list",
		Short: "List requests by time, project, job, role, outcome",
		Long: `List requests, newest first. Flags that are given must all be right.

A request is of a job if the job's token began the session that signed it, or the
first session of its chain.`,
		Example: `  daypass audit list --project mygroup/myproject --last 1h --denied
  daypass audit list --job 4711 --output cloudtrail`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			path, err := where.path()
			if err != nil {
				return err
			}
			if err := q.finish(time.Now()); err != nil {
				return err
			}
			p, err := newRecordPrinter(c.OutOrStdout(), output)
			if err != nil {
				return err
			}
			var cost audit.Cost
			found := 0
			for r, err := range audit.Search(path, q.Query, !oldestFirst, &cost) {
				if err != nil {
					return inRecord(err)
				}
				if found++; limit > 0 && found > limit {
					_, _ = fmt.Fprintf(c.ErrOrStderr(), "daypass: there are more; see them with --limit 0, or ask for fewer with --from, --to and the other flags\n")
					break
				}
				if err := p.print(&r); err != nil {
					return err
				}
			}
			return errors.Join(p.end(), warnOfNoEvents(c.ErrOrStderr(), &cost))
		},
	}
	where.add(c)
	q.add(c)
	c.Flags().StringVar(&output, "output", "text", "`FORM`: text, json (a line each, as in the record) or cloudtrail (a line each, in the form of AWS CloudTrail)")
	complete(c, "output", "text", "json", "cloudtrail")
	c.Flags().IntVar(&limit, "limit", 100, "at most this `NUMBER`; 0 for all")
	c.Flags().BoolVar(&oldestFirst, "oldest-first", false, "begin with the oldest")
	return c
}

// recordPrinter prints records in the form that was asked for.
type recordPrinter struct {
	w     io.Writer
	form  string
	table [][]string
}

func newRecordPrinter(w io.Writer, form string) (*recordPrinter, error) {
	switch form {
	case "text", "json", "cloudtrail":
		return &recordPrinter{w: w, form: form}, nil
	}
	return nil, usageError{fmt.Errorf("--output %q is not known; there are text, json and cloudtrail", form)}
}

func (p *recordPrinter) print(r *audit.Record) error {
	switch p.form {
	case "json":
		_, err := fmt.Fprintf(p.w, "%s\n", r.Line)
		return err
	case "cloudtrail":
		return json.NewEncoder(p.w).Encode(r.CloudTrail())
	}
	from := r.From()
	outcome := "ok"
	if r.Code != "" || r.Status >= 400 {
		outcome = r.Code
		if outcome == "" {
			outcome = fmt.Sprint(r.Status)
		}
	}
	operation := strings.TrimPrefix(r.Service+":"+r.Operation, ":")
	who, what := r.Principal, r.Role
	if who == "" {
		who = r.Subject
	}
	if what == "" {
		what = r.Resource
	}
	p.table = append(p.table, []string{
		r.Time.UTC().Format("2006-01-02T15:04:05Z"), outcome, operation, who, what, from.Project, from.Pipeline, from.Job, r.RequestID,
	})
	return nil
}

func (p *recordPrinter) end() error {
	if p.form != "text" {
		return nil
	}
	return printTable(p.w, []string{"TIME", "OUTCOME", "OPERATION", "WHO", "WHAT", "PROJECT", "PIPELINE", "JOB", "REQUEST"}, p.table)
}

func newAuditShow() *cobra.Command {
	var where recordFlags
	c := &cobra.Command{
		Use:   "show REQUEST-ID",
		Short: "Show one request whole: who, what, why, the job behind it and what else that did",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			path, err := where.path()
			if err != nil {
				return err
			}
			return showRequest(c.OutOrStdout(), path, args[0])
		},
	}
	where.add(c)
	return c
}

// first is the first event that a query finds.
func first(path string, q audit.Query) (*audit.Record, error) {
	for r, err := range audit.Search(path, q, true, nil) {
		if err != nil {
			return nil, inRecord(err)
		}
		return &r, nil
	}
	return nil, nil //nolint:nilnil // there is none
}

func showRequest(w io.Writer, path, id string) error {
	r, err := first(path, audit.Query{RequestID: id})
	if err != nil {
		return err
	}
	if r == nil {
		return fmt.Errorf("no event has the request id %s; its record may be on another node", shownCell(id))
	}
	var pretty map[string]json.RawMessage
	if err := json.Unmarshal(r.Line, &pretty); err != nil {
		return fmt.Errorf("the event of %s: %w", shownCell(id), err)
	}
	text, err := json.MarshalIndent(pretty, "", "  ")
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(w, "%s\n", text); err != nil {
		return err
	}
	return showSession(w, path, r)
}

// sessionRequests is how many of a session's requests are shown.
const sessionRequests = 20

// showSession tells which exchange gave the key that signed the request, and what
// else was asked with it.
func showSession(w io.Writer, path string, r *audit.Record) error {
	key := r.IssuedKey
	if key == "" {
		key = r.AccessKey
	}
	if key == "" {
		return nil
	}
	var table recordPrinter
	table.form, table.w = "text", w
	found := 0
	for other, err := range audit.Search(path, audit.Query{AccessKey: key}, true, nil) {
		if err != nil {
			return inRecord(err)
		}
		if found++; found > sessionRequests {
			break
		}
		if err := table.print(&other); err != nil {
			return err
		}
	}
	if _, err := fmt.Fprintf(w, "\nThe access key %s, newest first:\n\n", shownCell(key)); err != nil {
		return err
	}
	if err := table.end(); err != nil || found <= sessionRequests {
		return err
	}
	_, err := fmt.Fprintf(w, "\nMore: daypass audit list --access-key %s\n", shownCell(key))
	return err
}

func newAuditVerify() *cobra.Command {
	var where recordFlags
	var heads []string
	var asJSON bool
	c := &cobra.Command{
		Use:   "verify",
		Short: "Check that no event is missing or changed",
		Long: `Check that no event is missing or changed. Each event has a number and the hash of
the one before it.

Who can write the file can make the whole chain anew, or cut off its end. So the
check is as good as the heads that were kept elsewhere: the number and hash with
which a record ended. A server keeps one in its store once a minute and when it
stops, which this command asks where it is given the data directory. Those that
you kept, as this command prints them, are given with --head.`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			var known []audit.Head
			for _, text := range heads {
				h, err := audit.ParseHead(text)
				if err != nil {
					return usageError{err}
				}
				known = append(known, h)
			}
			report, err := where.verify(c.Context(), known)
			if err != nil {
				return inRecord(err)
			}
			return printVerified(c.OutOrStdout(), report, asJSON)
		},
	}
	where.add(c)
	c.Flags().StringArrayVar(&heads, "head", nil, "a head that was printed before, `SEQUENCE:HASH`, and must still be in the record; may be given several times")
	c.Flags().BoolVar(&asJSON, "json", false, "print a JSON object")
	return c
}

// verify asks the store too, where there is one.
func (f *recordFlags) verify(ctx context.Context, known []audit.Head) (*server.VerifiedRecord, error) {
	if f.events != "" && f.data == "" {
		report, err := audit.Verify(f.events, known...)
		return &server.VerifiedRecord{Report: report}, err
	}
	dir, err := dataDir(f.data)
	if err != nil {
		return nil, err
	}
	return server.VerifyRecord(ctx, dir, f.events, known...)
}

func printVerified(w io.Writer, r *server.VerifiedRecord, asJSON bool) error {
	ends := make([]string, len(r.Heads))
	for i, h := range r.Heads {
		ends[i] = h.String()
	}
	var failed error
	if asJSON {
		failed = json.NewEncoder(w).Encode(map[string]any{"events": r.Events, "heads": ends, "keptHeads": r.Kept, "sound": r.Sound(), "findings": r.Findings})
	} else {
		failed = writeVerified(w, r, ends)
	}
	if failed == nil && !r.Sound() {
		return &exitError{exitFailure}
	}
	return failed
}

func writeVerified(w io.Writer, r *server.VerifiedRecord, ends []string) error {
	var failed error
	say := func(format string, args ...any) {
		_, err := fmt.Fprintf(w, format+"\n", args...)
		failed = errors.Join(failed, err)
	}
	for _, f := range r.Findings {
		word := "note"
		if f.Broken {
			word = "BROKEN"
		}
		say("%s: %s at byte %d: %s", word, f.File, f.Offset, f.Message)
	}
	if r.Sound() {
		say("%d events; none is missing or changed.", r.Events)
	} else {
		say("%d events; the record is not what was written. Compare it with a copy, and find out who can write these files.", r.Events)
	}
	if r.Kept > 0 {
		say("Compared with what the store has kept of it.")
	} else {
		say("The store was not asked, or has kept nothing of this record: that it was not cut off or made anew is known from --head alone.")
	}
	for _, end := range ends {
		say("It ends with %s; keep that elsewhere, and give it to the next check with --head.", end)
	}
	return failed
}
