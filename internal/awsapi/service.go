package awsapi

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/daypass/daypass/internal/directory"
	"github.com/daypass/daypass/internal/policy"
)

// Service is one AWS service as a table of operations. It is immutable.
type Service struct {
	Name       string // signing name and prefix of its actions' owner: "sts"
	Version    string // of its API, which is how a Query request names its service
	Namespace  string // of its replies, where they are XML
	operations map[string]Operation

	// Dialect is how the service speaks; nil is Query.
	Dialect *Dialect
	// TargetPrefix is how a JSON request names the service: what stands in
	// X-Amz-Target before the operation and a full stop.
	TargetPrefix string
	// MessageMember names the message in errors of the service's JSON model; "" is
	// "message".
	MessageMember string
	// InternalCode is the code of a fault that is not the caller's, where the
	// service's model has one of its own; "" is the dialect's.
	InternalCode string
}

// Operation is one row of the table. It is made by Signed or Public; there is
// no other way, so an operation that asks nobody for leave is visible as such.
type Operation struct {
	name   string
	public bool
	needs  []Need
	decode func(*Call) error // nil: run reads the parameters
	run    func(*Call) (Result, error)
}

// Need is one permission that an operation asks of its caller.
type Need struct {
	Action   string // iam:CreateRole
	Resource Resource
	// Keys sets the condition keys that the operation adds; nil for none.
	Keys func(*Call, *policy.Context)
	// When says which requests ask for it; the zero value means all.
	When When
	// Trust finds the role whose trust policy has a say beside the caller's own
	// policies, as in sts:AssumeRole; nil for an action on anything else. A role
	// that is not there is answered like one that does not trust.
	Trust func(*Call) (*directory.Role, bool)
}

// When tells of which requests something is true.
type When struct {
	Words string // for people: with tags
	Of    func(*Call) bool
}

// Resource says on what an action is asked for.
type Resource struct {
	Template string // for people: arn:aws:iam::${Account}:role${Path}${RoleName}
	Of       func(*Call) string
	// Untold says that a denial does not name the resource (reported by users
	// for some operations of AWS STS).
	Untold bool
	// Shown is what a denial calls the resource; nil is what Of gives.
	Shown func(*Call) string
	// Owned gives the account that the resource belongs to, "" for the caller's,
	// and the resource's own policy, nil where it has none; a nil Owned is neither.
	Owned func(*Call) (account string, own *directory.Attached)
}

// Signed is an operation whose caller must be known and must have every one of
// the needs. The permission to call it at all is what needs say: to need
// nothing, give NoPermission.
func Signed(name string, needs []Need, run func(*Call) (Result, error)) Operation {
	return Operation{name: name, needs: needs, run: run}
}

// Decoding is the operation with a step that reads the parameters, after the
// caller is known and before permission is asked, so that needs can speak of
// what was read (Call.Input). Its faults are told to callers without the
// permission too: AWS validates first.
func (op Operation) Decoding(decode func(*Call) error) Operation {
	op.decode = decode
	return op
}

// NoPermission is the needs of an operation that no policy can deny, such as
// sts:GetCallerIdentity. An operation with empty needs that is not this one is
// refused when its service is made.
var NoPermission = []Need{{Action: "", Resource: Resource{Template: "-"}}}

// Public is an operation that anyone may call unsigned, because it carries its
// own proof (sts:AssumeRoleWithWebIdentity).
func Public(name string, run func(*Call) (Result, error)) Operation {
	return Operation{name: name, public: true, run: run}
}

// NewService makes a service. A table with two operations of one name, a signed
// operation that states no need, or a need without its resource, is an error.
func NewService(s Service, operations ...Operation) (*Service, error) {
	if s.Dialect == nil {
		s.Dialect = Query
	}
	if s.Dialect.replies == nil {
		return nil, fmt.Errorf("awsapi: %s speaks %s, in which nothing is answered here", s.Name, s.Dialect.Name)
	}
	if s.Dialect == JSON11 && s.TargetPrefix == "" {
		return nil, fmt.Errorf("awsapi: %s speaks JSON and has no target prefix", s.Name)
	}
	s.operations = make(map[string]Operation, len(operations))
	for _, op := range operations {
		if _, twice := s.operations[op.name]; twice {
			return nil, fmt.Errorf("awsapi: %s has two operations %s", s.Name, op.name)
		}
		if !op.public && !slices.ContainsFunc(op.needs, func(n Need) bool { return n.When.Of == nil }) {
			return nil, fmt.Errorf("awsapi: %s:%s is signed and states no need that every request has", s.Name, op.name)
		}
		for _, n := range op.needs {
			if n.Action != "" && n.Resource.Of == nil {
				return nil, fmt.Errorf("awsapi: %s:%s needs %s and does not say on what", s.Name, op.name, n.Action)
			}
		}
		s.operations[op.name] = op
	}
	return &s, nil
}

// Describe writes the table, one operation a line with its dialect, needed
// actions and resources, in order of name. A golden file holds what it writes.
func (s *Service) Describe(w io.Writer) error {
	names := make([]string, 0, len(s.operations))
	for name := range s.operations {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if _, err := fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", s.Name, name, s.Dialect.Name, s.operations[name].describe()); err != nil {
			return err
		}
	}
	return nil
}

func (op Operation) describe() string {
	if op.public {
		return "public"
	}
	needs := make([]string, 0, len(op.needs))
	for _, n := range op.needs {
		if n.Action == "" {
			needs = append(needs, "signed, no permission needed")
			continue
		}
		need := n.Action + " on " + n.Resource.Template
		if n.Trust != nil {
			need += " and its trust policy"
		}
		if n.When.Of != nil {
			need += " (" + n.When.Words + ")"
		}
		needs = append(needs, need)
	}
	return strings.Join(needs, ", ")
}
