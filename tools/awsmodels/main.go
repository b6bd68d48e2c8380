// Awsmodels writes internal/awsrequest/operations.txt: of the services that the
// gateway can stand before, each operation with what tells it from others on the
// wire. The facts are those of the AWS SDKs' service models, as botocore ships them.
//
//	cd tools && go run ./awsmodels -models …/botocore/data >../internal/awsrequest/operations.txt
//
// What the models do not have, the prefix of a service's actions in policies, is
// in the table services below; exceptions are in internal/awsrequest.
package main

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// services are signing names, the prefix of their actions (Service Authorization
// Reference, one page each), and the models that have them.
var services = []struct {
	signing, prefix string
	models          []string
}{
	{"acm", "acm", []string{"acm"}},
	{"batch", "batch", []string{"batch"}},
	{"cloudtrail", "cloudtrail", []string{"cloudtrail"}},
	{"codebuild", "codebuild", []string{"codebuild"}},
	{"dynamodb", "dynamodb", []string{"dynamodb", "dynamodbstreams"}},
	{"ec2", "ec2", []string{"ec2"}},
	{"ecr", "ecr", []string{"ecr"}},
	{"ecs", "ecs", []string{"ecs"}},
	{"eks", "eks", []string{"eks"}},
	{"elasticfilesystem", "elasticfilesystem", []string{"efs"}},
	{"elasticloadbalancing", "elasticloadbalancing", []string{"elb", "elbv2"}},
	{"events", "events", []string{"events"}},
	{"firehose", "firehose", []string{"firehose"}},
	{"kinesis", "kinesis", []string{"kinesis"}},
	{"kms", "kms", []string{"kms"}},
	{"lambda", "lambda", []string{"lambda"}},
	{"logs", "logs", []string{"logs"}},
	{"monitoring", "cloudwatch", []string{"cloudwatch"}},
	{"rds", "rds", []string{"rds"}},
	{"route53", "route53", []string{"route53"}},
	{"sns", "sns", []string{"sns"}},
	{"sqs", "sqs", []string{"sqs"}},
	{"ssm", "ssm", []string{"ssm"}},
	{"states", "states", []string{"stepfunctions"}},
}

// model is what is read of a service model.
type model struct {
	Metadata struct {
		Protocol, SigningName, EndpointPrefix, TargetPrefix, APIVersion, JSONVersion, ServiceID string
		Protocols                                                                               []string
	}
	Operations map[string]operation
	Shapes     map[string]shape
}

type operation struct {
	Name  string
	HTTP  struct{ Method, RequestURI string }
	Input struct{ Shape string }
}

type shape struct {
	Type      string
	Enum      []string
	Payload   string
	Flattened bool
	Members   map[string]member
	Member    member
	Value     member
}

type member struct {
	Shape, LocationName, QueryName, Location string
}

func main() {
	models := flag.String("models", "", "botocore's folder data")
	flag.Parse()
	out := bufio.NewWriter(os.Stdout)
	err := write(out, *models)
	if err = errors.Join(err, out.Flush()); err != nil {
		fmt.Fprintln(os.Stderr, "awsmodels:", err)
		os.Exit(1)
	}
}

func write(w io.Writer, dir string) error {
	fmt.Fprintln(w, "# Made by tools/awsmodels from the AWS SDKs' service models; do not edit.")
	fmt.Fprintln(w, "# service SIGNING-NAME PREFIX, then its APIs: api PROTOCOLS VERSION TARGET-PREFIX CBOR-NAME,")
	fmt.Fprintln(w, "# then the API's operations: NAME [METHOD URI] [members=NAMES] [roles=MEMBERS] [blob]")
	fmt.Fprintln(w, "# members are those that an input has at its top, as they are on the wire; one that begins with ? stands in the query.")
	for _, s := range services {
		fmt.Fprintln(w, "service", s.signing, s.prefix)
		for _, name := range s.models {
			m, err := read(filepath.Join(dir, name))
			if err != nil {
				return err
			}
			signing := m.Metadata.SigningName
			if signing == "" {
				signing = m.Metadata.EndpointPrefix
			}
			if signing != s.signing && name != "dynamodbstreams" {
				return fmt.Errorf("%s is signed as %s, not %s", name, signing, s.signing)
			}
			m.write(w, signing)
		}
	}
	return nil
}

// read reads the newest version of a model.
func read(dir string) (*model, error) {
	found, err := filepath.Glob(filepath.Join(dir, "*", "service-2.json*"))
	if err != nil || len(found) == 0 {
		return nil, fmt.Errorf("no model in %s", dir)
	}
	file, err := os.Open(slices.Max(found))
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	var text io.Reader = file
	if strings.HasSuffix(file.Name(), ".gz") {
		if text, err = gzip.NewReader(file); err != nil {
			return nil, err
		}
	}
	m := &model{}
	return m, json.NewDecoder(text).Decode(m)
}

