package awsrequest

import (
	"maps"
	"slices"
	"strings"
	"sync"
)

// ec2Type is a type of EC2's resources (Service Authorization Reference, "Resource
// types defined by Amazon EC2").
type ec2Type struct {
	name string // subnet
	id   string // how its ids begin: subnet-
	// unowned says that its ARNs name no account.
	unowned bool
	// named says that its ARNs have its name in the place of the id.
	named bool
	// keys are the condition keys, less their prefix ec2:, that AWS has for one that
	// is there already, besides those that every one has.
	keys string
}

var ec2Types = []ec2Type{
	{name: "instance", id: "i-", keys: "AvailabilityZone EbsOptimized InstanceAutoRecovery InstanceBandwidthWeighting InstanceID InstanceMarketType InstanceMetadataTags InstanceProfile InstanceType MetadataHttpEndpoint MetadataHttpPutResponseHopLimit MetadataHttpTokens NewInstanceProfile PlacementGroup PlacementPartition ProductCode RootDeviceType Tenancy CpuOptionsAmdSevSnp IsLaunchTemplateResource LaunchTemplate ManagedResourceOperator Attribute"},
	{name: "image", id: "ami-", unowned: true, keys: "ImageID ImageType Owner Public RootDeviceType IsLaunchTemplateResource LaunchTemplate Attribute"},
	{name: "volume", id: "vol-", keys: "AvailabilityZone Encrypted KmsKeyId ParentSnapshot ParentVolume VolumeID VolumeInitializationRate VolumeIops VolumeSize VolumeThroughput VolumeType IsLaunchTemplateResource LaunchTemplate ManagedResourceOperator Attribute"},
	{name: "snapshot", id: "snap-", unowned: true, keys: "Encrypted Owner OutpostArn ParentVolume SnapshotID SnapshotTime VolumeSize Location IsLaunchTemplateResource LaunchTemplate Attribute Add Remove"},
	{name: "security-group", id: "sg-", keys: "SecurityGroupID Vpc IsLaunchTemplateResource LaunchTemplate"},
	{name: "security-group-rule", id: "sgr-", keys: "SecurityGroupRuleID"},
	{name: "subnet", id: "subnet-", keys: "AvailabilityZone SubnetID Vpc IsLaunchTemplateResource LaunchTemplate"},
	{name: "vpc", id: "vpc-", keys: "Ipv4IpamPoolId Ipv6IpamPoolId Tenancy VpcID"},
	{name: "network-interface", id: "eni-", keys: "AssociatePublicIpAddress Attribute AuthorizedService AuthorizedUser AvailabilityZone NetworkInterfaceID Permission Subnet Vpc IsLaunchTemplateResource LaunchTemplate ManagedResourceOperator"},
	{name: "key-pair", id: "key-", named: true, keys: "KeyPairName KeyPairType IsLaunchTemplateResource LaunchTemplate"},
	{name: "launch-template", id: "lt-", keys: "IsLaunchTemplateResource LaunchTemplate ManagedResourceOperator"},
	{name: "placement-group", id: "pg-", named: true, keys: "PlacementGroupName PlacementGroupStrategy IsLaunchTemplateResource LaunchTemplate"},
	{name: "internet-gateway", id: "igw-", keys: "InternetGatewayID"},
	{name: "natgateway", id: "nat-", keys: ""},
	{name: "route-table", id: "rtb-", keys: "RouteTableID Vpc"},
	{name: "network-acl", id: "acl-", keys: "NetworkAclID Vpc"},
	{name: "elastic-ip", id: "eipalloc-", keys: "AllocationId Domain PublicIpAddress"},
	{name: "dhcp-options", id: "dopt-", keys: "DhcpOptionsID"},
	{name: "vpc-endpoint", id: "vpce-", keys: "VpceServiceName VpceServiceOwner"},
	{name: "vpc-peering-connection", id: "pcx-", keys: "AccepterVpc RequesterVpc VpcPeeringConnectionID"},
}

func ec2TypeOf(name string) *ec2Type {
	for i := range ec2Types {
		if ec2Types[i].name == name {
			return &ec2Types[i]
		}
	}
	return nil
}

