package doctor

import "testing"

// TestCauses has every fault that stands in an issuer's way be one of the catalogue's
// causes, or say why it is none, and no row be of a fault that is not there.
func TestCauses(t *testing.T) {
	t.Parallel()
	for _, f := range Faults() {
		_, numbered := causes[f.Code]
		_, excused := noCause[f.Code]
		switch {
		case numbered && excused:
			t.Errorf("%s has a cause, and a reason why it has none", f.Code)
		case !numbered && !excused && f.Check[0] == 'D' && f.Level != Info:
			t.Errorf("%s has no cause, and no reason why", f.Code)
		}
	}
	for code := range causes {
		if _, ok := faultsByCode[code]; !ok {
			t.Errorf("there is no fault %s", code)
		}
	}
	for code, why := range noCause {
		if f, ok := faultsByCode[code]; !ok || f.Check[0] != 'D' || why == "" {
			t.Errorf("the reason of %s is of no fault of issuers", code)
		}
	}
	report := newReport("x", AWS)
	report.found("chain-order", "")
	if got := report.Findings[0].Causes; len(got) != 1 || got[0] != 9 {
		t.Errorf("a finding has the causes %v", got)
	}
}
