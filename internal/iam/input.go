package iam

import (
	"encoding/base64"
	"net/http"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/daypass/daypass/internal/arn"
	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/store"
)

// Limits of the service model, in characters.
const (
	maxRoleName    = 64
	maxUserName    = 64  // of a user who is made or renamed
	maxGivenUser   = 128 // of a user who is named
	maxGroupName   = 128
	maxPolicyName  = 128
	maxPath        = 512
	maxDescription = 1000
	maxDocument    = 131072
	minARN, maxARN = 20, 2048
	maxMarker      = 320
	// Markers of Daypass can be longer than the model's: one that goes on behind the
	// ARN of a policy under a long path, or behind a tag's key of other letters.
	longestMarker = 1024
)

// Patterns of the service model; paths as they were found to hold on AWS,
// where the whole value must match.
var (
	namePattern        = regexp.MustCompile(`^[\w+=,.@-]+$`)
	rolePathPattern    = regexp.MustCompile(`^(/|/[\x21-\x7E]+/)$`)
	rolePrefixPattern  = regexp.MustCompile(`^/[\x21-\x7F]*$`)
	policyPathPattern  = regexp.MustCompile(`^(/[A-Za-z0-9.,+@=_-]+)*/$`)
	documentPattern    = regexp.MustCompile(`^[\t\n\r\x{20}-\x{FF}]+$`)
	descriptionPattern = regexp.MustCompile(`^[\t\n\r\x{20}-\x{7E}\x{A1}-\x{FF}]*$`)
	versionPattern     = regexp.MustCompile(`^v[1-9][0-9]*(\.[A-Za-z0-9-]*)?$`)
)

// input reads the parameters of one request. Everything that is wrong with
// them is gathered and told in the order in which AWS tells it: what cannot be
// decoded, then all violations of the model at once, then the first of those for
// which IAM has a sentence of its own; and, once permission was given, the first
// of what only IAM itself forbids.
type input struct {
	params    awsapi.Params
	check     awsapi.Validation
	malformed error
	refused   error
	forbidden error
	execute   execute // what to do, once it was read
	// tagsAsSent are the parameter Tags in the order in which they were sent, in
	// which the reply of what makes a thing tells them (recorded on AWS).
	tagsAsSent []store.Tag
}

func read(c *awsapi.Call) *input {
	return &input{params: c.Params, check: awsapi.Validation{HideValues: true}}
}

// err is what is told before permission is asked.
func (in *input) err() error {
	if in.malformed != nil {
		return in.malformed
	}
	if err := in.check.Err(); err != nil {
		return err
	}
	return in.refused
}

// refuse keeps the first refusal.
func (in *input) refuse(f *awsapi.Fault) {
	if in.refused == nil {
		in.refused = f
	}
}

// forbid keeps the first refusal that is told after permission was given.
func (in *input) forbid(f *awsapi.Fault) {
	if in.forbidden == nil {
		in.forbidden = f
	}
}

// decoded keeps the first failure to decode.
func (in *input) decoded(err error) {
	if in.malformed == nil {
		in.malformed = err
	}
}

// member is the name of a parameter as messages write it.
func member(parameter string) string {
	return strings.ToLower(parameter[:1]) + parameter[1:]
}

// text reads a parameter of least to most characters, and whether it was sent.
func (in *input) text(parameter string, least, most int) (string, bool) {
	value, sent := in.params.Get(parameter), in.params.Has(parameter)
	if sent {
		in.length(member(parameter), value, least, most)
	}
	return value, sent
}

// length checks a value.
func (in *input) length(member, value string, least, most int) {
	if in.utf8(member, value) {
		in.check.Length(member, value, least, most)
	}
}

// utf8 refuses text that is not UTF-8, which would not come back as it was sent.
func (in *input) utf8(member, value string) bool {
	valid := utf8.ValidString(value)
	if !valid {
		in.decoded(&awsapi.Fault{Kind: awsapi.MalformedInput, Message: "The value at '" + member + "' is not UTF-8."})
	}
	return valid
}

// required is text for a parameter that must be sent.
func (in *input) required(parameter string, least, most int) string {
	value, sent := in.text(parameter, least, most)
	in.check.Required(member(parameter), sent)
	return value
}

func (in *input) policyName() string { return in.name("PolicyName", maxPolicyName) }

func (in *input) name(parameter string, most int) string {
	value := in.required(parameter, 1, most)
	if !namePattern.MatchString(value) {
		in.refuse(awsapi.Invalid("The specified value for " + member(parameter) +
			" is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-"))
	}
	return value
}

// newName is name for one that a thing is given, "" where it keeps its own.
func (in *input) newName(parameter string, most int) string {
	if !in.params.Has(parameter) {
		return ""
	}
	return in.name(parameter, most)
}

// newPath is path for one that a user or group is given, "" where it keeps its own.
func (in *input) newPath() string {
	if !in.params.Has("NewPath") {
		return ""
	}
	return in.path("NewPath", rolePathPattern)
}

// path reads a path or a prefix of one, "/" where it was not sent.
func (in *input) path(parameter string, pattern *regexp.Regexp) string {
	value, sent := in.text(parameter, 1, maxPath)
	if !sent {
		return "/"
	}
	if !pattern.MatchString(value) {
		bounds := "begin and end with /"
		if pattern == rolePrefixPattern {
			bounds = "begin with the / character"
		}
		in.refuse(awsapi.Invalid("The specified value for " + member(parameter) + " is invalid. It must " + bounds +
			" and contain only alphanumeric characters and/or / characters."))
	}
	return value
}

// document reads a policy document as text; see trustPolicy and identityPolicy
// for what it says.
func (in *input) document(parameter string) string {
	value := in.required(parameter, 1, maxDocument)
	if value != "" {
		in.check.Pattern(member(parameter), value, documentPattern, `[\u0009\u000A\u000D\u0020-\u00FF]+`)
	}
	return value
}

