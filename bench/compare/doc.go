// Package compare measures the decision of package policy beside that of two
// other engines, on the same rules and the same requests, in one run. It is a
// module of its own so that what the others need stays out of the product.
//
// Start it with "make bench-compare" in the root of the project. Before
// anything is timed, all engines must give the same decisions.
//
// # The engines
//
//   - daypass: policy.Decide on a document that was parsed once.
//   - cedar-go: cedar.Authorize on a policy set that was parsed once. The rules
//     are the same ones, written in Cedar; see rules.go.
//   - versitygw: EvaluateIdentityPolicies of versitygw's IAM API on the same IAM
//     document. It exports no form that is parsed once: it reads the text at
//     each decision, and that is what its users pay too.
//   - daypass, parsing: policy.Parse and policy.Decide together, which is the
//     same work as versitygw's.
//
// # What the numbers do not say
//
// The languages differ, and no rule here uses what only one of them has.
// Cedar always evaluates every policy, to report its errors. What the engines
// were built to be fast at, the attribute and entity model of Cedar for one, is
// not asked.
package compare
