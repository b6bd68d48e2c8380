package awsapi_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/audit"
	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/awsapi/awsapitest"
	"github.com/daypass/daypass/internal/policy"
	"github.com/daypass/daypass/internal/sigv4"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	version       = "2026-11-21"
	namespace     = "https://things.example.com/"
	someNamespace = "http://webservices.amazon.com/AWSFault/2005-15-09"
	internalFault = "The request processing has failed because of an unknown error, exception or failure."
)

// result answers with a name.
type result string

func (r result) WriteXML(x *awsapi.XML) { x.Text("Name", string(r)) }

// errSecret is an error that nobody classified; a client may not see it.
var errSecret = errors.New("the database at 10.0.0.1 is down")

// newThings has an operation for each way to end.
func newThings() (*awsapi.Service, error) {
	fails := func(err error) func(*awsapi.Call) (awsapi.Result, error) {
		return func(*awsapi.Call) (awsapi.Result, error) { return nil, err }
	}
	all := awsapi.Resource{Template: "*", Of: func(*awsapi.Call) string { return "*" }}
	return awsapi.NewService(awsapi.Service{Name: "things", Version: version, Namespace: namespace},
		awsapi.Public("GetThing", func(c *awsapi.Call) (awsapi.Result, error) { return result(c.Params.Get("Name")), nil }),
		awsapi.Public("TouchThing", fails(nil)),
		awsapi.Public("LoseThing", fails(awsapi.Error(http.StatusNotFound, "NoSuchThing", "There is no <thing>.").Because("it was lost on %s", "Monday"))),
		awsapi.Public("BreakThing", fails(errSecret)),
		awsapi.Public("ZeroThing", fails(&awsapi.Fault{Message: "the zero kind tells nothing", Reason: errSecret.Error()})),
		awsapi.Public("OddThing", fails(&awsapi.Fault{Kind: 200, Message: "nor does a kind that does not exist"})),
		awsapi.Signed("PutThing", []awsapi.Need{{Action: "things:PutThing", Resource: all}}, fails(nil)),
		awsapi.Signed("WhoThing", awsapi.NoPermission, func(c *awsapi.Call) (awsapi.Result, error) { return result(c.Caller.ARN), nil }),
	)
}

func start(t testing.TB, o awsapitest.Options) *awsapitest.Server {
	t.Helper()
	o.Now = time.Now
	o.Services = func(*awsapitest.Server) ([]*awsapi.Service, error) {
		things, err := newThings()
		return []*awsapi.Service{things}, err
	}
	return awsapitest.Start(t, o)
}

func call(t testing.TB, s *awsapitest.Server, config aws.Config, parameters ...string) awsapitest.Reply {
	t.Helper()
	form := url.Values{"Version": {version}}
	for i := 0; i+1 < len(parameters); i += 2 {
		form.Set(parameters[i], parameters[i+1])
	}
	return s.Post(t, config, "things", time.Now(), form)
}

// fault is AWS's form of an error.
func fault(namespace, kind, code, message string, r awsapitest.Reply) string {
	return `<ErrorResponse xmlns="` + namespace + `">
  <Error>
    <Type>` + kind + `</Type>
    <Code>` + code + `</Code>
    <Message>` + message + `</Message>
  </Error>
  <RequestId>` + r.Header.Get("X-Amzn-Requestid") + `</RequestId>
</ErrorResponse>
`
}

func wantBody(t testing.TB, r awsapitest.Reply, status int, body string) {
	t.Helper()
	if diff := cmp.Diff(body, r.Body); diff != "" {
		t.Errorf("body (-want +got):\n%s", diff)
	}
	if r.Status != status || r.Header.Get("Content-Type") != "text/xml" {
		t.Errorf("%d %q, want %d text/xml", r.Status, r.Header.Get("Content-Type"), status)
	}
}

func last(t testing.TB, s *awsapitest.Server) *audit.Event {
	t.Helper()
	events := s.Events()
	var e audit.Event
	if err := json.Unmarshal([]byte(events[len(events)-1]), &e); err != nil {
		t.Fatal(err)
	}
	return &e
}

