package awsrequest

import (
	"slices"
	"strings"

	"github.com/daypass/daypass/internal/arn"
	"github.com/daypass/daypass/internal/policy"
)

// Scope is where a request acts.
type Scope struct {
	Region  string // that the request is signed for
	Account string // of the service behind, 12 digits
}

// partition goes by the region (AWS General Reference, "Amazon Resource Names").
func (s *Scope) partition() string {
	for prefix, partition := range map[string]string{"cn-": "aws-cn", "us-gov-": "aws-us-gov", "eusc-": "aws-eusc"} {
		if strings.HasPrefix(s.Region, prefix) {
			return partition
		}
	}
	return "aws"
}

// arn makes an ARN in the scope.
func (s *Scope) arn(service, resource string) string {
	return "arn:" + s.partition() + ":" + service + ":" + s.Region + ":" + s.Account + ":" + resource
}

// Key is a condition key with its value, or values where it is multivalued.
type Key struct {
	Name   string
	Values []string
	Multi  bool
}

// Need is one permission that a request needs. It needs all.
type Need struct {
	Action   string // ec2:RunInstances
	Resource string // an ARN, or "*"; where Open says so, of a resource that is not known
	// Open is true where which resource is meant is not known; its ARN begins with
	// Prefix, or nothing is known of it.
	Open   bool
	Prefix string
	// Account owns the resource; "" where that is not known.
	Account string
	// Keys are the condition keys that the request gives.
	Keys []Key
	// Tagged is the resource's id at the service, whose tags are asked for where a
	// policy depends on them; "" where they cannot be had.
	Tagged string

	service     string   // the prefix of its own condition keys
	absent      []string // condition keys that AWS does not set here either; "*" is all others of the service
	requestTags bool     // aws:RequestTag and aws:TagKeys are known
	tags        bool     // so are those of the resource
}

// Set puts the keys into a context.
func (n *Need) Set(keys *policy.Context) {
	for _, k := range n.Keys {
		if k.Multi {
			keys.SetMulti(k.Name, k.Values)
		} else {
			keys.Set(k.Name, k.Values[0])
		}
	}
}

// SetTags says which tags the resource has.
func (n *Need) SetTags(tags map[string]string) {
	n.tags = true
	for name, value := range tags {
		n.Keys = append(n.Keys, Key{Name: "aws:ResourceTag/" + name, Values: []string{value}})
		if n.service == "ec2" {
			n.Keys = append(n.Keys, Key{Name: "ec2:ResourceTag/" + name, Values: []string{value}})
		}
	}
}

// AsksTags reports whether a condition key is of the resource's tags.
func (n *Need) AsksTags(key string) bool {
	return hasFold(key, "aws:ResourceTag/") || hasFold(key, n.service+":ResourceTag/")
}

// Unknown reports whether AWS could give a condition key a value that is not known
// here. A key that AWS has for no request, or that the gateway sets for every one,
// is not unknown.
func (n *Need) Unknown(key string) bool {
	for i := range n.Keys {
		if policy.SameKey(n.Keys[i].Name, key) {
			return false
		}
	}
	switch {
	case n.AsksTags(key):
		return !n.tags
	case policy.SameKey(key, "aws:ResourceAccount"):
		return true
	case hasFold(key, "aws:RequestTag/"), policy.SameKey(key, "aws:TagKeys"):
		return !n.requestTags
	case hasFold(key, n.service+":"):
		return !slices.ContainsFunc(n.absent, func(known string) bool { return known == "*" || policy.SameKey(known, key) })
	}
	return false
}

func hasFold(text, prefix string) bool {
	return len(text) >= len(prefix) && policy.SameKey(text[:len(prefix)], prefix)
}

// on is a need of the operation's own action.
func (op *Operation) on(resource string) *Need { return op.needOf(op.Name, resource) }

// needOf is a need of another action of the service.
func (op *Operation) needOf(action, resource string) *Need {
	return &Need{Action: op.Service.Prefix + ":" + action, Resource: resource, service: op.Service.Prefix}
}

// onSome is on for a resource of which the beginning of its ARN is known.
func (op *Operation) onSome(prefix string) *Need {
	n := op.on(prefix + "*")
	n.Open, n.Prefix = true, prefix
	return n
}

// Needs are the permissions that the request needs, all of them; at least one. The
// error is an *Error.
func (op *Operation) Needs(scope *Scope) ([]*Need, error) {
	if op.row == nil {
		return nil, &Error{Kind: Unserved, Reason: "there is no operation"}
	}
	if err := op.refused(); err != nil {
		return nil, err
	}
	needs, err := op.ownNeeds(scope)
	if err != nil {
		return nil, err
	}
	if len(needs) == 0 {
		return nil, &Error{Kind: Unserved, Reason: "the permissions that " + op.Action() + " needs are not known"}
	}
	for _, n := range needs {
		if n.service == op.Service.Prefix {
			n.Action = renamed(n.Action)
		}
	}
	needs = append(needs, op.passedRoles(scope)...)
	for _, n := range needs {
		n.setAccount(scope)
	}
	return needs, nil
}

