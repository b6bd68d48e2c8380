package upstream_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/audit"
	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/awsapi/awsapitest"
	"github.com/daypass/daypass/internal/s3upstream"
	"github.com/daypass/daypass/internal/sigv4"
	"github.com/daypass/daypass/internal/upstream"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	gatewayKey    = "AKIAGATEWAY"
	gatewaySecret = "the gateway's secret"
)

// behind is a service that knows the gateway's credentials only, and answers as a
// test says.
type behind struct {
	*httptest.Server

	mu     sync.Mutex
	seen   []*http.Request // verified, with their bodies
	bodies []string
	answer http.HandlerFunc
}

func (b *behind) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	asked := &sigv4.Request{Method: r.Method, RequestURI: r.RequestURI, Host: r.Host, Header: r.Header, ContentLength: r.ContentLength, PayloadHash: sigv4.HashPayload(body)}
	signed, err := sigv4.Parse(asked)
	if err == nil {
		err = signed.Verify(asked, gatewaySecret)
	}
	if err != nil || signed.AccessKeyID != gatewayKey {
		http.Error(w, "not signed by the gateway", http.StatusTeapot)
		return
	}
	b.mu.Lock()
	b.seen, b.bodies = append(b.seen, r), append(b.bodies, string(body))
	answer := b.answer
	b.mu.Unlock()
	answer(w, r)
}

// last is the last request that came, and its body.
func (b *behind) last() (*http.Request, string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.seen[len(b.seen)-1], b.bodies[len(b.bodies)-1]
}

func (b *behind) count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.seen)
}

func (b *behind) answers(answer http.HandlerFunc) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.answer = answer
}

// fixture is a gateway before a service.
type fixture struct {
	*awsapitest.Server
	behind  *behind
	gateway *httptest.Server
	admin   aws.Config
}

func start(t *testing.T, change ...func(*upstream.Service)) *fixture {
	t.Helper()
	f := &fixture{behind: &behind{answer: func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "done") }}}
	f.behind.Server = httptest.NewServer(f.behind)
	t.Cleanup(f.behind.Close)
	f.Server = awsapitest.Start(t, awsapitest.Options{Now: time.Now, Services: func(*awsapitest.Server) ([]*awsapi.Service, error) { return nil, nil }})
	config := upstream.Config{API: f.Handler.(*awsapi.API), Now: time.Now}
	for _, name := range []string{"ec2", "sqs", "lambda", "cloudwatch", "route53"} {
		s := upstream.Service{Name: name, Endpoint: f.behind.URL, Account: awsapitest.Account, Credentials: s3upstream.Static(gatewayKey, gatewaySecret)}
		for _, c := range change {
			c(&s)
		}
		config.Services = append(config.Services, s)
	}
	handler, err := upstream.New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(handler.Close)
	f.gateway = httptest.NewServer(handler)
	t.Cleanup(f.gateway.Close)
	f.admin = f.AdminConfig
	return f
}

// call signs as a client does and asks the gateway; header is pairs.
func (f *fixture) call(t *testing.T, c aws.Config, service, method, uri, body string, header ...string) awsapitest.Reply {
	t.Helper()
	r := f.request(t, method, uri, body, header...)
	f.sign(t, c, r, service, awsapitest.Region, body)
	return f.do(t, r)
}

func (f *fixture) request(t testing.TB, method, uri, body string, header ...string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, f.gateway.URL+uri, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return r
}

func (f *fixture) sign(t testing.TB, c aws.Config, r *http.Request, service, region, body string) {
	t.Helper()
	credentials, err := c.Credentials.Retrieve(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(body))
	if err := v4.NewSigner().SignHTTP(t.Context(), credentials, r, hex.EncodeToString(sum[:]), service, region, time.Now()); err != nil {
		t.Fatal(err)
	}
}

func (f *fixture) do(t *testing.T, r *http.Request) awsapitest.Reply {
	t.Helper()
	response, err := f.gateway.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close() //nolint:errcheck // only read
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return awsapitest.Reply{Status: response.StatusCode, Header: response.Header, Body: string(text)}
}

const form = "application/x-www-form-urlencoded"

