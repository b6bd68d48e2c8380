package ci

import "slices"

// imageKeys are those of image and services. Source: GitLab Docs, "CI/CD YAML
// syntax reference", image and services.
var (
	imageKeys   = []string{"name", "entrypoint", "docker", "kubernetes", "pull_policy"}
	serviceKeys = append([]string{"alias", "command", "variables"}, imageKeys...)
)

// pullPolicies are those of image:pull_policy.
var pullPolicies = []string{"always", "never", "if-not-present"}

// image reads image.
func (r *jobReader) image(n *node) {
	prefix := r.prefix + ":image"
	out := &Image{Position: n.position()}
	r.job.Image = out
	if n.kind == stringNode {
		if out.Name = n.text; n.text == "" {
			r.add(n, "%s name can't be blank", prefix)
		}
		return
	}
	if n.kind != mapNode {
		r.add(n, "%s config should be a hash or a string", prefix)
		return
	}
	r.unknownKeys(prefix, n, imageKeys)
	out.Name = r.containerName(prefix, n)
	out.Entrypoint = r.strings(prefix+" entrypoint", n, "entrypoint")
	out.PullPolicy = r.pullPolicy(prefix, n)
	out.User, out.Platform = r.docker(prefix, n)
}

// services reads a list of names and maps.
func (r *jobReader) services(n *node) {
	prefix := r.prefix + ":services"
	if n.kind != sequenceNode {
		r.add(n, "%s config should be an array", prefix)
		return
	}
	out := []Service{}
	for _, item := range n.items {
		s := Service{Position: item.position()}
		const part = ":service"
		switch item.kind {
		case stringNode:
			if s.Name = item.text; s.Name == "" {
				r.add(item, "%s name can't be blank", prefix+part)
			}
		case mapNode:
			r.unknownKeys(prefix+part, item, serviceKeys)
			s.Name = r.containerName(prefix+part, item)
			s.Entrypoint = r.strings(prefix+part+" entrypoint", item, "entrypoint")
			s.Command = r.strings(prefix+part+" command", item, "command")
			s.PullPolicy = r.pullPolicy(prefix+part, item)
			s.User, s.Platform = r.docker(prefix+part, item)
			if e, ok := item.get("alias"); ok && e.value.kind != nullNode {
				if s.Alias = e.value.text; e.value.kind != stringNode {
					r.add(e.value, "%s alias should be a string", prefix+part)
				}
			}
			if e, ok := item.get("variables"); ok && e.value.kind != nullNode {
				s.Variables = r.readVariables(prefix+part+":variables", e.value, false)
			}
		default:
			r.add(item, "%s config should be a hash or a string", prefix+part)
		}
		out = append(out, s)
	}
	r.job.Services = out
}

// containerName reads the name of an image, which has to be there.
func (r *jobReader) containerName(prefix string, n *node) string {
	e, ok := n.get("name")
	switch {
	case !ok || e.value.kind == nullNode || e.value.kind == stringNode && e.value.text == "":
		r.add(n, "%s name can't be blank", prefix)
		return ""
	case e.value.kind != stringNode:
		r.add(e.value, "%s name should be a string", prefix)
	}
	return e.value.text
}

// strings reads an array of strings below a key. It is nil where there is none.
func (r *jobReader) strings(what string, n *node, key string) []string {
	e, ok := n.get(key)
	if !ok || e.value.kind == nullNode {
		return nil
	}
	list, ok := stringList(e.value)
	if !ok {
		r.add(e.value, "%s should be an array of strings", what)
	}
	return list
}

func (r *jobReader) pullPolicy(prefix string, n *node) []string {
	e, ok := n.get("pull_policy")
	if !ok || e.value.kind == nullNode {
		return nil
	}
	list, ok := stringOrList(e.value)
	if !ok {
		r.add(e.value, "%s:pull_policy config should be an array of strings or a string", prefix)
	}
	for _, p := range list {
		if !slices.Contains(pullPolicies, p) {
			r.add(e.value, "%s:pull_policy config contains unknown values: %s", prefix, p)
		}
	}
	return list
}

// docker reads the options of the docker executor. Those of the Kubernetes
// executor are passed over: no other executor reads them either.
func (r *jobReader) docker(prefix string, n *node) (user, platform string) {
	e, ok := n.get("docker")
	if !ok || e.value.kind == nullNode {
		return "", ""
	}
	if e.value.kind != mapNode {
		r.add(e.value, "%s:docker config should be a hash", prefix)
		return "", ""
	}
	r.unknownKeys(prefix+":docker", e.value, []string{"platform", "user"})
	for key, into := range map[string]*string{"user": &user, "platform": &platform} {
		if v, ok := e.value.get(key); ok && v.value.kind != nullNode {
			if *into = v.value.text; v.value.kind != stringNode {
				r.add(v.value, "%s:docker %s should be a string", prefix, key)
			}
		}
	}
	return user, platform
}
