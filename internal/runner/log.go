package runner

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// The colours of GitLab Runner's helpers/ansi_colors.go.
const (
	boldGreen = "\x1b[32;1m"
	boldCyan  = "\x1b[36;1m"
	yellow    = "\x1b[0;33m"
	boldRed   = "\x1b[31;1m"
	resetSGR  = "\x1b[0;m"
	clearLine = "\r\x1b[0K"
)

// paint colours a line, where colour is wanted.
func paint(colour bool, sgr, s string) string {
	if !colour {
		return s
	}
	return sgr + s + resetSGR
}

// Log is the log of one job, as GitLab shows it: sections with a heading, the
// runner's own lines between those of the job. With Colour it holds GitLab's
// section markers as well, which a terminal does not show and a web page folds
// by; without, it is plain text.
//
// An error of the writer is kept, and told by Err: a line of the runner's own
// that is lost is found when the job's next output is.
type Log struct {
	// W gets the text. Secrets in it are masked before, not here.
	W io.Writer
	// Colour says whether control sequences are wanted.
	Colour bool
	// Now gives the times of the sections.
	Now func() time.Time

	mu  sync.Mutex
	err error
}

// Section writes a heading, and returns what ends the section. The names are
// those of GitLab Runner's stages.
func (l *Log) Section(name, heading string) (end func()) {
	if !l.Colour {
		l.write(heading + "\n")
		return func() {}
	}
	l.write(fmt.Sprintf("section_start:%d:%s%s%s\n", l.Now().Unix(), name, clearLine, boldCyan+heading+resetSGR))
	return func() { l.write(fmt.Sprintf("section_end:%d:%s%s", l.Now().Unix(), name, clearLine)) }
}

// Say writes a line of the runner's own.
func (l *Log) Say(format string, args ...any) { l.write(fmt.Sprintf(format, args...) + "\n") }

// Note writes a line in green.
func (l *Log) Note(format string, args ...any) { l.line(boldGreen, fmt.Sprintf(format, args...)) }

// Warn writes a line in yellow, which begins with WARNING.
func (l *Log) Warn(format string, args ...any) {
	l.line(yellow, "WARNING: "+fmt.Sprintf(format, args...))
}

// Fail writes a line in red, which begins with ERROR.
func (l *Log) Fail(format string, args ...any) {
	l.line(boldRed, "ERROR: "+fmt.Sprintf(format, args...))
}

func (l *Log) line(sgr, text string) {
	l.write(paint(l.Colour, sgr, strings.TrimRight(text, "\n")) + "\n")
}

func (l *Log) write(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return
	}
	if _, err := io.WriteString(l.W, text); err != nil {
		l.err = fmt.Errorf("%w: %w", errLog, err)
	}
}

// Err is the first error of the writer.
func (l *Log) Err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}
