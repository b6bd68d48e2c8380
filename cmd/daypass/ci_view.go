package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/daypass/daypass/internal/gitlab/ci"
	"github.com/daypass/daypass/internal/runner/pipeline"

	"charm.land/lipgloss/v2"
	"golang.org/x/term"
)

// view shows a run while it goes on and when it is over.
type view interface {
	// log opens the log of an attempt at a job.
	log(j *ci.Job, attempt int) (io.WriteCloser, error)
	// changed is told of every change.
	changed(reports []pipeline.Report)
	// coloured says whether logs may hold colours and section markers.
	coloured() bool
	// finish shows what comes last.
	finish(result pipeline.Result)
}

// newView chooses: the log of a single job as it is; on a terminal a line for each
// job; otherwise all logs together, each line with its job.
func (r *ciRun) newView(dir string) view {
	s := &shown{r: r, out: r.c.OutOrStdout(), dir: dir}
	if r.keep != "" {
		s.dir = ""
	}
	switch {
	case len(r.jobs) == 1:
		return &single{s}
	case onTerminal(r.c) && !r.plain:
		return newLive(s)
	}
	return newPrefixed(s)
}

// shown is what all views have in common: the state of the jobs, and logs that
// are kept.
type shown struct {
	r   *ciRun
	out io.Writer
	dir string // for logs, where there is no --keep; "" with it

	mu      sync.Mutex
	reports []pipeline.Report
}

func (s *shown) changed(reports []pipeline.Report) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reports = reports
}

// index is the place of a job among those of the run.
func (s *shown) index(j *ci.Job) int {
	for i, q := range s.r.jobs {
		if q == j {
			return i
		}
	}
	return 0
}

// logPath is the file of a log.
func (s *shown) logPath(index int, j *ci.Job, attempt int) string {
	if s.dir != "" {
		return filepath.Join(s.dir, "logs", fmt.Sprintf("%d-%d.log", index+1, attempt))
	}
	name := "job.log"
	if attempt > 1 {
		name = fmt.Sprintf("job-%d.log", attempt)
	}
	return filepath.Join(s.r.keptIn(index, j), name)
}

// file makes the file of a log.
func (s *shown) file(j *ci.Job, attempt int) (*os.File, error) {
	path := s.logPath(s.index(j), j, attempt)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	return os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
}

// tee is a log that goes to the screen and, with --keep, to a file.
type tee struct {
	io.Writer
	closers []io.Closer
}

func (t *tee) Close() error {
	var err error
	for _, c := range t.closers {
		err = errors.Join(err, c.Close())
	}
	return err
}

// both makes a log of a writer and, with --keep, a file.
func (s *shown) both(j *ci.Job, attempt int, w io.Writer, closers ...io.Closer) (io.WriteCloser, error) {
	if s.r.keep == "" {
		return &tee{w, closers}, nil
	}
	f, err := s.file(j, attempt)
	if err != nil {
		return nil, err
	}
	return &tee{io.MultiWriter(w, f), append(closers, f)}, nil
}

// single shows the one job of a run: its log is the output.
type single struct{ *shown }

func (v *single) log(j *ci.Job, attempt int) (io.WriteCloser, error) {
	if attempt > 1 {
		v.r.note("job %q is tried again: attempt %d", j.Name, attempt)
	}
	return v.both(j, attempt, v.out)
}

func (v *single) coloured() bool { return onTerminal(v.r.c) }

func (v *single) finish(result pipeline.Result) {
	for _, report := range result.Jobs {
		if report.State == pipeline.Manual || report.State == pipeline.Skipped {
			v.r.note("job %q did not run: it is %s", report.Job.Name, stateWords(report))
		}
	}
}

// prefixed shows all logs as they come, each line after the name of its job.
type prefixed struct {
	*shown
	width int
	line  sync.Mutex // one line at a time
	said  map[string]string
}

func newPrefixed(s *shown) *prefixed {
	p := &prefixed{shown: s, said: map[string]string{}}
	for _, j := range s.r.jobs {
		p.width = max(p.width, min(utf8.RuneCountInString(j.Name), 40))
	}
	return p
}

func (v *prefixed) coloured() bool { return false }