// setAccount sets whose the resource is: by its ARN, or where it has none the
// account that is asked. An ARN without an account, such as an image's, does not
// tell.
func (n *Need) setAccount(scope *Scope) {
	n.Account = scope.Account
	if a, err := arn.Parse(n.Resource); err == nil {
		n.Account = a.Account
	}
	if n.Account != "" {
		n.Keys = append(n.Keys, Key{Name: "aws:ResourceAccount", Values: []string{n.Account}})
	}
}

// ownNeeds are those of the service.
func (op *Operation) ownNeeds(scope *Scope) ([]*Need, error) {
	if op.Service.Name == "ec2" {
		return op.ec2Needs(scope)
	}
	if op.Protocol == CBOR { // of whose body nothing is read
		if _, has := resourceRules[op.Service.Name]; has || len(op.row.roles) > 0 {
			return nil, &Error{Kind: Unserved, Reason: op.Action() + " is not served in CBOR, since its permissions depend on its body; use the service's JSON protocol"}
		}
		return []*Need{op.onSome("")}, nil
	}
	var needs []*Need
	if rule, ok := resourceRules[op.Service.Name]; ok {
		var err error
		if needs, err = rule(op, scope); err != nil {
			return nil, err
		}
	}
	if !slices.ContainsFunc(needs, func(n *Need) bool { return n.service == op.Service.Prefix }) {
		needs = append([]*Need{op.onSome("")}, needs...)
	}
	return needs, op.setRequestTags(needs)
}

// setRequestTags reads the tags of a request: a list of key and value, or an object
// (of JSON), or Tags.member.1.Key (of Query).
func (op *Operation) setRequestTags(needs []*Need) error {
	var tags []Key
	var known bool
	var err error
	switch {
	case op.params != nil:
		tags, known, err = op.tagParams()
	case op.Protocol == JSON:
		tags, known = op.tagMembers()
	}
	if err != nil {
		return err
	}
	for _, n := range needs {
		n.requestTags = known
		n.Keys = append(n.Keys, tags...)
	}
	return nil
}

// tagParams reads Tags.member.1.Key, TagKeys.member.1, and SQS's Tag.1.Key.
func (op *Operation) tagParams() ([]Key, bool, error) {
	pairs := map[string]string{}
	for _, list := range tagLists[:3] {
		members, err := op.params.below(list)
		if err != nil {
			return nil, false, err
		}
		for _, m := range members {
			if _, twice := pairs[m.get("Key")]; twice {
				return nil, false, malformed("a tag is there twice")
			}
			pairs[m.get("Key")] = m.get("Value")
		}
	}
	known := true
	for _, name := range op.params.names { // in a form that is not read here
		known = known && (!hasFold(name, "tag") || slices.ContainsFunc(tagLists, func(list string) bool { return hasFold(name, list+".") }))
	}
	var keys []string
	for _, list := range []string{"TagKeys.member", "TagKey"} {
		listed, err := op.params.list(list)
		if err != nil {
			return nil, false, err
		}
		keys = append(keys, listed...)
	}
	return tagKeys(pairs, keys), known, nil
}

var tagLists = []string{"Tags.member", "Tags.Tag", "Tag", "TagKeys.member", "TagKey"}

// tagMembers reads the member Tags or tags, and TagKeys.
func (op *Operation) tagMembers() ([]Key, bool) {
	pairs := map[string]string{}
	var names []string
	for name, value := range op.document {
		switch strings.ToLower(name) {
		case "tags", "tag":
			if !readTags(value, pairs) {
				return nil, false
			}
		case "tagkeys", "tagstoremove":
			list, ok := value.([]any)
			if !ok {
				return nil, false
			}
			for _, key := range list {
				text, ok := key.(string)
				if !ok {
					return nil, false
				}
				names = append(names, text)
			}
		}
	}
	return tagKeys(pairs, names), true
}

func readTags(value any, into map[string]string) bool {
	switch value := value.(type) {
	case nil:
		return true
	case map[string]any:
		for key, v := range value {
			text, ok := v.(string)
			if !ok {
				return false
			}
			into[key] = text
		}
		return true
	case []any:
		for _, member := range value {
			pair, ok := member.(map[string]any)
			if !ok {
				return false
			}
			var key, value *string
			for name, v := range pair {
				text, ok := v.(string)
				switch lower := strings.ToLower(name); {
				case !ok:
					return false
				case (lower == "key" || lower == "tagkey") && key == nil:
					key = &text
				case (lower == "value" || lower == "tagvalue") && value == nil:
					value = &text
				default: // or what could be meant for the same
					return false
				}
			}
			if key == nil {
				return false
			}
			if _, twice := into[*key]; twice { // which of the two counts is not known
				return false
			}
			into[*key] = ""
			if value != nil {
				into[*key] = *value
			}
		}
		return true
	}
	return false
}

