package main

import "github.com/daypass/daypass/internal/tracing"

// tracesConfiguration is what is traced for OpenTelemetry, and where to
// (docs/monitoring.md). The environment variables of OpenTelemetry override it.
type tracesConfiguration struct {
	// Endpoint is the URL of a collector that takes OTLP over HTTP, such as
	// `http://localhost:4318`; `/v1/traces` is added. Without it, and without
	// OTEL_EXPORTER_OTLP_ENDPOINT, nothing is traced.
	Endpoint string `yaml:"endpoint"`
	// ContinueFrom lists ranges of addresses, such as `10.1.2.0/24`, whose requests
	// continue the trace that their header traceparent names; addresses are as for
	// `aws:SourceIp`. Everybody else's begin
	// a trace of their own, which has theirs as a link.
	ContinueFrom []prefix `yaml:"continueFrom"`
}

// server is c as the server takes it.
func (c *tracesConfiguration) server() tracing.Settings {
	return tracing.Settings{Endpoint: c.Endpoint, ContinueFrom: ranges(c.ContinueFrom)}
}
