package analyzer

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"

	"github.com/daypass/daypass/internal/arn"
	"github.com/daypass/daypass/internal/audit"
	"github.com/daypass/daypass/internal/awsapi"
)

// ListDecisionsInput says which decisions are looked for; empty members ask for
// nothing.
type ListDecisionsInput struct {
	Issuer    string `json:"issuer"`  // URL, with or without https://
	Project   string `json:"project"` // project, repository or workspace
	Role      string `json:"role"`    // name or ARN, asked for or acted as
	Outcome   string `json:"outcome"` // allowed, denied or failed
	Operation string `json:"operation"`
	Since     string `json:"since"` // RFC 3339
	Until     string `json:"until"`
	Max       int64  `json:"max"`  // 1 to 200; 0 is 50
	Next      string `json:"next"` // of the page before
}

// ListDecisionsOutput is a page.
type ListDecisionsOutput struct {
	Decisions []Decision `json:"decisions"` // the newest first
	Next      string     `json:"next,omitempty"`
	// Node names the node whose record was asked, where others have their own.
	Node string `json:"node,omitempty"`
}

// Decision is one request of the record, in short.
type Decision struct {
	Time      time.Time `json:"time"`
	RequestID string    `json:"requestId"`
	Service   string    `json:"service,omitempty"`
	Operation string    `json:"operation,omitempty"`
	Outcome   string    `json:"outcome"` // allowed, denied or failed
	Status    int       `json:"status"`
	Code      string    `json:"code,omitempty"`
	Reason    string    `json:"reason,omitempty"` // a sentence, cut to 240 characters
	Principal string    `json:"principal,omitempty"`
	Role      string    `json:"role,omitempty"`
	Action    string    `json:"action,omitempty"`
	Resource  string    `json:"resource,omitempty"`
	Issuer    string    `json:"issuer,omitempty"`
	Subject   string    `json:"subject,omitempty"`
	Project   string    `json:"project,omitempty"`
	Pipeline  string    `json:"pipeline,omitempty"`
	Job       string    `json:"job,omitempty"`
	SourceIP  string    `json:"sourceIp,omitempty"`
}

// Pages of ListDecisions.
const (
	maxPage   = 200
	pageSize  = 50
	maxReason = 240 // characters
)

// outcomes are those of package audit, by the words of this API.
var outcomes = map[string]audit.Outcome{"": "", "allowed": audit.Succeeded, "denied": audit.Denied, "failed": audit.Failed}

// mark is where a page ended.
type mark struct {
	RequestID string    `json:"r"`
	Before    time.Time `json:"t"` // every event that follows began before
}

func (s *service) listDecisions(c *awsapi.Call, in *ListDecisionsInput) (*ListDecisionsOutput, error) {
	outcome, ok := outcomes[in.Outcome]
	if !ok {
		return nil, awsapi.Invalid("The value of outcome is none of allowed, denied and failed.")
	}
	if in.Max < 0 || in.Max > maxPage {
		return nil, awsapi.Invalid("The value of max is not between 1 and 200.")
	}
	if in.Max == 0 {
		in.Max = pageSize
	}
	q := audit.Query{Issuer: in.Issuer, Project: in.Project, Operation: in.Operation, Outcome: outcome}
	var err error
	if q.From, err = instant("since", in.Since); err != nil {
		return nil, err
	}
	if q.To, err = instant("until", in.Until); err != nil {
		return nil, err
	}
	if q.Role = in.Role; in.Role != "" && !strings.HasPrefix(in.Role, "arn:") {
		q.Role = arn.Role(c.Account, "/", in.Role)
		if role, ok := c.Snapshot.Role(c.Account, in.Role); ok {
			q.Role = role.ARN
		}
	}
	after, err := readMark(in.Next)
	if err != nil {
		return nil, err
	}
	if !after.Before.IsZero() && (q.To.IsZero() || after.Before.Before(q.To)) {
		q.To = after.Before
	}
	return s.page(c, q, in, after.RequestID)
}

// page reads the record until the page is full.
func (s *service) page(c *awsapi.Call, q audit.Query, in *ListDecisionsInput, after string) (*ListDecisionsOutput, error) {
	out := &ListDecisionsOutput{Decisions: []Decision{}, Node: s.NodeName}
	passed := after == ""
	var last *audit.Event
	for record, err := range s.Events(q) {
		if err == nil {
			err = c.Request.Context().Err()
		}
		if err != nil {
			return nil, err
		}
		e := &record.Event
		if !passed {
			passed = e.RequestID == after
			continue
		}
		if !belongs(e, c.Account) || in.Outcome == "failed" && e.Outcome() != audit.Failed {
			continue
		}
		if int64(len(out.Decisions)) == in.Max {
			out.Next = markOf(last)
			break
		}
		out.Decisions, last = append(out.Decisions, decisionOf(e, c.Account)), e
	}
	return out, nil
}

// belongs reports whether an event is an account's to see: its caller is of the
// account or, of an exchange that was refused, the role that was asked for is.
func belongs(e *audit.Event, account string) bool {
	if e.Account != "" || e.Role == "" {
		return e.Account == account
	}
	role, err := arn.Parse(e.Role)
	return err == nil && role.Account == account
}

// markOf: events are found in the reverse of the order in which they were written,
// and one that was written before this one began before this one was.
func markOf(e *audit.Event) string {
	text, err := json.Marshal(mark{e.RequestID, e.Time.Add(e.Duration + time.Second)})
	if err != nil {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

func readMark(next string) (m mark, err error) {
	if next == "" {
		return m, nil
	}
	text, err := base64.RawURLEncoding.DecodeString(next)
	if err != nil || json.Unmarshal(text, &m) != nil || m.RequestID == "" || m.Before.IsZero() {
		return m, awsapi.Invalid("The value of next is not that of a page.")
	}
	return m, nil
}

// reasonFor is the operator's sentence of an event. On the trust policy of another
// account's role it tells what only that account may know.
func reasonFor(e *audit.Event, account string) string {
	role, err := arn.Parse(e.Resource)
	if e.Reason == "" || err == nil && role.Service == "iam" && role.Account != account {
		return e.Message
	}
	return e.Reason
}

// decisionOf is an event as it is told to an account.
func decisionOf(e *audit.Event, account string) Decision {
	from := e.From()
	d := Decision{
		Time: e.Time, RequestID: e.RequestID, Service: e.Service, Operation: e.Operation, Status: e.Status, Code: e.Code,
		Principal: e.Principal, Role: e.Role, Action: e.Action, Resource: e.Resource,
		Issuer: from.Issuer, Subject: from.Subject, Project: from.Project, Pipeline: from.Pipeline, Job: from.Job, SourceIP: e.SourceIP,
	}
	switch e.Outcome() {
	case audit.Succeeded:
		d.Outcome = "allowed"
	case audit.Denied:
		d.Outcome = "denied"
	default:
		d.Outcome = "failed"
	}
	if d.Outcome != "allowed" {
		d.Reason = cut(reasonFor(e, account))
	}
	return d
}

func cut(text string) string {
	runes := []rune(text)
	if len(runes) <= maxReason {
		return text
	}
	return string(runes[:maxReason-1]) + "…"
}