// tagKeys are the condition keys of the tags of a request (IAM User Guide, "AWS
// global condition context keys": aws:RequestTag, aws:TagKeys).
func tagKeys(pairs map[string]string, names []string) []Key {
	var keys []Key
	for name, value := range pairs {
		keys = append(keys, Key{Name: "aws:RequestTag/" + name, Values: []string{value}})
		names = append(names, name)
	}
	if len(names) > 0 {
		slices.Sort(names)
		keys = append(keys, Key{Name: "aws:TagKeys", Values: names, Multi: true})
	}
	return keys
}

// passedRoles are needs of iam:PassRole: one for each role that a request names for
// the service to take (IAM User Guide, "Grant a user permissions to pass a role to
// an AWS service"). Operations that only read name none so. Which of the others AWS
// asks it for is nowhere told in one place; here it is asked for all.
func (op *Operation) passedRoles(scope *Scope) []*Need {
	if reads(op.Name) {
		return nil
	}
	var named []string
	if op.params != nil {
		for _, name := range op.params.names {
			if slices.ContainsFunc(op.row.roles, func(role string) bool { return namesMember(name, role) }) || op.Service.Name != "sqs" && isRole(op.params.get(name)) {
				named = append(named, op.params.get(name))
			}
		}
	}
	if len(op.row.roles) > 0 && op.document != nil {
		named = collect(op.document, op.row.roles, named)
	}
	var needs []*Need
	if storedRoles[op.Action()] {
		role := op.passRole("arn:" + scope.partition() + ":iam::" + scope.Account + ":role/")
		role.Prefix, role.Resource, role.Open = role.Resource, role.Resource+"*", true
		needs = append(needs, role)
	}
	slices.Sort(named)
	for _, role := range slices.Compact(named) {
		if role == "" {
			continue
		}
		if !strings.HasPrefix(role, "arn:") {
			role = "arn:" + scope.partition() + ":iam::" + scope.Account + ":role/" + strings.TrimPrefix(role, "/")
		}
		needs = append(needs, op.passRole(role))
	}
	return needs
}

func (op *Operation) passRole(role string) *Need {
	n := &Need{Action: "iam:PassRole", Resource: role, service: "iam", requestTags: true}
	if to, ok := passedTo[op.Service.Name]; ok {
		n.Keys = []Key{{Name: "iam:PassedToService", Values: []string{to}}}
	}
	return n
}

// storedRoles are operations that hand over roles that the request does not name:
// those of a task definition (ECS Developer Guide, "Amazon ECS task execution IAM
// role", on iam:PassRole).
var storedRoles = map[string]bool{
	"ecs:RunTask": true, "ecs:StartTask": true, "ecs:CreateService": true, "ecs:UpdateService": true, "ecs:CreateTaskSet": true,
}

// passedTo names the services that take roles, where that is known.
var passedTo = map[string]string{
	"ec2": "ec2.amazonaws.com", "lambda": "lambda.amazonaws.com", "states": "states.amazonaws.com", "events": "events.amazonaws.com",
	"firehose": "firehose.amazonaws.com", "eks": "eks.amazonaws.com", "codebuild": "codebuild.amazonaws.com", "cloudtrail": "cloudtrail.amazonaws.com",
}

// namesMember reports whether a parameter's last name is a member's:
// Options.RoleArn, Roles.member.1.
func namesMember(parameter, member string) bool {
	parts := strings.Split(parameter, ".")
	for len(parts) > 1 && (isIndex(parts[len(parts)-1]) || parts[len(parts)-1] == "member") {
		parts = parts[:len(parts)-1]
	}
	return strings.EqualFold(parts[len(parts)-1], member)
}

// collect gathers the texts of members of these names, however deep.
func collect(value any, names, found []string) []string {
	switch value := value.(type) {
	case map[string]any:
		for name, v := range value {
			if slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, name) }) {
				found = texts(v, found)
			}
			found = collect(v, names, found)
		}
	case []any:
		for _, v := range value {
			found = collect(v, names, found)
		}
	}
	return found
}

func texts(value any, found []string) []string {
	switch value := value.(type) {
	case string:
		return append(found, value)
	case []any:
		for _, v := range value {
			found = texts(v, found)
		}
	}
	return found
}

func isRole(text string) bool {
	a, err := arn.Parse(text)
	return err == nil && a.Service == "iam" && strings.HasPrefix(a.Resource, "role/")
}

// reads reports whether an operation only reads, by its name.
func reads(name string) bool {
	for _, verb := range []string{"Describe", "Get", "List", "BatchGet", "Search"} {
		if strings.HasPrefix(name, verb) {
			return true
		}
	}
	return false
}
