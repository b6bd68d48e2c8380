package doctor

import (
	"fmt"
	"time"

	"github.com/daypass/daypass/internal/oidc"
)

// skew is oidc.Skew in seconds.
const skew = int64(oidc.Skew / time.Second)

// soon is when a token that has not expired is told to expire soon.
const soon = 60

// examineTimes is T06.
func (e *tokenExam) examineTimes() {
	at, good := map[string]int64{}, true
	for _, name := range timesOf {
		seconds, sent, ok := e.seconds(name)
		if !ok {
			value, _ := e.payload.get(name)
			e.found("time-form", "%s is %s", name, shown(string(value)))
			good = false
		}
		if sent && ok {
			at[name] = seconds
		}
	}
	now := e.c.Now.Unix()
	if exp, ok := at["exp"]; ok {
		e.examineExpiry(exp, now)
	}
	if iat, ok := at["iat"]; ok && iat > now+skew {
		e.foundAWS("time-future", fmt.Sprintf("Token issued in the future: %d", iat), "iat is %s, %s from now", clock(iat), span(iat-now))
	}
	if nbf, ok := at["nbf"]; ok && nbf > now+skew {
		e.foundAWS("time-early", fmt.Sprintf("Token not yet valid: current date/time %d must be after or equal to the not-before date/time %d", now+skew, nbf),
			"nbf is %s, %s from now", clock(nbf), span(nbf-now))
	}
	iat, issued := at["iat"]
	exp, ends := at["exp"]
	if issued && ends && exp < iat {
		e.found("time-order", "exp is %s, before iat, %s", clock(exp), clock(iat))
	}
	if !issued || !ends || !good {
		e.skip("T06", "times are missing")
		return
	}
	e.ok("T06", "issued %s, lives %s, expires %s; AWS takes it until %s\nits life does not bound the session's: any duration that the role allows can be asked for",
		clock(iat), span(exp-iat), clock(exp), clock(exp+skew))
}

func (e *tokenExam) examineExpiry(exp, now int64) {
	switch {
	case now-skew > exp:
		e.foundAWS("time-expired", fmt.Sprintf("Token expired: current date/time %d must be before the expiration date/time %d", now-skew, exp),
			"exp is %s, %s ago", clock(exp), span(now-exp))
	case now > exp:
		e.found("time-tolerated", "exp is %s, %s ago", clock(exp), span(now-exp))
	case exp-now < soon:
		e.found("time-soon", "exp is %s, in %s", clock(exp), span(exp-now))
	}
}

// clock is a time of a claim, which may be any number.
func clock(seconds int64) string {
	const year9999 = 253402300799
	if seconds < 0 || seconds > year9999 {
		return fmt.Sprintf("%d", seconds)
	}
	return time.Unix(seconds, 0).UTC().Format(time.RFC3339)
}

// span is a number of seconds as people say it.
func span(seconds int64) string {
	const longest = int64(1<<63-1) / int64(time.Second)
	if seconds > longest || seconds < -longest {
		return fmt.Sprintf("%d seconds", seconds)
	}
	return (time.Duration(seconds) * time.Second).String()
}
