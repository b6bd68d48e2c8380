package awsapi_test

import (
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/awsapi/awsapitest"
	"github.com/daypass/daypass/internal/directory"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// A node that does not hear of its store decides nothing, whoever asks and whatever
// for, in words at which SDKs try again; and goes on once it does.
func TestStaleState(t *testing.T) {
	t.Parallel()
	s := start(t, awsapitest.Options{})
	var ahead atomic.Int64
	now := func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	if err := s.Directory.Limit(t.Context(), directory.Staleness{Now: now, Bound: time.Second, Patience: 10 * time.Millisecond}); err != nil {
		t.Fatal(err)
	}
	ahead.Store(int64(time.Hour))
	const message = "The request has failed due to a temporary failure of the server."
	for _, parameters := range [][]string{{"Action", "GetThing", "Name", "found"}, {"Action", "WhoThing"}, {"Action", "PutThing"}} {
		reply := call(t, s, s.AdminConfig, parameters...)
		wantBody(t, reply, http.StatusServiceUnavailable, fault(namespace, "Receiver", "ServiceUnavailable", message, reply))
		if e := last(t, s); e.Operation != parameters[1] || e.Fault != "Unavailable" || e.Status != http.StatusServiceUnavailable || e.Principal != "" {
			t.Errorf("the event is %+v", e)
		}
	}
	if reply := call(t, s, s.AdminConfig, "Action", "FindThing"); reply.Status != http.StatusBadRequest {
		t.Errorf("what there is not: %d %s", reply.Status, reply.Body)
	}
	if err := s.Directory.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if reply := call(t, s, aws.Config{}, "Action", "GetThing", "Name", "found"); reply.Status != http.StatusOK {
		t.Errorf("the store answers again: %d %s", reply.Status, reply.Body)
	}
}
