package trust

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/daypass/daypass/internal/arn"
)

// The claims by which a token tells STS what to do. Tags may be spelled as one
// object or as a claim for each (IAM User Guide, "Pass session tags in AWS STS",
// using AssumeRoleWithWebIdentity).
const (
	awsClaims           = "https://aws.amazon.com/"
	rolesClaim          = awsClaims + "roles"
	sourceIdentityClaim = awsClaims + "source_identity"
	tagsClaim           = awsClaims + "tags"
	flatTagClaim        = tagsClaim + "/principal_tags/" // and the tag's key
	flatTransitiveClaim = tagsClaim + "/transitive_tag_keys"
)

// Limits of session tags and of a source identity, in characters but for the
// number of tags (STS API Reference, Tag and AssumeRole). AWS takes a source
// identity of 256, though its model says 64 (published captures of AWS, 2026-09).
const (
	MaxTags             = 50
	MaxTagKey           = 128
	MaxTagValue         = 256
	MinSourceIdentity   = 2
	MaxSourceIdentity   = 256
	reservedTagKeyStart = "aws:" // in any case (IAM User Guide, "Tags for AWS IAM resources")
)

var (
	tagPattern            = regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$`)
	sourceIdentityPattern = regexp.MustCompile(`^[\w+=,.@-]*$`)
)

// readAWSClaims reads the claims under https://aws.amazon.com/. One that is not
// known is refused: what it asks for could be a restriction.
func (t *Token) readAWSClaims(all map[string]json.RawMessage) error {
	var names []string // in order of names, so that faults and keys have one order
	for name := range all {
		if strings.HasPrefix(name, awsClaims) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		if err := t.readAWSClaim(name, all[name]); err != nil {
			return err
		}
	}
	return t.checkTags()
}

func (t *Token) readAWSClaim(name string, value json.RawMessage) error {
	switch {
	case name == rolesClaim:
		return t.readRoles(value)
	case name == sourceIdentityClaim:
		return t.readSourceIdentity(value)
	case name == tagsClaim:
		return t.readNestedTags(value)
	case name == flatTransitiveClaim:
		return t.readTransitive(name, value)
	case strings.HasPrefix(name, flatTagClaim):
		text, ok := claimText(value)
		if !ok || value[0] != '"' {
			return fail(TagsFormat, name, "the claim %s is not a string", shown(name))
		}
		return t.addTag(name, strings.TrimPrefix(name, flatTagClaim), text)
	default:
		return fail(UnknownClaim, name, "the token carries the claim %s, which Daypass does not know and must not ignore", shown(name))
	}
}

// readRoles reads the ARNs of the roles that the token may be used for, in a
// list or parted by semicolons. White space around one does not count, and what
// is no role's ARN is passed over, since it admits nothing; null is as good as
// no claim (recorded on AWS, 2026-09).
func (t *Token) readRoles(value json.RawMessage) error {
	var candidates []string
	switch {
	case string(value) == "null":
		return nil
	case value[0] == '"':
		text, _ := claimText(value)
		candidates = strings.Split(text, ";")
	case value[0] == '[':
		var list []json.RawMessage
		if err := json.Unmarshal(value, &list); err != nil {
			return fail(RolesFormat, rolesClaim, "the claim %s cannot be read", rolesClaim)
		}
		for _, item := range list {
			if text, ok := claimText(item); ok {
				candidates = append(candidates, text)
			}
		}
	default:
		return fail(RolesFormat, rolesClaim, "the claim %s is neither a string nor a list of strings", rolesClaim)
	}
	t.HasRoles = true
	for _, candidate := range candidates {
		candidate = strings.TrimSpace(candidate)
		if _, _, ok := arn.RoleName(candidate); ok && !strings.ContainsAny(candidate, "*?") {
			t.Roles = append(t.Roles, candidate)
		}
	}
	if len(t.Roles) == 0 {
		return fail(NoRoles, rolesClaim, "the claim %s names no role; it takes whole ARNs of roles, without wildcards", rolesClaim)
	}
	return nil
}

// AuthorizeRole holds a role, by the ARN that the request names, against the
// token's claim roles. A token without the claim may be used for any role, as
// far as the claim goes. The ARN must be listed byte for byte, and whether there
// is such a role does not matter: AWS asks this before it looks (recorded on
// AWS, 2026-09). The error is an *Error of kind RoleNotListed.
func (t *Token) AuthorizeRole(roleARN string) error {
	if !t.HasRoles || slices.Contains(t.Roles, roleARN) {
		return nil
	}
	return fail(RoleNotListed, rolesClaim, "the token is for other roles only: its claim %s has %d, and not this one", rolesClaim, len(t.Roles))
}

// names is AuthorizeRole for a role as it was made, whose ARN a request may
// spell in another case.
func (t *Token) names(roleARN string) bool {
	return !t.HasRoles || slices.ContainsFunc(t.Roles, func(listed string) bool { return strings.EqualFold(listed, roleARN) })
}

func (t *Token) readSourceIdentity(value json.RawMessage) error {
	text, ok := claimText(value)
	n := utf8.RuneCountInString(text)
	if !ok || value[0] != '"' || n < MinSourceIdentity || n > MaxSourceIdentity || !sourceIdentityPattern.MatchString(text) {
		return fail(SourceIdentityFormat, sourceIdentityClaim, "the claim %s is not a string of %d to %d letters, digits and _+=,.@-", sourceIdentityClaim, MinSourceIdentity, MaxSourceIdentity)
	}
	t.SourceIdentity = text
	return nil
}

// readNestedTags reads {"principal_tags": {KEY: [VALUE]}, "transitive_tag_keys":
// [KEY]}. A value must be a list of one (recorded on AWS, 2026-09).
func (t *Token) readNestedTags(value json.RawMessage) error {
	members, ok := readObject(value)
	if !ok {
		return fail(TagsFormat, tagsClaim, "the claim %s is not an object", tagsClaim)
	}
	for _, member := range sortedNames(members) {
		switch member {
		case "principal_tags":
		case "transitive_tag_keys":
			if err := t.readTransitive(tagsClaim, members[member]); err != nil {
				return err
			}
		default:
			return fail(TagsFormat, tagsClaim, "the claim %s has the member %s; it takes principal_tags and transitive_tag_keys", tagsClaim, shown(member))
		}
	}
	value, ok = members["principal_tags"]
	if !ok {
		return nil
	}
	tags, ok := readObject(value)
	if !ok {
		return fail(PrincipalTagsFormat, tagsClaim, "principal_tags in the claim %s is not an object", tagsClaim)
	}
	for _, key := range sortedNames(tags) {
		values, ok := claimList(tags[key])
		if !ok || len(values) != 1 {
			return fail(PrincipalTagsFormat, tagsClaim, "the tag %s in the claim %s is not a list of one string; write [\"value\"]", shown(key), tagsClaim)
		}
		if err := t.addTag(tagsClaim, key, values[0]); err != nil {
			return err
		}
	}
	return nil
}

func (t *Token) readTransitive(claim string, value json.RawMessage) error {
	keys, ok := claimList(value)
	if !ok {
		return fail(TagsFormat, claim, "transitive_tag_keys of the session tags is not a list of strings")
	}
	t.TransitiveTagKeys = append(t.TransitiveTagKeys, keys...)
	return nil
}

func (t *Token) addTag(claim, key, value string) error {
	switch keys, values := utf8.RuneCountInString(key), utf8.RuneCountInString(value); {
	case keys < 1 || keys > MaxTagKey || values > MaxTagValue:
		return fail(PrincipalTagsFormat, claim, "the session tag %s is too long: a key has 1 to %d characters, a value up to %d", shown(key), MaxTagKey, MaxTagValue)
	case !tagPattern.MatchString(key) || !tagPattern.MatchString(value):
		return fail(PrincipalTagsFormat, claim, "the session tag %s holds more than letters, digits, spaces and _.:/=+-@", shown(key))
	case len(key) >= len(reservedTagKeyStart) && strings.EqualFold(key[:len(reservedTagKeyStart)], reservedTagKeyStart):
		return fail(PrincipalTagsFormat, claim, "the session tag %s begins with aws:, which AWS keeps for itself", shown(key))
	}
	t.Tags = append(t.Tags, Tag{key, value})
	return nil
}

// checkTags looks at all tags together, in whichever spelling they came.
func (t *Token) checkTags() error {
	if len(t.Tags) > MaxTags {
		return fail(TagsFormat, tagsClaim, "the token has %d session tags; there may be %d", len(t.Tags), MaxTags)
	}
	slices.SortFunc(t.Tags, func(a, b Tag) int { return strings.Compare(a.Key, b.Key) })
	for i := range t.Tags {
		for _, other := range t.Tags[:i] {
			if strings.EqualFold(other.Key, t.Tags[i].Key) {
				return fail(DuplicateTag, tagsClaim, "the token has the session tag %s twice; the case of letters does not count", shown(other.Key))
			}
		}
	}
	var transitive []string
	for _, key := range t.TransitiveTagKeys {
		if !slices.ContainsFunc(t.Tags, func(tag Tag) bool { return strings.EqualFold(tag.Key, key) }) {
			return fail(NotATag, tagsClaim, "the transitive tag key %s is the key of no session tag of the token", shown(key))
		}
		if !slices.ContainsFunc(transitive, func(other string) bool { return strings.EqualFold(other, key) }) {
			transitive = append(transitive, key)
		}
	}
	t.TransitiveTagKeys = transitive
	return nil
}

// IsTransitive reports whether a tag goes with the session into the roles that
// it assumes.
func (t *Token) IsTransitive(tag Tag) bool {
	return slices.ContainsFunc(t.TransitiveTagKeys, func(key string) bool { return strings.EqualFold(key, tag.Key) })
}

// readObject reads a JSON object. Of members of one name the last counts
// (recorded on AWS, 2026-09).
func readObject(value json.RawMessage) (map[string]json.RawMessage, bool) {
	if len(value) == 0 || value[0] != '{' {
		return nil, false
	}
	var members map[string]json.RawMessage
	err := json.Unmarshal(value, &members)
	return members, err == nil
}

func sortedNames(members map[string]json.RawMessage) []string {
	names := make([]string, 0, len(members))
	for name := range members {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