// typeOfID finds the type of an id.
func typeOfID(id string) *ec2Type {
	for i := range ec2Types {
		if strings.HasPrefix(id, ec2Types[i].id) {
			return &ec2Types[i]
		}
	}
	return nil
}

// ec2Request is a request to EC2 whose needs are being worked out.
type ec2Request struct {
	*Operation
	scope *Scope
	needs []*Need
	// tags are those that the request gives what it makes, by type of resource; of
	// CreateTags and DeleteTags they stand under "".
	tags map[string][]Key
	// templated says that a launch template has a say beside the request.
	templated bool
	err       error
}

// target is one thing that an operation is about.
type target struct {
	on    string // type of resource
	param string // that names it, with .N for a list; "" for one that is made
	// mode says what it means that the parameter is not there.
	mode mode
}

type mode uint8

const (
	required mode = iota // it is not known which is meant
	optional             // none is meant
	made                 // one is made: its ARN ends in /*
)

// ec2Operations are the operations with resources that a request names. Operations
// Describe… and Get… that are not here are asked about on "*", all others on any
// resource there is (Service Authorization Reference, "Actions defined by Amazon
// EC2").
var ec2Operations = map[string][]target{
	"StartInstances":     {{"instance", "InstanceId.N", required}},
	"StopInstances":      {{"instance", "InstanceId.N", required}},
	"RebootInstances":    {{"instance", "InstanceId.N", required}},
	"TerminateInstances": {{"instance", "InstanceId.N", required}},
	"MonitorInstances":   {{"instance", "InstanceId.N", required}},
	"UnmonitorInstances": {{"instance", "InstanceId.N", required}},
	"GetConsoleOutput":   {{"instance", "InstanceId", required}},
	"GetPasswordData":    {{"instance", "InstanceId", required}},
	"GetConsoleScreenshot": {
		{"instance", "InstanceId", required},
	},
	"ModifyInstanceAttribute": {
		{"instance", "InstanceId", required},
		{"security-group", "GroupId.N", optional},
		{"volume", "BlockDeviceMapping.N.Ebs.VolumeId", optional},
	},
	"ModifyInstanceMetadataOptions": {{"instance", "InstanceId", required}},
	"AssociateIamInstanceProfile":   {{"instance", "InstanceId", required}},
	"CreateVolume":                  {{"volume", "", made}, {"snapshot", "SnapshotId", optional}},
	"DeleteVolume":                  {{"volume", "VolumeId", required}},
	"ModifyVolume":                  {{"volume", "VolumeId", required}},
	"AttachVolume":                  {{"volume", "VolumeId", required}, {"instance", "InstanceId", required}},
	"DetachVolume":                  {{"volume", "VolumeId", required}, {"instance", "InstanceId", required}},
	"CreateSnapshot":                {{"volume", "VolumeId", required}, {"snapshot", "", made}},
	"DeleteSnapshot":                {{"snapshot", "SnapshotId", required}},
	"CreateImage":                   {{"instance", "InstanceId", required}, {"image", "", made}, {"snapshot", "", made}},
	"DeregisterImage":               {{"image", "ImageId", required}},
	"CreateSecurityGroup":           {{"security-group", "", made}, {"vpc", "VpcId", required}},
	"DeleteSecurityGroup":           {{"security-group", "GroupId", required}},
	"AuthorizeSecurityGroupIngress": {{"security-group", "GroupId", required}},
	"AuthorizeSecurityGroupEgress":  {{"security-group", "GroupId", required}},
	"RevokeSecurityGroupIngress":    {{"security-group", "GroupId", required}, {"security-group-rule", "SecurityGroupRuleId.N", optional}},
	"RevokeSecurityGroupEgress":     {{"security-group", "GroupId", required}, {"security-group-rule", "SecurityGroupRuleId.N", optional}},
	"CreateKeyPair":                 {{"key-pair", "KeyName", required}},
	"ImportKeyPair":                 {{"key-pair", "KeyName", required}},
	"DeleteKeyPair":                 {{"key-pair", "KeyName", required}},
	"CreateVpc":                     {{"vpc", "", made}},
	"DeleteVpc":                     {{"vpc", "VpcId", required}},
	"CreateSubnet":                  {{"subnet", "", made}, {"vpc", "VpcId", required}},
	"DeleteSubnet":                  {{"subnet", "SubnetId", required}},
	"CreateInternetGateway":         {{"internet-gateway", "", made}},
	"DeleteInternetGateway":         {{"internet-gateway", "InternetGatewayId", required}},
	"AttachInternetGateway":         {{"internet-gateway", "InternetGatewayId", required}, {"vpc", "VpcId", required}},
	"DetachInternetGateway":         {{"internet-gateway", "InternetGatewayId", required}, {"vpc", "VpcId", required}},
	"CreateRouteTable":              {{"route-table", "", made}, {"vpc", "VpcId", required}},
	"DeleteRouteTable":              {{"route-table", "RouteTableId", required}},
	"CreateRoute":                   {{"route-table", "RouteTableId", required}},
	"ReplaceRoute":                  {{"route-table", "RouteTableId", required}},
	"DeleteRoute":                   {{"route-table", "RouteTableId", required}},
	"AllocateAddress":               {{"elastic-ip", "", made}},
	"ReleaseAddress":                {{"elastic-ip", "AllocationId", required}},
	"AssociateAddress": {
		{"elastic-ip", "AllocationId", required},
		{"instance", "InstanceId", optional},
		{"network-interface", "NetworkInterfaceId", optional},
	},
	"CreateNetworkInterface": {
		{"network-interface", "", made},
		{"subnet", "SubnetId", required},
		{"security-group", "SecurityGroupId.N", required},
	},
	"DeleteNetworkInterface": {{"network-interface", "NetworkInterfaceId", required}},
	"CreateLaunchTemplate":   {{"launch-template", "", made}},
	"DeleteLaunchTemplate":   {{"launch-template", "LaunchTemplateId", required}},
}

