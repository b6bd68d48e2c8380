package server_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/audit/sink"
	"github.com/daypass/daypass/internal/s3upstream"
	"github.com/daypass/daypass/internal/server"

	"github.com/aws/aws-sdk-go-v2/aws"
	s3client "github.com/aws/aws-sdk-go-v2/service/s3"
	stsclient "github.com/aws/aws-sdk-go-v2/service/sts"
)

// siem takes events while it is up.
type siem struct {
	*httptest.Server

	mu    sync.Mutex
	down  bool
	lines []string
}

func newSIEM(t *testing.T) *siem {
	t.Helper()
	s := &siem{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		s.mu.Lock()
		defer s.mu.Unlock()
		if err != nil || s.down {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		s.lines = append(s.lines, strings.Split(string(bytes.TrimSpace(body)), "\n")...)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *siem) setDown(down bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down = down
}

func (s *siem) sink(t *testing.T, refuse bool) sink.Config {
	t.Helper()
	target, err := sink.NewWebhook(sink.Webhook{URL: s.URL})
	if err != nil {
		t.Fatal(err)
	}
	return sink.Config{Name: "siem", Target: target, Refuse: refuse, Bounds: sink.Bounds{Events: 3}, Batch: sink.Batch{Every: 20 * time.Millisecond}}
}

func soon(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !is(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("not within 20 s: " + what)
		}
	}
}

// TestSinkFailsClosed: while a sink that must not fall behind does not take events,
// requests of all services are refused as unavailable, which is on the record and in
// readiness; once it takes them everything goes on, and it has all that happened.
func TestSinkFailsClosed(t *testing.T) {
	t.Parallel()
	s := newSIEM(t)
	c := newConfig(t.TempDir())
	c.AdminListen = "127.0.0.1:0"
	c.S3.Upstreams = []server.Upstream{{Name: "never-asked", Target: s3upstream.Target{Endpoint: s.URL, Region: "us-east-1", Credentials: aws.AnonymousCredentials{}}}}
	c.Sinks = []sink.Config{s.sink(t, true)}
	r := mustStart(t, c)
	admin, own := r.admin(t, c.DataDir), r.administrator(t, c.DataDir)
	wantCaller(t, own, administratorARN)
	s.setDown(true)
	client := stsclient.NewFromConfig(own)
	var refused error
	soon(t, "requests are refused", func() bool {
		_, refused = client.GetCallerIdentity(t.Context(), &stsclient.GetCallerIdentityInput{})
		return refused != nil
	})
	if !strings.Contains(refused.Error(), "StatusCode: 503") || !strings.Contains(refused.Error(), "record of requests cannot be delivered") {
		t.Errorf("refused with %v", refused)
	}
	buckets := s3client.NewFromConfig(own, func(o *s3client.Options) { o.UsePathStyle = true })
	if _, err := buckets.CreateBucket(t.Context(), &s3client.CreateBucketInput{Bucket: aws.String("refused")}); err == nil || !strings.Contains(err.Error(), "StatusCode: 503") {
		t.Errorf("a bucket is made: %v", err)
	}
	if status, body := r.get(t, admin+"/readyz", ""); status != http.StatusServiceUnavailable || !strings.Contains(body, "FAILED sinks") || !strings.Contains(body, "requests are refused") {
		t.Errorf("readyz answers %d %s", status, body)
	}
	soon(t, "metrics tell of the sink", func() bool {
		_, body := r.get(t, admin+"/metrics", "")
		return strings.Contains(body, "daypass_audit_sink_beyond_bound{sink=\"siem\"} 1\n") && strings.Contains(body, "daypass_audit_sink_failing{sink=\"siem\"} 1\n")
	})
	s.setDown(false)
	soon(t, "the node is ready", func() bool { status, _ := r.get(t, admin+"/readyz", ""); return status == http.StatusOK })
	wantCaller(t, own, administratorARN)
	r.mustStop(t)
	s.mu.Lock()
	defer s.mu.Unlock()
	if record := strings.TrimSpace(read(t, c.DataDir, "events.jsonl")); strings.Join(s.lines, "\n") != record {
		t.Errorf("the sink has\n%s\nand the record\n%s", strings.Join(s.lines, "\n"), record)
	}
	if all := strings.Join(s.lines, "\n"); strings.Count(all, `"fault":"Unavailable"`) < 2 || !strings.Contains(all, `"service":"s3","operation":"CreateBucket"`) {
		t.Errorf("the refused requests are not on the record:\n%s", all)
	}
}

// TestSinkCounts: a sink that may lose events refuses nothing; what is lost is told by
// readiness, which stays good, and by metrics.
func TestSinkCounts(t *testing.T) {
	t.Parallel()
	s := newSIEM(t)
	s.setDown(true)
	c := newConfig(t.TempDir())
	c.AdminListen = "127.0.0.1:0"
	c.Sinks = []sink.Config{s.sink(t, false)}
	r := mustStart(t, c)
	admin, own := r.admin(t, c.DataDir), r.administrator(t, c.DataDir)
	for range 8 {
		wantCaller(t, own, administratorARN)
	}
	soon(t, "the loss is told", func() bool {
		status, body := r.get(t, admin+"/readyz?format=json", "")
		var told struct {
			Checks []server.Check
		}
		if err := json.Unmarshal([]byte(body), &told); err != nil || len(told.Checks) == 0 {
			t.Fatalf("readyz answers %d %s", status, body)
		}
		last := told.Checks[len(told.Checks)-1]
		if last.Name != "sinks" || !last.OK {
			t.Fatalf("readyz answers %d %s", status, body)
		}
		// On a machine that is busy another check may fail for a moment.
		return status == http.StatusOK && strings.Contains(last.Detail, " lost")
	})
	if _, body := r.get(t, admin+"/metrics", ""); !regexp.MustCompile(`(?m)^daypass_audit_sink_lost_events_total\{sink="siem"\} [1-9]`).MatchString(body) {
		t.Error("metrics do not tell what was lost")
	}
	wantCaller(t, own, administratorARN)
}