// roleDescription reads a description, nil where none was sent.
func (in *input) roleDescription() *string {
	value, sent := in.text("Description", 0, maxDescription)
	if !sent {
		return nil
	}
	in.check.Pattern("description", value, descriptionPattern, `[\u0009\u000A\u000D\u0020-\u007E\u00A1-\u00FF]*`)
	return &value
}

// arn reads an ARN of IAM whose resource begins with kind, such as "policy/".
// Of which account is asked later: another account's thing is answered as one
// that does not exist.
func (in *input) arn(parameter, kind string) string {
	value := in.required(parameter, minARN, maxARN)
	a, err := arn.Parse(value)
	if err != nil || a.Service != "iam" || !strings.HasPrefix(a.Resource, kind) {
		in.refuse(awsapi.Invalid("Invalid ARN:  Could not be parsed!")) // two spaces, as recorded on AWS
	}
	return value
}

// policyARN reads the ARN of a managed policy. Of which account is asked later:
// another account's policy is answered as one that does not exist.
func (in *input) policyARN() string {
	value := in.arn("PolicyArn", "policy/")
	in.partition(value)
	return value
}

// ownPolicyARN is policyARN for what changes the policy, which AWS forbids for
// its own with a sentence for each operation (recorded, also of such as do not
// exist).
func (in *input) ownPolicyARN(outside string) string {
	value := in.policyARN()
	if account, _, ok := arn.PolicyName(value); ok && account == arn.AWS {
		in.forbid(awsapi.Error(http.StatusForbidden, "AccessDenied", outside))
	}
	return value
}

// usedARN reads the ARN of a managed policy to attach.
func (in *input) usedARN(parameter string) string {
	value := in.required(parameter, minARN, maxARN)
	if !isPolicyARN(value) {
		in.refuse(awsapi.Invalid("ARN " + value + " is not valid."))
	}
	in.partition(value)
	return value
}

// partition refuses the ARN of a policy of another partition (recorded on AWS).
func (in *input) partition(value string) {
	if a, err := arn.Parse(value); err == nil && a.Partition != arn.Partition {
		in.refuse(awsapi.Invalid("Invalid ARN partition"))
	}
}

func isPolicyARN(value string) bool {
	a, err := arn.Parse(value)
	return err == nil && a.Service == "iam" && strings.HasPrefix(a.Resource, "policy/")
}

// refuseUnserved refuses parameters that Daypass does not serve, where they
// ask for anything. An empty list asks for nothing.
func (in *input) refuseUnserved(parameters ...string) {
	for _, parameter := range parameters {
		if in.params.HasAny(parameter+".member") || in.params.Get(parameter) != "" {
			in.refuse(awsapi.Invalid("Daypass does not serve the parameter "+parameter+" yet; leave it out.").
				Because("the request carries %s, and to ignore it would be to do something else than was asked", parameter))
		}
	}
}

// page is the part of a list that a request asks for.
type page struct {
	after string // key of the last item of the page before, "" for the first page
	limit int
}

// Bounds of MaxItems (service model).
const (
	defaultItems = 100
	maxItems     = 1000
)

func (in *input) page() page {
	p := page{limit: defaultItems}
	items, sent, err := in.params.Int("MaxItems")
	in.decoded(err)
	if sent && err == nil {
		in.check.Range("maxItems", items, 1, maxItems)
		p.limit = items
	}
	marker, sent := in.params.Get("Marker"), in.params.Has("Marker")
	if !sent {
		return p
	}
	if len(marker) == 0 || len(marker) > longestMarker {
		in.length("marker", marker, 1, maxMarker)
	}
	key, err := base64.RawURLEncoding.Strict().DecodeString(marker)
	if err != nil || len(key) == 0 || !utf8.Valid(key) {
		in.refuse(awsapi.Invalid("Invalid Marker."))
	}
	p.after = string(key)
	return p
}

// markerOf is the inverse of what page reads.
func markerOf(key string) string { return base64.RawURLEncoding.EncodeToString([]byte(key)) }

// maxSessionDuration reads that parameter (service model: 3600 to 43200, and without
// it 3600).
func (in *input) maxSessionDuration() int {
	const least, most = 3600, 43200
	seconds, sent, err := in.params.Int("MaxSessionDuration")
	in.decoded(err)
	if !sent || err != nil {
		return least
	}
	in.check.Range("maxSessionDuration", seconds, least, most)
	return seconds
}

// flag reads a boolean, false where it was not sent.
func (in *input) flag(parameter string) bool {
	value, err := in.params.Bool(parameter)
	in.decoded(err)
	return value
}

// oneOf reads one of several words, the first where it was not sent.
func (in *input) oneOf(parameter string, words ...string) string {
	if !in.params.Has(parameter) {
		return words[0]
	}
	value := in.params.Get(parameter)
	in.check.OneOf(member(parameter), value, words...)
	return value
}

// choice reads one of several words, "" where it was not sent.
func (in *input) choice(parameter string, words ...string) string {
	value, sent := in.params.Get(parameter), in.params.Has(parameter)
	if sent {
		in.check.OneOf(member(parameter), value, words...)
	}
	return value
}

// list reads a list whose members have least to most characters.
func (in *input) list(parameter string, least, most int) []string {
	values, err := in.params.List(parameter)
	in.decoded(err)
	for _, value := range values {
		in.utf8(member(parameter), value)
	}
	in.check.Elements(member(parameter), values, func(value string) bool {
		n := utf8.RuneCountInString(value)
		return n >= least && n <= most
	}, awsapi.LengthConstraints(least, most)...)
	return values
}
