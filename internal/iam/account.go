package iam

import (
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"

	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/store"
)

func (s *service) accountOperations() []awsapi.Operation {
	return []awsapi.Operation{
		signed("CreateAccountAlias", onNothing, s.createAccountAlias),
		signed("DeleteAccountAlias", onNothing, s.deleteAccountAlias),
		signed("ListAccountAliases", onNothing, listAccountAliases),
		signed("GetAccountSummary", onNothing, withoutParameters(getAccountSummary)),
		signed("GetAccountPasswordPolicy", onNothing, withoutParameters(getAccountPasswordPolicy)),
		signed("DeleteAccountPasswordPolicy", onNothing, withoutParameters(deleteAccountPasswordPolicy)),
		signed("ListSAMLProviders", onSAMLProviders, withoutParameters(listSAMLProviders)),
		signed("ListServerCertificates", onCertificatePath, listServerCertificates),
	}
}

// Limits of an alias (service model). RE2 has no way to say that no hyphen
// follows a hyphen; the pattern below says it otherwise, and leaves the length
// out.
const (
	minAlias, maxAlias = 3, 63
	shownAlias         = `^[a-z0-9]([a-z0-9]|-(?!-)){1,61}[a-z0-9]$`
)

var aliasPattern = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

// alias reads the parameter AccountAlias. A length that is wrong breaks the
// model's pattern too.
func (in *input) alias() string {
	value := in.required("AccountAlias", minAlias, maxAlias)
	if in.params.Has("AccountAlias") && (len(value) < minAlias || len(value) > maxAlias || !aliasPattern.MatchString(value)) {
		in.check.Constraint("accountAlias", value, awsapi.PatternConstraint(shownAlias))
	}
	return value
}

// createAccountAlias gives the account an alias in place of the one that it had,
// as AWS does without a word. An alias that an account of the installation has
// is taken, also by the account itself (reported by users).
func (s *service) createAccountAlias(c *awsapi.Call, in *input) execute {
	alias := in.alias()
	return func() (awsapi.Result, error) {
		return nil, s.changeAccount(c, func(tx store.Tx, account *store.Account) error {
			record := store.AccountAlias{Account: c.Account, Alias: alias, Created: now(c)}
			if err := insert(tx, store.AccountAliasID(alias), record, alreadyExists("The account alias %s already exists.", alias)); err != nil {
				return err
			}
			former := account.Alias
			account.Alias = alias
			return freeAlias(tx, former)
		})
	}
}

// deleteAccountAlias takes the account's alias away. That of another account is
// not there for this one. AWS's text for an alias that is not the account's was
// not found; the code was.
func (s *service) deleteAccountAlias(c *awsapi.Call, in *input) execute {
	alias := in.alias()
	return func() (awsapi.Result, error) {
		return nil, s.changeAccount(c, func(tx store.Tx, account *store.Account) error {
			if account.Alias != alias {
				return noSuchEntity("The account alias with name %s cannot be found.", alias)
			}
			account.Alias = ""
			return freeAlias(tx, alias)
		})
	}
}

// freeAlias lets other accounts have an alias, "" for none.
func freeAlias(tx store.Tx, alias string) error {
	if alias == "" {
		return nil
	}
	return tx.Delete(store.AccountAliasID(alias))
}

// changeAccount rewrites the record of the caller's account in a transaction.
func (s *service) changeAccount(c *awsapi.Call, change func(store.Tx, *store.Account) error) error {
	return s.update(c, func(tx store.Tx) error {
		return changeRecord(tx, store.AccountID(c.Account), func(a *store.Account) error { return change(tx, a) })
	})
}

// listAccountAliases lists the one alias that an account can have.
func listAccountAliases(c *awsapi.Call, in *input) execute {
	p := in.page()
	return func() (awsapi.Result, error) {
		var reply aliasList
		if alias := c.Snapshot.AccountAlias(c.Account); alias > p.after {
			reply = aliasList{alias}
		}
		return reply, nil
	}
}

// noQuota tells of a number that nothing bounds: the greatest that the reply
// holds, which is 32 bits wide.
const noQuota = math.MaxInt32

