package ci

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// maxNeeds is GitLab's limit for the needs of one job.
const maxNeeds = 50

// needs reads a list of needs. The result is not nil.
//
// Source: GitLab Docs, "CI/CD YAML syntax reference", needs, and GitLab's
// lib/gitlab/ci/config/entry/need.rb.
func (r *reader) needs(prefix string, n *node) []Need {
	out := []Need{}
	if n.kind == mapNode {
		// Of a bridge, which mirrors another pipeline.
		n = &node{kind: sequenceNode, items: []*node{n}, src: n.src, line: n.line, column: n.column}
	}
	flat, ok := flattenNeeds(n, 0)
	if !ok {
		r.addHint(n, "write it as a list", "%s:needs config can only be a hash or an array", prefix)
		return out
	}
	for _, item := range flat {
		if need, ok := r.need(prefix+":needs:need", item); ok {
			out = append(out, need)
		}
	}
	return out
}

// needed reads the needs of a job.
func (r *jobReader) needed(n *node) {
	r.job.Needs = r.needs(r.prefix, n)
	for _, need := range r.job.Needs {
		if need.elsewhere() {
			r.note(need.at, "the artifacts of another project or pipeline are not fetched; put the files in place yourself", "needs")
		}
	}
}

// flattenNeeds lists what is in nested arrays, as !reference makes them.
func flattenNeeds(n *node, depth int) ([]*node, bool) {
	if n.kind != sequenceNode {
		return []*node{n}, depth > 0
	}
	if depth > maxScriptDepth {
		return nil, false
	}
	var out []*node
	for _, item := range n.items {
		inner, ok := flattenNeeds(item, depth+1)
		if !ok {
			return nil, false
		}
		out = append(out, inner...)
	}
	return out, true
}

func (r *reader) need(prefix string, n *node) (Need, bool) {
	need := Need{Artifacts: true, Position: n.position(), at: n}
	if n.kind == stringNode {
		need.Job = n.text
		return need, true
	}
	job, named := n.get("job")
	_, project := n.get("project")
	_, pipeline := n.get("pipeline")
	known := []string{"job", "artifacts", "optional", "parallel"}
	switch {
	case n.kind != mapNode || !named && !pipeline:
		r.add(n, "%s has an unsupported type", prefix)
		return need, false
	case project:
		known = []string{"project", "ref", "job", "artifacts", "parallel"}
		if _, ok := n.get("ref"); !ok {
			r.add(n, "%s ref can't be blank", prefix)
		}
	case pipeline:
		known = []string{"pipeline", "job", "artifacts", "parallel"}
	}
	if !r.unknownKeys(prefix, n, known) {
		return need, false
	}
	if named && (job.value.kind != stringNode || job.value.text == "") {
		r.add(job.value, "%s job should be a string", prefix)
		return need, false
	}
	need.Job = job.value.textOf()
	for key, into := range map[string]*string{"project": &need.Project, "ref": &need.Ref, "pipeline": &need.Pipeline} {
		if e, ok := n.get(key); ok {
			if *into = e.value.text; e.value.kind != stringNode {
				r.add(e.value, "%s %s should be a string", prefix, key)
			}
		}
	}
	for key, into := range map[string]*bool{"artifacts": &need.Artifacts, "optional": &need.Optional} {
		if e, ok := n.get(key); ok && e.value.kind != nullNode {
			if b := r.flag(prefix+" "+key, e.value); b != nil {
				*into = *b
			}
		}
	}
	if e, ok := n.get("parallel"); ok && e.value.kind != nullNode {
		if e.value.kind != mapNode {
			r.add(e.value, `%s:parallel config cannot use "parallel: <number>".`, prefix)
			return need, false
		}
		if need.matrix = r.matrix(prefix+":parallel", e.value); need.matrix == nil {
			return need, false
		}
	}
	return need, true
}

// textOf is the text of a node that may not be there.
func (n *node) textOf() string {
	if n == nil {
		return ""
	}
	return n.text
}

// elsewhere reports whether a need is of another project or pipeline.
func (n Need) elsewhere() bool { return n.Project != "" || n.Pipeline != "" }

