package secretsmanager

import (
	"errors"
	"fmt"
	"io"

	"github.com/daypass/daypass/internal/policy"
	"github.com/daypass/daypass/internal/store"

	"github.com/google/uuid"
)

type createSecretInput struct {
	Name                        string
	ClientRequestToken          *string
	Description                 *string
	KmsKeyId                    *string
	SecretBinary                []byte
	SecretString                *string
	Tags                        []tag
	AddReplicaRegions           []replicaRegion
	ForceOverwriteReplicaSecret *bool
	Type                        *string
}

type replicaRegion struct{ Region, KmsKeyId string }

// written is the reply of operations that may make a version.
type written struct {
	ARN           string
	Name          string
	VersionId     string   `json:",omitempty"`
	VersionStages []string `json:",omitempty"`
}

var createSecret = &operation[createSecretInput]{
	name:    "CreateSecret",
	creates: func(in *createSecretInput) string { return in.Name },
	check: func(in *createSecretInput, v *checks) {
		v.secretName(in.Name)
		v.clientRequestToken(in.ClientRequestToken)
		v.given("description", in.Description, 0, 2048)
		v.kmsKey(in.KmsKeyId)
		v.value(in.SecretString, in.SecretBinary, false)
		v.tags(in.Tags)
		v.kind(in.Type)
		if len(in.AddReplicaRegions) > 0 {
			v.forbid(noReplicas())
		}
	},
	keys: func(q *request, in *createSecretInput, keys *policy.Context) {
		keys.Set("secretsmanager:Name", in.Name)
		setGiven(keys, "secretsmanager:Description", in.Description)
		setGiven(keys, "secretsmanager:KmsKeyId", in.KmsKeyId)
		setRequestTags(keys, in.Tags)
	},
	also: []also[createSecretInput]{{action: "TagResource", words: "with tags", when: func(in *createSecretInput) bool { return len(in.Tags) > 0 }}},
	run:  (*request).createSecret,
}

func (q *request) createSecret(in *createSecretInput) (any, error) {
	made, err := uuid.NewRandomFromReader(q.Random)
	if err != nil {
		return nil, fmt.Errorf("secretsmanager: make an id: %w", err)
	}
	value := content{in.SecretString, in.SecretBinary}
	id := store.SecretID(q.Account, q.Region, in.Name)
	var answer written
	err = q.Directory.Update(q.Request.Context(), func(tx store.Tx) error {
		record, err := store.GetRecord[store.Secret](tx, id)
		switch {
		case err == nil:
			return q.createAgain(tx, &record, in, value, &answer)
		case !errors.Is(err, store.ErrNotFound):
			return err
		}
		now := q.Now.UTC()
		record = store.Secret{
			Account: q.Account, Region: q.Region, Name: in.Name, ID: made.String(), Suffix: q.secret.suffix,
			Tags: stored(in.Tags), Created: now, Changed: now,
		}
		if in.Description != nil {
			record.Description = *in.Description
		}
		name := nameOf(&record)
		answer = written{ARN: name.ARN, Name: name.Name}
		if value.given() {
			if _, err := q.addVersion(tx, &record, *in.ClientRequestToken, value, []string{current}); err != nil {
				return err
			}
			answer.VersionId = *in.ClientRequestToken
		}
		return store.PutRecord(tx, id, record)
	})
	if err != nil {
		return nil, err
	}
	return answer, nil
}

// createAgain answers where there is a secret of the name: with the same, if this
// is the request that made it.
func (q *request) createAgain(tx store.Tx, s *store.Secret, in *createSecretInput, value content, answer *written) error {
	if !s.Deleted.IsZero() {
		return invalidRequest("You can't create this secret because a secret with this name is already scheduled for deletion.")
	}
	if !value.given() || version(s, *in.ClientRequestToken) == nil {
		return exists("The operation failed because the secret %s already exists.", in.Name)
	}
	if _, err := q.addVersion(tx, s, *in.ClientRequestToken, value, nil); err != nil {
		return err
	}
	name := nameOf(s)
	*answer = written{ARN: name.ARN, Name: name.Name, VersionId: *in.ClientRequestToken}
	return nil
}

// suffixLength is how many characters follow the name in an ARN.
const suffixLength = 6

const alphanumeric = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

func newSuffix(random io.Reader) (string, error) {
	suffix := make([]byte, suffixLength)
	for i := range suffix {
		n, err := below(random, len(alphanumeric))
		if err != nil {
			return "", err
		}
		suffix[i] = alphanumeric[n]
	}
	return string(suffix), nil
}

func setGiven(keys *policy.Context, key string, value *string) {
	if value != nil {
		keys.Set(key, *value)
	}
}

// setRequestTags sets the keys of the tags of a request.
func setRequestTags(keys *policy.Context, tags []tag) {
	if len(tags) == 0 {
		return
	}
	names := make([]string, len(tags))
	for i, t := range tags {
		names[i] = t.Key
		keys.Set("aws:RequestTag/"+t.Key, t.Value)
	}
	keys.SetMulti("aws:TagKeys", names)
}
