package iam

import (
	"errors"
	"net/url"
	"path"
	"regexp"
	"strconv"
	"strings"

	"github.com/daypass/daypass/internal/account"
	"github.com/daypass/daypass/internal/arn"
	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/policy"
	"github.com/daypass/daypass/internal/store"
	"github.com/daypass/daypass/internal/trust"
)

// check asks of everything that is imported what the operations ask that make
// such things, by their own code: members become parameters.
func (p *importPlan) check() {
	if !arn.ValidAccount(p.own.ID) {
		p.refuse(account.Place{Kind: store.KindAccount, Member: "account"}, "account %q is not 12 digits", p.own.ID)
	}
	if p.own.Alias != "" {
		p.read(account.Place{Kind: store.KindAccount, Member: "alias"}, func(in *input) { in.alias() }, "AccountAlias", p.own.Alias)
		for _, other := range p.snapshot.Accounts() {
			if other.Account != p.own.ID && other.Alias == p.own.Alias {
				p.refuse(account.Place{Kind: store.KindAccount, Member: "alias"}, "The account alias %s already exists.", p.own.Alias)
			}
		}
	}
	for i := range p.own.Providers {
		p.checkProvider(&p.own.Providers[i])
	}
	if len(p.own.Providers) > maxProviders {
		p.object(account.Place{}, "Cannot exceed quota for OpenIdConnectProvidersPerAccount: %d", maxProviders)
	}
	for i := range p.own.Policies {
		p.checkPolicy(&p.own.Policies[i])
	}
	for i := range p.own.Groups {
		g := &p.own.Groups[i]
		p.checkEntity(groups, groupEntity(g), g.Path, "AGPA")
	}
	for i := range p.own.Users {
		u := &p.own.Users[i]
		p.checkEntity(users, userEntity(u), u.Path, "AIDA")
		if len(u.Groups) > maxUserGroups {
			p.object(account.Place{Kind: store.KindUser, Name: u.Name, Member: "groups"}, "Cannot exceed quota for GroupsPerUser: %d", maxUserGroups)
		}
	}
	for i := range p.own.Roles {
		p.checkRole(&p.own.Roles[i])
	}
	for i := range p.own.Profiles {
		at := account.Place{Kind: store.KindProfile, Name: p.own.Profiles[i].Name}
		profile := &p.own.Profiles[i]
		p.read(within(at, "name"), func(in *input) { in.profileName() }, "InstanceProfileName", profile.Name)
		p.read(within(at, "path"), func(in *input) { in.path("Path", rolePathPattern) }, "Path", profile.Path)
		p.checkTags(at, profile.Tags, true)
		p.unique(at, profile.ID, "AIPA")
	}
	if len(p.own.Profiles) > maxProfiles {
		p.object(account.Place{}, "Cannot exceed quota for InstanceProfilesPerAccount: %d", maxProfiles)
	}
}

// within gives the place of a member.
func within(at account.Place, member string) account.Place {
	at.Member = member
	return at
}

// read has parameters read as an operation reads them. What the service's model
// forbids is refused, what IAM itself does is objected to. It reports whether
// nothing was refused.
func (p *importPlan) read(at account.Place, read func(*input), parameters ...string) bool {
	form := url.Values{}
	for i := 0; i+1 < len(parameters); i += 2 {
		form.Set(parameters[i], parameters[i+1])
	}
	params, err := awsapi.ParseParams(form.Encode())
	if err != nil {
		p.refuse(at, "%s", message(err))
		return false
	}
	in := &input{params: params, check: awsapi.Validation{HideValues: true}}
	read(in)
	if err := in.err(); err != nil {
		p.refuse(at, "%s", message(err))
		return false
	}
	if in.forbidden != nil {
		p.object(at, "%s", message(in.forbidden))
	}
	return true
}

// message is what an error says to a client.
func message(err error) string {
	var fault *awsapi.Fault
	if !errors.As(err, &fault) || fault.Message == "" {
		return err.Error()
	}
	if fault.Kind == awsapi.Modelled && fault.Code == "InvalidInput" && fault.Reason != "" {
		return fault.Message + " (" + fault.Reason + ")"
	}
	return fault.Message
}

