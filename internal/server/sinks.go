package server

import (
	"fmt"
	"os"
	"strings"

	"github.com/daypass/daypass/internal/audit"
	"github.com/daypass/daypass/internal/audit/sink"
	"github.com/daypass/daypass/internal/metrics"
)

// openSinks finds out how far each sink of the node's record has come, and has
// requests refused where one that must not fall behind did.
func (n *node) openSinks(c *Config, events *audit.Log) error {
	if len(c.Sinks) == 0 {
		return nil
	}
	host, err := os.Hostname()
	if err != nil {
		return fmt.Errorf("server: this machine's name, under which sinks are told of its record: %w", err)
	}
	sinks, err := sink.Open(sink.Options{Record: events, Node: host, Sinks: c.Sinks, Now: c.Now, Log: c.Log})
	n.closers = append(n.closers, sinks.Close)
	if err != nil {
		return fmt.Errorf("server: %w", err)
	}
	events.Refuse(sinks.Refusing)
	n.sinks, n.watch.sinks = sinks, sinks
	return nil
}

// sinksCheck says how the sinks do; false where there is none. A sink that only
// counts what it loses does not make a node unready: requests are answered.
func (w *watch) sinksCheck() (Check, bool) {
	if w.sinks == nil {
		return Check{}, false
	}
	check := Check{Name: "sinks", OK: true}
	var details []string
	for _, s := range w.sinks.Status() {
		detail := fmt.Sprintf("%s: %d events behind", s.Name, s.Behind)
		if s.Failure != "" {
			detail += ", does not take them"
		}
		if s.Lost > 0 {
			detail += fmt.Sprintf(", %d lost", s.Lost)
		}
		if s.Over && s.Refuse {
			check.OK = false
			detail += ", beyond its bound: requests are refused"
		}
		details = append(details, detail)
	}
	check.Detail = strings.Join(details, "; ")
	return check, true
}

// sinkMetrics are how the sinks do, as metrics have it.
func (w *watch) sinkMetrics() []metrics.Sink {
	if w.sinks == nil {
		return nil
	}
	var all []metrics.Sink
	for _, s := range w.sinks.Status() {
		all = append(all, metrics.Sink{
			Name: s.Name, Behind: s.Behind, Age: s.Age, Taken: s.Taken, Lost: s.Lost, Failures: s.Failures, Failing: s.Failure != "", Over: s.Over,
		})
	}
	return all
}
