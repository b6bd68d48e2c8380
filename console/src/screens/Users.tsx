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
import { createAccessKey, deleteUser, getUser, listAccessKeys, listUsers, type AccessKey, type User } from "../api/iam";
import { query } from "../api/query";
import { Ask } from "../parts/Ask";
import { Confirm } from "../parts/Confirm";
import { FaultAlert } from "../parts/FaultAlert";
import { flash } from "../parts/flash";
import { ago, when } from "../parts/format";
import { Grants } from "../parts/Grants";
import { useAction, useLoad } from "../parts/load";
import { ResourceTable } from "../parts/ResourceTable";
import { TagsPanel } from "../parts/Tags";
import { go, href } from "../route";

export function Users() {
  const users = useLoad<User[]>((signal, show) => listUsers(signal, show), []);
  const [selected, setSelected] = useState<User[]>([]);
  const [open, setOpen] = useState<"create" | "delete">();
  const one = selected[0];
  return (
    <>
      <ResourceTable<User>
        title="Users"
        description="People and programs with access keys of their own. A job needs none: it has its token."
        variant="full-page"
        noun="user"
        items={users.value}
        id={(u) => u.name}
        loading={users.loading}
        fault={users.fault}
        reload={users.reload}
        selection="single"
        selected={selected}
        onSelect={setSelected}
        columns={[
          {
            id: "name",
            header: "User name",
            rowHeader: true,
            searchable: true,
            value: (u) => u.name,
            cell: (u) => <Link href={href("users", "view", u.name)}>{u.name}</Link>,
          },
          { id: "path", header: "Path", value: (u) => u.path, cell: (u) => u.path },
          { id: "created", header: "Created", value: (u) => u.created, cell: (u) => when(u.created) },
        ]}
        actions={
          <>
            <Button disabled={!one} onClick={() => setOpen("delete")}>
              Delete
            </Button>
            <Button variant="primary" onClick={() => setOpen("create")}>
              Create user
            </Button>
          </>
        }
        empty={<Button onClick={() => setOpen("create")}>Create user</Button>}
      />
      {open === "create" && <CreateUser onClose={() => setOpen(undefined)} />}
      {open === "delete" && one && (
        <DeleteUser name={one.name} onClose={() => setOpen(undefined)} onDeleted={() => (setSelected([]), users.reload())} />
      )}
    </>
  );
}

function CreateUser({ onClose }: { onClose: () => void }) {
  return (
    <Ask
      title="Create user"
      label="User name"
      constraint="At most 64 characters: letters, digits and +=,.@-_"
      action="Create user"
      onClose={onClose}
      onSubmit={async (name) => {
        await query("iam", "CreateUser", { UserName: name });
        flash("success", `User ${name} was created.`);
        go("users", "view", name);
      }}
    />
  );
}

function DeleteUser({ name, onClose, onDeleted }: { name: string; onClose: () => void; onDeleted: () => void }) {
  return (
    <Confirm
      title={`Delete ${name}?`}
      action="Delete"
      phrase={name}
      onClose={onClose}
      onConfirm={async () => {
        await deleteUser(name);
        flash("success", `User ${name} was deleted.`);
        onDeleted();
      }}
    >
      The user's access keys and inline policies are deleted with it. That cannot be undone.
    </Confirm>
  );
}

export function UserScreen({ name }: { name: string }) {
  const user = useLoad((signal) => getUser(name, signal), [name]);
  const [deleting, setDeleting] = useState(false);
  const detail = user.value;
  return (
    <SpaceBetween size="l">
      <Header variant="h1" actions={<Button onClick={() => setDeleting(true)}>Delete</Button>}>
        {name}
      </Header>
      <FaultAlert fault={user.fault} retry={user.reload} />
      {user.loading && !detail && <StatusIndicator type="loading">Loading</StatusIndicator>}
      {detail && (
        <SpaceBetween size="l">
          <Container header={<Header variant="h2">Summary</Header>}>
            <KeyValuePairs
              columns={3}
              items={[
                { label: "ARN", value: detail.arn },
                { label: "Path", value: detail.path },
                { label: "Created", value: when(detail.created) },
              ]}
            />
          </Container>
          <Tabs
            ariaLabel="Parts of the user"
            tabs={[
              { id: "permissions", label: "Permissions", content: <Grants owner="User" name={name} /> },
              { id: "keys", label: "Access keys", content: <AccessKeys user={name} /> },
              { id: "tags", label: "Tags", content: <TagsPanel kind="User" id={name} tags={detail.tags} reload={user.reload} /> },
            ]}
          />
        </SpaceBetween>
      )}
      {deleting && <DeleteUser name={name} onClose={() => setDeleting(false)} onDeleted={() => go("users")} />}
    </SpaceBetween>
  );
}

