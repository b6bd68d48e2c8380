package secretsmanager

import "github.com/daypass/daypass/internal/awsapi"

// These operations are refused, once it is known that the caller may call them and
// that the secret is there.

func noReplicas() *awsapi.Fault {
	return invalidParameter("Daypass does not replicate secrets to other regions: make the secret in each region that needs it.")
}

type replicateInput struct {
	SecretId                    string
	AddReplicaRegions           []replicaRegion
	ForceOverwriteReplicaSecret *bool
}

var replicateSecretToRegions = &operation[replicateInput]{
	name:  "ReplicateSecretToRegions",
	id:    func(in *replicateInput) string { return in.SecretId },
	check: func(in *replicateInput, v *checks) { v.Required("addReplicaRegions", len(in.AddReplicaRegions) > 0) },
	run:   func(q *request, _ *replicateInput) (any, error) { return q.refuse(noReplicas()) },
}

type removeReplicasInput struct {
	SecretId             string
	RemoveReplicaRegions []string
}

var removeRegionsFromReplication = &operation[removeReplicasInput]{
	name: "RemoveRegionsFromReplication",
	id:   func(in *removeReplicasInput) string { return in.SecretId },
	check: func(in *removeReplicasInput, v *checks) {
		v.Required("removeReplicaRegions", len(in.RemoveReplicaRegions) > 0)
	},
	run: func(q *request, _ *removeReplicasInput) (any, error) { return q.refuse(noReplicas()) },
}

var stopReplicationToReplica = &operation[secretInput]{
	name: "StopReplicationToReplica", id: idOf,
	run: func(q *request, _ *secretInput) (any, error) { return q.refuse(noReplicas()) },
}

type rotateInput struct {
	SecretId                       string
	ClientRequestToken             *string
	RotationLambdaARN              *string
	RotateImmediately              *bool
	RotationRules                  *rotationRules
	ExternalSecretRotationMetadata []struct{ Key, Value string }
	ExternalSecretRotationRoleArn  *string
}

type rotationRules struct {
	AutomaticallyAfterDays *int64
	Duration               *string
	ScheduleExpression     *string
}

var rotateSecret = &operation[rotateInput]{
	name: "RotateSecret",
	id:   func(in *rotateInput) string { return in.SecretId },
	run:  func(q *request, _ *rotateInput) (any, error) { return q.refuse(noRotation()) },
}

var cancelRotateSecret = &operation[secretInput]{
	name: "CancelRotateSecret", id: idOf,
	run: func(q *request, _ *secretInput) (any, error) { return q.refuse(noRotation()) },
}

func noRotation() *awsapi.Fault {
	return invalidRequest("Daypass has no Lambda functions that could rotate a secret: put a new value with PutSecretValue.")
}

func (q *request) refuse(f *awsapi.Fault) (any, error) {
	if _, err := q.secret.usable(); err != nil {
		return nil, err
	}
	return nil, f
}