// getAccountSummary counts what the account has and tells what it may have: the
// quotas that Daypass has, which are not all AWS's. What there is none of here
// has the quota 0. The root user is among that: nothing of it is present.
func getAccountSummary(c *awsapi.Call) (awsapi.Result, error) {
	count := func(kind store.Kind) int { return c.Snapshot.Count(c.Account, kind) }
	return accountSummary{
		"Users": count(store.KindUser), "UsersQuota": noQuota,
		"Groups": count(store.KindGroup), "GroupsQuota": noQuota,
		"Roles": count(store.KindRole), "RolesQuota": noQuota,
		"Policies": count(store.KindPolicy), "PoliciesQuota": noQuota, // customer managed ones
		"InstanceProfiles": count(store.KindProfile), "InstanceProfilesQuota": maxProfiles,
		"Providers":           count(store.KindOIDCProvider), // there are no SAML providers
		"PolicyVersionsInUse": c.Snapshot.PoliciesInUse(c.Account), "PolicyVersionsInUseQuota": noQuota,
		"ServerCertificates": 0, "ServerCertificatesQuota": 0,
		"MFADevices": 0, "MFADevicesInUse": 0,
		"AccountMFAEnabled": 0, "AccountAccessKeysPresent": 0, "AccountPasswordPresent": 0, "AccountSigningCertificatesPresent": 0,
		"AccessKeysPerUserQuota": maxAccessKeys, "SigningCertificatesPerUserQuota": 0, "GroupsPerUserQuota": maxUserGroups, "VersionsPerPolicyQuota": 5,
		"AttachedPoliciesPerUserQuota": maxAttached, "AttachedPoliciesPerGroupQuota": maxAttached, "AttachedPoliciesPerRoleQuota": maxAttached,
		"UserPolicySizeQuota": maxUserInline, "GroupPolicySizeQuota": maxGroupInline, "RolePolicySizeQuota": maxRoleInline,
		"PolicySizeQuota": maxManagedPolicy, "AssumeRolePolicySizeQuota": maxTrustPolicy,
		// Session tokens are good for every region, which AWS calls version 2.
		"GlobalEndpointTokenVersion": 2,
	}, nil
}

// There is no password in Daypass, and so no policy of passwords. AWS's two
// sentences differ (recorded).

func getAccountPasswordPolicy(c *awsapi.Call) (awsapi.Result, error) {
	return nil, noSuchEntity("The Password Policy with domain name %s cannot be found.", c.Account)
}

func deleteAccountPasswordPolicy(*awsapi.Call) (awsapi.Result, error) {
	return nil, noSuchEntity("The account policy with name PasswordPolicy cannot be found.")
}

// SAML providers and server certificates cannot be made here. That there are
// none is told to the clients that ask for all that an account has.

func listSAMLProviders(*awsapi.Call) (awsapi.Result, error) { return noSAMLProviders{}, nil }

func listServerCertificates(_ *awsapi.Call, in *input) execute {
	in.path("PathPrefix", rolePrefixPattern)
	in.page()
	return func() (awsapi.Result, error) { return emptyList{"ServerCertificateMetadataList"}, nil }
}

type aliasList []string

// WriteXML implements awsapi.Result.
func (r aliasList) WriteXML(x *awsapi.XML) {
	x.Texts("AccountAliases", r)
	writeNext(x, "")
}

// accountSummary is GetAccountSummary's reply. AWS's order is a hash's, this one
// alphabetical.
type accountSummary map[string]int

// WriteXML implements awsapi.Result.
func (r accountSummary) WriteXML(x *awsapi.XML) {
	x.Open("SummaryMap")
	for _, key := range slices.Sorted(maps.Keys(r)) {
		x.Open("entry")
		x.Text("key", key)
		x.Text("value", strconv.Itoa(r[key]))
		x.Close()
	}
	x.Close()
}

type noSAMLProviders struct{}

// WriteXML implements awsapi.Result.
func (noSAMLProviders) WriteXML(x *awsapi.XML) { x.Texts("SAMLProviderList", nil) }
