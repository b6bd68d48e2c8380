package iam

import (
	"cmp"
	"errors"
	"regexp"
	"slices"

	"github.com/daypass/daypass/internal/auth"
	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/directory"
	"github.com/daypass/daypass/internal/session"
	"github.com/daypass/daypass/internal/store"
)

// maxAccessKeys is how many access keys a user can have (IAM User Guide, "IAM and
// AWS STS quotas").
const maxAccessKeys = 2

func (s *service) accessKeyOperations() []awsapi.Operation {
	return []awsapi.Operation{
		signed("CreateAccessKey", onUser, s.createAccessKey),
		signed("UpdateAccessKey", onUser, s.updateAccessKey),
		signed("DeleteAccessKey", onUser, s.deleteAccessKey),
		signed("ListAccessKeys", onUser, listAccessKeys),
		signed("GetAccessKeyLastUsed", onKeyOwner, s.getAccessKeyLastUsed),
	}
}

// createAccessKey makes a key. Its secret stands in this one reply and nowhere else
// in the clear: the store has it sealed, with the key's id as associated data.
func (s *service) createAccessKey(c *awsapi.Call, in *input) execute {
	name := in.userOrCaller(c)
	return func() (awsapi.Result, error) {
		id, err1 := session.NewAccessKeyID("AKIA", c.Account, s.Random)
		secret, err2 := session.NewSecretAccessKey(s.Random)
		if err := errors.Join(err1, err2); err != nil {
			return nil, err
		}
		sealed, err := s.MasterKey.Seal([]byte(secret), []byte(id))
		if err != nil {
			return nil, err
		}
		key := store.AccessKey{Account: c.Account, ID: id, SealedSecret: sealed, Active: true, Created: now(c)}
		err = s.changeUser(c, name, func(tx store.Tx, user *store.User) error {
			if len(user.AccessKeys) >= maxAccessKeys {
				return limitExceeded("Cannot exceed quota for AccessKeysPerUser: %d", maxAccessKeys)
			}
			key.UserName = user.Name
			user.AccessKeys = append(user.AccessKeys, id)
			// One in some hundred milliards; whoever asks again gets another.
			return insert(tx, store.AccessKeyID(c.Account, id), key, errors.New("iam: the id drawn for a new access key is taken"))
		})
		if err != nil {
			return nil, err
		}
		return createdAccessKey{&key, secret}, nil
	}
}

// The statuses of a key that can be asked for.
const (
	keyActive   = "Active"
	keyInactive = "Inactive"
	keyExpired  = "Expired" // which only AWS itself gives
)

func (s *service) updateAccessKey(c *awsapi.Call, in *input) execute {
	name, id, status := in.userOrCaller(c), in.accessKeyID(), in.keyStatus()
	return func() (awsapi.Result, error) {
		return nil, s.changeUser(c, name, func(tx store.Tx, user *store.User) error {
			if !slices.Contains(user.AccessKeys, id) {
				return noSuchAccessKey(id)
			}
			err := changeRecord(tx, store.AccessKeyID(c.Account, id), func(key *store.AccessKey) error {
				key.Active = status == keyActive
				return nil
			})
			return missingKey(err, id)
		})
	}
}

func (s *service) deleteAccessKey(c *awsapi.Call, in *input) execute {
	name, id := in.userOrCaller(c), in.accessKeyID()
	return func() (awsapi.Result, error) {
		return nil, s.changeUser(c, name, func(tx store.Tx, user *store.User) error {
			i := slices.Index(user.AccessKeys, id)
			if i < 0 {
				return noSuchAccessKey(id)
			}
			user.AccessKeys = slices.Delete(user.AccessKeys, i, i+1)
			if err := tx.Delete(store.AccessKeyID(c.Account, id)); err != nil {
				return missingKey(err, id)
			}
			return deleteLastUse(tx, c.Account, id)
		})
	}
}

// changeUser rewrites one user in a transaction, in which change may write other
// records too. An error of change leaves all as it was.
func (s *service) changeUser(c *awsapi.Call, name string, change func(store.Tx, *store.User) error) error {
	return s.update(c, func(tx store.Tx) error {
		user, err := ownUser(tx, c, name)
		if err != nil {
			return err
		}
		if err := change(tx, &user); err != nil {
			return err
		}
		return store.PutRecord(tx, store.UserID(c.Account, name), user)
	})
}

// listAccessKeys lists in order of creation. Where the key after which a page
// begins was deleted in the meantime, the page begins with the first that is left.
func listAccessKeys(c *awsapi.Call, in *input) execute {
	name, p := in.userOrCaller(c), in.page()
	return func() (awsapi.Result, error) {
		user, err := knownUser(c, name)
		if err != nil {
			return nil, err
		}
		var reply accessKeyList
		rest := user.AccessKeys[slices.Index(user.AccessKeys, p.after)+1:]
		ids, next := cut(p, slices.Values(rest), func(id string) string { return id }, func(string) bool { return true })
		for _, id := range ids {
			if key, ok := c.Snapshot.AccessKey(id); ok {
				reply.keys = append(reply.keys, key)
			}
		}
		reply.next = next
		return reply, nil
	}
}

