import { Fault } from "./fault";
import { requestIdOf, send } from "./http";

// The Query protocol, which IAM, STS and the revocations of Daypass speak: a form
// goes out, XML comes back.

export type Params = { [name: string]: Value };
type Value = string | number | boolean | undefined | Value[] | { [name: string]: Value };

const versions = { iam: "2010-05-08", sts: "2011-06-15", daypass: "2026-11-26" };

// query performs an operation and returns its result element.
export async function query(service: keyof typeof versions, action: string, params: Params = {}, signal?: AbortSignal): Promise<Element> {
  const form = new URLSearchParams({ Action: action, Version: versions[service] });
  for (const [name, value] of Object.entries(params)) flatten(form, name, value);
  const response = await send(`aws/${service}`, {
    method: "POST",
    headers: { "Content-Type": "application/x-www-form-urlencoded; charset=utf-8" },
    body: form.toString(),
    signal: signal ?? null,
  });
  const doc = new DOMParser().parseFromString(await response.text(), "text/xml");
  const reply = doc.documentElement;
  if (doc.querySelector("parsererror") || reply.localName !== `${action}Response`) {
    throw new Fault(
      "UnreadableAnswer",
      `The answer to ${action} is not the XML that was expected.`,
      response.status,
      requestIdOf(response.headers),
    );
  }
  return child(reply, `${action}Result`) ?? reply;
}

function flatten(form: URLSearchParams, name: string, value: Value): void {
  if (value === undefined) return;
  if (Array.isArray(value)) {
    value.forEach((item, i) => flatten(form, `${name}.member.${i + 1}`, item));
  } else if (typeof value === "object") {
    for (const [key, item] of Object.entries(value)) flatten(form, `${name}.${key}`, item);
  } else {
    form.set(name, String(value));
  }
}

// child is an element's child of a name, if there is one.
export function child(element: Element | undefined, name: string): Element | undefined {
  for (let c = element?.firstElementChild; c; c = c.nextElementSibling) {
    if (c.localName === name) return c;
  }
  return undefined;
}

export function text(element: Element | undefined, name: string): string {
  return child(element, name)?.textContent ?? "";
}

export function members(element: Element | undefined, name: string): Element[] {
  return Array.from(child(element, name)?.children ?? []);
}

export function strings(element: Element | undefined, name: string): string[] {
  return members(element, name).map((m) => m.textContent ?? "");
}

export function date(element: Element | undefined, name: string): Date | undefined {
  const value = text(element, name);
  return value ? new Date(value) : undefined;
}

// document reads a policy, which IAM returns with percent-encoding (RFC 3986).
export function policyDocument(element: Element | undefined, name: string): string {
  const value = text(element, name);
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}

export interface Tag {
  key: string;
  value: string;
}

export function tags(element: Element | undefined): Tag[] {
  return members(element, "Tags").map((m) => ({ key: text(m, "Key"), value: text(m, "Value") }));
}

export function tagParams(list: Tag[]): Value {
  return list.map((t) => ({ Key: t.key, Value: t.value }));
}

// pages follows markers until the last page. The first page is small, so that
// there is something to see soon; each further one is as large as IAM allows.
export async function* pages(action: string, params: Params, signal?: AbortSignal): AsyncGenerator<Element> {
  let marker: string | undefined;
  let size = 100;
  do {
    const result = await query("iam", action, { ...params, MaxItems: size, Marker: marker }, signal);
    yield result;
    marker = text(result, "IsTruncated") === "true" ? text(result, "Marker") : undefined;
    size = 1000;
  } while (marker);
}

// all reads one list of all pages; progress is told of what has come so far.
export async function all<T>(
  action: string,
  params: Params,
  list: string,
  read: (element: Element) => T,
  signal?: AbortSignal,
  progress?: (items: T[]) => void,
): Promise<T[]> {
  const items: T[] = [];
  for await (const page of pages(action, params, signal)) {
    for (const m of members(page, list)) items.push(read(m));
    progress?.(items.slice());
  }
  return items;
}
