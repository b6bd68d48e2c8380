package awsrequest

import (
	_ "embed" // operations.txt
	"fmt"
	"slices"
	"strings"
	"sync"
)

//go:embed operations.txt
var operations string

// Service is an AWS service by its signing name.
type Service struct {
	// Name is the signing name, which the scope of a credential has: monitoring.
	Name string
	// Prefix begins the names of its actions: cloudwatch.
	Prefix string

	apis []*api
}

// api is one of the service's APIs: most have one.
type api struct {
	protocols []Protocol
	version   string
	target    string // before the dot of X-Amz-Target
	cbor      string // the service's name in paths of CBOR
	rows      map[string]*row
	routes    []*row // of REST
}

// row is an operation as the table has it.
type row struct {
	name   string
	method string    // of REST
	path   []segment // of REST
	query  string    // of REST: a parameter, or NAME=VALUE, that the query must have
	// members are the names that a request may have at its top; one of the query of
	// REST begins with "?".
	members []string
	roles   []string // members that name roles
	blob    bool     // the body is data, and no document
}

func (a *api) speaks(p Protocol) bool { return slices.Contains(a.protocols, p) }

// readTable reads operations.txt once.
var readTable = sync.OnceValue(func() map[string]*Service {
	services := map[string]*Service{}
	var service *Service
	var of *api
	for line := range strings.Lines(operations) {
		fields := strings.Fields(line)
		switch {
		case line[0] == '#':
		case fields[0] == "service":
			service = &Service{Name: fields[1], Prefix: fields[2]}
			services[service.Name] = service
		case fields[0] == "api":
			of = newAPI(fields[1:])
			service.apis = append(service.apis, of)
		default:
			r := newRow(fields)
			of.rows[r.name] = r
			if r.method != "" {
				of.routes = append(of.routes, r)
			}
		}
	}
	return services
})

func newAPI(fields []string) *api {
	a := &api{version: fields[1], target: fields[2], cbor: fields[3], rows: map[string]*row{}}
	for name := range strings.SplitSeq(fields[0], ",") {
		for p := Query; p <= CBOR; p++ {
			if p.String() == name {
				a.protocols = append(a.protocols, p)
			}
		}
	}
	return a
}

func newRow(fields []string) *row {
	r := &row{name: fields[0]}
	for i, field := range fields[1:] {
		name, list, _ := strings.Cut(field, "=")
		switch {
		case name == "members":
			r.members = strings.Split(list, ",")
		case name == "roles":
			r.roles = strings.Split(list, ",")
		case field == "blob":
			r.blob = true
		case i == 0:
			r.method = field
		default:
			path, query, _ := strings.Cut(field, "?")
			r.path, r.query = newSegments(path), query
		}
	}
	return r
}

// aliases are names by which people know services, such as the aws CLI's.
var aliases = map[string]string{"cloudwatch": "monitoring", "efs": "elasticfilesystem", "elb": "elasticloadbalancing", "elbv2": "elasticloadbalancing", "stepfunctions": "states", "dynamodbstreams": "dynamodb"}

// Find gives a service by its signing name, or the name that the aws CLI has for
// it.
func Find(name string) (*Service, bool) {
	if signing, ok := aliases[name]; ok {
		name = signing
	}
	s, ok := readTable()[name]
	return s, ok
}

// Names are the signing names of all services, in order.
func Names() []string {
	var names []string
	for name := range readTable() {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// unknown is the error for an operation that the service does not have.
func (s *Service) unknown(name string) *Error {
	return &Error{Kind: Unknown, Reason: fmt.Sprintf("%s has no operation %s that this version of Daypass knows, so the permission it needs is not known; it is denied", s.Name, shown(name))}
}

// Parse says what r asks for. The error is an *Error.
//
// A request with X-Amz-Target is of JSON, one whose Smithy-Protocol is rpc-v2-cbor
// of CBOR, each where the service speaks it; all others are of the protocol that
// the service has beside those.
func (s *Service) Parse(r *Request) (*Operation, error) {
	op := &Operation{Service: s, request: r}
	path, query, _ := strings.Cut(r.RequestURI, "?")
	op.path = path
	if encoding := r.header("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return nil, malformed("the body has the Content-Encoding %s, which is not read here; switch off the compression of requests in the client (disable_request_compression)", shown(encoding))
	}
	var err error
	switch {
	case s.speaks(CBOR) && r.header("Smithy-Protocol") != "":
		err = op.parseCBOR()
	case s.speaks(JSON) && (r.header("X-Amz-Target") != "" || !s.speaks(Query)):
		err = op.parseJSON(query)
	case s.speaks(Query):
		err = op.parseQuery(Query, query)
	case s.speaks(EC2Query):
		err = op.parseQuery(EC2Query, query)
	default:
		err = op.parseREST(query)
	}
	if err != nil {
		return nil, err
	}
	return op, nil
}

func (s *Service) speaks(p Protocol) bool {
	return slices.ContainsFunc(s.apis, func(a *api) bool { return a.speaks(p) })
}

// Dialect is the protocol in whose words a request is refused that was not read.
func (s *Service) Dialect(r *Request) Protocol {
	switch {
	case s.speaks(CBOR) && r.header("Smithy-Protocol") != "":
		return CBOR
	case s.speaks(JSON) && r.header("X-Amz-Target") != "":
		return JSON
	}
	return s.apis[0].protocols[len(s.apis[0].protocols)-1]
}
