package s3store_test

import (
	"context"
	"crypto/md5" //nolint:gosec // G501: S3's Content-MD5
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/s3store"
	"github.com/daypass/daypass/internal/s3upstream"
)

// stepEnv is the request and the step at which a process kills itself.
const stepEnv = "DAYPASS_TEST_S3STORE_STEP"

// plainRequest is a request to the store: METHOD path, headers, body. In it
// $NAME is what an earlier one answered.
type plainRequest struct {
	line, header, body string
	answer             string // the name of what it answers
}

// stepRequests have what is done before, and the request that is killed, which
// comes last.
var stepRequests = []struct {
	name     string
	requests []plainRequest
}{
	{"put over another", []plainRequest{
		{line: "PUT /buc"},
		{line: "PUT /buc/d/k", header: "x-amz-tagging: t=1; x-amz-meta-m: 1", body: "one"},
		{line: "PUT /buc/d/k", header: "x-amz-tagging: t=2; x-amz-meta-m: 2", body: "second"},
	}},
	{"put in a bucket with versions", []plainRequest{
		{line: "PUT /buc"},
		{line: "PUT /buc?versioning=", body: enabled},
		{line: "PUT /buc/k", header: "x-amz-tagging: t=1", body: "one"},
		{line: "PUT /buc/k", header: "x-amz-tagging: t=2", body: "second"},
	}},
	{"put locked", []plainRequest{
		{line: "PUT /buc", header: "x-amz-bucket-object-lock-enabled: true"},
		{line: "PUT /buc/k", header: "x-amz-object-lock-legal-hold: ON; x-amz-object-lock-mode: GOVERNANCE; x-amz-object-lock-retain-until-date: 2099-01-01T00:00:00Z", body: "x"},
	}},
	{"copy", []plainRequest{
		{line: "PUT /buc"},
		{line: "PUT /buc/k", header: "x-amz-tagging: t=1; x-amz-meta-m: 1", body: "one"},
		{line: "PUT /buc/c", body: "before"},
		{line: "PUT /buc/c", header: "x-amz-copy-source: buc/k"},
	}},
	{"copy onto itself", []plainRequest{
		{line: "PUT /buc"},
		{line: "PUT /buc/k", header: "x-amz-tagging: t=1; x-amz-meta-m: 1", body: "one"},
		{line: "PUT /buc/k", header: "x-amz-copy-source: buc/k; x-amz-metadata-directive: REPLACE; x-amz-tagging-directive: REPLACE; x-amz-meta-m: 2; x-amz-tagging: t=2"},
	}},
	{"mark as deleted", []plainRequest{
		{line: "PUT /buc", header: "x-amz-bucket-object-lock-enabled: true"},
		{line: "PUT /buc/k", header: "x-amz-object-lock-legal-hold: ON", body: "one"},
		{line: "DELETE /buc/k"},
	}},
	{"put over a locked one", []plainRequest{
		{line: "PUT /buc", header: "x-amz-bucket-object-lock-enabled: true"},
		{line: "PUT /buc/k", header: "x-amz-object-lock-legal-hold: ON", body: "one"},
		{line: "PUT /buc/k", body: "second"},
	}},
	{"put while versioning is suspended", []plainRequest{
		{line: "PUT /buc"},
		{line: "PUT /buc/k", body: "null"},
		{line: "PUT /buc?versioning=", body: enabled},
		{line: "PUT /buc/k", body: "one"},
		{line: "PUT /buc?versioning=", body: strings.Replace(enabled, "Enabled", "Suspended", 1)},
		{line: "PUT /buc/k", body: "another null"},
	}},
	{"complete an upload while versioning is suspended", []plainRequest{
		{line: "PUT /buc"},
		{line: "PUT /buc?versioning=", body: enabled},
		{line: "PUT /buc/k", body: "one"},
		{line: "PUT /buc?versioning=", body: strings.Replace(enabled, "Enabled", "Suspended", 1)},
		{line: "POST /buc/k?uploads=", answer: "UploadId"},
		{line: "PUT /buc/k?partNumber=1&uploadId=$UploadId", body: "part", answer: "Etag"},
		{line: "POST /buc/k?uploadId=$UploadId", body: "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>$Etag</ETag></Part></CompleteMultipartUpload>"},
	}},
	{"delete the marker", []plainRequest{
		{line: "PUT /buc"},
		{line: "PUT /buc?versioning=", body: enabled},
		{line: "PUT /buc/d/k", header: "x-amz-tagging: t=1", body: "one"},
		{line: "DELETE /buc/d/k", answer: "X-Amz-Version-Id"},
		{line: "DELETE /buc/d/k?versionId=${X-Amz-Version-Id}"},
	}},
	{"complete an upload", []plainRequest{
		{line: "PUT /buc"},
		{line: "PUT /buc/k", header: "x-amz-tagging: t=1", body: "one"},
		{line: "POST /buc/k?uploads=", header: "x-amz-tagging: t=2; x-amz-meta-m: 2", answer: "UploadId"},
		{line: "PUT /buc/k?partNumber=1&uploadId=$UploadId", body: "part", answer: "Etag"},
		{line: "POST /buc/k?uploadId=$UploadId", body: "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>$Etag</ETag></Part></CompleteMultipartUpload>"},
	}},
	{"create a bucket", []plainRequest{
		{
			line: "PUT /buc", header: "x-amz-bucket-object-lock-enabled: true",
			body: "<CreateBucketConfiguration><Tags><Tag><Key>t</Key><Value>1</Value></Tag></Tags></CreateBucketConfiguration>",
		},
	}},
}

