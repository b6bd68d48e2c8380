package awsrequest

import "strings"

// run are the needs of RunInstances: it must be allowed on every resource that it
// uses or makes (Service Authorization Reference, RunInstances; EC2 User Guide,
// "Example policies to control access to the Amazon EC2 API", launch instances).
//
// What the request leaves to a launch template, or to the account's defaults, is not
// known here.
func (r *ec2Request) run() {
	if r.templated {
		r.template()
		r.ofTemplate(r.unknown()) // of what the template has and the request does not say
	}
	r.one("image", "ImageId")
	interfaces, err := r.params.below("NetworkInterface")
	if err != nil {
		r.err = err
		return
	}
	r.instance()
	r.volumes()
	r.network(interfaces)
	if r.params.has("KeyName") || r.templated {
		r.one("key-pair", "KeyName")
	}
	for _, rare := range []string{
		"CapacityReservationSpecification", "LicenseSpecification", "ElasticGpuSpecification", "ElasticInferenceAccelerator",
		"RamdiskId", "KernelId", "Placement.GroupName", "Placement.GroupId", "Placement.HostId", "Placement.HostResourceGroupArn",
	} {
		if r.params.has(rare) { // with resources that are not worked out here
			r.unknown().requestTags = true
		}
	}
	r.profile()
}

// template adds the need on a launch template, by its id or by a name of which the
// id is not known.
func (r *ec2Request) template() {
	id, err := r.params.one("LaunchTemplate.LaunchTemplateId")
	if err != nil {
		r.err = err
		return
	}
	if id == "" {
		r.unnamed(ec2TypeOf("launch-template"))
		return
	}
	if r.params.has("LaunchTemplate.LaunchTemplateName") {
		r.err = malformed("the request names the launch template by id and by name, and which of the two counts is not known")
		return
	}
	r.existing(ec2TypeOf("launch-template"), id)
}

// tagsOfTemplate takes the tags of the request for unknown: a template may tag too, and
// whether it does, and what with, is not known. That it does must be allowed.
func (r *ec2Request) tagsOfTemplate() {
	for _, on := range []string{"instance", "volume", "network-interface"} {
		r.tags[on] = nil
	}
	for on := range r.tags {
		r.tags[on] = nil
	}
}

// one adds a need on what one parameter names.
func (r *ec2Request) one(on, param string) {
	id, err := r.params.one(param)
	if err != nil {
		r.err = err
		return
	}
	of := ec2TypeOf(on)
	if id == "" {
		r.unnamed(of)
		return
	}
	n := r.existing(of, id)
	if on == "key-pair" {
		n.Keys = append(n.Keys, Key{Name: "ec2:KeyPairName", Values: []string{id}})
	}
	r.ofTemplate(n)
}

// ofTemplate sets the keys that tell of launch templates.
func (r *ec2Request) ofTemplate(n *Need) {
	if r.templated {
		if id := r.params.get("LaunchTemplate.LaunchTemplateId"); id != "" {
			n.Keys = append(n.Keys, Key{Name: "ec2:LaunchTemplate", Values: []string{r.arnOf(ec2TypeOf("launch-template"), id)}})
		}
	} else { // AWS has the key only where there is a template
		n.Keys = append(n.Keys, Key{Name: "ec2:IsLaunchTemplateResource", Values: []string{"false"}})
		n.absent = append(n.absent, "ec2:LaunchTemplate")
	}
}

// instance adds the need on the instances that are made.
func (r *ec2Request) instance() {
	n := r.make(ec2TypeOf("instance"))
	r.ofTemplate(n)
	if r.templated { // which may tag as well
		n.requestTags = false
	}
	for _, given := range []struct{ key, param, otherwise string }{
		{"ec2:InstanceType", "InstanceType", ""},
		{"ec2:AvailabilityZone", "Placement.AvailabilityZone", ""},
		{"ec2:Tenancy", "Placement.Tenancy", "default"},
		{"ec2:EbsOptimized", "EbsOptimized", ""},
		{"ec2:InstanceMarketType", "InstanceMarketOptions.MarketType", "on-demand"},
		{"ec2:MetadataHttpTokens", "MetadataOptions.HttpTokens", ""},
		{"ec2:MetadataHttpEndpoint", "MetadataOptions.HttpEndpoint", ""},
		{"ec2:MetadataHttpPutResponseHopLimit", "MetadataOptions.HttpPutResponseHopLimit", ""},
		{"ec2:InstanceMetadataTags", "MetadataOptions.InstanceMetadataTags", ""},
	} {
		value, err := r.params.one(given.param)
		if err != nil {
			r.err = err
		}
		if value == "" && !r.templated {
			value = given.otherwise
		}
		if value != "" {
			n.Keys = append(n.Keys, Key{Name: given.key, Values: []string{value}})
		}
	}
	if !r.templated && !r.params.has("IamInstanceProfile") {
		n.absent = append(n.absent, "ec2:InstanceProfile")
	}
	if !r.templated && !r.params.has("Placement") {
		n.absent = append(n.absent, "ec2:PlacementGroup", "ec2:PlacementPartition")
	}
}