// dependencies reads the jobs whose artifacts are wanted.
func (r *jobReader) dependencies(n *node) {
	list, ok := stringList(n)
	if !ok {
		r.add(n, "%s dependencies should be an array of strings", r.prefix)
		return
	}
	r.job.Dependencies = list
}

// matrixReference is an expression of needs that stands for a variable of the
// instance (GitLab Docs, "Matrix expressions in GitLab CI/CD").
var matrixReference = regexp.MustCompile(`\$\[\[\s*matrix\.([A-Za-z0-9_]+)\s*\]\]`)

// interpolate replaces the expressions by the variables of an instance. Missing
// is a variable that the matrix does not have.
func interpolate(s string, variables []Variable) (out, missing string) {
	if !strings.Contains(s, "$[[") {
		return s, ""
	}
	values := lookup(variables)
	out = matrixReference.ReplaceAllStringFunc(s, func(ref string) string {
		name := matrixReference.FindStringSubmatch(ref)[1]
		v, ok := values[name]
		if !ok {
			missing = name
		}
		return v.Value
	})
	return out, missing
}

// expandNeeds names the instances that the needs of one instance of a job mean.
// Missing is a variable of a matrix expression that the instance does not have.
func (f *File) expandNeeds(needs []Need, own []Variable) (out []Need, missing string) {
	if needs == nil {
		return nil, ""
	}
	out = make([]Need, 0, len(needs))
	for _, n := range needs {
		if n.elsewhere() {
			out = append(out, n)
			continue
		}
		if n.Job, missing = interpolate(n.Job, own); missing != "" {
			return out, missing
		}
		instances := []instance{{name: n.Job}}
		if d, ok := f.index[n.Job]; ok && d.instances != nil {
			instances = d.instances
			if n.matrix != nil {
				rows := make([]row, len(n.matrix))
				for i, w := range n.matrix {
					rows[i] = slices.Clone(w)
					for j, v := range w {
						rows[i][j].values = make([]string, len(v.values))
						for k, value := range v.values {
							if rows[i][j].values[k], missing = interpolate(value, own); missing != "" {
								return out, missing
							}
						}
					}
				}
				instances = matrixInstances(n.Job, rows)
			}
		}
		for _, i := range instances {
			one := n
			one.Job, one.matrix = i.name, nil
			out = append(out, one)
		}
	}
	return out, ""
}

// expandNames is expandNeeds for dependencies.
func (f *File) expandNames(names []string) []string {
	if names == nil {
		return nil
	}
	out := make([]string, 0, len(names))
	for _, name := range names {
		d, ok := f.index[name]
		if !ok || d.instances == nil {
			out = append(out, name)
			continue
		}
		for _, i := range d.instances {
			out = append(out, i.name)
		}
	}
	return out
}

// relations checks what jobs say of other jobs. It is the last step of reading.
//
// Source: GitLab's lib/gitlab/ci/yaml_processor.rb, whose messages these are.
// GitLab stops at the first; here all are told.
func (r *reader) relations() {
	f := r.file
	stage := make(map[string]int, len(f.Stages))
	for i, s := range f.Stages {
		stage[s] = i
	}
	c := &relationChecker{reader: r, stages: map[string]int{}, edges: map[string][]string{}}
	for _, d := range f.jobs {
		for _, name := range d.names() {
			if _, twice := c.stages[name]; twice {
				// GitLab would keep the last of them only.
				c.add(d.job.at, "%s job: two jobs of this pipeline would be named %s", d.job.Name, name)
				return
			}
			c.stages[name] = stage[d.job.Stage]
			c.order = append(c.order, name)
		}
	}
	for _, d := range f.jobs {
		instances := d.instances
		if instances == nil {
			instances = []instance{{name: d.job.Name}}
		}
		for _, i := range instances {
			// Each instance has all of the job, and the variables of the file.
			if !r.spend(d.job.at, 1+len(f.variables)+len(d.own)+len(i.variables)+len(d.job.Script)+len(d.job.Needs)) {
				return
			}
			c.instance(d, i)
		}
		c.onStop(d)
	}
	if len(r.list) == 0 {
		c.circles()
	}
}

// names are the names of the job's instances, or the job's own.
func (d *definition) names() []string {
	if d.instances == nil {
		return []string{d.job.Name}
	}
	out := make([]string, len(d.instances))
	for i, in := range d.instances {
		out[i] = in.name
	}
	return out
}

