import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import Form from "@cloudscape-design/components/form";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import Link from "@cloudscape-design/components/link";
import SegmentedControl from "@cloudscape-design/components/segmented-control";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import Textarea from "@cloudscape-design/components/textarea";
import { useState } from "react";
import { getDecision, tryToken, type DecisionDetail, type Trial } from "../api/decisions";
import { Explained } from "../parts/Explained";
import { FaultAlert } from "../parts/FaultAlert";
import { when } from "../parts/format";
import { useAction, useLoad } from "../parts/load";
import { href } from "../route";
import { OutcomeOf } from "./Decisions";

export function DecisionScreen({ id }: { id: string }) {
  const loaded = useLoad((signal) => getDecision(id, signal), [id]);
  const detail = loaded.value;
  return (
    <SpaceBetween size="l">
      <Header variant="h1" description={detail ? when(new Date(detail.decision.time)) : undefined}>
        {detail ? (detail.decision.operation ?? "Request") : "Decision"}
      </Header>
      <FaultAlert fault={loaded.fault} retry={loaded.reload} />
      {loaded.loading && !detail && <StatusIndicator type="loading">Loading</StatusIndicator>}
      {detail && <Detail detail={detail} reload={loaded.reload} />}
    </SpaceBetween>
  );
}

function Detail({ detail, reload }: { detail: DecisionDetail; reload: () => void }) {
  const d = detail.decision;
  const facts: [string, string | undefined][] = [
    ["Principal", d.principal],
    ["Role", d.role],
    ["Action", d.action],
    ["Resource", d.resource],
    ["Issuer", d.issuer],
    ["Subject", d.subject],
    ["Audience", detail.audience?.join(", ")],
    ["Project", d.project],
    ["Pipeline", d.pipeline],
    ["Job", d.job],
    ["Session", detail.session],
    ["From address", d.sourceIp],
    ["Request id", d.requestId],
    ["Node", d.node],
  ];
  return (
    <SpaceBetween size="l">
      <Container header={<Header variant="h2">What was decided</Header>}>
        <SpaceBetween size="m">
          <Box fontSize="heading-m">
            <OutcomeOf outcome={d.outcome} /> {d.code && <code>{d.code}</code>}
          </Box>
          {d.reason && <div data-testid="reason">{d.reason}</div>}
          {detail.message && detail.message !== d.reason && <Box color="text-body-secondary">The client was told: {detail.message}</Box>}
          <KeyValuePairs columns={3} items={facts.flatMap(([label, value]) => (value ? [{ label, value }] : []))} />
        </SpaceBetween>
      </Container>
      {detail.now === "admitted" && d.outcome !== "allowed" && (
        <Alert type="success">With the trust policy as it is now, such a token is admitted.</Alert>
      )}
      {detail.now === "allowed" && d.outcome !== "allowed" && (
        <Alert type="success">With the policies as they are now, such a request is allowed.</Alert>
      )}
      <Explained explanation={detail.explanation} outcome={d.outcome} onFixed={reload} />
    </SpaceBetween>
  );
}

const firstClaims = JSON.stringify(
  {
    iss: "https://gitlab.com",
    aud: "https://gitlab.com",
    sub: "project_path:GROUP/PROJECT:ref_type:branch:ref:main",
    project_path: "GROUP/PROJECT",
    ref_type: "branch",
    ref: "main",
  },
  null,
  2,
);

// TryToken asks whether a role would admit a token, or claims. Nothing is given out,
// and the token stays in this page and the request.
export function TryToken({ role }: { role: string }) {
  const [roleName, setRoleName] = useState(role);
  const [from, setFrom] = useState("claims");
  const [token, setToken] = useState("");
  const [claims, setClaims] = useState(firstClaims);
  const [trial, setTrial] = useState<Trial>();
  const [wrong, setWrong] = useState<string>();
  const { busy, fault, run } = useAction();
  const submit = () => {
    setWrong(undefined);
    let given: { token: string } | { claims: object };
    if (from === "token") {
      given = { token: token.trim() };
    } else {
      try {
        given = { claims: JSON.parse(claims) as object };
      } catch (thrown) {
        setWrong(`The claims are not JSON: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
        return;
      }
    }
    void run(async () => {
      setTrial(undefined);
      setTrial(await tryToken(roleName.trim(), given));
    });
  };
  return (
    <SpaceBetween size="l">
      <form
        onSubmit={(e) => {
          e.preventDefault();
          submit();
        }}
      >
        <Form
          header={
            <Header variant="h1" description="Would the role admit it now? No credentials are given, and a token is not used up.">
              Try a token
            </Header>
          }
          actions={
            <Button variant="primary" formAction="submit" loading={busy} disabled={!roleName.trim() || (from === "token" && !token.trim())}>
              Try
            </Button>
          }
        >
          <Container>
            <SpaceBetween size="m">
              <FormField label="Role name or ARN">
                <Input
                  value={roleName}
                  onChange={({ detail }) => setRoleName(detail.value)}
                  spellcheck={false}
                  autoComplete={false}
                  ariaRequired
                />
              </FormField>
              <SegmentedControl
                label="What is tried"
                selectedId={from}
                onChange={({ detail }) => setFrom(detail.selectedId)}
                options={[
                  { id: "claims", text: "Claims" },
                  { id: "token", text: "A token" },
                ]}
              />
              {from === "token" ? (
                <FormField label="Token" description="As the job has it: three parts with points between.">
                  <Textarea
                    value={token}
                    onChange={({ detail }) => setToken(detail.value)}
                    rows={5}
                    spellcheck={false}
                    autoComplete={false}
                  />
                </FormField>
              ) : (
                <FormField label="Claims" description="As JSON; iss, sub and aud are needed." errorText={wrong}>
                  <Textarea
                    value={claims}
                    onChange={({ detail }) => setClaims(detail.value)}
                    rows={9}
                    spellcheck={false}
                    autoComplete={false}
                  />
                </FormField>
              )}
            </SpaceBetween>
          </Container>
        </Form>
      </form>
      <FaultAlert fault={fault} />
      {trial && <Verdict trial={trial} />}
    </SpaceBetween>
  );
}

function Verdict({ trial }: { trial: Trial }) {
  return (
    <SpaceBetween size="l">
      <Alert type={trial.verdict === "admitted" ? "success" : "error"} header={trial.verdict === "admitted" ? "Admitted" : "Denied"}>
        <div role="status" data-verdict={trial.verdict}>
          {trial.verified ? "The token's signature was verified." : (trial.note ?? "The token's signature was not verified.")}
        </div>
      </Alert>
      <Container header={<Header variant="h2">What AWS asks, in its order</Header>}>
        <SpaceBetween size="xs">
          {trial.checks.map((c) => (
            <div key={c.name}>
              <StatusIndicator type={/pass/i.test(c.state) ? "success" : /fail/i.test(c.state) ? "error" : "info"}>
                {c.name}: {c.note}
              </StatusIndicator>
            </div>
          ))}
        </SpaceBetween>
      </Container>
      {trial.causes && trial.causes.length > 0 && (
        <Container header={<Header variant="h2">What may be the matter</Header>}>
          <ul>
            {trial.causes.map((c) => (
              <li key={c.number}>
                {c.title}. {c.fix}.
              </li>
            ))}
          </ul>
        </Container>
      )}
      <Explained explanation={trial.explanation} outcome={trial.verdict === "admitted" ? "allowed" : "denied"} />
      <Link href={href("decisions")}>All decisions</Link>
    </SpaceBetween>
  );
}