func (m *model) write(w io.Writer, signing string) {
	protocols := m.Metadata.Protocols
	if len(protocols) == 0 {
		protocols = []string{m.Metadata.Protocol}
	}
	if signing == "sqs" { // what SDKs spoke until 2023, and SQS still does
		protocols = append(protocols, "query")
	}
	target, cbor := m.Metadata.TargetPrefix, "-"
	if target == "" {
		target = "-"
	}
	if slices.Contains(protocols, "smithy-rpc-v2-cbor") {
		cbor = m.cborName()
	}
	fmt.Fprintln(w, "api", strings.Join(protocols, ","), m.Metadata.APIVersion, target, cbor)
	rest := strings.HasPrefix(protocols[0], "rest")
	names := make([]string, 0, len(m.Operations))
	for name := range m.Operations {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		op := m.Operations[name]
		line := name
		if rest {
			line += " " + op.HTTP.Method + " " + op.HTTP.RequestURI
		}
		if members := m.members(op.Input.Shape); len(members) > 0 {
			line += " members=" + strings.Join(members, ",")
		}
		if roles := m.roles(op.Input.Shape, map[string]bool{}); len(roles) > 0 {
			slices.Sort(roles)
			line += " roles=" + strings.Join(slices.Compact(roles), ",")
		}
		if in := m.Shapes[op.Input.Shape]; in.Payload != "" && m.Shapes[in.Members[in.Payload].Shape].Type == "blob" {
			line += " blob"
		}
		fmt.Fprintln(w, line)
	}
}

// members are the names that a request of an input may have at its top. Those in
// the path are labels there, and headers are no members here.
func (m *model) members(name string) []string {
	in := m.Shapes[name]
	names := m.named(in.Members, func(of member) string {
		return map[string]string{"": "", "querystring": "?"}[of.Location]
	})
	payload := m.Shapes[in.Members[in.Payload].Shape]
	if in.Payload != "" { // it is the body, in the place of the others
		names = slices.DeleteFunc(names, func(name string) bool { return name[0] != '?' })
		names = append(names, m.named(payload.Members, func(member) string { return "" })...)
	}
	slices.Sort(names)
	return names
}

// named gives the names of members on the wire, each behind what prefix says of
// it, but for those in paths and headers.
func (m *model) named(members map[string]member, prefix func(member) string) []string {
	var names []string
	for memberName, of := range members {
		if of.Location != "" && of.Location != "querystring" {
			continue
		}
		wire, shape := m.wire(memberName, of), m.Shapes[of.Shape]
		if shape.Flattened && shape.Member.LocationName != "" {
			wire = shape.Member.LocationName
		}
		if of.Location == "querystring" && shape.Type == "map" {
			wire = "*" // whatever names it has
		}
		names = append(names, prefix(of)+wire)
	}
	return names
}

// wire is the name of a member on the wire.
func (m *model) wire(name string, of member) string {
	if of.LocationName != "" {
		name = of.LocationName
	}
	if m.Metadata.Protocol == "ec2" {
		name = strings.ToUpper(name[:1]) + name[1:]
	}
	if of.QueryName != "" {
		name = of.QueryName
	}
	return name
}

// cborName is the service's name in a path of rpc-v2-cbor, which is the target
// prefix where there is one.
func (m *model) cborName() string {
	if m.Metadata.TargetPrefix != "" {
		return m.Metadata.TargetPrefix
	}
	return strings.ReplaceAll(m.Metadata.ServiceID, " ", "")
}

// roleName are the members that say which role a service is to take.
var roleName = regexp.MustCompile(`(?i)(role|roles|rolearn|rolearns|rolename)$`)

// roles are the names, as they are on the wire, of the members that name roles.
func (m *model) roles(name string, seen map[string]bool) []string {
	if name == "" || seen[name] {
		return nil
	}
	seen[name] = true
	s := m.Shapes[name]
	var found []string
	for memberName, member := range s.Members {
		wire := m.wire(memberName, member)
		of := m.Shapes[member.Shape]
		isText := of.Type == "string" && len(of.Enum) == 0 || of.Type == "list" && m.Shapes[of.Member.Shape].Type == "string"
		if isText && roleName.MatchString(memberName) && !strings.HasPrefix(memberName, "Cognito") {
			found = append(found, wire)
			continue
		}
		found = append(found, m.roles(member.Shape, seen)...)
	}
	found = append(found, m.roles(s.Member.Shape, seen)...)
	return append(found, m.roles(s.Value.Shape, seen)...)
}
