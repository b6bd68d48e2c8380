package iam

import "github.com/daypass/daypass/internal/awsapi"

// otherCredentialOperations are those on credentials that users of AWS can have and
// users of Daypass have none of: passwords, MFA devices, SSH keys, certificates and
// credentials for single services. Terraform asks for them before it deletes a
// user, and consoles to show one. What would make them is not served.
func otherCredentialOperations() []awsapi.Operation {
	return []awsapi.Operation{
		signed("GetLoginProfile", onUser, noLoginProfile),
		signed("DeleteLoginProfile", onUser, noLoginProfile),
		signed("ListMFADevices", onUser, noneOf("MFADevices")),
		signed("ListVirtualMFADevices", onMFADevices, noVirtualMFADevices),
		signed("ListSSHPublicKeys", onUser, noneOf("SSHPublicKeys")),
		signed("ListSigningCertificates", onUser, noneOf("Certificates")),
		signed("ListServiceSpecificCredentials", onCredentials, noServiceCredentials),
	}
}

// noLoginProfile answers that a user has no password.
func noLoginProfile(c *awsapi.Call, in *input) execute {
	name := in.userOrCaller(c)
	return func() (awsapi.Result, error) {
		if _, err := knownUser(c, name); err != nil {
			return nil, err
		}
		return nil, noSuchEntity("Login Profile for User %s cannot be found.", name)
	}
}

// noneOf is an operation that lists what a user has none of.
func noneOf(element string) operation {
	return func(c *awsapi.Call, in *input) execute {
		name := in.userOrCaller(c)
		in.page()
		return func() (awsapi.Result, error) {
			if _, err := knownUser(c, name); err != nil {
				return nil, err
			}
			return emptyList{element}, nil
		}
	}
}

// noVirtualMFADevices lists those of the account.
func noVirtualMFADevices(_ *awsapi.Call, in *input) execute {
	in.oneOf("AssignmentStatus", "Any", "Assigned", "Unassigned")
	in.page()
	return func() (awsapi.Result, error) { return emptyList{"VirtualMFADevices"}, nil }
}

// noServiceCredentials lists those of a user, or with AllUsers of the account.
func noServiceCredentials(c *awsapi.Call, in *input) execute {
	const element = "ServiceSpecificCredentials"
	if in.flag("AllUsers") {
		in.page()
		return func() (awsapi.Result, error) { return emptyList{element}, nil }
	}
	return noneOf(element)(c, in)
}

// emptyList is a page of nothing.
type emptyList struct{ element string }

// WriteXML implements awsapi.Result.
func (r emptyList) WriteXML(x *awsapi.XML) {
	x.Open(r.element)
	x.Close()
	writeNext(x, "")
}
