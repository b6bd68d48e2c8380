package secretsmanager

import (
	"fmt"
	"io"
	"strings"
)

type getRandomPasswordInput struct {
	PasswordLength          *int64
	ExcludeCharacters       *string
	ExcludeNumbers          *bool
	ExcludePunctuation      *bool
	ExcludeUppercase        *bool
	ExcludeLowercase        *bool
	IncludeSpace            *bool
	RequireEachIncludedType *bool
}

const defaultPasswordLength = 32

// The types of characters (API Reference, GetRandomPassword).
const (
	lowercase   = "abcdefghijklmnopqrstuvwxyz"
	uppercase   = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	numbers     = "0123456789"
	punctuation = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
)

var getRandomPassword = &operation[getRandomPasswordInput]{
	name: "GetRandomPassword",
	check: func(in *getRandomPasswordInput, v *checks) {
		v.number("passwordLength", in.PasswordLength, 4096)
		v.given("excludeCharacters", in.ExcludeCharacters, 0, 4096)
	},
	run: func(q *request, in *getRandomPasswordInput) (any, error) {
		password, err := in.password(q.Random)
		if err != nil {
			return nil, err
		}
		return struct{ RandomPassword string }{password}, nil
	},
}

// types are the characters that a password may have, by type. One of which all are
// excluded is not there.
func (in *getRandomPasswordInput) types() []string {
	is := func(flag *bool) bool { return flag != nil && *flag }
	var all []string
	for _, t := range []struct {
		characters string
		in         bool
	}{
		{lowercase, !is(in.ExcludeLowercase)},
		{uppercase, !is(in.ExcludeUppercase)},
		{numbers, !is(in.ExcludeNumbers)},
		{punctuation, !is(in.ExcludePunctuation)},
		{" ", is(in.IncludeSpace)},
	} {
		left := strings.Map(func(r rune) rune {
			if in.ExcludeCharacters != nil && strings.ContainsRune(*in.ExcludeCharacters, r) {
				return -1
			}
			return r
		}, t.characters)
		if t.in && left != "" {
			all = append(all, left)
		}
	}
	return all
}

// password draws one of each type, where that is asked, the rest from all, and
// then shuffles.
func (in *getRandomPasswordInput) password(random io.Reader) (string, error) {
	types, n := in.types(), defaultPasswordLength
	if in.PasswordLength != nil {
		n = int(*in.PasswordLength) // which was checked
	}
	if len(types) == 0 {
		return "", invalidParameter("No characters are left to make a password of: all types are excluded.")
	}
	var draw []string // from which characters each is drawn
	if in.RequireEachIncludedType == nil || *in.RequireEachIncludedType {
		draw = append(draw, types...)
	}
	if len(draw) > n {
		return "", invalidParameter("Password length is too short based on the required types.")
	}
	all := strings.Join(types, "")
	for len(draw) < n {
		draw = append(draw, all)
	}
	password := make([]byte, n)
	for i, from := range draw {
		at, err := below(random, len(from))
		if err != nil {
			return "", err
		}
		password[i] = from[at]
	}
	for i := n - 1; i > 0; i-- {
		j, err := below(random, i+1)
		if err != nil {
			return "", err
		}
		password[i], password[j] = password[j], password[i]
	}
	return string(password), nil
}

// below draws a number from 0 to n-1, each as likely as another; n is at most
// 65536.
func below(random io.Reader, n int) (int, error) {
	var b [2]byte
	most := 1 << 16 / n * n // draws beyond would favour small numbers
	for {
		if _, err := io.ReadFull(random, b[:]); err != nil {
			return 0, fmt.Errorf("secretsmanager: randomness: %w", err)
		}
		if drawn := int(b[0])<<8 | int(b[1]); drawn < most {
			return drawn % n, nil
		}
	}
}