// ec2Needs are the needs of a request to EC2.
func (op *Operation) ec2Needs(scope *Scope) ([]*Need, error) {
	r := &ec2Request{Operation: op, scope: scope, tags: map[string][]Key{}}
	r.readTags()
	if r.templated = op.Name == "RunInstances" && op.params.has("LaunchTemplate"); r.templated {
		r.tagsOfTemplate()
	}
	switch targets, known := ec2Operations[op.Name]; {
	case r.err != nil:
	case op.Name == "RunInstances":
		r.run()
	case op.Name == "CreateTags" || op.Name == "DeleteTags":
		r.tagResources()
	case known:
		r.all(targets)
	case strings.HasPrefix(op.Name, "Describe") && !strings.HasSuffix(op.Name, "Attribute"):
		r.add(r.on("*"))
	default:
		r.unknown()
	}
	if op.Name != "RunInstances" && r.err == nil { // whose templates have profiles too
		r.profile()
	}
	r.tagOnCreate()
	for _, n := range r.needs {
		if !n.isEC2() {
			continue
		}
		n.Keys = append(n.Keys, Key{Name: "ec2:Region", Values: []string{scope.Region}})
		if n.Resource == "*" && !n.Open { // of which AWS has no other key
			n.absent, n.requestTags, n.tags = []string{"*"}, true, true
		}
	}
	return r.needs, r.err
}

func (n *Need) isEC2() bool { return n.service == "ec2" }

func (r *ec2Request) add(n *Need) *Need {
	r.needs = append(r.needs, n)
	return n
}

// all adds the needs of an operation's targets.
func (r *ec2Request) all(targets []target) {
	for _, t := range targets {
		of := ec2TypeOf(t.on)
		if t.mode == made {
			n := r.make(of)
			if r.Name == "CreateVolume" {
				r.ofVolume(n)
			}
			continue
		}
		ids, err := r.values(t.param)
		if other := sameByName[t.param]; err == nil && len(ids) > 0 && other != "" && r.params.has(other) {
			err = malformed("the request has both %s and %s, and which of the two counts is not known", t.param, other)
		}
		if err != nil {
			r.err = err
			return
		}
		for _, id := range ids {
			r.existing(of, id)
		}
		if len(ids) == 0 && t.mode == required {
			r.unnamed(of)
		}
	}
	for _, on := range slices.Sorted(maps.Keys(r.tags)) { // such as rules of a security group
		of := ec2TypeOf(on)
		if of != nil && !slices.ContainsFunc(targets, func(t target) bool { return t.on == on }) {
			r.make(of)
		}
	}
}

