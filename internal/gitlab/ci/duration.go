package ci

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// MaxTimeout is the longest timeout that a job may have: one month of GitLab's
// 30 days (GitLab Docs, "Set a limit for how long jobs can run").
const MaxTimeout = 30 * 24 * time.Hour

// durationUnits are the words that stand for a unit, in GitLab's meaning of a
// month as 30 days of 24 hours.
var durationUnits = func() map[string]time.Duration {
	const day = 24 * time.Hour
	out := map[string]time.Duration{}
	for words, d := range map[string]time.Duration{
		"s sec secs second seconds":   time.Second,
		"m min mins minute minutes":   time.Minute,
		"h hr hrs hour hours":         time.Hour,
		"d dy day days":               day,
		"w wk wks week weeks":         7 * day,
		"mo mon mos mth month months": 30 * day,
		"y yr yrs year years":         365 * day,
	} {
		for _, w := range strings.Fields(words) {
			out[w] = d
		}
	}
	return out
}()

// durationPart is a number and its unit.
var durationPart = regexp.MustCompile(`^([0-9]{1,9}(?:\.[0-9]{1,9})?) ?([a-z]+)`)

// ParseDuration reads a duration as people write it in timeout: "1h 30m",
// "3 hours 30 minutes", "90 minutes", "1.5h". A number must have a unit: the
// bare number and the form 1:30:00 are refused, though GitLab takes them, since
// readers differ about what they mean.
//
// Source: GitLab Docs, "CI/CD YAML syntax reference", timeout.
func ParseDuration(s string) (time.Duration, error) {
	if plainInteger.MatchString(strings.TrimSpace(s)) {
		return 0, notDuration(s)
	}
	d, err := parseTime(s)
	if err == nil && (d < time.Second || d > MaxTimeout) {
		return 0, fmt.Errorf("ci: the duration %q should lie between 1 second and 1 month", s)
	}
	return d, err
}

func notDuration(s string) error { return fmt.Errorf("ci: %q is not a duration such as 1h 30m", s) }

// maxTime is the longest time that parseTime takes: a time.Duration ends at
// some 292 years.
const maxTime = 200 * 365 * 24 * time.Hour

// parseTime is ParseDuration without limits, and with numbers that have no unit
// and stand for seconds.
func parseTime(s string) (time.Duration, error) {
	rest := strings.ToLower(strings.TrimSpace(s))
	if len(rest) < 10 && plainInteger.MatchString(rest) && rest[0] != '-' {
		rest += "s"
	}
	var total float64
	for parts := 0; rest != "" || parts == 0; parts++ {
		m := durationPart.FindStringSubmatch(rest)
		if m == nil || durationUnits[m[2]] == 0 {
			return 0, notDuration(s)
		}
		n, err := strconv.ParseFloat(m[1], 64)
		if err != nil {
			return 0, notDuration(s)
		}
		total += n * float64(durationUnits[m[2]])
		rest = strings.TrimLeft(rest[len(m[0]):], " ,")
		if after, ok := strings.CutPrefix(rest, "and "); ok && after != "" {
			rest = strings.TrimLeft(after, " ")
		}
	}
	if total > float64(maxTime) {
		return 0, notDuration(s)
	}
	return time.Duration(math.Round(total/float64(time.Second))) * time.Second, nil
}
