package trust

import "github.com/daypass/daypass/internal/policy"

// Asked is what a request asks to have in the session that it begins, in its
// parameters or in its token.
type Asked struct {
	RoleSessionName string // "" for none, where no role is assumed
	// ExternalID is that of AssumeRole. HasExternalID says that there is one.
	ExternalID     string
	HasExternalID  bool
	SourceIdentity string // "" for none
	Tags           []Tag
	// TransitiveTagKeys are keys of Tags.
	TransitiveTagKeys []string
}

// SetKeys sets the condition keys that one of the actions on a role sees of it:
// the only place that parts them.
//
// Of sts:SetSourceIdentity the source identity is the one key (Service
// Authorization Reference): a statement on all actions with a condition on the
// session's name or on a tag does not allow it (users of AWS report so). The
// other actions see all. There the Reference lists for sts:TagSession the keys
// of tags alone, but it is not complete: AWS's own examples hold that action
// against keys of the identity provider, which it does not list either.
func (a *Asked) SetKeys(action string, ctx *policy.Context) {
	if a.SourceIdentity != "" {
		ctx.Set("sts:SourceIdentity", a.SourceIdentity)
	}
	if action == ActionSetSourceIdentity {
		return
	}
	if a.RoleSessionName != "" {
		ctx.Set("sts:RoleSessionName", a.RoleSessionName)
	}
	if a.HasExternalID {
		ctx.Set("sts:ExternalId", a.ExternalID)
	}
	SetTagKeys(a.Tags, a.TransitiveTagKeys, ctx)
}

// SetTagKeys sets the condition keys of tags that are asked for. A key whose
// list would be empty is absent.
func SetTagKeys(tags []Tag, transitive []string, ctx *policy.Context) {
	if len(transitive) > 0 {
		ctx.SetMulti("sts:TransitiveTagKeys", transitive)
	}
	if len(tags) == 0 {
		return
	}
	keys := make([]string, len(tags))
	for i, tag := range tags {
		keys[i] = tag.Key
		ctx.Set("aws:RequestTag/"+tag.Key, tag.Value)
	}
	ctx.SetMulti("aws:TagKeys", keys)
}
