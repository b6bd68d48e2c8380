// Package metrics counts what a server does, for Prometheus and for pages that
// draw it. It hears of requests by their events: whatever is on the record is
// counted, and nothing is counted twice.
//
// Each server has a registry of its own. The values of labels are bounded: what a
// stranger could make up is no label, and of values that an operator's own records
// or another service's replies bring, the first few hundred are told apart and the
// others are "other".
package metrics

import (
	"net/http"
	"regexp"
	"sync"
	"sync/atomic"

	"github.com/daypass/daypass/internal/audit"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

const (
	namespace = "daypass"
	// webIdentity is the exchange of a token.
	webIdentity = "AssumeRoleWithWebIdentity"
	other       = "other"
)

// How many values of a label are told apart.
const (
	maxOperations = 1000 // of all services; a gateway's tables name more
	maxCodes      = 300
	maxIssuers    = 200
)

// latencies are the bounds of the histogram's buckets, in seconds. An exchange
// takes a tenth of a millisecond here; a store behind the gateway takes what it takes.
var latencies = []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}

// Metrics are those of one server.
type Metrics struct {
	History History

	registry  *prometheus.Registry
	requests  *prometheus.CounterVec
	latency   *prometheus.HistogramVec
	denials   *prometheus.CounterVec
	exchanges *prometheus.CounterVec
	sessions  *prometheus.CounterVec
	events    prometheus.Counter
	lost      prometheus.Counter
	store     *prometheus.CounterVec

	series     sync.Map // seriesKey to *series: found without hashing labels one by one
	operations bounded
	codes      bounded
	issuers    bounded
}

// Build says what binary this is.
type Build struct{ Version, GoVersion string }

// New makes the metrics of one server.
func New(build Build) *Metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, labels)
	}
	m := &Metrics{
		registry:  prometheus.NewRegistry(),
		requests:  counter("requests_total", "Requests that were answered, those that were refused among them.", "service", "operation", "outcome", "code"),
		denials:   counter("denials_total", "Requests whose caller was refused, by the class of why.", "cause"),
		exchanges: counter("token_exchanges_total", "Exchanges of ID tokens, by the issuer. \"unregistered\" are those of issuers that no provider of the account names.", "issuer", "outcome"),
		sessions:  counter("sessions_issued_total", "Temporary credentials that were given, by the operation.", "operation"),
		store:     counter("store_errors_total", "Calls of the store that failed.", "call"),
		latency: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: namespace, Name: "request_duration_seconds", Help: "Time from a request's begin to its event.", Buckets: latencies,
		}, []string{"service", "operation"}),
		events: prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: namespace, Subsystem: "audit", Name: "events_total", Help: "Events that were written to the record.",
		}),
		lost: prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: namespace, Subsystem: "audit", Name: "write_errors_total", Help: "Events that could not be written to the record; their requests were refused.",
		}),
		operations: bounded{most: maxOperations}, codes: bounded{most: maxCodes}, issuers: bounded{most: maxIssuers},
	}
	info := prometheus.NewGauge(prometheus.GaugeOpts{
		Namespace: namespace, Name: "build_info", Help: "1, with the version.", ConstLabels: prometheus.Labels{"version": build.Version, "goversion": build.GoVersion},
	})
	info.Set(1)
	m.registry.MustRegister(m.requests, m.latency, m.denials, m.exchanges, m.sessions, m.store, m.events, m.lost, info,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	for _, cause := range causes { // so that a rate is known from the first one on
		m.denials.WithLabelValues(cause)
	}
	for _, call := range []string{StoreRead, StoreWrite, StoreValue, StoreUse} {
		m.store.WithLabelValues(call)
	}
	return m
}

// Handler serves them in Prometheus's text format.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// The calls of the store that are told apart.
const (
	StoreRead  = "read"  // to follow what others wrote
	StoreWrite = "write" // a change
	StoreValue = "value" // to read a secret's value
	StoreUse   = "use"   // to mark a token as used, where tokens are good once
)

// StoreError counts a call of the store that failed.
func (m *Metrics) StoreError(call string) { m.store.WithLabelValues(call).Inc() }

type seriesKey struct{ service, operation, code, issuer, outcome string }

// series are the counters of requests that are alike.
type series struct {
	requests, exchanges, sessions prometheus.Counter // the last two may be nil
	latency                       prometheus.Observer
}

// Event counts a request by its event; failure is why the event could not be
// written, and nil if it was.
func (m *Metrics) Event(e *audit.Event, failure error) {
	outcome := e.Outcome()
	if failure != nil {
		m.lost.Inc()
		outcome = audit.Failed
	} else {
		m.events.Inc()
	}
	if cause := causeOf(e); cause != "" {
		m.denials.WithLabelValues(cause).Inc()
	}
	s := m.seriesOf(e, outcome)
	s.requests.Inc()
	s.latency.Observe(e.Duration.Seconds())
	if s.exchanges != nil {
		s.exchanges.Inc()
	}
	if s.sessions != nil && outcome == audit.Succeeded && e.IssuedKey != "" {
		s.sessions.Inc()
	}
	m.History.note(e, outcome)
}

// seriesOf finds the counters of an event.
func (m *Metrics) seriesOf(e *audit.Event, outcome audit.Outcome) *series {
	key := seriesKey{service: e.Service, outcome: string(outcome)}
	if key.operation = e.Operation; key.operation != "" && !m.operations.admit(e.Service+":"+e.Operation) {
		key.operation = other
	}
	if key.code = e.Code; key.code == "" {
		key.code = e.Fault
	}
	if key.code != "" && (!codeForm.MatchString(key.code) || !m.codes.admit(key.code)) {
		key.code = other
	}
	if e.Operation == webIdentity {
		key.issuer = m.issuerOf(e)
	}
	if found, ok := m.series.Load(key); ok {
		return found.(*series)
	}
	s := &series{
		requests: m.requests.WithLabelValues(key.service, key.operation, key.outcome, key.code),
		latency:  m.latency.WithLabelValues(key.service, key.operation),
	}
	if key.issuer != "" {
		s.exchanges = m.exchanges.WithLabelValues(key.issuer, key.outcome)
	}
	if outcome == audit.Succeeded && e.IssuedKey != "" {
		s.sessions = m.sessions.WithLabelValues(key.operation)
	}
	found, _ := m.series.LoadOrStore(key, s)
	return found.(*series)
}

// codeForm is what AWS's error codes look like. A store behind the gateway may
// answer with anything.
var codeForm = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9.]{0,63}$`)

// issuerOf is the issuer of an exchange as a label. Anybody can send tokens of any
// issuer: those that no provider names are one.
func (m *Metrics) issuerOf(e *audit.Event) string {
	switch {
	case e.Issuer == "":
		return "none"
	case e.Provider == "":
		return "unregistered"
	case !m.issuers.admit(e.Issuer):
		return other
	}
	return e.Issuer
}

// bounded tells the first values from one another, and no more than most.
type bounded struct {
	most  int32
	count atomic.Int32
	known sync.Map
}

func (b *bounded) admit(value string) bool {
	if _, ok := b.known.Load(value); ok {
		return true
	}
	if b.count.Load() >= b.most {
		return false
	}
	if _, had := b.known.LoadOrStore(value, true); !had {
		b.count.Add(1)
	}
	return true
}
