import { send } from "./http";

// The JSON 1.1 protocol: Secrets Manager's and that of Daypass's own operations.

const targets = { secretsmanager: "secretsmanager", daypass: "Daypass" };

export async function json<T>(service: keyof typeof targets, operation: string, input: object = {}, signal?: AbortSignal): Promise<T> {
  const response = await send(`aws/${service}`, {
    method: "POST",
    headers: { "Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": `${targets[service]}.${operation}` },
    body: JSON.stringify(input),
    signal: signal ?? null,
  });
  const body = await response.text();
  return (body ? JSON.parse(body) : {}) as T;
}
