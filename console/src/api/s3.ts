import { asFault } from "./fault";
import { send, url } from "./http";
import { text } from "./query";

// Amazon S3's REST operations, path style, below s3/.

export interface Bucket {
  name: string;
  created: Date | undefined;
}

export function path(bucket: string, key = "", query: Record<string, string> = {}): string {
  const encoded = key.split("/").map(encodeURIComponent).join("/");
  const search = new URLSearchParams(query).toString();
  return `s3/${encodeURIComponent(bucket)}${key || bucket ? "/" : ""}${encoded}${search ? `?${search}` : ""}`;
}

export async function xml(response: Response): Promise<Element> {
  return new DOMParser().parseFromString(await response.text(), "text/xml").documentElement;
}

function named(element: Element, name: string): Element[] {
  return Array.from(element.getElementsByTagName(name));
}

export async function listBuckets(signal?: AbortSignal): Promise<Bucket[]> {
  const reply = await xml(await send("s3/", { signal: signal ?? null }));
  return named(reply, "Bucket").map((b) => ({ name: text(b, "Name"), created: new Date(text(b, "CreationDate")) }));
}

export async function createBucket(name: string): Promise<void> {
  await send(path(name), { method: "PUT" });
}

export async function deleteBucket(name: string): Promise<void> {
  await send(path(name), { method: "DELETE" });
}

export interface Entry {
  name: string; // without the prefix
  key: string; // of a folder with its slash
  folder: boolean;
  size: number; // in bytes
  modified: Date | undefined;
}

export interface Listing {
  entries: Entry[];
  more: boolean; // there are others behind these
}

// listObjects gives what is below a prefix whose name begins with a text, in order, up
// to a number of entries.
export async function listObjects(
  bucket: string,
  prefix: string,
  begins: string,
  most: number,
  signal?: AbortSignal,
  show?: (part: Listing) => void,
): Promise<Listing> {
  const entries: Entry[] = [];
  let next: string | undefined;
  do {
    const query: Record<string, string> = {
      "list-type": "2",
      delimiter: "/",
      "encoding-type": "url",
      prefix: prefix + begins,
      "max-keys": String(Math.min(1000, most - entries.length)),
    };
    if (next) query["continuation-token"] = next;
    const reply = await xml(await send(path(bucket, "", query), { signal: signal ?? null }));
    for (const p of named(reply, "CommonPrefixes")) {
      const key = decode(text(p, "Prefix"));
      entries.push({ name: key.slice(prefix.length), key, folder: true, size: 0, modified: undefined });
    }
    for (const c of named(reply, "Contents")) {
      const key = decode(text(c, "Key"));
      if (key !== prefix)
        entries.push({
          name: key.slice(prefix.length),
          key,
          folder: false,
          size: Number(text(c, "Size")),
          modified: new Date(text(c, "LastModified")),
        });
    }
    next = text(reply, "IsTruncated") === "true" ? text(reply, "NextContinuationToken") : undefined;
    show?.({ entries: entries.slice(), more: next !== undefined });
  } while (next && entries.length < most);
  return { entries, more: next !== undefined };
}

// decode undoes encoding-type=url, in which a space may be a plus.
function decode(key: string): string {
  return decodeURIComponent(key.replace(/\+/g, "%20"));
}

// download has the browser fetch an object by itself, so that nothing of it is held
// here. What would be refused is asked for before: a link cannot show why.
export async function download(bucket: string, key: string): Promise<void> {
  try {
    await (await send(path(bucket, key), { headers: { Range: "bytes=0-0" } })).arrayBuffer();
  } catch (thrown) {
    if (asFault(thrown).code !== "InvalidRange") throw thrown; // which an empty object's is
  }
  const link = document.createElement("a");
  link.href = url(path(bucket, key).replace(/^s3/, "download"));
  link.download = key.slice(key.lastIndexOf("/") + 1) || "object";
  link.click();
}

// deleteObjects deletes several at a time, and stops at the first that it may not.
export async function deleteObjects(bucket: string, keys: string[], progress: (deleted: number) => void): Promise<void> {
  const left = keys.slice();
  let deleted = 0;
  await Promise.all(
    Array.from({ length: 6 }, async () => {
      for (let key = left.shift(); key !== undefined; key = left.shift()) {
        try {
          await send(path(bucket, key), { method: "DELETE" });
        } catch (thrown) {
          left.length = 0;
          throw thrown;
        }
        progress(++deleted);
      }
    }),
  );
}

// putFolder stores the empty object by which S3 shows a folder that has nothing in it.
export async function putFolder(bucket: string, key: string): Promise<void> {
  await send(path(bucket, key), { method: "PUT", body: "" });
}

export async function getBucketPolicy(bucket: string, signal?: AbortSignal): Promise<string> {
  try {
    return await (await send(path(bucket, "", { policy: "" }), { signal: signal ?? null })).text();
  } catch (thrown) {
    if (asFault(thrown).code === "NoSuchBucketPolicy") return "";
    throw thrown;
  }
}

export async function putBucketPolicy(bucket: string, document: string): Promise<void> {
  await send(path(bucket, "", { policy: "" }), { method: "PUT", headers: { "Content-Type": "application/json" }, body: document });
}

export async function deleteBucketPolicy(bucket: string): Promise<void> {
  await send(path(bucket, "", { policy: "" }), { method: "DELETE" });
}

export const blockNames = ["BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"] as const;
export type PublicAccessBlock = Record<(typeof blockNames)[number], boolean>;

export async function getPublicAccessBlock(bucket: string, signal?: AbortSignal): Promise<PublicAccessBlock> {
  const block: PublicAccessBlock = {
    BlockPublicAcls: false,
    IgnorePublicAcls: false,
    BlockPublicPolicy: false,
    RestrictPublicBuckets: false,
  };
  try {
    const reply = await xml(await send(path(bucket, "", { publicAccessBlock: "" }), { signal: signal ?? null }));
    for (const name of blockNames) block[name] = text(reply, name).toLowerCase() === "true";
  } catch (thrown) {
    if (asFault(thrown).code !== "NoSuchPublicAccessBlockConfiguration") throw thrown;
  }
  return block;
}

export async function putPublicAccessBlock(bucket: string, block: PublicAccessBlock): Promise<void> {
  const fields = blockNames.map((n) => `<${n}>${block[n]}</${n}>`).join("");
  const body = `<PublicAccessBlockConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${fields}</PublicAccessBlockConfiguration>`;
  await send(path(bucket, "", { publicAccessBlock: "" }), { method: "PUT", headers: { "Content-Type": "application/xml" }, body });
}
