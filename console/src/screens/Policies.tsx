import Button from "@cloudscape-design/components/button";
import Link from "@cloudscape-design/components/link";
import Select from "@cloudscape-design/components/select";
import { useState } from "react";
import { listPolicies, type Policy, type PolicyScope } from "../api/iam";
import { ago } from "../parts/format";
import { useLoad } from "../parts/load";
import { ResourceTable } from "../parts/ResourceTable";
import { href } from "../route";
import { DeletePolicy } from "./Policy";

const scopes: { value: PolicyScope; label: string }[] = [
  { value: "All", label: "All types" },
  { value: "Local", label: "Customer managed" },
  { value: "AWS", label: "AWS managed" },
];

export function Policies() {
  const [scope, setScope] = useState<PolicyScope>("All");
  const policies = useLoad<Policy[]>((signal, show) => listPolicies(scope, signal, show), [scope]);
  const [selected, setSelected] = useState<Policy[]>([]);
  const [deleting, setDeleting] = useState(false);
  const one = selected[0];
  return (
    <>
      <ResourceTable<Policy>
        title="Policies"
        description="A policy is an object that defines permissions. Attach it to roles and users."
        variant="full-page"
        noun="policy"
        nouns="policies"
        items={policies.value}
        id={(p) => p.arn}
        loading={policies.loading}
        fault={policies.fault}
        reload={policies.reload}
        selection="single"
        selected={selected}
        onSelect={setSelected}
        columns={[
          {
            id: "name",
            header: "Policy name",
            rowHeader: true,
            searchable: true,
            value: (p) => p.name,
            cell: (p) => <Link href={href("policies", "view", p.arn)}>{p.name}</Link>,
          },
          { id: "type", header: "Type", value: (p) => p.scope, cell: (p) => p.scope },
          { id: "used", header: "Attached to", value: (p) => p.attachments, cell: (p) => p.attachments },
          { id: "description", header: "Description", searchable: true, value: (p) => p.description, cell: (p) => p.description || "–" },
          { id: "updated", header: "Edited", value: (p) => p.updated, cell: (p) => ago(p.updated) },
        ]}
        filters={
          <Select
            selectedOption={scopes.find((s) => s.value === scope) ?? null}
            options={scopes}
            onChange={({ detail }) => {
              setSelected([]);
              setScope(detail.selectedOption.value as PolicyScope);
            }}
            ariaLabel="Filter by type"
          />
        }
        actions={
          <>
            <Button disabled={!one || one.scope === "AWS managed"} onClick={() => setDeleting(true)}>
              Delete
            </Button>
            <Button variant="primary" href={href("policies", "create")}>
              Create policy
            </Button>
          </>
        }
        empty={<Button href={href("policies", "create")}>Create policy</Button>}
      />
      {deleting && one && (
        <DeletePolicy arn={one.arn} onClose={() => setDeleting(false)} onDeleted={() => (setSelected([]), policies.reload())} />
      )}
    </>
  );
}
