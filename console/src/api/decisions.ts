import { json } from "./json";
import { query } from "./query";

// What Daypass's own service tells of requests; docs/console.md has the members.

export type Outcome = "allowed" | "denied" | "failed";

export interface Decision {
  time: string; // RFC 3339
  requestId: string;
  service?: string;
  operation?: string;
  outcome: Outcome;
  status: number;
  code?: string;
  reason?: string;
  principal?: string;
  role?: string;
  action?: string;
  resource?: string;
  issuer?: string;
  subject?: string;
  project?: string;
  pipeline?: string;
  job?: string;
  sourceIp?: string;
  node?: string; // whose record has it, of several
}

export interface Wanted {
  issuer: string;
  project: string;
  role: string;
  outcome: Outcome | "";
  operation: string;
}

export interface Page {
  decisions: Decision[];
  next?: string;
  silent?: string[]; // nodes that did not tell in time
}

export function listDecisions(
  wanted: Wanted,
  next: string | undefined,
  signal?: AbortSignal,
): Promise<Page> {
  const asked = Object.fromEntries(Object.entries(wanted).filter(([, value]) => value !== ""));
  return json("daypass", "ListDecisions", { ...asked, max: 100, ...(next ? { next } : {}) }, signal);
}

// How policies decided, and what would have to change.

export interface Place {
  line: number;
  column: number;
  endLine: number;
  endColumn: number;
}

export interface Verdict {
  operator: string;
  key: string;
  matched: boolean;
  present: boolean;
  wanted: string[] | null;
  got: string[] | null;
  place?: Place;
}

export interface Statement {
  document: number;
  statement: number;
  sid?: string;
  effect: string;
  matched: boolean;
  place?: Place;
  elements: { name: string; matched: boolean; wanted: string[] | null; got?: string; place?: Place }[];
  conditions: Verdict[];
}

export interface Fix {
  operation: "UpdateAssumeRolePolicy" | "PutRolePolicy" | "PutUserPolicy";
  roleName?: string;
  userName?: string;
  policyName?: string;
  steps: string[] | null;
  before: string;
  policy: string;
  warning?: string;
}

// applyFix puts a fix in force, by the operation of IAM that it names.
export async function applyFix(fix: Fix): Promise<void> {
  const { operation, roleName, userName, policyName, policy } = fix;
  await query("iam", operation, {
    ...(roleName ? { RoleName: roleName } : {}),
    ...(userName ? { UserName: userName } : {}),
    ...(policyName ? { PolicyName: policyName } : {}),
    PolicyDocument: policy,
  });
}

export interface Explanation {
  documents: { name: string; text?: string }[];
  statements: Statement[];
  nearest: number;
  notes?: string[];
  fix?: Fix;
}

export interface DecisionDetail {
  decision: Decision;
  message?: string;
  effect?: string;
  tokenVerified: boolean;
  audience?: string[];
  claims?: Record<string, string>;
  session?: string;
  explanation: Explanation;
  now?: "admitted" | "allowed" | "denied"; // by the policies as they are now
}

export async function getDecision(requestId: string, signal?: AbortSignal): Promise<DecisionDetail> {
  const detail = await json<DecisionDetail>("daypass", "GetDecision", { requestId }, signal);
  return { ...detail, explanation: whole(detail.explanation) };
}

// whole puts empty lists where the server wrote null.
function whole(x: Explanation | null): Explanation {
  const statements = (x?.statements ?? []).map((s) => ({ ...s, elements: s.elements ?? [], conditions: s.conditions ?? [] }));
  return { ...x, nearest: x?.nearest ?? -1, documents: x?.documents ?? [], statements };
}

export interface Trial {
  verdict: "admitted" | "denied";
  verified: boolean;
  note?: string;
  checks: { name: string; state: string; wanted?: string[]; got?: string; note: string }[];
  issuer?: string;
  subject?: string;
  audience?: string[];
  from?: string;
  explanation: Explanation;
  causes?: { number: number; title: string; fix: string }[];
}

export async function tryToken(roleArn: string, given: { token: string } | { claims: object }): Promise<Trial> {
  const trial = await json<Trial>("daypass", "TryToken", { roleArn, ...given });
  return { ...trial, checks: trial.checks ?? [], explanation: whole(trial.explanation) };
}
