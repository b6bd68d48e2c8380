package explain_test

import (
	"encoding/base64"
	"testing"

	"github.com/daypass/daypass/internal/explain"
)

// FuzzExplain puts any token and any policy. The report is whole, nothing is
// admitted but by a trust policy that was asked, and a policy that is recommended
// admits the token.
func FuzzExplain(f *testing.F) {
	for i := range denials {
		f.Add(`{"alg":"RS256","kid":"one"}`, string(mustJSON(denials[i].claims)), denials[i].policy, roleARN)
	}
	f.Add(`{"alg":"none"}`, `{"iss":"https://gitlab.example.com","sub":"x","aud":[]}`, gitLabPolicy(good), "")
	encode := base64.RawURLEncoding.EncodeToString
	f.Fuzz(func(t *testing.T, header, payload, policy, role string) {
		token := encode([]byte(header)) + "." + encode([]byte(payload)) + ".AA"
		q := &explain.Question{Token: token, Policy: policy, RoleARN: role, Now: now}
		report := explain.Explain(q)
		if report.Verdict() == explain.Admitted && (report.Trust == nil || !report.Trust.Reasons.Allowed()) {
			t.Fatalf("admitted without a trust policy that says so: %s", mustJSON(report))
		}
		if failure := report.Failure(); failure != nil && failure.Answer == nil {
			t.Fatalf("the check %s failed and nobody knows what AWS answers", failure.Name)
		}
		if report.Fix == nil {
			return
		}
		q.Policy = report.Fix.Policy
		if again := explain.Explain(q); again.Trust == nil || !again.Trust.Reasons.Allowed() {
			t.Fatalf("the mended policy does not admit the token: %s", q.Policy)
		}
	})
}
