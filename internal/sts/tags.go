package sts

import (
	"net/http"
	"slices"
	"strings"

	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/session"
	"github.com/daypass/daypass/internal/trust"
)

// decodeTags reads Tags and TransitiveTagKeys. Tags is empty where the request
// brings none.
func decodeTags(p awsapi.Params, v *awsapi.Validation) (tags []session.Tag, transitive []string, err error) {
	if tags, err = p.Tags(v); err != nil {
		return nil, nil, err
	}
	transitive, err = p.TagKeys("TransitiveTagKeys", "transitiveTagKeys", v)
	return tags, transitive, err
}

// sessionTagsOf are the tags of a session that caller begins: those that were
// asked for, and those that the caller's own session hands on. A handed-on tag
// cannot be set anew (IAM User Guide, "Pass session tags in AWS STS", chaining
// roles with session tags). The three sentences are recorded on AWS.
func sessionTagsOf(caller *session.Session, tags []session.Tag, transitive []string) ([]session.Tag, error) {
	if err := distinctTags(tags); err != nil {
		return nil, err
	}
	for _, tag := range tags {
		if len(tag.Key) >= 4 && strings.EqualFold(tag.Key[:4], "aws:") {
			return nil, badTags("Tag keys beginning with aws: are reserved."). // AWS's sentence is not known
												Because("the session tag %q begins with aws:, which AWS keeps for itself", tag.Key)
		}
	}
	all := slices.Clone(tags)
	for _, key := range transitive {
		at := slices.IndexFunc(all, func(tag session.Tag) bool { return strings.EqualFold(tag.Key, key) })
		if at < 0 {
			return nil, badTags("The specified transitive tag key must be included in the requested tags.")
		}
		all[at].Transitive = true
	}
	if caller == nil {
		return all, nil
	}
	for _, inherited := range caller.Tags {
		if !inherited.Transitive {
			continue
		}
		if slices.ContainsFunc(tags, func(tag session.Tag) bool { return strings.EqualFold(tag.Key, inherited.Key) }) {
			return nil, badTags("One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session.")
		}
		all = append(all, inherited)
	}
	return all, nil
}

// distinctTags refuses keys that differ in case alone.
func distinctTags(tags []session.Tag) error {
	for i, tag := range tags {
		if slices.ContainsFunc(tags[:i], func(other session.Tag) bool { return strings.EqualFold(other.Key, tag.Key) }) {
			return badTags("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
		}
	}
	return nil
}

func badTags(message string) *awsapi.Fault {
	return awsapi.Error(http.StatusBadRequest, "InvalidParameterValue", message)
}

// tagsAsked are tags as package trust has them.
func tagsAsked(tags []session.Tag) []trust.Tag {
	if len(tags) == 0 {
		return nil
	}
	asked := make([]trust.Tag, len(tags))
	for i, tag := range tags {
		asked[i] = trust.Tag{Key: tag.Key, Value: tag.Value}
	}
	return asked
}