// TestReplies holds the form of each kind of answer, and its event.
func TestReplies(t *testing.T) {
	t.Parallel()
	s := start(t, awsapitest.Options{})
	for name, c := range map[string]struct {
		parameters []string
		status     int
		body       func(awsapitest.Reply) string
		event      audit.Event
	}{
		"a result": {
			[]string{"Action", "GetThing", "Name", "a&b"}, http.StatusOK, func(r awsapitest.Reply) string {
				return `<GetThingResponse xmlns="https://things.example.com/">
  <GetThingResult>
    <Name>a&amp;b</Name>
  </GetThingResult>
  <ResponseMetadata>
    <RequestId>` + r.Header.Get("X-Amzn-Requestid") + `</RequestId>
  </ResponseMetadata>
</GetThingResponse>
`
			}, audit.Event{Service: "things", Operation: "GetThing"},
		},
		"no result": {
			[]string{"Action", "TouchThing"}, http.StatusOK, func(r awsapitest.Reply) string {
				return `<TouchThingResponse xmlns="https://things.example.com/">
  <ResponseMetadata>
    <RequestId>` + r.Header.Get("X-Amzn-Requestid") + `</RequestId>
  </ResponseMetadata>
</TouchThingResponse>
`
			}, audit.Event{Service: "things", Operation: "TouchThing"},
		},
		"a modelled error": {
			[]string{"Action", "LoseThing"}, http.StatusNotFound, func(r awsapitest.Reply) string {
				return fault(namespace, "Sender", "NoSuchThing", "There is no &lt;thing&gt;.", r)
			}, audit.Event{Service: "things", Operation: "LoseThing", Fault: "Modelled", Code: "NoSuchThing", Message: "There is no <thing>.", Reason: "it was lost on Monday"},
		},
		"an error of no kind": {
			[]string{"Action", "BreakThing"}, http.StatusInternalServerError, func(r awsapitest.Reply) string {
				return fault(namespace, "Receiver", "InternalFailure", internalFault, r)
			}, audit.Event{Service: "things", Operation: "BreakThing", Fault: "Internal", Code: "InternalFailure", Message: internalFault, ErrorChain: errSecret.Error()},
		},
		"a fault of the zero kind": {
			[]string{"Action", "ZeroThing"}, http.StatusInternalServerError, func(r awsapitest.Reply) string {
				return fault(namespace, "Receiver", "InternalFailure", internalFault, r)
			}, audit.Event{Service: "things", Operation: "ZeroThing", Fault: "Internal", Code: "InternalFailure", Message: internalFault, Reason: errSecret.Error()},
		},
		"a fault of an unknown kind": {
			[]string{"Action", "OddThing"}, http.StatusInternalServerError, func(r awsapitest.Reply) string {
				return fault(namespace, "Receiver", "InternalFailure", internalFault, r)
			}, audit.Event{
				Service: "things", Operation: "OddThing", Fault: "Internal", Code: "InternalFailure", Message: internalFault,
				ErrorChain: "Kind(200): nor does a kind that does not exist",
			},
		},
		"unknown operation": {
			[]string{"Action", "FindThing"}, http.StatusBadRequest, func(r awsapitest.Reply) string {
				return fault(someNamespace, "Sender", "InvalidAction", "Could not find operation FindThing for version 2026-11-21", r)
			}, audit.Event{
				Service: "things", Fault: "UnknownOperation", Code: "InvalidAction", Message: "Could not find operation FindThing for version 2026-11-21",
				Reason: "Daypass serves no such operation; README.md lists those that it serves",
			},
		},
		"unknown version": {
			[]string{"Action", "GetThing", "Version", "2011-06-16"}, http.StatusBadRequest, func(r awsapitest.Reply) string {
				return fault(someNamespace, "Sender", "InvalidAction", "Could not find operation GetThing for version 2011-06-16", r)
			}, audit.Event{
				Fault: "UnknownOperation", Code: "InvalidAction", Message: "Could not find operation GetThing for version 2011-06-16",
				Reason: "Daypass serves no such operation; README.md lists those that it serves",
			},
		},
		"an empty version": {
			[]string{"Action", "GetThing", "Version", ""}, http.StatusBadRequest, func(r awsapitest.Reply) string {
				return fault(someNamespace, "Sender", "InvalidAction", "Could not find operation GetThing for version ", r)
			}, audit.Event{
				Fault: "UnknownOperation", Code: "InvalidAction", Message: "Could not find operation GetThing for version ",
				Reason: "Daypass serves no such operation; README.md lists those that it serves",
			},
		},
		"an operation in another case": {
			[]string{"Action", "getThing"}, http.StatusBadRequest, func(r awsapitest.Reply) string {
				return fault(someNamespace, "Sender", "InvalidAction", "Could not find operation getThing for version 2026-11-21", r)
			}, audit.Event{
				Service: "things", Fault: "UnknownOperation", Code: "InvalidAction", Message: "Could not find operation getThing for version 2026-11-21",
				Reason: "Daypass serves no such operation; README.md lists those that it serves",
			},
		},
	} {
		before := len(s.Events())
		reply := call(t, s, aws.Config{}, c.parameters...)
		wantBody(t, reply, c.status, c.body(reply))
		if n := len(s.Events()); n != before+1 && before > 1 {
			t.Errorf("%s: %d events", name, n-before)
		}
		got := last(t, s)
		if got.RequestID != reply.Header.Get("X-Amzn-Requestid") || got.Status != c.status || got.SourceIP != "127.0.0.1" || got.UserAgent != "Go-http-client/1.1" || got.Time.IsZero() || got.Duration <= 0 {
			t.Errorf("%s: event is %+v", name, got)
		}
		got.RequestID, got.Status, got.SourceIP, got.UserAgent, got.Time, got.Duration = "", 0, "", "", time.Time{}, 0
		if diff := cmp.Diff(&c.event, got); diff != "" {
			t.Errorf("%s: event (-want +got):\n%s", name, diff)
		}
	}
}

