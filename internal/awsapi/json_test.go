package awsapi_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/awsapi/awsapitest"
	"github.com/daypass/daypass/internal/sigv4"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

const (
	target   = "things"
	jsonType = "application/x-amz-json-1.1"
)

// everyType has a member of each type that requests have.
type everyType struct {
	Text   string
	Maybe  *string
	Flag   *bool
	Number *int64
	Bytes  []byte
	Lines  []string
	Tags   []struct{ Key, Value string }
}

// startJSON serves a service of the JSON dialect.
func startJSON(t testing.TB, o awsapitest.Options) *awsapitest.Server {
	t.Helper()
	fails := func(err error) func(*awsapi.Call) (awsapi.Result, error) {
		return func(*awsapi.Call) (awsapi.Result, error) { return nil, err }
	}
	all := awsapi.Resource{Template: "*", Of: func(*awsapi.Call) string { return "*" }}
	o.Now = time.Now
	o.Services = func(*awsapitest.Server) ([]*awsapi.Service, error) {
		things, err := awsapi.NewService(
			awsapi.Service{Name: "things", Dialect: awsapi.JSON11, TargetPrefix: target, MessageMember: "Message", InternalCode: "ThingsFailure"},
			awsapi.Signed("EchoThing", awsapi.NoPermission, func(c *awsapi.Call) (awsapi.Result, error) {
				return awsapi.JSON{Value: c.Input}, nil
			}).Decoding(func(c *awsapi.Call) error {
				in := &everyType{}
				c.Input = in
				return c.DecodeJSON(in)
			}),
			awsapi.Signed("PutThing", []awsapi.Need{{Action: "things:PutThing", Resource: all}}, fails(nil)),
			awsapi.Signed("WhenThing", awsapi.NoPermission, func(*awsapi.Call) (awsapi.Result, error) {
				return awsapi.JSON{Value: struct {
					At    awsapi.EpochTime
					Never awsapi.EpochTime `json:",omitzero"`
				}{At: awsapi.EpochTime(time.UnixMilli(1523477145713))}}, nil
			}),
			awsapi.Signed("LoseThing", awsapi.NoPermission, fails(awsapi.Error(http.StatusBadRequest, "NoSuchThing", "There is no <thing>."))),
			awsapi.Signed("BreakThing", awsapi.NoPermission, fails(errors.New("the database at 10.0.0.1 is down"))),
		)
		if err != nil {
			return nil, err
		}
		others, err := newThings()
		return []*awsapi.Service{things, others}, err
	}
	return awsapitest.Start(t, o)
}