function AccessKeys({ user }: { user: string }) {
  const keys = useLoad((signal) => listAccessKeys(user, signal), [user]);
  const [selected, setSelected] = useState<AccessKey[]>([]);
  const [created, setCreated] = useState<{ id: string; secret: string }>();
  const [deleting, setDeleting] = useState(false);
  const { busy, fault, run, clear } = useAction();
  const one = selected[0];
  const changed = () => (setSelected([]), keys.reload());
  const create = () =>
    void run(async () => {
      setCreated(await createAccessKey(user));
      changed();
    });
  const toggle = () =>
    void run(async () => {
      await query("iam", "UpdateAccessKey", { UserName: user, AccessKeyId: one?.id, Status: one?.active ? "Inactive" : "Active" });
      changed();
    });
  return (
    <SpaceBetween size="l">
      {created && <NewKey created={created} onClose={() => setCreated(undefined)} />}
      <FaultAlert fault={fault} dismiss={clear} />
      <ResourceTable<AccessKey>
        title="Access keys"
        description="A user has two at most, so that one can be replaced by another."
        noun="access key"
        items={keys.value}
        id={(k) => k.id}
        loading={keys.loading}
        fault={keys.fault}
        reload={keys.reload}
        selection="single"
        selected={selected}
        onSelect={setSelected}
        columns={[
          { id: "id", header: "Access key ID", rowHeader: true, value: (k) => k.id, cell: (k) => k.id },
          {
            id: "status",
            header: "Status",
            value: (k) => String(k.active),
            cell: (k) => <StatusIndicator type={k.active ? "success" : "stopped"}>{k.active ? "Active" : "Inactive"}</StatusIndicator>,
          },
          { id: "created", header: "Created", value: (k) => k.created, cell: (k) => when(k.created) },
          {
            id: "used",
            header: "Last used",
            value: (k) => k.lastUsed,
            cell: (k) => (k.lastUsed ? `${ago(k.lastUsed)}, ${k.lastService}` : "Never"),
          },
        ]}
        actions={
          <>
            <Button disabled={!one} loading={busy} onClick={toggle}>
              {one && !one.active ? "Activate" : "Deactivate"}
            </Button>
            <Button disabled={!one} onClick={() => setDeleting(true)}>
              Delete
            </Button>
            <Button onClick={create} loading={busy}>
              Create access key
            </Button>
          </>
        }
      />
      {deleting && one && (
        <Confirm
          title={`Delete access key ${one.id}?`}
          action="Delete"
          onClose={() => setDeleting(false)}
          onConfirm={async () => {
            await query("iam", "DeleteAccessKey", { UserName: user, AccessKeyId: one.id });
            changed();
          }}
        >
          What still signs with it is refused from then on. Deactivate it first to see whether anything does. That cannot be undone.
        </Confirm>
      )}
    </SpaceBetween>
  );
}

// NewKey shows a secret access key the one time that it is known.
function NewKey({ created, onClose }: { created: { id: string; secret: string }; onClose: () => void }) {
  const [shown, setShown] = useState(false);
  return (
    <Container
      header={
        <Header variant="h2" actions={<Button onClick={onClose}>Done</Button>}>
          Retrieve access key
        </Header>
      }
    >
      <SpaceBetween size="m">
        <Alert type="warning">
          This is the only time that the secret access key can be seen. Keep it now; if it is lost, create another.
        </Alert>
        <KeyValuePairs
          columns={2}
          items={[
            {
              label: "Access key ID",
              value: (
                <CopyToClipboard
                  variant="inline"
                  textToCopy={created.id}
                  copyButtonAriaLabel="Copy access key ID"
                  copySuccessText="Copied"
                  copyErrorText="Not copied"
                />
              ),
            },
            {
              label: "Secret access key",
              value: shown ? (
                <CopyToClipboard
                  variant="inline"
                  textToCopy={created.secret}
                  copyButtonAriaLabel="Copy secret access key"
                  copySuccessText="Copied"
                  copyErrorText="Not copied"
                />
              ) : (
                <Button variant="inline-link" onClick={() => setShown(true)}>
                  Show
                </Button>
              ),
            },
          ]}
        />
      </SpaceBetween>
    </Container>
  );
}