func (v *prefixed) log(j *ci.Job, attempt int) (io.WriteCloser, error) {
	name := j.Name
	if attempt > 1 {
		name = fmt.Sprintf("%s (%d)", j.Name, attempt)
	}
	w := &lineWriter{v: v, prefix: fmt.Sprintf("%-*s | ", v.width, name)}
	return v.both(j, attempt, w, w)
}

// changed says nothing that the logs do not: only what became of a job that has
// none.
func (v *prefixed) changed(reports []pipeline.Report) {
	v.shown.changed(reports)
	for _, report := range reports {
		state := string(report.State)
		if report.Attempt > 0 || state == v.said[report.Job.Name] || report.State != pipeline.Skipped && report.State != pipeline.Manual {
			continue
		}
		v.said[report.Job.Name] = state
		v.line.Lock()
		_, _ = fmt.Fprintf(v.out, "%-*s | %s\n", v.width, report.Job.Name, stateWords(report))
		v.line.Unlock()
	}
}

func (v *prefixed) finish(result pipeline.Result) { v.summary(result) }

// lineWriter writes whole lines, each after its prefix.
type lineWriter struct {
	v       *prefixed
	prefix  string
	pending []byte
}

func (w *lineWriter) Write(p []byte) (int, error) {
	w.pending = append(w.pending, p...)
	end := bytes.LastIndexByte(w.pending, '\n')
	if end < 0 {
		return len(p), nil
	}
	whole := w.pending[:end+1]
	var out bytes.Buffer
	for line := range bytes.Lines(whole) {
		out.WriteString(w.prefix)
		out.Write(line)
	}
	w.pending = append(w.pending[:0], w.pending[end+1:]...)
	w.v.line.Lock()
	defer w.v.line.Unlock()
	if _, err := w.v.out.Write(out.Bytes()); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Close writes a last line that has no end.
func (w *lineWriter) Close() error {
	if len(w.pending) == 0 {
		return nil
	}
	_, err := w.Write([]byte("\n"))
	return err
}

// live shows a line for each job: those that are over stay, and below them those
// that run are painted again and again.
type live struct {
	*shown
	lines   int             // painted below, to be painted over
	over    map[string]bool // told for good
	stop    chan struct{}
	stopped chan struct{}
}

// repaint is how often the lines are painted.
const repaint = 100 * time.Millisecond

func newLive(s *shown) *live {
	v := &live{shown: s, over: map[string]bool{}, stop: make(chan struct{}), stopped: make(chan struct{})}
	go func() {
		defer close(v.stopped)
		ticker := time.NewTicker(repaint)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				v.paint(time.Now())
			case <-v.stop:
				return
			}
		}
	}()
	return v
}

func (v *live) coloured() bool { return true }

func (v *live) log(j *ci.Job, attempt int) (io.WriteCloser, error) { return v.file(j, attempt) }

func (v *live) finish(result pipeline.Result) {
	close(v.stop)
	<-v.stopped
	v.paint(time.Now())
	v.failures(result)
	v.summary(result)
}

// spinner turns while a job runs.
var spinner = []rune("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏")

// paint writes the lines of jobs that are over, and the others anew.
func (v *live) paint(now time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	var out strings.Builder
	if v.lines > 0 {
		fmt.Fprintf(&out, "\x1b[%dA", v.lines)
	}
	out.WriteString("\x1b[J")
	v.lines = 0
	width := v.columns()
	waiting := 0
	var below []string
	for _, report := range v.reports {
		switch state := report.State; {
		case state == pipeline.Running:
			turn := spinner[now.UnixMilli()/int64(repaint/time.Millisecond)%int64(len(spinner))]
			below = append(below, v.row(commandStyle.Render(string(turn)), report, now.Sub(report.Started), width))
		case state == pipeline.Created || state == pipeline.Pending:
			waiting++
		case !v.over[report.Job.Name]:
			v.over[report.Job.Name] = true
			out.WriteString(v.row(mark(report), report, report.Duration, width) + "\n")
		}
	}
	if waiting > 0 {
		below = append(below, fmt.Sprintf("  %s to go", counted(waiting, "job")))
	}
	for _, line := range below {
		out.WriteString(line + "\n")
		v.lines++
	}
	_, _ = io.WriteString(v.out, out.String())
}

