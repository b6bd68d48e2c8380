package session

import (
	"crypto/rand"
	"errors"
	"io"
	"regexp"
	"strings"
	"testing"
	"testing/iotest"
)

func TestAccountOf(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		id, account string
		ok          bool
	}{
		// Worked by hand from the layout: the bits 1, the account, then zeros.
		{"ASIAQAAAAAAAAAAAAAAA", "000000000000", true},
		{"AKIAQAAAAAAAAAAAAAAA", "000000000000", true},
		{"AKIAQAAAAAAAQAAAAAAA", "000000000001", true}, // bit 7 of 48 is the top bit of the ninth character
		{"AKIAIOSFODNN7EXAMPLE", "", false},            // before ids told the account
		{"AROAQAAAAAAAAAAAAAAA", "", false},
		{"ASIAQAAAAAAAAAAAAAA", "", false},
		{"ASIAQAAAAAAAAAAAAAAAA", "", false},
		{"ASIAqaaaaaaaaaaaaaaa", "", false},
		{"ASIAQAAAAAAAAAAAAAA=", "", false},
		{"ASIAQAAAAAAAAAAAAAA\n", "", false},
		{"ASIA7777777777777777", "", false}, // 2^40-1 is no account
		{"", "", false},
	} {
		account, ok := AccountOf(tt.id)
		if ok != tt.ok || ok && account != tt.account {
			t.Errorf("AccountOf(%q) = %q, %v, want %q, %v", tt.id, account, ok, tt.account, tt.ok)
		}
		if OfAccount(tt.id, "000000000000") != (tt.account == "000000000000") {
			t.Errorf("OfAccount(%q) is wrong", tt.id)
		}
	}
}

func TestNewIDs(t *testing.T) {
	t.Parallel()
	unique := regexp.MustCompile(`^AROA[A-Z2-7]{17}$`)
	secret := regexp.MustCompile(`^[A-Za-z0-9+/]{40}$`)
	seen := map[string]bool{}
	for range 1000 {
		id, err := NewUniqueID("AROA", rand.Reader)
		if err != nil || !unique.MatchString(id) || seen[id] {
			t.Fatalf("NewUniqueID = %q, %v", id, err)
		}
		key, err := NewSecretAccessKey(rand.Reader)
		if err != nil || !secret.MatchString(key) || seen[key] {
			t.Fatalf("NewSecretAccessKey: %d characters, seen %v, %v", len(key), seen[key], err)
		}
		seen[id], seen[key] = true, true
	}
}

func TestNewIDsRefuse(t *testing.T) {
	t.Parallel()
	broken := errors.New("no randomness")
	for _, tt := range []struct {
		name string
		make func() (string, error)
		want error // nil: any
	}{
		{"access key of another prefix", func() (string, error) { return NewAccessKeyID("AROA", "123456789012", rand.Reader) }, nil},
		{"access key of no account", func() (string, error) { return NewAccessKeyID("ASIA", "", rand.Reader) }, nil},
		{"access key of 11 digits", func() (string, error) { return NewAccessKeyID("ASIA", "12345678901", rand.Reader) }, nil},
		{"access key, too few bytes", func() (string, error) { return NewAccessKeyID("ASIA", "123456789012", strings.NewReader("123456789")) }, io.ErrUnexpectedEOF},
		{"access key, broken", func() (string, error) { return NewAccessKeyID("ASIA", "123456789012", iotest.ErrReader(broken)) }, broken},
		{"unique id, no prefix", func() (string, error) { return NewUniqueID("", rand.Reader) }, nil},
		{"unique id, small letters", func() (string, error) { return NewUniqueID("aroa", rand.Reader) }, nil},
		{"unique id, broken", func() (string, error) { return NewUniqueID("AROA", iotest.ErrReader(broken)) }, broken},
		{"secret, broken", func() (string, error) { return NewSecretAccessKey(iotest.ErrReader(broken)) }, broken},
	} {
		got, err := tt.make()
		if err == nil || got != "" || tt.want != nil && !errors.Is(err, tt.want) {
			t.Errorf("%s: %q, %v, want an error like %v", tt.name, got, err, tt.want)
		}
	}
}
