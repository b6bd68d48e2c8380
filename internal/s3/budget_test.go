package s3_test

import (
	"io"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestPostMemory: forms whose senders wait hold what they hold, and no more come
// in than there is room for; what they held is there again when they have gone.
func TestPostMemory(t *testing.T) {
	t.Parallel()
	const beforeFile, buffer = 4 * 20480, 8 << 20
	for name, tt := range map[string]struct {
		fields, files int64
		sent          string // up to where the slow ones wait
	}{
		"before the file":  {2 * beforeFile, 8 * buffer, "key"},
		"within the file":  {8 * beforeFile, 2 * buffer, "content"},
		"nothing is there": {beforeFile - 1, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := start(t, nil)
			bucket := g.bucket(t)
			g.putPolicy(t, bucket, `{"Effect":"Allow","Principal":"*","Action":"s3:PutObject","Resource":"BUCKET/*"}`)
			g.handler.SetFormMemory(tt.fields, tt.files)
			u := upload{fileName: "f", content: "content" + strings.Repeat("x", 9<<20), fields: [][2]string{{"key", "k"}}}
			body, contentType := u.body(t, bucket)
			var slow []net.Conn
			for range 2 {
				if tt.sent == "" {
					break
				}
				conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimPrefix(g.URL, "http://"))
				must(t, err)
				defer conn.Close() //nolint:errcheck // of a test
				end := strings.Index(body, tt.sent) + len(tt.sent)
				_, err = io.WriteString(conn, "POST /"+bucket+" HTTP/1.1\r\nHost: localhost\r\nContent-Type: "+contentType+"\r\nContent-Length: "+strconv.Itoa(len(body))+"\r\n\r\n"+body[:end])
				must(t, err)
				slow = append(slow, conn)
			}
			fields, files := tt.fields, tt.files
			if tt.sent == "key" {
				fields = 0
			} else if tt.sent != "" {
				files = 0
			}
			g.waitForFormMemory(t, fields, files)
			if got := g.post(t, bucket, u); got.Status != 503 || !strings.Contains(got.Body, "<Code>SlowDown</Code><Message>Please reduce your request rate.</Message>") {
				t.Errorf("one form too many: %d %s", got.Status, got.Body)
			}
			for _, conn := range slow {
				must(t, conn.Close())
			}
			g.waitForFormMemory(t, tt.fields, tt.files)
			if tt.sent == "" {
				return
			}
			if got := g.post(t, bucket, u); got.Status != 204 {
				t.Errorf("when the others have gone: %d %s", got.Status, got.Body)
			}
			wantNoUploads(t, g, bucket)
		})
	}
}

func (g *gateway) waitForFormMemory(t testing.TB, fields, files int64) {
	t.Helper()
	var gotFields, gotFiles int64
	for range 400 { // 20 seconds
		if gotFields, gotFiles = g.handler.FormMemory(); gotFields == fields && gotFiles == files {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("of the memory for forms %d and %d are left, want %d and %d", gotFields, gotFiles, fields, files)
}
