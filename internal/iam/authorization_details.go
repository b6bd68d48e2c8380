package iam

import (
	"encoding/base64"
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/daypass/daypass/internal/account"
	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/directory"
	"github.com/daypass/daypass/internal/store"
)

// Words of the parameter Filter, in the order in which AWS's message has them
// (recorded on AWS).
var detailFilters = []string{"LocalManagedPolicy", "User", "AWSManagedPolicy", "Role", "Group"}

// detailSections are the words of Filter in the order in which pages are filled,
// whatever the order in the request (recorded on AWS).
var detailSections = []string{"User", "Role", "Group", "LocalManagedPolicy", "AWSManagedPolicy"}

func (s *service) detailOperations() []awsapi.Operation {
	return []awsapi.Operation{signed("GetAccountAuthorizationDetails", onNothing, s.getAccountAuthorizationDetails)}
}

// getAccountAuthorizationDetails tells users, roles, groups and managed policies
// with all that they may do. MaxItems is for all of them together. A marker goes
// on with the filter that it was given for.
func (s *service) getAccountAuthorizationDetails(c *awsapi.Call, in *input) execute {
	filter := in.detailFilter()
	limit, sent, err := in.params.Int("MaxItems")
	in.decoded(err)
	if !sent || err != nil {
		limit = defaultItems
	} else {
		in.check.Range("maxItems", limit, 1, maxItems)
	}
	from := detailMarker{filter: filter, section: filter[0]}
	if marker, sent := in.text("Marker", 1, maxMarker); sent {
		var ok bool
		if from, ok = parseDetailMarker(marker); !ok || !slices.Equal(from.filter, filter) {
			in.refuse(awsapi.Invalid("Marker and Filter do not match"))
		}
	}
	return func() (awsapi.Result, error) {
		return s.detailsPage(c, from, limit), nil
	}
}

// detailFilter reads the parameter Filter: its words in the order of pages, all
// where it has none.
func (in *input) detailFilter() []string {
	given, err := in.params.List("Filter")
	in.decoded(err)
	in.check.Elements("filter", given, func(word string) bool { return slices.Contains(detailFilters, word) },
		"Member must satisfy enum value set: "+awsapi.ShowList(detailFilters))
	var filter []string
	for _, section := range detailSections {
		if len(given) == 0 || slices.Contains(given, section) {
			filter = append(filter, section)
		}
	}
	if len(filter) == 0 { // it has other words, and is refused
		return detailSections
	}
	return filter
}

// detailMarker is the place after the last thing that a page told.
type detailMarker struct {
	filter  []string
	section string
	key     string // "" for the beginning of the section
}

// String is the marker as replies carry it.
func (m detailMarker) String() string {
	bits := 0
	for i, section := range detailSections {
		if slices.Contains(m.filter, section) {
			bits |= 1 << i
		}
	}
	text := strconv.Itoa(bits) + "/" + strconv.Itoa(slices.Index(detailSections, m.section)) + "/" + m.key
	return base64.RawURLEncoding.EncodeToString([]byte(text))
}

// parseDetailMarker reads a marker. Its section is one of its filter's.
func parseDetailMarker(text string) (detailMarker, bool) {
	decoded, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		return detailMarker{}, false
	}
	parts := strings.SplitN(string(decoded), "/", 3)
	if len(parts) != 3 {
		return detailMarker{}, false
	}
	bits, err1 := strconv.Atoi(parts[0])
	number, err2 := strconv.Atoi(parts[1])
	if err1 != nil || err2 != nil || number < 0 || number >= len(detailSections) || bits&(1<<number) == 0 {
		return detailMarker{}, false
	}
	m := detailMarker{section: detailSections[number], key: parts[2]}
	for i, section := range detailSections {
		if bits&(1<<i) != 0 {
			m.filter = append(m.filter, section)
		}
	}
	return m, true
}

// detailsPage gathers at most limit things, going on after the marker.
func (s *service) detailsPage(c *awsapi.Call, from detailMarker, limit int) *authorizationDetails {
	reply := &authorizationDetails{}
	n, weighs, last := 0, 0, ""
	for _, section := range from.filter[slices.Index(from.filter, from.section):] {
		after := ""
		if section == from.section {
			after = from.key
		}
		for key, tell := range s.detailsAfter(c, section, after) {
			if n == limit || weighs >= maxPage {
				reply.next = last
				return reply
			}
			n++
			weighs += tell(&reply.Details)
			last = detailMarker{from.filter, section, key}.String()
		}
	}
	return reply
}

