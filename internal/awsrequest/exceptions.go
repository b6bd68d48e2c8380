package awsrequest

// renamed gives the permission of an operation whose permission has another name
// (Service Authorization Reference, the page of each service; developer guides of
// Amazon SQS, "Amazon SQS API permissions", and Amazon SNS).
func renamed(action string) string {
	if other, ok := otherNames[action]; ok {
		return other
	}
	return action
}

var otherNames = map[string]string{
	"sqs:SendMessageBatch":             "sqs:SendMessage",
	"sqs:DeleteMessageBatch":           "sqs:DeleteMessage",
	"sqs:ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
	"sns:PublishBatch":                 "sns:Publish",
	"lambda:Invoke":                    "lambda:InvokeFunction",
	"lambda:InvokeAsync":               "lambda:InvokeFunction",
	"lambda:InvokeWithResponseStream":  "lambda:InvokeFunction",
	"lambda:GetLayerVersionByArn":      "lambda:GetLayerVersion",
}

// refused says why an operation is not served though it is known: what the service
// does for it, or hands out, goes by all that the gateway's own credentials may do,
// and not by what was asked of the caller.
func (op *Operation) refused() error {
	if why, ok := unserved[op.Action()]; ok {
		return &Error{Kind: Unserved, Reason: op.Action() + " is not served: " + why}
	}
	return nil
}

const (
	launches = "it launches instances, with permissions of their own for every resource, that are not worked out here"
	inName   = "it acts in its caller's name, and that would be the gateway's"
	partiQL  = "which tables a statement of PartiQL is about is not read here"
)

var unserved = map[string]string{
	"ec2:RequestSpotFleet":           launches,
	"ec2:RequestSpotInstances":       launches,
	"ec2:ModifySpotFleetRequest":     launches,
	"ec2:CreateFleet":                launches,
	"ec2:ModifyFleet":                launches,
	"ec2:RunScheduledInstances":      launches,
	"ecr:GetAuthorizationToken":      "the token that it hands out may do with images all that the gateway may",
	"dynamodb:ExecuteStatement":      partiQL,
	"dynamodb:BatchExecuteStatement": partiQL,
	"dynamodb:ExecuteTransaction":    partiQL,
	"dynamodb:ImportTable":           inName, "dynamodb:ExportTableToPointInTime": inName,
	"ec2:BundleInstance": inName, "ec2:CreateFpgaImage": inName, "ec2:CreateInstanceExportTask": inName, "ec2:CreateRestoreImageTask": inName,
	"ec2:CreateStoreImageTask": inName, "ec2:ExportImage": inName, "ec2:ImportImage": inName, "ec2:ImportInstance": inName,
	"ec2:ImportSnapshot": inName, "ec2:ImportVolume": inName,
	"ssm:StartAutomationExecution":          inName,
	"ssm:StartChangeRequestExecution":       inName,
	"ssm:CreateAssociation":                 inName,
	"ssm:CreateAssociationBatch":            inName,
	"ssm:UpdateAssociation":                 inName,
	"ssm:RegisterTaskWithMaintenanceWindow": inName,
	"ssm:UpdateMaintenanceWindowTask":       inName,
	"ssm:StartExecutionPreview":             inName,
	"states:TestState":                      "it calls services that its definition names",
}
