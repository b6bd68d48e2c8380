package policy

import (
	"strings"
	"time"
)

// parseDate reads a date as milliseconds since 1970; what is finer is cut off.
// It admits the forms of ISO 8601 that W3C's note "Date and Time Formats" lists,
//
//	2030-01   2030-01-31   2030-01-31T23:59Z   2030-01-31T23:59:59.123+01:00
//
// a time without zone, which is UTC, and seconds since 1970 with or without a
// sign. Four digits alone are no date, because they could be a year or seconds.
//
// Source: IAM User Guide, "Date condition operators"; for the milliseconds, the
// absent zone and the leading +, published captures of AWS, 2026.
func parseDate(s string) (milliseconds int64, ok bool) {
	negative, number := cutSign(s)
	if digits, rest := cutDigits(number); rest == "" && digits != "" {
		return parseEpoch(digits, negative, number != s)
	}
	r := dateReader{text: s, ok: true}
	year := r.digits(4)
	r.expect('-')
	month, day := r.digits(2), 1
	if r.skip('-') {
		day = r.digits(2)
	}
	at := time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
	if !r.ok || at.Month() != time.Month(month) || at.Day() != day {
		return 0, false
	}
	milliseconds = at.UnixMilli()
	if r.skip('T') {
		milliseconds += r.clock()
	}
	return milliseconds, r.ok && r.text == ""
}

// maxEpochDigits keeps the milliseconds within 64 bits.
const maxEpochDigits = 15

func parseEpoch(digits string, negative, signed bool) (milliseconds int64, ok bool) {
	if len(digits) == 4 && !signed || len(digits) > maxEpochDigits {
		return 0, false
	}
	for i := range len(digits) {
		milliseconds = 10*milliseconds + int64(digits[i]-'0')
	}
	milliseconds *= 1000
	if negative {
		milliseconds = -milliseconds
	}
	return milliseconds, true
}

// dateReader takes a date from the front of a text, and remembers whether all
// was as it should be.
type dateReader struct {
	text string
	ok   bool
}

func (r *dateReader) skip(c byte) bool {
	if r.text == "" || r.text[0] != c {
		return false
	}
	r.text = r.text[1:]
	return true
}

func (r *dateReader) expect(c byte) {
	if !r.skip(c) {
		r.ok = false
	}
}

// digits takes exactly n digits.
func (r *dateReader) digits(n int) (value int) {
	for range n {
		if r.text == "" || !isDigit(r.text[0]) {
			r.ok = false
			return 0
		}
		value = 10*value + int(r.text[0]-'0')
		r.text = r.text[1:]
	}
	return value
}

// upTo is digits(2) for a number that is at most most.
func (r *dateReader) upTo(most int) int64 {
	value := r.digits(2)
	if value > most {
		r.ok = false
	}
	return int64(value)
}

const (
	second = 1000 // milliseconds
	minute = 60 * second
	hour   = 60 * minute
)

// clock takes what follows the T, as milliseconds.
func (r *dateReader) clock() int64 {
	at := r.upTo(23) * hour
	r.expect(':')
	at += r.upTo(59) * minute
	if r.skip(':') {
		at += r.upTo(59) * second
		if r.skip('.') {
			at += r.fraction()
		}
	}
	return at - r.zone()
}

// fraction takes digits of a second, of which three count.
func (r *dateReader) fraction() (milliseconds int64) {
	digits, rest := cutDigits(r.text)
	if digits == "" {
		r.ok = false
	}
	r.text = rest
	for i := range 3 {
		milliseconds *= 10
		if i < len(digits) {
			milliseconds += int64(digits[i] - '0')
		}
	}
	return milliseconds
}

// zone takes Z, +hh:mm, -hh:mm or nothing.
func (r *dateReader) zone() int64 {
	if r.text == "" || r.skip('Z') {
		return 0
	}
	if strings.IndexByte("+-", r.text[0]) < 0 {
		r.ok = false
		return 0
	}
	negative, rest := cutSign(r.text)
	r.text = rest
	offset := r.upTo(23) * hour
	r.expect(':')
	offset += r.upTo(59) * minute
	if negative {
		return -offset
	}
	return offset
}
