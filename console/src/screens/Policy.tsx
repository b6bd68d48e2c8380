import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import Link from "@cloudscape-design/components/link";
import Select from "@cloudscape-design/components/select";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import Tabs from "@cloudscape-design/components/tabs";
import Textarea from "@cloudscape-design/components/textarea";
import Wizard from "@cloudscape-design/components/wizard";
import { useState } from "react";
import {
  createPolicy,
  detach,
  getPolicy,
  getPolicyVersion,
  listEntities,
  listPolicyVersions,
  type Entity,
  type Policy,
  type PolicyVersion,
} from "../api/iam";
import { query, type Tag } from "../api/query";
import { Confirm } from "../parts/Confirm";
import { Editor } from "../parts/Editor";
import { FaultAlert } from "../parts/FaultAlert";
import { flash } from "../parts/flash";
import { pretty, when } from "../parts/format";
import { useAction, useLoad } from "../parts/load";
import { ResourceTable } from "../parts/ResourceTable";
import { TagFields, TagsPanel } from "../parts/Tags";
import { wizardStrings } from "../parts/wizard";
import { go, href } from "../route";

const firstDocument = pretty('{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":[],"Resource":"*"}]}');

// CreatePolicy has the tutorial's two steps: the JSON, then review and name.
export function CreatePolicy() {
  const [step, setStep] = useState(0);
  const [document, setDocument] = useState(firstDocument);
  const [name, setName] = useState("");
  const [description, setDescription] = useState("");
  const [tags, setTags] = useState<Tag[]>([]);
  const [tried, setTried] = useState(false);
  const { busy, fault, run, clear } = useAction();
  const notJSON = jsonError(document);

  const submit = () => {
    setTried(true);
    if (!name.trim()) return;
    void run(async () => {
      const arn = await createPolicy(name.trim(), description, document, tags);
      flash("success", `Policy ${name.trim()} was created.`);
      go("policies", "view", arn);
    });
  };

  return (
    <Wizard
      i18nStrings={{ ...wizardStrings, submitButton: "Create policy", nextButton: "Review policy" }}
      activeStepIndex={step}
      isLoadingNextStep={busy}
      onNavigate={({ detail }) => {
        setTried(true);
        if (detail.requestedStepIndex > step && notJSON) return;
        setTried(false);
        clear();
        setStep(detail.requestedStepIndex);
      }}
      onCancel={() => go("policies")}
      onSubmit={submit}
      steps={[
        {
          title: "Specify permissions",
          description: "What the policy allows, in JSON.",
          content: (
            <Container header={<Header variant="h2">Policy editor</Header>}>
              <FormField stretch errorText={tried ? notJSON : undefined}>
                <Editor label="Policy document" value={document} onChange={setDocument} lint="permission" minLines={16} />
              </FormField>
            </Container>
          ),
        },
        {
          title: "Review and create",
          content: (
            <SpaceBetween size="l">
              <FaultAlert fault={fault} />
              <Container header={<Header variant="h2">Policy details</Header>}>
                <SpaceBetween size="m">
                  <FormField
                    label="Name"
                    constraintText="At most 128 characters: letters, digits and +=,.@-_"
                    errorText={tried && !name.trim() ? "Enter a name." : undefined}
                  >
                    <Input
                      name="policyName"
                      value={name}
                      onChange={({ detail }) => setName(detail.value)}
                      spellcheck={false}
                      autoComplete={false}
                      ariaRequired
                    />
                  </FormField>
                  <FormField label="Description – optional">
                    <Textarea value={description} onChange={({ detail }) => setDescription(detail.value)} rows={2} />
                  </FormField>
                </SpaceBetween>
              </Container>
              <Container header={<Header variant="h2">Permissions defined in this policy</Header>}>
                <Editor label="Policy document to review" value={document} minLines={4} />
              </Container>
              <Container header={<Header variant="h2">Add tags – optional</Header>}>
                <TagFields tags={tags} onChange={setTags} />
              </Container>
            </SpaceBetween>
          ),
        },
      ]}
    />
  );
}

