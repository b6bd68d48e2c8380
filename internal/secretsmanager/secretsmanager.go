// Package secretsmanager is AWS Secrets Manager: secrets with their versions and
// staging labels, resource policies, recovery windows and random passwords.
//
// An operation is one row of the table in New: which member names the secret,
// what its model asks of the parameters, what the caller needs, and what is done.
// Decisions are taken on the snapshot that the request began with, which has all
// of a secret but its values. Those lie in records of their own, sealed under the
// master key, and are read from the store only once it is decided that the caller
// may. A write is one transaction, which looks again at what its answer depends on.
//
// There are no keys of KMS, no rotation by Lambda functions, and no replicas: what
// asks for them is refused by name.
//
// Source: Secrets Manager API Reference, version 2017-10-17, the public service
// model, and the page "Actions, resources, and condition keys for AWS Secrets
// Manager" of the Service Authorization Reference.
package secretsmanager

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"regexp"

	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/directory"
	"github.com/daypass/daypass/internal/store"
)

// Sealer seals values at rest. masterkey.Key is one.
type Sealer interface {
	Seal(plain, associated []byte) ([]byte, error)
	Open(sealed, associated []byte) ([]byte, error)
}

// Values reads what is not in the directory. store.Store is one.
type Values interface {
	Get(ctx context.Context, id store.ID) (store.Record, error)
}

// Config is what the service needs. Nothing may be nil.
type Config struct {
	Directory *directory.Directory
	Values    Values // of the store under the directory
	MasterKey Sealer
	Random    io.Reader // of ARNs, ids and passwords
	Log       *slog.Logger
}

type service struct{ Config }

// New makes the service.
func New(c Config) (*awsapi.Service, error) {
	if c.Directory == nil || c.Values == nil || c.MasterKey == nil || c.Random == nil || c.Log == nil {
		return nil, errors.New("secretsmanager: the configuration lacks a directory, values, the master key, randomness or a log")
	}
	s := &service{c}
	return awsapi.NewService(
		awsapi.Service{
			Name: "secretsmanager", Version: "2017-10-17", Dialect: awsapi.JSON11, TargetPrefix: "secretsmanager",
			MessageMember: "Message", InternalCode: "InternalServiceError",
		},
		createSecret.on(s), describeSecret.on(s), deleteSecret.on(s), restoreSecret.on(s), listSecrets.on(s),
		getSecretValue.on(s), batchGetSecretValue.on(s), putSecretValue.on(s), updateSecret.on(s),
		updateSecretVersionStage.on(s), listSecretVersionIDs.on(s),
		tagResource.on(s), untagResource.on(s),
		getResourcePolicy.on(s), putResourcePolicy.on(s), deleteResourcePolicy.on(s), validateResourcePolicy.on(s),
		getRandomPassword.on(s),
		rotateSecret.on(s), cancelRotateSecret.on(s),
		replicateSecretToRegions.on(s), removeRegionsFromReplication.on(s), stopReplicationToReplica.on(s),
	)
}

// region is the form of the names of regions that secrets may be in. AWS's are
// like eu-central-1; stores elsewhere have others, and a name has its place in an
// ARN. A set of regions, as Signature V4A may name, is not one.
var region = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

// maxRegion is in characters (service model, RegionType).
const maxRegion = 128
