// Package tutorial holds the five forms of the tutorial as pipelines, for the demo
// and the tests; README.md tells of them.
package tutorial

import "embed"

// Files are the pipelines. The one to run is .gitlab-ci.yml, which includes the
// others.
//
//go:embed .gitlab-ci.yml *.yml
var Files embed.FS
