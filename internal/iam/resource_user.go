package iam

import (
	"github.com/daypass/daypass/internal/arn"
	"github.com/daypass/daypass/internal/auth"
	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/store"
)

// Targets that only operations on users, groups and their credentials have.
var (
	onRenamedUser  = target{awsapi.Resource{Template: "arn:aws:iam::${Account}:user${NewPath}${NewUserName}", Of: renamedUserARN}, userTags, true}
	onRenamedGroup = newTarget("arn:aws:iam::${Account}:group${NewPath}${NewGroupName}", renamedGroupARN)
	onKeyOwner     = target{awsapi.Resource{Template: "arn:aws:iam::${Account}:user${Path}${UserName}", Of: keyOwnerARN}, keyOwnerTags, true}
	onCredentials  = target{awsapi.Resource{Template: "arn:aws:iam::${Account}:user${Path}${UserName}", Of: credentialsARN}, userTags, true}
	// onMFADevices is told by denials that users have published.
	onMFADevices = newTarget("arn:aws:iam::${Account}:mfa/", mfaDevices)
)

// renamedUserARN is the ARN of a user as the request renames or moves it.
func renamedUserARN(c *awsapi.Call) string {
	path, name := "/", c.Params.Get("UserName")
	if user, ok := c.Snapshot.User(c.Account, name); ok {
		path, name = user.Path, user.Name
	}
	return arn.User(c.Account, paramOr(c, "NewPath", path), paramOr(c, "NewUserName", name))
}

// renamedGroupARN is renamedUserARN for a group.
func renamedGroupARN(c *awsapi.Call) string {
	path, name := "/", c.Params.Get("GroupName")
	if group, ok := c.Snapshot.Group(c.Account, name); ok {
		path, name = group.Path, group.Name
	}
	return arn.Group(c.Account, paramOr(c, "NewPath", path), paramOr(c, "NewGroupName", name))
}

// withNewARN is when a request renames or moves something.
var withNewARN = awsapi.When{Words: "with a new name or path", Of: func(c *awsapi.Call) bool {
	return c.Params.Has("NewPath") || c.Params.Has("NewUserName") || c.Params.Has("NewGroupName")
}}

func paramOr(c *awsapi.Call, name, otherwise string) string {
	if c.Params.Has(name) {
		return c.Params.Get(name)
	}
	return otherwise
}

// keyOwnerARN is the user who has the access key of which a request asks. A key
// that the account does not have stands for itself (recorded on AWS); what was sent
// in place of an id is not repeated, for it may be a secret.
func keyOwnerARN(c *awsapi.Call) string {
	id := c.Params.Get("AccessKeyId")
	key, ok := ownKey(c, id)
	if !ok {
		return "access key " + auth.KeyIDForRecord(id)
	}
	if user, ok := c.Snapshot.User(c.Account, key.UserName); ok {
		return user.ARN
	}
	return arn.User(c.Account, "/", key.UserName)
}

func keyOwnerTags(c *awsapi.Call) []store.Tag {
	if key, ok := ownKey(c, c.Params.Get("AccessKeyId")); ok {
		if user, ok := c.Snapshot.User(c.Account, key.UserName); ok {
			return user.Tags
		}
	}
	return nil
}

func mfaDevices(c *awsapi.Call) string {
	return arn.ARN{Partition: arn.Partition, Service: "iam", Account: c.Account, Resource: "mfa/"}.String()
}

// credentialsARN is the user whose credentials for single services are listed. What
// AWS asks for where all users' are is not known.
func credentialsARN(c *awsapi.Call) string {
	if all, err := c.Params.Bool("AllUsers"); err == nil && all {
		return arn.User(c.Account, "/", "*")
	}
	return userARN(c)
}
