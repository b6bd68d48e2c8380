package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/audit"
)

// hostile is what somebody would send to write a line of his own, or to have a token
// in the log.
const hostile = "a\nlevel=ERROR msg=forged requestId=1\r\n{\"level\":\"ERROR\",\"msg\":\"forged\"}\x1b[2K\u2028 \" = eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJzZWNyZXQifQ.c2lnbmF0dXJl"

var quoted = regexp.MustCompile(`"(\\.|[^"\\])*"`)

// TestHostileValuesForgeNoLine puts it into every text of an event.
func TestHostileValuesForgeNoLine(t *testing.T) {
	t.Parallel()
	e := &audit.Event{
		Time: time.Unix(1795722059, 0), RequestID: hostile, Service: hostile, Operation: hostile, SourceIP: hostile, UserAgent: hostile, Via: hostile,
		Status: 403, Fault: hostile, Code: hostile, Message: hostile, Duration: 1500 * time.Microsecond, Account: hostile, Principal: hostile,
		AccessKey: hostile, Issuer: hostile, Subject: hostile, TokenID: hostile, Verified: true, Role: hostile, IssuedKey: hostile,
		Claims: map[string]string{"project_path": hostile, "pipeline_id": hostile, "job_id": hostile}, Reason: hostile,
	}
	for name, handler := range map[string]func(*bytes.Buffer) slog.Handler{
		"logfmt": func(to *bytes.Buffer) slog.Handler {
			return slog.NewTextHandler(to, &slog.HandlerOptions{Level: LevelRequest})
		},
		"json": func(to *bytes.Buffer) slog.Handler {
			return slog.NewJSONHandler(to, &slog.HandlerOptions{Level: LevelRequest})
		},
	} {
		var to bytes.Buffer
		logRequest(slog.New(handler(&to)), e, nil)
		line, ended := strings.CutSuffix(to.String(), "\n")
		if !ended || strings.ContainsAny(line, "\n\r\x1b\u2028") {
			t.Errorf("%s: not one line of plain characters: %q", name, line)
		}
		if strings.Contains(line, "eyJ") || !strings.Contains(line, "(token)") {
			t.Errorf("%s: a token is in the log: %s", name, line)
		}
		if bare := quoted.ReplaceAllString(line, ""); name == "logfmt" && (strings.Count(bare, "level=") != 1 || strings.Count(bare, "msg=") != 1) {
			t.Errorf("a value is no value: %s", bare)
		}
		if name == "json" {
			var read map[string]any
			if err := json.Unmarshal(to.Bytes(), &read); err != nil || read["msg"] != "request" || read["milliseconds"] != 1.5 || read["job"] == nil {
				t.Errorf("%v, %v", read, err)
			}
		}
	}
}

// TestRequestLine: a request is a line at its own level, with what joins it with the
// record; a token that nobody verified names no job; and a request whose event could not
// be written is no success.
func TestRequestLine(t *testing.T) {
	t.Parallel()
	e := &audit.Event{
		RequestID: "id-1", Service: "sts", Operation: "AssumeRoleWithWebIdentity", Status: 200, Issuer: "https://gitlab.example.com", Subject: "project_path:g/p",
		TokenID: "j", IssuedKey: "ASIAEXAMPLE", Claims: map[string]string{"job_id": "7"},
	}
	logged := func(level slog.Level, failure error) string {
		var to bytes.Buffer
		logRequest(slog.New(slog.NewTextHandler(&to, &slog.HandlerOptions{Level: level})), e, failure)
		return to.String()
	}
	if got := logged(slog.LevelInfo, nil); got != "" {
		t.Errorf("logged at info: %s", got)
	}
	if got := logged(LevelRequest, nil); !strings.Contains(got, "requestId=id-1 ") || !strings.Contains(got, "outcome=success") || strings.Contains(got, "gitlab.example.com") {
		t.Error(got)
	}
	e.Verified = true
	if got := logged(LevelRequest, nil); !strings.Contains(got, "issuer=https://gitlab.example.com subject=project_path:g/p jti=j job=7") {
		t.Error(got)
	}
	if got := logged(LevelRequest, errors.New("disk full")); !strings.Contains(got, "outcome=failed") {
		t.Error(got)
	}
}

// BenchmarkRequestLine: what a request pays for the log, off and on.
func BenchmarkRequestLine(b *testing.B) {
	e := &audit.Event{RequestID: "id-1", Service: "sts", Operation: "GetCallerIdentity", Status: 200, Principal: "arn:aws:iam::123456789012:user/u"}
	for name, level := range map[string]slog.Level{"off": slog.LevelInfo, "on": LevelRequest} {
		b.Run(name, func(b *testing.B) {
			var to bytes.Buffer
			log := slog.New(slog.NewTextHandler(&to, &slog.HandlerOptions{Level: level}))
			for b.Loop() {
				to.Reset()
				logRequest(log, e, nil)
			}
		})
	}
}