func (f *fixture) ec2(t *testing.T, c aws.Config, body string) awsapitest.Reply {
	t.Helper()
	return f.call(t, c, "ec2", http.MethodPost, "/", body+"&Version=2016-11-15", "Content-Type", form)
}

func (f *fixture) sqs(t *testing.T, c aws.Config, operation, body string) awsapitest.Reply {
	t.Helper()
	return f.call(t, c, "sqs", http.MethodPost, "/", body, "Content-Type", "application/x-amz-json-1.0", "X-Amz-Target", "AmazonSQS."+operation)
}

func (f *fixture) event(t *testing.T) audit.Event {
	t.Helper()
	lines := f.Events()
	var e audit.Event
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &e); err != nil {
		t.Fatal(err)
	}
	return e
}

func wants(t *testing.T, r awsapitest.Reply, status int, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if r.Status != status || !strings.Contains(r.Body, part) {
			t.Errorf("%d %s %v, want %d with %q", r.Status, r.Body, r.Header, status, part)
		}
	}
}

func policy(statements ...string) string {
	return `{"Version":"2012-10-17","Statement":[` + strings.Join(statements, ",") + `]}`
}

// TestForwarded: what goes on is the operation, signed by the gateway; nothing of the
// caller's credentials, nor what he did not sign.
func TestForwarded(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.behind.answers(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Amzn-Requestid", "theirs")
		w.Header().Set("Set-Cookie", "a=b")
		w.Header().Set("Server", "behind")
		w.Header().Set("X-Amz-Function-Error", "Unhandled")
		w.WriteHeader(http.StatusAccepted)
		_, _ = io.WriteString(w, "result")
	})
	r := f.request(t, http.MethodPost, "/2015-03-31/functions/f/invocations?Qualifier=live", "payload", "X-Amz-Invocation-Type", "Event")
	f.sign(t, f.admin, r, "lambda", awsapitest.Region, "payload")
	r.Header.Set("X-Amz-Log-Type", "Tail") // not signed
	r.Header.Set("Cookie", "secret")
	reply := f.do(t, r)
	wants(t, reply, http.StatusAccepted, "result")
	if reply.Header.Get("X-Amz-Function-Error") != "Unhandled" || reply.Header.Get("Set-Cookie") != "" || reply.Header.Get("Server") != "" || reply.Header.Get("X-Amzn-Requestid") == "theirs" {
		t.Errorf("the reply's header is %v", reply.Header)
	}
	sent, body := f.behind.last()
	if sent.RequestURI != "/2015-03-31/functions/f/invocations?Qualifier=live" || body != "payload" || sent.Header.Get("X-Amz-Invocation-Type") != "Event" {
		t.Errorf("sent %s %q %v", sent.RequestURI, body, sent.Header)
	}
	if sent.Header.Get("X-Amz-Log-Type") != "" || sent.Header.Get("Cookie") != "" || sent.Header.Get("X-Amz-Security-Token") != "" {
		t.Errorf("sent with %v", sent.Header)
	}
	e := f.event(t)
	if e.Service != "lambda" || e.Operation != "Invoke" || e.Status != http.StatusAccepted || e.UpstreamRequestID != "theirs" || e.RequestID != reply.Header.Get("X-Amzn-Requestid") {
		t.Errorf("%+v", e)
	}

	wants(t, f.ec2(t, f.admin, "Action=DescribeInstances&Filter.1.Name=a+b"), http.StatusAccepted, "result")
	sent, body = f.behind.last()
	if body != "Action=DescribeInstances&Filter.1.Name=a+b&Version=2016-11-15" || !strings.Contains(sent.Header.Get("Authorization"), "/"+awsapitest.Region+"/ec2/") {
		t.Errorf("sent %q %v", body, sent.Header)
	}
	wants(t, f.sqs(t, f.admin, "ListQueues", "{}"), http.StatusAccepted, "result")
	if sent, _ = f.behind.last(); sent.Header.Get("X-Amz-Target") != "AmazonSQS.ListQueues" {
		t.Errorf("sent %v", sent.Header)
	}
}

