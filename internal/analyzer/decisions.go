package analyzer

import (
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
	// Silent are the nodes that did not tell in time: what their records have is missing.
	Silent []string `json:"silent,omitempty"`
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
	Node      string    `json:"node,omitempty"` // whose record has it, of several
}

// Pages of ListDecisions.
const (
	maxPage   = 200
	pageSize  = 50
	maxReason = 240 // characters
)

// outcomes are those of package audit, by the words of this API.
var outcomes = map[string]audit.Outcome{"": "", "allowed": audit.Succeeded, "denied": audit.Denied, "failed": audit.Failed}

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
	from, err := readCursor(in.Next, c.Now)
	if err != nil {
		return nil, err
	}
	asked := find{Query: q, Outcome: in.Outcome, Max: int(in.Max)}
	all, silent, err := s.findAll(c.Request.Context(), c.Account, func(node string) find { return from.of(node, asked) })
	if err != nil {
		return nil, err
	}
	list, next := merge(all, asked.Max, from)
	out := &ListDecisionsOutput{Decisions: []Decision{}, Silent: silent}
	for _, e := range list {
		d := decisionOf(e.Event, c.Account)
		d.Node = e.node
		out.Decisions = append(out.Decisions, d)
	}
	if next != nil {
		out.Next = next.String()
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