// jsonRequest is a request of the JSON dialect; signed by the configuration, if
// it has credentials.
func jsonRequest(t testing.TB, s *awsapitest.Server, config aws.Config, operation, body string, header ...string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", jsonType)
	r.Header.Set("X-Amz-Target", operation)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	if config.Credentials == nil {
		return r
	}
	credentials, err := config.Credentials.Retrieve(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := v4.NewSigner().SignHTTP(t.Context(), credentials, r, sigv4.HashPayload([]byte(body)), "things", config.Region, time.Now()); err != nil {
		t.Fatal(err)
	}
	return r
}

// wantJSON asks for a reply of the JSON dialect, byte for byte.
func wantJSON(t testing.TB, r awsapitest.Reply, status int, body string) {
	t.Helper()
	if r.Status != status || r.Body != body || r.Header.Get("Content-Type") != jsonType || r.Header.Get("X-Amzn-Requestid") == "" {
		t.Errorf("%d %q %s, want %d %s", r.Status, r.Header, r.Body, status, body)
	}
	var fault struct {
		Type string `json:"__type"`
	}
	if err := json.Unmarshal([]byte(r.Body), &fault); err != nil || fault.Type != r.Header.Get("X-Amzn-Errortype") {
		t.Errorf("the header says %q and the body %q (%v)", r.Header.Get("X-Amzn-Errortype"), fault.Type, err)
	}
}

// TestJSONReplies holds the form of answers in the JSON dialect.
func TestJSONReplies(t *testing.T) {
	t.Parallel()
	s := startJSON(t, awsapitest.Options{})
	nobody := s.User(t, "nobody")
	for operation, c := range map[string]struct {
		config aws.Config
		status int
		body   string
	}{
		"things.PutThing":   {s.AdminConfig, 200, `{}`},
		"things.WhenThing":  {s.AdminConfig, 200, `{"At":1523477145.713}`},
		"things.LoseThing":  {s.AdminConfig, 400, `{"__type":"NoSuchThing","Message":"There is no <thing>."}`},
		"things.BreakThing": {s.AdminConfig, 500, `{"__type":"ThingsFailure","Message":"` + internalFault + `"}`},
		"things.NoThing":    {s.AdminConfig, 400, `{"__type":"UnknownOperationException"}`},
		"others.PutThing":   {s.AdminConfig, 400, `{"__type":"UnknownOperationException"}`},
		"":                  {s.AdminConfig, 302, ``},
		"things.EchoThing":  {s.Config(aws.Credentials{AccessKeyID: "AKIAIOSFODNN7EXAMPLE", SecretAccessKey: "x"}), 400, `{"__type":"UnrecognizedClientException","message":"The security token included in the request is invalid."}`},
	} {
		reply := s.Do(t, jsonRequest(t, s, c.config, operation, `{}`))
		if operation == "" { // is no request of this dialect
			if reply.Status != c.status {
				t.Errorf("without a target: %d", reply.Status)
			}
			continue
		}
		wantJSON(t, reply, c.status, c.body)
	}
	wantJSON(t, s.Do(t, jsonRequest(t, s, nobody, "things.PutThing", `{}`)), 400,
		`{"__type":"AccessDeniedException","Message":"User: arn:aws:iam::123456789012:user/nobody is not authorized to perform: things:PutThing on resource: * because no identity-based policy allows the things:PutThing action"}`)
	wantJSON(t, s.Do(t, jsonRequest(t, s, aws.Config{}, "things.PutThing", `{}`)), 400,
		`{"__type":"MissingAuthenticationTokenException","message":"Missing Authentication Token"}`)
	wantJSON(t, s.Do(t, jsonRequest(t, s, s.AdminConfig, "things.PutThing", `{}`, "Content-Type", "application/json")), 400, `{"__type":"UnknownOperationException"}`)
	if e := last(t, s); !strings.Contains(e.Reason, jsonType) || e.Service != "things" {
		t.Errorf("the event has the reason %q", e.Reason)
	}
	s.Do(t, jsonRequest(t, s, s.AdminConfig, "things.PutThing", `{}`))
	if e := last(t, s); e.Service != "things" || e.Operation != "PutThing" || e.Fault != "" || e.Status != 200 {
		t.Errorf("the event is %+v", e)
	}
}

// TestJSONTarget: what names the operation is part of what is signed.
func TestJSONTarget(t *testing.T) {
	t.Parallel()
	s := startJSON(t, awsapitest.Options{})
	mismatch := `{"__type":"InvalidSignatureException","message":"The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details."}`
	changed := jsonRequest(t, s, s.AdminConfig, "things.WhenThing", `{}`)
	changed.Header.Set("X-Amz-Target", "things.PutThing")
	wantJSON(t, s.Do(t, changed), 400, mismatch)

	unsigned := jsonRequest(t, s, aws.Config{}, "things.PutThing", `{}`)
	unsigned.Header.Del("X-Amz-Target")
	credentials, err := s.AdminConfig.Credentials.Retrieve(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	signing := awsapitest.Signing{Credentials: credentials, Service: "things", Time: time.Now()}
	signing.Sign(t, unsigned, `{}`)
	unsigned.Header.Set("X-Amz-Target", "things.PutThing")
	wantJSON(t, s.Do(t, unsigned), 400, mismatch)
	if e := last(t, s); !strings.Contains(e.Reason, "x-amz-target") {
		t.Errorf("the event has the reason %q", e.Reason)
	}
	twice := jsonRequest(t, s, s.AdminConfig, "things.PutThing", `{}`)
	twice.Header.Add("X-Amz-Target", "things.WhenThing")
	wantJSON(t, s.Do(t, twice), 400, `{"__type":"UnknownOperationException"}`)
}

// TestJSONBodies decodes what is right, and refuses the rest without repeating a
// value, which may be a secret.
func TestJSONBodies(t *testing.T) {
	t.Parallel()
	s := startJSON(t, awsapitest.Options{})
	const nothing = `{"Text":"","Maybe":null,"Flag":null,"Number":null,"Bytes":null,"Lines":null,"Tags":null}`
	for body, want := range map[string]string{
		`{}`:                       nothing,
		`{"Text":null}`:            nothing,
		` {"Text" : "" } `:         nothing,
		`{"Text":"\ufffd \u00e9"}`: strings.Replace(nothing, `""`, `"� é"`, 1),
		`{"Text":"a<b","Maybe":"","Flag":false,"Number":7.0,"Bytes":"aGk=","Lines":["x",""],"Tags":[{"Key":"k"}]}`: `{"Text":"a<b","Maybe":"","Flag":false,"Number":7,"Bytes":"aGk=","Lines":["x",""],"Tags":[{"Key":"k","Value":""}]}`,
	} {
		wantJSON(t, s.Do(t, jsonRequest(t, s, s.AdminConfig, "things.EchoThing", body)), 200, want)
	}
	for body, want := range map[string]string{
		``:                              `is not JSON`,
		`[]`:                            `is not a JSON object`,
		`"hunter2"`:                     `is not a JSON object`,
		`{"Text":"hunter2"`:             `is not JSON`,
		`{"Text":"hunter2"} {}`:         `Something follows`,
		`{"Text":"a","Text":"b"}`:       `A name comes twice`,
		"{\"Text\":\"\xff\"}":           `is not UTF-8`,
		`{"Text":"\ud800"}`:             `half of a surrogate pair`,
		`{"Text":1}`:                    `The value of Text is a number and should be a string.`,
		`{"Flag":"hunter2"}`:            `The value of Flag is a string and should be a boolean.`,
		`{"Number":1.5}`:                `The value of Number is a number and should be an integer.`,
		`{"Bytes":"hunter2!"}`:          `The value of Bytes is not base64.`,
		`{"Lines":"hunter2"}`:           `The value of Lines is a string and should be a list.`,
		`{"Tags":["hunter2"]}`:          `The value of Tags.1 is a string and should be an object.`,
		`{"Tags":[{"Key":["x"]}]}`:      `The value of Tags.1.Key is a list and should be a string.`,
		`{"text":"hunter2"}`:            `The member \"text\" of the request is not known`,
		`{"Tags":[{"Colour":"red"}]}`:   `The member \"Tags.1.Colour\" of the request is not known`,
		`{"Lines":[null]}`:              `Value null at 'Lines.1'`,
		strings.Repeat(`{"Tags":[`, 40): `more than 32 levels`,
	} {
		r := s.Do(t, jsonRequest(t, s, s.AdminConfig, "things.EchoThing", body))
		if r.Status != 400 || !strings.Contains(r.Body, want) || strings.Contains(r.Body, "hunter2") ||
			!strings.Contains(r.Body, "SerializationException") && !strings.Contains(r.Body, "ValidationException") {
			t.Errorf("%s: %d %s, want %s", body, r.Status, r.Body, want)
		}
	}
}
