// Package pipeline runs the jobs of a pipeline as GitLab does: in the order of
// stages or of needs, so many at a time, with artifacts and dotenv variables
// going from job to job, retries, allowed failures, manual jobs and resource
// groups.
//
// Run is the whole of it. What a job is made of, its variables and tokens, comes
// from the caller's Start, when the job starts: a token is minted no earlier than
// GitLab would. Which job comes next is decided in schedule.go alone, which does
// no I/O.
//
// What GitLab keeps on its server and a machine cannot have is left out: caches,
// deployments, coverage, and the wait of a delayed job.
//
// Sources: GitLab Docs, "CI/CD YAML syntax reference" (stages, needs, when,
// allow_failure, retry, resource_group, artifacts), "Choose when jobs run"; GitLab's
// app/services/ci/pipeline_processing/atomic_processing_service.rb,
// app/services/ci/process_build_service.rb and lib/gitlab/ci/status/composite.rb.
package pipeline
