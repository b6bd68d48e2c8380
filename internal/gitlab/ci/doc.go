// Package ci reads .gitlab-ci.yml: it turns the text into the jobs that GitLab
// would make of it, and says where the text is wrong.
//
// Start with Parse, which checks the whole file, then ask the Pipeline for one
// Job. What comes back is resolved: anchors, merge keys, !reference, extends and
// default are all applied, nested scripts are flattened, and nothing is left to
// look up. Expand, ExpandNested and ExpandAll replace variable references as
// GitLab and its runner do.
//
// The reader is strict on purpose, since a keyword that is passed over in
// silence is a job that runs with other rights than its author meant:
//
//   - A keyword that GitLab does not know is an error of Parse.
//   - A keyword that GitLab knows and that could change what the job does, but
//     that this package cannot do yet (rules, include, services, ...), is an
//     error that says "is not supported yet". In a job it is an error of
//     Pipeline.Job for that job only, so that a file with one plain job and
//     many elaborate ones is still of use.
//   - A keyword that cannot change what the job does in its shell and its
//     tokens (tags, needs, retry, ...) is accepted and told as a Warning.
//   - A key that stands twice in one map is an error, where GitLab silently
//     takes the last.
//
// Every error is an *Error with file, line and column; see Errors.
//
// The package is pure: it reads no file, holds no clock and starts nothing.
//
// Sources: GitLab Docs, "CI/CD YAML syntax reference", "Optimize GitLab CI/CD
// configuration files" (anchors, extends, !reference) and "Where variables can
// be used"; GitLab's own lint messages where they are quoted.
package ci