// TestStreamed: the beginning of a reply is there before its end is made.
func TestStreamed(t *testing.T) {
	t.Parallel()
	f := start(t)
	proceed := make(chan struct{})
	f.behind.answers(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "one")
		_ = http.NewResponseController(w).Flush()
		<-proceed
		_, _ = io.WriteString(w, "two")
	})
	r := f.request(t, http.MethodPost, "/2021-11-15/functions/f/response-streaming-invocations", "")
	f.sign(t, f.admin, r, "lambda", awsapitest.Region, "")
	response, err := f.gateway.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close() //nolint:errcheck // only read
	first := make([]byte, 3)
	if _, err := io.ReadFull(response.Body, first); err != nil || string(first) != "one" {
		t.Fatalf("%q, %v", first, err)
	}
	close(proceed)
	if rest, err := io.ReadAll(response.Body); err != nil || string(rest) != "two" {
		t.Fatalf("%q, %v", rest, err)
	}
}

// TestDialects: each protocol has its own words.
func TestDialects(t *testing.T) {
	t.Parallel()
	f := start(t)
	nobody := f.User(t, "nobody")
	stranger := f.Config(aws.Credentials{AccessKeyID: "AKIASTRANGER", SecretAccessKey: "x"})
	const because = "User: arn:aws:iam::123456789012:user/nobody is not authorized to perform: "
	wants(t, f.ec2(t, nobody, "Action=DescribeInstances"), http.StatusForbidden, "<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>You are not authorized to perform this operation. "+
		because+"ec2:DescribeInstances because no identity-based policy allows the ec2:DescribeInstances action Encoded authorization failure message: ")
	e := f.event(t)
	if e.Action != "ec2:DescribeInstances" || e.Resource != "*" || e.Encoded == "" || e.Decision != "ImplicitDeny" {
		t.Errorf("%+v", e)
	}
	text, err := awsapi.OpenDenial(f.Directory.Snapshot().SessionKeys(), awsapitest.Account, e.Encoded)
	if err != nil || !strings.Contains(text, `"action":"ec2:DescribeInstances"`) || !strings.Contains(text, `"ec2:Region"`) {
		t.Errorf("the encoded message is %s, %v", text, err)
	}
	wants(t, f.ec2(t, stranger, "Action=DescribeInstances"), http.StatusUnauthorized, "<Code>AuthFailure</Code><Message>AWS was not able to validate the provided access credentials</Message>")
	wants(t, f.ec2(t, f.admin, "Action=LaunchRocket"), http.StatusBadRequest, "<Code>InvalidAction</Code>", "LaunchRocket")
	if e := f.event(t); !strings.Contains(e.Reason, "LaunchRocket") || e.Fault != "UnknownOperation" {
		t.Errorf("%+v", e)
	}
	wants(t, f.ec2(t, f.admin, "Action=StopInstances&InstanceId.1=i-1&DryRun=true"), http.StatusPreconditionFailed, "<Code>DryRunOperation</Code><Message>Request would have succeeded, but DryRun flag is set.</Message>")
	wants(t, f.ec2(t, nobody, "Action=StopInstances&InstanceId.1=i-1&DryRun=true"), http.StatusForbidden, "UnauthorizedOperation")

	denied := f.sqs(t, nobody, "SendMessage", `{"QueueUrl":"https://h/123456789012/q"}`)
	wants(t, denied, http.StatusBadRequest, `{"__type":"AccessDeniedException","message":"`+because+`sqs:SendMessage on resource: arn:aws:sqs:eu-central-1:123456789012:q because`)
	wants(t, f.sqs(t, stranger, "SendMessage", "{}"), http.StatusBadRequest, "UnrecognizedClientException")
	wants(t, f.sqs(t, f.admin, "Fly", "{}"), http.StatusBadRequest, "UnknownOperationException", "Fly")
	wants(t, f.call(t, nobody, "sqs", http.MethodPost, "/", "Action=ListQueues", "Content-Type", form), http.StatusForbidden, "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code>")

	denied = f.call(t, nobody, "lambda", http.MethodGet, "/2015-03-31/functions", "")
	if wants(t, denied, http.StatusForbidden, because+"lambda:ListFunctions"); denied.Header.Get("X-Amzn-Errortype") != "AccessDeniedException" {
		t.Errorf("%v", denied.Header)
	}
	wants(t, f.call(t, nobody, "route53", http.MethodGet, "/2013-04-01/hostedzone", ""), http.StatusForbidden, "<Code>AccessDenied</Code>")
	denied = f.call(t, nobody, "monitoring", http.MethodPost, "/service/GraniteServiceVersion20100801/operation/ListMetrics", "\xa0", "Smithy-Protocol", "rpc-v2-cbor")
	if wants(t, denied, http.StatusBadRequest, "AccessDeniedException", because); denied.Header.Get("Smithy-Protocol") != "rpc-v2-cbor" || denied.Body[0] != 0xa2 {
		t.Errorf("%v", denied.Header)
	}
	if n := f.behind.count(); n != 0 {
		t.Errorf("%d of the refused requests went on", n)
	}
}

