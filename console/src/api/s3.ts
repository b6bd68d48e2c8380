import { asFault, Fault } from "./fault";
import { consoleHeaders, noteFault, readFault, send, url } from "./http";
import { text } from "./query";

// Amazon S3's REST operations, path style, below s3/.

export interface Bucket {
  name: string;
  created: Date | undefined;
}

function path(bucket: string, key = "", query: Record<string, string> = {}): string {
  const encoded = key.split("/").map(encodeURIComponent).join("/");
  const search = new URLSearchParams(query).toString();
  return `s3/${encodeURIComponent(bucket)}${key || bucket ? "/" : ""}${encoded}${search ? `?${search}` : ""}`;
}

async function xml(response: Response): Promise<Element> {
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

export async function listObjects(bucket: string, prefix: string, signal?: AbortSignal, show?: (part: Entry[]) => void): Promise<Entry[]> {
  const found: Entry[] = [];
  let next: string | undefined;
  do {
    const query: Record<string, string> = { "list-type": "2", delimiter: "/", "encoding-type": "url", prefix, "max-keys": "1000" };
    if (next) query["continuation-token"] = next;
    const reply = await xml(await send(path(bucket, "", query), { signal: signal ?? null }));
    for (const p of named(reply, "CommonPrefixes")) {
      const key = decode(text(p, "Prefix"));
      found.push({ name: key.slice(prefix.length), key, folder: true, size: 0, modified: undefined });
    }
    for (const c of named(reply, "Contents")) {
      const key = decode(text(c, "Key"));
      if (key !== prefix)
        found.push({
          name: key.slice(prefix.length),
          key,
          folder: false,
          size: Number(text(c, "Size")),
          modified: new Date(text(c, "LastModified")),
        });
    }
    show?.(found.slice());
    next = text(reply, "IsTruncated") === "true" ? text(reply, "NextContinuationToken") : undefined;
  } while (next);
  return found;
}

// decode undoes encoding-type=url, in which a space may be a plus.
function decode(key: string): string {
  return decodeURIComponent(key.replace(/\+/g, "%20"));
}

// upload sends a file and tells how much of it has gone. fetch cannot tell that yet.
export function upload(bucket: string, key: string, file: File, progress: (sent: number) => void, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("PUT", url(path(bucket, key)));
    for (const [name, value] of Object.entries(consoleHeaders())) request.setRequestHeader(name, value);
    request.setRequestHeader("Content-Type", file.type || "application/octet-stream");
    request.upload.onprogress = (e) => progress(e.loaded);
    request.onload = () => {
      if (request.status < 300) return resolve();
      const fault = readFault(request.status, request.getResponseHeader("x-amz-request-id") ?? "", request.responseText);
      noteFault(fault);
      reject(fault);
    };
    request.onerror = () => reject(new Fault("NetworkFailure", "The connection broke while the file was sent. Nothing was stored of it."));
    request.onabort = () => reject(new Fault("UploadCancelled", "The upload was cancelled. Nothing was stored of it."));
    signal.addEventListener("abort", () => request.abort());
    request.send(file);
  });
}

// download fetches an object and has the browser save it; the request needs a
// header, so that no link can do it.
export async function download(bucket: string, key: string): Promise<void> {
  const response = await send(path(bucket, key));
  const object = URL.createObjectURL(await response.blob());
  const link = document.createElement("a");
  link.href = object;
  link.download = key.slice(key.lastIndexOf("/") + 1) || "object";
  link.click();
  setTimeout(() => URL.revokeObjectURL(object), 60_000);
}

export async function deleteObject(bucket: string, key: string): Promise<void> {
  await send(path(bucket, key), { method: "DELETE" });
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
