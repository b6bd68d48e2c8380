package secretsmanager

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/store"
)

// checks gathers what is wrong with the parameters by the service's model. No
// value is repeated: a secret may stand in the wrong member.
type checks struct {
	awsapi.Validation
	first error // what the service itself forbids, and tells first
}

// forbid notes what the service forbids beyond its model.
func (v *checks) forbid(f *awsapi.Fault) {
	if v.first == nil {
		v.first = f
	}
}

func (v *checks) err() error {
	if err := v.Err(); err != nil {
		return err
	}
	return v.first
}

// text asks for a text of at most that many characters, which the request must
// have.
func (v *checks) text(member, value string, most int) {
	v.Required(member, value != "")
	if value != "" {
		v.Length(member, value, 1, most)
	}
}

// given asks for a length of a text that the request may have.
func (v *checks) given(member string, value *string, least, most int) {
	if value != nil {
		v.Length(member, *value, least, most)
	}
}

// number asks for a number from 1 on, which the request may have.
func (v *checks) number(member string, value *int64, most int) {
	if value != nil {
		v.Range(member, int(max(min(*value, int64(most)+1), 0)), 1, most)
	}
}

// namePattern is AWS's; its sentence tells the "!", which the names of secrets
// that services make have.
var namePattern = regexp.MustCompile(`^[A-Za-z0-9/_+=.@!-]+$`)

func (v *checks) secretName(name string) {
	v.text("name", name, 512)
	if name != "" && !namePattern.MatchString(name) {
		v.forbid(awsapi.Invalid("Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!"))
	}
}

// tokenPattern keeps ids of versions out of the way of what they stand in. AWS
// recommends a UUID and does not say what else it takes.
var tokenPattern = regexp.MustCompile(`^[A-Za-z0-9_.:/+=@-]+$`)

// clientRequestToken is the id of a version to be made. SDKs fill it in.
func (v *checks) clientRequestToken(token *string) {
	if token == nil {
		v.forbid(invalidRequest("You must provide a ClientRequestToken value. We recommend a UUID-type value."))
		return
	}
	v.given("clientRequestToken", token, 32, 64)
	if !tokenPattern.MatchString(*token) {
		v.forbid(invalidParameter("ClientRequestToken holds a character that is not allowed. We recommend a UUID-type value."))
	}
}

// maxValue is in bytes (Secrets Manager User Guide, "AWS Secrets Manager quotas",
// secret value).
const maxValue = 65536

// value asks for a value of a secret, or for none where it may be left out.
func (v *checks) value(text *string, binary []byte, required bool) {
	if text != nil {
		v.SecretLength("secretString", *text, 1, maxValue)
		if len(*text) > maxValue && len([]rune(*text)) <= maxValue {
			v.Constraint("secretString", "", fmt.Sprintf("Member must have length less than or equal to %d", maxValue))
		}
	}
	switch n := len(binary); {
	case binary != nil && n == 0:
		v.Constraint("secretBinary", "", "Member must have length greater than or equal to 1")
	case n > maxValue:
		v.Constraint("secretBinary", "", fmt.Sprintf("Member must have length less than or equal to %d", maxValue))
	}
	switch {
	case text != nil && binary != nil:
		v.forbid(invalidParameter("You can't specify both a binary secret value and a string secret value in the same secret."))
	case text == nil && binary == nil && required:
		v.forbid(invalidRequest("You must provide either SecretString or SecretBinary."))
	}
}

// defaultKMSKey is the alias of the key that AWS takes where a request names none.
const defaultKMSKey = "alias/aws/secretsmanager"

// kmsKey refuses to keep a value under any key but the master key.
func (v *checks) kmsKey(id *string) {
	v.given("kmsKeyId", id, 0, 2048)
	if id == nil || *id == "" || *id == defaultKMSKey || strings.HasSuffix(*id, ":"+defaultKMSKey) {
		return
	}
	v.forbid(awsapi.Error(400, "EncryptionFailure", "Secrets Manager can't encrypt the protected secret text using the provided KMS key. "+
		"Daypass seals secrets under its master key and has no keys of KMS: leave KmsKeyId out."))
}

// kind refuses what is kept for a service elsewhere.
func (v *checks) kind(of *string) {
	if of != nil && *of != "" {
		v.forbid(invalidParameter("Daypass has no managed external secrets: leave Type out."))
	}
}

// tag is a tag of a request or reply.
type tag struct{ Key, Value string }

func (v *checks) tags(tags []tag) {
	seen := map[string]bool{}
	for i, t := range tags {
		at := fmt.Sprintf("tags.%d.member.", i+1)
		v.Length(at+"key", t.Key, 1, awsapi.MaxTagKey)
		v.Length(at+"value", t.Value, 0, awsapi.MaxTagValue)
		if seen[t.Key] {
			v.forbid(invalidParameter("A tag key comes twice. Tag keys must be unique."))
		}
		if strings.HasPrefix(strings.ToLower(t.Key), "aws:") {
			v.forbid(invalidParameter("Tag keys that begin with aws: are kept for AWS."))
		}
		seen[t.Key] = true
	}
	if len(tags) > awsapi.MaxTags {
		v.forbid(tooManyTags())
	}
}

func tooManyTags() *awsapi.Fault {
	return invalidParameter("A secret can have %d tags at most.", awsapi.MaxTags)
}

func stored(tags []tag) []store.Tag {
	var list []store.Tag
	for _, t := range tags {
		list = append(list, store.Tag{Key: t.Key, Value: t.Value})
	}
	return list
}

func shown(tags []store.Tag) []tag {
	var list []tag
	for _, t := range tags {
		list = append(list, tag{Key: t.Key, Value: t.Value})
	}
	return list
}