// detailsAfter gives the things of a section by their names in lower case, from
// the first that comes after the given one. What tells of a thing returns how long
// its policy documents are.
func (s *service) detailsAfter(c *awsapi.Call, section, after string) iter.Seq2[string, func(*account.Details) int] {
	now := c.Snapshot
	return func(yield func(string, func(*account.Details) int) bool) {
		switch section {
		case "User":
			for u := range now.UsersAfter(c.Account, after) {
				if !yield(account.Key(u.Name), func(d *account.Details) int {
					d.Users = append(d.Users, account.DescribeUser(now, u))
					return inlineLength(u.InlinePolicies)
				}) {
					return
				}
			}
		case "Role":
			for r := range now.RolesAfter(c.Account, after) {
				if !yield(account.Key(r.Name), func(d *account.Details) int {
					d.Roles = append(d.Roles, account.DescribeRole(now, r, s.lastUse(c, r.ID)))
					return inlineLength(r.InlinePolicies) + len(r.TrustPolicy)*(1+len(r.InstanceProfiles))
				}) {
					return
				}
			}
		case "Group":
			for g := range now.GroupsAfter(c.Account, after) {
				if !yield(account.Key(g.Name), func(d *account.Details) int {
					d.Groups = append(d.Groups, account.DescribeGroup(g))
					return inlineLength(g.InlinePolicies)
				}) {
					return
				}
			}
		case "LocalManagedPolicy":
			for p := range now.PoliciesAfter(c.Account, after) {
				if !yield(account.Key(p.Name), tellPolicy(c, p)) {
					return
				}
			}
		case "AWSManagedPolicy":
			for p := range now.AWSPoliciesAfter(after) {
				if account.Uses(now, c.Account, p) && !yield(account.Key(p.Name), tellPolicy(c, p)) {
					return
				}
			}
		}
	}
}

func tellPolicy(c *awsapi.Call, p *directory.Policy) func(*account.Details) int {
	return func(d *account.Details) int {
		d.Policies = append(d.Policies, account.DescribePolicy(c.Snapshot, c.Account, p))
		length := 0
		for i := range p.Versions {
			length += len(p.Versions[i].Document)
		}
		return length
	}
}

func inlineLength(policies []store.InlinePolicy) int {
	length := 0
	for i := range policies {
		length += len(policies[i].Document)
	}
	return length
}

// authorizationDetails is GetAccountAuthorizationDetails' reply. The four lists
// are always there, in this order (recorded on AWS).
type authorizationDetails struct {
	account.Details
	next string
}

// WriteXML implements awsapi.Result.
func (r *authorizationDetails) WriteXML(x *awsapi.XML) {
	writeList(x, "Policies", r.Policies, writePolicyDetail)
	writeList(x, "UserDetailList", r.Users, writeUserDetail)
	writeList(x, "RoleDetailList", r.Roles, writeRoleDetail)
	writeList(x, "GroupDetailList", r.Groups, writeGroupDetail)
	x.Bool("IsTruncated", r.next != "")
	if r.next != "" {
		x.Text("Marker", r.next)
	}
}

// writeList writes a list of structures.
func writeList[T any](x *awsapi.XML, name string, items []T, write func(*awsapi.XML, *T)) {
	x.Open(name)
	for i := range items {
		x.Open("member")
		write(x, &items[i])
		x.Close()
	}
	x.Close()
}

func writeUserDetail(x *awsapi.XML, u *account.UserDetail) {
	x.Text("Path", u.Path)
	x.Text("UserName", u.Name)
	x.Text("UserId", u.ID)
	x.Text("Arn", u.ARN)
	x.Time("CreateDate", u.CreateDate.Time)
	if u.Inline != nil {
		writeList(x, "UserPolicyList", u.Inline, writeInlineDetail)
	}
	x.Texts("GroupList", u.Groups)
	writeList(x, "AttachedManagedPolicies", u.Attached, writeAttachedDetail)
	writeBoundaryDetail(x, u.Boundary)
	writeList(x, "Tags", u.Tags, writeTagDetail)
}

