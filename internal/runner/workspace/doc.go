// Package workspace makes the directories that jobs run in, and carries files
// from one job to another.
//
//   - Snapshot takes a copy of a work tree as it is now; Checkout gives one job a
//     copy of that copy, so that no job sees what another one left, nor what is
//     edited meanwhile.
//   - Collect takes a job's artifacts out of its directory, Extract puts them into
//     another's.
//   - ParseDotenv reads the variables of a dotenv report.
//
// Where GitLab checks out a commit, a Snapshot has the files that git tracks or
// would add, as they lie in the work tree: what is tried here is what is about to
// be committed. Ignored files stay behind, as they would in GitLab.
//
// Sources: GitLab Docs, "CI/CD YAML syntax reference" (artifacts), "Job
// artifacts", "Pass dotenv variables to specific jobs"; GitLab Runner's
// commands/helpers/file_archiver.go (August 2026).
package workspace
