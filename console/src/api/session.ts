import { send } from "./http";

export interface Session {
  account: string;
  arn: string;
  userId: string;
  expires: string;
}

export interface Credentials {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string;
}

export async function currentSession(): Promise<Session> {
  return (await send("session")).json() as Promise<Session>;
}

export async function signIn(credentials: Credentials): Promise<Session> {
  const response = await send("session", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(credentials),
  });
  return response.json() as Promise<Session>;
}

export async function signOut(): Promise<void> {
  await send("session", { method: "DELETE" });
}
