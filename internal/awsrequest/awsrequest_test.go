package awsrequest

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
)

var scope = &Scope{Region: "eu-central-1", Account: "123456789012"}

const formType = "application/x-www-form-urlencoded; charset=utf-8"

// form is a request by Query: pairs of names and values.
func form(pairs ...string) *Request {
	values := []string{}
	for i := 0; i+1 < len(pairs); i += 2 {
		values = append(values, url.QueryEscape(pairs[i])+"="+url.QueryEscape(pairs[i+1]))
	}
	return &Request{Method: "POST", RequestURI: "/", Header: map[string][]string{"Content-Type": {formType}}, Body: []byte(strings.Join(values, "&"))}
}

func ec2Form(action string, pairs ...string) *Request {
	return form(append([]string{"Action", action, "Version", "2016-11-15"}, pairs...)...)
}

func document(target, body string) *Request {
	return &Request{
		Method: "POST", RequestURI: "/", Body: []byte(body),
		Header: map[string][]string{"X-Amz-Target": {target}, "Content-Type": {"application/x-amz-json-1.0"}},
	}
}

func rest(method, uri, body string) *Request {
	return &Request{Method: method, RequestURI: uri, Header: map[string][]string{"Content-Type": {"application/json"}}, Body: []byte(body)}
}

func cbor(service, operation string) *Request {
	return &Request{Method: "POST", RequestURI: "/service/" + service + "/operation/" + operation, Header: map[string][]string{"Smithy-Protocol": {"rpc-v2-cbor"}}, Body: []byte{0xa0}}
}

// told writes needs as the tables below do: action, resource, "?" where it is open.
func told(needs []*Need) string {
	lines := make([]string, len(needs))
	for i, n := range needs {
		resource := strings.Replace(n.Resource, "arn:aws:"+n.service+":eu-central-1:123456789012:", "", 1)
		if n.Open {
			resource += "?"
		}
		lines[i] = n.Action + " " + resource
	}
	return strings.Join(lines, "; ")
}

