package managedpolicy

// table is what there is to say of each policy besides its document. An empty
// Path is "/". An empty ID is derived from the ARN: none of AWS's was found.
var table = []Policy{
	{
		Name: "AdministratorAccess", ID: "ANPAIWMBCKSKIEE64ZLYK", DefaultVersion: "v1",
		Description: "Every action on every resource.",
		Created:     at("2015-02-06T18:39:46Z"), Updated: at("2015-02-06T18:39:46Z"),
	},
	{
		Name: "AmazonDynamoDBFullAccess", ID: "ANPAINUGF2JSOSUY76KYA", DefaultVersion: "v15",
		Description: "Every action of DynamoDB and its caches, and what tables use.",
		Created:     at("2015-02-06T18:40:11Z"), Updated: at("2021-01-29T17:38:30Z"),
	},
	{
		Name: "AmazonDynamoDBReadOnlyAccess", ID: "ANPAIY2XFNA232XJ6J7X2", DefaultVersion: "v15",
		Description: "Reads tables of DynamoDB, their items and what they use.",
		Created:     at("2015-02-06T18:40:12Z"), Updated: at("2024-11-18T17:38:15Z"),
	},
	{
		Name: "AmazonEC2ContainerRegistryFullAccess", ID: "ANPAIESRL7KD7IIVF6V4W", DefaultVersion: "v3",
		Description: "Every action of ECR.",
		Created:     at("2015-12-21T17:06:48Z"), Updated: at("2020-12-05T00:04:19Z"),
	},
	{
		Name: "AmazonEC2ContainerRegistryPowerUser", ID: "ANPAJDNE5PIHROIBGGDDW", DefaultVersion: "v3",
		Description: "Pulls images from ECR and pushes them; makes and removes no repository.",
		Created:     at("2015-12-21T17:05:33Z"), Updated: at("2019-12-10T20:48:08Z"),
	},
	{
		Name: "AmazonEC2ContainerRegistryPullOnly", DefaultVersion: "v1",
		Description: "Pulls images from ECR.",
		Created:     at("2024-10-04T16:58:49Z"), Updated: at("2024-10-04T16:58:49Z"),
	},
	{
		Name: "AmazonEC2ContainerRegistryReadOnly", ID: "ANPAIFYZPA37OOHVIH7KQ", DefaultVersion: "v3",
		Description: "Pulls images from ECR, and reads the settings of repositories.",
		Created:     at("2015-12-21T17:04:15Z"), Updated: at("2019-12-10T20:56:32Z"),
	},
	{
		Name: "AmazonEC2FullAccess", ID: "ANPAI3VAJF5ZCRZ7MCQE6", DefaultVersion: "v5",
		Description: "Every action of EC2, load balancing, scaling and CloudWatch.",
		Created:     at("2015-02-06T18:40:15Z"), Updated: at("2018-11-27T02:16:56Z"),
	},
	{
		Name: "AmazonEC2ReadOnlyAccess", ID: "ANPAIGDT4SV4GSETWTBZK", DefaultVersion: "v5",
		Description: "Describes what there is in EC2, load balancing and scaling, with its metrics.",
		Created:     at("2015-02-06T18:40:17Z"), Updated: at("2026-02-12T18:03:17Z"),
	},
	{
		Name: "AmazonECS_FullAccess", DefaultVersion: "v21",
		Description: "Every action of ECS, and what clusters and services are made of.",
		Created:     at("2017-11-07T21:36:54Z"), Updated: at("2024-08-13T19:39:37Z"),
	},
	{
		Name: "AmazonECSTaskExecutionRolePolicy", Path: "/service-role/", ID: "ANPAJG4T4G4PV56DE72PY", DefaultVersion: "v1",
		Description: "A task of ECS pulls its image and writes its logs.",
		Created:     at("2017-11-16T18:48:22Z"), Updated: at("2017-11-16T18:48:22Z"),
	},
	{
		Name: "AmazonEKS_CNI_Policy", DefaultVersion: "v6",
		Description: "A node of EKS gives its pods addresses in the VPC.",
		Created:     at("2018-05-27T21:07:42Z"), Updated: at("2026-03-04T19:12:14Z"),
	},
	{
		Name: "AmazonEKSClusterPolicy", DefaultVersion: "v10",
		Description: "A cluster of EKS manages its nodes, volumes and load balancers.",
		Created:     at("2018-05-27T21:06:14Z"), Updated: at("2026-02-12T17:58:15Z"),
	},
	{
		Name: "AmazonEKSWorkerNodePolicy", DefaultVersion: "v3",
		Description: "A node joins a cluster of EKS.",
		Created:     at("2018-05-27T21:09:01Z"), Updated: at("2023-11-27T00:06:13Z"),
	},
	{
		Name: "AmazonRDSFullAccess", ID: "ANPAI3R4QMOG6Q5A4VWVG", DefaultVersion: "v14",
		Description: "Every action of RDS, and what databases use.",
		Created:     at("2015-02-06T18:40:52Z"), Updated: at("2023-08-17T23:00:17Z"),
	},
	{
		Name: "AmazonRDSReadOnlyAccess", ID: "ANPAJKTTTYV2IIHKLZ346", DefaultVersion: "v7",
		Description: "Describes databases of RDS, with their metrics and logs.",
		Created:     at("2015-02-06T18:40:53Z"), Updated: at("2023-04-14T12:32:09Z"),
	},
	{
		Name: "AmazonRoute53FullAccess", ID: "ANPAJWVDLG5RPST6PHQ3A", DefaultVersion: "v7",
		Description: "Every action of Route 53 and its domains.",
		Created:     at("2015-02-06T18:40:54Z"), Updated: at("2026-02-12T18:00:40Z"),
	},
	{
		Name: "AmazonRoute53ReadOnlyAccess", ID: "ANPAITOYK2ZAOQFXV2JNC", DefaultVersion: "v2",
		Description: "Reads zones and records of Route 53.",
		Created:     at("2015-02-06T18:40:55Z"), Updated: at("2016-11-15T21:15:16Z"),
	},
	{
		Name: "AmazonS3FullAccess", ID: "ANPAIFIR6V6BVTRAHWINE", DefaultVersion: "v2",
		Description: "Every action of S3 and S3 Object Lambda.",
		Created:     at("2015-02-06T18:40:58Z"), Updated: at("2021-09-27T20:16:37Z"),
	},
	{
		Name: "AmazonS3ReadOnlyAccess", ID: "ANPAIZTJ4DXE7G6AGAE6M", DefaultVersion: "v3",
		Description: "Reads buckets and objects of S3.",
		Created:     at("2015-02-06T18:40:59Z"), Updated: at("2023-08-10T21:31:39Z"),
	},
	{
		Name: "AmazonSNSFullAccess", ID: "ANPAJWEKLCXXUNT2SOLSG", DefaultVersion: "v2",
		Description: "Every action of SNS.",
		Created:     at("2015-02-06T18:41:05Z"), Updated: at("2024-09-24T22:32:05Z"),
	},
	{
		Name: "AmazonSNSReadOnlyAccess", ID: "ANPAIZGQCQTFOFPMHSB6W", DefaultVersion: "v2",
		Description: "Reads topics and subscriptions of SNS.",
		Created:     at("2015-02-06T18:41:06Z"), Updated: at("2024-09-24T22:13:12Z"),
	},
	{
		Name: "AmazonSQSFullAccess", ID: "ANPAI65L554VRJ33ECQS6", DefaultVersion: "v1",
		Description: "Every action of SQS.",
		Created:     at("2015-02-06T18:41:07Z"), Updated: at("2015-02-06T18:41:07Z"),
	},
	{
		Name: "AmazonSQSReadOnlyAccess", ID: "ANPAIUGSSQY362XGCM6KW", DefaultVersion: "v4",
		Description: "Reads the settings of queues; takes no message.",
		Created:     at("2015-02-06T18:41:08Z"), Updated: at("2024-05-24T18:16:44Z"),
	},
	{
		Name: "AmazonSSMFullAccess", ID: "ANPAJA7V6HI4ISQFMDYAG", DefaultVersion: "v4",
		Description: "Every action of Systems Manager, and what its agents need.",
		Created:     at("2015-05-29T17:39:47Z"), Updated: at("2019-11-20T20:08:56Z"),
	},
	{
		Name: "AmazonSSMManagedInstanceCore", ID: "ANPAIXSHM2BNB2D3AXXRU", DefaultVersion: "v2",
		Description: "An instance is managed by Systems Manager.",
		Created:     at("2019-03-15T17:22:12Z"), Updated: at("2019-05-23T16:54:21Z"),
	},
	{
		Name: "AmazonSSMReadOnlyAccess", ID: "ANPAJODSKQGGJTHRYZ5FC", DefaultVersion: "v1",
		Description: "Reads everything in Systems Manager, parameters included.",
		Created:     at("2015-05-29T17:44:19Z"), Updated: at("2015-05-29T17:44:19Z"),
	},
	{
		Name: "AmazonVPCFullAccess", ID: "ANPAJBWPGNOVKZD3JI2P2", DefaultVersion: "v13",
		Description: "Makes, changes and removes VPCs and what is in them.",
		Created:     at("2015-02-06T18:41:16Z"), Updated: at("2026-02-12T18:00:44Z"),
	},
	{
		Name: "AmazonVPCReadOnlyAccess", ID: "ANPAIICZJNOJN36GTG6CM", DefaultVersion: "v12",
		Description: "Describes VPCs and what is in them.",
		Created:     at("2015-02-06T18:41:17Z"), Updated: at("2026-02-12T17:58:19Z"),
	},
	{
		Name: "AWSCertificateManagerFullAccess", ID: "ANPAJYCHABBP6VQIVBCBQ", DefaultVersion: "v2",
		Description: "Every action of Certificate Manager.",
		Created:     at("2016-01-21T17:02:36Z"), Updated: at("2020-08-17T22:18:28Z"),
	},
	{
		Name: "AWSCertificateManagerReadOnly", ID: "ANPAI4GSWX6S4MESJ3EWC", DefaultVersion: "v5",
		Description: "Reads certificates of Certificate Manager.",
		Created:     at("2016-01-21T17:07:33Z"), Updated: at("2026-03-31T18:57:22Z"),
	},
	{
		Name: "AWSCloudFormationFullAccess", DefaultVersion: "v1",
		Description: "Every action of CloudFormation.",
		Created:     at("2019-07-26T21:50:35Z"), Updated: at("2019-07-26T21:50:35Z"),
	},
	{
		Name: "AWSCloudFormationReadOnlyAccess", ID: "ANPAJWVBEE4I2POWLODLW", DefaultVersion: "v7",
		Description: "Reads stacks and templates of CloudFormation.",
		Created:     at("2015-02-06T18:39:49Z"), Updated: at("2026-02-12T18:02:00Z"),
	},
	{
		Name: "AWSKeyManagementServicePowerUser", ID: "ANPAJNPP7PPPPMJRV2SA4", DefaultVersion: "v2",
		Description: "Makes keys of KMS and gives them aliases and tags; neither uses nor deletes them.",
		Created:     at("2015-02-06T18:40:40Z"), Updated: at("2017-03-07T00:55:11Z"),
	},
	{
		Name: "AWSLambda_FullAccess", ID: "ANPAZKAPJZG4OXQPYWZ5D", DefaultVersion: "v7",
		Description: "Every action of Lambda, and what functions use.",
		Created:     at("2020-11-17T21:14:08Z"), Updated: at("2026-02-12T18:00:51Z"),
	},
	{
		Name: "AWSLambda_ReadOnlyAccess", DefaultVersion: "v5",
		Description: "Reads functions of Lambda, their logs and what they use.",
		Created:     at("2020-11-17T21:10:32Z"), Updated: at("2026-02-12T18:02:55Z"),
	},
	{
		Name: "AWSLambdaBasicExecutionRole", Path: "/service-role/", ID: "ANPAJNCQGXC42545SKXIK", DefaultVersion: "v1",
		Description: "A function writes its logs.",
		Created:     at("2015-04-09T15:03:43Z"), Updated: at("2015-04-09T15:03:43Z"),
	},
	{
		Name: "AWSLambdaRole", Path: "/service-role/", ID: "ANPAJX4DPCRGTC4NFDUXI", DefaultVersion: "v1",
		Description: "A service calls functions.",
		Created:     at("2015-02-06T18:41:28Z"), Updated: at("2015-02-06T18:41:28Z"),
	},
	{
		Name: "AWSLambdaSQSQueueExecutionRole", Path: "/service-role/", DefaultVersion: "v1",
		Description: "A function writes its logs and takes messages from a queue.",
		Created:     at("2018-06-14T21:50:45Z"), Updated: at("2018-06-14T21:50:45Z"),
	},
	{
		Name: "AWSLambdaVPCAccessExecutionRole", Path: "/service-role/", ID: "ANPAJVTME3YLVNL72YR2K", DefaultVersion: "v3",
		Description: "A function writes its logs and stands in a VPC.",
		Created:     at("2016-02-11T23:15:26Z"), Updated: at("2024-01-05T22:38:26Z"),
	},
	{
		Name: "Billing", Path: "/job-function/", ID: "ANPAIFTHXT6FFMIRT7ZEA", DefaultVersion: "v28",
		Description: "Sees and settles bills, sets budgets and payment methods.",
		Created:     at("2016-11-10T17:33:18Z"), Updated: at("2026-04-08T17:12:18Z"),
	},
	{
		Name: "CloudFrontFullAccess", ID: "ANPAIPRV52SH6HDCCFY6U", DefaultVersion: "v14",
		Description: "Every action of CloudFront, and what distributions use.",
		Created:     at("2015-02-06T18:39:50Z"), Updated: at("2026-02-12T17:59:45Z"),
	},
	{
		Name: "CloudFrontReadOnlyAccess", ID: "ANPAJJZMNYOTZCNQP36LG", DefaultVersion: "v12",
		Description: "Reads distributions of CloudFront and what they use.",
		Created:     at("2015-02-06T18:39:55Z"), Updated: at("2026-02-12T17:59:06Z"),
	},
	{
		Name: "CloudWatchAgentServerPolicy", DefaultVersion: "v3",
		Description: "An instance sends metrics, logs and traces to CloudWatch.",
		Created:     at("2018-03-07T01:06:44Z"), Updated: at("2024-02-06T16:37:37Z"),
	},
	{
		Name: "CloudWatchFullAccess", ID: "ANPAIKEABORKUXN6DEAZU", DefaultVersion: "v4",
		Description: "Every action of CloudWatch, its logs and SNS.",
		Created:     at("2015-02-06T18:40:00Z"), Updated: at("2022-11-27T13:23:49Z"),
	},
	{
		Name: "CloudWatchFullAccessV2", DefaultVersion: "v15",
		Description: "Every action of CloudWatch, its logs, canaries and traces; of SNS only what alarms need.",
		Created:     at("2023-08-01T11:32:57Z"), Updated: at("2026-02-12T18:00:06Z"),
	},
	{
		Name: "CloudWatchLogsFullAccess", ID: "ANPAJ3ZGNWK2R5HW5BQFO", DefaultVersion: "v8",
		Description: "Every action of CloudWatch Logs.",
		Created:     at("2015-02-06T18:40:02Z"), Updated: at("2026-02-12T18:00:33Z"),
	},
	{
		Name: "CloudWatchLogsReadOnlyAccess", ID: "ANPAJ2YIYDYSNNEHK3VKW", DefaultVersion: "v12",
		Description: "Reads and queries CloudWatch Logs.",
		Created:     at("2015-02-06T18:40:03Z"), Updated: at("2026-02-12T17:59:13Z"),
	},
	{
		Name: "CloudWatchReadOnlyAccess", ID: "ANPAJN23PDQP7SZQAE3QE", DefaultVersion: "v24",
		Description: "Reads metrics, alarms, dashboards, logs and traces.",
		Created:     at("2015-02-06T18:40:01Z"), Updated: at("2026-02-12T18:01:50Z"),
	},
	{
		Name: "IAMFullAccess", ID: "ANPAI7XKCFMBPM3QQRRVQ", DefaultVersion: "v2",
		Description: "Every action of IAM.",
		Created:     at("2015-02-06T18:40:38Z"), Updated: at("2019-06-21T19:40:00Z"),
	},
	{
		Name: "IAMReadOnlyAccess", ID: "ANPAJKSO7NDY4T57MWDSQ", DefaultVersion: "v4",
		Description: "Reads everything in IAM, reports and simulations included.",
		Created:     at("2015-02-06T18:40:39Z"), Updated: at("2018-01-25T19:11:27Z"),
	},
	{
		Name: "IAMSelfManageServiceSpecificCredentials", ID: "ANPAI4VT74EMXK2PMQJM2", DefaultVersion: "v1",
		Description: "Users manage their own credentials for single services.",
		Created:     at("2016-12-22T17:25:18Z"), Updated: at("2016-12-22T17:25:18Z"),
	},
	{
		Name: "IAMUserChangePassword", ID: "ANPAJ4L4MM2A7QIEB56MS", DefaultVersion: "v5",
		Description: "Users change their own password.",
		Created:     at("2016-11-15T00:25:16Z"), Updated: at("2026-02-12T17:58:57Z"),
	},
	{
		Name: "IAMUserSSHKeys", ID: "ANPAJTSHUA4UXGXU7ANUA", DefaultVersion: "v1",
		Description: "Users manage their own SSH keys.",
		Created:     at("2015-07-09T17:08:54Z"), Updated: at("2015-07-09T17:08:54Z"),
	},
	{
		Name: "PowerUserAccess", ID: "ANPAJYRXTHIB4FOVS3ZXS", DefaultVersion: "v12",
		Description: "Every action on every resource, but for users, groups, roles, accounts and the organization.",
		Created:     at("2015-02-06T18:39:47Z"), Updated: at("2026-02-12T17:59:14Z"),
	},
	{
		Name: "ReadOnlyAccess", ID: "ANPAILL3HVNFSB6DCOWYQ", DefaultVersion: "v182",
		Description: "Reads settings and data of many services, secrets excepted; changes nothing.",
		Created:     at("2015-02-06T18:39:48Z"), Updated: at("2026-04-03T15:27:12Z"),
	},
	{
		Name: "SecretsManagerReadWrite", DefaultVersion: "v5",
		Description: "Every action of Secrets Manager, and what setting up a rotation needs.",
		Created:     at("2018-04-04T18:05:29Z"), Updated: at("2024-02-22T18:12:06Z"),
	},
	{
		Name: "SecurityAudit", ID: "ANPAIX2T3QCXHR2OGGCTO", DefaultVersion: "v86",
		Description: "Reads those settings of many services that matter to security; reads no data.",
		Created:     at("2015-02-06T18:41:01Z"), Updated: at("2026-05-01T03:12:13Z"),
	},
	{
		Name: "ViewOnlyAccess", Path: "/job-function/", ID: "ANPAID22R6XPJATWOFDK6", DefaultVersion: "v45",
		Description: "Lists what there is in many services, with its basic settings; reads no data.",
		Created:     at("2016-11-10T17:20:15Z"), Updated: at("2026-04-22T18:12:21Z"),
	},
}
