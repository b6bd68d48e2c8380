import { all, child, date, members, policyDocument, query, strings, tagParams, tags, text, type Tag } from "./query";

export interface Provider {
  arn: string;
  host: string; // the URL without https://, which prefixes condition keys
}

export interface ProviderDetail extends Provider {
  url: string;
  audiences: string[];
  thumbprints: string[];
  created: Date | undefined;
  tags: Tag[];
}

export function hostOf(arn: string): string {
  return arn.replace(/^.*?:oidc-provider\//, "");
}

export async function listProviders(signal?: AbortSignal): Promise<Provider[]> {
  const result = await query("iam", "ListOpenIDConnectProviders", {}, signal);
  return members(result, "OpenIDConnectProviderList").map((m) => {
    const arn = text(m, "Arn");
    return { arn, host: hostOf(arn) };
  });
}

export async function getProvider(arn: string, signal?: AbortSignal): Promise<ProviderDetail> {
  const result = await query("iam", "GetOpenIDConnectProvider", { OpenIDConnectProviderArn: arn }, signal);
  return {
    arn,
    host: hostOf(arn),
    url: text(result, "Url"),
    audiences: strings(result, "ClientIDList"),
    thumbprints: strings(result, "ThumbprintList"),
    created: date(result, "CreateDate"),
    tags: tags(result),
  };
}

export async function createProvider(url: string, audiences: string[], thumbprints: string[], tagList: Tag[]): Promise<string> {
  const result = await query("iam", "CreateOpenIDConnectProvider", {
    Url: url,
    ClientIDList: audiences,
    ThumbprintList: thumbprints,
    Tags: tagParams(tagList),
  });
  return text(result, "OpenIDConnectProviderArn");
}

export interface Policy {
  name: string;
  arn: string;
  path: string;
  description: string;
  scope: "Customer managed" | "AWS managed";
  attachments: number;
  defaultVersion: string;
  created: Date | undefined;
  updated: Date | undefined;
  tags: Tag[];
}

function readPolicy(element: Element): Policy {
  const arn = text(element, "Arn");
  return {
    name: text(element, "PolicyName"),
    arn,
    path: text(element, "Path"),
    description: text(element, "Description"),
    scope: arn.includes(":iam::aws:") ? "AWS managed" : "Customer managed",
    attachments: Number(text(element, "AttachmentCount") || 0),
    defaultVersion: text(element, "DefaultVersionId"),
    created: date(element, "CreateDate"),
    updated: date(element, "UpdateDate"),
    tags: tags(element),
  };
}

export type PolicyScope = "All" | "AWS" | "Local";

export function listPolicies(scope: PolicyScope, signal?: AbortSignal, progress?: (items: Policy[]) => void): Promise<Policy[]> {
  return all("ListPolicies", { Scope: scope }, "Policies", readPolicy, signal, progress);
}

export async function getPolicy(arn: string, signal?: AbortSignal): Promise<Policy> {
  const policy = child(await query("iam", "GetPolicy", { PolicyArn: arn }, signal), "Policy");
  if (!policy) throw new Error("the answer has no policy");
  return readPolicy(policy);
}

export interface PolicyVersion {
  id: string;
  isDefault: boolean;
  created: Date | undefined;
}

export function listPolicyVersions(arn: string, signal?: AbortSignal): Promise<PolicyVersion[]> {
  const read = (m: Element) => ({
    id: text(m, "VersionId"),
    isDefault: text(m, "IsDefaultVersion") === "true",
    created: date(m, "CreateDate"),
  });
  return all("ListPolicyVersions", { PolicyArn: arn }, "Versions", read, signal);
}

export async function getPolicyVersion(arn: string, version: string, signal?: AbortSignal): Promise<string> {
  const result = await query("iam", "GetPolicyVersion", { PolicyArn: arn, VersionId: version }, signal);
  return policyDocument(child(result, "PolicyVersion"), "Document");
}

export async function createPolicy(name: string, description: string, document: string, tagList: Tag[]): Promise<string> {
  const result = await query("iam", "CreatePolicy", {
    PolicyName: name,
    Description: description || undefined,
    PolicyDocument: document,
    Tags: tagParams(tagList),
  });
  return text(child(result, "Policy"), "Arn");
}

export interface Entity {
  kind: "Role" | "User" | "Group";
  name: string;
}

export async function listEntities(arn: string, signal?: AbortSignal): Promise<Entity[]> {
  const kinds = ["Role", "User", "Group"] as const;
  const lists = await Promise.all(
    kinds.map((kind) =>
      all(
        "ListEntitiesForPolicy",
        { PolicyArn: arn, EntityFilter: kind },
        `Policy${kind}s`,
        (m) => ({ kind, name: text(m, `${kind}Name`) }),
        signal,
      ),
    ),
  );
  return lists.flat();
}

export interface Role {
  name: string;
  arn: string;
  path: string;
  id: string;
  description: string;
  created: Date | undefined;
  maxSession: number; // in seconds
  trust: string;
}

export interface RoleDetail extends Role {
  lastUsed: Date | undefined;
  boundary: string;
  tags: Tag[];
}

function readRole(element: Element): Role {
  return {
    name: text(element, "RoleName"),
    arn: text(element, "Arn"),
    path: text(element, "Path"),
    id: text(element, "RoleId"),
    description: text(element, "Description"),
    created: date(element, "CreateDate"),
    maxSession: Number(text(element, "MaxSessionDuration") || 3600),
    trust: policyDocument(element, "AssumeRolePolicyDocument"),
  };
}

export function listRoles(signal?: AbortSignal, progress?: (items: Role[]) => void): Promise<Role[]> {
  return all("ListRoles", {}, "Roles", readRole, signal, progress);
}

export async function getRole(name: string, signal?: AbortSignal): Promise<RoleDetail> {
  const role = child(await query("iam", "GetRole", { RoleName: name }, signal), "Role");
  if (!role) throw new Error("the answer has no role");
  return {
    ...readRole(role),
    lastUsed: date(child(role, "RoleLastUsed"), "LastUsedDate"),
    boundary: text(child(role, "PermissionsBoundary"), "PermissionsBoundaryArn"),
    tags: tags(role),
  };
}

export interface NewRole {
  name: string;
  description: string;
  trust: string;
  maxSession: number;
  tags: Tag[];
}

export async function createRole(role: NewRole): Promise<void> {
  await query("iam", "CreateRole", {
    RoleName: role.name,
    Description: role.description || undefined,
    AssumeRolePolicyDocument: role.trust,
    MaxSessionDuration: role.maxSession,
    Tags: tagParams(role.tags),
  });
}

// Whose policies: a role's or a user's. The operations differ by this word only.
export type Owner = "Role" | "User";

export interface Attached {
  name: string;
  arn: string;
}

export function listAttached(owner: Owner, name: string, signal?: AbortSignal): Promise<Attached[]> {
  const read = (m: Element) => ({ name: text(m, "PolicyName"), arn: text(m, "PolicyArn") });
  return all(`ListAttached${owner}Policies`, { [`${owner}Name`]: name }, "AttachedPolicies", read, signal);
}

export function listInline(owner: Owner, name: string, signal?: AbortSignal): Promise<string[]> {
  return all(`List${owner}Policies`, { [`${owner}Name`]: name }, "PolicyNames", (m) => m.textContent ?? "", signal);
}

export async function getInline(owner: Owner, name: string, policy: string, signal?: AbortSignal): Promise<string> {
  const result = await query("iam", `Get${owner}Policy`, { [`${owner}Name`]: name, PolicyName: policy }, signal);
  return policyDocument(result, "PolicyDocument");
}

export async function putInline(owner: Owner, name: string, policy: string, document: string): Promise<void> {
  await query("iam", `Put${owner}Policy`, { [`${owner}Name`]: name, PolicyName: policy, PolicyDocument: document });
}

export async function deleteInline(owner: Owner, name: string, policy: string): Promise<void> {
  await query("iam", `Delete${owner}Policy`, { [`${owner}Name`]: name, PolicyName: policy });
}

export async function attach(owner: Owner, name: string, policyArn: string): Promise<void> {
  await query("iam", `Attach${owner}Policy`, { [`${owner}Name`]: name, PolicyArn: policyArn });
}

export async function detach(owner: Owner, name: string, policyArn: string): Promise<void> {
  await query("iam", `Detach${owner}Policy`, { [`${owner}Name`]: name, PolicyArn: policyArn });
}

// deleteRole takes off the role what keeps IAM from deleting it, then deletes it,
// as the AWS console does. What was done before a refusal stays done.
export async function deleteRole(name: string): Promise<void> {
  for (const policy of await listAttached("Role", name)) await detach("Role", name, policy.arn);
  for (const policy of await listInline("Role", name)) await deleteInline("Role", name, policy);
  const profiles = await all("ListInstanceProfilesForRole", { RoleName: name }, "InstanceProfiles", (m) => text(m, "InstanceProfileName"));
  for (const profile of profiles) await query("iam", "RemoveRoleFromInstanceProfile", { InstanceProfileName: profile, RoleName: name });
  await query("iam", "DeleteRole", { RoleName: name });
}

export interface User {
  name: string;
  arn: string;
  path: string;
  created: Date | undefined;
  tags: Tag[];
}

function readUser(element: Element): User {
  return {
    name: text(element, "UserName"),
    arn: text(element, "Arn"),
    path: text(element, "Path"),
    created: date(element, "CreateDate"),
    tags: tags(element),
  };
}

export function listUsers(signal?: AbortSignal, progress?: (items: User[]) => void): Promise<User[]> {
  return all("ListUsers", {}, "Users", readUser, signal, progress);
}

export async function getUser(name: string, signal?: AbortSignal): Promise<User> {
  const user = child(await query("iam", "GetUser", { UserName: name }, signal), "User");
  if (!user) throw new Error("the answer has no user");
  return readUser(user);
}

// deleteUser takes off the user what keeps IAM from deleting it, then deletes it.
export async function deleteUser(name: string): Promise<void> {
  for (const key of await listAccessKeys(name)) await query("iam", "DeleteAccessKey", { UserName: name, AccessKeyId: key.id });
  for (const policy of await listAttached("User", name)) await detach("User", name, policy.arn);
  for (const policy of await listInline("User", name)) await deleteInline("User", name, policy);
  const groups = await all("ListGroupsForUser", { UserName: name }, "Groups", (m) => text(m, "GroupName"));
  for (const group of groups) await query("iam", "RemoveUserFromGroup", { GroupName: group, UserName: name });
  await query("iam", "DeleteUser", { UserName: name });
}

export interface AccessKey {
  id: string;
  active: boolean;
  created: Date | undefined;
  lastUsed: Date | undefined;
  lastService: string;
}

export async function listAccessKeys(user: string, signal?: AbortSignal): Promise<AccessKey[]> {
  const read = (m: Element) => ({ id: text(m, "AccessKeyId"), active: text(m, "Status") === "Active", created: date(m, "CreateDate") });
  const keys = await all("ListAccessKeys", { UserName: user }, "AccessKeyMetadata", read, signal);
  return Promise.all(
    keys.map(async (key) => {
      const used = child(await query("iam", "GetAccessKeyLastUsed", { AccessKeyId: key.id }, signal), "AccessKeyLastUsed");
      return { ...key, lastUsed: date(used, "LastUsedDate"), lastService: text(used, "ServiceName") };
    }),
  );
}

export async function createAccessKey(user: string): Promise<{ id: string; secret: string }> {
  const key = child(await query("iam", "CreateAccessKey", { UserName: user }), "AccessKey");
  return { id: text(key, "AccessKeyId"), secret: text(key, "SecretAccessKey") };
}

// What can carry tags, and how IAM names it in requests.
export type Tagged = "OpenIDConnectProvider" | "Policy" | "Role" | "User";

const taggedBy: Record<Tagged, string> = {
  OpenIDConnectProvider: "OpenIDConnectProviderArn",
  Policy: "PolicyArn",
  Role: "RoleName",
  User: "UserName",
};

// setTags brings a resource's tags from what they were to what they shall be.
export async function setTags(kind: Tagged, id: string, before: Tag[], after: Tag[]): Promise<void> {
  const gone = before.filter((b) => !after.some((a) => a.key === b.key)).map((t) => t.key);
  const put = after.filter((a) => !before.some((b) => b.key === a.key && b.value === a.value));
  if (gone.length > 0) await query("iam", `Untag${kind}`, { [taggedBy[kind]]: id, TagKeys: gone });
  if (put.length > 0) await query("iam", `Tag${kind}`, { [taggedBy[kind]]: id, Tags: tagParams(put) });
}
