import { Fault } from "./fault";
import { region } from "./region";

// All requests go to the server that gave the page, under /console/api/. It signs
// them with the caller's own credentials; the page never holds these.
const root = new URL("api/", location.href.split("#")[0]).pathname;

type Listener = () => void;
let whenSignedOut: Listener = () => {};

// onSignedOut sets what happens when the server says that the session is over.
export function onSignedOut(listener: Listener): void {
  whenSignedOut = listener;
}

// Codes by which services say that the caller's credentials are no good any more.
const signedOutCodes = new Set([
  "SignedOut",
  "ExpiredToken",
  "ExpiredTokenException",
  "InvalidClientTokenId",
  "InvalidAccessKeyId",
  "UnrecognizedClientException",
]);

export function url(path: string): string {
  return root + path;
}

// consoleHeaders are those of every request. The first keeps other sites' pages
// from making one: a form cannot send it, a script of another origin may not.
export function consoleHeaders(): Record<string, string> {
  return { "X-Daypass-Console": "1", "X-Daypass-Region": region() };
}

export async function send(path: string, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(init.headers);
  for (const [name, value] of Object.entries(consoleHeaders())) headers.set(name, value);
  const response = await fetch(url(path), { ...init, headers, credentials: "same-origin", cache: "no-store", redirect: "error" });
  if (!response.ok) {
    const fault = readFault(response.status, requestIdOf(response.headers), await response.text());
    noteFault(fault);
    throw fault;
  }
  return response;
}

export function noteFault(fault: Fault): void {
  if (signedOutCodes.has(fault.code)) whenSignedOut();
}

export function requestIdOf(headers: Headers): string {
  return headers.get("x-amzn-requestid") ?? headers.get("x-amz-request-id") ?? "";
}

// readFault reads the body of an error in any of the three forms: Query XML, S3's
// XML and JSON.
export function readFault(status: number, requestId: string, body: string): Fault {
  const start = body.trimStart()[0];
  if (start === "<") {
    const doc = new DOMParser().parseFromString(body, "text/xml");
    const code = doc.querySelector("Code")?.textContent;
    if (code) {
      const id = doc.querySelector("RequestId, RequestID")?.textContent ?? "";
      return new Fault(code, doc.querySelector("Message")?.textContent ?? "", status, requestId || id);
    }
  }
  if (start === "{") {
    try {
      const doc = JSON.parse(body) as Record<string, unknown>;
      const code = String(doc.__type ?? doc.code ?? "").replace(/^.*#/, "");
      if (code) return new Fault(code, String(doc.message ?? doc.Message ?? ""), status, requestId || String(doc.requestId ?? ""));
    } catch {
      // Told below as what it is.
    }
  }
  return new Fault(
    `HTTP ${status}`,
    status === 413 ? "The request is too large." : "The server's answer could not be read.",
    status,
    requestId,
  );
}
