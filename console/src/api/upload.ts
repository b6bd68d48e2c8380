import { asFault, Fault } from "./fault";
import { consoleHeaders, noteFault, readFault, send, url } from "./http";
import { text } from "./query";
import { path, xml } from "./s3";

// A file is sent at once up to this size, in bytes, and in parts beyond. An object has
// 10,000 parts at most, of 5 MiB at least but for the last (Amazon S3 User Guide,
// "Amazon S3 multipart upload limits").
const whole = 16 << 20;
const leastPart = 8 << 20;
const mostParts = 10_000;
const atOnce = 3;
const attempts = 4;

// upload stores a file and tells how many bytes of it have gone. Of one that fails or is
// stopped nothing is stored.
export async function upload(
  bucket: string,
  key: string,
  file: File,
  progress: (sent: number) => void,
  signal: AbortSignal,
): Promise<void> {
  const type = file.type || "application/octet-stream";
  if (file.size <= whole) {
    await put(path(bucket, key), file, { "Content-Type": type }, progress, signal);
    return;
  }
  const begun = await xml(await send(path(bucket, key, { uploads: "" }), { method: "POST", headers: { "Content-Type": type }, signal }));
  const uploadId = text(begun, "UploadId");
  try {
    const tags = await sendParts(bucket, key, uploadId, file, progress, signal);
    const parts = tags.map((tag, i) => `<Part><PartNumber>${i + 1}</PartNumber><ETag>${escape(tag)}</ETag></Part>`).join("");
    const done = await xml(
      await send(path(bucket, key, { uploadId }), {
        method: "POST",
        headers: { "Content-Type": "application/xml" },
        body: `<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${parts}</CompleteMultipartUpload>`,
        signal,
      }),
    );
    // It can fail after the status was sent.
    if (done.tagName === "Error") throw new Fault(text(done, "Code"), text(done, "Message"), 200, text(done, "RequestId"));
  } catch (thrown) {
    await send(path(bucket, key, { uploadId }), { method: "DELETE" }).catch(() => undefined); // its parts would be kept otherwise
    throw signal.aborted ? stopped() : thrown;
  }
}

async function sendParts(
  bucket: string,
  key: string,
  uploadId: string,
  file: File,
  progress: (sent: number) => void,
  signal: AbortSignal,
): Promise<string[]> {
  const size = Math.max(leastPart, Math.ceil(file.size / mostParts / (1 << 20)) << 20);
  const count = Math.ceil(file.size / size);
  const tags: string[] = [];
  const sent = new Map<number, number>(); // bytes of each part
  const tell = () => progress([...sent.values()].reduce((sum, n) => sum + n, 0));
  // One part that fails for good stops the others.
  const stop = new AbortController();
  const either = AbortSignal.any([signal, stop.signal]);
  let next = 0;
  const sendSome = async () => {
    for (let n = next++; n < count; n = next++) {
      const part = file.slice(n * size, (n + 1) * size);
      const to = path(bucket, key, { partNumber: String(n + 1), uploadId });
      tags[n] = await again(either, () =>
        put(to, part, {}, (bytes) => (sent.set(n, bytes), tell()), either),
      );
      sent.set(n, part.size);
      tell();
    }
  };
  try {
    await Promise.all(Array.from({ length: Math.min(atOnce, count) }, sendSome));
  } catch (thrown) {
    stop.abort();
    throw thrown;
  }
  return tags;
}

// again tries anew what failed for the connection's or the moment's sake.
async function again<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  for (let n = 1; ; n++) {
    try {
      return await work();
    } catch (thrown) {
      const fault = asFault(thrown);
      const passing = fault.code === "NetworkFailure" || fault.status >= 500 || fault.status === 429;
      if (signal.aborted || !passing || n === attempts) throw thrown;
      await new Promise((resolve) => setTimeout(resolve, 500 * 2 ** n));
    }
  }
}

function stopped(): Fault {
  return new Fault("UploadCancelled", "The upload was cancelled. Nothing was stored of it.");
}

// put sends bytes and gives their entity tag; fetch cannot tell how much has gone.
function put(
  to: string,
  body: Blob,
  headers: Record<string, string>,
  progress: (sent: number) => void,
  signal: AbortSignal,
): Promise<string> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(stopped());
    const request = new XMLHttpRequest();
    request.open("PUT", url(to));
    for (const [name, value] of Object.entries({ ...consoleHeaders(), ...headers })) request.setRequestHeader(name, value);
    request.upload.onprogress = (e) => progress(e.loaded);
    request.onload = () => {
      if (request.status < 300) return resolve(request.getResponseHeader("ETag") ?? "");
      const fault = readFault(request.status, request.getResponseHeader("x-amz-request-id") ?? "", request.responseText);
      noteFault(fault);
      reject(fault);
    };
    request.onerror = () => reject(new Fault("NetworkFailure", "The connection broke while the file was sent. Nothing was stored of it."));
    request.onabort = () => reject(stopped());
    signal.addEventListener("abort", () => request.abort(), { once: true });
    request.send(body);
  });
}

function escape(value: string): string {
  return value.replace(/&/g, "&amp;").replace(/</g, "&lt;");
}