// sameByName are parameters by which the same resource may be named instead.
var sameByName = map[string]string{
	"AllocationId": "PublicIp", "GroupId": "GroupName", "KeyName": "KeyPairId", "LaunchTemplateId": "LaunchTemplateName",
}

// volumeKeys are the condition keys that the parameters of CreateVolume give.
var volumeKeys = map[string]string{
	"AvailabilityZone": "ec2:AvailabilityZone", "Iops": "ec2:VolumeIops", "Size": "ec2:VolumeSize",
	"Throughput": "ec2:VolumeThroughput", "VolumeType": "ec2:VolumeType",
}

// ofVolume sets them. A volume that is not asked to be encrypted may be so by a
// default of the account's.
func (r *ec2Request) ofVolume(n *Need) {
	for param, key := range volumeKeys {
		if value := r.params.get(param); value != "" {
			n.Keys = append(n.Keys, Key{Name: key, Values: []string{value}})
		}
	}
	if r.params.get("Encrypted") == "true" {
		n.Keys = append(n.Keys, Key{Name: "ec2:Encrypted", Values: []string{"true"}})
	}
}

// values are those of a parameter, or of a list NAME.N, or of a field of its
// members, NAME.N.FIELD.
func (r *ec2Request) values(param string) ([]string, error) {
	list, field, isList := strings.Cut(param, ".N")
	if !isList {
		value, err := r.params.one(param)
		if value == "" {
			return nil, err
		}
		return []string{value}, err
	}
	if field == "" {
		return r.params.list(list)
	}
	members, err := r.params.below(list)
	var values []string
	for _, m := range members {
		if value := m.get(field[1:]); value != "" {
			values = append(values, value)
		}
	}
	return values, err
}

// arnOf is the ARN of a resource; id may be "*".
func (r *ec2Request) arnOf(of *ec2Type, id string) string {
	scope := *r.scope
	if of.unowned {
		scope.Account = ""
	}
	return scope.arn("ec2", of.name+"/"+id)
}

// existing adds a need on a resource that is there already.
func (r *ec2Request) existing(of *ec2Type, id string) *Need {
	if strings.ContainsAny(id, "*?:/") {
		r.err = malformed("the request names what is no %s", of.name)
	}
	n := r.add(r.on(r.arnOf(of, id)))
	if strings.HasPrefix(id, of.id) && !of.named {
		n.Tagged = id
		n.Keys = append(n.Keys, Key{Name: ec2IDKey(of.name), Values: []string{id}})
	}
	n.absent, n.requestTags = r.absentOf(of), true
	return n
}

// ec2IDKey is the condition key of a resource's own id.
func ec2IDKey(name string) string {
	return "ec2:" + strings.ReplaceAll(strings.ReplaceAll(name, "-group", "Group"), "-", "") + "ID"
}

// make adds a need on a resource that is made, whose tags are the request's, and
// which has none yet.
func (r *ec2Request) make(of *ec2Type) *Need {
	n := r.add(r.on(r.arnOf(of, "*")))
	n.Keys = append(n.Keys, r.tags[of.name]...)
	n.absent, n.requestTags, n.tags = r.absentOf(of), true, true
	return n
}

// unnamed adds a need on one of a type of which it is not known which: a default of
// the account's.
func (r *ec2Request) unnamed(of *ec2Type) *Need {
	n := r.add(r.onSome(r.arnOf(of, "")))
	n.absent, n.requestTags = r.absentOf(of), true
	return n
}

// unknown adds a need on any resource that an action may have.
func (r *ec2Request) unknown() *Need { return r.add(r.onSome("")) }

// absentOf are the keys that EC2 does not have for a type: those that only others
// have. ec2:CreateAction is tagOnCreate's.
func (r *ec2Request) absentOf(of *ec2Type) []string { return absentKeys()[of.name] }

