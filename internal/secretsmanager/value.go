package secretsmanager

import (
	"context"
	"errors"
	"time"

	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/directory"
	"github.com/daypass/daypass/internal/policy"
	"github.com/daypass/daypass/internal/store"
)

type getSecretValueInput struct {
	SecretId     string
	VersionId    *string
	VersionStage *string
}

// secretValue is a value in replies.
type secretValue struct {
	ARN           string
	Name          string
	VersionId     string
	SecretBinary  []byte   `json:",omitempty"`
	SecretString  *string  `json:",omitempty"`
	VersionStages []string `json:",omitempty"`
	CreatedDate   awsapi.EpochTime
}

var getSecretValue = &operation[getSecretValueInput]{
	name: "GetSecretValue",
	id:   func(in *getSecretValueInput) string { return in.SecretId },
	check: func(in *getSecretValueInput, v *checks) {
		v.given("versionId", in.VersionId, 32, 64)
		v.given("versionStage", in.VersionStage, 1, 256)
	},
	keys: func(_ *request, in *getSecretValueInput, keys *policy.Context) { in.setKeys(keys) },
	run: func(q *request, in *getSecretValueInput) (any, error) {
		value, err := q.value(&q.secret, in.VersionId, in.VersionStage)
		if err != nil {
			return nil, err
		}
		return value, nil
	},
}

// setKeys sets the keys of a request for a value. Where it names no version, it is
// for AWSCURRENT, as policies that allow that one ask (Secrets Manager User Guide,
// "Permissions policy examples", permission to the current version).
func (in *getSecretValueInput) setKeys(keys *policy.Context) {
	setGiven(keys, "secretsmanager:VersionId", in.VersionId)
	switch {
	case in.VersionStage != nil:
		keys.Set("secretsmanager:VersionStage", *in.VersionStage)
	case in.VersionId == nil:
		keys.Set("secretsmanager:VersionStage", current)
	}
}

// value reads one value from the store. It was decided that the caller may.
func (q *request) value(of *target, id, stage *string) (*secretValue, error) {
	secret, err := of.usable()
	if err != nil {
		return nil, err
	}
	v, err := chosen(&secret.Secret, id, stage)
	if err != nil {
		return nil, err
	}
	record, err := q.Values.Get(q.Request.Context(), store.SecretValueID(secret.Account, secret.ID, v.ID))
	if errors.Is(err, store.ErrNotFound) { // deleted meanwhile
		return nil, noVersion("VersionId", v.ID)
	}
	if err != nil {
		return nil, err
	}
	plain, err := q.open(record, &secret.Secret, v.ID)
	if err != nil {
		return nil, err
	}
	content, err := contentOf(plain)
	if err != nil {
		return nil, err
	}
	q.noteAccess(secret, v)
	return &secretValue{
		ARN: secret.ARN, Name: secret.Name, VersionId: v.ID, SecretString: content.text, SecretBinary: content.binary,
		VersionStages: v.Stages, CreatedDate: awsapi.EpochTime(v.Created),
	}, nil
}

// chosen finds the version that a request for a value means.
func chosen(s *store.Secret, id, stage *string) (*store.SecretVersion, error) {
	switch {
	case id != nil:
		v := version(s, *id)
		if v == nil {
			return nil, noVersion("VersionId", *id)
		}
		if stage != nil && holder(s, *stage) != v {
			return nil, invalidRequest("You provided a VersionStage that is not associated to the provided VersionId.")
		}
		return v, nil
	case stage != nil:
		if v := holder(s, *stage); v != nil {
			return v, nil
		}
		return nil, noVersion("staging label", *stage)
	default:
		if v := holder(s, current); v != nil {
			return v, nil
		}
		return nil, noVersion("staging label", current)
	}
}

// noteAccess writes down the day on which a value was read, once a day: more is
// not told (API Reference, SecretListEntry). A value is given out all the same
// where that cannot be written.
func (q *request) noteAccess(secret *directory.Secret, v *store.SecretVersion) {
	today := q.Now.UTC().Truncate(24 * time.Hour)
	if !v.Accessed.Before(today) {
		return
	}
	id := store.SecretID(secret.Account, secret.Region, secret.Name)
	err := q.Directory.Update(context.WithoutCancel(q.Request.Context()), func(tx store.Tx) error {
		record, err := store.GetRecord[store.Secret](tx, id)
		if errors.Is(err, store.ErrNotFound) || err == nil && record.ID != secret.ID {
			return nil
		}
		if err != nil {
			return err
		}
		read := version(&record, v.ID)
		if read == nil || !read.Accessed.Before(today) {
			return nil
		}
		read.Accessed, record.Accessed = today, today
		return store.PutRecord(tx, id, record)
	})
	if err != nil {
		q.Log.Warn("the day on which a secret was read could not be written", "secret", secret.ARN, "error", err)
	}
}

