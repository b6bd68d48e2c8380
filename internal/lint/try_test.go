package lint

import (
	"fmt"
	"testing"
)

func pol(url, cond string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":"arn:aws:iam::123456789012:oidc-provider/` + url + `"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":` + cond + `}]}`
}
func TestTry(t *testing.T) {
	gl := func(sub string) string {
		return pol("gitlab.com", `{"StringLike":{"gitlab.com:sub":`+sub+`},"StringEquals":{"gitlab.com:aud":"x"}}`)
	}
	gh := func(sub string) string {
		return pol("token.actions.githubusercontent.com", `{"StringLike":{"token.actions.githubusercontent.com:sub":`+sub+`},"StringEquals":{"token.actions.githubusercontent.com:aud":"sts.amazonaws.com"}}`)
	}
	for _, p := range []string{
		pol("gitlab.com", `{"StringEquals":{"gitlab.com:aud":"x"}}`),
		gl(`"**"`), gl(`"project_path:*/infra:ref_type:branch:ref:main"`), gl(`"project_path:mygroup*"`), gl(`"project_path:mygroup/*:ref_type:branch:ref:main"`),
		gl(`"project_path:g/p*:ref_type:branch:ref:main"`), gl(`"project_path:mygroup/*/prod*"`), gl(`"project_path:g/p:*"`), gl(`"project_path:g/p:ref_type:branch:ref:*"`),
		gl(`"project_path:g/p:ref_type:branch:ref:main*"`), gl(`"project_path:g/p:ref_type:*:ref:main"`), gl(`"project_path:g/p:*ref:main"`), gl(`"project_path:g/p:ref:main"`), gl(`"project_path:g/p:ref_type:tag:ref:v*"`), gl(`"project_path:g/p:ref_type:mr:ref:*"`),
		gl(`"project_path:g/p:ref_type:branch:ref:release/*"`),gl(`"ref_type:branch:ref:main"`),
		gh(`"repo:org@*/repo@*"`), gh(`"repo:org@*/repo@*:ref:refs/heads/main"`), gh(`"repo:o/r:*"`), gh(`"repo:o/*"`), gh(`"repo:o*"`), gh(`"repo:o/r:environment:prod*"`), gh(`"environment:prod*"`), gh(`"repo:o/r:pull_request"`), gh(`["repo:o/r:ref:refs/heads/main","repo:o/*"]`),
		gh(`"repo:octo-1234/r-5:ref:refs/heads/main"`), gh(`"repo:o/r:ref:refs/heads/main"`), gh(`"repo:o/*-prod"`), gh(`"repo:o/r*"`), gh(`"repo:o/r:ref:refs/heads/main*"`),
	} {
		fs, un := Check([]Role{{Name: "r", TrustPolicy: p}})
		fmt.Println("==", p[150:])
		for _, u := range un {
			fmt.Println("   UNREADABLE", u.UnreadableError)
		}
		for _, f := range fs {
			if f.Severity < Warning { continue }
			w := ""
			if f.Witness != nil {
				w = f.Witness.Subject + " | " + f.Witness.Says
			}
			fx := ""
			if f.Fixed != "" { fx = " FIX" }
			fmt.Println("  ", f.Rule, f.Severity, f.What, "→", w, fx)
		}
	}
}
