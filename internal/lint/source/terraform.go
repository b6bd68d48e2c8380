package source

import (
	"strings"

	"github.com/daypass/daypass/internal/lint"
)

// readTerraform reads what "terraform show -json" prints of a plan or a state.
func readTerraform(f *File, root *node) {
	t := &terraform{file: f, root: root, attached: map[string][]string{}, inline: map[string][]string{}, changes: map[string]*node{}}
	for _, change := range root.get("resource_changes").list() {
		t.changes[change.get("address").string()] = change
	}
	values := root.get("planned_values")
	if values == nil {
		values = root.get("values")
	}
	t.module(values.get("root_module"), 0, t.note)
	t.module(values.get("root_module"), 0, t.role)
}

type terraform struct {
	file             *File
	root             *node
	attached, inline map[string][]string // by the role's name
	changes          map[string]*node    // by address
}

// module goes through the resources of a module and those below.
func (t *terraform) module(n *node, depth int, visit func(resource *node)) {
	if n == nil || depth > maxDepth {
		return
	}
	for _, resource := range n.get("resources").list() {
		if resource.get("mode").string() != "data" {
			visit(resource)
		}
	}
	for _, child := range n.get("child_modules").list() {
		t.module(child, depth+1, visit)
	}
}

// note takes providers, and what is attached to roles.
func (t *terraform) note(resource *node) {
	values := resource.get("values")
	role := values.get("role").string()
	switch resource.get("type").string() {
	case "aws_iam_openid_connect_provider":
		url := values.get("url").string()
		if url == "" {
			t.file.note(resource.line, false, "the URL of %s is known after apply", resource.get("address").string())
			return
		}
		p := providerOf(url, values.get("client_id_list").strings())
		if name := values.get("arn").string(); name != "" {
			p.ARN = name
		}
		t.file.Providers = append(t.file.Providers, p)
	case "aws_iam_role_policy_attachment":
		t.attached[role] = append(t.attached[role], values.get("policy_arn").string())
	case "aws_iam_role_policy":
		t.inline[role] = append(t.inline[role], values.get("policy").string())
	}
}

func (t *terraform) role(resource *node) {
	if resource.get("type").string() != "aws_iam_role" {
		return
	}
	values, address := resource.get("values"), resource.get("address").string()
	name := values.get("name").string()
	r := Role{Role: lint.Role{Name: address, ARN: values.get("arn").string(), MaxSessionDuration: values.get("max_session_duration").number()}, line: resource.line, column: resource.column}
	r.Account = accountOf(r.ARN)
	r.Attached = append(values.get("managed_policy_arns").strings(), t.attached[name]...)
	r.Permissions = t.inline[name]
	for _, inline := range values.get("inline_policy").list() {
		if text := inline.get("policy").string(); text != "" {
			r.Permissions = append(r.Permissions, text)
		}
	}
	r.PermissionsKnown = name != "" && len(r.Attached)+len(r.Permissions) > 0
	if policy := values.get("assume_role_policy"); policy.string() != "" {
		r.TrustPolicy, r.line, r.column = policy.text, policy.line, policy.column
		t.file.Roles = append(t.file.Roles, r)
		return
	}
	document := t.document(address)
	if document == nil {
		t.file.note(resource.line, true, "the trust policy of %s is known after apply; examine it then: terraform show -json", address)
		return
	}
	text, guessed := t.compose(document)
	if text == "" {
		t.file.note(document.line, true, "the trust policy of %s is known after apply; examine it then: terraform show -json", address)
		return
	}
	if guessed {
		t.file.note(document.line, false, "of %s the provider's ARN is known after apply; it is taken from the condition keys", address)
	}
	r.TrustPolicy, r.line, r.column = text, document.line, document.column
	t.file.Roles = append(t.file.Roles, r)
}

// document is the aws_iam_policy_document that a role's trust policy comes from, as
// the plan has it, or nil.
func (t *terraform) document(address string) *node {
	module, local := splitAddress(address)
	configuration := t.root.at("configuration", "root_module")
	for _, name := range module {
		configuration = configuration.at("module_calls", name, "module")
	}
	for _, resource := range configuration.get("resources").list() {
		if resource.get("address").string() != local {
			continue
		}
		for _, reference := range resource.at("expressions", "assume_role_policy", "references").strings() {
			parts := strings.Split(reference, ".")
			if len(parts) < 3 || parts[0] != "data" || parts[1] != "aws_iam_policy_document" {
				continue
			}
			prefix := strings.TrimSuffix(address, local)
			if i := strings.LastIndex(address, parts[0]); i < 0 && len(module) > 0 {
				prefix = "module." + strings.Join(module, ".module.") + "."
			}
			base, _, _ := strings.Cut(parts[2], "[")
			for _, candidate := range []string{prefix + strings.Join(parts[:3], "."), prefix + "data.aws_iam_policy_document." + base + "[0]"} {
				if change := t.changes[candidate]; change != nil {
					return change
				}
			}
		}
	}
	return nil
}

