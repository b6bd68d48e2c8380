package server_test

import (
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/server"

	iamclient "github.com/aws/aws-sdk-go-v2/service/iam"
)

// TestKeysAreRotatedBySchedule: a server rotates the keys of its issuer and the master
// key when they are as old as is configured, step by step, and the status says when that
// is.
func TestKeysAreRotatedBySchedule(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := newConfig(dir)
	var at time.Time
	c.Now = func() time.Time { return at }
	c.PublicURL = "https://daypass.example.com"
	const every = 100 * time.Hour
	c.Keys.Issuer, c.Keys.MasterKey = every, every
	at = time.Now()
	begin := at
	r := mustStart(t, c)
	if _, err := iamclient.NewFromConfig(r.administrator(t, dir)).EnableOutboundWebIdentityFederation(t.Context(), &iamclient.EnableOutboundWebIdentityFederationInput{}); err != nil {
		t.Fatal(err)
	}
	keys := func() (issuer, master string) {
		t.Helper()
		s, err := server.KeysStatus(t.Context(), dir, at)
		if err != nil {
			t.Fatal(err)
		}
		if len(s.Overdue) > 0 {
			t.Errorf("overdue: %q", s.Overdue)
		}
		for _, k := range s.Issuers[0].Keys {
			if k.State == "primary" && k.Algorithm == "RS256" {
				issuer = k.ID
			}
		}
		for _, k := range s.Master.Keys {
			if k.State == "primary" {
				master = k.ID
				if k.Until == nil || k.Until.Sub(*k.Since) != every {
					t.Errorf("the master key is in use since %v, and to be rotated at %v", k.Since, k.Until)
				}
			}
		}
		return issuer, master
	}
	firstIssuer, firstMaster := keys()
	r.mustStop(t)
	later := func(age time.Duration) string {
		t.Helper()
		at = begin.Add(age)
		r := mustStart(t, c)
		defer r.mustStop(t)
		return r.log.String()
	}
	if log := later(every - time.Hour); strings.Contains(log, "key is announced") || strings.Contains(log, "keys of an issuer are published") {
		t.Errorf("an hour too early: %s", log)
	}
	log := later(every + time.Minute)
	for _, want := range []string{"the next keys of an issuer are published", "the next master key is announced"} {
		if !strings.Contains(log, want) {
			t.Errorf("%q is not in the log: %s", want, log)
		}
	}
	later(every + 12*time.Hour) // when every relying party has the next key
	later(every + 24*time.Hour)
	r = mustStart(t, c)
	issuer, master := keys()
	if issuer == firstIssuer || issuer == "" || master == firstMaster {
		t.Errorf("after a day the issuer's key is still %s, or the master key %s", issuer, master)
	}
	r.mustStop(t)
}