// volumes adds the needs on the volumes that are made, and on snapshots that they
// are made from.
func (r *ec2Request) volumes() {
	n := r.make(ec2TypeOf("volume"))
	r.ofTemplate(n)
	if r.templated {
		n.requestTags = false
	}
	devices, err := r.params.below("BlockDeviceMapping")
	if err != nil {
		r.err = err
		return
	}
	for _, device := range devices {
		id, err := device.one("Ebs.SnapshotId")
		if err != nil {
			r.err = err
			return
		}
		if id != "" {
			r.ofTemplate(r.existing(ec2TypeOf("snapshot"), id))
		}
	}
}

// network adds the needs on subnets, security groups and network interfaces, each of
// which stands in one of two places.
func (r *ec2Request) network(interfaces []*params) {
	subnets, err := r.values("SubnetId")
	groups, groupErr := r.params.list("SecurityGroupId")
	if err != nil || groupErr != nil {
		r.err = malformed("the parameters are not SubnetId and SecurityGroupId.1")
		return
	}
	isMade, ofDefault, byDefault := len(interfaces) == 0, false, false
	common := len(subnets) + len(groups)
	for _, i := range interfaces {
		subnet, err := i.one("SubnetId")
		attached, idErr := i.one("NetworkInterfaceId")
		own, groupErr := i.list("SecurityGroupId")
		if err != nil || idErr != nil || groupErr != nil {
			r.err = malformed("NetworkInterface.1 has a parameter that is written in another way")
			return
		}
		if attached != "" {
			r.ofTemplate(r.existing(ec2TypeOf("network-interface"), attached))
			continue
		}
		isMade = true
		ofDefault = ofDefault || subnet == ""
		byDefault = byDefault || len(own) == 0
		groups = append(groups, own...)
		if subnet != "" {
			subnets = append(subnets, subnet)
		}
	}
	if common > 0 && len(interfaces) > 0 {
		r.err = malformed("SubnetId and SecurityGroupId do not go together with NetworkInterface.1")
		return
	}
	if isMade {
		n := r.make(ec2TypeOf("network-interface"))
		r.ofTemplate(n)
		if len(subnets) == 1 && !r.templated {
			n.Keys = append(n.Keys, Key{Name: "ec2:Subnet", Values: []string{r.arnOf(ec2TypeOf("subnet"), subnets[0])}})
		}
		n.requestTags = !r.templated
	}
	if !isMade && !r.templated { // all of them are there already, with their subnets and groups
		return
	}
	r.each("subnet", subnets, ofDefault)
	r.each("security-group", groups, byDefault || r.params.has("SecurityGroup")) // or by name
}

// each adds a need on each of the ids, and where there is none, or there are others,
// on one that is not known.
func (r *ec2Request) each(on string, ids []string, others bool) {
	for _, id := range ids {
		r.ofTemplate(r.existing(ec2TypeOf(on), id))
	}
	if len(ids) == 0 || others {
		r.unnamed(ec2TypeOf(on))
	}
}

// profile adds iam:PassRole on the role of an instance profile. Which role that is,
// is not known here.
func (r *ec2Request) profile() {
	if !r.params.has("IamInstanceProfile") && !r.templated {
		return
	}
	name, err := r.params.one("IamInstanceProfile.Name")
	given, arnErr := r.params.one("IamInstanceProfile.Arn")
	if err != nil || arnErr != nil {
		r.err = malformed("the parameters are not IamInstanceProfile.Arn and IamInstanceProfile.Name")
		return
	}
	if given == "" && name != "" {
		given = "arn:" + r.scope.partition() + ":iam::" + r.scope.Account + ":instance-profile/" + strings.TrimPrefix(name, "/")
	}
	for _, n := range r.needs {
		if given != "" && strings.HasSuffix(n.Resource, ":instance/*") {
			n.Keys = append(n.Keys, Key{Name: "ec2:InstanceProfile", Values: []string{given}})
		}
	}
	role := r.passRole("arn:" + r.scope.partition() + ":iam::" + r.scope.Account + ":role/")
	role.Prefix, role.Resource, role.Open = role.Resource, role.Resource+"*", true
	r.add(role)
}