// TestNotSigned: what says what is asked is signed, for this service, one region, and
// with its body.
func TestNotSigned(t *testing.T) {
	t.Parallel()
	f := start(t, func(s *upstream.Service) { s.Region = awsapitest.Region })
	r := f.request(t, http.MethodPost, "/", "{}")
	f.sign(t, f.admin, r, "sqs", awsapitest.Region, "{}")
	r.Header.Set("X-Amz-Target", "AmazonSQS.ListQueues")
	wants(t, f.do(t, r), http.StatusBadRequest, "InvalidSignatureException")
	r = f.request(t, http.MethodPost, "/", "Action=DescribeInstances", "Content-Type", form)
	f.sign(t, f.admin, r, "ec2", "us-east-1", "Action=DescribeInstances")
	wants(t, f.do(t, r), http.StatusUnauthorized, "AuthFailure")
	if e := f.event(t); !strings.Contains(e.Reason, "serves the region eu-central-1") {
		t.Errorf("%+v", e)
	}
	r = f.request(t, http.MethodPost, "/", "Action=DescribeImages", "Content-Type", form)
	f.sign(t, f.admin, r, "ec2", awsapitest.Region, "Action=DescribeInstances")
	wants(t, f.do(t, r), http.StatusUnauthorized, "AuthFailure")
	r = f.request(t, http.MethodPost, "/", strings.Repeat("x", 10_000_001), "Content-Type", form)
	f.sign(t, f.admin, r, "ec2", awsapitest.Region, "")
	wants(t, f.do(t, r), http.StatusRequestEntityTooLarge, "RequestEntityTooLarge")
	if n := f.behind.count(); n != 0 {
		t.Errorf("%d of the refused requests went on", n)
	}
}

// TestAccounts: a service behind is one account's.
func TestAccounts(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.AddAccount(t, "210987654321")
	other := f.UserOf(t, "210987654321", "other", awsapitest.Administrator)
	wants(t, f.ec2(t, other, "Action=DescribeInstances"), http.StatusForbidden, "UnauthorizedOperation")
	if e := f.event(t); !strings.Contains(e.Reason, "no upstream for ec2 of account 210987654321") {
		t.Errorf("%+v", e)
	}
	wants(t, f.sqs(t, f.admin, "SendMessage", `{"QueueUrl":"https://h/210987654321/q"}`), http.StatusBadRequest, "AccessDeniedException")
	if n := f.behind.count(); n != 0 {
		t.Errorf("%d of the refused requests went on", n)
	}
}

