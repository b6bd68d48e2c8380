import Button from "@cloudscape-design/components/button";
import Link from "@cloudscape-design/components/link";
import { useState } from "react";
import { deleteRole, listRoles, type Role } from "../api/iam";
import { Confirm } from "../parts/Confirm";
import { flash } from "../parts/flash";
import { when } from "../parts/format";
import { useLoad } from "../parts/load";
import { ResourceTable } from "../parts/ResourceTable";
import { trustedEntities } from "../parts/trust";
import { go, href } from "../route";

export function Roles() {
  const roles = useLoad<Role[]>((signal, show) => listRoles(signal, show), []);
  const [selected, setSelected] = useState<Role[]>([]);
  const [deleting, setDeleting] = useState(false);
  const one = selected[0];
  return (
    <>
      <ResourceTable<Role>
        title="Roles"
        description="An identity with permissions that is assumed for a while: by a job with its token, by a user, by another role."
        variant="full-page"
        noun="role"
        items={roles.value}
        id={(r) => r.name}
        loading={roles.loading}
        fault={roles.fault}
        reload={roles.reload}
        selection="single"
        selected={selected}
        onSelect={setSelected}
        columns={[
          {
            id: "name",
            header: "Role name",
            rowHeader: true,
            searchable: true,
            value: (r) => r.name,
            cell: (r) => <Link href={href("roles", "view", r.name)}>{r.name}</Link>,
          },
          {
            id: "trusted",
            header: "Trusted entities",
            searchable: true,
            value: (r) => trustedEntities(r.trust),
            cell: (r) => trustedEntities(r.trust),
          },
          { id: "path", header: "Path", value: (r) => r.path, cell: (r) => r.path },
          { id: "created", header: "Created", value: (r) => r.created, cell: (r) => when(r.created) },
        ]}
        actions={
          <>
            <Button disabled={!one} onClick={() => setDeleting(true)}>
              Delete
            </Button>
            <Button variant="primary" href={href("roles", "create")}>
              Create role
            </Button>
          </>
        }
        empty={<Button onClick={() => go("roles", "create")}>Create role</Button>}
      />
      {deleting && one && (
        <DeleteRole name={one.name} onClose={() => setDeleting(false)} onDeleted={() => (setSelected([]), roles.reload())} />
      )}
    </>
  );
}

export function DeleteRole({ name, onClose, onDeleted }: { name: string; onClose: () => void; onDeleted: () => void }) {
  return (
    <Confirm
      title={`Delete ${name}?`}
      action="Delete"
      phrase={name}
      onClose={onClose}
      onConfirm={async () => {
        await deleteRole(name);
        flash("success", `Role ${name} was deleted.`);
        onDeleted();
      }}
    >
      Its policies are detached, its inline policies deleted, and its sessions are worth nothing from then on. That cannot be undone: a role
      made again with this name is another.
    </Confirm>
  );
}
