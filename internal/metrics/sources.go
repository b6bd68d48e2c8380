package metrics

import (
	"time"

	"github.com/daypass/daypass/internal/jwks"
	"github.com/daypass/daypass/internal/tracing"

	"github.com/prometheus/client_golang/prometheus"
)

// Sources are asked when the metrics are. Each is safe for concurrent use, quick,
// and may be nil.
type Sources struct {
	Now       func() time.Time
	InFlight  func() int64
	Issuers   func() []jwks.IssuerStatus
	Directory func() Directory
	// SessionKeyRotated is since when the primary session key seals; zero is unknown.
	SessionKeyRotated func() time.Time
	// FreeBytes is how much the file system of the data directory takes more;
	// negative is unknown.
	FreeBytes func() int64
	// Traces counts the spans of traces.
	Traces func() tracing.Counts
	// Sinks are where the record of events is handed on to.
	Sinks func() []Sink
	// Record is what retention makes of the record of events.
	Record func() Record
	// Ready are the checks of readiness by their names.
	Ready func() map[string]bool
}

// Directory is what a node knows of the store.
type Directory struct {
	Revision int64
	Fresh    time.Time // when the store was last asked, and answered
	Problems int       // stored documents that cannot be read
}

// Record is what retention makes of the record of events. All is zero without it.
type Record struct {
	Retired uint64 // events that were removed, since the start
	Bytes   int64  // of its files
	Held    bool   // files are kept longer for a sink
}

// Sink is how one sink of the record does.
type Sink struct {
	Name     string
	Behind   uint64        // events that it has not taken
	Age      time.Duration // of the oldest of them
	Taken    uint64        // events, since the start
	Lost     uint64        // events that were given up, since there is the sink
	Failures uint64        // of sending, since the start
	Failing  bool          // the last sending failed
	Over     bool          // it is further behind than it may be
}

// gauge is a value that is asked for.
type gauge struct {
	*prometheus.Desc

	kind prometheus.ValueType
}

func newGauge(name, help string, labels ...string) gauge {
	return gauge{prometheus.NewDesc(prometheus.BuildFQName(namespace, "", name), help, labels, nil), prometheus.GaugeValue}
}

func newCounter(name, help string, labels ...string) gauge {
	g := newGauge(name, help, labels...)
	g.kind = prometheus.CounterValue
	return g
}

func (g gauge) send(to chan<- prometheus.Metric, value float64, labels ...string) {
	to <- prometheus.MustNewConstMetric(g.Desc, g.kind, value, labels...)
}

var (
	inFlight                            = newGauge("requests_in_flight", "Requests that are under way.")
	issuerFetches                       = newCounter("issuer_fetches_total", "Fetches of an issuer's keys that ended.", "issuer")
	issuerFailures                      = newCounter("issuer_fetch_errors_total", "Fetches of an issuer's keys that failed.", "issuer")
	issuerKeys                          = newGauge("issuer_keys", "Keys of an issuer that can be used.", "issuer")
	issuerAge                           = newGauge("issuer_keys_age_seconds", "Time since an issuer's keys were fetched.", "issuer")
	issuerExpires                       = newGauge("issuer_keys_expire_seconds", "Time until an issuer's keys are to be fetched again; below 0 where that failed.", "issuer")
	issuerFailing                       = newGauge("issuer_failing", "1 where the last fetch of an issuer's keys failed.", "issuer")
	revision                            = newGauge("directory_revision", "Revision of the store on which this node decides.")
	directoryAge                        = newGauge("directory_age_seconds", "Time since the store last said that this node has all that was written.")
	problems                            = newGauge("directory_problems", "Stored documents that cannot be read; what needs them is denied.")
	sessionKeyAge                       = newGauge("session_key_age_seconds", "Time since the key that seals sessions was rotated.")
	freeBytes                           = newGauge("data_free_bytes", "Bytes that the file system of the data directory takes more.")
	spansSent                           = newCounter("trace_spans_sent_total", "Spans of traces that the collector took.")
	spansLost                           = newCounter("trace_spans_lost_total", "Spans of traces that were lost: \"full\" since more ended than could be sent, \"failed\" since the collector did not take them.", "reason")
	ready                               = newGauge("ready", "1 for each check of readiness that is good.", "check")
	sinkBehind                          = newGauge("audit_sink_behind_events", "Events that a sink of the record has not taken.", "sink")
	sinkAge                             = newGauge("audit_sink_behind_seconds", "Age of the oldest of them.", "sink")
	sinkTaken                           = newCounter("audit_sink_taken_events_total", "Events that a sink took since the start.", "sink")
	sinkLost                            = newCounter("audit_sink_lost_events_total", "Events that were given up for a sink since there is one.", "sink")
	sinkFailures                        = newCounter("audit_sink_failures_total", "Sendings to a sink that failed since the start.", "sink")
	sinkFailing                         = newGauge("audit_sink_failing", "1 where the last sending failed.", "sink")
	sinkOver                            = newGauge("audit_sink_beyond_bound", "1 where a sink is further behind than it may be: with onFailure: fail-closed requests are refused.", "sink")
	recordRetired                       = newCounter("audit_retired_events_total", "Events that were removed from the record as too old or too many, since the start.")
	recordBytes                         = newGauge("audit_record_bytes", "Bytes of the record's files, where its age or size is bounded.")
	recordHeld                          = newGauge("audit_retention_held", "1 where files of the record are kept beyond their time or size for a sink that has not had them.")
	allOfTheirs                         = []gauge{inFlight, issuerFetches, issuerFailures, issuerKeys, issuerAge, issuerExpires, issuerFailing, revision, directoryAge, problems, sessionKeyAge, freeBytes, spansSent, spansLost, ready, sinkBehind, sinkAge, sinkTaken, sinkLost, sinkFailures, sinkFailing, sinkOver, recordRetired, recordBytes, recordHeld}
	_              prometheus.Collector = (*sources)(nil)
)

