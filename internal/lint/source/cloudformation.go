package source

import (
	"strings"

	"github.com/daypass/daypass/internal/lint"
)

// The account, region and partition that stand for those of a stack.
const (
	someAccount   = "000000000000"
	someRegion    = "us-east-1"
	somePartition = "aws"
)

// readTemplate reads a CloudFormation template.
func readTemplate(f *File, root *node, text []byte) {
	r := &resolver{root: root}
	resources := root.get("Resources")
	if resources.kind != isObject {
		f.note(resources.line, true, "Resources is no object")
		return
	}
	for i, key := range resources.keys {
		resource := resources.items[i]
		if resource.get("Type").string() != "AWS::IAM::OIDCProvider" {
			continue
		}
		url, problem := r.url(resource.at("Properties", "Url"))
		if problem != "" {
			f.note(resource.line, false, "the URL of the provider %s is not known: %s", key.text, problem)
			continue
		}
		var ids []string
		for _, id := range resource.at("Properties", "ClientIdList").list() {
			if s, problem := r.text(id); problem == "" {
				ids = append(ids, s)
			}
		}
		f.Providers = append(f.Providers, providerOf(url, ids))
	}
	for i, key := range resources.keys {
		if resource := resources.items[i]; resource.get("Type").string() == "AWS::IAM::Role" {
			f.templateRole(r, key, resource, text)
		}
	}
}

func (f *File) templateRole(r *resolver, key, resource *node, text []byte) {
	properties := resource.get("Properties")
	document := properties.get("AssumeRolePolicyDocument")
	if document == nil {
		f.note(key.line, true, "the role %s has no AssumeRolePolicyDocument", key.text)
		return
	}
	role := Role{Role: lint.Role{Name: key.text, MaxSessionDuration: properties.get("MaxSessionDuration").number()}, line: document.line, column: document.column}
	r.changed = false
	resolved, problem := r.value(document, 0)
	if problem != "" {
		f.note(document.line, true, "the trust policy of the role %s is not known: %s", key.text, problem)
		return
	}
	switch {
	case resolved.kind == isString: // the whole policy as a text
		role.TrustPolicy = resolved.text
	case document.end > 0 && !r.changed:
		role.document(document, text)
	default:
		var out renderer
		out.value(resolved, "", "")
		role.TrustPolicy, role.lines = out.b.String(), out.lines
	}
	role.PermissionsKnown = true
	for _, attached := range properties.get("ManagedPolicyArns").list() {
		name, problem := r.text(attached)
		if problem != "" {
			role.PermissionsKnown = false
			continue
		}
		role.Attached = append(role.Attached, name)
	}
	for _, inline := range properties.get("Policies").list() {
		policy, problem := r.value(inline.get("PolicyDocument"), 0)
		if problem != "" {
			role.PermissionsKnown = false
			continue
		}
		var out renderer
		out.value(policy, "", "")
		role.Permissions = append(role.Permissions, out.b.String())
	}
	role.PermissionsKnown = role.PermissionsKnown && len(role.Attached)+len(role.Permissions) > 0
	f.Roles = append(f.Roles, role)
}

// resolver puts values in the place of a template's functions.
type resolver struct {
	root    *node
	changed bool // a function was met
	inURL   bool // a provider's URL is being resolved
}

// text resolves a value that must be text.
func (r *resolver) text(n *node) (text, problem string) {
	if n == nil {
		return "", "it is missing"
	}
	v, problem := r.value(n, 0)
	if problem != "" {
		return "", problem
	}
	if v.kind != isString && v.kind != isLiteral {
		return "", "it is no text"
	}
	return v.text, ""
}

// url resolves a provider's URL. What refers to a provider on its way would go round
// in circles.
func (r *resolver) url(n *node) (text, problem string) {
	if r.inURL {
		return "", "the URL of a provider refers to a provider"
	}
	r.inURL = true
	defer func() { r.inURL = false }()
	return r.text(n)
}

// value resolves a value and all that is in it.
func (r *resolver) value(n *node, depth int) (*node, string) {
	if n == nil {
		return nil, "it is missing"
	}
	if depth > maxDepth {
		return nil, "it refers to itself"
	}
	if name, argument := functionOf(n); name != "" {
		r.changed = true
		v, problem := r.function(name, argument, depth+1)
		if v == nil {
			return nil, problem
		}
		at := *v
		at.line, at.column, at.start, at.end = n.line, n.column, 0, 0
		return &at, problem
	}
	if n.kind != isObject && n.kind != isList {
		return n, ""
	}
	c := *n
	c.items = make([]*node, len(n.items))
	for i, item := range n.items {
		v, problem := r.value(item, depth+1)
		if problem != "" {
			return nil, problem
		}
		c.items[i] = v
	}
	return &c, ""
}