// TestResourceTags: they are asked of the service where a policy depends on them, and
// what cannot be had denies.
func TestResourceTags(t *testing.T) {
	t.Parallel()
	f := start(t)
	onTag := func(effect, operator string) string {
		return `{"Effect":"` + effect + `","Action":"ec2:StopInstances","Resource":"*","Condition":{"` + operator + `":{"ec2:ResourceTag/team":"data"}}}`
	}
	all := `{"Effect":"Allow","Action":"*","Resource":"*"}`
	tagged := func(body string, status int) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if err := r.ParseForm(); err == nil && strings.Contains(r.Header.Get("Authorization"), "/ec2/") {
				w.WriteHeader(status)
				_, _ = io.WriteString(w, body)
			}
		}
	}
	item := func(value string) string {
		return `<DescribeTagsResponse><tagSet><item><resourceId>i-1</resourceId><key>team</key><value>` + value + `</value></item></tagSet></DescribeTagsResponse>`
	}
	for i, tt := range []struct {
		policy, body string
		status       int
		want         int
	}{
		{policy(onTag("Allow", "StringEquals")), item("data"), 200, 200},
		{policy(onTag("Allow", "StringEquals")), item("ops"), 200, 403},
		{policy(onTag("Allow", "StringEquals")), `<DescribeTagsResponse><tagSet/></DescribeTagsResponse>`, 200, 403},
		{policy(all, onTag("Deny", "StringEquals")), item("data"), 200, 403},
		{policy(all, onTag("Deny", "StringEquals")), item("ops"), 200, 200},
		{policy(all, onTag("Deny", "StringEquals")), `<Response><Errors><Error><Code>UnauthorizedOperation</Code></Error></Errors></Response>`, 403, 500},
		{policy(all, onTag("Deny", "StringEquals")), `<DescribeTagsResponse><nextToken>x</nextToken></DescribeTagsResponse>`, 200, 500},
		{policy(onTag("Allow", "StringNotEquals")), `no XML`, 200, 500},
		{policy(onTag("Allow", "StringNotEquals")), strings.Replace(item("ops"), "i-1", "i-2", 1), 200, 500},
	} {
		who := f.User(t, "tags"+string(rune('a'+i)), tt.policy)
		f.behind.answers(tagged(tt.body, tt.status))
		before := f.behind.count()
		if reply := f.ec2(t, who, "Action=StopInstances&InstanceId.1=i-1"); reply.Status != tt.want {
			t.Errorf("%d: %d %s, want %d", i, reply.Status, reply.Body, tt.want)
		}
		if asked := f.behind.count() - before; asked != 1 && tt.want != 200 || asked != 2 && tt.want == 200 {
			t.Errorf("%d: the service was asked %d times", i, asked)
		}
	}
}

// TestUnknown: a policy that depends on what is not known here denies, whichever way
// it goes.
func TestUnknown(t *testing.T) {
	t.Parallel()
	f := start(t)
	all := `{"Effect":"Allow","Action":"*","Resource":"*"}`
	const run = "Action=RunInstances&ImageId=ami-1&InstanceType=t3.micro&SecurityGroupId.1=sg-1"
	for i, tt := range []struct {
		policy, body string
		why          string // "" is allowed
	}{
		{policy(all), run, ""},
		{policy(all, `{"Effect":"Deny","Action":"ec2:RunInstances","Resource":"arn:aws:ec2:*:*:subnet/subnet-prod"}`), run, "depends on which resource it is"},
		{policy(all, `{"Effect":"Deny","Action":"ec2:RunInstances","Resource":"arn:aws:ec2:*:*:subnet/subnet-prod"}`), run + "&SubnetId=subnet-test", ""},
		{policy(all, `{"Effect":"Deny","Action":"ec2:RunInstances","Resource":"arn:aws:ec2:*:*:subnet/subnet-prod"}`), run + "&SubnetId=subnet-prod", "explicit deny"},
		{policy(all, `{"Effect":"Deny","Action":"ec2:RunInstances","Resource":"arn:aws:ec2:*::image/*","Condition":{"StringNotEquals":{"ec2:Owner":"amazon"}}}`), run, "explicit deny"},
		{policy(all, `{"Effect":"Deny","Action":"ec2:RunInstances","Resource":"arn:aws:ec2:*::image/*","Condition":{"StringEquals":{"ec2:Owner":"evil"}}}`), run, "depends on the condition key ec2:Owner"},
		{policy(all, `{"Effect":"Deny","Action":"ec2:RunInstances","Resource":"arn:aws:ec2:*:*:instance/*","Condition":{"StringNotEquals":{"ec2:InstanceType":"t3.micro"}}}`), run, ""},
		{policy(all, `{"Effect":"Deny","Action":"ec2:*","Resource":"*","Condition":{"StringNotEquals":{"aws:RequestedRegion":"eu-central-1"}}}`), run, ""},
		{policy(all, `{"Effect":"Deny","Action":"ec2:*","Resource":"*","Condition":{"StringEquals":{"aws:RequestedRegion":"eu-central-1"}}}`), run, "explicit deny"},
		{policy(`{"Effect":"Allow","Action":"ec2:RunInstances","NotResource":"arn:aws:ec2:*:*:subnet/subnet-prod"}`), run, "depends on which resource it is"},
		{policy(`{"Effect":"Allow","Action":"ec2:RunInstances","Resource":["arn:aws:ec2:*:*:subnet/subnet-1","arn:aws:ec2:*:*:instance/*","arn:aws:ec2:*::image/*"]}`), run + "&SubnetId=subnet-1", "on resource: arn:aws:ec2:eu-central-1:123456789012:volume/*"},
	} {
		who := f.User(t, "unknown"+string(rune('a'+i)), tt.policy)
		switch reply := f.ec2(t, who, tt.body); {
		case tt.why == "" && reply.Status != http.StatusOK:
			t.Errorf("%d: %s", i, reply.Body)
		case tt.why != "":
			wants(t, reply, http.StatusForbidden, tt.why)
		}
	}
}

