import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import ColumnLayout from "@cloudscape-design/components/column-layout";
import Container from "@cloudscape-design/components/container";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import LineChart from "@cloudscape-design/components/line-chart";
import Link from "@cloudscape-design/components/link";
import Select from "@cloudscape-design/components/select";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import { useEffect, useRef, useState } from "react";
import { listDecisions } from "../api/decisions";
import { isAborted } from "../api/fault";
import { describeHealth, type Health as State } from "../api/insight";
import { FaultAlert } from "../parts/FaultAlert";
import { ago, when } from "../parts/format";
import { useAction, useLoad } from "../parts/load";
import { ResourceTable } from "../parts/ResourceTable";
import { href } from "../route";

const refreshSeconds = 15;

export function Health() {
  // Behind a load balancer another node may answer each time: the first is stayed with.
  const node = useRef<string>(undefined);
  const health = useLoad(async (signal) => {
    try {
      const told = await describeHealth(node.current, signal);
      node.current = told.node;
      return told;
    } catch (thrown) {
      if (!isAborted(thrown)) node.current = undefined; // whoever answers the next time
      throw thrown;
    }
  }, []);
  const { reload } = health;
  const nodes = (health.value?.nodes ?? []).map((value) => ({ value }));
  useEffect(() => {
    const timer = setInterval(() => document.visibilityState === "visible" && reload(), refreshSeconds * 1000);
    return () => clearInterval(timer);
  }, [reload]);
  return (
    <SpaceBetween size="l">
      <Header
        variant="h1"
        description={nodes.length > 1 ? "Of a node, as it is now." : "Of this server, as it is now."}
        actions={<Button iconName="refresh" ariaLabel="Refresh" onClick={reload} loading={health.loading} />}
      >
        Health
      </Header>
      <FaultAlert fault={health.fault} retry={reload} />
      {health.loading && !health.value && <StatusIndicator type="loading">Loading</StatusIndicator>}
      {nodes.length > 1 && (
        <FormField label="Node" description="Each node tells of itself; sessions are those of all.">
          <Select
            selectedOption={health.value?.node ? { value: health.value.node } : null}
            options={nodes}
            onChange={({ detail }) => {
              node.current = detail.selectedOption.value;
              reload();
            }}
          />
        </FormField>
      )}
      {health.value && <Panels state={health.value} />}
    </SpaceBetween>
  );
}