// functionOf gives the function that a value calls, by its long name.
func functionOf(n *node) (name string, argument *node) {
	if short := strings.TrimPrefix(n.tag, "!"); short != "" {
		bare := *n
		bare.tag = ""
		if short == "Ref" || short == "Condition" {
			return short, &bare
		}
		return "Fn::" + short, &bare
	}
	if n.kind == isObject && len(n.keys) == 1 {
		if key := n.keys[0].text; key == "Ref" || strings.HasPrefix(key, "Fn::") {
			return key, n.items[0]
		}
	}
	return "", nil
}

func (r *resolver) function(name string, argument *node, depth int) (*node, string) {
	switch name {
	case "Ref":
		return r.reference(argument.string(), "")
	case "Fn::GetAtt":
		parts := argument.strings()
		if argument.kind == isString {
			before, after, _ := strings.Cut(argument.text, ".")
			parts = []string{before, after}
		}
		if len(parts) != 2 {
			return nil, "Fn::GetAtt has another form than is known"
		}
		return r.reference(parts[0], parts[1])
	case "Fn::Join":
		return r.join(argument, depth)
	case "Fn::Sub":
		return r.substitute(argument, depth)
	}
	return nil, name + " is not resolved"
}

func (r *resolver) join(argument *node, depth int) (*node, string) {
	if argument.kind != isList || len(argument.items) != 2 {
		return nil, "Fn::Join has another form than is known"
	}
	var parts []string
	for _, item := range argument.items[1].list() {
		v, problem := r.value(item, depth)
		if problem != "" {
			return nil, problem
		}
		parts = append(parts, v.string())
	}
	return &node{kind: isString, text: strings.Join(parts, argument.items[0].string())}, ""
}

// substitute is Fn::Sub: ${Name}, ${Name.Attribute}, ${!Literal}.
func (r *resolver) substitute(argument *node, depth int) (*node, string) {
	var own *node
	if argument.kind == isList && len(argument.items) == 2 {
		own, argument = argument.items[1], argument.items[0]
	}
	rest := argument.string()
	var b strings.Builder
	for {
		before, after, found := strings.Cut(rest, "${")
		b.WriteString(before)
		if !found {
			return &node{kind: isString, text: b.String()}, ""
		}
		name, tail, closed := strings.Cut(after, "}")
		if !closed {
			return nil, "Fn::Sub has a ${ without its closing brace"
		}
		rest = tail
		if literal, ok := strings.CutPrefix(name, "!"); ok {
			b.WriteString("${" + literal + "}")
			continue
		}
		var v *node
		var problem string
		if given := own.get(name); given != nil {
			v, problem = r.value(given, depth)
		} else {
			resource, attribute, _ := strings.Cut(name, ".")
			v, problem = r.reference(resource, attribute)
		}
		if problem != "" {
			return nil, problem
		}
		b.WriteString(v.string())
	}
}

// reference is a pseudo parameter, a parameter's default, or a resource.
func (r *resolver) reference(name, attribute string) (*node, string) {
	pseudo := map[string]string{
		"AWS::AccountId": someAccount, "AWS::Region": someRegion, "AWS::Partition": somePartition, "AWS::URLSuffix": "amazonaws.com",
		"AWS::StackName": "stack", "AWS::StackId": "arn:aws:cloudformation:" + someRegion + ":" + someAccount + ":stack/stack/0",
	}
	if text, ok := pseudo[name]; ok {
		return &node{kind: isString, text: text}, ""
	}
	if parameter := r.root.at("Parameters", name); parameter != nil {
		value := parameter.get("Default")
		if value == nil {
			return nil, "the parameter " + name + " has no default"
		}
		if strings.HasPrefix(parameter.get("Type").string(), "List") || parameter.get("Type").string() == "CommaDelimitedList" {
			list := &node{kind: isList}
			for part := range strings.SplitSeq(value.string(), ",") {
				list.items = append(list.items, &node{kind: isString, text: strings.TrimSpace(part), line: value.line, column: value.column})
			}
			return list, ""
		}
		if value.kind == isObject || value.kind == isList {
			return nil, "the default of the parameter " + name + " is no text"
		}
		return value, ""
	}
	resource := r.root.at("Resources", name)
	switch kind := resource.get("Type").string(); {
	case resource == nil:
		return nil, name + " is neither a parameter nor a resource"
	case kind == "AWS::IAM::OIDCProvider" && (attribute == "" || attribute == "Arn"):
		url, problem := r.url(resource.at("Properties", "Url"))
		return &node{kind: isString, text: providerOf(url, nil).ARN}, problem
	case kind == "AWS::IAM::Role" && attribute == "Arn":
		return &node{kind: isString, text: "arn:aws:iam::" + someAccount + ":role/" + name}, ""
	case kind == "AWS::IAM::User" && attribute == "Arn":
		return &node{kind: isString, text: "arn:aws:iam::" + someAccount + ":user/" + name}, ""
	case (kind == "AWS::IAM::ManagedPolicy") && attribute == "":
		return &node{kind: isString, text: "arn:aws:iam::" + someAccount + ":policy/" + name}, ""
	}
	if attribute != "" {
		name += "." + attribute
	}
	return nil, name + " is known only when the stack is made"
}