// absentKeys are those of each type, and of one that is not known, worked out once.
// What is appended to one of them is not seen in it.
var absentKeys = sync.OnceValue(func() map[string][]string {
	absent := map[string][]string{}
	for i := range ec2Types {
		own, keys := strings.Fields(ec2Types[i].keys), []string{"ec2:CreateAction"}
		for j := range ec2Types {
			for key := range strings.FieldsSeq(ec2Types[j].keys) {
				if name := "ec2:" + key; !slices.Contains(own, key) && !slices.Contains(keys, name) {
					keys = append(keys, name)
				}
			}
		}
		absent[ec2Types[i].name] = slices.Clip(keys)
	}
	return absent
})

// readTags reads TagSpecification.N.{ResourceType, Tag.M.{Key, Value}}, and Tag.N of
// CreateTags and DeleteTags.
func (r *ec2Request) readTags() {
	members, err := r.params.below("TagSpecification")
	others, otherErr := r.params.below("TagSpecifications") // as a few operations write it
	if err != nil || otherErr != nil {
		r.err = malformed("TagSpecification is not written as TagSpecification.1.FIELD")
		return
	}
	members = append(members, others...)
	given := map[string]map[string]string{}
	for _, m := range members {
		on, err := m.one("ResourceType")
		tags, tagErr := m.below("Tag")
		if err != nil || tagErr != nil || on == "" || ec2TypeOf(on) == nil && r.Name == "RunInstances" {
			r.err = malformed("TagSpecification has a ResourceType or a Tag that is not known here")
			return
		}
		if given[on] == nil {
			given[on] = map[string]string{}
		}
		for _, tag := range tags {
			if _, twice := given[on][tag.get("Key")]; twice { // EC2 refuses it too
				r.err = malformed("a tag of %s is there twice", on)
				return
			}
			given[on][tag.get("Key")] = tag.get("Value")
		}
	}
	for on, pairs := range given {
		r.tags[on] = tagKeys(pairs, nil)
	}
}

// tagResources are the needs of CreateTags and DeleteTags: on each of the resources,
// with the tags.
func (r *ec2Request) tagResources() {
	ids, err := r.params.list("ResourceId")
	tags, tagErr := r.params.below("Tag")
	if err != nil || tagErr != nil {
		r.err = malformed("the parameters are not ResourceId.1 and Tag.1.Key")
		return
	}
	pairs, names := map[string]string{}, []string{}
	for _, tag := range tags {
		if _, twice := pairs[tag.get("Key")]; twice {
			r.err = malformed("a tag is there twice")
			return
		}
		if _, valued := tag.values["Value"]; valued || r.Name == "CreateTags" {
			pairs[tag.get("Key")] = tag.get("Value")
		} else {
			names = append(names, tag.get("Key"))
		}
	}
	keys := tagKeys(pairs, names)
	for _, id := range ids {
		var n *Need
		switch of := typeOfID(id); {
		case of == nil:
			n = r.unknown()
			n.requestTags, n.absent = true, []string{"ec2:CreateAction"}
		case of.named: // which the id does not tell
			n = r.unnamed(of)
		default:
			n = r.existing(of, id)
		}
		n.Keys = append(n.Keys, keys...)
	}
	if len(ids) == 0 {
		r.unknown()
	}
}

// tagOnCreate adds ec2:CreateTags for what is made with tags (EC2 User Guide, "Grant
// permission to tag Amazon EC2 resources during creation").
func (r *ec2Request) tagOnCreate() {
	for _, on := range slices.Sorted(maps.Keys(r.tags)) {
		of := ec2TypeOf(on)
		if of == nil {
			of = &ec2Type{name: on}
		}
		n := r.add(r.needOf("CreateTags", r.arnOf(of, "*")))
		n.requestTags, n.tags, n.absent = !r.templated, true, r.absentOf(of)
		n.Keys = append(n.Keys, Key{Name: "ec2:CreateAction", Values: []string{r.Name}})
		n.Keys = append(n.Keys, r.tags[on]...)
	}
}
