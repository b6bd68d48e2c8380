import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import ColumnLayout from "@cloudscape-design/components/column-layout";
import Container from "@cloudscape-design/components/container";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import Link from "@cloudscape-design/components/link";
import Select from "@cloudscape-design/components/select";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import Toggle from "@cloudscape-design/components/toggle";
import { useEffect, useState } from "react";
import { listDecisions, type Decision, type Outcome, type Page, type Wanted } from "../api/decisions";
import { FaultAlert } from "../parts/FaultAlert";
import { when } from "../parts/format";
import { useAction, useLoad } from "../parts/load";
import { ResourceTable } from "../parts/ResourceTable";
import { href } from "../route";

const anything: Wanted = { issuer: "", project: "", role: "", outcome: "", operation: "" };

const outcomes: { value: Outcome | ""; label: string }[] = [
  { value: "", label: "Any outcome" },
  { value: "denied", label: "Denied" },
  { value: "allowed", label: "Allowed" },
  { value: "failed", label: "Failed" },
];

const refreshSeconds = 5;

export function Decisions() {
  const [wanted, setWanted] = useState(anything);
  const [asked, setAsked] = useState(anything);
  const [live, setLive] = useState(true);
  const [older, setOlder] = useState<Page>();
  const page = useLoad((signal) => listDecisions(asked, undefined, signal), [asked]);
  const more = useAction();

  // What is typed is asked for when nothing was typed for a while.
  useEffect(() => {
    const timer = setTimeout(() => {
      setOlder(undefined);
      setAsked(wanted);
    }, 400);
    return () => clearTimeout(timer);
  }, [wanted]);

  // Live: the newest are asked for again, unless older ones are being read.
  const { reload } = page;
  useEffect(() => {
    if (!live || older) return;
    const timer = setInterval(() => document.visibilityState === "visible" && reload(), refreshSeconds * 1000);
    return () => clearInterval(timer);
  }, [live, older, reload]);

  const set = (part: Partial<Wanted>) => setWanted((w) => ({ ...w, ...part }));
  const next = older ? older.next : page.value?.next;
  const silent = [...new Set([...(page.value?.silent ?? []), ...(older?.silent ?? [])])];
  const decisions = page.value && [...page.value.decisions, ...(older?.decisions ?? [])].filter((d) => !isOwn(d));
  const readOlder = () =>
    void more.run(async () => {
      const found = await listDecisions(asked, next);
      setOlder({
        ...found,
        decisions: [...(older?.decisions ?? []), ...found.decisions],
        silent: [...(older?.silent ?? []), ...(found.silent ?? [])],
      });
    });

  return (
    <SpaceBetween size="l">
      <Header
        variant="h1"
        description="Exchanges of tokens and signed requests, the newest first. Each opens to its reason."
        actions={
          <SpaceBetween direction="horizontal" size="m" alignItems="center">
            <Toggle checked={live} onChange={({ detail }) => setLive(detail.checked)}>
              Live
            </Toggle>
            <Button href={href("decisions", "try")}>Try a token</Button>
          </SpaceBetween>
        }
      >
        Decisions
      </Header>
      <Container>
        <ColumnLayout columns={4} minColumnWidth={180}>
          <FormField label="Outcome">
            <Select
              selectedOption={outcomes.find((o) => o.value === wanted.outcome) ?? null}
              options={outcomes}
              onChange={({ detail }) => set({ outcome: (detail.selectedOption.value ?? "") as Wanted["outcome"] })}
            />
          </FormField>
          <FormField label="Project">
            <Input
              value={wanted.project}
              placeholder="mygroup/myproject"
              onChange={({ detail }) => set({ project: detail.value })}
              spellcheck={false}
            />
          </FormField>
          <FormField label="Role">
            <Input
              value={wanted.role}
              placeholder="name or ARN"
              onChange={({ detail }) => set({ role: detail.value })}
              spellcheck={false}
            />
          </FormField>
          <FormField label="Issuer">
            <Input
              value={wanted.issuer}
              placeholder="https://gitlab.com"
              onChange={({ detail }) => set({ issuer: detail.value })}
              spellcheck={false}
            />
          </FormField>
        </ColumnLayout>
      </Container>
      {silent.length > 0 && (
        <Alert type="warning">
          {silent.join(", ")} did not answer in time: what its record has is missing here.
        </Alert>
      )}
      <ResourceTable<Decision>
        title="Requests"
        noun="request"
        items={decisions}
        id={(d) => d.requestId}
        loading={page.loading}
        fault={page.fault}
        reload={page.reload}
        sortBy="time"
        descending
        columns={[
          {
            id: "time",
            header: "Time",
            rowHeader: true,
            value: (d) => new Date(d.time),
            cell: (d) => (
              <Link
                href={href("decisions", "view", d.requestId)}
                ariaLabel={`Decision of ${when(new Date(d.time))}: ${d.operation ?? "request"} ${d.outcome}`}
              >
                {when(new Date(d.time))}
              </Link>
            ),
          },
          { id: "outcome", header: "Outcome", value: (d) => d.outcome, cell: (d) => <OutcomeOf outcome={d.outcome} /> },
          { id: "operation", header: "Operation", searchable: true, value: (d) => d.operation ?? "", cell: (d) => d.operation ?? "–" },
          { id: "who", header: "Who", searchable: true, value: whoOf, cell: whoOf },
          { id: "reason", header: "Reason", searchable: true, value: (d) => d.reason ?? "", cell: (d) => d.reason ?? d.code ?? "–" },
        ]}
        empty="A request is here as soon as it was answered."
      />
      <FaultAlert fault={more.fault} />
      {next && (
        <Box textAlign="center">
          <Button loading={more.busy} onClick={readOlder}>
            Read older ones
          </Button>
        </Box>
      )}
    </SpaceBetween>
  );
}

// isOwn says whether it is this screen that asked: what watches would fill the list.
function isOwn(d: Decision): boolean {
  return d.outcome === "allowed" && (d.operation === "ListDecisions" || d.operation === "GetDecision" || d.operation === "DescribeHealth");
}

export function OutcomeOf({ outcome }: { outcome: Outcome }) {
  switch (outcome) {
    case "allowed":
      return <StatusIndicator>Allowed</StatusIndicator>;
    case "denied":
      return <StatusIndicator type="error">Denied</StatusIndicator>;
    case "failed":
      return <StatusIndicator type="warning">Failed</StatusIndicator>;
  }
}

// whoOf says whose request it was: a job by its project, others by their principal.
function whoOf(d: Decision): string {
  return d.project || d.subject || (d.principal ?? "").replace(/^arn:aws:(iam|sts)::\d+:/, "") || "–";
}
