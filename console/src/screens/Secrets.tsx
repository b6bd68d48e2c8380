import Alert from "@cloudscape-design/components/alert";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import CopyToClipboard from "@cloudscape-design/components/copy-to-clipboard";
import Form from "@cloudscape-design/components/form";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import Link from "@cloudscape-design/components/link";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import Textarea from "@cloudscape-design/components/textarea";
import { useState } from "react";
import type { Tag } from "../api/query";
import {
  createSecret,
  deleteSecret,
  describeSecret,
  getSecretValue,
  listSecrets,
  listSecretVersions,
  putSecretValue,
  restoreSecret,
  type Secret,
  type SecretValue,
  type SecretVersion,
} from "../api/secrets";
import { Confirm } from "../parts/Confirm";
import { FaultAlert } from "../parts/FaultAlert";
import { flash } from "../parts/flash";
import { ago, when } from "../parts/format";
import { useAction, useLoad } from "../parts/load";
import { ResourceTable } from "../parts/ResourceTable";
import { TagFields } from "../parts/Tags";
import { go, href } from "../route";

export function Secrets() {
  const secrets = useLoad<Secret[]>((signal, show) => listSecrets(signal, show), []);
  return (
    <ResourceTable<Secret>
      title="Secrets"
      description="Values that jobs read from Secrets Manager with their temporary credentials."
      variant="full-page"
      noun="secret"
      items={secrets.value}
      id={(s) => s.id}
      loading={secrets.loading}
      fault={secrets.fault}
      reload={secrets.reload}
      columns={[
        {
          id: "name",
          header: "Secret name",
          rowHeader: true,
          searchable: true,
          value: (s) => s.name,
          cell: (s) => <Link href={href("secrets", "view", s.id)}>{s.name}</Link>,
        },
        { id: "description", header: "Description", searchable: true, value: (s) => s.description, cell: (s) => s.description || "–" },
        { id: "changed", header: "Last changed", value: (s) => s.changed, cell: (s) => ago(s.changed) },
        {
          id: "state",
          header: "Status",
          value: (s) => (s.deleted ? 1 : 0),
          cell: (s) =>
            s.deleted ? <StatusIndicator type="pending">To be deleted</StatusIndicator> : <StatusIndicator>In use</StatusIndicator>,
        },
      ]}
      actions={
        <Button variant="primary" href={href("secrets", "create")}>
          Store a new secret
        </Button>
      }
      empty={<Button href={href("secrets", "create")}>Store a new secret</Button>}
    />
  );
}