// sources implements prometheus.Collector.
type sources struct {
	Sources

	m *Metrics
}

// Watch adds what is asked for. It is called once.
func (m *Metrics) Watch(s Sources) { m.registry.MustRegister(&sources{Sources: s, m: m}) }

// Describe implements prometheus.Collector.
func (s *sources) Describe(to chan<- *prometheus.Desc) {
	for _, g := range allOfTheirs {
		to <- g.Desc
	}
}

// Collect implements prometheus.Collector.
func (s *sources) Collect(to chan<- prometheus.Metric) {
	now := s.Now()
	if s.InFlight != nil {
		inFlight.send(to, float64(s.InFlight()))
	}
	if s.Issuers != nil {
		s.collectIssuers(to, now)
	}
	if s.Directory != nil {
		d := s.Directory()
		revision.send(to, float64(d.Revision))
		directoryAge.send(to, now.Sub(d.Fresh).Seconds())
		problems.send(to, float64(d.Problems))
	}
	if s.SessionKeyRotated != nil {
		if rotated := s.SessionKeyRotated(); !rotated.IsZero() {
			sessionKeyAge.send(to, now.Sub(rotated).Seconds())
		}
	}
	if s.FreeBytes != nil {
		if free := s.FreeBytes(); free >= 0 {
			freeBytes.send(to, float64(free))
		}
	}
	if s.Traces != nil {
		counts := s.Traces()
		spansSent.send(to, float64(counts.Sent))
		spansLost.send(to, float64(counts.Full), "full")
		spansLost.send(to, float64(counts.Failed), "failed")
	}
	if s.Record != nil {
		r := s.Record()
		recordRetired.send(to, float64(r.Retired))
		recordBytes.send(to, float64(r.Bytes))
		recordHeld.send(to, one(r.Held))
	}
	if s.Sinks != nil {
		s.collectSinks(to)
	}
	if s.Ready != nil {
		for check, good := range s.Ready() {
			ready.send(to, one(good), check)
		}
	}
}

// collectIssuers tells of the first maxIssuers: a scrape must stay small.
func (s *sources) collectIssuers(to chan<- prometheus.Metric, now time.Time) {
	for i, status := range s.Issuers() {
		if i == maxIssuers {
			return
		}
		issuerKeys.send(to, float64(status.Keys), status.Issuer)
		if status.File {
			continue
		}
		issuerFetches.send(to, float64(status.Fetches), status.Issuer)
		issuerFailures.send(to, float64(status.Failures), status.Issuer)
		issuerFailing.send(to, one(status.Failure != nil), status.Issuer)
		if !status.Fetched.IsZero() {
			issuerAge.send(to, now.Sub(status.Fetched).Seconds(), status.Issuer)
			issuerExpires.send(to, status.Expires.Sub(now).Seconds(), status.Issuer)
		}
	}
}

func (s *sources) collectSinks(to chan<- prometheus.Metric) {
	for _, k := range s.Sinks() {
		sinkBehind.send(to, float64(k.Behind), k.Name)
		sinkAge.send(to, k.Age.Seconds(), k.Name)
		sinkTaken.send(to, float64(k.Taken), k.Name)
		sinkLost.send(to, float64(k.Lost), k.Name)
		sinkFailures.send(to, float64(k.Failures), k.Name)
		sinkFailing.send(to, one(k.Failing), k.Name)
		sinkOver.send(to, one(k.Over), k.Name)
	}
}

func one(is bool) float64 {
	if is {
		return 1
	}
	return 0
}
