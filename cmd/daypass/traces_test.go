package main

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"

	collector "go.opentelemetry.io/proto/slim/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/slim/otlp/common/v1"
	"google.golang.org/protobuf/proto"
)

// otlpCollector is the program otlp-collector: it takes traces by OTLP over HTTP, decodes
// them with OpenTelemetry's own messages, and writes a line for each span to the file
// "spans", with all that was told of it. Its URL goes to the file "collector".
func otlpCollector() {
	err := func() error {
		out, err := os.Create("spans")
		if err != nil {
			return err
		}
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		var writing sync.Mutex
		http.HandleFunc("POST /v1/traces", func(w http.ResponseWriter, r *http.Request) {
			spans, err := readSpans(r)
			if err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
			writing.Lock()
			defer writing.Unlock()
			_, _ = io.WriteString(out, spans)
			w.Header().Set("Content-Type", "application/x-protobuf")
		})
		if err := os.WriteFile("collector.part", []byte("http://"+l.Addr().String()), 0o600); err != nil {
			return err
		}
		if err := os.Rename("collector.part", "collector"); err != nil {
			return err
		}
		return http.Serve(l, nil)
	}()
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func readSpans(r *http.Request) (string, error) {
	if got := r.Header.Get("Content-Type"); got != "application/x-protobuf" {
		return "", fmt.Errorf("content type %q", got)
	}
	if r.Header.Get("Api-Key") != "a b" {
		return "", errors.New("the header api-key is missing")
	}
	unpacked, err := gzip.NewReader(r.Body)
	if err != nil {
		return "", err
	}
	body, err := io.ReadAll(unpacked)
	if err != nil {
		return "", err
	}
	var sent collector.ExportTraceServiceRequest
	if err := proto.Unmarshal(body, &sent); err != nil {
		return "", err
	}
	var lines strings.Builder
	for _, of := range sent.GetResourceSpans() {
		resource := words(of.GetResource().GetAttributes())
		for _, scope := range of.GetScopeSpans() {
			for _, s := range scope.GetSpans() {
				if len(s.GetTraceId()) != 16 || len(s.GetSpanId()) != 8 || s.GetEndTimeUnixNano() < s.GetStartTimeUnixNano() || s.GetStartTimeUnixNano() == 0 {
					return "", fmt.Errorf("no span: %v", s)
				}
				fmt.Fprintf(&lines, "%q trace=%x parent=%x span=%x %v %v", s.GetName(), s.GetTraceId(), s.GetParentSpanId(), s.GetSpanId(), s.GetKind(), s.GetStatus().GetCode())
				for _, link := range s.GetLinks() {
					fmt.Fprintf(&lines, " link=%x", link.GetTraceId())
				}
				fmt.Fprintf(&lines, "%s |%s\n", words(s.GetAttributes()), resource)
			}
		}
	}
	return lines.String(), nil
}

func words(attributes []*common.KeyValue) string {
	var b strings.Builder
	for _, a := range attributes {
		if value, ok := a.GetValue().GetValue().(*common.AnyValue_IntValue); ok {
			fmt.Fprintf(&b, " %s=%d", a.GetKey(), value.IntValue)
			continue
		}
		fmt.Fprintf(&b, " %s=%s", a.GetKey(), a.GetValue().GetStringValue())
	}
	return b.String()
}
