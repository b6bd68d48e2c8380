package iam

import (
	"slices"
	"strings"

	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/policy"
	"github.com/daypass/daypass/internal/session"
	"github.com/daypass/daypass/internal/store"
)

// taggedKind is what the kinds of tagged things differ in, for the operations
// that tag them.
type taggedKind struct {
	// distinguishesCase says that Key and key are two tags. Of roles and users
	// they are one, of all else two (recorded on AWS).
	distinguishesCase bool
	// refusesNoKeys says that to take no tag away is an error. Of users it is
	// none, of providers it is (recorded on AWS).
	refusesNoKeys bool
	// read gives the parameter that names the thing.
	read func(in *input) string
	// find gives the tags as the snapshot has them, or the fault that there is no
	// such thing.
	find func(c *awsapi.Call, name string) ([]store.Tag, error)
	// change has the tags changed in a transaction.
	change func(tx store.Tx, c *awsapi.Call, name string, f func(*[]store.Tag) error) error
}

// tagging has the operations on the tags of one kind of thing.
type tagging struct {
	*service
	*taggedKind
}

// tagged gives the operations on tags of roles or users.
func (k *entityKind) tagged() *taggedKind {
	return &taggedKind{
		read: k.name,
		find: func(c *awsapi.Call, name string) ([]store.Tag, error) {
			e, err := k.lookup(c, name)
			if err != nil {
				return nil, err
			}
			return *e.tags, nil
		},
		change: func(tx store.Tx, c *awsapi.Call, name string, f func(*[]store.Tag) error) error {
			return k.changeIn(tx, c, name, func(e *entity) error { return f(e.tags) })
		},
	}
}

// tag puts tags on a thing: a new one beside the others, or in place of the one
// that has its key.
func (k tagging) tag(c *awsapi.Call, in *input) execute {
	name, tags := k.read(in), in.tags(k.distinguishesCase)
	in.check.Required("tags", in.params.HasAny("Tags"))
	if len(tags) == 0 {
		in.forbid(noTags())
	}
	return func() (awsapi.Result, error) {
		return nil, k.update(c, func(tx store.Tx) error {
			return k.change(tx, c, name, func(has *[]store.Tag) error {
				for _, tag := range tags {
					if i := tagAt(*has, tag.Key, k.distinguishesCase); i >= 0 {
						*has = slices.Delete(*has, i, i+1)
					}
					*has = append(*has, tag)
				}
				if len(*has) > awsapi.MaxTags {
					return limitExceeded("The number of tags has reached the maximum limit.")
				}
				sortTags(*has)
				return nil
			})
		})
	}
}

// noTags answers a list of tags, or of their keys, that is empty. The text was
// recorded of TagUser, with the space at its end; of the others only the code was.
func noTags() *awsapi.Fault { return invalidInput("Error occurred while validating input. ") }

// untag takes tags away. A key that is not there is none to take.
func (k tagging) untag(c *awsapi.Call, in *input) execute {
	name := k.read(in)
	keys, err := in.params.TagKeys("TagKeys", "tagKeys", &in.check)
	in.decoded(err)
	in.check.Required("tagKeys", in.params.HasAny("TagKeys"))
	if len(keys) == 0 && k.refusesNoKeys {
		in.forbid(noTags())
	}
	return func() (awsapi.Result, error) {
		return nil, k.update(c, func(tx store.Tx) error {
			return k.change(tx, c, name, func(has *[]store.Tag) error {
				for _, key := range keys {
					if i := tagAt(*has, key, k.distinguishesCase); i >= 0 {
						*has = slices.Delete(*has, i, i+1)
					}
				}
				return nil
			})
		})
	}
}

func (k tagging) list(c *awsapi.Call, in *input) execute {
	name, p := k.read(in), in.page()
	return func() (awsapi.Result, error) {
		tags, err := k.find(c, name)
		if err != nil {
			return nil, err
		}
		var reply tagList
		reply.tags, reply.next = cut(p, tagsAfter(tags, p.after), func(t store.Tag) string { return t.Key }, func(store.Tag) bool { return true })
		return reply, nil
	}
}

// tagsAfter gives tags in their order from the first whose key comes after the
// given one.
func tagsAfter(tags []store.Tag, after string) func(yield func(store.Tag) bool) {
	return func(yield func(store.Tag) bool) {
		for _, tag := range tags {
			if tag.Key > after && !yield(tag) {
				return
			}
		}
	}
}

