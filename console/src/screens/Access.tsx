import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import Link from "@cloudscape-design/components/link";
import Select from "@cloudscape-design/components/select";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import Tabs from "@cloudscape-design/components/tabs";
import { useState } from "react";
import { listProviders, listRoles, type Role } from "../api/iam";
import { describeAccess, listReach, type AccessOfRole, type Power, type Reached } from "../api/insight";
import { Editor } from "../parts/Editor";
import { FaultAlert } from "../parts/FaultAlert";
import { plural } from "../parts/format";
import { useAction, useLoad } from "../parts/load";
import { ResourceTable } from "../parts/ResourceTable";
import { sourceOf } from "../parts/trust";
import { href } from "../route";

export function Access({ role }: { role: string }) {
  return (
    <SpaceBetween size="l">
      <Header variant="h1" description="Who can assume a role, and what a project can reach.">
        Access
      </Header>
      <Tabs
        ariaLabel="Kinds of questions"
        tabs={[
          { id: "role", label: "Who can assume a role", content: <OfRole key={role} first={role} /> },
          { id: "project", label: "What a project can reach", content: <OfProject /> },
        ]}
      />
    </SpaceBetween>
  );
}

function OfRole({ first }: { first: string }) {
  const [name, setName] = useState(first);
  const roles = useLoad<Role[]>((signal, show) => listRoles(signal, show), []);
  const access = useLoad(async (signal) => (name ? describeAccess(name, signal) : undefined), [name]);
  const options = (roles.value ?? []).map((r) => ({ value: r.name, label: r.name }));
  return (
    <SpaceBetween size="l">
      <Container>
        <FormField label="Role">
          <Select
            selectedOption={name ? { value: name, label: name } : null}
            options={options}
            placeholder="Choose a role"
            filteringType="auto"
            virtualScroll
            filteringAriaLabel="Find roles"
            statusType={roles.loading ? "loading" : "finished"}
            loadingText="Loading roles"
            empty="No roles"
            onChange={({ detail }) => setName(detail.selectedOption.value ?? "")}
          />
        </FormField>
      </Container>
      <FaultAlert fault={roles.fault ?? access.fault} retry={access.reload} />
      {name && access.loading && <StatusIndicator type="loading">Looking for tokens that the role admits</StatusIndicator>}
      {access.value && <AccessPanel access={access.value} name={name} />}
    </SpaceBetween>
  );
}

function AccessPanel({ access, name }: { access: AccessOfRole; name: string }) {
  return (
    <SpaceBetween size="l">
      <Container header={<Header variant="h2">In plain words</Header>}>
        <SpaceBetween size="s">
          {access.ways.map((w, i) => (
            <div key={i}>
              <StatusIndicator type={w.effect === "Deny" ? "stopped" : "success"}>{w.words}</StatusIndicator>
            </div>
          ))}
          {access.note && <Box color="text-body-secondary">{access.note}</Box>}
        </SpaceBetween>
      </Container>
      <ResourceTable
        title="Tokens that it admits"
        description="One of each kind that was found. Such tokens exist, or somebody could have one."
        noun="token"
        items={access.admitted}
        id={(w) => `${w.issuer} ${w.subject}`}
        columns={[
          {
            id: "subject",
            header: "Subject",
            rowHeader: true,
            searchable: true,
            value: (w) => w.subject,
            cell: (w) => <code>{w.subject}</code>,
          },
          { id: "issuer", header: "Issuer", value: (w) => w.issuer, cell: (w) => w.issuer },
          { id: "says", header: "Whose it is", value: (w) => w.says, cell: (w) => w.says || "–" },
        ]}
      />
      <Container
        header={
          <Header variant="h2" counter={`(${access.findings.length})`}>
            Findings
          </Header>
        }
      >
        <SpaceBetween size="s">
          {access.findings.length === 0 && <StatusIndicator>Nothing was found</StatusIndicator>}
          {access.findings.map((f, i) => (
            <div key={i}>
              <StatusIndicator type={/critical|high|error/i.test(f.severity) ? "error" : "warning"}>
                {f.severity}: {f.message}
              </StatusIndicator>
              {f.witness && <Box variant="small">{f.witness}</Box>}
              {f.mend && <Box variant="small">{f.mend}</Box>}
            </div>
          ))}
        </SpaceBetween>
      </Container>
      <Container
        header={
          <Header variant="h2" actions={<Button href={href("roles", "view", name)}>Open role</Button>}>
            Trust policy
          </Header>
        }
      >
        <Editor label={`Trust policy of ${name}`} value={access.policy} minLines={4} />
      </Container>
    </SpaceBetween>
  );
}

