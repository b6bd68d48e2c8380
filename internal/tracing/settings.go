package tracing

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// Settings are the operator's. The environment variables of OpenTelemetry override them.
type Settings struct {
	// Endpoint is the URL of a collector that takes OTLP over HTTP, without the path
	// /v1/traces; "" leaves it to the environment.
	Endpoint string
	// ContinueFrom are the addresses of peers whose traces are continued.
	ContinueFrom []netip.Prefix
	// Version is that of the binary.
	Version string
}

// options are settings and environment together.
type options struct {
	url        string
	headers    http.Header
	timeout    time.Duration
	gzip       bool
	tls        *tls.Config
	delay      time.Duration
	queue, max int
}

// Open makes the tracer that settings and environment ask for, and nil where they ask for
// none: without an endpoint, or with OTEL_SDK_DISABLED=true or OTEL_TRACES_EXPORTER=none.
// Variables and their defaults are OpenTelemetry's (specification, "OpenTelemetry
// Environment Variable Specification" and "OpenTelemetry Protocol Exporter"); what of
// them is not served is an error, which names it. Sampling (OTEL_TRACES_SAMPLER) and
// OTEL_RESOURCE_ATTRIBUTES, OTEL_SERVICE_NAME are read by OpenTelemetry's library, from the
// process's own environment.
func Open(ctx context.Context, s Settings, environment func(string) string, log *slog.Logger) (*Tracer, error) {
	o, err := s.with(environment)
	if o == nil || err != nil {
		return nil, err
	}
	described, err := resource.New(ctx, resource.WithHost(), resource.WithTelemetrySDK(),
		resource.WithAttributes(attribute.String("service.name", "daypass"), attribute.String("service.version", s.Version)), resource.WithFromEnv())
	if err != nil {
		return nil, fmt.Errorf("tracing: %w", err)
	}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { log.Warn("traces", "error", err) }))
	sender := newSender(o, log)
	provider := sdktrace.NewTracerProvider(sdktrace.WithResource(described), sdktrace.WithSpanProcessor(sender))
	log.Info("traces are sent to a collector", "url", o.url)
	return &Tracer{provider: provider, tracer: provider.Tracer(scope), sender: sender, continueFrom: s.ContinueFrom}, nil
}

// with is nil where nothing is to be traced.
func (s Settings) with(environment func(string) string) (*options, error) {
	if strings.EqualFold(environment("OTEL_SDK_DISABLED"), "true") {
		return nil, nil //nolint:nilnil // see above
	}
	of := func(name string) string { // of traces, or of all signals
		if value := environment("OTEL_EXPORTER_OTLP_TRACES_" + name); value != "" {
			return value
		}
		return environment("OTEL_EXPORTER_OTLP_" + name)
	}
	endpoint := s.Endpoint
	if base := environment("OTEL_EXPORTER_OTLP_ENDPOINT"); base != "" {
		endpoint = base
	}
	if endpoint != "" {
		endpoint = strings.TrimSuffix(endpoint, "/") + "/v1/traces"
	}
	if whole := environment("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"); whole != "" {
		endpoint = whole
	}
	switch exporter := environment("OTEL_TRACES_EXPORTER"); exporter {
	case "none":
		return nil, nil //nolint:nilnil // see above
	case "", "otlp":
		if endpoint == "" && exporter == "" {
			return nil, nil //nolint:nilnil // see above
		}
		if endpoint == "" {
			endpoint = "http://localhost:4318/v1/traces"
		}
	default:
		return nil, fmt.Errorf("OTEL_TRACES_EXPORTER is %q; write otlp or none", exporter)
	}
	if protocol := of("PROTOCOL"); protocol != "" && protocol != "http/protobuf" {
		return nil, fmt.Errorf("OTEL_EXPORTER_OTLP_PROTOCOL is %q; traces are sent by http/protobuf only, which collectors take on port 4318", protocol)
	}
	u, err := url.Parse(endpoint)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil {
		return nil, errors.New("the endpoint for traces is no URL of a collector; write it as http://HOST:4318, and what authenticates into OTEL_EXPORTER_OTLP_HEADERS")
	}
	o := &options{url: endpoint}
	return o, errors.Join(o.readHeaders(of("HEADERS")), o.readCompression(of("COMPRESSION")), o.readTLS(of), o.readNumbers(environment, of))
}

