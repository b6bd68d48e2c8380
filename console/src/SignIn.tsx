import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import ExpandableSection from "@cloudscape-design/components/expandable-section";
import Form from "@cloudscape-design/components/form";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import Modal from "@cloudscape-design/components/modal";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useEffect, useState } from "react";
import type { Fault } from "./api/fault";
import { beginURL, signIn, signInProvider, type Session } from "./api/session";
import { FaultAlert } from "./parts/FaultAlert";
import { useAction, useLoad } from "./parts/load";
import { parseRoute, useHash } from "./route";

export function SignIn({
  notice,
  fault,
  onSignIn,
}: {
  notice?: string | undefined;
  fault?: Fault | undefined;
  onSignIn: (s: Session) => void;
}) {
  useEffect(() => {
    document.title = "Sign in – Daypass";
  }, []);
  return (
    <main className="sign-in">
      <SpaceBetween size="l">
        <Box textAlign="center" variant="h1" tagOverride="div" fontSize="heading-xl">
          Daypass
        </Box>
        {notice && (
          <Alert type="info">
            <span role="status">{notice}</span>
          </Alert>
        )}
        <FaultAlert fault={fault} />
        <Refusal />
        <ByProvider />
        <Container header={<Header variant="h1">Sign in</Header>}>
          <SignInForm onSignIn={onSignIn} />
        </Container>
      </SpaceBetween>
    </main>
  );
}

// ByProvider is the way in through an OpenID Connect provider, where there is one.
function ByProvider() {
  const provider = useLoad(() => signInProvider(), []);
  if (!provider.value) return null;
  return (
    <Button variant="primary" fullWidth href={beginURL}>
      Sign in with {provider.value}
    </Button>
  );
}

// What the server says of a sign-in at the provider that came to nothing, by its word
// in the address. No text of the address is shown.
const refusals: Record<string, string> = {
  unreachable: "The provider does not answer as one. The server's log says why.",
  expired: "The sign-in took too long, or was not begun in this browser. Try again.",
  "mixed-up": "The answer did not come from the provider that was asked. Try again, from here.",
  cancelled: "The provider says that access was denied.",
  failed: "The provider's answer is not good for a sign-in. The server's log says why.",
  "not-admitted": "The role that people act under does not admit you. Whoever looks after it finds the reason under Decisions.",
  "too-many": "Too many sign-ins failed. Try again in five minutes.",
  "too-long": "The session is too long for a cookie. Sign in by a role with fewer tags and session policies.",
};

function Refusal() {
  const [screen, word = "", id = ""] = parseRoute(useHash()).path;
  const text = screen === "sign-in" ? refusals[word] : undefined;
  if (!text) return null;
  return (
    <Alert type="error" header="You are not signed in">
      <div role="alert">{text}</div>
      {/^[0-9a-f-]{36}$/.test(id) && (
        <Box variant="small" color="inherit">
          Request id {id}
        </Box>
      )}
    </Alert>
  );
}

// SignInAgain is above a screen whose session is over.
export function SignInAgain({ onSignIn, onLeave }: { onSignIn: (s: Session) => void; onLeave: () => void }) {
  return (
    <Modal visible header="Your session is over: sign in again" closeAriaLabel="Leave" onDismiss={onLeave}>
      <SpaceBetween size="l">
        <ByProvider />
        <SignInForm onSignIn={onSignIn} />
      </SpaceBetween>
    </Modal>
  );
}

function SignInForm({ onSignIn }: { onSignIn: (s: Session) => void }) {
  const [accessKeyId, setAccessKeyId] = useState("");
  const [secretAccessKey, setSecretAccessKey] = useState("");
  const [sessionToken, setSessionToken] = useState("");
  const [tried, setTried] = useState(false);
  const { busy, fault, run } = useAction();
  const missing = (value: string, what: string) => (tried && value.trim() === "" ? `Enter the ${what}.` : undefined);

  const submit = () => {
    setTried(true);
    if (accessKeyId.trim() === "" || secretAccessKey.trim() === "") return;
    void run(async () => {
      const token = sessionToken.trim();
      const session = await signIn({
        accessKeyId: accessKeyId.trim(),
        secretAccessKey: secretAccessKey.trim(),
        ...(token ? { sessionToken: token } : {}),
      });
      onSignIn(session);
    });
  };

  return (
    <form
      onSubmit={(e) => {
        e.preventDefault();
        submit();
      }}
    >
      <Form
        actions={
          <Button variant="primary" formAction="submit" loading={busy} loadingText="Signing in">
            Sign in
          </Button>
        }
      >
        <SpaceBetween size="m">
          <FormField label="Access key ID" errorText={missing(accessKeyId, "access key ID")}>
            <Input
              name="accessKeyId"
              autoFocus
              value={accessKeyId}
              onChange={({ detail }) => setAccessKeyId(detail.value)}
              autoComplete="username"
              spellcheck={false}
              ariaRequired
            />
          </FormField>
          <FormField label="Secret access key" errorText={missing(secretAccessKey, "secret access key")}>
            <Input
              name="secretAccessKey"
              type="password"
              value={secretAccessKey}
              onChange={({ detail }) => setSecretAccessKey(detail.value)}
              autoComplete="current-password"
              ariaRequired
            />
          </FormField>
          <ExpandableSection headerText="Temporary credentials">
            <FormField label="Session token – optional" description="For credentials whose access key ID begins with ASIA.">
              <Input
                name="sessionToken"
                type="password"
                value={sessionToken}
                onChange={({ detail }) => setSessionToken(detail.value)}
                autoComplete={false}
              />
            </FormField>
          </ExpandableSection>
          <FaultAlert fault={fault} />
        </SpaceBetween>
      </Form>
    </form>
  );
}
