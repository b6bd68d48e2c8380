import { json } from "./json";
import type { Tag } from "./query";

export interface Secret {
  id: string; // the ARN
  name: string;
  description: string;
  changed: Date | undefined;
  accessed: Date | undefined;
  deleted: Date | undefined;
  tags: Tag[];
}

interface Wire {
  ARN: string;
  Name: string;
  Description?: string;
  LastChangedDate?: number;
  LastAccessedDate?: number;
  DeletedDate?: number;
  Tags?: { Key: string; Value: string }[];
}

const time = (seconds?: number) => (seconds === undefined || seconds === null ? undefined : new Date(seconds * 1000));

function read(w: Wire): Secret {
  return {
    id: w.ARN,
    name: w.Name,
    description: w.Description ?? "",
    changed: time(w.LastChangedDate),
    accessed: time(w.LastAccessedDate),
    deleted: time(w.DeletedDate),
    tags: (w.Tags ?? []).map((t) => ({ key: t.Key, value: t.Value })),
  };
}

export async function listSecrets(signal?: AbortSignal, show?: (part: Secret[]) => void): Promise<Secret[]> {
  const found: Secret[] = [];
  let next: string | undefined;
  do {
    const page = await json<{ SecretList: Wire[]; NextToken?: string }>(
      "secretsmanager",
      "ListSecrets",
      { IncludePlannedDeletion: true, MaxResults: 100, ...(next ? { NextToken: next } : {}) },
      signal,
    );
    found.push(...page.SecretList.map(read));
    show?.(found.slice());
    next = page.NextToken;
  } while (next);
  return found;
}

export async function describeSecret(id: string, signal?: AbortSignal): Promise<Secret> {
  return read(await json<Wire>("secretsmanager", "DescribeSecret", { SecretId: id }, signal));
}

export interface SecretVersion {
  id: string;
  stages: string[];
  created: Date | undefined;
}

export async function listSecretVersions(id: string, signal?: AbortSignal): Promise<SecretVersion[]> {
  const found: SecretVersion[] = [];
  let next: string | undefined;
  do {
    const page = await json<{ Versions?: { VersionId: string; VersionStages?: string[]; CreatedDate?: number }[]; NextToken?: string }>(
      "secretsmanager",
      "ListSecretVersionIds",
      { SecretId: id, IncludeDeprecated: true, ...(next ? { NextToken: next } : {}) },
      signal,
    );
    found.push(...(page.Versions ?? []).map((v) => ({ id: v.VersionId, stages: v.VersionStages ?? [], created: time(v.CreatedDate) })));
    next = page.NextToken;
  } while (next);
  return found;
}

export interface SecretValue {
  text: string;
  binary: boolean; // then text is base64
}

export async function getSecretValue(id: string, version?: string): Promise<SecretValue> {
  const value = await json<{ SecretString?: string; SecretBinary?: string }>("secretsmanager", "GetSecretValue", {
    SecretId: id,
    ...(version ? { VersionId: version } : {}),
  });
  return value.SecretString !== undefined ? { text: value.SecretString, binary: false } : { text: value.SecretBinary ?? "", binary: true };
}

export async function createSecret(name: string, description: string, value: string, tags: Tag[]): Promise<string> {
  const created = await json<{ ARN: string }>("secretsmanager", "CreateSecret", {
    Name: name,
    ...(description ? { Description: description } : {}),
    SecretString: value,
    ClientRequestToken: crypto.randomUUID(),
    ...(tags.length > 0 ? { Tags: tags.map((t) => ({ Key: t.key, Value: t.value })) } : {}),
  });
  return created.ARN;
}

export async function putSecretValue(id: string, value: string): Promise<void> {
  await json("secretsmanager", "PutSecretValue", { SecretId: id, SecretString: value, ClientRequestToken: crypto.randomUUID() });
}

// deleteSecret plans the deletion; until the days are over the secret can be restored.
export async function deleteSecret(id: string, days: number): Promise<void> {
  await json("secretsmanager", "DeleteSecret", { SecretId: id, RecoveryWindowInDays: days });
}

export async function restoreSecret(id: string): Promise<void> {
  await json("secretsmanager", "RestoreSecret", { SecretId: id });
}