// A request that names no Action is sent elsewhere, as at AWS, and is on the
// record.
func TestNoAction(t *testing.T) {
	t.Parallel()
	s := start(t, awsapitest.Options{})
	unnamed := newRequest(t, http.MethodPost, s.URL, strings.NewReader("Version=2026-11-21"))
	noForm := newRequest(t, http.MethodPost, s.URL, strings.NewReader("Action=GetThing&Version=2026-11-21"))
	noForm.Header.Del("Content-Type")
	inQuery := newRequest(t, http.MethodGet, s.URL+"/?Version=2026-11-21", nil)
	for _, c := range []struct {
		request  *http.Request
		location string
	}{
		{unnamed, "https://aws.amazon.com/iam"}, {noForm, "https://aws.amazon.com/iam"}, {inQuery, "https://aws.amazon.com/iam?Version=2026-11-21"},
	} {
		reply := do(t, s, c.request)
		if reply.Status != http.StatusFound || reply.Body != "" || reply.Header.Get("Location") != c.location || reply.Header.Get("X-Amzn-Requestid") == "" {
			t.Errorf("got %d %v %q", reply.Status, reply.Header, reply.Body)
		}
		if e := last(t, s); e.Status != http.StatusFound || !strings.Contains(e.Reason, "names no Action") {
			t.Errorf("event is %+v", e)
		}
	}
	reply := do(t, s, newRequest(t, http.MethodPost, s.URL, strings.NewReader("Action=&Version=2026-11-21")))
	wantBody(t, reply, http.StatusBadRequest, fault(someNamespace, "Sender", "InvalidAction", "Could not find operation  for version 2026-11-21", reply))
	// A target that cannot be read did not get as far as having an id.
	broken := newRequest(t, http.MethodGet, s.URL+"/?Action=GetThing&Version=2026-11-21", nil)
	broken.URL.RawQuery += "&Name=%2"
	if reply := do(t, s, broken); reply.Status != http.StatusBadRequest || reply.Body != "" || reply.Header.Get("X-Amzn-Requestid") != "" {
		t.Errorf("got %d %v %q", reply.Status, reply.Header, reply.Body)
	}
}

