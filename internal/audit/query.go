package audit

import (
	"strings"
	"time"
)

// Query says which events are looked for. Empty members ask for nothing; those
// that are given must all be right. The zero Query asks for all events.
type Query struct {
	From, To time.Time // begun at From or later, and before To

	Account   string
	Issuer    string // URL, with or without https://
	Subject   string
	TokenID   string // jti
	Project   string // project, repository or workspace
	Pipeline  string // pipeline or run
	Job       string
	Role      string // ARN, asked for or acted as
	Principal string // ARN of who signed
	AccessKey string // that signed, or that was given
	RequestID string

	Service   string // sts
	Operation string // CreateRole
	Outcome   Outcome
}

// Outcome is what became of a request.
type Outcome string

// The outcomes. The zero value is any.
const (
	Succeeded Outcome = "success"
	Denied    Outcome = "denied" // a policy or a trust policy said no
	Failed    Outcome = "failed" // for any reason, denied or not
)

// Outcome is the event's own: success, denied, or failed for another reason.
func (e *Event) Outcome() Outcome {
	switch {
	case e.Fault == "" && e.Status < 400:
		return Succeeded
	case e.Fault == "AccessDenied" || e.Decision != "" && e.Decision != "Allow":
		return Denied
	}
	return Failed
}

// roleOf is the role that an event is about, or that its caller acts as: the ARN
// of an assumed-role session names it without its path.
func (e *Event) roleOf() (asked, actsAs string) {
	if account, name, ok := assumedRole(e.Principal); ok {
		actsAs = "arn:aws:iam::" + account + ":role/" + name
	}
	return e.Role, actsAs
}

func assumedRole(arn string) (account, name string, ok bool) {
	rest, ok := strings.CutPrefix(arn, "arn:aws:sts::")
	if !ok {
		return "", "", false
	}
	account, rest, ok = strings.Cut(rest, ":assumed-role/")
	if !ok {
		return "", "", false
	}
	name, _, ok = strings.Cut(rest, "/")
	return account, name, ok
}

// sameRole compares the ARN that is looked for with one of an event, whose path
// may not be known.
func sameRole(wanted, got string) bool {
	if wanted == got {
		return true
	}
	prefix, path, ok := strings.Cut(wanted, ":role/")
	return ok && got == prefix+":role/"+path[strings.LastIndexByte(path, '/')+1:]
}

func withScheme(issuer string) string {
	if issuer == "" || strings.Contains(issuer, "://") {
		return issuer
	}
	return "https://" + issuer
}

// Matches reports whether an event is one of those that are looked for.
func (q *Query) Matches(e *Event) bool {
	if !q.From.IsZero() && e.Time.Before(q.From) || !q.To.IsZero() && !e.Time.Before(q.To) {
		return false
	}
	is := func(wanted string, got ...string) bool {
		for _, value := range got {
			if value == wanted {
				return true
			}
		}
		return wanted == ""
	}
	if !is(q.Account, e.Account) || !is(q.Principal, e.Principal) || !is(q.AccessKey, e.AccessKey, e.IssuedKey) ||
		!is(q.RequestID, e.RequestID) || !is(q.Service, e.Service) || !is(q.Operation, e.Operation) {
		return false
	}
	from := e.From()
	if !is(withScheme(q.Issuer), from.Issuer) || !is(q.Subject, from.Subject) || !is(q.TokenID, from.TokenID) ||
		!is(q.Project, from.Project) || !is(q.Pipeline, from.Pipeline) || !is(q.Job, from.Job) {
		return false
	}
	if asked, actsAs := e.roleOf(); q.Role != "" && q.Role != asked && !sameRole(q.Role, actsAs) {
		return false
	}
	switch q.Outcome {
	case "":
		return true
	case Failed:
		return e.Outcome() != Succeeded
	}
	return e.Outcome() == q.Outcome
}

// A term is a member with its value, by which an index finds the blocks of a
// segment that may have an event. Members with few values are none: every block
// has them.
type term struct {
	member byte
	value  string
}

// terms of an event, for the index. They and Query.terms go together: an event
// that a query matches has all of the query's terms.
func (e *Event) terms() []term {
	from := e.From()
	asked, actsAs := e.roleOf()
	all := []term{
		{'a', e.Account},
		{'i', from.Issuer},
		{'s', from.Subject},
		{'t', from.TokenID},
		{'p', from.Project},
		{'l', from.Pipeline},
		{'j', from.Job},
		{'w', e.Principal},
		{'k', e.AccessKey},
		{'k', e.IssuedKey},
		{'q', e.RequestID},
		{'r', roleName(asked)},
		{'r', roleName(actsAs)},
		{'o', e.Operation},
	}
	if e.Outcome() != Succeeded {
		all = append(all, term{'f', string(Failed)})
	}
	return withValue(all)
}

// terms that every event has that the query matches.
func (q *Query) terms() []term {
	all := []term{
		{'a', q.Account},
		{'i', withScheme(q.Issuer)},
		{'s', q.Subject},
		{'t', q.TokenID},
		{'p', q.Project},
		{'l', q.Pipeline},
		{'j', q.Job},
		{'w', q.Principal},
		{'k', q.AccessKey},
		{'q', q.RequestID},
		{'r', roleName(q.Role)},
		{'o', q.Operation},
	}
	if q.Outcome == Denied || q.Outcome == Failed {
		all = append(all, term{'f', string(Failed)})
	}
	return withValue(all)
}

func roleName(arn string) string { return arn[strings.LastIndexByte(arn, '/')+1:] }

func withValue(all []term) []term {
	kept := all[:0]
	for _, t := range all {
		if t.value != "" {
			kept = append(kept, t)
		}
	}
	return kept
}

// hash is FNV-1a over member and value. A collision makes a block be read in vain.
func (t term) hash() uint64 {
	const offset, prime = 14695981039346656037, 1099511628211
	h := (uint64(offset) ^ uint64(t.member)) * prime
	for i := range len(t.value) {
		h = (h ^ uint64(t.value[i])) * prime
	}
	return h
}
