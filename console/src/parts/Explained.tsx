import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import Table from "@cloudscape-design/components/table";
import { useState } from "react";
import { applyFix, type Explanation, type Fix, type Outcome, type Place, type Statement } from "../api/decisions";
import { Confirm } from "./Confirm";
import { Editor } from "./Editor";
import { flash } from "./flash";
import { pretty } from "./format";

// Explained shows which statement decided, what of it matched and what did not, in
// the text of the policy, and the smallest fix.
export function Explained({ explanation, outcome, onFixed }: { explanation: Explanation; outcome: Outcome; onFixed?: () => void }) {
  const { statements, documents, notes, fix, nearest } = explanation;
  // What decided: statements that matched; of a denial that none made, the one that
  // missed by least.
  const matched = statements.filter((s) => s.matched);
  const near = statements[nearest];
  const deciding =
    outcome === "allowed"
      ? matched
      : matched.some((s) => s.effect === "Deny")
        ? matched.filter((s) => s.effect === "Deny")
        : near
          ? [near]
          : [];
  const shown = documents
    .map((d, i) => ({ ...d, statements: deciding.filter((s) => s.document === i) }))
    .filter((d) => d.statements.length > 0);
  return (
    <SpaceBetween size="l">
      {notes && notes.length > 0 && (
        <Container header={<Header variant="h2">Why</Header>}>
          <ul>
            {notes.map((n, i) => (
              <li key={i}>{n}.</li>
            ))}
          </ul>
        </Container>
      )}
      {fix && <FixPanel fix={fix} {...(onFixed ? { onFixed } : {})} />}
      {shown.map((d) => (
        <Container key={d.name} header={<Header variant="h2">{capital(d.name)}</Header>}>
          <SpaceBetween size="m">
            {d.statements.map((s) => (
              <StatementTable key={s.statement} statement={s} />
            ))}
            {d.text ? (
              <Editor
                label={`${capital(d.name)}, what decided is marked`}
                value={d.text}
                highlight={d.statements.flatMap((s) => places(s, outcome))}
                minLines={4}
              />
            ) : (
              <Box color="text-body-secondary">The policy is not there any more.</Box>
            )}
          </SpaceBetween>
        </Container>
      ))}
      {shown.length === 0 && statements.length > 0 && outcome !== "allowed" && (
        <Alert type="info">No statement of {documents.map((d) => d.name).join(", ")} came near.</Alert>
      )}
    </SpaceBetween>
  );
}

// places are what is marked: of a statement that did not match, what kept it from
// that; else the statement.
function places(s: Statement, outcome: Outcome): Place[] {
  if (outcome !== "allowed" && !s.matched) {
    const missed = [...s.elements, ...s.conditions].filter((x) => !x.matched).flatMap((x) => (x.place ? [x.place] : []));
    if (missed.length > 0) return missed;
  }
  return s.place ? [s.place] : [];
}

function StatementTable({ statement }: { statement: Statement }) {
  const title = `Statement ${statement.sid ? `“${statement.sid}”` : statement.statement + 1}, ${statement.effect}`;
  const rows = [
    ...statement.elements.map((e) => ({
      what: e.name,
      matched: e.matched,
      wanted: e.wanted ?? [],
      got: e.got ? [e.got] : [],
      present: true,
    })),
    ...statement.conditions.map((c) => ({
      what: `${c.operator} ${c.key}`,
      matched: c.matched,
      wanted: c.wanted ?? [],
      got: c.got ?? [],
      present: c.present,
    })),
  ];
  return (
    <Table
      variant="embedded"
      header={<Header variant="h3">{title}</Header>}
      ariaLabels={{ tableLabel: title, selectionGroupLabel: title, allItemsSelectionLabel: () => title, itemSelectionLabel: () => title }}
      items={rows}
      trackBy="what"
      wrapLines
      columnDefinitions={[
        {
          id: "matched",
          header: "Verdict",
          minWidth: 170,
          cell: (r) =>
            r.matched ? <StatusIndicator>Matches</StatusIndicator> : <StatusIndicator type="error">Does not match</StatusIndicator>,
        },
        { id: "what", header: "Element", isRowHeader: true, cell: (r) => r.what },
        { id: "wanted", header: "The policy wants", cell: (r) => <Values values={r.wanted} /> },
        { id: "got", header: "The request has", cell: (r) => (r.present ? <Values values={r.got} /> : "nothing of that name") },
      ]}
      empty="The statement has no elements to compare."
    />
  );
}

function Values({ values }: { values: string[] }) {
  return (
    <>
      {values.map((v, i) => (
        <div key={i}>
          <code>{v}</code>
        </div>
      ))}
    </>
  );
}

function FixPanel({ fix, onFixed }: { fix: Fix; onFixed?: () => void }) {
  const [asking, setAsking] = useState(false);
  const [done, setDone] = useState(false);
  const isTrust = fix.operation === "UpdateAssumeRolePolicy";
  return (
    <Container
      header={
        <Header
          variant="h2"
          description={
            isTrust
              ? `It changes the ${policyOf(fix)}, and admits this token and no other.`
              : `It ${fix.before ? "changes" : "adds"} the ${policyOf(fix)}${fix.warning ? "." : ", and allows this request and no other."}`
          }
          actions={
            <Button variant="primary" disabled={done} onClick={() => setAsking(true)}>
              Apply fix
            </Button>
          }
        >
          The smallest fix
        </Header>
      }
    >
      <SpaceBetween size="m">
        {fix.warning && <Alert type="warning">{fix.warning}</Alert>}
        {fix.steps && fix.steps.length > 0 && (
          <ul>
            {fix.steps.map((s, i) => (
              <li key={i}>{s}</li>
            ))}
          </ul>
        )}
        <Editor
          label={`${capital(policyOf(fix))} with the fix`}
          value={pretty(fix.policy)}
          before={fix.before && pretty(fix.before)}
          minLines={4}
        />
      </SpaceBetween>
      {asking && (
        <Confirm
          title={`${fix.before ? "Change" : "Add"} the ${policyOf(fix)}?`}
          action="Apply"
          onClose={() => setAsking(false)}
          onConfirm={async () => {
            await applyFix(fix);
            setDone(true);
            flash("success", `The ${policyOf(fix)} was ${fix.before ? "changed" : "added"}. It can be tried again.`);
            onFixed?.();
          }}
        >
          {isTrust ? "Jobs with such a token are admitted from now on." : "Such a request is allowed from now on."}
        </Confirm>
      )}
    </Container>
  );
}

// policyOf names what a fix changes.
function policyOf(fix: Fix): string {
  if (fix.operation === "UpdateAssumeRolePolicy") return `trust policy of ${fix.roleName}`;
  return `inline policy ${fix.policyName} of ${fix.roleName ?? fix.userName}`;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
