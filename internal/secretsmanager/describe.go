package secretsmanager

import (
	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/directory"
	"github.com/daypass/daypass/internal/store"
)

// secretInput is the input of operations that take nothing but a secret.
type secretInput struct{ SecretId string }

func idOf(in *secretInput) string { return in.SecretId }

// described is a secret in replies. DescribeSecret and ListSecrets name the labels
// differently.
type described struct {
	ARN                    string
	Name                   string
	Description            string              `json:",omitempty"`
	LastChangedDate        awsapi.EpochTime    `json:",omitzero"`
	LastAccessedDate       awsapi.EpochTime    `json:",omitzero"`
	DeletedDate            awsapi.EpochTime    `json:",omitzero"`
	Tags                   []tag               `json:",omitempty"`
	VersionIdsToStages     map[string][]string `json:",omitempty"`
	SecretVersionsToStages map[string][]string `json:",omitempty"`
	CreatedDate            awsapi.EpochTime
}

func describe(s *directory.Secret) described {
	return described{
		ARN: s.ARN, Name: s.Name, Description: s.Description, Tags: shown(s.Tags),
		LastChangedDate: awsapi.EpochTime(s.Changed), LastAccessedDate: awsapi.EpochTime(s.Accessed),
		DeletedDate: awsapi.EpochTime(s.Deleted), CreatedDate: awsapi.EpochTime(s.Created),
	}
}

var describeSecret = &operation[secretInput]{
	name: "DescribeSecret", id: idOf,
	run: func(q *request, _ *secretInput) (any, error) {
		secret, err := q.secret.existing()
		if err != nil {
			return nil, err
		}
		d := describe(secret)
		d.VersionIdsToStages = stages(&secret.Secret)
		return d, nil
	},
}

type listSecretVersionIDsInput struct {
	SecretId          string
	MaxResults        *int64
	NextToken         *string
	IncludeDeprecated *bool
}

type listSecretVersionIDsOutput struct {
	Versions  []listedVersion
	NextToken string `json:",omitempty"`
	ARN       string
	Name      string
}

type listedVersion struct {
	VersionId        string
	VersionStages    []string         `json:",omitempty"`
	LastAccessedDate awsapi.EpochTime `json:",omitzero"`
	CreatedDate      awsapi.EpochTime
	KmsKeyIds        []string
}

var listSecretVersionIDs = &operation[listSecretVersionIDsInput]{
	name: "ListSecretVersionIds",
	id:   func(in *listSecretVersionIDsInput) string { return in.SecretId },
	check: func(in *listSecretVersionIDsInput, v *checks) {
		v.number("maxResults", in.MaxResults, maxPage)
		v.given("nextToken", in.NextToken, 1, 4096)
	},
	run: func(q *request, in *listSecretVersionIDsInput) (any, error) {
		secret, err := q.secret.existing()
		if err != nil {
			return nil, err
		}
		var versions []store.SecretVersion
		for _, v := range secret.Versions { // deprecated is one without labels
			if len(v.Stages) > 0 || in.IncludeDeprecated != nil && *in.IncludeDeprecated {
				versions = append(versions, v)
			}
		}
		page, next, err := cut(versions, in.NextToken, limit(in.MaxResults, maxPage), func(v store.SecretVersion) position {
			return position{Key: v.Created.UTC().Format(sortableTime), ID: v.ID}
		}, false)
		if err != nil {
			return nil, err
		}
		answer := listSecretVersionIDsOutput{Versions: []listedVersion{}, NextToken: next, ARN: secret.ARN, Name: secret.Name}
		for _, v := range page {
			answer.Versions = append(answer.Versions, listedVersion{
				VersionId: v.ID, VersionStages: v.Stages, CreatedDate: awsapi.EpochTime(v.Created),
				LastAccessedDate: awsapi.EpochTime(v.Accessed), KmsKeyIds: []string{"DefaultEncryptionKey"},
			})
		}
		return answer, nil
	},
}