// jsonError says why a document is no JSON, in the browser's words.
export function jsonError(document: string): string | undefined {
  try {
    JSON.parse(document);
    return undefined;
  } catch (thrown) {
    return `The document is not JSON: ${thrown instanceof Error ? thrown.message : String(thrown)}`;
  }
}

export function PolicyScreen({ arn }: { arn: string }) {
  const policy = useLoad((signal) => getPolicy(arn, signal), [arn]);
  const [deleting, setDeleting] = useState(false);
  const detail = policy.value;
  const managed = arn.includes(":iam::aws:");
  return (
    <SpaceBetween size="l">
      <Header
        variant="h1"
        actions={
          <Button disabled={managed} onClick={() => setDeleting(true)}>
            Delete
          </Button>
        }
      >
        {arn.replace(/^.*\//, "")}
      </Header>
      <FaultAlert fault={policy.fault} retry={policy.reload} />
      {policy.loading && !detail && <StatusIndicator type="loading">Loading</StatusIndicator>}
      {detail && (
        <SpaceBetween size="l">
          <Container header={<Header variant="h2">Policy details</Header>}>
            <KeyValuePairs
              columns={3}
              items={[
                { label: "Type", value: detail.scope },
                { label: "ARN", value: detail.arn },
                { label: "Description", value: detail.description || "–" },
                { label: "Created", value: when(detail.created) },
                { label: "Edited", value: when(detail.updated) },
                { label: "Default version", value: detail.defaultVersion },
              ]}
            />
          </Container>
          <Tabs
            ariaLabel="Parts of the policy"
            tabs={[
              { id: "permissions", label: "Permissions", content: <Permissions policy={detail} reload={policy.reload} /> },
              { id: "entities", label: "Entities attached", content: <Entities arn={arn} /> },
              { id: "versions", label: "Policy versions", content: <Versions policy={detail} reload={policy.reload} /> },
              ...(managed
                ? []
                : [{ id: "tags", label: "Tags", content: <TagsPanel kind="Policy" id={arn} tags={detail.tags} reload={policy.reload} /> }]),
            ]}
          />
        </SpaceBetween>
      )}
      {deleting && <DeletePolicy arn={arn} onClose={() => setDeleting(false)} onDeleted={() => go("policies")} />}
    </SpaceBetween>
  );
}

function Permissions({ policy, reload }: { policy: Policy; reload: () => void }) {
  const document = useLoad(
    (signal) => getPolicyVersion(policy.arn, policy.defaultVersion, signal).then(pretty),
    [policy.arn, policy.defaultVersion],
  );
  const [draft, setDraft] = useState<string>();
  const [diff, setDiff] = useState(false);
  const { busy, fault, run, clear } = useAction();
  const save = () =>
    void run(async () => {
      const versions = await listPolicyVersions(policy.arn);
      // IAM keeps five; the AWS console, too, lets the oldest go that is not the default.
      const oldest = versions.filter((v) => !v.isDefault).sort((a, b) => (a.created?.getTime() ?? 0) - (b.created?.getTime() ?? 0))[0];
      if (versions.length >= 5 && oldest) await query("iam", "DeletePolicyVersion", { PolicyArn: policy.arn, VersionId: oldest.id });
      await query("iam", "CreatePolicyVersion", { PolicyArn: policy.arn, PolicyDocument: draft, SetAsDefault: true });
      flash("success", `Policy ${policy.name} has a new default version.`);
      setDraft(undefined);
      reload();
    });
  const editing = draft !== undefined;
  return (
    <Container
      header={
        <Header
          variant="h2"
          description={`Version ${policy.defaultVersion}, which is the default.`}
          actions={
            policy.scope === "AWS managed" ? undefined : editing ? (
              <SpaceBetween direction="horizontal" size="xs">
                <Button variant="link" onClick={() => (setDraft(undefined), setDiff(false), clear())}>
                  Cancel
                </Button>
                <Button onClick={() => setDiff(!diff)}>{diff ? "Edit" : "Show changes"}</Button>
                <Button variant="primary" loading={busy} disabled={draft === document.value} onClick={save}>
                  Save changes
                </Button>
              </SpaceBetween>
            ) : (
              <Button disabled={document.value === undefined} onClick={() => setDraft(document.value)}>
                Edit
              </Button>
            )
          }
        >
          Permissions defined in this policy
        </Header>
      }
    >
      <SpaceBetween size="m">
        <FaultAlert fault={document.fault} retry={document.reload} />
        {document.loading && document.value === undefined && <StatusIndicator type="loading">Loading</StatusIndicator>}
        {document.value !== undefined && !editing && <Editor label={`Document of ${policy.name}`} value={document.value} minLines={6} />}
        {editing && !diff && <Editor label="Policy document" value={draft} onChange={setDraft} lint="permission" />}
        {editing && diff && <Editor label="Changes of the policy document" value={draft} before={document.value ?? ""} minLines={6} />}
        {editing && (
          <Alert type="info">
            Saving makes a new version and its default. Of five versions, which is as many as IAM keeps, the oldest goes.
          </Alert>
        )}
        <FaultAlert fault={fault} dismiss={clear} />
      </SpaceBetween>
    </Container>
  );
}

function Entities({ arn }: { arn: string }) {
  const entities = useLoad((signal) => listEntities(arn, signal), [arn]);
  const [selected, setSelected] = useState<Entity[]>([]);
  const [detaching, setDetaching] = useState(false);
  const link = (e: Entity) =>
    e.kind === "Group" ? e.name : <Link href={href(e.kind === "Role" ? "roles" : "users", "view", e.name)}>{e.name}</Link>;
  return (
    <>
      <ResourceTable<Entity>
        title="Entities attached"
        noun="entity"
        nouns="entities"
        items={entities.value}
        id={(e) => `${e.kind} ${e.name}`}
        loading={entities.loading}
        fault={entities.fault}
        reload={entities.reload}
        selection="multi"
        selected={selected}
        onSelect={setSelected}
        columns={[
          { id: "name", header: "Entity name", rowHeader: true, searchable: true, value: (e) => e.name, cell: link },
          { id: "kind", header: "Entity type", value: (e) => e.kind, cell: (e) => e.kind },
        ]}
        actions={
          <Button disabled={selected.length === 0} onClick={() => setDetaching(true)}>
            Detach
          </Button>
        }
      />
      {detaching && (
        <Confirm
          title="Detach the policy?"
          action="Detach"
          onClose={() => setDetaching(false)}
          onConfirm={async () => {
            for (const e of selected) {
              if (e.kind === "Group") await query("iam", "DetachGroupPolicy", { GroupName: e.name, PolicyArn: arn });
              else await detach(e.kind, e.name, arn);
            }
            setSelected([]);
            entities.reload();
          }}
        >
          {selected.map((e) => e.name).join(", ")} will no longer have its permissions.
        </Confirm>
      )}
    </>
  );
}

function Versions({ policy, reload }: { policy: Policy; reload: () => void }) {
  const versions = useLoad((signal) => listPolicyVersions(policy.arn, signal), [policy.arn, policy.defaultVersion]);
  const [selected, setSelected] = useState<PolicyVersion[]>([]);
  const [against, setAgainst] = useState<string>();
  const [deleting, setDeleting] = useState(false);
  const { busy, fault, run, clear } = useAction();
  const one = selected[0];
  const other = against ?? policy.defaultVersion;
  const documents = useLoad(
    async (signal) => (one ? Promise.all([other, one.id].map((v) => getPolicyVersion(policy.arn, v, signal).then(pretty))) : undefined),
    [policy.arn, one?.id, other],
  );
  const setDefault = () =>
    void run(async () => {
      await query("iam", "SetDefaultPolicyVersion", { PolicyArn: policy.arn, VersionId: one?.id });
      flash("success", `Version ${one?.id} is the default of ${policy.name}.`);
      setSelected([]);
      reload();
      versions.reload();
    });
  const choices = (versions.value ?? []).map((v) => ({ value: v.id, label: v.isDefault ? `${v.id} (default)` : v.id }));
  return (
    <SpaceBetween size="l">
      <ResourceTable<PolicyVersion>
        title="Policy versions"
        noun="version"
        items={versions.value}
        id={(v) => v.id}
        loading={versions.loading}
        fault={versions.fault}
        selection="single"
        selected={selected}
        onSelect={setSelected}
        sortBy="created"
        descending
        columns={[
          {
            id: "version",
            header: "Version",
            rowHeader: true,
            value: (v) => v.id,
            cell: (v) => (v.isDefault ? `${v.id} (default)` : v.id),
          },
          { id: "created", header: "Created", value: (v) => v.created, cell: (v) => when(v.created) },
        ]}
        actions={
          <>
            <Button disabled={!one || one.isDefault || policy.scope === "AWS managed"} onClick={() => setDeleting(true)}>
              Delete version
            </Button>
            <Button disabled={!one || one.isDefault || policy.scope === "AWS managed"} loading={busy} onClick={setDefault}>
              Set as default
            </Button>
          </>
        }
      />
      <FaultAlert fault={fault} dismiss={clear} />
      {one ? (
        <Container
          header={<Header variant="h2">{one.id === other ? `Version ${one.id}` : `What changed from ${other} to ${one.id}`}</Header>}
        >
          <SpaceBetween size="m">
            <FormField label="Compare with">
              <Select
                selectedOption={choices.find((c) => c.value === other) ?? null}
                options={choices}
                onChange={({ detail }) => setAgainst(detail.selectedOption.value)}
              />
            </FormField>
            <FaultAlert fault={documents.fault} />
            {documents.value && (
              <Editor
                label={`Version ${one.id} compared with ${other}`}
                value={documents.value[1] ?? ""}
                {...(one.id === other ? {} : { before: documents.value[0] ?? "" })}
                minLines={6}
              />
            )}
          </SpaceBetween>
        </Container>
      ) : (
        <Box color="text-body-secondary">Select a version to read it or to compare it with another.</Box>
      )}
      {deleting && one && (
        <Confirm
          title={`Delete version ${one.id}?`}
          action="Delete"
          onClose={() => setDeleting(false)}
          onConfirm={async () => {
            await query("iam", "DeletePolicyVersion", { PolicyArn: policy.arn, VersionId: one.id });
            setSelected([]);
            versions.reload();
          }}
        >
          Its document will be gone. What the policy allows stays as it is, since the version is not the default.
        </Confirm>
      )}
    </SpaceBetween>
  );
}

// DeletePolicy detaches the policy, deletes its other versions and then itself, as
// the AWS console does.
export function DeletePolicy({ arn, onClose, onDeleted }: { arn: string; onClose: () => void; onDeleted: () => void }) {
  const name = arn.replace(/^.*\//, "");
  return (
    <Confirm
      title={`Delete ${name}?`}
      action="Delete"
      phrase={name}
      onClose={onClose}
      onConfirm={async () => {
        for (const e of await listEntities(arn)) {
          if (e.kind === "Group") await query("iam", "DetachGroupPolicy", { GroupName: e.name, PolicyArn: arn });
          else await detach(e.kind, e.name, arn);
        }
        for (const v of await listPolicyVersions(arn)) {
          if (!v.isDefault) await query("iam", "DeletePolicyVersion", { PolicyArn: arn, VersionId: v.id });
        }
        await query("iam", "DeletePolicy", { PolicyArn: arn });
        flash("success", `Policy ${name} was deleted.`);
        onDeleted();
      }}
    >
      The policy is detached from all roles, users and groups, and deleted with all its versions. That cannot be undone.
    </Confirm>
  );
}