// TestRefusedBehind: a refusal of the gateway is not told as one of its caller, and
// the event has the service's words.
func TestRefusedBehind(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.behind.answers(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, `<Response><Errors><Error><Code>AuthFailure</Code><Message>no such key</Message></Error></Errors></Response>`)
	})
	wants(t, f.ec2(t, f.admin, "Action=DescribeInstances"), http.StatusInternalServerError, "<Code>InternalError</Code>")
	if e := f.event(t); !strings.Contains(e.Reason, "refuses the gateway's credentials: AuthFailure: no such key") {
		t.Errorf("%+v", e)
	}
	f.behind.answers(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"__type":"com.amazon.coral#AccessDeniedException","Message":"User: arn:aws:iam::1:user/gateway is not"}`)
	})
	reply := f.sqs(t, f.admin, "ListQueues", "{}")
	if wants(t, reply, http.StatusBadRequest, "AccessDeniedException", "does not allow it to the gateway"); strings.Contains(reply.Body, "user/gateway") {
		t.Error("the gateway's name is told")
	}
	big := strings.Repeat("x", 100<<10)
	f.behind.answers(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, big)
	})
	if reply := f.sqs(t, f.admin, "ListQueues", "{}"); reply.Body != big {
		t.Errorf("an error of %d bytes arrives as one of %d", len(big), len(reply.Body))
	}
	f.behind.CloseClientConnections()
	f.behind.Close()
	wants(t, f.ec2(t, f.admin, "Action=DescribeInstances"), http.StatusInternalServerError, "<Code>InternalError</Code>")
	if e := f.event(t); !strings.Contains(e.Reason, "cannot be reached") {
		t.Errorf("%+v", e)
	}
}

// TestServes: by the scope of the credential, and by nothing else.
func TestServes(t *testing.T) {
	t.Parallel()
	h, err := upstream.New(upstream.Config{Services: []upstream.Service{{Name: "cloudwatch", Endpoint: "https://monitoring.{region}.amazonaws.com", Account: awsapitest.Account, Credentials: s3upstream.Static("a", "b")}}})
	if err != nil {
		t.Fatal(err)
	}
	for authorization, want := range map[string]bool{
		"AWS4-HMAC-SHA256 Credential=A/20260101/r/monitoring/aws4_request, SignedHeaders=host, Signature=0": true,
		"AWS4-HMAC-SHA256 Credential=A/20260101/r/ec2/aws4_request, SignedHeaders=host, Signature=0":        false,
		"Bearer monitoring": false, "": false,
	} {
		r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(nil))
		r.Header.Set("Authorization", authorization)
		if authorization == "" {
			r = httptest.NewRequest(http.MethodGet, "/?X-Amz-Credential=A%2F20260101%2Fr%2Fmonitoring%2Faws4_request", nil)
			want = true
		}
		if got := h.Serves(r); got != want {
			t.Errorf("%q: %t", authorization, got)
		}
	}
	for _, wrong := range []upstream.Service{
		{},
		{Name: "ec2"},
		{Name: "ec2", Endpoint: "http://x", Account: "1", Credentials: s3upstream.Static("a", "b")},
		{Name: "ec2", Endpoint: "x", Account: awsapitest.Account, Credentials: s3upstream.Static("a", "b")},
		{Name: "ec2", Endpoint: "http://x", Account: awsapitest.Account},
		{Name: "cloudformation", Endpoint: "http://x", Account: awsapitest.Account},
	} {
		if _, err := upstream.New(upstream.Config{Services: []upstream.Service{wrong}}); err == nil {
			t.Errorf("%+v is taken", wrong)
		}
	}
}
