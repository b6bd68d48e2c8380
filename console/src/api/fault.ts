// A refusal as AWS tells it: its code, its message, and the id of the request,
// by which the event of it can be found.
export class Fault extends Error {
  readonly code: string;
  readonly status: number;
  readonly requestId: string;

  constructor(code: string, message: string, status = 0, requestId = "") {
    super(message);
    this.name = "Fault";
    this.code = code;
    this.status = status;
    this.requestId = requestId;
  }
}

// asFault makes a Fault of whatever was thrown.
export function asFault(thrown: unknown): Fault {
  if (thrown instanceof Fault) return thrown;
  if (thrown instanceof TypeError) {
    return new Fault("NetworkFailure", "The server did not answer. Is it running, and is this machine connected to it?");
  }
  return new Fault("ConsoleFailure", thrown instanceof Error ? thrown.message : String(thrown));
}

export function isAborted(thrown: unknown): boolean {
  return thrown instanceof DOMException && thrown.name === "AbortError";
}