type batchGetSecretValueInput struct {
	SecretIdList []string
	Filters      []filter
	MaxResults   *int64
	NextToken    *string
}

type batchGetSecretValueOutput struct {
	SecretValues []*secretValue
	NextToken    string `json:",omitempty"`
	Errors       []batchError
}

type batchError struct{ SecretId, ErrorCode, Message string }

const maxBatch = 20 // secrets in one reply (service model, MaxResultsBatchType)

var batchGetSecretValue = &operation[batchGetSecretValueInput]{
	name: "BatchGetSecretValue",
	check: func(in *batchGetSecretValueInput, v *checks) {
		v.number("maxResults", in.MaxResults, maxBatch)
		v.given("nextToken", in.NextToken, 1, 4096)
		v.filters(in.Filters)
		if in.SecretIdList != nil && (len(in.SecretIdList) < 1 || len(in.SecretIdList) > maxBatch) {
			v.Constraint("secretIdList", "", "Member must have length between 1 and 20")
		}
		switch {
		case (in.SecretIdList == nil) == (in.Filters == nil):
			v.forbid(invalidParameter("Either 'SecretIdList' or 'Filters' must be provided, but not both."))
		case in.Filters == nil && in.MaxResults != nil:
			v.forbid(invalidParameter("'Filters' not specified. 'Filters' must also be specified when 'MaxResults' is provided."))
		case in.Filters == nil && in.NextToken != nil:
			v.forbid(invalidParameter("'Filters' not specified. 'Filters' must also be specified when 'NextToken' is provided."))
		}
	},
	also: []also[batchGetSecretValueInput]{{
		action: "ListSecrets", words: "with filters", all: true,
		when: func(in *batchGetSecretValueInput) bool { return in.Filters != nil },
	}},
	run: (*request).batchGetSecretValue,
}

// batchGetSecretValue asks for the permission to read each of the secrets (API
// Reference, BatchGetSecretValue, required permissions).
func (q *request) batchGetSecretValue(in *batchGetSecretValueInput) (any, error) {
	answer := batchGetSecretValueOutput{SecretValues: []*secretValue{}, Errors: []batchError{}}
	targets := make([]target, 0, maxBatch)
	for _, id := range in.SecretIdList {
		targets = append(targets, q.find(id))
	}
	if in.Filters != nil {
		page, next, err := q.list(&listSecretsInput{Filters: in.Filters, MaxResults: in.MaxResults, NextToken: in.NextToken}, maxBatch)
		if err != nil {
			return nil, err
		}
		answer.NextToken = next
		for _, secret := range page {
			targets = append(targets, target{supplied: secret.ARN, account: q.Account}.with(secret, true))
		}
	}
	for i := range targets {
		t := &targets[i]
		asked := getSecretValueInput{SecretId: t.supplied}
		err := q.Ask(t.question("GetSecretValue", func(keys *policy.Context) { t.setKeys(keys); asked.setKeys(keys) }))
		var value *secretValue
		if err == nil {
			value, err = q.value(t, nil, nil)
		}
		if err == nil {
			answer.SecretValues = append(answer.SecretValues, value)
			continue
		}
		failed, err := q.batchError(t, err)
		if err != nil {
			return nil, err
		}
		answer.Errors = append(answer.Errors, failed)
	}
	return answer, nil
}

// batchError is a refusal of one secret in a reply about many. What is nobody's
// fault but the server's fails the whole.
func (q *request) batchError(t *target, err error) (batchError, error) {
	var f *awsapi.Fault
	if !errors.As(err, &f) {
		return batchError{}, err
	}
	switch f.Kind {
	case awsapi.AccessDenied:
		q.Event.Reason = f.Reason // of the last that was denied
		return batchError{t.supplied, "AccessDeniedException", f.Message}, nil
	case awsapi.Modelled:
		return batchError{t.supplied, f.Code, f.Message}, nil
	default:
		return batchError{}, err
	}
}
