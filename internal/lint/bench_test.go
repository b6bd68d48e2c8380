package lint_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/daypass/daypass/internal/lint"
)

func intricate() string {
	var values []string
	for i := range 60 {
		values = append(values, fmt.Sprintf(`"repo:*a%d*b?c*%s*:ref:*x*y*z"`, i, strings.Repeat("d*", 8)))
	}
	const url = "token.actions.githubusercontent.com"
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":"` + oidcProvider + url + `"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringLike":{"` +
		url + `:sub":[` + strings.Join(values, ",") + `]},"StringNotLike":{"` + url + `:sub":[` + strings.Join(values[:20], ",") + `]}}}]}`
}

// A policy that is made to take long is given up on, and that is told.
func TestIntricatePolicy(t *testing.T) {
	t.Parallel()
	findings, unreadable := lint.Check([]lint.Role{{Name: "r", TrustPolicy: intricate(), Effort: 100000}})
	if len(unreadable) != 1 || !strings.Contains(unreadable[0].Detail, "to the end") {
		t.Errorf("%d findings, unreadable %+v", len(findings), unreadable)
	}
}

func BenchmarkCheck(b *testing.B) {
	for _, c := range []struct{ name, text string }{
		{"two values", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":"` + oidcProvider + `gitlab.com"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringLike":{"gitlab.com:sub":["project_path:mygroup/app:*","project_path:mygroup/*:ref_type:branch:ref:main"]}}}]}`},
		{"intricate", intricate()},
	} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				lint.Check([]lint.Role{{Name: "r", TrustPolicy: c.text}})
			}
		})
	}
}