func TestNeeds(t *testing.T) {
	t.Parallel()
	tests := []struct {
		service string
		request *Request
		want    string
	}{
		{"ec2", ec2Form("DescribeInstances"), "ec2:DescribeInstances *"},
		{"ec2", ec2Form("DescribeInstanceAttribute", "InstanceId", "i-1"), "ec2:DescribeInstanceAttribute *?"},
		{"ec2", ec2Form("GetEbsDefaultKmsKeyId"), "ec2:GetEbsDefaultKmsKeyId *?"},
		{"ec2", ec2Form("StopInstances", "InstanceId.1", "i-1", "InstanceId.2", "i-2"), "ec2:StopInstances instance/i-1; ec2:StopInstances instance/i-2"},
		{"ec2", ec2Form("StopInstances"), "ec2:StopInstances instance/*?"},
		{"ec2", ec2Form("AttachVolume", "VolumeId", "vol-1", "InstanceId", "i-1", "Device", "/dev/sdh"), "ec2:AttachVolume volume/vol-1; ec2:AttachVolume instance/i-1"},
		{"ec2", ec2Form("CreateVolume", "AvailabilityZone", "eu-central-1a", "SnapshotId", "snap-1"), "ec2:CreateVolume volume/*; ec2:CreateVolume arn:aws:ec2:eu-central-1::snapshot/snap-1"},
		{"ec2", ec2Form("CreateTags", "ResourceId.1", "i-1", "ResourceId.2", "ami-1", "Tag.1.Key", "a", "Tag.1.Value", "b"), "ec2:CreateTags instance/i-1; ec2:CreateTags arn:aws:ec2:eu-central-1::image/ami-1"},
		{"ec2", ec2Form("CreateTags", "ResourceId.1", "key-1", "ResourceId.2", "new-1"), "ec2:CreateTags key-pair/*?; ec2:CreateTags *?"},
		{"ec2", ec2Form("AuthorizeSecurityGroupIngress", "GroupId", "sg-1", "TagSpecification.1.ResourceType", "security-group-rule", "TagSpecification.1.Tag.1.Key", "a"), "ec2:AuthorizeSecurityGroupIngress security-group/sg-1; ec2:AuthorizeSecurityGroupIngress security-group-rule/*; ec2:CreateTags security-group-rule/*"},
		{"ec2", ec2Form("AuthorizeSecurityGroupIngress", "GroupName", "web"), "ec2:AuthorizeSecurityGroupIngress security-group/*?"},
		{
			"ec2", ec2Form("RunInstances", "ImageId", "ami-1", "SubnetId", "subnet-1", "SecurityGroupId.1", "sg-1", "KeyName", "mine", "IamInstanceProfile.Name", "web",
				"TagSpecification.1.ResourceType", "instance", "TagSpecification.1.Tag.1.Key", "team", "TagSpecification.1.Tag.1.Value", "data"),
			"ec2:RunInstances arn:aws:ec2:eu-central-1::image/ami-1; ec2:RunInstances instance/*; ec2:RunInstances volume/*; ec2:RunInstances network-interface/*; " +
				"ec2:RunInstances subnet/subnet-1; ec2:RunInstances security-group/sg-1; ec2:RunInstances key-pair/mine; iam:PassRole arn:aws:iam::123456789012:role/*?; ec2:CreateTags instance/*",
		},
		{
			"ec2", ec2Form("RunInstances", "ImageId", "ami-1"),
			"ec2:RunInstances arn:aws:ec2:eu-central-1::image/ami-1; ec2:RunInstances instance/*; ec2:RunInstances volume/*; ec2:RunInstances network-interface/*; " +
				"ec2:RunInstances subnet/*?; ec2:RunInstances security-group/*?",
		},
		{
			"ec2", ec2Form("RunInstances", "ImageId", "ami-1", "NetworkInterface.1.NetworkInterfaceId", "eni-1"),
			"ec2:RunInstances arn:aws:ec2:eu-central-1::image/ami-1; ec2:RunInstances instance/*; ec2:RunInstances volume/*; ec2:RunInstances network-interface/eni-1",
		},
		{
			"ec2", ec2Form("RunInstances", "LaunchTemplate.LaunchTemplateId", "lt-1"),
			"ec2:RunInstances launch-template/lt-1; ec2:RunInstances *?; ec2:RunInstances arn:aws:ec2:eu-central-1::image/*?; ec2:RunInstances instance/*; ec2:RunInstances volume/*; ec2:RunInstances network-interface/*; " +
				"ec2:RunInstances subnet/*?; ec2:RunInstances security-group/*?; ec2:RunInstances key-pair/*?; iam:PassRole arn:aws:iam::123456789012:role/*?; " +
				"ec2:CreateTags instance/*; ec2:CreateTags network-interface/*; ec2:CreateTags volume/*",
		},
		{"ec2", ec2Form("AssociateIamInstanceProfile", "InstanceId", "i-1", "IamInstanceProfile.Name", "p"), "ec2:AssociateIamInstanceProfile instance/i-1; iam:PassRole arn:aws:iam::123456789012:role/*?"},
		{"ec2", ec2Form("CreateTransitGatewayRouteTable", "TagSpecifications.1.ResourceType", "transit-gateway-route-table", "TagSpecifications.1.Tag.1.Key", "a"), "ec2:CreateTransitGatewayRouteTable *?; ec2:CreateTags transit-gateway-route-table/*"},
		{"sqs", document("AmazonSQS.SendMessageBatch", `{"QueueUrl":"https://sqs.example/123456789012/q"}`), "sqs:SendMessage q"},
		{"sqs", form("Action", "SendMessage", "Version", "2012-11-05", "QueueUrl", "http://h/123456789012/q", "MessageBody", "x"), "sqs:SendMessage q"},
		{"sqs", &Request{Method: "POST", RequestURI: "/123456789012/q", Header: map[string][]string{"Content-Type": {formType}}, Body: []byte("Action=SendMessage")}, "sqs:SendMessage q"},
		{"sqs", document("AmazonSQS.CreateQueue", `{"QueueName":"q","tags":{"role":"x"}}`), "sqs:CreateQueue q"},
		{"sqs", document("AmazonSQS.CancelMessageMoveTask", `{"TaskHandle":"q"}`), "sqs:CancelMessageMoveTask *?"},
		{"dynamodb", document("DynamoDB_20120810.Query", `{"TableName":"t","IndexName":"i"}`), "dynamodb:Query table/t/index/i"},
		{"dynamodb", document("DynamoDB_20120810.BatchGetItem", `{"RequestItems":{"b":{},"a":{}}}`), "dynamodb:BatchGetItem table/a; dynamodb:BatchGetItem table/b"},
		{"dynamodb", document("DynamoDB_20120810.TransactWriteItems", `{"TransactItems":[{"Put":{"TableName":"a"}},{"ConditionCheck":{"TableName":"b"}}]}`), "dynamodb:PutItem table/a; dynamodb:ConditionCheckItem table/b"},
		{"dynamodb", document("DynamoDBStreams_20120810.ListStreams", `{"TableName":"a"}`), "dynamodb:ListStreams table/a"},
		{"kms", document("TrentService.Decrypt", `{"CiphertextBlob":""}`), "kms:Decrypt *?"},
		{"kms", document("TrentService.Encrypt", `{"KeyId":"1234abcd"}`), "kms:Encrypt key/1234abcd"},
		{"kms", document("TrentService.Encrypt", `{"KeyId":"alias/a"}`), "kms:Encrypt *?"},
		{"kms", document("TrentService.ReEncrypt", `{"SourceKeyId":"1","DestinationKeyId":"2"}`), "kms:ReEncryptFrom key/1; kms:ReEncryptTo key/2"},
		{"sns", form("Action", "Publish", "TopicArn", "arn:aws:sns:eu-central-1:123456789012:t", "Message", "m"), "sns:Publish t"},
		{"sns", form("Action", "SetTopicAttributes", "TopicArn", "arn:aws:sns:eu-central-1:123456789012:t", "AttributeValue", "arn:aws:iam::123456789012:role/r"), "sns:SetTopicAttributes t; iam:PassRole arn:aws:iam::123456789012:role/r"},
		{"lambda", rest("POST", "/2015-03-31/functions/f/invocations?Qualifier=live", "any body"), "lambda:InvokeFunction function:f:live"},
		{"lambda", rest("GET", "/2015-03-31/functions/123456789012%3Afunction%3Af/policy", ""), "lambda:GetPolicy function:f"},
		{"lambda", rest("POST", "/2015-03-31/functions", `{"FunctionName":"f","Role":"arn:aws:iam::123456789012:role/r"}`), "lambda:CreateFunction function:f; iam:PassRole arn:aws:iam::123456789012:role/r"},
		{"lambda", rest("GET", "/2018-10-31/layers?find=LayerVersion&Arn=x", ""), "lambda:GetLayerVersion *?"},
		{"lambda", rest("PUT", "/2015-03-31/functions/f/code", `{"S3Bucket":"b","S3Key":"k"}`), "lambda:UpdateFunctionCode function:f; s3:GetObject arn:aws:s3:::b/k"},
		{
			"lambda", rest("POST", "/2015-03-31/functions", `{"FunctionName":"f","Code":{"ImageUri":"i"},"Layers":["arn:aws:lambda:eu-central-1:123456789012:layer:l:1"]}`),
			"lambda:CreateFunction function:f; ecr:BatchGetImage *?; ecr:GetDownloadUrlForLayer *?; lambda:GetLayerVersion layer:l:1",
		},
		{"lambda", rest("POST", "/2018-10-31/layers/l/versions", `{"Content":{"S3Bucket":"b","S3Key":"k"}}`), "lambda:PublishLayerVersion *?; s3:GetObject arn:aws:s3:::b/k"},
		{"ecs", document("AmazonEC2ContainerServiceV20141113.RunTask", `{"taskDefinition":"t"}`), "ecs:RunTask *?; iam:PassRole arn:aws:iam::123456789012:role/*?"},
		{"ec2", ec2Form("CreateFlowLogs", "DeliverLogsPermissionArn", "arn:aws:iam::123456789012:role/r"), "ec2:CreateFlowLogs *?; iam:PassRole arn:aws:iam::123456789012:role/r"},
		{"eks", rest("GET", "/clusters/c", ""), "eks:DescribeCluster cluster/c"},
		{"eks", rest("POST", "/clusters/c/node-groups", `{"nodegroupName":"n","nodeRole":"arn:aws:iam::123456789012:role/n"}`), "eks:CreateNodegroup cluster/c; iam:PassRole arn:aws:iam::123456789012:role/n"},
		{"monitoring", cbor("GraniteServiceVersion20100801", "ListMetrics"), "cloudwatch:ListMetrics *?"},
		{"cloudwatch", form("Action", "PutMetricData", "Version", "2010-08-01"), "cloudwatch:PutMetricData *?"},
		{"ssm", document("AmazonSSM.GetParameters", `{"Names":["/a/b:3","c"],"WithDecryption":true}`), "ssm:GetParameters parameter/a/b; ssm:GetParameters parameter/c; kms:Decrypt *?"},
		{"ecs", document("AmazonEC2ContainerServiceV20141113.RegisterTaskDefinition", `{"taskRoleArn":"app"}`), "ecs:RegisterTaskDefinition *?; iam:PassRole arn:aws:iam::123456789012:role/app"},
		{"logs", document("Logs_20140328.DescribeLogGroups", `{}`), "logs:DescribeLogGroups *?"},
		{"route53", &Request{Method: "GET", RequestURI: "/2013-04-01/hostedzone/Z1/rrset?maxitems=3"}, "route53:ListResourceRecordSets *?"},
		{"elbv2", form("Action", "DescribeTargetGroups", "Version", "2015-12-01"), "elasticloadbalancing:DescribeTargetGroups *?"},
	}
	for _, tt := range tests {
		service, ok := Find(tt.service)
		if !ok {
			t.Fatal(tt.service)
		}
		op, err := service.Parse(tt.request)
		if err != nil {
			t.Errorf("%s %s: %v", tt.service, tt.want, err)
			continue
		}
		needs, err := op.Needs(scope)
		if got := told(needs); err != nil || got != tt.want {
			t.Errorf("%s %s: %v\n got %s\nwant %s", tt.service, op.Name, err, got, tt.want)
		}
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	zipped := ec2Form("DescribeInstances")
	zipped.Header["Content-Encoding"] = []string{"gzip"}
	tests := []struct {
		service string
		request *Request
		kind    Kind
		reason  string
	}{
		{"ec2", ec2Form("LaunchRocket"), Unknown, `no operation "LaunchRocket"`},
		{"ec2", ec2Form("StopInstances", "InstanceId.1", "i-1", "InstanceId.1", "i-2"), Malformed, "twice"},
		{"ec2", ec2Form("StopInstances", "InstanceId.1", "i-1", "instanceId.2", "i-2"), Malformed, `no parameter "instanceId.2"`},
		{"ec2", ec2Form("StopInstances", "InstanceId.01", "i-1"), Malformed, "not written as"},
		{"ec2", ec2Form("StopInstances", "InstanceId", "i-1"), Malformed, "not written as"},
		{"ec2", ec2Form("StopInstances", "InstanceId.1", "*"), Malformed, "no instance"},
		{"ec2", ec2Form("StopInstances", "InstanceId.1", "i-1", "DryRun", "maybe"), Malformed, "DryRun"},
		{"ec2", ec2Form("CreateFleet"), Unserved, "ec2:CreateFleet is not served"},
		{"ec2", zipped, Malformed, "Content-Encoding"},
		{"ec2", &Request{Method: "PUT", RequestURI: "/"}, Malformed, "method"},
		{"ec2", document("AmazonEC2.StopInstances", "{}"), Malformed, "no form"},
		{"ec2", &Request{Method: "POST", RequestURI: "/?Action=StopInstances", Header: map[string][]string{"Content-Type": {formType}}, Body: []byte("Action=DescribeInstances")}, Malformed, "in the query of a POST"},
		{"ec2", ec2Form("RunInstances", "SubnetId", "subnet-1", "NetworkInterface.1.SubnetId", "subnet-2"), Malformed, "do not go together"},
		{"sqs", document("AmazonSQS.SendMessage", `{"QueueUrl":"https://h/1/a","QueueUrl":"https://h/1/b"}`), Malformed, "twice"},
		{"sqs", document("AmazonSQS.SendMessage", `{"queueUrl":"https://h/1/a"}`), Malformed, `no member "queueUrl"`},
		{"sqs", document("AmazonSQS.SendMessage", `{"QueueUrl":"https://h/1/a"} {}`), Malformed, "follows"},
		{"sqs", document("AmazonSQS.SendMessage", `{"QueueUrl":"https://h/1/\ud800"}`), Malformed, "surrogate"},
		{"sqs", document("AmazonSQS.SendMessage", "{\"a\":\"\xff\"}"), Malformed, "UTF-8"},
		{"sqs", document("AmazonSQS.SendMessage", strings.Repeat("[", 300)), Malformed, "deep"},
		{"sqs", document("AmazonSQS.SendMessage", `{"QueueUrl":"https://h/a"}`), Malformed, "ACCOUNT/NAME"},
		{"sqs", document("AmazonSNS.SendMessage", `{}`), Unknown, "no operation"},
		{"sqs", &Request{Method: "POST", RequestURI: "/1/q", Header: map[string][]string{"Content-Type": {formType}}, Body: []byte("Action=SendMessage&QueueUrl=http%3A%2F%2Fh%2F1%2Fother")}, Malformed, "another's"},
		// A member that the service would leave aside says nothing of the resource.
		{"sqs", document("AmazonSQS.StartMessageMoveTask", `{"QueueUrl":"https://h/1/mine","SourceArn":"arn:aws:sqs:eu-central-1:123456789012:dlq"}`), Malformed, `no member "QueueUrl"`},
		{"sqs", document("AmazonSQS.CreateQueue", `{"QueueName":"theirs","QueueUrl":"https://h/1/mine"}`), Malformed, `no member "QueueUrl"`},
		{"sqs", &Request{Method: "POST", RequestURI: "/1/mine", Header: map[string][]string{"Content-Type": {formType}}, Body: []byte("Action=CreateQueue&QueueName=theirs")}, Malformed, "path"},
		{"sqs", form("Action", "CreateQueue", "Version", "2012-11-05", "QueueName", "q", "QueueUrl", "http://h/1/mine"), Malformed, `no parameter "QueueUrl"`},
		{"sns", form("Action", "Unsubscribe", "Version", "2010-03-31", "SubscriptionArn", "arn:aws:sns:eu-central-1:123456789012:theirs:1", "TopicArn", "arn:aws:sns:eu-central-1:123456789012:mine"), Malformed, `no parameter "TopicArn"`},
		{"sns", form("Action", "CreateTopic", "Version", "2010-03-31", "Name", "t", "Tag.1.Key", "env", "Tag.1.Value", "dev"), Malformed, `no parameter "Tag.1.Key"`},
		{"dynamodb", document("DynamoDB_20120810.CreateGlobalTable", `{"GlobalTableName":"theirs","TableName":"mine"}`), Malformed, `no member "TableName"`},
		{"dynamodb", document("DynamoDB_20120810.CreateTable", `{"TableName":"mine","Tags":[{"Key":"env","Value":"prod"}],"tags":[{"Key":"env","Value":"dev"}]}`), Malformed, `no member "tags"`},
		{"kms", document("TrentService.DeleteCustomKeyStore", `{"CustomKeyStoreId":"cks-1","KeyId":"mine"}`), Malformed, `no member "KeyId"`},
		{"ecr", document("AmazonEC2ContainerRegistry_V20150921.PutRegistryPolicy", `{"policyText":"{}","repositoryName":"mine"}`), Malformed, `no member "repositoryName"`},
		{"lambda", rest("PUT", "/2017-10-31/functions/f/concurrency?Qualifier=mine", ""), Malformed, `no parameter "Qualifier"`},
		{"lambda", rest("POST", "/2015-03-31/functions", `{"FunctionName":"f","Unheard":1}`), Malformed, `no member "Unheard"`},
		{"ec2", ec2Form("DeleteSecurityGroup", "GroupId", "sg-1", "GroupName", "theirs"), Malformed, "both GroupId and GroupName"},
		{"ec2", ec2Form("CreateTags", "ResourceId.1", "i-1", "Tag.1.Key", "env", "Tag.1.Value", "dev", "Tag.2.Key", "env", "Tag.2.Value", "prod"), Malformed, "twice"},
		{"dynamodb", document("DynamoDB_20120810.ExecuteStatement", `{}`), Unserved, "PartiQL"},
		{"dynamodb", document("DynamoDB_20120810.GetItem", `{"TableName":"arn:aws:sqs:eu-central-1:123456789012:q"}`), Malformed, "no resource of dynamodb"},
		{"ecr", document("AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken", `{}`), Unserved, "token"},
		{"lambda", rest("GET", "/2015-03-31/functions/a/../b", ""), Malformed, "different ways"},
		{"lambda", rest("GET", "/2015-03-31/functions//f", ""), Malformed, "different ways"},
		{"lambda", rest("DELETE", "/2017-10-31/functions/a%2Fconcurrency", ""), Unknown, "no operation"},
		{"lambda", rest("GET", "/2015-03-31/functions/a%2Fpolicy", ""), Malformed, "encoded slash"},
		{"lambda", rest("PATCH", "/2015-03-31/functions/f", ""), Unknown, "no operation"},
		{"monitoring", cbor("GraniteServiceVersion20100801", "PutMetricStream"), Unserved, "CBOR"},
		{"monitoring", cbor("Other", "ListMetrics"), Unknown, "no operation"},
	}
	for i, tt := range tests {
		service, _ := Find(tt.service)
		op, err := service.Parse(tt.request)
		if err == nil {
			_, err = op.Needs(scope)
		}
		var e *Error
		if !errors.As(err, &e) || e.Kind != tt.kind || !strings.Contains(e.Reason, tt.reason) {
			t.Errorf("%d %s: %v, want kind %d with %q", i, tt.service, err, tt.kind, tt.reason)
		}
	}
}

// TestKeys: which condition keys a need has, which are unknown, and which are known
// to be absent.
func TestKeys(t *testing.T) {
	t.Parallel()
	tests := []struct {
		service  string
		request  *Request
		resource string // the end of it
		has      string // KEY=VALUE …
		unknown  string
		absent   string
	}{
		{
			"ec2", ec2Form("RunInstances", "ImageId", "ami-1", "InstanceType", "t3.micro", "TagSpecification.1.ResourceType", "instance", "TagSpecification.1.Tag.1.Key", "team", "TagSpecification.1.Tag.1.Value", "data"),
			"instance/*", "ec2:InstanceType=t3.micro aws:RequestTag/team=data aws:TagKeys=team ec2:Region=eu-central-1 ec2:Tenancy=default ec2:InstanceMarketType=on-demand",
			"ec2:MetadataHttpTokens ec2:AvailabilityZone ec2:New", "ec2:Owner aws:RequestTag/other aws:ResourceTag/team ec2:ResourceTag/team ec2:InstanceProfile ec2:CreateAction",
		},
		{"ec2", ec2Form("RunInstances", "ImageId", "ami-1"), "image/ami-1", "ec2:ImageID=ami-1", "ec2:Owner ec2:Public ec2:ResourceTag/a aws:ResourceTag/a aws:ResourceAccount", "ec2:InstanceType aws:RequestTag/a aws:TagKeys"},
		{"ec2", ec2Form("RunInstances", "LaunchTemplate.LaunchTemplateId", "lt-1"), "instance/*", "", "ec2:InstanceType aws:RequestTag/team aws:TagKeys ec2:InstanceProfile ec2:Tenancy", "ec2:Owner"},
		{"ec2", ec2Form("RunInstances", "LaunchTemplate.LaunchTemplateId", "lt-1", "TagSpecification.1.ResourceType", "volume", "TagSpecification.1.Tag.1.Key", "a"), "volume/*", "", "aws:RequestTag/a aws:TagKeys", "ec2:Owner"},
		{"ec2", ec2Form("StopInstances", "InstanceId.1", "i-1"), "instance/i-1", "ec2:InstanceID=i-1 aws:ResourceAccount=123456789012", "ec2:InstanceType ec2:ResourceTag/team", "aws:RequestTag/a ec2:VolumeSize"},
		{"ec2", ec2Form("DescribeInstances"), "*", "ec2:Region=eu-central-1", "", "ec2:ResourceTag/a aws:ResourceTag/a ec2:InstanceType aws:RequestTag/a"},
		{"ec2", ec2Form("EnableSerialConsoleAccess"), "*", "ec2:Region=eu-central-1", "ec2:ResourceTag/a aws:RequestTag/a ec2:Anything", "sqs:Other"},
		{"ec2", ec2Form("DeleteTags", "ResourceId.1", "i-1", "Tag.1.Key", "team"), "instance/i-1", "aws:TagKeys=team", "ec2:ResourceTag/x", "aws:RequestTag/team ec2:CreateAction"},
		{"ec2", ec2Form("CreateVolume", "AvailabilityZone", "a", "TagSpecification.1.ResourceType", "volume", "TagSpecification.1.Tag.1.Key", "team"), "volume/*", "aws:RequestTag/team= ec2:AvailabilityZone=a", "ec2:Encrypted", "ec2:Owner"},
		{"sqs", document("AmazonSQS.CreateQueue", `{"QueueName":"q","tags":{"team":"data"}}`), "q", "aws:RequestTag/team=data aws:TagKeys=team", "aws:ResourceTag/team sqs:Anything", "aws:RequestTag/x"},
		{"sqs", form("Action", "CreateQueue", "QueueName", "q", "Tag.1.Key", "team", "Tag.1.Value", "data"), "q", "aws:RequestTag/team=data", "", "aws:RequestTag/x"},
		{"sqs", document("AmazonSQS.CreateQueue", `{"QueueName":"q","tags":[["team"]]}`), "q", "", "aws:RequestTag/team aws:TagKeys", ""},
		{"lambda", rest("GET", "/2015-03-31/functions/f", ""), "function:f", "", "aws:RequestTag/team lambda:FunctionUrlAuthType", ""},
		{"lambda", rest("POST", "/2015-03-31/functions", `{"FunctionName":"f","Role":"r"}`), "role/r", "iam:PassedToService=lambda.amazonaws.com", "iam:AssociatedResourceArn", "lambda:VpcIds"},
	}
	for _, tt := range tests {
		service, _ := Find(tt.service)
		op, err := service.Parse(tt.request)
		if err != nil {
			t.Fatal(err)
		}
		needs, err := op.Needs(scope)
		at := slices.IndexFunc(needs, func(n *Need) bool { return strings.HasSuffix(n.Resource, tt.resource) })
		if err != nil || at < 0 {
			t.Fatalf("%s: %v, %s", op.Name, err, told(needs))
		}
		n := needs[at]
		var has []string
		for _, k := range n.Keys {
			has = append(has, k.Name+"="+strings.Join(k.Values, "+"))
		}
		for _, want := range strings.Fields(tt.has) {
			if !slices.ContainsFunc(has, func(k string) bool { return strings.EqualFold(k, want) }) {
				t.Errorf("%s on %s lacks %s: %s", op.Name, n.Resource, want, has)
			}
		}
		for _, key := range strings.Fields(tt.unknown) {
			if !n.Unknown(key) {
				t.Errorf("%s on %s: %s is not unknown", op.Name, n.Resource, key)
			}
		}
		for _, key := range strings.Fields(tt.absent) {
			if n.Unknown(key) {
				t.Errorf("%s on %s: %s is unknown", op.Name, n.Resource, key)
			}
		}
	}
}

func TestSetTags(t *testing.T) {
	t.Parallel()
	service, _ := Find("ec2")
	op, err := service.Parse(ec2Form("StopInstances", "InstanceId.1", "i-1"))
	if err != nil {
		t.Fatal(err)
	}
	needs, err := op.Needs(scope)
	if err != nil || needs[0].Tagged != "i-1" {
		t.Fatalf("%v, %v", needs, err)
	}
	needs[0].SetTags(map[string]string{"team": "data"})
	for _, key := range []string{"ec2:ResourceTag/team", "aws:ResourceTag/team", "aws:ResourceTag/other"} {
		if needs[0].Unknown(key) {
			t.Errorf("%s is unknown", key)
		}
	}
}

// TestMessage: what goes on says what was read, and nothing of the signature.
func TestMessage(t *testing.T) {
	t.Parallel()
	ec2, _ := Find("ec2")
	presigned := &Request{Method: "GET", RequestURI: "/?Action=DescribeInstances&Version=2016-11-15&X-Amz-Signature=00&X-Amz-Security-Token=secret"}
	op, err := ec2.Parse(presigned)
	if err != nil {
		t.Fatal(err)
	}
	m := op.Message()
	if got := fmt.Sprint(m.Method, m.Path, m.RawQuery, string(m.Body)); got != "POST/Action=DescribeInstances&Version=2016-11-15" {
		t.Error(got)
	}
	lambda, _ := Find("lambda")
	op, err = lambda.Parse(rest("GET", "/2018-10-31/layers?find=LayerVersion&Arn=a+b%20c&x-amz-signature=00", ""))
	if err != nil {
		t.Fatal(err)
	}
	if m := op.Message(); m.RawQuery != "find=LayerVersion&Arn=a%2Bb%20c" || !m.REST {
		t.Errorf("%+v", m)
	}
	sqs, _ := Find("sqs")
	op, err = sqs.Parse(document("AmazonSQS.ListQueues", "{}"))
	if err != nil {
		t.Fatal(err)
	}
	if m := op.Message(); m.Header["X-Amz-Target"] != "AmazonSQS.ListQueues" || m.Header["Content-Type"] != "application/x-amz-json-1.0" || string(m.Body) != "{}" {
		t.Errorf("%+v", m)
	}
}

// FuzzParse: what is read twice is the same: a request, and the message that is made
// of it, which is what the service behind reads.
func FuzzParse(f *testing.F) {
	f.Add("ec2", "POST", "/", formType, "", []byte("Action=StopInstances&Version=2016-11-15&InstanceId.1=i-1"))
	f.Add("ec2", "GET", "/?Action=RunInstances&Version=2016-11-15&ImageId=ami-1&X-Amz-Date=x", "", "", []byte{})
	f.Add("sqs", "POST", "/", "application/x-amz-json-1.0", "AmazonSQS.CreateQueue", []byte(`{"QueueName":"q","tags":{"a":"b"}}`))
	f.Add("sqs", "POST", "/1/q", formType, "", []byte("Action=SendMessage&QueueUrl=http%3A%2F%2Fh%2F1%2Fq"))
	f.Add("lambda", "POST", "/2015-03-31/functions/f/invocations?Qualifier=a+b", "", "", []byte("x"))
	f.Add("eks", "GET", "/clusters/a%2Fb", "", "", []byte{})
	f.Fuzz(func(t *testing.T, name, method, uri, contentType, target string, body []byte) {
		service, ok := Find(name)
		if !ok || !strings.HasPrefix(uri, "/") {
			return
		}
		r := &Request{Method: method, RequestURI: uri, Header: map[string][]string{"Content-Type": {contentType}}, Body: body}
		if target != "" {
			r.Header["X-Amz-Target"] = []string{target}
		}
		op, err := service.Parse(r)
		if err != nil {
			return
		}
		needs, err := op.Needs(scope)
		if err == nil && len(needs) == 0 {
			t.Fatalf("%s needs nothing", op.Name)
		}
		m := op.Message()
		again := &Request{Method: m.Method, RequestURI: m.Path, Header: map[string][]string{}, Body: m.Body}
		if m.RawQuery != "" {
			again.RequestURI += "?" + m.RawQuery
		}
		for name, value := range m.Header {
			again.Header[name] = []string{value}
		}
		same, parseErr := service.Parse(again)
		if parseErr != nil {
			t.Fatalf("%s: the message cannot be read: %v", op.Name, parseErr)
		}
		sameNeeds, sameErr := same.Needs(scope)
		if same.Name != op.Name || told(sameNeeds) != told(needs) || (sameErr == nil) != (err == nil) {
			t.Fatalf("%s with %s is sent as %s with %s", op.Name, told(needs), same.Name, told(sameNeeds))
		}
	})
}
