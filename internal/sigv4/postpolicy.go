package sigv4

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// PostPolicy says which uploads a signed form is for (Amazon S3 API Reference,
// "POST Policy"), together with the fields of that form. Its zero value admits
// none: it has expired.
type PostPolicy struct {
	expiration time.Time
	conditions []postCondition
	fields     []PostField
}

// postCondition is one element of conditions.
type postCondition struct {
	operator string // eq, starts-with or content-length-range
	field    string // in lower case; "" where the policy names none, which nothing meets
	value    string
	min, max int64
	broken   bool   // a range without numbers, which nothing meets
	text     string // as S3 repeats it
}

const (
	operatorEq         = "eq"
	operatorStartsWith = "starts-with"
	operatorRange      = "content-length-range"
)

func invalidPolicy(message string) *S3Error {
	return s3Error(PolicyForm, "InvalidPolicyDocument", badRequest, "Invalid Policy: "+message)
}

// Of the sentences of a policy that cannot be read, those for JSON, for an
// unexpected member, the expiration, a simple condition and a missing operation
// are recorded on S3; the others are versitygw's.
func invalidJSON() *S3Error { return invalidPolicy("Invalid JSON.") }

func accordingToPolicy(kind Kind, message string) *S3Error {
	return accessDenied(kind, "Invalid according to Policy: "+message)
}

func policyExpired() *S3Error { return accordingToPolicy(PolicyExpired, "Policy expired.") }

// parsePostPolicy reads a policy as it stands in a form.
func parsePostPolicy(encoded string) (*PostPolicy, error) {
	if encoded == "" {
		return nil, invalidPolicy("Expecting '{' but found End-of-Input")
	}
	text, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return nil, invalidPolicy("invalid Base64 encoding.")
	}
	members, err := jsonMembers(text)
	if err != nil {
		return nil, invalidJSON()
	}
	var expiration, conditions json.RawMessage
	for _, m := range members {
		switch {
		case m.name == "expiration" && expiration == nil:
			expiration = m.value
		case m.name == "conditions" && conditions == nil:
			conditions = m.value
		case m.name == "expiration" || m.name == "conditions":
			return nil, invalidJSON().because("a member is there twice")
		default:
			return nil, invalidPolicy("Unexpected: '" + strings.ToLower(m.name) + "'")
		}
	}
	switch {
	case expiration == nil:
		return nil, invalidPolicy("Policy missing expiration.")
	case conditions == nil:
		return nil, invalidPolicy("Policy missing conditions.")
	}
	p := &PostPolicy{}
	if p.expiration, err = parseExpiration(expiration); err != nil {
		return nil, err
	}
	var list []json.RawMessage
	if err := json.Unmarshal(conditions, &list); err != nil || list == nil {
		return nil, invalidPolicy("Invalid 'conditions' value: must be a List.")
	}
	for _, element := range list {
		c, err := parsePostCondition(element)
		if err != nil {
			return nil, err
		}
		p.conditions = append(p.conditions, c)
	}
	return p, nil
}

// parseExpiration reads the time, which is in UTC and says so by its Z.
func parseExpiration(text json.RawMessage) (time.Time, error) {
	value, ok := jsonString(text)
	if !ok {
		return time.Time{}, invalidJSON()
	}
	t, err := time.Parse(time.RFC3339, value)
	if err != nil || !strings.HasSuffix(value, "Z") {
		return time.Time{}, invalidPolicy("Invalid 'expiration' value: '" + value + "'")
	}
	return t, nil
}

type jsonMember struct {
	name  string
	value json.RawMessage
}

var errJSON = errors.New("sigv4: not a JSON object")

// jsonMembers reads an object and keeps the order and every member, of which
// encoding/json would keep the last of one name.
func jsonMembers(text []byte) ([]jsonMember, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		return nil, errJSON
	}
	var members []jsonMember
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, errJSON
		}
		m := jsonMember{name: name.(string)} //nolint:forcetypeassert // a name is a string
		if err := d.Decode(&m.value); err != nil {
			return nil, errJSON
		}
		members = append(members, m)
	}
	if _, err := d.Token(); err != nil {
		return nil, errJSON
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errJSON
	}
	return members, nil
}

func jsonString(text json.RawMessage) (string, bool) {
	var s *string
	if err := json.Unmarshal(text, &s); err != nil || s == nil {
		return "", false
	}
	return *s, true
}

func parsePostCondition(text json.RawMessage) (postCondition, error) {
	switch bytes.TrimLeft(text, " \t\r\n")[0] {
	case '{':
		return parseSimpleCondition(text)
	case '[':
	default:
		return postCondition{}, invalidPolicy("Invalid condition test: must be a List or Object.")
	}
	var list []json.RawMessage
	if err := json.Unmarshal(text, &list); err != nil {
		return postCondition{}, invalidJSON()
	}
	if len(list) == 0 {
		return postCondition{}, invalidPolicy("Invalid Condition: missing operation identifier.")
	}
	name, ok := jsonString(list[0])
	if !ok {
		return postCondition{}, invalidJSON()
	}
	operator := strings.ToLower(name) // ceph/s3-tests has it in any case
	switch operator {
	case operatorEq, operatorStartsWith, operatorRange:
	default:
		return postCondition{}, invalidPolicy("Invalid Condition: unknown operation '" + name + "'.")
	}
	if len(list) != 3 {
		return postCondition{}, invalidPolicy("Invalid " + name + ": wrong number of arguments.")
	}
	if operator == operatorRange {
		return parseRange(list)
	}
	field, ok := jsonString(list[1])
	value, fine := jsonString(list[2])
	if !ok || !fine {
		return postCondition{}, invalidJSON()
	}
	c := postCondition{operator: operator, value: value, text: conditionText(name, field, value)}
	if field, ok := strings.CutPrefix(field, "$"); ok {
		c.field = strings.ToLower(field)
	}
	return c, nil
}