// splitAddress takes the modules, without their keys, and the resource's address in
// its module, without its key.
func splitAddress(address string) (modules []string, local string) {
	rest := address
	for strings.HasPrefix(rest, "module.") {
		name, after, found := strings.Cut(strings.TrimPrefix(rest, "module."), ".")
		if !found {
			break
		}
		bare, _, _ := strings.Cut(name, "[")
		modules, rest = append(modules, bare), after
	}
	if i := strings.IndexByte(rest, '['); i >= 0 {
		rest = rest[:i]
	}
	return modules, rest
}

// compose writes the policy of a document's blocks. Guessed says that a provider was
// taken from condition keys; "" is that too much is unknown.
func (t *terraform) compose(change *node) (text string, guessed bool) {
	after := change.at("change", "after")
	if ready := after.get("json").string(); ready != "" {
		return ready, false
	}
	unknown := change.at("change", "after_unknown", "statement")
	statements := &node{kind: isList}
	for i, block := range after.get("statement").list() {
		s, guess, ok := composeStatement(block, at(unknown, i))
		if !ok {
			return "", false
		}
		guessed = guessed || guess
		statements.items = append(statements.items, s)
	}
	if len(statements.items) == 0 {
		return "", false
	}
	var out renderer
	out.value(object("Version", word("2012-10-17"), "Statement", statements), "", "")
	return out.b.String(), guessed
}

// at is an item of a list, or nil.
func at(n *node, i int) *node {
	if n == nil || n.kind != isList || i >= len(n.items) {
		return nil
	}
	return n.items[i]
}

func composeStatement(block, unknown *node) (s *node, guessed, ok bool) {
	effect := block.get("effect").string()
	if effect == "" {
		effect = "Allow"
	}
	conditions, url := &node{kind: isObject}, ""
	for i, c := range block.get("condition").list() {
		if unknownIn(at(unknown.get("condition"), i)) {
			return nil, false, false
		}
		test, variable := c.get("test").string(), c.get("variable").string()
		if found := strings.LastIndexByte(variable, ':'); found > 0 && strings.Contains(variable[:found], ".") {
			url = strings.TrimPrefix(variable[:found], "https://")
		}
		keys := conditions.get(test)
		if keys == nil {
			keys = &node{kind: isObject}
			conditions.keys, conditions.items = append(conditions.keys, word(test)), append(conditions.items, keys)
		}
		keys.keys, keys.items = append(keys.keys, word(variable)), append(keys.items, words(c.get("values").strings()))
	}
	principals := &node{kind: isObject}
	for i, p := range block.get("principals").list() {
		kind, names := p.get("type").string(), p.get("identifiers").strings()
		if unknownIn(at(unknown.get("principals"), i)) || len(names) == 0 {
			if kind != "Federated" || url == "" {
				return nil, false, false
			}
			names, guessed = []string{providerOf(url, nil).ARN}, true
		}
		if kind == "*" {
			kind = "AWS"
		}
		principals.keys, principals.items = append(principals.keys, word(kind)), append(principals.items, words(names))
	}
	s = object("Effect", word(effect), "Action", words(block.get("actions").strings()), "Principal", principals)
	if len(conditions.keys) > 0 {
		s.keys, s.items = append(s.keys, word("Condition")), append(s.items, conditions)
	}
	return s, guessed, true
}

// unknownIn reports whether anything below is marked as known after apply.
func unknownIn(n *node) bool {
	if n == nil {
		return false
	}
	if n.kind == isLiteral && n.text == "true" {
		return true
	}
	for _, item := range n.items {
		if unknownIn(item) {
			return true
		}
	}
	return false
}

func word(text string) *node { return &node{kind: isString, text: text} }

func words(texts []string) *node {
	list := &node{kind: isList}
	for _, text := range texts {
		list.items = append(list.items, word(text))
	}
	return list
}

func object(members ...any) *node {
	n := &node{kind: isObject}
	for i := 0; i+1 < len(members); i += 2 {
		name, _ := members[i].(string)
		value, _ := members[i+1].(*node)
		n.keys, n.items = append(n.keys, word(name)), append(n.items, value)
	}
	return n
}
