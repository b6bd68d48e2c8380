package secretsmanager

import (
	"slices"

	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/policy"
	"github.com/daypass/daypass/internal/store"
)

type tagResourceInput struct {
	SecretId string
	Tags     []tag
}

var tagResource = &operation[tagResourceInput]{
	name: "TagResource",
	id:   func(in *tagResourceInput) string { return in.SecretId },
	check: func(in *tagResourceInput, v *checks) {
		v.Required("tags", in.Tags != nil)
		v.tags(in.Tags)
	},
	keys: func(_ *request, in *tagResourceInput, keys *policy.Context) { setRequestTags(keys, in.Tags) },
	run: func(q *request, in *tagResourceInput) (any, error) {
		_, err := q.update(func(_ store.Tx, s *store.Secret) error {
			for _, t := range in.Tags {
				i := slices.IndexFunc(s.Tags, func(has store.Tag) bool { return has.Key == t.Key })
				if i < 0 {
					s.Tags = append(s.Tags, store.Tag{Key: t.Key, Value: t.Value})
				} else {
					s.Tags[i].Value = t.Value
				}
			}
			if len(s.Tags) > awsapi.MaxTags {
				return tooManyTags()
			}
			return nil
		})
		return nil, err
	},
}

type untagResourceInput struct {
	SecretId string
	TagKeys  []string
}

var untagResource = &operation[untagResourceInput]{
	name: "UntagResource",
	id:   func(in *untagResourceInput) string { return in.SecretId },
	check: func(in *untagResourceInput, v *checks) {
		v.Required("tagKeys", in.TagKeys != nil)
		for _, key := range in.TagKeys {
			v.Length("tagKeys", key, 1, awsapi.MaxTagKey)
		}
	},
	keys: func(_ *request, in *untagResourceInput, keys *policy.Context) {
		if len(in.TagKeys) > 0 {
			keys.SetMulti("aws:TagKeys", in.TagKeys)
		}
	},
	run: func(q *request, in *untagResourceInput) (any, error) {
		_, err := q.update(func(_ store.Tx, s *store.Secret) error {
			s.Tags = slices.DeleteFunc(s.Tags, func(t store.Tag) bool { return slices.Contains(in.TagKeys, t.Key) })
			return nil
		})
		return nil, err
	},
}