// readHeaders reads key=value pairs as the specification has them, values
// percent-encoded. An error repeats none: they authenticate.
func (o *options) readHeaders(text string) error {
	o.headers = http.Header{}
	for pair := range strings.SplitSeq(text, ",") {
		if pair = strings.TrimSpace(pair); pair == "" {
			continue
		}
		key, value, ok := strings.Cut(pair, "=")
		value, err := url.PathUnescape(strings.TrimSpace(value))
		if key = strings.TrimSpace(key); !ok || err != nil || key == "" || strings.ContainsAny(key+value, "\r\n") {
			return errors.New("OTEL_EXPORTER_OTLP_HEADERS is no list of key=value, separated by commas")
		}
		o.headers.Set(key, value)
	}
	return nil
}

func (o *options) readCompression(text string) error {
	switch text {
	case "", "none":
	case "gzip":
		o.gzip = true
	default:
		return fmt.Errorf("OTEL_EXPORTER_OTLP_COMPRESSION is %q; write gzip or none", text)
	}
	return nil
}

func (o *options) readTLS(of func(string) string) error {
	o.tls = &tls.Config{MinVersion: tls.VersionTLS12}
	if path := of("CERTIFICATE"); path != "" {
		text, err := os.ReadFile(path)
		if err != nil {
			return fmt.Errorf("OTEL_EXPORTER_OTLP_CERTIFICATE: %w", err)
		}
		o.tls.RootCAs = x509.NewCertPool()
		if !o.tls.RootCAs.AppendCertsFromPEM(text) {
			return fmt.Errorf("OTEL_EXPORTER_OTLP_CERTIFICATE: %s has no certificate in PEM form", path)
		}
	}
	certificate, key := of("CLIENT_CERTIFICATE"), of("CLIENT_KEY")
	if certificate == "" && key == "" {
		return nil
	}
	own, err := tls.LoadX509KeyPair(certificate, key)
	if err != nil {
		return fmt.Errorf("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE and OTEL_EXPORTER_OTLP_CLIENT_KEY: %w", err)
	}
	o.tls.Certificates = []tls.Certificate{own}
	return nil
}

// readNumbers reads times, in milliseconds, and sizes of the batches.
func (o *options) readNumbers(environment, of func(string) string) error {
	var timeout, delay int
	for _, n := range []struct {
		name, text string
		usual      int
		to         *int
	}{
		{"OTEL_EXPORTER_OTLP_TIMEOUT", of("TIMEOUT"), 10_000, &timeout},
		{"OTEL_BSP_SCHEDULE_DELAY", environment("OTEL_BSP_SCHEDULE_DELAY"), 5_000, &delay},
		{"OTEL_BSP_MAX_QUEUE_SIZE", environment("OTEL_BSP_MAX_QUEUE_SIZE"), 2048, &o.queue},
		{"OTEL_BSP_MAX_EXPORT_BATCH_SIZE", environment("OTEL_BSP_MAX_EXPORT_BATCH_SIZE"), 512, &o.max},
	} {
		*n.to = n.usual
		if n.text == "" {
			continue
		}
		value, err := strconv.Atoi(n.text)
		if err != nil || value < 1 || value > 1_000_000 {
			return fmt.Errorf("%s is %q, and no number from 1 to 1000000", n.name, n.text)
		}
		*n.to = value
	}
	o.timeout, o.delay = time.Duration(timeout)*time.Millisecond, time.Duration(delay)*time.Millisecond
	return nil
}
