package main

import (
	"slices"
	"testing"

	"github.com/daypass/daypass/internal/doctor"
	"github.com/daypass/daypass/internal/explain"
)

// TestDoctorCauses has a fault of the doctor for every cause that the issuer decides,
// and a cause for every number that the doctor tells.
func TestDoctorCauses(t *testing.T) {
	t.Parallel()
	of := map[int][]string{}
	for _, f := range doctor.Faults() {
		for _, number := range doctor.Causes(f.Code) {
			of[number] = append(of[number], f.Code)
		}
	}
	causes := explain.Causes()
	for i := range causes {
		c := &causes[i]
		if c.Needs&explain.IssuerURL != 0 && len(of[c.Number]) == 0 {
			t.Errorf("cause %d is decided by the issuer, and the doctor has no fault for it", c.Number)
		}
	}
	for number, codes := range of {
		if !slices.ContainsFunc(causes, func(c explain.Cause) bool { return c.Number == number }) {
			t.Errorf("%v name the cause %d, which there is not", codes, number)
		}
	}
}
