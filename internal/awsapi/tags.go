package awsapi

import (
	"regexp"
	"strconv"
	"unicode/utf8"

	"github.com/daypass/daypass/internal/session"
)

// Limits of tags, in characters (service models of STS and IAM, tagKeyType,
// tagValueType and tagListType).
const (
	MaxTags     = 50
	MaxTagKey   = 128
	MaxTagValue = 256
)

const (
	shownTagKey   = `[\p{L}\p{Z}\p{N}_.:/=+\-@]+`
	shownTagValue = `[\p{L}\p{Z}\p{N}_.:/=+\-@]*`
)

var (
	tagKeyPattern   = regexp.MustCompile("^" + shownTagKey + "$")
	tagValuePattern = regexp.MustCompile("^" + shownTagValue + "$")
)

// Tags reads the list Tags, which is empty where the request brings none. What
// the service's model forbids goes into v; what only the service forbids, such as
// a key that comes twice, is left to it.
func (p Params) Tags(v *Validation) ([]session.Tag, error) {
	members, err := p.Structs("Tags")
	if err != nil {
		return nil, err
	}
	v.Size("tags", shownTags(members), len(members), MaxTags)
	var tags []session.Tag
	for i, member := range members {
		name := "tags." + strconv.Itoa(i+1) + ".member."
		tag := session.Tag{Key: member.Get("Key"), Value: member.Get("Value")}
		v.Required(name+"value", member.Has("Value")) // before the key, as recorded on AWS
		v.Length(name+"value", tag.Value, 0, MaxTagValue)
		v.Pattern(name+"value", tag.Value, tagValuePattern, shownTagValue)
		v.Required(name+"key", member.Has("Key"))
		if member.Has("Key") {
			v.Length(name+"key", tag.Key, 1, MaxTagKey)
			v.Pattern(name+"key", tag.Key, tagKeyPattern, shownTagKey)
		}
		tags = append(tags, tag)
	}
	return tags, nil
}

// TagKeys reads a list of keys of tags, such as TransitiveTagKeys; member is its
// name as messages write it.
func (p Params) TagKeys(list, member string, v *Validation) ([]string, error) {
	keys, err := p.List(list)
	if err != nil {
		return nil, err
	}
	v.Size(member, ShowList(keys), len(keys), MaxTags)
	ok := func(key string) bool {
		n := utf8.RuneCountInString(key)
		return n >= 1 && n <= MaxTagKey && tagKeyPattern.MatchString(key)
	}
	v.Elements(member, keys, ok, append(LengthConstraints(1, MaxTagKey), PatternConstraint(shownTagKey), "Member must not be null")...)
	return keys, nil
}

// shownTags writes tags as AWS's messages do.
func shownTags(members []Params) string {
	shown := make([]string, len(members))
	for i, member := range members {
		shown[i] = "Tag(key=" + member.Get("Key") + ", value=" + member.Get("Value") + ")"
	}
	return ShowList(shown)
}
