package iam

import (
	"iter"
	"slices"
	"strconv"

	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/directory"
	"github.com/daypass/daypass/internal/store"
)

// maxVersions is how many versions a managed policy may have (IAM User Guide,
// "IAM and AWS STS quotas", of those that cannot be raised).
const maxVersions = 5

// createPolicyVersion adds a version. Its number is one more than the policy ever
// had (recorded on AWS). UpdateDate follows the newest version, whether it is the
// default or not (IAM API Reference, Policy; recorded on AWS). That a policy is
// not there is told as by GetPolicy; AWS's sentence is not known.
func (s *service) createPolicyVersion(c *awsapi.Call, in *input) execute {
	given := in.ownPolicyARN("Cannot create versions for policies outside your own account.")
	document, setAsDefault := in.document("PolicyDocument"), in.flag("SetAsDefault")
	return func() (awsapi.Result, error) {
		if err := managedDocument(document); err != nil {
			return nil, err
		}
		version := store.PolicyVersion{Document: document, Created: now(c)}
		err := s.update(c, func(tx store.Tx) error {
			return changePolicy(tx, c, given, noSuchPolicy(given), func(p *store.Policy) error {
				if len(p.Versions) >= maxVersions {
					return limitExceeded("A managed policy can have up to %d versions. Before you create a new version, you must delete an existing version.", maxVersions)
				}
				p.LastVersion = max(p.LastVersion, 1) + 1
				version.ID = "v" + strconv.Itoa(p.LastVersion)
				p.Versions, p.Updated = append(p.Versions, version), version.Created
				if setAsDefault {
					p.DefaultVersion = version.ID
				}
				return nil
			})
		})
		if err != nil {
			return nil, err
		}
		return createdVersion{&version, setAsDefault}, nil
	}
}

func getPolicyVersion(c *awsapi.Call, in *input) execute {
	given, id := in.policyARN(), in.versionID()
	return func() (awsapi.Result, error) {
		if p, ok := visiblePolicy(c, given); ok {
			if i := versionAt(&p.Policy, id); i >= 0 {
				return foundVersion{&p.Versions[i], id == p.DefaultVersion}, nil
			}
		}
		return nil, noSuchVersion(given, id)
	}
}

// listPolicyVersions lists the versions, the newest first.
func listPolicyVersions(c *awsapi.Call, in *input) execute {
	given, p := in.policyARN(), in.page()
	if p.after != "" && !versionPattern.MatchString(p.after) {
		in.refuse(awsapi.Invalid("Invalid Marker."))
	}
	return func() (awsapi.Result, error) {
		found, ok := visiblePolicy(c, given)
		if !ok {
			return nil, noSuchPolicy(given)
		}
		reply := versionList{policy: found}
		reply.versions, reply.next = cut(p, versionsBefore(&found.Policy, p.after),
			func(v *store.PolicyVersion) string { return v.ID }, func(*store.PolicyVersion) bool { return true })
		return reply, nil
	}
}

// setDefaultPolicyVersion chooses the version that decides. The policy's
// UpdateDate stays (IAM API Reference, Policy).
func (s *service) setDefaultPolicyVersion(c *awsapi.Call, in *input) execute {
	given, id := in.ownPolicyARN("Cannot update policies outside your own account."), in.versionID()
	return func() (awsapi.Result, error) {
		return nil, s.update(c, func(tx store.Tx) error {
			return changePolicy(tx, c, given, noSuchVersion(given, id), func(p *store.Policy) error {
				if versionAt(p, id) < 0 {
					return noSuchVersion(given, id)
				}
				p.DefaultVersion = id
				return nil
			})
		})
	}
}

func (s *service) deletePolicyVersion(c *awsapi.Call, in *input) execute {
	given, id := in.ownPolicyARN("Cannot delete policy versions for policies outside your own account."), in.versionID()
	return func() (awsapi.Result, error) {
		return nil, s.update(c, func(tx store.Tx) error {
			return changePolicy(tx, c, given, noSuchVersion(given, id), func(p *store.Policy) error {
				i := versionAt(p, id)
				switch {
				case i < 0:
					return noSuchVersion(given, id)
				case id == p.DefaultVersion:
					return deleteConflict("Cannot delete the default version of a policy.")
				}
				// Of a record that knows no number yet, this may have been the last.
				p.LastVersion = max(p.LastVersion, versionNumber(id))
				p.Versions = slices.Delete(p.Versions, i, i+1)
				return nil
			})
		})
	}
}

// versionID reads the parameter VersionId.
func (in *input) versionID() string {
	value, sent := in.params.Get("VersionId"), in.params.Has("VersionId")
	in.check.Required("versionId", sent)
	if sent {
		in.check.Pattern("versionId", value, versionPattern, `v[1-9][0-9]*(\.[A-Za-z0-9-]*)?`)
	}
	return value
}

// versionAt finds a version of a policy, -1 where it has none of that id.
func versionAt(p *store.Policy, id string) int {
	return slices.IndexFunc(p.Versions, func(v store.PolicyVersion) bool { return v.ID == id })
}

// versionNumber is the number in the id of a version, 0 where it has none.
func versionNumber(id string) int {
	number, err := strconv.Atoi(id[min(1, len(id)):])
	if err != nil {
		return 0
	}
	return number
}

// versionsBefore gives the versions from the newest to the oldest, those that are
// older than the given one, "" for all.
func versionsBefore(p *store.Policy, id string) iter.Seq[*store.PolicyVersion] {
	return func(yield func(*store.PolicyVersion) bool) {
		for i := range slices.Backward(p.Versions) {
			v := &p.Versions[i]
			if (id == "" || versionNumber(v.ID) < versionNumber(id)) && !yield(v) {
				return
			}
		}
	}
}

// noSuchVersion is told of a version that is not there, and where there is no
// policy either (recorded on AWS).
func noSuchVersion(policyARN, id string) *awsapi.Fault {
	return noSuchEntity("Policy %s version %s does not exist or is not attachable.", policyARN, id)
}

// foundVersion is GetPolicyVersion's reply, the only one with the document (IAM
// API Reference, PolicyVersion).
type foundVersion struct {
	version   *store.PolicyVersion
	isDefault bool
}

// WriteXML implements awsapi.Result.
func (r foundVersion) WriteXML(x *awsapi.XML) {
	x.Open("PolicyVersion")
	x.Text("Document", percentEncode(r.version.Document))
	writeVersion(x, r.version, r.isDefault)
	x.Close()
}

// createdVersion is CreatePolicyVersion's reply.
type createdVersion struct {
	version   *store.PolicyVersion
	isDefault bool
}

// WriteXML implements awsapi.Result.
func (r createdVersion) WriteXML(x *awsapi.XML) {
	x.Open("PolicyVersion")
	writeVersion(x, r.version, r.isDefault)
	x.Close()
}

type versionList struct {
	policy   *directory.Policy
	versions []*store.PolicyVersion
	next     string
}

// WriteXML implements awsapi.Result.
func (r versionList) WriteXML(x *awsapi.XML) {
	x.Open("Versions")
	for _, v := range r.versions {
		x.Open("member")
		writeVersion(x, v, v.ID == r.policy.DefaultVersion)
		x.Close()
	}
	x.Close()
	writeNext(x, r.next)
}

func writeVersion(x *awsapi.XML, v *store.PolicyVersion, isDefault bool) {
	x.Text("VersionId", v.ID)
	x.Bool("IsDefaultVersion", isDefault)
	x.Time("CreateDate", v.Created)
}
