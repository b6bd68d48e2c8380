import { hostOf } from "../api/iam";

// What the wizard's fields say of the jobs that may assume a role, and the trust
// policy that says the same.

export type Source = "gitlab" | "github" | "other";

export interface WebIdentity {
  providerArn: string;
  audience: string;
  source: Source;
  group: string; // GitLab: with subgroups, "acme/tools"; GitHub: the organisation
  project: string; // GitLab's project or GitHub's repository; empty: all of the group's
  refType: "branch" | "tag" | "any";
  ref: string; // a name or pattern; empty: all of that type
  subject: string; // for other issuers: a pattern of sub
}

export const firstIdentity: WebIdentity = {
  providerArn: "",
  audience: "",
  source: "gitlab",
  group: "",
  project: "",
  refType: "branch",
  ref: "",
  subject: "",
};

// sourceOf guesses from the issuer's name; the user may say otherwise.
export function sourceOf(host: string): Source {
  return host === "token.actions.githubusercontent.com" || host.startsWith("token.actions.githubusercontent.com/") ? "github" : "gitlab";
}

// subjectOf writes the sub that tokens of these jobs have. GitLab's is documented as
// project_path:GROUP/PROJECT:ref_type:TYPE:ref:NAME (docs.gitlab.com, "Connect to
// cloud services"), GitHub's as repo:ORG/REPO:ref:refs/heads/NAME (docs.github.com,
// "OpenID Connect reference").
export function subjectOf(w: WebIdentity): string {
  const project = `${w.group.trim()}/${w.project.trim() || "*"}`;
  const ref = w.ref.trim() || "*";
  switch (w.source) {
    case "gitlab":
      return w.refType === "any" ? `project_path:${project}:*` : `project_path:${project}:ref_type:${w.refType}:ref:${ref}`;
    case "github":
      return w.refType === "any" ? `repo:${project}:*` : `repo:${project}:ref:refs/${w.refType === "tag" ? "tags" : "heads"}/${ref}`;
    case "other":
      return w.subject.trim();
  }
}

export type Problem = Partial<Record<keyof WebIdentity, string>>;

// problems says which fields cannot be right. What is left open is allowed, but
// never the group: with any group, any user of the instance could assume the role.
export function problems(w: WebIdentity): Problem {
  const found: Problem = {};
  if (!w.providerArn) found.providerArn = "Choose an identity provider.";
  if (!w.audience) found.audience = "Choose an audience.";
  if (w.source === "other") {
    if (!w.subject.trim()) found.subject = "Enter the subject.";
    else if (/^\*+$/.test(w.subject.trim())) found.subject = "With this every token of the issuer would be admitted.";
    return found;
  }
  const name = /^[\p{L}\p{N}_.\-/]+$/u;
  if (!w.group.trim())
    found.group = w.source === "github" ? "Enter the organization." : "Enter the group, or the user, whose projects may assume the role.";
  else if (!name.test(w.group.trim())) found.group = "A name or path, without wildcards.";
  if (w.project.trim() && !/^[\p{L}\p{N}_.\-/*?]+$/u.test(w.project.trim())) found.project = "A name or path; * stands for any characters.";
  if (w.ref.trim() && /["\\\s]/.test(w.ref)) found.ref = "A name of a branch or tag; * stands for any characters.";
  return found;
}

// trustPolicy is the tutorial's: one statement, the provider as principal, sub and
// audience as conditions. A sub without wildcards is compared whole.
export function trustPolicy(w: WebIdentity): string {
  const host = hostOf(w.providerArn);
  const sub = subjectOf(w);
  const wild = /[*?]/.test(sub);
  const equals: Record<string, string> = { [`${host}:aud`]: w.audience };
  if (!wild) equals[`${host}:sub`] = sub;
  const statement = {
    Effect: "Allow",
    Principal: { Federated: w.providerArn },
    Action: "sts:AssumeRoleWithWebIdentity",
    Condition: { StringEquals: equals, ...(wild ? { StringLike: { [`${host}:sub`]: sub } } : {}) },
  };
  return JSON.stringify({ Version: "2012-10-17", Statement: [statement] }, null, 2);
}

export function customTrustPolicy(account: string): string {
  const statement = {
    Sid: "",
    Effect: "Allow",
    Principal: { Federated: `arn:aws:iam::${account}:oidc-provider/gitlab.com` },
    Action: "sts:AssumeRoleWithWebIdentity",
    Condition: { StringLike: { "gitlab.com:sub": "project_path:GROUP/PROJECT:ref_type:branch:ref:BRANCH" } },
  };
  return JSON.stringify({ Version: "2012-10-17", Statement: [statement] }, null, 2);
}

const entities = new Map<string, string>();

// trustedEntities names the principals of a trust policy shortly, as the list of
// roles does. It decides nothing.
export function trustedEntities(trust: string): string {
  let found = entities.get(trust);
  if (found === undefined) {
    found = readEntities(trust);
    entities.set(trust, found);
  }
  return found;
}

function readEntities(trust: string): string {
  try {
    const policy = JSON.parse(trust) as { Statement?: unknown };
    const names = new Set<string>();
    for (const s of list(policy.Statement)) {
      const principal = (s as { Principal?: unknown }).Principal;
      if (typeof principal === "string") names.add(principal);
      else if (principal && typeof principal === "object") {
        for (const [kind, values] of Object.entries(principal)) for (const v of list(values)) names.add(short(kind, String(v)));
      }
    }
    return [...names].join(", ") || "–";
  } catch {
    return "–";
  }
}

function list(value: unknown): unknown[] {
  return value === undefined ? [] : Array.isArray(value) ? value : [value];
}

function short(kind: string, value: string): string {
  if (kind === "Federated") return `Identity provider: ${hostOf(value)}`;
  if (kind === "Service") return `Service: ${value}`;
  return `AWS: ${value.replace(/^arn:aws:iam::(\d+):(?:root|(.*))$/, (_, account: string, rest?: string) => (rest ? `${account} ${rest}` : `account ${account}`))}`;
}