type relationChecker struct {
	*reader
	stages map[string]int // of each instance
	order  []string
	edges  map[string][]string // needs
}

// instance checks needs and dependencies of one instance of a job.
func (c *relationChecker) instance(d *definition, i instance) {
	if d.job.Dependencies != nil {
		e, _ := d.job.places.get("dependencies")
		for _, name := range c.file.expandNames(d.job.Dependencies) {
			c.dependency(i.name, Need{Job: name, at: e.value}, "dependency")
		}
	}
	lists := [][]Need{d.job.Needs}
	for _, rule := range d.rules {
		lists = append(lists, rule.needs)
	}
	for n, list := range lists {
		if len(list) > maxNeeds {
			c.add(list[0].at, "%s", tooManyNeeds(i.name, len(list)))
			return
		}
		needs, missing := c.file.expandNeeds(list, i.variables)
		if missing != "" {
			c.add(d.job.at, "%s job: `matrix.%s` is no variable of parallel:matrix of this job", d.job.Name, missing)
			return
		}
		if !c.spend(d.job.at, len(needs)) {
			return
		}
		seen, twice := map[string]int{}, []string{}
		for _, need := range needs {
			if need.elsewhere() {
				continue
			}
			c.dependency(i.name, need, "need")
			if n == 0 {
				c.edges[i.name] = append(c.edges[i.name], need.Job)
			}
			if seen[need.Job]++; seen[need.Job] == 2 {
				twice = append(twice, need.Job)
			}
		}
		if len(twice) > 0 {
			c.add(d.job.at, "%s has the following needs duplicated: %s.", i.name, strings.Join(twice, ", "))
		}
	}
}

func tooManyNeeds(job string, n int) string {
	return fmt.Sprintf("%s: one job can only need %d others, but you have listed %d. "+
		"See needs keyword documentation for more details", job, maxNeeds, n)
}

// dependency checks that a job is there and not in a later stage.
func (c *relationChecker) dependency(job string, on Need, kind string) {
	stage, ok := c.stages[on.Job]
	switch {
	case !ok && on.Optional:
	case !ok:
		c.addHint(on.at, nearest(on.Job, c.order), "%s job: undefined %s: %s", job, kind, on.Job)
	case stage > c.stages[job]:
		c.add(on.at, "%s job: %s %s is not defined in current or prior stages", job, kind, on.Job)
	}
}

// onStop checks the job that stops an environment.
func (c *relationChecker) onStop(d *definition) {
	if d.job.Environment == nil || d.job.Environment.OnStop == "" {
		return
	}
	e, _ := d.job.places.get("environment")
	at, _ := e.value.get("on_stop")
	name := d.job.Environment.OnStop
	stop, ok := c.file.index[name]
	prefix := fmt.Sprintf("%s job: on_stop job %s", d.job.Name, name)
	switch {
	case !ok:
		c.addHint(at.value, nearest(name, c.order), "%s is not defined", prefix)
	case stop.job.Environment == nil:
		c.add(at.value, "%s does not have environment defined", prefix)
	case stop.job.Environment.Name != d.job.Environment.Name:
		c.add(at.value, "%s have different environment name", prefix)
	case stop.job.Environment.Action != "stop":
		c.add(at.value, "%s needs to have action stop defined", prefix)
	}
}

// circles looks for needs in a circle.
func (c *relationChecker) circles() {
	const open, done = 1, 2
	state := map[string]int{}
	var path []string
	var visit func(name string) bool
	visit = func(name string) bool {
		if state[name] == done {
			return true
		}
		if state[name] == open {
			path = append(path[slices.Index(path, name):], name)
			return false
		}
		state[name] = open
		path = append(path, name)
		for _, next := range c.edges[name] {
			if !visit(next) {
				return false
			}
		}
		path = path[:len(path)-1]
		state[name] = done
		return true
	}
	for _, d := range c.file.jobs {
		for _, name := range d.names() {
			if !visit(name) {
				c.addHint(d.job.at, strings.Join(path, " needs "), "The pipeline has circular dependencies")
				return
			}
		}
	}
}
