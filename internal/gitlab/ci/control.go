package ci

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// jobWhens are the values of when in a job; never is for rules.
var jobWhens = []string{"on_success", "on_failure", "always", "manual", "delayed"}

// when reads the condition under which the job starts.
func (r *jobReader) when(n *node) {
	if r.job.When = n.text; n.kind != stringNode || !slices.Contains(jobWhens, n.text) {
		hint := ""
		if n.text == "never" {
			hint = "when: never stands in rules; to leave the job out always, begin its name with a dot"
		}
		r.addHint(n, hint, "%s when should be one of: %s", r.prefix, strings.Join(jobWhens, ", "))
	}
}

// integer reads a whole number of few digits.
func integer(n *node) (int, bool) {
	if n.kind != numberNode || !plainInteger.MatchString(n.text) {
		return 0, false
	}
	i, err := strconv.Atoi(n.text)
	return i, err == nil
}

// integers reads a whole number or an array of them.
func integers(n *node) ([]int, bool) {
	items := []*node{n}
	if n.kind == sequenceNode {
		items = n.items
	}
	out := make([]int, 0, len(items))
	for _, item := range items {
		i, ok := integer(item)
		if !ok {
			return nil, false
		}
		out = append(out, i)
	}
	return out, true
}

// allowFailure reads a boolean, or the exit codes.
func (r *jobReader) allowFailure(n *node) {
	prefix := r.prefix + ":allow_failure"
	if n.kind != mapNode {
		b, ok := boolean(n)
		if !ok {
			r.add(n, "%s config should be a hash or a boolean value", prefix)
		}
		r.job.AllowFailure.Allowed = b
		return
	}
	r.unknownKeys(prefix, n, []string{"exit_codes"})
	if e, ok := n.get("exit_codes"); ok && e.value.kind != nullNode {
		codes, ok := integers(e.value)
		if !ok {
			r.add(e.value, "%s exit codes should be an array of integers or an integer", prefix)
		}
		r.job.AllowFailure.ExitCodes = codes
	}
}

// retryReasons are the failures of retry:when: those of the documentation, and
// the others of GitLab's app/models/concerns/enums/ci/commit_status.rb, which
// its reader takes as well.
var retryReasons = []string{
	"always", "unknown_failure", "script_failure", "api_failure", "stuck_or_timeout_failure", "runner_system_failure",
	"runner_unsupported", "stale_schedule", "job_execution_timeout", "archived_failure", "unmet_prerequisites",
	"scheduler_failure", "data_integrity_failure",
	"missing_dependency_failure", "forward_deployment_failure", "user_blocked", "project_deleted", "ci_quota_exceeded",
	"pipeline_loop_detected", "no_matching_runner", "trace_size_exceeded", "builds_disabled",
	"environment_creation_failure", "deployment_rejected", "failed_outdated_deployment_job", "protected_environment_failure",
	"insufficient_bridge_permissions", "downstream_bridge_project_not_found", "invalid_bridge_trigger",
	"bridge_pipeline_is_child_pipeline", "downstream_pipeline_creation_failed", "secrets_provider_not_found",
	"reached_max_descendant_pipelines_depth", "ip_restriction_failure", "reached_max_pipeline_hierarchy_size",
	"upstream_bridge_project_not_found", "insufficient_upstream_permissions", "reached_downstream_pipeline_trigger_rate_limit",
	"id_token_burned_project_path",
}

// retry reads a number, or a map of max, when and exit_codes.
func (r *jobReader) retry(n *node) {
	prefix := r.prefix + ":retry"
	limits := func(what string, n *node) int {
		i, ok := integer(n)
		switch {
		case !ok:
			r.add(n, "%s must be an integer", what)
		case i < 0:
			r.add(n, "%s must be greater than or equal to 0", what)
		case i > 2:
			r.add(n, "%s must be less than or equal to 2", what)
		}
		return i
	}
	if _, ok := integer(n); ok {
		r.job.Retry = Retry{Max: limits(prefix+" config", n), When: []string{"always"}}
		return
	}
	if n.kind != mapNode {
		r.add(n, "%s config has to be either an integer or a hash", prefix)
		return
	}
	r.unknownKeys(prefix, n, []string{"max", "when", "exit_codes"})
	out := Retry{}
	if e, ok := n.get("max"); ok && e.value.kind != nullNode {
		out.Max = limits(prefix+" max", e.value)
	}
	if e, ok := n.get("when"); ok && e.value.kind != nullNode {
		if out.When, ok = stringOrList(e.value); !ok {
			r.add(e.value, "%s when should be an array of strings or a string", prefix)
		}
		var foreign []string
		for _, w := range out.When {
			if !slices.Contains(retryReasons, w) {
				foreign = append(foreign, w)
			}
		}
		if len(foreign) > 0 {
			r.addHint(e.value, nearest(foreign[0], retryReasons), "%s when contains unknown values: %s", prefix, strings.Join(foreign, ", "))
		}
	}
	if e, ok := n.get("exit_codes"); ok && e.value.kind != nullNode {
		if out.ExitCodes, ok = integers(e.value); !ok {
			r.add(e.value, "%s exit codes should be an array of integers or an integer", prefix)
		}
	}
	if out.When == nil && out.ExitCodes == nil {
		out.When = []string{"always"}
	}
	r.job.Retry = out
}

