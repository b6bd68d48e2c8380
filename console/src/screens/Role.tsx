import Alert from "@cloudscape-design/components/alert";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import CopyToClipboard from "@cloudscape-design/components/copy-to-clipboard";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import Link from "@cloudscape-design/components/link";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import Tabs from "@cloudscape-design/components/tabs";
import { useState } from "react";
import { revokeRoleSessions } from "../api/daypass";
import { getRole, type RoleDetail } from "../api/iam";
import { query } from "../api/query";
import { Confirm } from "../parts/Confirm";
import { Editor } from "../parts/Editor";
import { FaultAlert } from "../parts/FaultAlert";
import { flash } from "../parts/flash";
import { ago, plural, pretty, when } from "../parts/format";
import { Grants } from "../parts/Grants";
import { useAction, useLoad } from "../parts/load";
import { TagsPanel } from "../parts/Tags";
import { go, href } from "../route";
import { DeleteRole } from "./Roles";

export function RoleScreen({ name }: { name: string }) {
  const role = useLoad((signal) => getRole(name, signal), [name]);
  const [deleting, setDeleting] = useState(false);
  const detail = role.value;
  return (
    <SpaceBetween size="l">
      <Header variant="h1" description={detail?.description} actions={<Button onClick={() => setDeleting(true)}>Delete</Button>}>
        {name}
      </Header>
      <FaultAlert fault={role.fault} retry={role.reload} />
      {role.loading && !detail && <StatusIndicator type="loading">Loading</StatusIndicator>}
      {detail && (
        <SpaceBetween size="l">
          <Container header={<Header variant="h2">Summary</Header>}>
            <KeyValuePairs
              columns={3}
              items={[
                {
                  label: "ARN",
                  value: (
                    <CopyToClipboard
                      variant="inline"
                      textToCopy={detail.arn}
                      copyButtonAriaLabel="Copy ARN"
                      copySuccessText="Copied"
                      copyErrorText="Not copied"
                    />
                  ),
                },
                { label: "Created", value: when(detail.created) },
                { label: "Last activity", value: ago(detail.lastUsed) },
                { label: "Maximum session duration", value: plural(detail.maxSession / 3600, "hour") },
                { label: "Permissions boundary", value: detail.boundary || "Not set" },
                { label: "Unique id", value: detail.id },
              ]}
            />
          </Container>
          <Tabs
            ariaLabel="Parts of the role"
            tabs={[
              { id: "permissions", label: "Permissions", content: <Grants owner="Role" name={name} /> },
              { id: "trust", label: "Trust relationships", content: <Trust role={detail} reload={role.reload} /> },
              { id: "tags", label: "Tags", content: <TagsPanel kind="Role" id={name} tags={detail.tags} reload={role.reload} /> },
              { id: "sessions", label: "Revoke sessions", content: <Sessions name={name} /> },
            ]}
          />
        </SpaceBetween>
      )}
      {deleting && <DeleteRole name={name} onClose={() => setDeleting(false)} onDeleted={() => go("roles")} />}
    </SpaceBetween>
  );
}

function Trust({ role, reload }: { role: RoleDetail; reload: () => void }) {
  const stored = pretty(role.trust);
  const [draft, setDraft] = useState<string>();
  const [diff, setDiff] = useState(false);
  const { busy, fault, run, clear } = useAction();
  const editing = draft !== undefined;
  const save = () =>
    void run(async () => {
      await query("iam", "UpdateAssumeRolePolicy", { RoleName: role.name, PolicyDocument: draft });
      flash("success", `The trust policy of ${role.name} was saved.`);
      setDraft(undefined);
      setDiff(false);
      reload();
    });
  return (
    <Container
      header={
        <Header
          variant="h2"
          description="Who may assume this role, and under which conditions."
          actions={
            editing ? (
              <SpaceBetween direction="horizontal" size="xs">
                <Button variant="link" onClick={() => (setDraft(undefined), setDiff(false), clear())}>
                  Cancel
                </Button>
                <Button onClick={() => setDiff(!diff)}>{diff ? "Edit" : "Show changes"}</Button>
                <Button variant="primary" disabled={draft === stored} loading={busy} onClick={save}>
                  Update policy
                </Button>
              </SpaceBetween>
            ) : (
              <Button onClick={() => setDraft(stored)}>Edit trust policy</Button>
            )
          }
        >
          Trusted entities
        </Header>
      }
    >
      <SpaceBetween size="m">
        {!editing && <Editor label={`Trust policy of ${role.name}`} value={stored} minLines={6} />}
        {editing && !diff && <Editor label="Trust policy" value={draft} onChange={setDraft} lint="trust" />}
        {editing && diff && <Editor label="Changes of the trust policy" value={draft} before={stored} minLines={6} />}
        <FaultAlert fault={fault} dismiss={clear} />
        {!editing && <Link href={`${href("access")}?role=${encodeURIComponent(role.name)}`}>Who can assume this role, in plain words</Link>}
      </SpaceBetween>
    </Container>
  );
}

function Sessions({ name }: { name: string }) {
  const [asking, setAsking] = useState(false);
  return (
    <Container header={<Header variant="h2">Revoke sessions</Header>}>
      <SpaceBetween size="m">
        <Alert type="info">
          Ends all sessions of this role that were given out until now. Jobs that run must come again with a token; what they may then do is
          not changed by this.
        </Alert>
        <Button onClick={() => setAsking(true)}>Revoke active sessions</Button>
      </SpaceBetween>
      {asking && (
        <Confirm
          title={`Revoke the sessions of ${name}?`}
          action="Revoke sessions"
          phrase="revoke"
          onClose={() => setAsking(false)}
          onConfirm={async () => {
            await revokeRoleSessions(name, "");
            flash("success", `The sessions of ${name} were revoked.`);
          }}
        >
          All sessions that were issued until now are refused from now on, also those that were chained from them.
        </Confirm>
      )}
    </Container>
  );
}