// getAccessKeyLastUsed denies a key that the account does not have, to everybody,
// in a sentence of older form than other denials (recorded on AWS).
func (s *service) getAccessKeyLastUsed(c *awsapi.Call, in *input) execute {
	id := in.accessKeyID()
	return func() (awsapi.Result, error) {
		key, ok := ownKey(c, id)
		if !ok {
			return nil, &awsapi.Fault{
				Kind:    awsapi.AccessDenied,
				Message: "User: " + c.Caller.ARN + " is not authorized to perform iam:GetAccessKeyLastUsed on resource: " + keyOwnerARN(c),
				Reason:  "the account has no such access key",
			}
		}
		return accessKeyLastUse{key.UserName, s.lastUse(c, id)}, nil
	}
}

// ownKey finds a key of the caller's account.
func ownKey(c *awsapi.Call, id string) (*directory.AccessKey, bool) {
	key, ok := c.Snapshot.AccessKey(id)
	if !ok || key.Account != c.Account {
		return nil, false
	}
	return key, true
}

var keyIDPattern = regexp.MustCompile(`^\w+$`)

// accessKeyID reads the parameter AccessKeyId (service model, accessKeyIdType).
func (in *input) accessKeyID() string {
	const least, most = 16, 128
	value := in.required("AccessKeyId", least, most)
	if value != "" {
		in.check.Pattern("accessKeyId", value, keyIDPattern, `[\w]+`)
	}
	return value
}

// keyStatus reads the parameter Status. The sentence for a word that is none has no
// list of those that are (recorded on AWS); the text for Expired is not known.
func (in *input) keyStatus() string {
	value, sent := in.params.Get("Status"), in.params.Has("Status")
	in.check.Required("status", sent)
	switch value {
	case keyActive, keyInactive:
	case keyExpired:
		in.forbid(invalidInput("The status of an access key cannot be set to Expired."))
	default:
		if sent {
			in.check.Constraint("status", value, "Member must satisfy enum value set")
		}
	}
	return value
}

func noSuchAccessKey(id string) *awsapi.Fault {
	return noSuchEntity("The Access Key with id %s cannot be found.", auth.KeyIDForRecord(id))
}

// missingKey answers for a key of which the user's record tells and whose own is
// gone.
func missingKey(err error, id string) error {
	if errors.Is(err, store.ErrNotFound) {
		return noSuchAccessKey(id)
	}
	return err
}

func statusOf(active bool) string {
	if active {
		return keyActive
	}
	return keyInactive
}

type createdAccessKey struct {
	key    *store.AccessKey
	secret string
}

// WriteXML implements awsapi.Result.
func (r createdAccessKey) WriteXML(x *awsapi.XML) {
	x.Open("AccessKey")
	x.Text("UserName", r.key.UserName)
	x.Text("AccessKeyId", r.key.ID)
	x.Text("Status", statusOf(r.key.Active))
	x.Text("SecretAccessKey", r.secret)
	x.Time("CreateDate", r.key.Created)
	x.Close()
}

type accessKeyList struct {
	keys []*directory.AccessKey
	next string
}

// WriteXML implements awsapi.Result.
func (r accessKeyList) WriteXML(x *awsapi.XML) {
	x.Open("AccessKeyMetadata")
	for _, key := range r.keys {
		x.Open("member")
		x.Text("UserName", key.UserName)
		x.Text("AccessKeyId", key.ID)
		x.Text("Status", statusOf(key.Active))
		x.Time("CreateDate", key.Created)
		x.Close()
	}
	x.Close()
	writeNext(x, r.next)
}

// accessKeyLastUse is GetAccessKeyLastUsed's reply. Of a key that was never used it
// tells no date, and N/A for the rest (recorded on AWS); so it does of the region
// where the signature named none.
type accessKeyLastUse struct {
	userName string
	use      *store.LastUse
}

// WriteXML implements awsapi.Result.
func (r accessKeyLastUse) WriteXML(x *awsapi.XML) {
	region, service := "N/A", "N/A"
	x.Text("UserName", r.userName)
	x.Open("AccessKeyLastUsed")
	if r.use != nil {
		x.Time("LastUsedDate", r.use.At)
		region, service = cmp.Or(r.use.Region, region), cmp.Or(r.use.Service, service)
	}
	x.Text("ServiceName", service)
	x.Text("Region", region)
	x.Close()
}
