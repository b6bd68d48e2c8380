package awsapi_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/daypass/daypass/internal/awsapi"

	"github.com/google/go-cmp/cmp"
)

func mustParams(t *testing.T, encoded string) awsapi.Params {
	t.Helper()
	p, err := awsapi.ParseParams(encoded)
	if err != nil {
		t.Fatalf("ParseParams(%q): %v", encoded, err)
	}
	return p
}

// The tolerances are as recorded on AWS: the first of several values counts,
// `.01` is `.1`, an empty list is an empty value.
func TestParamsTolerances(t *testing.T) {
	t.Parallel()
	p := mustParams(t, "A=1&A=2&L.member.2=z&L.member.01=x&E=&N=%2B0900&Unknown=u&X.arn=1")
	if got := p.Get("A"); got != "1" {
		t.Errorf("A = %q, want the first", got)
	}
	if list, err := p.List("L"); err != nil || !cmp.Equal(list, []string{"x", "z"}) {
		t.Errorf("L = %q, %v", list, err)
	}
	if list, err := p.List("E"); err != nil || len(list) != 0 {
		t.Errorf("E = %q, %v", list, err)
	}
	if n, sent, err := p.Int("N"); n != 900 || !sent || err != nil {
		t.Errorf("N = %d, %v, %v", n, sent, err)
	}
	if n, sent, err := p.Int("Absent"); n != 0 || sent || err != nil {
		t.Errorf("Absent = %d, %v, %v", n, sent, err)
	}
	if !p.HasAny("X") || p.HasAny("Y") || !p.HasAny("L") {
		t.Error("HasAny must see a member of a structure and nothing else")
	}
}

func TestParamsRefusals(t *testing.T) {
	t.Parallel()
	for _, encoded := range []string{
		"L.member.0=x", "L.member.-1=x", "L.member.a=x", "L.member.+1=x", "L.member.12=x", "L.member.1=x&L.member.12=y", "L.member.1=x&L.member.01=y",
		"N=", "N= 900", "N=9e2", "N=900.0", "N=2147483648", "N=%zz",
	} {
		p, err := awsapi.ParseParams(encoded)
		if err == nil {
			_, err = p.List("L")
		}
		if err == nil {
			_, _, err = p.Int("N")
		}
		var f *awsapi.Fault
		if !errors.As(err, &f) || f.Kind != awsapi.MalformedInput {
			t.Errorf("%q: %v, want MalformedInput", encoded, err)
		}
	}
}

// Structures are the list members of SimulateCustomPolicy's ContextEntries.
func TestParamsStructs(t *testing.T) {
	t.Parallel()
	p := mustParams(t, "S.member.2.Key=c&S.member.01.Key=a&S.member.01.Key=A&S.member.01.Values.member.2=y&S.member.01.Values.member.1=x&E=&SX.member.1.Key=z")
	members, err := p.Structs("S")
	if err != nil || len(members) != 2 {
		t.Fatalf("S = %v, %v", members, err)
	}
	if members[1].Get("Key") != "c" || members[1].HasAny("Values") {
		t.Errorf("the second member is %v", members[1])
	}
	if list, err := members[0].List("Values"); err != nil || !cmp.Equal(list, []string{"x", "y"}) {
		t.Errorf("Values = %q, %v", list, err)
	}
	for _, name := range []string{"E", "Absent"} {
		if members, err := p.Structs(name); err != nil || len(members) != 0 {
			t.Errorf("%s = %v, %v", name, members, err)
		}
	}
	for _, encoded := range []string{
		"S.member.1=x", "S.member.1.=x", "S.member.0.Key=x", "S.member.a.Key=x", "S.member.-1.Key=x", "S.member..Key=x",
		"S.member.12.Key=x", "S.member.1.Key=x&S.member.2=y", "S.member.1.Key=x&S.member.01.Other=y",
	} {
		_, err := mustParams(t, encoded).Structs("S")
		var f *awsapi.Fault
		if !errors.As(err, &f) || f.Kind != awsapi.MalformedInput {
			t.Errorf("%q: %v, want MalformedInput", encoded, err)
		}
	}
}

// A member that is missing between two others is null.
func TestParamsGaps(t *testing.T) {
	t.Parallel()
	for encoded, at := range map[string]string{
		"L.member.2=x": "1", "L.member.11=x": "1", "L.member.1=x&L.member.8=y&L.member.15=z": "2", "L.member.1=x&L.member.2=x&L.member.4=y": "3",
	} {
		p := mustParams(t, encoded)
		_, err := p.List("L")
		var f *awsapi.Fault
		want := "1 validation error detected: Value null at 'l." + at + ".member' failed to satisfy constraint: Member must not be null"
		if !errors.As(err, &f) || f.Kind != awsapi.InvalidInput || f.Message != want {
			t.Errorf("%q: %v, want %s", encoded, err, want)
		}
	}
	// Clients that sort names by their letters send 10 and 100 before 2.
	var encoded []string
	for i := range 100 {
		encoded = append(encoded, fmt.Sprintf("L.member.%d=%d", i+1, i+1))
	}
	slices.Sort(encoded)
	if list, err := mustParams(t, strings.Join(encoded, "&")).List("L"); err != nil || len(list) != 100 || list[99] != "100" {
		t.Errorf("100 members: %q, %v", list, err)
	}
}

func TestValidationSaysAllAtOnce(t *testing.T) {
	t.Parallel()
	var v awsapi.Validation
	v.Required("roleArn", false)
	v.Range("durationSeconds", 43201, 900, 43200)
	err := v.Err()
	var f *awsapi.Fault
	if !errors.As(err, &f) || f.Kind != awsapi.InvalidInput {
		t.Fatalf("%v, want InvalidInput", err)
	}
	want := "2 validation errors detected: Value null at 'roleArn' failed to satisfy constraint: Member must not be null; " +
		"Value '43201' at 'durationSeconds' failed to satisfy constraint: Member must have value less than or equal to 43200"
	if f.Message != want {
		t.Errorf("message\n%s\nwant\n%s", f.Message, want)
	}
	if err := new(awsapi.Validation).Err(); err != nil {
		t.Errorf("nothing wrong, yet %v", err)
	}
}

// A token that is too long is refused without being repeated.
func TestValidationHidesSecrets(t *testing.T) {
	t.Parallel()
	var v awsapi.Validation
	v.SecretLength("webIdentityToken", strings.Repeat("s", 20001), 4, 20000)
	if err := v.Err(); err == nil || strings.Contains(err.Error(), "sss") {
		t.Errorf("%v", err)
	}
}

// Whatever is sent, decoding refuses or answers; it does not crash.
func FuzzParams(f *testing.F) {
	f.Add("Action=X&Version=1&L.member.1=a&N=1")
	f.Add("L.member.999999999999999999999=1&N=%00")
	f.Add("L.member.1.K=a&L.member.2.V.member.1=b")
	f.Fuzz(func(t *testing.T, encoded string) {
		p, err := awsapi.ParseParams(encoded)
		if err != nil {
			return
		}
		list, err := p.List("L")
		if err == nil && len(list) > strings.Count(encoded, "&")+1 {
			t.Errorf("%d members out of %q", len(list), encoded)
		}
		members, err := p.Structs("L")
		if err == nil && len(members) > strings.Count(encoded, "&")+1 {
			t.Errorf("%d structures out of %q", len(members), encoded)
		}
		if n, sent, err := p.Int("N"); err == nil && sent && p.Get("N") == "" {
			t.Errorf("an empty number is %d", n)
		}
	})
}
