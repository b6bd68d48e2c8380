import { json } from "./json";
import { query } from "./query";

// Daypass's own operations: service "daypass", JSON 1.1, but for the revocations.

// revokeRoleSessions ends the sessions of a role that were issued before now.
export async function revokeRoleSessions(roleName: string, reason: string): Promise<void> {
  await query("daypass", "RevokeSessions", { RoleName: roleName, Reason: reason || undefined });
}

export interface Finding {
  rule: string;
  severity: string;
  message: string;
  witness?: string;
  mend?: string;
  line?: number;
  column?: number;
}

export interface LintResult {
  errors: { message: string; line?: number; column?: number }[];
  findings: Finding[];
}

export async function lintPolicy(kind: "trust" | "permission", document: string, signal?: AbortSignal): Promise<LintResult> {
  const result = await json<Partial<LintResult>>("daypass", "LintPolicy", { kind, document }, signal);
  return { errors: result.errors ?? [], findings: result.findings ?? [] };
}

export interface Check {
  name: string;
  outcome: string;
  detail?: string;
  remedy?: string;
}

export async function examineIssuer(url: string, signal?: AbortSignal): Promise<Check[]> {
  const result = await json<{ checks?: Check[] }>("daypass", "ExamineIssuer", { url }, signal);
  return result.checks ?? [];
}
