import type { Finding } from "./daypass";
import type { Place } from "./decisions";
import { json } from "./json";

// What Daypass's own service tells of roles, projects and the nodes.

export interface AccessOfRole {
  roleArn: string;
  policy: string;
  ways: { effect: string; words: string; place?: Place }[];
  admitted: {
    issuer: string;
    subject: string;
    audience: string;
    claims?: Record<string, string>;
    request?: Record<string, string>;
    says: string;
  }[];
  findings: Finding[];
  note?: string;
}

export function describeAccess(roleName: string, signal?: AbortSignal): Promise<AccessOfRole> {
  return json("daypass", "DescribeAccess", { roleName }, signal);
}

export interface Power {
  policy: string;
  effect?: string;
  actions?: string[];
  notAction?: boolean;
  resources?: string[];
  notResource?: boolean;
  conditions?: number;
}

export interface Reached {
  roleName: string;
  roleArn: string;
  subject: string;
  audience: string;
  powers: Power[];
  boundary?: string;
}

export function listReach(
  issuer: string,
  claims: Record<string, string>,
  signal?: AbortSignal,
): Promise<{ roles: Reached[]; asked: number }> {
  return json("daypass", "ListReach", { issuer, claims }, signal);
}

export interface Health {
  node?: string; // whose health this is, of several
  nodes?: string[]; // that run
  silent?: string[]; // whose sessions are not counted
  time: string;
  version: string;
  goVersion: string;
  revision: number;
  checks: { name: string; ok: boolean; detail: string }[] | null;
  issuers: {
    issuer: string;
    asked: boolean;
    keys: number;
    file?: boolean;
    fetched?: string;
    expires?: string;
    failure?: string;
    fetches: number;
    failures: number;
  }[];
  sessions: { role: string; sessions: number }[] | null;
  partial?: boolean;
  minutes: { start: string; requests: number; denied: number; failed: number; p50Milliseconds: number; p99Milliseconds: number }[];
}

// describeHealth tells of a node, by default of the one that answers.
export function describeHealth(node: string | undefined, signal?: AbortSignal): Promise<Health> {
  return json("daypass", "DescribeHealth", node ? { node } : {}, signal);
}
