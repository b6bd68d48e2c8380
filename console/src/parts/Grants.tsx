import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import Link from "@cloudscape-design/components/link";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";
import { attach, deleteInline, detach, getInline, listAttached, listInline, putInline, type Owner, type Policy } from "../api/iam";
import { href } from "../route";
import { ChoosePolicies } from "../screens/RoleWizard";
import { Confirm } from "./Confirm";
import { Dialog } from "./Dialog";
import { Editor } from "./Editor";
import { FaultAlert } from "./FaultAlert";
import { flash } from "./flash";
import { pretty } from "./format";
import { useAction, useLoad } from "./load";
import { ResourceTable } from "./ResourceTable";

interface Grant {
  name: string;
  arn: string; // empty: inline
}

// Grants is the permissions of a role or user: attached policies and inline ones.
export function Grants({ owner, name }: { owner: Owner; name: string }) {
  const grants = useLoad(
    async (signal) => {
      const [attached, inline] = await Promise.all([listAttached(owner, name, signal), listInline(owner, name, signal)]);
      return [...attached, ...inline.map((n) => ({ name: n, arn: "" }))] as Grant[];
    },
    [owner, name],
  );
  const [selected, setSelected] = useState<Grant[]>([]);
  const [open, setOpen] = useState<"attach" | "detach" | "inline">();
  const [shown, setShown] = useState<string>();
  const close = () => setOpen(undefined);
  const changed = () => (setSelected([]), grants.reload());
  return (
    <SpaceBetween size="l">
      <ResourceTable<Grant>
        title="Permissions policies"
        noun="policy"
        nouns="policies"
        items={grants.value}
        id={(g) => g.arn || `inline ${g.name}`}
        loading={grants.loading}
        fault={grants.fault}
        reload={grants.reload}
        selection="multi"
        selected={selected}
        onSelect={setSelected}
        columns={[
          {
            id: "name",
            header: "Policy name",
            rowHeader: true,
            searchable: true,
            value: (g) => g.name,
            cell: (g) =>
              g.arn ? (
                <Link href={href("policies", "view", g.arn)}>{g.name}</Link>
              ) : (
                <Button variant="inline-link" onClick={() => setShown(g.name)}>
                  {g.name}
                </Button>
              ),
          },
          { id: "type", header: "Type", value: kindOf, cell: kindOf },
        ]}
        actions={
          <>
            <Button disabled={selected.length === 0} onClick={() => setOpen("detach")}>
              Remove
            </Button>
            <Button onClick={() => setOpen("inline")}>Create inline policy</Button>
            <Button onClick={() => setOpen("attach")}>Attach policies</Button>
          </>
        }
        empty={`Without a policy the ${owner.toLowerCase()} may do nothing.`}
      />
      {shown !== undefined && <Inline key={shown} owner={owner} name={name} policy={shown} onClose={() => setShown(undefined)} />}
      {open === "inline" && <NewInline owner={owner} name={name} onClose={close} onDone={changed} />}
      {open === "attach" && (
        <Attach owner={owner} name={name} without={(grants.value ?? []).map((g) => g.arn)} onClose={close} onDone={changed} />
      )}
      {open === "detach" && (
        <Confirm
          title="Remove the policies?"
          action="Remove"
          onClose={close}
          onConfirm={async () => {
            for (const g of selected) await (g.arn ? detach(owner, name, g.arn) : deleteInline(owner, name, g.name));
            flash("success", "The policies were removed.");
            changed();
          }}
        >
          {name} will no longer have the permissions of {selected.map((g) => g.name).join(", ")}. An inline policy is deleted by that.
        </Confirm>
      )}
    </SpaceBetween>
  );
}

function kindOf(g: Grant): string {
  return !g.arn ? "Customer inline" : g.arn.includes(":iam::aws:") ? "AWS managed" : "Customer managed";
}

function Attach({
  owner,
  name,
  without,
  onClose,
  onDone,
}: {
  owner: Owner;
  name: string;
  without: string[];
  onClose: () => void;
  onDone: () => void;
}) {
  const [chosen, setChosen] = useState<Policy[]>([]);
  const submit = async () => {
    try {
      for (const p of chosen) await attach(owner, name, p.arn);
      flash("success", "The policies were attached.");
    } finally {
      onDone(); // some may be attached where one is refused
    }
  };
  return (
    <Dialog
      title={`Attach policies to ${name}`}
      action="Attach"
      size="large"
      ready={chosen.length > 0}
      onSubmit={submit}
      onClose={onClose}
    >
      <ChoosePolicies selected={chosen} onSelect={setChosen} without={without} />
    </Dialog>
  );
}

const firstInline = pretty('{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":[],"Resource":"*"}]}');

function NewInline({ owner, name, onClose, onDone }: { owner: Owner; name: string; onClose: () => void; onDone: () => void }) {
  const [policy, setPolicy] = useState("");
  const [document, setDocument] = useState(firstInline);
  const { busy, fault, run } = useAction();
  const submit = () =>
    void run(async () => {
      await putInline(owner, name, policy.trim(), document);
      flash("success", `Inline policy ${policy.trim()} was created.`);
      onDone();
    }).then((done) => done && onClose());
  return (
    <Container header={<Header variant="h2">Create inline policy</Header>}>
      <SpaceBetween size="m">
        <FormField label="Policy name">
          <Input
            value={policy}
            onChange={({ detail }) => setPolicy(detail.value)}
            spellcheck={false}
            autoComplete={false}
            autoFocus
            ariaRequired
          />
        </FormField>
        <Editor label="Inline policy document" value={document} onChange={setDocument} lint="permission" />
        <FaultAlert fault={fault} />
        <SpaceBetween direction="horizontal" size="xs">
          <Button onClick={onClose}>Cancel</Button>
          <Button variant="primary" disabled={!policy.trim()} loading={busy} onClick={submit}>
            Create policy
          </Button>
        </SpaceBetween>
      </SpaceBetween>
    </Container>
  );
}

function Inline({ owner, name, policy, onClose }: { owner: Owner; name: string; policy: string; onClose: () => void }) {
  const stored = useLoad((signal) => getInline(owner, name, policy, signal).then(pretty), [owner, name, policy]);
  const [draft, setDraft] = useState<string>();
  const { busy, fault, run } = useAction();
  const save = () =>
    void run(async () => {
      await putInline(owner, name, policy, draft ?? "");
      flash("success", `Inline policy ${policy} was saved.`);
      setDraft(undefined);
      stored.reload();
    });
  return (
    <Container header={<Header variant="h2">Inline policy {policy}</Header>}>
      <SpaceBetween size="m">
        <FaultAlert fault={stored.fault} retry={stored.reload} />
        {stored.value !== undefined && (
          <Editor label={`Inline policy ${policy}`} value={draft ?? stored.value} onChange={setDraft} lint="permission" minLines={6} />
        )}
        <FaultAlert fault={fault} />
        <SpaceBetween direction="horizontal" size="xs">
          <Button onClick={onClose}>Close</Button>
          <Button variant="primary" disabled={draft === undefined || draft === stored.value} loading={busy} onClick={save}>
            Save changes
          </Button>
        </SpaceBetween>
      </SpaceBetween>
    </Container>
  );
}
