package consoletest

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// opening opens the list of roles and gives the milliseconds until its first page
// is there; it returns when all roles are.
const opening = `(async () => {
	const until = async (done) => { while (!done()) await new Promise((r) => requestAnimationFrame(r)); };
	location.hash = "#/";
	await until(() => !document.querySelector("[data-table=role]"));
	const start = performance.now();
	location.hash = "#/roles";
	await until(() => document.querySelectorAll("[data-table=role] tbody tr").length === 20);
	const took = performance.now() - start;
	await until(() => document.querySelector("[data-table=role][data-loaded]"));
	return took;
})()`

// paging turns to the next page of what opening opened.
const paging = `(async () => {
	const until = async (done) => { while (!done()) await new Promise((r) => requestAnimationFrame(r)); };
	const first = () => document.querySelector("[data-table=role] tbody tr th, [data-table=role] tbody tr td a").innerText;
	const before = first();
	const start = performance.now();
	document.querySelector("[data-table=role] button[aria-label='Next page']").click();
	await until(() => first() !== before);
	return performance.now() - start;
})()`

// BenchmarkRoles opens the list of roles in an account of 10,000 and in one of 100
// in turns, in one run, and turns its pages. A page of the large account may take
// three times what one of the small account takes.
func BenchmarkRoles(b *testing.B) {
	few, many := rolesPage(b, 100), rolesPage(b, 10_000)
	times := map[string][2][]float64{}
	for range 5 {
		for _, step := range []struct{ name, script string }{{"open", opening}, {"turn", paging}} {
			pair := times[step.name]
			pair[0] = append(pair[0], evaluate[float64](few, step.script))
			pair[1] = append(pair[1], evaluate[float64](many, step.script))
			times[step.name] = pair
		}
	}
	for name, pair := range times {
		of100, of10000 := median(pair[0]), median(pair[1])
		b.ReportMetric(of10000, name+"-ms")
		b.ReportMetric(of10000/of100, name+"-ratio")
		if of10000 > 3*of100 {
			b.Errorf("to %s a page takes %.0f ms of 10,000 roles and %.0f ms of 100", name, of10000, of100)
		}
	}
	b.ReportMetric(0, "ns/op") // what a turn of the benchmark takes says nothing
}

func median(times []float64) float64 {
	slices.Sort(times)
	return times[len(times)/2]
}

// rolesPage is a signed-in page of an account with so many roles.
func rolesPage(b *testing.B, roles int) *page {
	b.Helper()
	s := startServer(b)
	type role struct {
		RoleName, Path, RoleId, Arn string
		AssumeRolePolicyDocument    any
		CreateDate                  string
	}
	var details struct {
		RoleDetailList                            []role
		UserDetailList, GroupDetailList, Policies []struct{}
	}
	trust := json.RawMessage(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":"` + provider + `"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringEquals":{"gitlab.example.com:sub":"project_path:acme/tool:ref_type:branch:ref:main"}}}]}`)
	for i := range roles {
		name := fmt.Sprintf("deploy-%05d", i)
		details.RoleDetailList = append(details.RoleDetailList, role{
			RoleName: name, Path: "/", RoleId: fmt.Sprintf("AROAQAAAAAAAAAA%05d", i)[:16] + fmt.Sprintf("%05d", i), Arn: "arn:aws:iam::" + account + ":role/" + name,
			AssumeRolePolicyDocument: trust, CreateDate: "2026-01-01T00:00:00Z",
		})
	}
	text, err := json.Marshal(details)
	if err != nil {
		b.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(s.dir, "details.json"), text, 0o600); err != nil {
		b.Fatal(err)
	}
	if output, code := s.command(nil, binary, "import", "--data", "data", "details.json"); code != 0 {
		b.Fatalf("import: %s", output)
	}
	p := s.open(options{})
	p.signIn()
	return p
}
