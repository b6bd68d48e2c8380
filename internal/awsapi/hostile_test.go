package awsapi_test

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/awsapi/awsapitest"
	"github.com/daypass/daypass/internal/policy"
	"github.com/daypass/daypass/internal/sigv4"
	"github.com/daypass/daypass/internal/store"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// during is a body that lets something happen before it arrives.
type during struct {
	happens func()
	body    io.Reader
}

func (d *during) Read(p []byte) (int, error) {
	if d.happens != nil {
		d.happens()
		d.happens = nil
	}
	return d.body.Read(p)
}

// A request whose body comes slowly is decided on what holds when it is whole:
// else a key that is taken away would serve for as long as the body takes.
func TestKeyThatGoesWhileTheBodyComes(t *testing.T) {
	t.Parallel()
	s := start(t, awsapitest.Options{})
	credentials, err := s.User(t, "leaver", awsapitest.Administrator).Credentials.Retrieve(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	const body = "Action=PutThing&Version=" + version
	for _, c := range []struct {
		happens func()
		status  int
	}{
		{func() {}, http.StatusOK},
		{func() {
			err := s.Directory.Update(t.Context(), func(tx store.Tx) error {
				return tx.Delete(store.AccessKeyID(s.Account, credentials.AccessKeyID))
			})
			if err != nil {
				t.Error(err)
			}
		}, http.StatusForbidden},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", &during{c.happens, strings.NewReader(body)})
		r.ContentLength = int64(len(body))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if err := v4.NewSigner().SignHTTP(t.Context(), credentials, r, sigv4.HashPayload([]byte(body)), "things", awsapitest.Region, time.Now()); err != nil {
			t.Fatal(err)
		}
		w := httptest.NewRecorder()
		s.Handler.ServeHTTP(w, r)
		if w.Code != c.status {
			t.Errorf("got %d %s, want %d", w.Code, w.Body, c.status)
		}
	}
}

// A name of megabytes is not held against each statement and told for each.
func TestLongResourceIsNotDecided(t *testing.T) {
	t.Parallel()
	s := awsapitest.Start(t, awsapitest.Options{Now: time.Now, Services: func(*awsapitest.Server) ([]*awsapi.Service, error) {
		named := awsapi.Resource{Template: "${Name}", Of: func(c *awsapi.Call) string { return c.Params.Get("Name") }}
		key := func(c *awsapi.Call, keys *policy.Context) { keys.Set("things:Key", c.Params.Get("Key")) }
		things, err := awsapi.NewService(awsapi.Service{Name: "things", Version: version, Namespace: namespace},
			awsapi.Signed("PutThing", []awsapi.Need{{Action: "things:PutThing", Resource: named, Keys: key}},
				func(*awsapi.Call) (awsapi.Result, error) { return nil, nil }))
		return []*awsapi.Service{things}, err
	}})
	for _, c := range []struct {
		name, key int
		status    int
	}{{8192, 8192, http.StatusOK}, {8193, 1, http.StatusBadRequest}, {1, 8193, http.StatusBadRequest}} {
		reply := call(t, s, s.AdminConfig, "Action", "PutThing", "Name", strings.Repeat("n", c.name), "Key", strings.Repeat("k", c.key))
		if reply.Status != c.status || len(reply.Body) > 1000 {
			t.Errorf("%+v: got %d %.1000s", c, reply.Status, reply.Body)
		}
		if events := s.Events(); len(events[len(events)-1]) > 2000 {
			t.Errorf("%+v: the event has %d bytes", c, len(events[len(events)-1]))
		}
	}
}

// A message repeats what was sent, but not all of it.
func TestLongMessageIsCut(t *testing.T) {
	t.Parallel()
	s := start(t, awsapitest.Options{})
	reply := call(t, s, s.AdminConfig, "Action", strings.Repeat("<", 3_000_000))
	const begin = "Could not find operation "
	shown := strings.Repeat("&lt;", 64<<10-len(begin))
	wantBody(t, reply, http.StatusBadRequest, fault(someNamespace, "Sender", "InvalidAction", begin+shown+"… (cut)", reply))
	if events := s.Events(); len(events[len(events)-1]) > 200_000 {
		t.Errorf("the event has %d bytes", len(events[len(events)-1]))
	}
}

// The zone of a peer's address is no part of what policies compare.
func TestSourceAddressHasNoZone(t *testing.T) {
	t.Parallel()
	s := start(t, awsapitest.Options{})
	for peer, want := range map[string]string{
		"[fe80::1%eth0]:50000": "fe80::1", "[fe80::1]:50000": "fe80::1", "192.0.2.1:50000": "192.0.2.1", "": "",
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/?Action=GetThing&Version="+version, nil)
		r.RemoteAddr = peer
		s.Handler.ServeHTTP(httptest.NewRecorder(), r)
		if e := last(t, s); e.SourceIP != want {
			t.Errorf("%q: the event has %q, want %q", peer, e.SourceIP, want)
		}
	}
}

// brokenResult panics while it is written.
type brokenResult struct{}

func (brokenResult) WriteXML(*awsapi.XML) { panic("no such member") }

// A panic is answered and on the record like any other fault, and tells the
// client nothing.
func TestPanicIsAnEvent(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	s := awsapitest.Start(t, awsapitest.Options{
		Now: time.Now, Log: slog.New(slog.NewTextHandler(&log, nil)), ExplainToCaller: true,
		Services: func(*awsapitest.Server) ([]*awsapi.Service, error) {
			things, err := awsapi.NewService(awsapi.Service{Name: "things", Version: version, Namespace: namespace},
				awsapi.Public("DropThing", func(*awsapi.Call) (awsapi.Result, error) { panic("no such thing") }),
				awsapi.Public("MissThing", func(*awsapi.Call) (awsapi.Result, error) { return brokenResult{}, nil }))
			return []*awsapi.Service{things}, err
		},
	})
	for action, met := range map[string]string{"DropThing": "no such thing", "MissThing": "no such member"} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/?Version="+version+"&Action="+action, nil)
		w := httptest.NewRecorder()
		s.Handler.ServeHTTP(w, r)
		if w.Code != http.StatusInternalServerError || !strings.Contains(w.Body.String(), internalFault) || strings.Contains(w.Body.String(), "no such") {
			t.Errorf("%s: %d %s", action, w.Code, w.Body)
		}
		if e := last(t, s); e.Operation != action || e.Status != http.StatusInternalServerError || e.Code != "InternalFailure" || !strings.Contains(e.ErrorChain, met) {
			t.Errorf("%s: the event is %+v", action, e)
		}
		if !strings.Contains(log.String(), met) || !strings.Contains(log.String(), "goroutine") {
			t.Errorf("%s: the log says %q", action, log.String())
		}
	}
}