const enabled = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"

// TestKilledAtEachStep kills a process before each change of an attribute while it
// carries out one request, which is between all steps of the server that show.
// When the store is opened again all is as it was, or as the request would have it.
func TestKilledAtEachStep(t *testing.T) {
	for _, of := range stepRequests {
		t.Run(of.name, func(t *testing.T) {
			before, _ := stepState(t, of.name, -1)
			after, _ := stepState(t, of.name, 0)
			if strings.Contains(of.name, "suspended") && strings.Count(after, "<Version>") != 2 {
				t.Errorf("the other version is lost in\n%s", after)
			}
			if before == after {
				t.Fatalf("the request changes nothing in\n%s", before)
			}
			for step, killed := 1, true; killed; step++ {
				var state string
				if state, killed = stepState(t, of.name, step); state != before && state != after {
					t.Errorf("killed at step %d:\n%s", step, lines(state, before, after))
				}
			}
		})
	}
}

// lines tells the lines of a state that are not in both others.
func lines(state, before, after string) string {
	var odd []string
	for line := range strings.Lines(state) {
		if !strings.Contains(before, line) || !strings.Contains(after, line) {
			odd = append(odd, line)
		}
	}
	return strings.Join(odd, "")
}

// stepState runs the requests in a process that is killed at the step (0: never;
// -1: before the request), and tells what the store then has.
func stepState(t *testing.T, name string, step int) (state string, killed bool) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "store")
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), writerDir+"="+dir, stepEnv+"="+strconv.Itoa(step)+" "+name)
	output, err := command.CombinedOutput()
	var ended *exec.ExitError
	killed = errors.As(err, &ended) && ended.ExitCode() < 0
	if !killed && (err != nil || strings.TrimSpace(string(output)) != "done") {
		t.Fatalf("step %d: the process ended with %v\n%s", step, err, output)
	}
	store, err := s3store.Open(t.Context(), s3store.Config{Dir: dir, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	upstream, err := s3upstream.New(store.Target(), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	state = tellAll(t, upstream)
	upstream.Close()
	if err := store.Close(); err != nil {
		t.Error(err)
	}
	left, _ := filepath.Glob(filepath.Join(dir, "*", ".*"))
	more, _ := filepath.Glob(filepath.Join(dir, "*", "*", ".sgwtmp", "*.*"))
	for _, path := range append(left, more...) {
		if filepath.Base(path) != ".vgwlocks" {
			t.Errorf("killed at step %d: %s is left", step, path)
		}
	}
	return state, killed
}

// tellAll tells what there is of the bucket buc: its own attributes, each version of
// each object with its bytes and all that belongs to it, and uploads.
func tellAll(t *testing.T, upstream *s3upstream.Client) string {
	t.Helper()
	ask := func(line string) string {
		header, body, err := do(upstream, plainRequest{line: "GET " + line})
		if err != nil {
			t.Fatal(err)
		}
		var told []string
		for _, name := range []string{"Etag", "X-Amz-Meta-M", "X-Amz-Tagging-Count"} {
			told = append(told, header.Get(name))
		}
		return strings.Join(told, "|") + body
	}
	versions := ask("/buc?versions=")
	all := []string{versions, ask("/buc?list-type=2"), ask("/buc?tagging="), ask("/buc?versioning="), ask("/buc?object-lock="), ask("/buc?uploads=")}
	for _, found := range listedVersion.FindAllStringSubmatch(versions, -1) {
		version := ""
		if found[2] != "null" {
			version = "versionId=" + found[2]
		}
		for _, of := range []string{"", "tagging=&", "legal-hold=&", "retention=&"} {
			all = append(all, ask("/buc/"+found[1]+"?"+of+version))
		}
	}
	if parts := regexp.MustCompile(`<Key>([^<]*)</Key><UploadId>([^<]*)<`).FindStringSubmatch(all[5]); parts != nil {
		all = append(all, ask("/buc/"+parts[1]+"?uploadId="+parts[2]))
	}
	return changing.ReplaceAllString(strings.Join(all, "\n"), "<$1/>")
}

var (
	listedVersion = regexp.MustCompile(`<Key>([^<]*)</Key>.*?<VersionId>([^<]*)</VersionId>`)
	// changing are the elements that differ in each run.
	changing = regexp.MustCompile(`<(LastModified|VersionId|UploadId|Initiated|RequestId|HostId|Resource)>[^<]*</[A-Za-z]*>`)
)

// do sends a request to the store.
func do(upstream *s3upstream.Client, r plainRequest) (http.Header, string, error) {
	method, path, _ := strings.Cut(r.line, " ")
	path, query, _ := strings.Cut(path, "?")
	bucket, key, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	values, err := url.ParseQuery(query)
	if err != nil {
		return nil, "", err
	}
	header := http.Header{}
	for line := range strings.SplitSeq(r.header, "; ") {
		if name, value, ok := strings.Cut(line, ": "); ok {
			header.Set(name, value)
		}
	}
	if strings.HasPrefix(r.body, "<") {
		sum := md5.Sum([]byte(r.body)) //nolint:gosec // G401: S3's Content-MD5
		header.Set("Content-Md5", base64.StdEncoding.EncodeToString(sum[:]))
	}
	response, err := upstream.Do(context.Background(), &s3upstream.Request{
		Method: method, Bucket: bucket, Key: key, Query: values, Header: header, Body: strings.NewReader(r.body), Length: int64(len(r.body)),
	})
	if err != nil {
		return nil, "", err
	}
	body, err := io.ReadAll(response.Body)
	if err := errors.Join(err, response.Body.Close()); err != nil {
		return nil, "", err
	}
	if response.Status >= http.StatusMultipleChoices && method != http.MethodGet {
		return nil, "", fmt.Errorf("%s: %d %s", r.line, response.Status, body)
	}
	return response.Header, string(body), nil
}

// runSteps is the process that TestKilledAtEachStep starts.
func runSteps(dir, what string) error {
	number, name, _ := strings.Cut(what, " ")
	step, err := strconv.Atoi(number)
	if err != nil {
		return err
	}
	s3store.CountSteps()
	store, err := s3store.Open(context.Background(), s3store.Config{Dir: dir, Now: time.Now})
	if err != nil {
		return err
	}
	upstream, err := s3upstream.New(store.Target(), time.Now)
	if err != nil {
		return err
	}
	answers := map[string]string{}
	for _, of := range stepRequests {
		for i, r := range of.requests {
			if last := i == len(of.requests)-1; of.name != name || last && step < 0 {
				continue
			} else if last {
				s3store.KillAt(step)
			}
			expand := func(text string) string { return os.Expand(text, func(name string) string { return answers[name] }) }
			header, body, err := do(upstream, plainRequest{line: expand(r.line), header: r.header, body: expand(r.body)})
			if err != nil {
				return err
			}
			if r.answer == "UploadId" {
				_, rest, _ := strings.Cut(body, "<UploadId>")
				answers[r.answer], _, _ = strings.Cut(rest, "<")
			} else if r.answer != "" {
				answers[r.answer] = header.Get(r.answer)
			}
		}
	}
	fmt.Println("done")
	return nil
}
