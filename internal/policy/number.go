package policy

import "strings"

// decimal is a number of any size and precision: 0.HEADTAIL × 10^point. It
// shares the text that it was read from. Zero has no digits.
type decimal struct {
	negative   bool
	head, tail string
	point      int64
}

// maxExponent bounds the power of ten of a number.
const maxExponent = 1<<31 - 1

// parseDecimal reads digits with a sign, a point and an exponent, each of which
// may be absent. Leading zeros and a leading + are admitted, and so are "1." and
// "1e0"; neither is NaN, Infinity, nor anything with a space. (Published
// captures of AWS, 2026, show these one by one. That ".5" is a number is a
// guess, and that an exponent beyond 31 bits is none.)
func parseDecimal(s string) (d decimal, ok bool) {
	d.negative, s = cutSign(s)
	d.head, s = cutDigits(s)
	if rest, found := strings.CutPrefix(s, "."); found {
		d.tail, s = cutDigits(rest)
	}
	if d.head == "" && d.tail == "" {
		return decimal{}, false
	}
	if s != "" {
		if s[0] != 'e' && s[0] != 'E' {
			return decimal{}, false
		}
		if d.point, ok = parseExponent(s[1:]); !ok {
			return decimal{}, false
		}
	}
	d.normalize()
	return d, true
}

// normalize cuts the zeros that do not count, so that the first digit is not 0.
func (d *decimal) normalize() {
	d.head = strings.TrimLeft(d.head, "0")
	if d.head == "" {
		digits := len(d.tail)
		d.tail = strings.TrimLeft(d.tail, "0")
		d.point -= int64(digits - len(d.tail))
	} else {
		d.point += int64(len(d.head))
	}
	if d.tail = strings.TrimRight(d.tail, "0"); d.tail == "" {
		d.head = strings.TrimRight(d.head, "0")
	}
	if d.head == "" && d.tail == "" {
		*d = decimal{}
	}
}

func cutSign(s string) (negative bool, rest string) {
	if s != "" && (s[0] == '+' || s[0] == '-') {
		return s[0] == '-', s[1:]
	}
	return false, s
}

func cutDigits(s string) (digits, rest string) {
	n := 0
	for n < len(s) && isDigit(s[n]) {
		n++
	}
	return s[:n], s[n:]
}

func isDigit(b byte) bool { return '0' <= b && b <= '9' }

func parseExponent(s string) (exponent int64, ok bool) {
	negative, s := cutSign(s)
	digits, rest := cutDigits(s)
	if digits == "" || rest != "" {
		return 0, false
	}
	for i := range len(digits) {
		exponent = 10*exponent + int64(digits[i]-'0')
		if exponent > maxExponent {
			return 0, false
		}
	}
	if negative {
		exponent = -exponent
	}
	return exponent, true
}

// compare is negative if d is less than other, 0 if they are equal, positive if
// d is more. Its time is linear in the digits, whatever the exponents.
func (d *decimal) compare(other *decimal) int {
	sign, otherSign := d.sign(), other.sign()
	switch {
	case sign != otherSign:
		return sign - otherSign
	case sign == 0:
		return 0
	case d.point != other.point:
		if d.point < other.point {
			return -sign
		}
		return sign
	}
	for i := range max(len(d.head)+len(d.tail), len(other.head)+len(other.tail)) {
		if a, b := d.digit(i), other.digit(i); a != b {
			return sign * (int(a) - int(b))
		}
	}
	return 0
}

func (d *decimal) sign() int {
	switch {
	case d.head == "" && d.tail == "":
		return 0
	case d.negative:
		return -1
	default:
		return 1
	}
}

func (d *decimal) digit(i int) byte {
	if i < len(d.head) {
		return d.head[i]
	}
	if i -= len(d.head); i < len(d.tail) {
		return d.tail[i]
	}
	return '0'
}