// row is the line of one job, cut to the width of the terminal.
func (v *live) row(mark string, report pipeline.Report, took time.Duration, width int) string {
	name := shownCell(report.Job.Name)
	words := stateWords(report)
	if report.State == pipeline.Running && report.Attempt > 1 {
		words = fmt.Sprintf("running, attempt %d", report.Attempt)
	}
	line := fmt.Sprintf("%s  %s", name, words)
	if took > 0 {
		line += "  " + shortDuration(took)
	}
	if runes := []rune(line); width > 4 && len(runes) > width-3 {
		line = string(runes[:width-4]) + "…"
	}
	return mark + " " + line
}

func (v *live) columns() int {
	if f, ok := v.out.(*os.File); ok {
		if columns, _, err := term.GetSize(int(f.Fd())); err == nil {
			return columns
		}
	}
	return 80
}

// failures shows the logs of the jobs that failed, whose lines passed unseen.
func (v *live) failures(result pipeline.Result) {
	for i, report := range result.Jobs {
		if report.State != pipeline.Failed {
			continue
		}
		text, err := os.ReadFile(v.logPath(i, report.Job, report.Attempt))
		if err != nil {
			v.r.note("the log of job %q cannot be read: %v", report.Job.Name, err)
			continue
		}
		_, _ = lipgloss.Fprintln(v.out, "\n"+titleStyle.Render("Log of "+shownCell(report.Job.Name)))
		_, _ = v.out.Write(text)
	}
}

// mark is the sign of a job that is over.
func mark(report pipeline.Report) string {
	switch {
	case report.State == pipeline.Success:
		return goodStyle.Render("✔")
	case report.State == pipeline.Failed && report.AllowedToFail:
		return warnStyle.Render("!")
	case report.State == pipeline.Failed:
		return badStyle.Render("✘")
	}
	return "○"
}

// stateWords is what became of a job, as GitLab's pages call it.
func stateWords(report pipeline.Report) string {
	switch report.State {
	case pipeline.Success:
		return "passed"
	case pipeline.Failed:
		if report.AllowedToFail {
			return "failed (allowed to fail)"
		}
		return "failed"
	case pipeline.Manual:
		if report.AllowedToFail {
			return "manual"
		}
		return "manual (blocks what comes after it)"
	case pipeline.Created:
		return "not run"
	}
	return string(report.State)
}

// shortDuration is a duration as people read it.
func shortDuration(d time.Duration) string {
	if d < time.Minute {
		return fmt.Sprintf("%.1fs", d.Seconds())
	}
	return d.Round(time.Second).String()
}

// summary is the table of all jobs and the word on the whole.
func (s *shown) summary(result pipeline.Result) {
	rows := make([][]string, len(result.Jobs))
	var hand []string
	for i, report := range result.Jobs {
		took, why := "", ""
		if report.Attempt > 0 {
			took = shortDuration(report.Duration)
		}
		switch {
		case report.Err != nil:
			why = inWords(report.Err)
		case report.Result.Reason != "":
			why = report.Result.Message
		}
		if report.Attempt > 1 {
			why = strings.TrimPrefix(why+", ", ", ") + fmt.Sprintf("attempt %d", report.Attempt)
		}
		rows[i] = []string{report.Job.Name, report.Job.Stage, stateWords(report), took, why}
		if report.State == pipeline.Manual && !report.AllowedToFail {
			hand = append(hand, quote(report.Job.Name))
		}
	}
	_, _ = fmt.Fprintln(s.out)
	_ = printTable(s.out, []string{"JOB", "STAGE", "STATE", "TOOK", "WHY"}, rows) // the words below say how it ended as well
	_, _ = lipgloss.Fprintln(s.out, "\n"+lastWord(result, hand))
}

// lastWord is how the pipeline ended.
func lastWord(result pipeline.Result, hand []string) string {
	switch {
	case result.State == pipeline.Manual:
		return warnStyle.Render("Pipeline blocked") + ": it waits for a hand; go on with --manual " + strings.Join(hand, " --manual ")
	case result.State == pipeline.Success && result.Warnings:
		return warnStyle.Render("Pipeline passed with warnings")
	case result.State == pipeline.Success:
		return goodStyle.Render("Pipeline passed")
	case result.State == pipeline.Failed:
		return badStyle.Render("Pipeline failed")
	}
	return warnStyle.Render("Pipeline " + string(result.State))
}
