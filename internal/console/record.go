package console

import (
	"net/http"
	"time"

	"github.com/daypass/daypass/internal/awsapi"
)

// Entry is a sign-in or a sign-out as the record has it. AWS CloudTrail has such events
// too (User Guide, "AWS Management Console sign-in events").
type Entry struct {
	Operation   string // ConsoleLogin or Logout
	Status      int    // of the reply
	Account     string // of who is signed in; "" where nobody is
	Principal   string // that one's ARN
	AccessKeyID string // that was given, whatever it is
	Fault       *awsapi.Fault
}

// viaConsole is what events of the console's requests have as via.
const viaConsole = "console"

// A denial is why somebody is not signed in.
type denial struct {
	kind          awsapi.Kind
	status        int
	code, message string
	wait          time.Duration // until it is worth trying again; 0 for at once
	accessKeyID   string        // that was given
	reason        string        // for the operator
}

// record notes a sign-in, also one that failed; of what it asked the front door, that
// one's events say more. s is who is signed in, no why nobody is.
func (c *Console) record(r *http.Request, s *session, no *denial) error {
	e := &Entry{Operation: "ConsoleLogin", Status: http.StatusOK}
	if s != nil {
		e.Account, e.Principal, e.AccessKeyID = s.Account, s.ARN, s.AccessKeyID
	}
	if no != nil {
		e.Status, e.AccessKeyID = no.status, no.accessKeyID
		e.Fault = &awsapi.Fault{Kind: no.kind, Code: no.code, Message: no.message, Reason: no.reason}
	}
	return c.note(r.WithContext(awsapi.Via(r.Context(), viaConsole)), e)
}

// recordSignOut notes a sign-out.
func (c *Console) recordSignOut(r *http.Request, s *session) error {
	return c.note(r.WithContext(awsapi.Via(r.Context(), viaConsole)), &Entry{
		Operation: "Logout", Status: http.StatusNoContent, Account: s.Account, Principal: s.ARN, AccessKeyID: s.AccessKeyID,
	})
}