func writeGroupDetail(x *awsapi.XML, g *account.GroupDetail) {
	x.Text("Path", g.Path)
	x.Text("GroupName", g.Name)
	x.Text("GroupId", g.ID)
	x.Text("Arn", g.ARN)
	x.Time("CreateDate", g.CreateDate.Time)
	writeList(x, "GroupPolicyList", g.Inline, writeInlineDetail)
	writeList(x, "AttachedManagedPolicies", g.Attached, writeAttachedDetail)
}

func writeRoleDetail(x *awsapi.XML, r *account.RoleDetail) {
	x.Text("Path", r.Path)
	x.Text("RoleName", r.Name)
	x.Text("RoleId", r.ID)
	x.Text("Arn", r.ARN)
	x.Time("CreateDate", r.CreateDate.Time)
	x.Text("AssumeRolePolicyDocument", percentEncode(string(r.TrustPolicy)))
	writeList(x, "InstanceProfileList", r.Profiles, writeProfileDetail)
	writeList(x, "RolePolicyList", r.Inline, writeInlineDetail)
	writeList(x, "AttachedManagedPolicies", r.Attached, writeAttachedDetail)
	writeBoundaryDetail(x, r.Boundary)
	writeList(x, "Tags", r.Tags, writeTagDetail)
	x.Open("RoleLastUsed")
	if r.LastUsed.Date != nil {
		x.Time("LastUsedDate", r.LastUsed.Date.Time)
		if r.LastUsed.Region != "" {
			x.Text("Region", r.LastUsed.Region)
		}
	}
	x.Close()
}

func writeProfileDetail(x *awsapi.XML, p *account.Profile) {
	x.Text("Path", p.Path)
	x.Text("InstanceProfileName", p.Name)
	x.Text("InstanceProfileId", p.ID)
	x.Text("Arn", p.ARN)
	x.Time("CreateDate", p.CreateDate.Time)
	writeList(x, "Roles", p.Roles, func(x *awsapi.XML, r *account.ProfileRole) {
		x.Text("Path", r.Path)
		x.Text("RoleName", r.Name)
		x.Text("RoleId", r.ID)
		x.Text("Arn", r.ARN)
		x.Time("CreateDate", r.CreateDate.Time)
		x.Text("AssumeRolePolicyDocument", percentEncode(string(r.TrustPolicy)))
	})
}

func writePolicyDetail(x *awsapi.XML, p *account.ManagedPolicy) {
	x.Text("PolicyName", p.Name)
	x.Text("PolicyId", p.ID)
	x.Text("Arn", p.ARN)
	x.Text("Path", p.Path)
	x.Text("DefaultVersionId", p.DefaultVersion)
	x.Text("AttachmentCount", strconv.Itoa(p.AttachmentCount))
	x.Text("PermissionsBoundaryUsageCount", strconv.Itoa(p.BoundaryCount))
	x.Bool("IsAttachable", p.IsAttachable)
	x.Time("CreateDate", p.CreateDate.Time)
	x.Time("UpdateDate", p.UpdateDate.Time)
	writeList(x, "PolicyVersionList", p.Versions, func(x *awsapi.XML, v *account.PolicyVersion) {
		x.Text("Document", percentEncode(string(v.Document)))
		x.Text("VersionId", v.ID)
		x.Bool("IsDefaultVersion", v.IsDefault)
		x.Time("CreateDate", v.CreateDate.Time)
	})
}

func writeInlineDetail(x *awsapi.XML, p *account.InlinePolicy) {
	x.Text("PolicyName", p.Name)
	x.Text("PolicyDocument", percentEncode(string(p.Document)))
}

func writeAttachedDetail(x *awsapi.XML, p *account.Attached) {
	x.Text("PolicyName", p.Name)
	x.Text("PolicyArn", p.ARN)
}

func writeBoundaryDetail(x *awsapi.XML, b *account.Boundary) {
	if b != nil {
		writeBoundary(x, b.ARN)
	}
}

func writeTagDetail(x *awsapi.XML, t *account.Tag) {
	x.Text("Key", t.Key)
	x.Text("Value", t.Value)
}