func (p *importPlan) checkTags(at account.Place, tags []store.Tag, distinguishCase bool) {
	var parameters []string
	for i, tag := range tags {
		name := "Tags.member." + strconv.Itoa(i+1) + "."
		parameters = append(parameters, name+"Key", tag.Key, name+"Value", tag.Value)
	}
	p.read(within(at, "tags"), func(in *input) { in.tags(distinguishCase) }, parameters...)
}

// uniqueIDPattern is the form of ids; AWS's are longer now than they were.
var uniqueIDPattern = regexp.MustCompile(`^[A-Z]{4}[A-Z0-9]{8,124}$`)

// unique asks that an id is one, and nobody else's.
func (p *importPlan) unique(at account.Place, id, prefix string) {
	at = within(at, "id")
	if !uniqueIDPattern.MatchString(id) || !strings.HasPrefix(id, prefix) {
		p.refuse(at, "%q is no unique id, which is %s and capital letters and digits; leave it out for a new one", id, prefix)
		return
	}
	if other, taken := p.uniques[id]; taken {
		p.refuse(at, "the unique id %s is that of %s %s too", id, other.Kind, other.Name)
	}
	p.uniques[id] = at
	// Of the own account, what is replaced by it may have had it under another name.
	if whose, ok := p.snapshot.Entity(id); ok {
		if a, err := arn.Parse(whose); err == nil && (a.Account != p.own.ID || !p.Replace && !strings.EqualFold(path.Base(a.Resource), at.Name)) {
			p.refuse(at, "the unique id %s is that of %s", id, whose)
		}
	}
}

func (p *importPlan) checkProvider(provider *store.OIDCProvider) {
	at := account.Place{Kind: store.KindOIDCProvider, Name: provider.URL}
	p.read(within(at, "url"), func(in *input) {
		kept, err := parseProviderURL(in.required("Url", 1, maxProviderURL))
		var fault *awsapi.Fault
		if errors.As(err, &fault) {
			in.refuse(fault)
		} else if kept != provider.URL {
			in.refuse(awsapi.Invalid("the url is kept as " + kept + "; write it so"))
		}
	}, "Url", "https://"+provider.URL)
	p.read(within(at, "clientIds"), func(in *input) {
		given := in.list("ClientIDList", 1, maxClientID)
		if len(given) > maxClientIDs {
			in.forbid(limitExceeded("Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: %d", maxClientIDs))
		}
		if len(distinct(given)) < len(given) {
			in.forbid(invalidInput("a client id is there twice"))
		}
	}, listOf("ClientIDList", provider.ClientIDs)...)
	p.read(within(at, "thumbprints"), func(in *input) { in.thumbprints() }, listOf("ThumbprintList", provider.Thumbprints)...)
	p.checkTags(at, provider.Tags, true)
}

// listOf gives the parameters of a list.
func listOf(name string, values []string) []string {
	var parameters []string
	for i, value := range values {
		parameters = append(parameters, name+".member."+strconv.Itoa(i+1), value)
	}
	return parameters
}

func (p *importPlan) checkPolicy(record *store.Policy) {
	at := account.Place{Kind: store.KindPolicy, Name: record.Name}
	p.read(within(at, "name"), func(in *input) { in.policyName() }, "PolicyName", record.Name)
	p.read(within(at, "path"), func(in *input) { in.path("Path", policyPathPattern) }, "Path", record.Path)
	p.read(within(at, "description"), func(in *input) { in.text("Description", 0, maxDescription) }, "Description", record.Description)
	p.checkTags(at, record.Tags, true)
	p.unique(at, record.ID, "ANPA")
	if len(record.Versions) > maxVersions {
		p.object(within(at, "versions"), "A managed policy can have up to %d versions.", maxVersions)
	}
	isDefault, last := false, 0
	for _, v := range record.Versions {
		n := account.VersionNumber(v.ID)
		if n <= last || v.ID != "v"+strconv.Itoa(n) {
			p.refuse(within(at, "versions"), "%q is no version in the order of their numbers, v1, v2 …", v.ID)
		}
		last = n
		isDefault = isDefault || v.ID == record.DefaultVersion
		place := within(at, "versions/"+v.ID)
		_, err := policy.ParseManaged(v.Document)
		_, unreadable := policy.Parse(policy.Identity, v.Document)
		p.document(place, v.Document, err, unreadable == nil)
		if size(v.Document) > maxManagedPolicy {
			p.object(place, "Cannot exceed quota for PolicySize: %d", maxManagedPolicy)
		}
	}
	if !isDefault {
		p.refuse(within(at, "defaultVersion"), "%q is none of its versions", record.DefaultVersion)
	}
	if record.LastVersion < last {
		p.refuse(within(at, "lastVersion"), "there is a later version, v%d", last)
	}
}

