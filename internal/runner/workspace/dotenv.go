package workspace

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

// Limits of a dotenv report in GitLab, where it is not set otherwise: 5 KB, and
// the 150 variables of its highest plan; a smaller one is the instance's to set.
const (
	maxDotenvBytes     = 5 << 10
	maxDotenvVariables = 150
)

// Pair is one variable of a dotenv report.
type Pair struct{ Name, Value string }

var (
	dotenvLine = regexp.MustCompile(`^(.*?)=(.*)$`)
	dotenvName = regexp.MustCompile(`^[A-Za-z0-9_]+$`)
)

// ParseDotenv reads a dotenv report: NAME=VALUE in each line, white space around
// both taken off. There are no comments, no empty lines and no quotes: what
// stands there is part of the value. Of a name that stands twice, the last value
// counts. The errors say what GitLab answers to such a report.
//
// Source: GitLab Docs, "artifacts:reports:dotenv" and "Pass dotenv variables to
// specific jobs"; its app/services/ci/parse_dotenv_artifact_service.rb.
func ParseDotenv(text []byte) ([]Pair, error) {
	if len(text) > maxDotenvBytes {
		return nil, fmt.Errorf("dotenv artifact too big: %d bytes, at most %d are allowed", len(text), maxDotenvBytes)
	}
	if !utf8.Valid(text) {
		return nil, fmt.Errorf("invalid format: the report is not UTF-8")
	}
	var pairs []Pair
	index := map[string]int{}
	for number, line := range strings.Split(strings.TrimSuffix(string(text), "\n"), "\n") {
		if len(text) == 0 {
			break
		}
		m := dotenvLine.FindStringSubmatch(strings.TrimSuffix(line, "\r"))
		if m == nil {
			return nil, fmt.Errorf("invalid format: line %d is not NAME=VALUE; a dotenv report has no comments and no empty lines", number+1)
		}
		p := Pair{strings.TrimSpace(m[1]), strings.TrimSpace(m[2])}
		if !dotenvName.MatchString(p.Name) {
			return nil, fmt.Errorf("key can contain only letters, digits and '_': line %d", number+1)
		}
		if i, twice := index[p.Name]; twice {
			pairs[i] = p
			continue
		}
		index[p.Name] = len(pairs)
		pairs = append(pairs, p)
	}
	if len(pairs) > maxDotenvVariables {
		return nil, fmt.Errorf("dotenv variables count exceeded: %d, at most %d are allowed", len(pairs), maxDotenvVariables)
	}
	return pairs, nil
}
