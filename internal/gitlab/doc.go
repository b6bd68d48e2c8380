// Package gitlab is an OpenID Connect issuer that speaks as GitLab does: the
// same discovery document, the same key set, and ID tokens of CI/CD jobs with
// the same header, claims, types and times. With it a pipeline's way to AWS can
// be tried where there is no GitLab.
//
// The parts, in the order in which one needs them:
//
//   - Keys are the two signing keys; NewKeys makes them, MarshalPEM and
//     ParseKeys keep them.
//   - Issuer signs. NewIssuer takes a URL that its operator owns, and refuses
//     any other: a token that claims to come from gitlab.com is a forgery.
//   - Issuer.Handler serves discovery and keys.
//   - Job is the job that a token speaks of. NewJob fills what the caller leaves
//     out; Job.Variables gives the predefined variables of the same job, so
//     that token and environment never disagree.
//   - Issuer.IDTokens mints what the id_tokens of a .gitlab-ci.yml ask for.
//
// Job.Version says as which version of GitLab a token is made, 15.7 to 19.x:
// Version has what changed when. Issuer.LegacyTokens makes the variables
// CI_JOB_JWT of those before 17.0. Issuer.Sign signs the claims of other CI
// systems, which package idtoken makes, under an issuer that its operator owns.
//
// Sources: GitLab Docs, "OpenID Connect (OIDC) Authentication Using ID Tokens",
// "Connect to cloud services", "Predefined CI/CD variables reference"; the
// claims' order and times from GitLab's lib/gitlab/ci/jwt_v2.rb and jwt_base.rb;
// RFC 7515, RFC 7517, RFC 7519, RFC 7638.
package gitlab
