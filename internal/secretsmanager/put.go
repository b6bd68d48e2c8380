package secretsmanager

import (
	"slices"

	"github.com/daypass/daypass/internal/policy"
	"github.com/daypass/daypass/internal/store"
)

type putSecretValueInput struct {
	SecretId           string
	ClientRequestToken *string
	SecretBinary       []byte
	SecretString       *string
	VersionStages      []string
	RotationToken      *string
}

var putSecretValue = &operation[putSecretValueInput]{
	name: "PutSecretValue",
	id:   func(in *putSecretValueInput) string { return in.SecretId },
	check: func(in *putSecretValueInput, v *checks) {
		v.clientRequestToken(in.ClientRequestToken)
		v.value(in.SecretString, in.SecretBinary, true)
		v.labels(in.VersionStages)
		if in.RotationToken != nil {
			v.forbid(invalidParameter("Daypass does not rotate secrets: leave RotationToken out."))
		}
	},
	run: func(q *request, in *putSecretValueInput) (any, error) {
		labels := in.VersionStages
		if labels == nil {
			labels = []string{current}
		}
		var answer written
		s, err := q.update(func(tx store.Tx, s *store.Secret) error {
			v, err := q.addVersion(tx, s, *in.ClientRequestToken, content{in.SecretString, in.SecretBinary}, labels)
			if err == nil {
				answer.VersionId, answer.VersionStages = v.ID, slices.Clone(v.Stages)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
		name := nameOf(s)
		answer.ARN, answer.Name = name.ARN, name.Name
		return answer, nil
	},
}

// labels asks for staging labels, which may be absent.
func (v *checks) labels(labels []string) {
	if labels == nil {
		return
	}
	if len(labels) < 1 || len(labels) > maxLabels {
		v.Constraint("versionStages", "", "Member must have length between 1 and 20")
	}
	for _, label := range labels {
		v.Length("versionStages", label, 1, 256)
	}
}

type updateSecretInput struct {
	SecretId           string
	ClientRequestToken *string
	Description        *string
	KmsKeyId           *string
	SecretBinary       []byte
	SecretString       *string
	Type               *string
}

var updateSecret = &operation[updateSecretInput]{
	name: "UpdateSecret",
	id:   func(in *updateSecretInput) string { return in.SecretId },
	check: func(in *updateSecretInput, v *checks) {
		v.given("description", in.Description, 0, 2048)
		v.kmsKey(in.KmsKeyId)
		v.kind(in.Type)
		v.value(in.SecretString, in.SecretBinary, false)
		if in.ClientRequestToken != nil || in.SecretString != nil || in.SecretBinary != nil {
			v.clientRequestToken(in.ClientRequestToken)
		}
	},
	keys: func(_ *request, in *updateSecretInput, keys *policy.Context) {
		setGiven(keys, "secretsmanager:Description", in.Description)
		setGiven(keys, "secretsmanager:KmsKeyId", in.KmsKeyId)
	},
	run: func(q *request, in *updateSecretInput) (any, error) {
		value, made := content{in.SecretString, in.SecretBinary}, ""
		s, err := q.update(func(tx store.Tx, s *store.Secret) error {
			if in.Description != nil {
				s.Description = *in.Description
			}
			if !value.given() {
				return nil
			}
			made = *in.ClientRequestToken
			_, err := q.addVersion(tx, s, made, value, []string{current})
			return err
		})
		if err != nil {
			return nil, err
		}
		name := nameOf(s)
		return written{ARN: name.ARN, Name: name.Name, VersionId: made}, nil
	},
}

type updateSecretVersionStageInput struct {
	SecretId            string
	VersionStage        string
	RemoveFromVersionId *string
	MoveToVersionId     *string
}

var updateSecretVersionStage = &operation[updateSecretVersionStageInput]{
	name: "UpdateSecretVersionStage",
	id:   func(in *updateSecretVersionStageInput) string { return in.SecretId },
	check: func(in *updateSecretVersionStageInput, v *checks) {
		v.text("versionStage", in.VersionStage, 256)
		v.given("removeFromVersionId", in.RemoveFromVersionId, 32, 64)
		v.given("moveToVersionId", in.MoveToVersionId, 32, 64)
		if in.RemoveFromVersionId == nil && in.MoveToVersionId == nil {
			v.forbid(invalidParameter("You must specify RemoveFromVersionId, MoveToVersionId, or both."))
		}
	},
	keys: func(_ *request, in *updateSecretVersionStageInput, keys *policy.Context) {
		keys.Set("secretsmanager:VersionStage", in.VersionStage)
	},
	run: func(q *request, in *updateSecretVersionStageInput) (any, error) {
		s, err := q.update(func(_ store.Tx, s *store.Secret) error { return in.move(s) })
		if err != nil {
			return nil, err
		}
		return nameOf(s), nil
	},
}

// move moves a label. Where a version has it, that must be named, so that nobody
// takes it from a version that he does not know of (API Reference,
// UpdateSecretVersionStage).
func (in *updateSecretVersionStageInput) move(s *store.Secret) error {
	has := holder(s, in.VersionStage)
	for _, id := range []*string{in.RemoveFromVersionId, in.MoveToVersionId} {
		if id != nil && version(s, *id) == nil {
			return invalidParameter("Not a valid version: %s", *id)
		}
	}
	switch from := in.RemoveFromVersionId; {
	case from == nil && has != nil && has.ID != *in.MoveToVersionId:
		return invalidParameter("The parameter RemoveFromVersionId can't be empty. Staging label %s is currently attached to version %s, "+
			"so you must explicitly reference that version in RemoveFromVersionId.", in.VersionStage, has.ID)
	case from != nil && (has == nil || has.ID != *from):
		return invalidParameter("Staging label %s is not attached to version %s, which RemoveFromVersionId names.", in.VersionStage, *from)
	}
	if in.MoveToVersionId != nil {
		attach(s, in.VersionStage, *in.MoveToVersionId)
		return checkLabels(s)
	}
	if in.VersionStage == current {
		return invalidParameter("You can only move staging label AWSCURRENT to a different secret version. It can't be completely removed.")
	}
	detach(s, in.VersionStage)
	return nil
}