// timeout reads a duration of at most a month.
func (r *jobReader) timeout(n *node) {
	d, err := ParseDuration(n.text)
	switch {
	case n.kind == stringNode && err == nil:
	case n.kind == numberNode, n.kind == stringNode && plainInteger.MatchString(n.text):
		r.addHint(n, "name the unit: "+n.text+" minutes, or "+n.text+" seconds", "%s:timeout config should be a duration", r.prefix)
	default:
		if _, long := parseTime(n.text); long == nil {
			r.add(n, "%s:timeout config should not exceed the limit", r.prefix)
		} else {
			r.addHint(n, "such as 1h 30m", "%s:timeout config should be a duration", r.prefix)
		}
	}
	r.job.Timeout = d
}

// startIn reads how long a delayed job waits: at most a week. A number without a
// unit is of seconds (GitLab Docs, "Choose when jobs run", "Run a job after a
// delay").
func (r *reader) startIn(prefix string, n *node) time.Duration {
	d, err := parseTime(n.text)
	switch {
	case n.kind != stringNode && n.kind != numberNode || err != nil:
		r.addHint(n, "such as 30 minutes", "%s start in should be a duration", prefix)
	case d > 7*24*time.Hour:
		r.add(n, "%s start in should not exceed the limit", prefix)
	}
	return d
}

// interruptible reads a boolean.
func (r *jobReader) interruptible(n *node) {
	if b := r.flag(r.prefix+":interruptible config", n); b != nil {
		r.job.Interruptible = *b
	}
}

// maxTags is GitLab's limit for the tags of one job.
const maxTags = 50

func (r *jobReader) tags(n *node) {
	flat, ok := flatten(n, 0)
	switch {
	case !ok || n.kind != sequenceNode:
		r.add(n, "%s:tags config should be an array of strings", r.prefix)
		return
	case len(flat) >= maxTags:
		r.add(n, "%s:tags config must be less than the limit of %d tags", r.prefix, maxTags)
	}
	r.job.Tags = make([]string, len(flat))
	for i, t := range flat {
		r.job.Tags[i] = t.text
	}
}

// coverage reads a regular expression between slashes.
func (r *jobReader) coverage(n *node) {
	_, ok := compilePattern(n.text)
	if r.job.Coverage = n.text; n.kind != stringNode || !ok {
		r.add(n, "%s:coverage config must be a regular expression with re2 syntax", r.prefix)
	}
}

// The values and the characters that GitLab allows (same page, "environment").
var (
	environmentName    = regexp.MustCompile(`^[a-zA-Z0-9_/\\${}. -]+$`)
	environmentKeys    = []string{"name", "url", "action", "deployment_tier", "on_stop", "auto_stop_in", "kubernetes"}
	environmentActions = []string{"start", "prepare", "stop", "verify", "access"}
	environmentTiers   = []string{"production", "staging", "testing", "development", "other"}
)

func (r *jobReader) environment(n *node) {
	env := &Environment{Action: "start"}
	r.job.Environment = env
	prefix := r.prefix + ":environment"
	if n.kind == stringNode {
		env.Name = n.text
		r.environmentName(prefix, n)
		return
	}
	if n.kind != mapNode {
		r.add(n, "%s config should be a hash or a string", prefix)
		return
	}
	r.unknownKeys(prefix, n, environmentKeys)
	named := false
	for _, e := range n.entries {
		v := e.value
		named = named || e.key == "name"
		switch {
		case !slices.Contains(environmentKeys, e.key):
		case e.key != "name" && v.kind == nullNode: // taken away
		case e.key == "kubernetes":
			r.note(e.at, "no cluster is connected to the job", "environment:kubernetes")
		case v.kind != stringNode && (e.key != "auto_stop_in" || v.kind != numberNode):
			r.add(v, "%s %s should be a string", prefix, strings.ReplaceAll(e.key, "_", " "))
		default:
			r.environmentKey(prefix, e.key, v)
		}
	}
	if !named {
		r.add(n, "%s name can't be blank", prefix)
	}
}

func (r *jobReader) environmentKey(prefix, key string, v *node) {
	env := r.job.Environment
	switch key {
	case "name":
		env.Name = v.text
		r.environmentName(prefix, v)
	case "url":
		if env.URL = v.text; len(v.text) > 255 {
			r.add(v, "%s url is too long (maximum is 255 characters)", prefix)
		}
	case "action":
		if env.Action = v.text; !slices.Contains(environmentActions, v.text) {
			r.add(v, "%s action should be start, stop, prepare, verify, or access", prefix)
		}
	case "deployment_tier":
		if env.Tier = v.text; !slices.Contains(environmentTiers, v.text) {
			r.add(v, "%s deployment tier must be one of production, staging, testing, development, or other", prefix)
		}
	case "on_stop":
		env.OnStop = v.text
	case "auto_stop_in":
		env.AutoStopIn = v.text
		if _, err := parseTime(v.text); err != nil && !reference.MatchString(v.text) {
			r.add(v, "%s auto stop in should be a duration", prefix)
		}
	}
}

func (r *jobReader) environmentName(prefix string, n *node) {
	if !environmentName.MatchString(n.text) || len(n.text) > 255 ||
		strings.HasPrefix(n.text, "/") || strings.HasSuffix(n.text, "/") {
		r.add(n, "%s name can contain only letters, digits, '-', '_', '/', '$', '{', '}', '.', and spaces, "+
			"but it cannot start or end with '/'", prefix)
	}
}