function OfProject() {
  const providers = useLoad((signal) => listProviders(signal), []);
  const [host, setHost] = useState("");
  const [project, setProject] = useState("");
  const [found, setFound] = useState<{ roles: Reached[]; asked: number }>();
  const { busy, fault, run } = useAction();
  const options = (providers.value ?? []).map((p) => ({ value: p.host, label: p.host }));
  const chosen = host || options[0]?.value || "";
  const ask = () =>
    void run(async () => {
      const claim = sourceOf(chosen) === "github" ? "repository" : "project_path";
      setFound(await listReach(`https://${chosen}`, { [claim]: project.trim() }));
    });
  return (
    <SpaceBetween size="l">
      <Container>
        <form
          onSubmit={(e) => {
            e.preventDefault();
            if (chosen && project.trim()) ask();
          }}
        >
          <SpaceBetween size="m">
            <FormField label="Identity provider">
              <Select
                selectedOption={options.find((o) => o.value === chosen) ?? null}
                options={options}
                placeholder="Choose provider"
                empty="No identity providers"
                onChange={({ detail }) => setHost(detail.selectedOption.value ?? "")}
              />
            </FormField>
            <FormField label="Project" constraintText="For example mygroup/myproject.">
              <Input
                value={project}
                onChange={({ detail }) => setProject(detail.value)}
                spellcheck={false}
                autoComplete={false}
                ariaRequired
              />
            </FormField>
            <Button formAction="submit" variant="primary" loading={busy} disabled={!chosen || !project.trim()}>
              Find roles
            </Button>
          </SpaceBetween>
        </form>
      </Container>
      <FaultAlert fault={providers.fault ?? fault} />
      {found && found.roles.length === 0 && (
        <Alert type="info">
          Jobs of {project} were found to reach none of {plural(found.asked, "role")}.
        </Alert>
      )}
      {found && found.roles.length > 0 && (
        <ResourceTable<Reached>
          title="Roles that it reaches"
          noun="role"
          items={found.roles}
          id={(r) => r.roleName}
          columns={[
            {
              id: "name",
              header: "Role name",
              rowHeader: true,
              searchable: true,
              value: (r) => r.roleName,
              cell: (r) => <Link href={href("roles", "view", r.roleName)}>{r.roleName}</Link>,
            },
            { id: "subject", header: "With a token of", value: (r) => r.subject, cell: (r) => <code>{r.subject}</code> },
            { id: "powers", header: "What it may do", cell: (r) => <Powers powers={r.powers} /> },
          ]}
        />
      )}
    </SpaceBetween>
  );
}

function Powers({ powers }: { powers: Power[] }) {
  if (powers.length === 0) return <>nothing</>;
  return (
    <>
      {powers.map((p, i) => (
        <div key={i}>
          {p.effect ?? "Unreadable"}: {p.notAction ? "all but " : ""}
          {(p.actions ?? []).join(", ")} on {p.notResource ? "all but " : ""}
          {(p.resources ?? []).join(", ")}
          {p.conditions ? `, under ${plural(p.conditions, "condition")}` : ""}
        </div>
      ))}
    </>
  );
}