function Panels({ state }: { state: State }) {
  return (
    <SpaceBetween size="l">
      <Container header={<Header variant="h2">Node</Header>}>
        <SpaceBetween size="m">
          <KeyValuePairs
            columns={3}
            items={[
              { label: "Version", value: `${state.version || "unknown"}, ${state.goVersion}` },
              { label: "Revision of the store", value: String(state.revision) },
              { label: "Its time", value: when(new Date(state.time)) },
            ]}
          />
          {(state.checks ?? []).map((c) => (
            <div key={c.name}>
              <StatusIndicator type={c.ok ? "success" : "error"}>
                {c.name}: {c.detail}
              </StatusIndicator>
            </div>
          ))}
        </SpaceBetween>
      </Container>
      <Charts minutes={state.minutes} />
      <ResourceTable
        title="Issuers"
        noun="issuer"
        items={state.issuers}
        id={(i) => i.issuer}
        columns={[
          { id: "issuer", header: "Issuer", rowHeader: true, searchable: true, value: (i) => i.issuer, cell: (i) => i.issuer },
          {
            id: "state",
            header: "State",
            value: (i) => i.failure ?? "",
            cell: (i) =>
              i.failure ? (
                <StatusIndicator type="error">{i.failure}</StatusIndicator>
              ) : i.asked ? (
                <StatusIndicator>Good</StatusIndicator>
              ) : (
                <StatusIndicator type="pending">Not asked yet</StatusIndicator>
              ),
          },
          { id: "keys", header: "Keys", value: (i) => i.keys, cell: (i) => i.keys },
          {
            id: "fetched",
            header: "Last fetched",
            cell: (i) => (i.file ? "from a file" : ago(i.fetched ? new Date(i.fetched) : undefined)),
          },
          { id: "expires", header: "Keys good until", cell: (i) => when(i.expires ? new Date(i.expires) : undefined) },
        ]}
      />
      <ResourceTable
        title="Sessions alive, by role"
        noun="role"
        description={counted(state)}
        items={state.sessions ?? []}
        id={(s) => s.role}
        columns={[
          {
            id: "role",
            header: "Role",
            rowHeader: true,
            value: (s) => s.role,
            cell: (s) => (
              <Link href={href("roles", "view", s.role.replace(/^.*\//, ""))}>{s.role.replace(/^.*:role/, "").replace(/^\//, "")}</Link>
            ),
          },
          { id: "sessions", header: "Sessions", value: (s) => s.sessions, cell: (s) => s.sessions },
        ]}
        sortBy="sessions"
        descending
      />
      <Export />
    </SpaceBetween>
  );
}

// counted says which sessions are missing.
function counted(state: State): string | undefined {
  const missing = [
    ...(state.partial ? ["Only the latest exchanges were counted."] : []),
    ...(state.silent?.length ? [`Without those of ${state.silent.join(", ")}, which did not answer in time.`] : []),
  ];
  return missing.join(" ") || undefined;
}

function Charts({ minutes }: { minutes: State["minutes"] }) {
  const points = minutes.map((m) => ({ ...m, x: new Date(m.start) }));
  const first = points[0];
  const last = points[points.length - 1];
  const domain = first && last ? { xDomain: [first.x, last.x] as const } : {};
  const clock = (x: Date) => x.toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit" });
  const common = {
    height: 160,
    xScaleType: "time" as const,
    hideFilter: true,
    ...domain,
    i18nStrings: { xTickFormatter: clock },
    empty: <Box textAlign="center">No requests in the last hour</Box>,
  };
  return (
    <ColumnLayout columns={2}>
      <Container header={<Header variant="h2">Requests per minute</Header>}>
        <LineChart
          {...common}
          ariaLabel="Requests per minute"
          xTitle="Time"
          yTitle="Requests"
          series={[
            { title: "All", type: "line", data: points.map((p) => ({ x: p.x, y: p.requests })) },
            { title: "Denied", type: "line", data: points.map((p) => ({ x: p.x, y: p.denied })) },
            { title: "Failed", type: "line", data: points.map((p) => ({ x: p.x, y: p.failed })) },
          ]}
        />
      </Container>
      <Container header={<Header variant="h2">Time to answer</Header>}>
        <LineChart
          {...common}
          ariaLabel="Time to answer"
          xTitle="Time"
          yTitle="Milliseconds"
          series={[
            { title: "Half of them", type: "line", data: points.map((p) => ({ x: p.x, y: p.p50Milliseconds })) },
            { title: "99 of 100", type: "line", data: points.map((p) => ({ x: p.x, y: p.p99Milliseconds })) },
          ]}
        />
      </Container>
    </ColumnLayout>
  );
}

const exportMost = 2000;

// Export saves the newest decisions as lines of JSON.
function Export() {
  const { busy, fault, run } = useAction();
  const [count, setCount] = useState<number>();
  const save = () =>
    void run(async () => {
      const lines: string[] = [];
      let next: string | undefined;
      do {
        const page = await listDecisions({ issuer: "", project: "", role: "", outcome: "", operation: "" }, next);
        lines.push(...page.decisions.map((d) => JSON.stringify(d)));
        next = page.next;
      } while (next && lines.length < exportMost);
      const object = URL.createObjectURL(new Blob([lines.join("\n") + "\n"], { type: "application/x-ndjson" }));
      const link = document.createElement("a");
      link.href = object;
      link.download = "decisions.jsonl";
      link.click();
      setTimeout(() => URL.revokeObjectURL(object), 60_000);
      setCount(lines.length);
    });
  return (
    <Container header={<Header variant="h2">Export the record</Header>}>
      <SpaceBetween size="s">
        <Box>
          The newest {exportMost} decisions of this account, one JSON object a line. The whole record, and its verification, are the work of
          daypass audit.
        </Box>
        <Button loading={busy} onClick={save}>
          Export decisions
        </Button>
        {count !== undefined && <StatusIndicator>{count} decisions were exported</StatusIndicator>}
        <FaultAlert fault={fault} />
      </SpaceBetween>
    </Container>
  );
}
