package server_test

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/daypass/daypass/internal/metrics"
	"github.com/daypass/daypass/internal/server"

	"github.com/aws/aws-sdk-go-v2/aws"
	stsclient "github.com/aws/aws-sdk-go-v2/service/sts"
)

// admin is where a running server is asked by who operates it.
func (r *running) admin(t *testing.T, dir string) string {
	t.Helper()
	return strings.TrimSpace(read(t, dir, "admin.url"))
}

func (r *running) get(t *testing.T, url, host string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Host = host
	reply, err := r.client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer reply.Body.Close() //nolint:errcheck // only read
	body, err := io.ReadAll(reply.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply.StatusCode, string(body)
}

func TestAdminListener(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	c := newConfig(dir)
	c.AdminListen, c.Version = "127.0.0.1:0", metrics.Build{Version: "v0.0.1-test", GoVersion: "go1.test"}
	r := mustStart(t, c)
	admin := r.admin(t, dir)
	wantCaller(t, r.administrator(t, dir), administratorARN)
	bad := r.config(aws.Credentials{AccessKeyID: "AKIAIOSFODNN7EXAMPLE", SecretAccessKey: "wrong"})
	callFails(t, bad)

	if status, body := r.get(t, admin+"/healthz", ""); status != 200 || body != "ok\n" {
		t.Errorf("healthz answers %d %q", status, body)
	}
	status, body := r.get(t, admin+"/readyz", "")
	if status != 200 || strings.Contains(body, "FAILED") || !strings.Contains(body, "ok     store      answers") || strings.Contains(body, dir) {
		t.Errorf("readyz answers %d %q", status, body)
	}
	status, body = r.get(t, admin+"/metrics", "")
	for _, line := range []string{
		`daypass_requests_total{code="",operation="GetCallerIdentity",outcome="success",service="sts"} 1`,
		`daypass_requests_total{code="InvalidClientTokenId",operation="GetCallerIdentity",outcome="failed",service="sts"} 1`,
		`daypass_denials_total{cause="unknown_access_key"} 1`,
		`daypass_requests_in_flight 0`, `daypass_directory_problems 0`, `daypass_store_errors_total{call="read"} 0`,
		`daypass_ready{check="store"} 1`, `daypass_build_info{goversion="go1.test",version="v0.0.1-test"} 1`, `go_goroutines `, `daypass_audit_events_total 2`,
	} {
		if status != 200 || !strings.Contains(body, "\n"+line) {
			t.Errorf("metrics (%d) have no %s", status, line)
		}
	}
	for _, path := range []string{"/", "/metrics/", "/debug/pprof/"} {
		if status, _ := r.get(t, admin+path, ""); status != 404 {
			t.Errorf("%s is answered %d", path, status)
		}
	}
	if status, _ := r.get(t, admin+"/metrics", "rebound.example:80"); status != http.StatusMisdirectedRequest {
		t.Errorf("a page that calls itself rebound.example reads metrics: %d", status)
	}
	if status, _ := r.get(t, admin+"/metrics", "localhost:1"); status != 200 {
		t.Errorf("localhost is answered %d", status)
	}
	// The main listener serves none of that: there it would be everybody's.
	for _, path := range []string{"/metrics", "/healthz", "/readyz"} {
		if status, body := r.get(t, r.endpoint+path, ""); status == 200 || strings.Contains(body, "daypass_") || strings.Contains(body, "store") {
			t.Errorf("the main listener answers %s with %d %q", path, status, body)
		}
	}
	r.mustStop(t)
	if _, err := os.Stat(filepath.Join(dir, "admin.url")); !os.IsNotExist(err) {
		t.Errorf("the admin listener's address is left behind: %v", err)
	}
}

// A node that cannot keep its record refuses all requests, and is not ready until
// it can again.
func TestNotReadyWithoutItsRecord(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	full := &sometimesFull{}
	c := newConfig(dir)
	c.AdminListen, c.EventsFile, c.Stdout = "127.0.0.1:0", "-", full
	r := mustStart(t, c)
	admin := r.admin(t, dir)
	full.set(true)
	callFails(t, r.administrator(t, dir))
	status, body := r.get(t, admin+"/readyz?format=json", "")
	var told struct {
		Ready  bool
		Checks []server.Check
	}
	if err := json.Unmarshal([]byte(body), &told); err != nil || status != http.StatusServiceUnavailable || told.Ready {
		t.Fatalf("readyz answers %d %q", status, body)
	}
	for _, check := range told.Checks {
		if check.OK == (check.Name == "record") || strings.Contains(check.Detail, "no space") {
			t.Errorf("check %+v", check)
		}
	}
	if _, body := r.get(t, admin+"/metrics", ""); !strings.Contains(body, "\ndaypass_audit_write_errors_total 1\n") || !strings.Contains(body, "\ndaypass_ready{check=\"record\"} 0\n") {
		t.Error("metrics do not tell of the event that was not written")
	}
	if status, _ := r.get(t, admin+"/healthz", ""); status != 200 {
		t.Errorf("healthz answers %d: to start anew makes no room on a disk", status)
	}
	full.set(false)
	if status, body := r.get(t, admin+"/readyz", ""); status != 200 {
		t.Errorf("readyz answers %d %q once there is room again", status, body)
	}
	wantCaller(t, r.administrator(t, dir), administratorARN)
}

func TestAdminListenIsChecked(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"8351", "127.0.0.1:99999", "nowhere.invalid:0"} {
		c := newConfig(filepath.Join(t.TempDir(), "data"))
		c.AdminListen = address
		if _, err := start(t, c); err == nil || !strings.Contains(err.Error(), "admin-listen") {
			t.Errorf("%s: %v", address, err)
		}
	}
}

func callFails(t *testing.T, c aws.Config) {
	t.Helper()
	if _, err := stsclient.NewFromConfig(c).GetCallerIdentity(t.Context(), &stsclient.GetCallerIdentityInput{}); err == nil {
		t.Error("the call succeeded")
	}
}

// sometimesFull is a file on a disk that is full while it is said to be.
type sometimesFull struct{ full atomic.Bool }

func (f *sometimesFull) set(full bool) { f.full.Store(full) }

func (f *sometimesFull) Write(b []byte) (int, error) {
	if f.full.Load() {
		return 0, syscall.ENOSPC
	}
	return len(b), nil
}
