package awsapi_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/awsapi/awsapitest"
	"github.com/daypass/daypass/internal/store"
)

// A request that another node's write overtook is decided once more, on what is there
// then, and not a third time.
func TestOvertaken(t *testing.T) {
	t.Parallel()
	var runs, writes int // how often the operation ran, and in how many runs another node writes
	var write func()
	conflict := awsapi.Error(http.StatusConflict, "ConcurrentModification", "It was replaced.")
	conflict.Overtaken = true
	all := awsapi.Resource{Template: "*", Of: func(*awsapi.Call) string { return "*" }}
	s := awsapitest.Start(t, awsapitest.Options{Now: time.Now, Services: func(*awsapitest.Server) ([]*awsapi.Service, error) {
		things, err := awsapi.NewService(awsapi.Service{Name: "things", Version: version, Namespace: namespace},
			awsapi.Signed("PutThing", []awsapi.Need{{Action: "things:PutThing", Resource: all}}, func(*awsapi.Call) (awsapi.Result, error) {
				runs++
				if runs <= writes {
					write()
				} else if writes > 0 {
					return nil, nil
				}
				return nil, conflict
			}))
		return []*awsapi.Service{things}, err
	}})
	put := func(record any, id store.ID) {
		t.Helper()
		if _, err := s.Store.Update(t.Context(), func(tx store.Tx) error { return store.PutRecord(tx, id, record) }); err != nil {
			t.Fatal(err)
		}
	}
	write = func() {
		put(store.Policy{Account: "123456789012", Name: "p", Path: "/", DefaultVersion: "v1"}, store.PolicyID("123456789012", "p"))
	}
	refused := func(reply awsapitest.Reply) {
		t.Helper()
		wantBody(t, reply, http.StatusConflict, fault(namespace, "Sender", "ConcurrentModification", "It was replaced.", reply))
	}
	for _, c := range []struct{ writes, runs int }{{0, 1}, {1, 2}, {2, 2}} {
		runs, writes = 0, c.writes
		reply := call(t, s, s.AdminConfig, "Action", "PutThing")
		if c.writes == 1 {
			if reply.Status != http.StatusOK {
				t.Errorf("%d %s", reply.Status, reply.Body)
			}
		} else {
			refused(reply)
		}
		if runs != c.runs {
			t.Errorf("with %d writes it ran %d times, not %d", c.writes, runs, c.runs)
		}
	}
	if got, want := len(s.Events()), 3; got != want {
		t.Errorf("%d events of %d requests", got, want)
	}

	runs, writes = 0, 1
	caller := s.User(t, "late", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`)
	user, _ := s.Directory.Snapshot().User("123456789012", "late")
	withdrawn := user.User
	withdrawn.InlinePolicies = nil
	write = func() { put(withdrawn, store.UserID("123456789012", "late")) }
	if reply := call(t, s, caller, "Action", "PutThing"); reply.Status != http.StatusForbidden || runs != 1 {
		t.Errorf("after the permission was withdrawn it ran %d times: %d %s", runs, reply.Status, reply.Body)
	}
}