// parseSimpleCondition reads {"field": "value"}, which is eq.
func parseSimpleCondition(text json.RawMessage) (postCondition, error) {
	members, err := jsonMembers(text)
	switch {
	case err != nil:
		return postCondition{}, invalidJSON()
	case len(members) != 1:
		return postCondition{}, invalidPolicy("Invalid Simple-Condition: Simple-Conditions must have exactly one property specified.")
	}
	value, ok := jsonString(members[0].value)
	switch {
	case string(members[0].value) == "null":
		return postCondition{}, invalidJSON()
	case !ok:
		return postCondition{}, invalidPolicy("Invalid Simple-Condition: value must be a string.")
	}
	name := members[0].name
	return postCondition{operator: operatorEq, field: strings.ToLower(name), value: value, text: conditionText(operatorEq, "$"+name, value)}, nil
}

// parseRange reads a range, whose bounds are whole numbers or strings of them.
func parseRange(list []json.RawMessage) (postCondition, error) {
	c := postCondition{operator: operatorRange}
	var words [2]string
	for i, bound := range [...]*int64{&c.min, &c.max} {
		word := string(list[i+1])
		text, quoted := jsonString(list[i+1])
		if quoted {
			word = text
			text = conditionWord(text)
		} else {
			text = word
		}
		words[i] = text
		n, err := strconv.ParseInt(word, 10, 64)
		switch {
		case err == nil:
			*bound = n
		case quoted:
			c.broken = true
		default:
			return c, invalidJSON() // as recorded of 512.0
		}
	}
	c.text = `["` + operatorRange + `", ` + words[0] + ", " + words[1] + "]"
	return c, nil
}

// conditionText is how S3 repeats a condition.
func conditionText(operator, field, value string) string {
	return "[" + conditionWord(operator) + ", " + conditionWord(field) + ", " + conditionWord(value) + "]"
}

func conditionWord(s string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		return `""`
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// Check asks that the policy has not expired, that the form has no field that it
// does not speak of, and that all its conditions hold for the form: for the
// bucket that the request names and the key, in which ${filename} has been
// replaced. The size of the file is CheckLength's to ask.
//
// Fields may be left unspoken of if they are x-amz-signature, policy, file or
// begin with x-ignore-; the bucket is spoken of always (recorded on S3, 2026).
// Names count in any case, values as they are. A condition on a field that is
// not there does not hold, even one that any value meets (recorded, 2012).
func (p *PostPolicy) Check(bucket, key string, now time.Time) error {
	if now.After(p.expiration) {
		return policyExpired()
	}
	values := make(map[string]string, len(p.fields)+2)
	for _, field := range p.fields {
		name := strings.ToLower(field.Name)
		values[name] = field.Value
		if !p.covers(name) {
			return accordingToPolicy(PolicyCondition, "Extra input fields: "+field.Name).because("it does not speak of a field")
		}
	}
	if !p.covers("bucket") {
		return accordingToPolicy(PolicyCondition, "Extra input fields: bucket").because("it does not speak of the bucket")
	}
	values["bucket"], values["key"] = bucket, key
	for i := range p.conditions {
		if c := &p.conditions[i]; !c.holds(values) {
			return c.failed()
		}
	}
	return nil
}

func (c *postCondition) failed() *S3Error {
	return accordingToPolicy(PolicyCondition, "Policy Condition failed: "+c.text).because("a condition does not hold")
}

func (p *PostPolicy) covers(name string) bool {
	switch {
	case name == "x-amz-signature", name == "policy", name == "file", strings.HasPrefix(name, "x-ignore-"):
		return true
	}
	return slices.ContainsFunc(p.conditions, func(c postCondition) bool { return c.field == name && name != "" })
}

func (c *postCondition) holds(values map[string]string) bool {
	if c.operator == operatorRange {
		return !c.broken
	}
	value, ok := values[c.field]
	if !ok || c.field == "" {
		return false
	}
	switch c.operator {
	case operatorEq:
		return value == c.value
	case operatorStartsWith:
		if c.field != "content-type" {
			return strings.HasPrefix(value, c.value)
		}
		// A list of types, of which each must begin so (same page).
		for one := range strings.SplitSeq(value, ",") {
			if !strings.HasPrefix(strings.Trim(one, " \t"), c.value) {
				return false
			}
		}
		return true
	}
	return false
}

// MaxLength is the largest file that the policy admits, for the reader of the
// file to stop at. It is -1 for a policy that admits none.
func (p *PostPolicy) MaxLength() int64 {
	most := int64(math.MaxInt64)
	for _, c := range p.conditions {
		if c.operator == operatorRange {
			most = min(most, c.max)
		}
	}
	if most < 0 || p.expiration.IsZero() {
		return -1
	}
	return most
}

// CheckLength asks that a file of that many bytes is within every range of the
// policy, bounds included.
func (p *PostPolicy) CheckLength(length int64) error {
	if p.expiration.IsZero() {
		return policyExpired()
	}
	for i := range p.conditions {
		c := &p.conditions[i]
		switch {
		case c.operator != operatorRange:
		case c.broken:
			return c.failed()
		case length > c.max:
			return s3Error(EntityTooLarge, "EntityTooLarge", badRequest, "Your proposed upload exceeds the maximum allowed size").
				with("ProposedSize", number(length)).with("MaxSizeAllowed", number(c.max))
		case length < c.min:
			return s3Error(EntityTooSmall, "EntityTooSmall", badRequest, "Your proposed upload is smaller than the minimum allowed size").
				with("ProposedSize", number(length)).with("MinSizeAllowed", number(c.min))
		}
	}
	return nil
}