// do sends a request and gives the answer as Post does.
func do(t testing.TB, s *awsapitest.Server, r *http.Request) awsapitest.Reply {
	t.Helper()
	response, err := s.AdminConfig.HTTPClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close() //nolint:errcheck // only read
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return awsapitest.Reply{Status: response.StatusCode, Header: response.Header, Body: string(body)}
}

func newRequest(t testing.TB, method, url string, body io.Reader) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return r
}

// A body of more than 10,000,000 bytes is answered 413 and nothing else; one
// of just so many is read.
func TestLargeBodies(t *testing.T) {
	t.Parallel()
	s := start(t, awsapitest.Options{})
	const head = "Action=GetThing&Version=2026-11-21&Name=a&Padding="
	body := func(length int) io.Reader {
		return io.MultiReader(strings.NewReader(head), io.LimitReader(endless{}, int64(length-len(head))))
	}
	for _, length := range []int{10_000_001, 20 << 20} {
		reply := do(t, s, newRequest(t, http.MethodPost, s.URL, body(length)))
		if reply.Status != http.StatusRequestEntityTooLarge || reply.Body != "" || reply.Header.Get("Content-Type") != "" {
			t.Errorf("%d bytes: %d %v %q", length, reply.Status, reply.Header, reply.Body)
		}
		if e := last(t, s); e.Status != http.StatusRequestEntityTooLarge || !strings.Contains(e.Reason, "larger than 10,000,000 bytes") {
			t.Errorf("event is %+v", e)
		}
	}
	if reply := do(t, s, newRequest(t, http.MethodPost, s.URL, body(10_000_000))); reply.Status != http.StatusOK {
		t.Errorf("10,000,000 bytes: %d %s", reply.Status, reply.Body)
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

// Parameters come from the query of a GET, and from nothing but the body of a
// POST.
func TestWhereParametersAre(t *testing.T) {
	t.Parallel()
	s := start(t, awsapitest.Options{})
	const query = "/?Action=GetThing&Version=2026-11-21&Name=q"
	reply := do(t, s, newRequest(t, http.MethodGet, s.URL+query, nil))
	if reply.Status != http.StatusOK || !strings.Contains(reply.Body, "<Name>q</Name>") {
		t.Errorf("GET: %d %s", reply.Status, reply.Body)
	}
	if reply := do(t, s, newRequest(t, http.MethodPost, s.URL+query, strings.NewReader(""))); reply.Status != http.StatusFound {
		t.Errorf("POST with all in its query: %d %s", reply.Status, reply.Body)
	}
	reply = do(t, s, newRequest(t, http.MethodPost, s.URL+query, strings.NewReader("Action=GetThing&Version=2026-11-21&Name=b")))
	if !strings.Contains(reply.Body, "<Name>b</Name>") {
		t.Errorf("POST: %d %s", reply.Status, reply.Body)
	}
	reply = do(t, s, newRequest(t, http.MethodPost, s.URL, strings.NewReader("Action=GetThing&Version=2026-11-21&Name=%zz")))
	wantBody(t, reply, http.StatusBadRequest, strings.Replace(fault(someNamespace, "Sender", "MalformedInput", "", reply), "    <Message></Message>\n", "", 1))

	r := newRequest(t, http.MethodGet, s.URL+"/?Action=WhoThing&Version=2026-11-21", nil)
	credentials, err := s.AdminConfig.Credentials.Retrieve(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := v4.NewSigner().SignHTTP(t.Context(), credentials, r, sigv4.HashPayload(nil), "things", awsapitest.Region, time.Now()); err != nil {
		t.Fatal(err)
	}
	if reply := do(t, s, r); !strings.Contains(reply.Body, "<Name>arn:aws:iam::123456789012:user/administrator</Name>") {
		t.Errorf("signed GET: %d %s", reply.Status, reply.Body)
	}
}

// Request ids are UUIDs, each its own.
func TestRequestIDs(t *testing.T) {
	t.Parallel()
	s := start(t, awsapitest.Options{})
	uuid := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	seen := map[string]bool{}
	for range 20 {
		id := call(t, s, aws.Config{}, "Action", "TouchThing").Header.Get("X-Amzn-Requestid")
		if !uuid.MatchString(id) || seen[id] {
			t.Errorf("request id %q, seen before: %v", id, seen[id])
		}
		seen[id] = true
	}
}

// An operation that is signed cannot be reached unsigned, nor without its need.
func TestSignedOperations(t *testing.T) {
	t.Parallel()
	s := start(t, awsapitest.Options{})
	for _, action := range []string{"PutThing", "WhoThing"} {
		reply := call(t, s, aws.Config{}, "Action", action)
		wantBody(t, reply, http.StatusForbidden, fault(namespace, "Sender", "MissingAuthenticationToken", "Request is missing Authentication Token", reply))
	}
	nobody := s.User(t, "nobody")
	reply := call(t, s, nobody, "Action", "PutThing")
	wantBody(t, reply, http.StatusForbidden, fault(namespace, "Sender", "AccessDenied",
		"User: arn:aws:iam::123456789012:user/nobody is not authorized to perform: things:PutThing on resource: * because no identity-based policy allows the things:PutThing action", reply))
	for _, c := range []struct {
		config aws.Config
		action string
	}{{nobody, "WhoThing"}, {s.AdminConfig, "PutThing"}, {s.AdminConfig, "WhoThing"}} {
		if reply := call(t, s, c.config, "Action", c.action); reply.Status != http.StatusOK {
			t.Errorf("%s: %d %s", c.action, reply.Status, reply.Body)
		}
	}
}

// TestExplainToCaller: the message begins with AWS's sentence and goes on with
// the reasons. What is ours to know is not told in any case.
func TestExplainToCaller(t *testing.T) {
	t.Parallel()
	plain, explaining := start(t, awsapitest.Options{}), start(t, awsapitest.Options{ExplainToCaller: true})
	const sentence = "User: arn:aws:iam::123456789012:user/reader is not authorized to perform: things:PutThing on resource: * because no identity-based policy allows the things:PutThing action"
	const document = `{"Version":"2012-10-17","Statement":[{"Sid":"Read","Effect":"Allow","Action":"things:Get*","Resource":"*"}]}`
	for name, c := range map[string]struct {
		action  string
		plain   string // AWS's sentence
		reasons string // what follows it, "" for nothing
	}{
		"a denial":         {"PutThing", sentence, "\ndocument 1: inline policy policyA\nImplicitDeny: no identity-based policy allows it\n  document 1 statement 1 &quot;Read&quot; (Allow, line 1 of the identity-based policy) does not match\n    Action\n      wanted &quot;things:Get*&quot;\n      got    &quot;things:PutThing&quot;"},
		"a modelled error": {"LoseThing", "There is no &lt;thing&gt;.", "\n\nWhy: it was lost on Monday"},
		"an error of ours": {"BreakThing", internalFault, ""},
		"the zero fault":   {"ZeroThing", internalFault, ""},
	} {
		for _, s := range []*awsapitest.Server{plain, explaining} {
			want := c.plain
			if s == explaining {
				want += c.reasons
			}
			reply := call(t, s, s.User(t, "reader", document), "Action", c.action)
			if _, message, _ := strings.Cut(reply.Body, "<Message>"); !strings.HasPrefix(message, want+"</Message>\n") {
				t.Errorf("%s: got %s, want the message %q", name, reply.Body, want)
			}
			if e := last(t, s); strings.Contains(e.Message, "Why") || c.action == "PutThing" && e.Reasons.Effect != policy.ImplicitDeny {
				t.Errorf("%s: event is %+v", name, e)
			}
		}
	}
}

// broken is a sink that takes the first events and no more.
type broken struct {
	takes int
	err   error
}

func (w *broken) Write(p []byte) (int, error) {
	if w.takes == 0 {
		return 0, w.err
	}
	w.takes--
	return len(p), nil
}

// A request whose event cannot be written is not answered with success, nor
// with what it found: the reply says nothing but that it failed.
func TestEventThatIsNotWritten(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	s := start(t, awsapitest.Options{
		Events: &broken{takes: 1, err: errors.New("no space left on device")}, Log: slog.New(slog.NewTextHandler(&log, nil)), ExplainToCaller: true,
	})
	if reply := call(t, s, aws.Config{}, "Action", "GetThing", "Name", "found"); reply.Status != http.StatusOK {
		t.Fatalf("got %d %s", reply.Status, reply.Body)
	}
	for _, parameters := range [][]string{
		{"Action", "GetThing", "Name", "found"}, {"Action", "WhoThing"}, {"Action", "LoseThing"}, {"Action", "FindThing"}, {"Action", ""}, {"Action", "BreakThing"},
	} {
		log.Reset()
		reply := call(t, s, s.AdminConfig, parameters...)
		wantBody(t, reply, http.StatusInternalServerError, fault(namespace, "Receiver", "InternalFailure", internalFault, reply))
		if reply.Header.Get("Location") != "" {
			t.Error("the reply is a redirect")
		}
		if text := log.String(); !strings.Contains(text, "no space left on device") || !strings.Contains(text, reply.Header.Get("X-Amzn-Requestid")) || strings.Contains(text, "found\"") {
			t.Errorf("log says %q", text)
		}
	}
}

// The operator reads in the server's log that it fails, and how, without looking
// for it in the events: they may be what cannot be written next.
func TestFaultOfOursIsLogged(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	s := start(t, awsapitest.Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
	reply := call(t, s, s.AdminConfig, "Action", "BreakThing")
	for _, want := range []string{"level=ERROR", "operation=BreakThing", errSecret.Error(), reply.Header.Get("X-Amzn-Requestid")} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("log says %q, which lacks %q", log.String(), want)
		}
	}
	log.Reset()
	call(t, s, s.AdminConfig, "Action", "LoseThing")
	if log.Len() > 0 {
		t.Errorf("log says of a fault of the caller's: %q", log.String())
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	nothing := func(*awsapi.Call) (awsapi.Result, error) { return nil, nil }
	all := awsapi.Resource{Template: "*", Of: func(*awsapi.Call) string { return "*" }}
	for name, operations := range map[string][]awsapi.Operation{
		"twice":           {awsapi.Public("A", nothing), awsapi.Signed("A", awsapi.NoPermission, nothing)},
		"nil needs":       {awsapi.Signed("A", nil, nothing)},
		"need on nothing": {awsapi.Signed("A", []awsapi.Need{{Action: "things:GetThing"}}, nothing)},
		"empty needs":     {awsapi.Signed("A", []awsapi.Need{}, nothing)},
		"zero operation":  {awsapi.Operation{}},
		"no need of all":  {awsapi.Signed("A", []awsapi.Need{{Action: "things:A", Resource: all, When: awsapi.When{Words: "always", Of: func(*awsapi.Call) bool { return true }}}}, nothing)},
	} {
		if _, err := awsapi.NewService(awsapi.Service{Name: "s"}, operations...); err == nil {
			t.Errorf("%s: a service was made", name)
		}
	}
	one, err := newThings()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := awsapi.New(awsapi.Config{Services: []*awsapi.Service{one, one}}); err == nil || !strings.Contains(err.Error(), version) {
		t.Errorf("two services of one version: %v", err)
	}
}

// Describe is what golden files of services hold.
func TestDescribe(t *testing.T) {
	t.Parallel()
	things, err := newThings()
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	if err := things.Describe(&got); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"things\tGetThing\tQuery\tpublic\n", "things\tPutThing\tQuery\tthings:PutThing on *\n", "things\tWhoThing\tQuery\tsigned, no permission needed\n"} {
		if !strings.Contains(got.String(), line) {
			t.Errorf("%q is not in %q", line, got.String())
		}
	}
	if err := things.Describe(&broken{err: errSecret}); !errors.Is(err, errSecret) {
		t.Errorf("Describe to a broken writer: %v", err)
	}
}