// tags reads the parameter Tags of an operation that makes or tags a thing, in
// the order in which they are kept and replies tell them: that of the bytes of
// their keys. AWS's is neither that nor the order of sending, and follows no rule
// that was found. See tagsAsSent for what makes a thing.
func (in *input) tags(distinguishCase bool) []store.Tag {
	given, err := in.params.Tags(&in.check)
	in.decoded(err)
	if len(given) > awsapi.MaxTags { // refused, whatever they are
		return nil
	}
	var tags []store.Tag
	for _, tag := range given {
		if len(tag.Key) >= 4 && strings.EqualFold(tag.Key[:4], "aws:") {
			in.forbid(invalidInput("Tag keys beginning with aws: are reserved for system use."))
		}
	}
	for _, tag := range given {
		if tagAt(tags, tag.Key, distinguishCase) >= 0 {
			message := "Duplicate tag keys found."
			if !distinguishCase {
				message += " Please note that Tag keys are case insensitive."
			}
			in.forbid(invalidInput(message))
		}
		tags = append(tags, store.Tag{Key: tag.Key, Value: tag.Value})
	}
	in.tagsAsSent = slices.Clone(tags)
	sortTags(tags)
	return tags
}

// tagAt finds a tag by its key. Where case does not count, keys are one where
// policies know them as one: a policy that guards a tag guards it in each
// spelling that takes it away.
func tagAt(tags []store.Tag, key string, distinguishCase bool) int {
	return slices.IndexFunc(tags, func(t store.Tag) bool {
		return t.Key == key || !distinguishCase && policy.SameKey(t.Key, key)
	})
}

func sortTags(tags []store.Tag) {
	slices.SortFunc(tags, func(a, b store.Tag) int { return strings.Compare(a.Key, b.Key) })
}

// requestTagKeys sets the condition keys of the tags that a request brings:
// aws:RequestTag and aws:TagKeys (IAM User Guide, "AWS global condition context
// keys"). Of keys that differ in case, which are one to a policy, that one counts
// which will count of the thing's own; see setResourceTags.
func requestTagKeys(c *awsapi.Call, keys *policy.Context) {
	tags, err := c.Params.Tags(&awsapi.Validation{})
	if err != nil || len(tags) == 0 { // the operation refuses what is wrong
		return
	}
	slices.SortStableFunc(tags, func(a, b session.Tag) int { return strings.Compare(a.Key, b.Key) })
	names := make([]string, len(tags))
	for i, tag := range tags {
		names[i] = tag.Key
		keys.Set("aws:RequestTag/"+tag.Key, tag.Value)
	}
	keys.SetMulti("aws:TagKeys", names)
}

// requestUntagKeys is requestTagKeys for the keys of tags to take away.
func requestUntagKeys(c *awsapi.Call, keys *policy.Context) {
	names, err := c.Params.List("TagKeys")
	if err == nil && len(names) > 0 {
		keys.SetMulti("aws:TagKeys", names)
	}
}

// withTags is when a request that makes something tags it too.
var withTags = awsapi.When{Words: "with tags", Of: func(c *awsapi.Call) bool { return c.Params.HasAny("Tags.member") }}

// setResourceTags sets the condition keys of the tags of the thing acted on, which
// come in order of their keys: of those that differ in case the last counts.
func setResourceTags(keys *policy.Context, prefix string, tags []store.Tag) {
	for _, tag := range tags {
		keys.Set(prefix+tag.Key, tag.Value)
	}
}

// writeTags writes the element Tags, which not every reply has when it is empty.
func writeTags(x *awsapi.XML, tags []store.Tag) {
	x.Open("Tags")
	for _, tag := range tags {
		x.Open("member")
		x.Text("Key", tag.Key)
		x.Text("Value", tag.Value)
		x.Close()
	}
	x.Close()
}

// writeSomeTags is writeTags for replies that have the element only with tags in it.
func writeSomeTags(x *awsapi.XML, tags []store.Tag) {
	if len(tags) > 0 {
		writeTags(x, tags)
	}
}

type tagList struct {
	tags []store.Tag
	next string
}

// WriteXML implements awsapi.Result.
func (r tagList) WriteXML(x *awsapi.XML) {
	writeTags(x, r.tags)
	writeNext(x, r.next)
}