export function CreateSecret() {
  const [name, setName] = useState("");
  const [description, setDescription] = useState("");
  const [value, setValue] = useState("");
  const [tags, setTags] = useState<Tag[]>([]);
  const [tried, setTried] = useState(false);
  const { busy, fault, run } = useAction();
  const submit = () => {
    setTried(true);
    if (!name.trim() || !value) return;
    void run(async () => {
      const arn = await createSecret(name.trim(), description, value, tags);
      flash("success", `Secret ${name.trim()} was stored.`);
      go("secrets", "view", arn);
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
        header={<Header variant="h1">Store a new secret</Header>}
        actions={
          <SpaceBetween direction="horizontal" size="xs">
            <Button variant="link" formAction="none" href={href("secrets")}>
              Cancel
            </Button>
            <Button variant="primary" formAction="submit" loading={busy}>
              Store
            </Button>
          </SpaceBetween>
        }
      >
        <SpaceBetween size="l">
          <Container header={<Header variant="h2">Secret</Header>}>
            <SpaceBetween size="m">
              <FormField
                label="Secret name"
                constraintText="Letters, digits and /_+=.@-"
                errorText={tried && !name.trim() ? "Enter a name." : undefined}
              >
                <Input value={name} onChange={({ detail }) => setName(detail.value)} spellcheck={false} autoComplete={false} ariaRequired />
              </FormField>
              <FormField
                label="Secret value"
                description="Text of any kind; applications often keep JSON there."
                errorText={tried && !value ? "Enter the value." : undefined}
              >
                <Textarea
                  value={value}
                  onChange={({ detail }) => setValue(detail.value)}
                  spellcheck={false}
                  autoComplete={false}
                  rows={4}
                  ariaRequired
                />
              </FormField>
              <FormField label="Description – optional">
                <Input value={description} onChange={({ detail }) => setDescription(detail.value)} />
              </FormField>
            </SpaceBetween>
          </Container>
          <Container header={<Header variant="h2">Add tags – optional</Header>}>
            <TagFields tags={tags} onChange={setTags} />
          </Container>
          <FaultAlert fault={fault} />
        </SpaceBetween>
      </Form>
    </form>
  );
}

export function SecretScreen({ id }: { id: string }) {
  const secret = useLoad((signal) => describeSecret(id, signal), [id]);
  const versions = useLoad((signal) => listSecretVersions(id, signal), [id]);
  const [open, setOpen] = useState<"delete" | "value">();
  const { busy, fault, run, clear } = useAction();
  const detail = secret.value;
  const changed = () => (secret.reload(), versions.reload());
  const restore = () =>
    void run(async () => {
      await restoreSecret(id);
      flash("success", "The secret was restored.");
      changed();
    });
  return (
    <SpaceBetween size="l">
      <Header
        variant="h1"
        description={detail?.description}
        actions={
          detail?.deleted ? (
            <Button loading={busy} onClick={restore}>
              Cancel deletion
            </Button>
          ) : (
            <Button disabled={!detail} onClick={() => setOpen("delete")}>
              Delete secret
            </Button>
          )
        }
      >
        {detail?.name ?? id.replace(/^.*:secret:/, "")}
      </Header>
      <FaultAlert fault={secret.fault} retry={secret.reload} />
      <FaultAlert fault={fault} dismiss={clear} />
      {secret.loading && !detail && <StatusIndicator type="loading">Loading</StatusIndicator>}
      {detail?.deleted && (
        <Alert type="warning">
          This secret is to be deleted since {when(detail.deleted)}. Its value cannot be read until the deletion is cancelled.
        </Alert>
      )}
      {detail && (
        <Container header={<Header variant="h2">Secret details</Header>}>
          <KeyValuePairs
            columns={3}
            items={[
              { label: "ARN", value: detail.id },
              { label: "Last changed", value: when(detail.changed) },
              { label: "Last retrieved", value: ago(detail.accessed) },
            ]}
          />
        </Container>
      )}
      {detail && !detail.deleted && <Value key={String(detail.changed)} id={id} edit={() => setOpen("value")} />}
      {open === "value" && <NewValue id={id} onClose={() => setOpen(undefined)} onDone={changed} />}
      <ResourceTable<SecretVersion>
        title="Versions"
        noun="version"
        items={versions.value}
        id={(v) => v.id}
        loading={versions.loading}
        fault={versions.fault}
        reload={versions.reload}
        sortBy="created"
        descending
        columns={[
          { id: "id", header: "Version id", rowHeader: true, value: (v) => v.id, cell: (v) => v.id },
          { id: "stages", header: "Staging labels", value: (v) => v.stages.join(", "), cell: (v) => v.stages.join(", ") || "Deprecated" },
          { id: "created", header: "Created", value: (v) => v.created, cell: (v) => when(v.created) },
        ]}
      />
      {detail && detail.tags.length > 0 && (
        <Container header={<Header variant="h2">Tags</Header>}>
          <KeyValuePairs columns={3} items={detail.tags.map((t) => ({ label: t.key, value: t.value || "–" }))} />
        </Container>
      )}
      {open === "delete" && <DeleteSecret id={id} name={detail?.name ?? ""} onClose={() => setOpen(undefined)} onDone={changed} />}
    </SpaceBetween>
  );
}

// Value reads the secret's value only when it is asked for: that is an event of its
// own in the record.
function Value({ id, edit }: { id: string; edit: () => void }) {
  const [value, setValue] = useState<SecretValue>();
  const { busy, fault, run, clear } = useAction();
  return (
    <Container
      header={
        <Header
          variant="h2"
          description="Reading it is written to the record of requests, under your name."
          actions={
            <SpaceBetween direction="horizontal" size="xs">
              {value ? (
                <Button onClick={() => setValue(undefined)}>Hide</Button>
              ) : (
                <Button loading={busy} onClick={() => void run(async () => setValue(await getSecretValue(id)))}>
                  Retrieve secret value
                </Button>
              )}
              <Button onClick={edit}>New value</Button>
            </SpaceBetween>
          }
        >
          Secret value
        </Header>
      }
    >
      <FaultAlert fault={fault} dismiss={clear} />
      {value && (
        <SpaceBetween size="s">
          {value.binary && <StatusIndicator type="info">Binary, shown in base64</StatusIndicator>}
          <pre className="value" data-testid="secret-value">
            {value.text}
          </pre>
          <CopyToClipboard textToCopy={value.text} copyButtonText="Copy" copySuccessText="Copied" copyErrorText="Not copied" />
        </SpaceBetween>
      )}
    </Container>
  );
}

function NewValue({ id, onClose, onDone }: { id: string; onClose: () => void; onDone: () => void }) {
  const [value, setValue] = useState("");
  const { busy, fault, run } = useAction();
  const submit = () =>
    void run(async () => {
      await putSecretValue(id, value);
      flash("success", "The secret has a new version; the one before is AWSPREVIOUS.");
      onDone();
    }).then((done) => done && onClose());
  return (
    <Container header={<Header variant="h2">New value</Header>}>
      <SpaceBetween size="m">
        <FormField label="New secret value">
          <Textarea
            value={value}
            onChange={({ detail }) => setValue(detail.value)}
            spellcheck={false}
            autoComplete={false}
            autoFocus
            rows={4}
            ariaRequired
          />
        </FormField>
        <FaultAlert fault={fault} />
        <SpaceBetween direction="horizontal" size="xs">
          <Button onClick={onClose}>Cancel</Button>
          <Button variant="primary" disabled={!value} loading={busy} onClick={submit}>
            Save
          </Button>
        </SpaceBetween>
      </SpaceBetween>
    </Container>
  );
}

function DeleteSecret({ id, name, onClose, onDone }: { id: string; name: string; onClose: () => void; onDone: () => void }) {
  const [days, setDays] = useState("30");
  return (
    <Confirm
      title={`Delete ${name}?`}
      action="Schedule deletion"
      onClose={onClose}
      onConfirm={async () => {
        await deleteSecret(id, Number(days));
        flash("success", `Secret ${name} is to be deleted in ${days} days.`);
        onDone();
      }}
    >
      <SpaceBetween size="m">
        <span>Its value cannot be read from now on. Until the days are over the deletion can be cancelled.</span>
        <FormField label="Waiting period" description="In days, from 7 to 30.">
          <Input type="number" inputMode="numeric" value={days} onChange={({ detail }) => setDays(detail.value)} />
        </FormField>
      </SpaceBetween>
    </Confirm>
  );
}
