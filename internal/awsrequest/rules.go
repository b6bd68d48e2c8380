package awsrequest

import (
	"errors"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/daypass/daypass/internal/arn"
)

// resourceRules give the resources of a request, by service. A rule that gives no
// need leaves the resource open. What is not here is open too: the permission must
// be allowed on every resource, and a Deny on any is one.
//
// Source: Service Authorization Reference, "Resource types defined by" each.
var resourceRules = map[string]func(*Operation, *Scope) ([]*Need, error){
	"sqs":      (*Operation).sqsNeeds,
	"sns":      (*Operation).snsNeeds,
	"dynamodb": (*Operation).dynamoNeeds,
	"kms":      (*Operation).kmsNeeds,
	"lambda":   (*Operation).lambdaNeeds,
	"eks":      (*Operation).eksNeeds,
	"ecr":      (*Operation).ecrNeeds,
	"kinesis":  (*Operation).kinesisNeeds,
	"ssm":      (*Operation).ssmNeeds,
	"states":   (*Operation).statesNeeds,
}

// text is a parameter of a Query request or a member of a document.
func (op *Operation) text(name string) (string, error) {
	if op.params != nil {
		return op.params.one(name)
	}
	return op.member(name)
}

// named gives a need on what the first of the members that is there names: an ARN
// of the service as it is, any other text as the resource of that template, in
// which * stands for it. nil where none is there.
func (op *Operation) named(scope *Scope, template string, members ...string) (*Need, error) {
	var found *Need
	for _, name := range members {
		value, err := op.text(name)
		if err != nil {
			return nil, err
		}
		if value == "" {
			continue
		}
		if found != nil {
			return nil, malformed("the request has both %s and another name for the same", name)
		}
		if found, err = op.onNamed(scope, template, value); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// onNamed is a need on what a value names.
func (op *Operation) onNamed(scope *Scope, template, value string) (*Need, error) {
	if a, err := arn.Parse(value); err == nil && a.Service == op.Service.Name {
		return op.on(value), nil
	}
	if strings.HasPrefix(value, "arn:") || template == "" || strings.ContainsAny(value, ":*?") {
		return nil, malformed("the request names what is no resource of %s", op.Service.Name)
	}
	return op.on(scope.arn(op.Service.Name, strings.Replace(template, "*", value, 1))), nil
}

// some is the needs of one, none where it is nil.
func some(need *Need, err error) ([]*Need, error) {
	if need == nil || err != nil {
		return nil, err
	}
	return []*Need{need}, nil
}

// sqsNeeds: a queue is named by its URL, whose path is its account and its name, or
// by its name where it has no URL yet (Amazon SQS Developer Guide, "Queue and
// message identifiers"). A request by Query may be sent to the queue's URL.
func (op *Operation) sqsNeeds(scope *Scope) ([]*Need, error) {
	if op.Name == "ListQueues" {
		return []*Need{op.on("*")}, nil
	}
	address, err := op.text("QueueUrl")
	if err != nil {
		return nil, err
	}
	if op.path != "/" && op.path != "" {
		if u, err := url.Parse(address); err != nil || address != "" && u.EscapedPath() != op.path {
			return nil, malformed("the path is one queue's, and QueueUrl another's")
		}
		address = op.path
	}
	switch {
	case address != "":
		u, err := url.Parse(address)
		if err != nil {
			return nil, malformed("QueueUrl is no URL")
		}
		account, name, ok := strings.Cut(strings.TrimPrefix(u.EscapedPath(), "/"), "/")
		if !ok || name == "" || strings.ContainsAny(name, "/%:*?") || strings.ContainsAny(account, ":%*?") || u.RawQuery != "" {
			return nil, malformed("QueueUrl is not https://HOST/ACCOUNT/NAME")
		}
		return []*Need{op.on((&Scope{scope.Region, account}).arn("sqs", name))}, nil
	case op.Name == "CreateQueue" || op.Name == "GetQueueUrl":
		owner, err := op.text("QueueOwnerAWSAccountId")
		if err != nil {
			return nil, err
		}
		if owner != "" {
			scope = &Scope{scope.Region, owner}
		}
		return some(op.named(scope, "*", "QueueName"))
	case op.Name == "ListMessageMoveTasks":
		return some(op.named(scope, "", "SourceArn"))
	case op.Name == "StartMessageMoveTask":
		return nil, &Error{Kind: Unserved, Reason: "sqs:StartMessageMoveTask is not served: the messages go to queues that the request need not name"}
	}
	return nil, nil
}

// snsNeeds: a topic. What is sent to a telephone is of no topic.
func (op *Operation) snsNeeds(scope *Scope) ([]*Need, error) {
	switch op.Name {
	case "CreateTopic":
		return some(op.named(scope, "*", "Name"))
	case "Publish":
		if op.params.has("PhoneNumber") && !op.params.has("TopicArn") && !op.params.has("TargetArn") {
			return []*Need{op.on("*")}, nil
		}
		return some(op.named(scope, "", "TopicArn", "TargetArn"))
	}
	return some(op.named(scope, "", "TopicArn", "ResourceArn", "PlatformApplicationArn", "EndpointArn"))
}

// kmsNeeds: a key, by its id or ARN. Which key an alias is of is not known here, nor
// the key of a ciphertext.
func (op *Operation) kmsNeeds(scope *Scope) ([]*Need, error) {
	switch op.Name {
	case "CreateKey", "ListKeys", "ListAliases", "GenerateRandom", "CreateCustomKeyStore", "DescribeCustomKeyStores":
		return []*Need{op.on("*")}, nil
	case "ReEncrypt":
		from, err := op.key(scope, "SourceKeyId", "ReEncryptFrom")
		if err != nil {
			return nil, err
		}
		to, err := op.key(scope, "DestinationKeyId", "ReEncryptTo")
		return []*Need{from, to}, err
	case "CreateAlias", "UpdateAlias", "DeleteAlias":
		name, err := op.member("AliasName")
		if err != nil {
			return nil, err
		}
		key, err := op.key(scope, "TargetKeyId", op.Name)
		return []*Need{op.on(scope.arn("kms", name)), key}, err
	}
	if _, has := op.document["KeyId"]; !has && op.Name != "Decrypt" {
		return nil, nil
	}
	return some(op.key(scope, "KeyId", op.Name))
}

// key is a need on the key that a member names; open where it names none, or an
// alias.
func (op *Operation) key(scope *Scope, member, action string) (*Need, error) {
	id, err := op.member(member)
	if err != nil {
		return nil, err
	}
	resource := id
	a, notARN := arn.Parse(id)
	switch {
	case notARN == nil && a.Service == "kms" && strings.HasPrefix(a.Resource, "key/"):
	case notARN != nil && id != "" && !strings.ContainsAny(id, ":/*?"):
		resource = scope.arn("kms", "key/"+id)
	case id == "" || strings.HasPrefix(id, "alias/") || notARN == nil && strings.HasPrefix(a.Resource, "alias/"):
		n := op.needOf(action, "*")
		n.Open = true
		return n, nil
	default:
		return nil, malformed("%s names no key", member)
	}
	return op.needOf(action, resource), nil
}

// dynamoNeeds: tables and their indexes. A transaction needs, for each of its parts,
// what the part would need by itself (DynamoDB Developer Guide, "Using IAM with
// DynamoDB transactions").
func (op *Operation) dynamoNeeds(scope *Scope) ([]*Need, error) {
	switch op.Name {
	case "ListTables", "DescribeLimits", "DescribeEndpoints":
		return []*Need{op.on("*")}, nil
	case "BatchGetItem", "BatchWriteItem":
		items, err := op.value("RequestItems")
		if err != nil {
			return nil, err
		}
		tables, _ := items.(map[string]any)
		var needs []*Need
		for _, table := range slices.Sorted(maps.Keys(tables)) {
			n, err := op.onNamed(scope, "table/*", table)
			if err != nil {
				return nil, err
			}
			needs = append(needs, n)
		}
		return needs, nil
	case "TransactGetItems", "TransactWriteItems":
		return op.transaction(scope)
	case "RestoreTableFromBackup", "RestoreTableToPointInTime", "ImportTable": // several tables and keys
		return nil, nil
	}
	table, err := op.named(scope, "table/*", "TableName", "TableArn", "ResourceArn", "StreamArn", "BackupArn", "ExportArn", "ImportArn")
	if err != nil || table == nil {
		return nil, err
	}
	index, err := op.member("IndexName")
	if err != nil {
		return nil, err
	}
	if index != "" && (op.Name == "Query" || op.Name == "Scan") {
		table.Resource += "/index/" + index
	}
	return []*Need{table}, nil
}

// transactionParts are the parts' actions.
var transactionParts = map[string]string{"Get": "GetItem", "Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem", "ConditionCheck": "ConditionCheckItem"}

func (op *Operation) transaction(scope *Scope) ([]*Need, error) {
	value, err := op.value("TransactItems")
	if err != nil {
		return nil, err
	}
	items, _ := value.([]any)
	var needs []*Need
	for _, item := range items {
		parts, _ := item.(map[string]any)
		for kind, value := range parts {
			part, ok := value.(map[string]any)
			action := transactionParts[kind]
			table, isText := part["TableName"].(string)
			if !ok || action == "" || !isText {
				return nil, malformed("a part of the transaction is not known")
			}
			n, err := op.onNamed(scope, "table/*", table)
			if err != nil {
				return nil, err
			}
			n.Action = "dynamodb:" + action
			needs = append(needs, n)
		}
	}
	return needs, nil
}

// lambdaNeeds: a function, by its name, with the account and with the qualifier or
// without, or by its ARN.
func (op *Operation) lambdaNeeds(scope *Scope) ([]*Need, error) {
	needs, err := op.functionNeeds(scope)
	code, codeErr := op.codeNeeds()
	if err != nil || codeErr != nil {
		return nil, errors.Join(err, codeErr)
	}
	if len(needs) == 0 {
		needs = []*Need{op.onSome("")}
	}
	return append(needs, code...), nil
}

// codeNeeds are those of code and layers, which Lambda fetches in its caller's name
// (Lambda Developer Guide, "Deploying Lambda functions as .zip file archives" and
// "Create a Lambda function using a container image"; Service Authorization
// Reference, lambda:GetLayerVersion).
func (op *Operation) codeNeeds() ([]*Need, error) {
	var needs []*Need
	buckets, keys := collect(op.document, []string{"S3Bucket"}, nil), collect(op.document, []string{"S3Key"}, nil)
	if len(buckets) > 1 || len(keys) != len(buckets) {
		return nil, malformed("the request does not name one object with the code")
	}
	action := "s3:GetObject"
	if len(collect(op.document, []string{"S3ObjectVersion"}, nil)) > 0 {
		action = "s3:GetObjectVersion"
	}
	for i, bucket := range buckets {
		needs = append(needs, &Need{Action: action, Resource: "arn:aws:s3:::" + bucket + "/" + keys[i], service: "s3"})
	}
	if len(collect(op.document, []string{"ImageUri"}, nil)) > 0 {
		for _, action := range []string{"ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"} {
			needs = append(needs, &Need{Action: action, Resource: "*", Open: true, service: "ecr"})
		}
	}
	if op.Name == "CreateFunction" || op.Name == "UpdateFunctionConfiguration" {
		for _, layer := range collect(op.document, []string{"Layers"}, nil) {
			if a, err := arn.Parse(layer); err != nil || a.Service != "lambda" {
				return nil, malformed("Layers names what is no layer")
			}
			needs = append(needs, op.needOf("GetLayerVersion", layer))
		}
	}
	return needs, nil
}

// functionNeeds are those of the operation's own action.
func (op *Operation) functionNeeds(scope *Scope) ([]*Need, error) {
	name := op.labels["FunctionName"]
	switch op.Name {
	case "ListFunctions", "ListLayers", "GetAccountSettings":
		return []*Need{op.on("*")}, nil
	case "CreateFunction":
		var err error
		if name, err = op.member("FunctionName"); err != nil {
			return nil, err
		}
	}
	if name == "" {
		return nil, nil
	}
	if a, err := arn.Parse(name); err == nil && a.Service == "lambda" {
		if qualifier := op.query["Qualifier"]; qualifier != "" && strings.Count(a.Resource, ":") == 1 {
			name += ":" + qualifier
		}
		return []*Need{op.on(name)}, nil
	}
	parts := strings.Split(name, ":")
	if len(parts) > 2 && parts[1] == "function" { // ACCOUNT:function:NAME
		scope, parts = &Scope{scope.Region, parts[0]}, parts[2:]
	}
	if len(parts) > 2 || strings.ContainsAny(name, "/*?") {
		return nil, malformed("FunctionName names no function")
	}
	if qualifier := op.query["Qualifier"]; qualifier != "" && len(parts) == 1 {
		parts = append(parts, qualifier)
	}
	return []*Need{op.on(scope.arn("lambda", "function:"+strings.Join(parts, ":")))}, nil
}

// eksNeeds: the operations that are about a cluster and nothing below it.
func (op *Operation) eksNeeds(scope *Scope) ([]*Need, error) {
	switch op.Name {
	case "ListClusters", "DescribeAddonVersions", "DescribeClusterVersions":
		return []*Need{op.on("*")}, nil
	case "DescribeCluster", "DeleteCluster":
		return some(op.onNamed(scope, "cluster/*", op.labels["name"]))
	case "UpdateClusterConfig", "UpdateClusterVersion", "ListNodegroups", "ListAddons", "ListFargateProfiles", "CreateNodegroup", "CreateAddon", "CreateFargateProfile":
		for _, label := range []string{"name", "clusterName"} {
			if name := op.labels[label]; name != "" {
				return some(op.onNamed(scope, "cluster/*", name))
			}
		}
	}
	return nil, nil
}

// ecrNeeds: a repository, which may be another registry's.
func (op *Operation) ecrNeeds(scope *Scope) ([]*Need, error) {
	registry, err := op.member("registryId")
	if err != nil {
		return nil, err
	}
	if registry != "" {
		scope = &Scope{scope.Region, registry}
	}
	return some(op.named(scope, "repository/*", "repositoryName", "resourceArn"))
}

// kinesisNeeds: a stream.
func (op *Operation) kinesisNeeds(scope *Scope) ([]*Need, error) {
	switch op.Name {
	case "ListStreams", "DescribeLimits":
		return []*Need{op.on("*")}, nil
	case "GetRecords", "ListShards", "SubscribeToShard", "DescribeStreamConsumer", "DeregisterStreamConsumer": // by an iterator, a token, or a consumer
		return nil, nil
	}
	stream, err := op.named(scope, "stream/*", "StreamName")
	if err != nil {
		return nil, err
	}
	byARN, err := op.named(scope, "", "StreamARN", "ResourceARN")
	switch {
	case err != nil || byARN == nil:
		return some(stream, err)
	case stream == nil || stream.Resource == byARN.Resource:
		return []*Need{byARN}, nil
	}
	return []*Need{stream, byARN}, nil
}

// ssmNeeds: parameters. Of a parameter that is a secret the value is decrypted in the
// caller's name (Systems Manager User Guide, "Restricting access to Parameter Store
// parameters using IAM policies"): so that is asked for as well.
func (op *Operation) ssmNeeds(scope *Scope) ([]*Need, error) {
	member := "Name"
	switch op.Name {
	case "GetParameters", "DeleteParameters":
		member = "Names"
	case "GetParametersByPath":
		member = "Path"
	case "GetParameter", "PutParameter", "DeleteParameter", "GetParameterHistory":
	default:
		return nil, nil
	}
	value, err := op.value(member)
	if err != nil {
		return nil, err
	}
	var needs []*Need
	for _, name := range texts(value, nil) {
		n, err := op.onParameter(scope, name)
		if err != nil {
			return nil, err
		}
		needs = append(needs, n)
	}
	decrypts, err := op.value("WithDecryption")
	if err != nil {
		return nil, err
	}
	if decrypts != nil && decrypts != false {
		needs = append(needs, &Need{Action: "kms:Decrypt", Resource: "*", Open: true, service: "kms"})
	}
	kind, err := op.value("Type")
	if err == nil && kind == "SecureString" {
		needs = append(needs, &Need{Action: "kms:Encrypt", Resource: "*", Open: true, service: "kms"})
	}
	return needs, err
}

// onParameter is a need on a parameter, with its version or label or without, or on
// those below a path.
func (op *Operation) onParameter(scope *Scope, name string) (*Need, error) {
	if strings.HasPrefix(name, "arn:") {
		return op.onNamed(scope, "", name)
	}
	name, _, _ = strings.Cut(strings.Trim(name, "/"), ":")
	if name == "" && op.Name == "GetParametersByPath" {
		return op.onSome(scope.arn("ssm", "parameter/")), nil
	}
	if name == "" || strings.ContainsAny(name, "*?") {
		return nil, malformed("the request names no parameter")
	}
	return op.on(scope.arn("ssm", "parameter/"+name)), nil
}

// statesNeeds: what the one ARN of the request names.
func (op *Operation) statesNeeds(scope *Scope) ([]*Need, error) {
	switch op.Name {
	case "ListStateMachines", "ListActivities":
		return []*Need{op.on("*")}, nil
	case "CreateStateMachine":
		return some(op.named(scope, "stateMachine:*", "name"))
	case "CreateActivity":
		return some(op.named(scope, "activity:*", "name"))
	case "StartExecution", "StartSyncExecution", "DescribeStateMachine", "DeleteStateMachine", "UpdateStateMachine", "ListExecutions":
		return some(op.named(scope, "", "stateMachineArn"))
	case "DescribeExecution", "StopExecution", "GetExecutionHistory", "RedriveExecution":
		return some(op.named(scope, "", "executionArn"))
	}
	return nil, nil
}
