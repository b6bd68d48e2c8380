import { send, url } from "./http";

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

// signInProvider is the name of the provider by which people sign in, where there is
// one.
export async function signInProvider(): Promise<string | undefined> {
  const told = (await (await send("sign-in")).json()) as { provider?: string };
  return told.provider;
}

// beginURL is where a sign-in at the provider begins, by following a link.
export const beginURL = url("sign-in/begin");