// document says what is wrong with the text of a policy. One that is kept denies,
// unless it can be read all the same.
func (p *importPlan) document(at account.Place, text string, err error, readable bool) {
	wellFormed := p.read(at, func(in *input) { in.document("PolicyDocument") }, "PolicyDocument", text)
	var syntax *policy.SyntaxError
	if !wellFormed || !errors.As(err, &syntax) {
		return
	}
	at.Line = syntax.Line
	denies := ""
	if p.AsIs && !readable {
		denies = " It is kept, and denies."
	}
	p.object(at, "%s%s", message(malformed(err)), denies)
}

// checkEntity checks what roles, users and groups have in common.
func (p *importPlan) checkEntity(kind *entityKind, e *entity, path, prefix string) {
	at := account.Place{Kind: kind.kind, Name: e.name}
	most := kind.maxName
	if kind == users { // may be looked up by more, not made
		most = maxUserName
	}
	p.read(within(at, "name"), func(in *input) { in.name(kind.parameter, most) }, kind.parameter, e.name)
	p.read(within(at, "path"), func(in *input) { in.path("Path", rolePathPattern) }, "Path", path)
	p.unique(at, e.id, prefix)
	if e.tags != nil {
		p.checkTags(at, *e.tags, false)
	}
	seen, total := map[string]bool{}, 0
	for _, inline := range *e.Inline {
		place := within(at, "inlinePolicies/"+inline.Name)
		if seen[account.Key(inline.Name)] {
			p.refuse(within(at, "inlinePolicies"), "inline policy %q is there twice", inline.Name)
		}
		seen[account.Key(inline.Name)] = true
		p.read(within(at, "inlinePolicies"), func(in *input) { in.policyName() }, "PolicyName", inline.Name)
		_, err := policy.Parse(policy.Identity, inline.Document)
		p.document(place, inline.Document, err, false)
		total += size(inline.Document)
	}
	if total > kind.maxInline {
		p.object(within(at, "inlinePolicies"), "Maximum policy size of %d bytes exceeded for %s %s", kind.maxInline, kind.noun, e.name)
	}
	if len(*e.Attached) > maxAttached {
		p.object(within(at, "attachedPolicies"), "Cannot exceed quota for PoliciesPer%s: %d", capital(kind.noun), maxAttached)
	}
}

func (p *importPlan) checkRole(role *store.Role) {
	at := account.Place{Kind: store.KindRole, Name: role.Name}
	p.checkEntity(roles, roleEntity(role), role.Path, "AROA")
	if role.Description != nil {
		p.read(within(at, "description"), func(in *input) { in.roleDescription() }, "Description", *role.Description)
	}
	p.read(within(at, "maxSessionDuration"), func(in *input) { in.maxSessionDuration() }, "MaxSessionDuration", strconv.Itoa(role.MaxSessionDuration))
	place := within(at, "trustPolicy")
	parsed, err := policy.Parse(policy.Trust, role.TrustPolicy)
	p.document(place, role.TrustPolicy, err, false)
	if err != nil {
		return
	}
	var control *trust.ControlError
	if errors.As(trust.CheckSharedIssuers(parsed), &control) {
		p.object(place, "%s Statement %d admits all users of an issuer that is shared.", control.Message, control.Statement)
	}
	if size(role.TrustPolicy) > maxTrustPolicy {
		p.object(place, "Cannot exceed quota for ACLSizePerRole: %d", maxTrustPolicy)
	}
}
