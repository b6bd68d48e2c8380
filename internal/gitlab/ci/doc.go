// Package ci reads .gitlab-ci.yml: it turns the text into the jobs that GitLab
// would make of it, and says where the text is wrong.
//
// Start with Read, which checks a file and what it includes; Parse is Read for a
// file alone. File.Pipeline decides the rules for given Facts and returns the
// jobs that GitLab makes: anchors, merge keys, !reference, extends, default,
// parallel and needs are all applied, nested scripts are flattened, and nothing
// is left to look up. File.Lint tells what is valid and likely a mistake. Expand,
// ExpandNested and ExpandAll replace variable references as GitLab and its runner
// do.
//
// The reader is strict on purpose, since a keyword that is passed over in
// silence is a job that runs with other rights than its author meant:
//
//   - A keyword that GitLab does not know is an error.
//   - What GitLab knows and cannot be done here (trigger, secrets, ...) is in
//     Job.Refused, with how to go on. Such a job is listed and not run.
//   - What has no effect here (tags, release, ...) is told as a Warning of its job.
//   - A key that stands twice in one map, and a number that YAML 1.1 may read as
//     another one, are errors, where GitLab silently takes one meaning.
//
// Every error is an *Error with file, line and column; see Errors.
//
// The package does no I/O: files and changes come through Repository.
//
// Sources: GitLab Docs, "CI/CD YAML syntax reference", "Optimize GitLab CI/CD
// configuration files" (anchors, extends, !reference) and "Where variables can
// be used"; GitLab's lib/gitlab/ci, also for messages.
package ci
