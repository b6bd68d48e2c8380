package secretsmanager

import (
	"errors"
	"slices"
	"time"

	"github.com/daypass/daypass/internal/store"
)

// The staging labels that Secrets Manager moves itself.
const (
	current  = "AWSCURRENT"
	previous = "AWSPREVIOUS"
)

// Quotas (Secrets Manager User Guide, "AWS Secrets Manager quotas").
const (
	maxLabels   = 20  // attached across all versions of a secret
	maxVersions = 100 // of a secret
	// keepVersions is how old a version without labels must be to go (API
	// Reference, PutSecretValue).
	keepVersions = 24 * time.Hour
)

// version finds a version by its id.
func version(s *store.Secret, id string) *store.SecretVersion {
	for i := range s.Versions {
		if s.Versions[i].ID == id {
			return &s.Versions[i]
		}
	}
	return nil
}

// holder finds the version that has a label: one at most.
func holder(s *store.Secret, label string) *store.SecretVersion {
	for i := range s.Versions {
		if slices.Contains(s.Versions[i].Stages, label) {
			return &s.Versions[i]
		}
	}
	return nil
}

// attach puts a label on a version, and takes it off the one that had it. Who had
// AWSCURRENT becomes AWSPREVIOUS.
func attach(s *store.Secret, label, id string) {
	had := holder(s, label)
	if had != nil && had.ID == id {
		return
	}
	detach(s, label)
	to := version(s, id)
	to.Stages = append(to.Stages, label)
	if label == current && had != nil {
		detach(s, previous)
		had.Stages = append(had.Stages, previous)
	}
}

func detach(s *store.Secret, label string) {
	if v := holder(s, label); v != nil {
		v.Stages = slices.DeleteFunc(v.Stages, func(has string) bool { return has == label })
	}
}

func checkLabels(s *store.Secret) error {
	n := 0
	for _, v := range s.Versions {
		n += len(v.Stages)
	}
	if n > maxLabels {
		return limitExceeded("A secret can have %d staging labels attached across its versions at most.", maxLabels)
	}
	return nil
}

// content is a value of a secret.
type content struct {
	text   *string
	binary []byte
}

func (v content) given() bool { return v.text != nil || v.binary != nil }

// plain is a value as it is sealed: what it is, and then itself.
func (v content) plain() []byte {
	if v.text != nil {
		return append([]byte{'s'}, *v.text...)
	}
	return append([]byte{'b'}, v.binary...)
}

// contentOf is the inverse of plain.
func contentOf(plain []byte) (content, error) {
	switch {
	case len(plain) > 1 && plain[0] == 's':
		text := string(plain[1:])
		return content{text: &text}, nil
	case len(plain) > 1 && plain[0] == 'b':
		return content{binary: plain[1:]}, nil
	default:
		return content{}, cannotDecrypt(errors.New("secretsmanager: what was sealed is no value"))
	}
}

// open gives what a version holds.
func (s *service) open(r store.Record, of *store.Secret, id string) (plain []byte, err error) {
	var sealed store.SecretValue
	if err := store.Decode(r.Document, &sealed); err != nil {
		return nil, err
	}
	plain, err = s.MasterKey.Open(sealed.Sealed, store.SecretAssociated(of.Account, of.ID, id))
	if err != nil {
		return nil, cannotDecrypt(err)
	}
	return plain, nil
}

// addVersion makes a version with labels, AWSCURRENT where no version has that. A
// version that is there and holds the same is left as it is: whoever asks again
// because no answer came, gets the same answer.
func (q *request) addVersion(tx store.Tx, s *store.Secret, id string, value content, labels []string) (*store.SecretVersion, error) {
	at := store.SecretValueID(s.Account, s.ID, id)
	if there := version(s, id); there != nil {
		record, err := tx.Get(at)
		if err != nil {
			return nil, err
		}
		plain, err := q.open(record, s, id)
		if err != nil {
			return nil, err
		}
		if string(plain) != string(value.plain()) {
			return nil, exists("You can't use ClientRequestToken %s because that value is already in use for a version of secret %s.", id, nameOf(s).ARN)
		}
		return there, nil
	}
	s.Versions = append(s.Versions, store.SecretVersion{ID: id, Created: q.Now.UTC()})
	for _, label := range labels {
		attach(s, label, id)
	}
	if holder(s, current) == nil {
		attach(s, current, id)
	}
	if err := errors.Join(checkLabels(s), q.prune(tx, s)); err != nil {
		return nil, err
	}
	sealed, err := q.MasterKey.Seal(value.plain(), store.SecretAssociated(s.Account, s.ID, id))
	if err != nil {
		return nil, err
	}
	return version(s, id), store.PutRecord(tx, at, store.SecretValue{Sealed: sealed})
}

// prune deletes the oldest versions without labels beyond the quota. Those of the
// last day stay; with them the quota is reached.
func (q *request) prune(tx store.Tx, s *store.Secret) error {
	for i := 0; len(s.Versions) > maxVersions; {
		if i == len(s.Versions)-1 { // the new one
			return limitExceeded("A secret can have %d versions at most, and versions of the last 24 hours are not removed.", maxVersions)
		}
		v := &s.Versions[i]
		if len(v.Stages) > 0 || q.Now.Sub(v.Created) < keepVersions {
			i++
			continue
		}
		if err := tx.Delete(store.SecretValueID(s.Account, s.ID, v.ID)); err != nil {
			return err
		}
		s.Versions = slices.Delete(s.Versions, i, i+1)
	}
	return nil
}

// stages are the labels of the versions that have any, as replies show them.
func stages(s *store.Secret) map[string][]string {
	all := map[string][]string{}
	for _, v := range s.Versions {
		if len(v.Stages) > 0 {
			all[v.ID] = v.Stages
		}
	}
	return all
}
