import Box from "@cloudscape-design/components/box";
import Container from "@cloudscape-design/components/container";
import Button from "@cloudscape-design/components/button";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import Link from "@cloudscape-design/components/link";
import RadioGroup from "@cloudscape-design/components/radio-group";
import Select from "@cloudscape-design/components/select";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Textarea from "@cloudscape-design/components/textarea";
import Tiles from "@cloudscape-design/components/tiles";
import Wizard from "@cloudscape-design/components/wizard";
import { useEffect, useState } from "react";
import { Fault } from "../api/fault";
import { attach, createRole, getProvider, hostOf, listPolicies, listProviders, type Policy } from "../api/iam";
import type { Tag } from "../api/query";
import { Editor } from "../parts/Editor";
import { FaultAlert } from "../parts/FaultAlert";
import { flash } from "../parts/flash";
import { pretty } from "../parts/format";
import { useAction, useLoad } from "../parts/load";
import { ResourceTable } from "../parts/ResourceTable";
import { TagFields } from "../parts/Tags";
import {
  customTrustPolicy,
  firstIdentity,
  problems,
  sourceOf,
  subjectOf,
  trustPolicy,
  type Problem,
  type Source,
  type WebIdentity,
} from "../parts/trust";
import { wizardStrings } from "../parts/wizard";
import { go, href } from "../route";
import { jsonError } from "./Policy";

type Trusted = "web" | "custom";

// CreateRole is the tutorial's walk: trusted entity, permissions, name and review.
export function CreateRole({ provider, account }: { provider: string; account: string }) {
  const [step, setStep] = useState(0);
  const [tried, setTried] = useState(false);
  const [trusted, setTrusted] = useState<Trusted>("web");
  const [identity, setIdentity] = useState<WebIdentity>({ ...firstIdentity, providerArn: provider, source: sourceOf(hostOf(provider)) });
  const [custom, setCustom] = useState(customTrustPolicy(account));
  const [policies, setPolicies] = useState<Policy[]>([]);
  const [name, setName] = useState("");
  const [description, setDescription] = useState("");
  const [hours, setHours] = useState("1");
  const [tags, setTags] = useState<Tag[]>([]);
  const { busy, fault, run, clear } = useAction();

  const wrong = problems(identity);
  const trust = trusted === "web" ? trustPolicy(identity) : custom;
  const firstIncomplete = trusted === "web" ? Object.keys(wrong).length > 0 : jsonError(custom) !== undefined;

  const submit = () => {
    setTried(true);
    if (!name.trim()) return;
    void run(async () => {
      const role = name.trim();
      await createRole({ name: role, description, trust, maxSession: Math.round(Number(hours) * 3600) || 3600, tags });
      // The role is there from here on; what is refused now is told with that.
      for (const policy of policies) {
        try {
          await attach("Role", role, policy.arn);
        } catch (thrown) {
          flash(
            "warning",
            `Role ${role} was created, but policy ${policy.name} was not attached: ${thrown instanceof Fault ? `${thrown.code}: ${thrown.message}` : String(thrown)}`,
          );
        }
      }
      flash("success", `Role ${role} was created.`);
      go("roles", "view", role);
    });
  };

  return (
    <Wizard
      i18nStrings={{ ...wizardStrings, submitButton: "Create role" }}
      activeStepIndex={step}
      isLoadingNextStep={busy}
      onNavigate={({ detail }) => {
        setTried(true);
        if (detail.requestedStepIndex > 0 && firstIncomplete) {
          setStep(0);
          return;
        }
        setTried(false);
        clear();
        setStep(detail.requestedStepIndex);
      }}
      onCancel={() => go("roles")}
      onSubmit={submit}
      steps={[
        {
          title: "Select trusted entity",
          content: (
            <SpaceBetween size="l">
              <Container header={<Header variant="h2">Trusted entity type</Header>}>
                <Tiles
                  ariaLabel="Trusted entity type"
                  value={trusted}
                  onChange={({ detail }) => setTrusted(detail.value as Trusted)}
                  items={[
                    {
                      value: "web",
                      label: "Web identity",
                      description: "Jobs whose ID tokens come from an identity provider of this account.",
                    },
                    { value: "custom", label: "Custom trust policy", description: "Write the trust policy yourself." },
                  ]}
                />
              </Container>
              {trusted === "web" ? (
                <WebIdentityFields
                  identity={identity}
                  onChange={(part) => setIdentity((now) => ({ ...now, ...part }))}
                  wrong={tried ? wrong : {}}
                />
              ) : (
                <Container header={<Header variant="h2">Custom trust policy</Header>}>
                  <FormField stretch errorText={tried ? jsonError(custom) : undefined}>
                    <Editor label="Trust policy" value={custom} onChange={setCustom} lint="trust" minLines={16} />
                  </FormField>
                </Container>
              )}
            </SpaceBetween>
          ),
        },
        { title: "Add permissions", content: <ChoosePolicies selected={policies} onSelect={setPolicies} />, isOptional: true },
        {
          title: "Name, review, and create",
          content: (
            <SpaceBetween size="l">
              <FaultAlert fault={fault} />
              <Container header={<Header variant="h2">Role details</Header>}>
                <SpaceBetween size="m">
                  <FormField
                    label="Role name"
                    constraintText="At most 64 characters: letters, digits and +=,.@-_"
                    errorText={tried && !name.trim() ? "Enter a name." : undefined}
                  >
                    <Input
                      name="roleName"
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
                  <FormField
                    label="Maximum session duration"
                    description="In hours, from 1 to 12. A job that asks for nothing gets one hour."
                  >
                    <Input type="number" inputMode="numeric" value={hours} onChange={({ detail }) => setHours(detail.value)} />
                  </FormField>
                </SpaceBetween>
              </Container>
              <Container
                header={
                  <Header
                    variant="h2"
                    actions={
                      <Button onClick={() => setStep(0)} ariaLabel="Edit trusted entity">
                        Edit
                      </Button>
                    }
                  >
                    Step 1: Select trusted entities
                  </Header>
                }
              >
                <Editor label="Trust policy to review" value={pretty(trust)} minLines={4} />
                {trusted === "web" && (
                  <Box padding={{ top: "s" }}>
                    Jobs whose subject is <code>{subjectOf(identity)}</code>
                  </Box>
                )}
              </Container>
              <ResourceTable<Policy>
                title="Step 2: Add permissions"
                noun="policy"
                nouns="policies"
                items={policies}
                id={(p) => p.arn}
                columns={[
                  { id: "name", header: "Policy name", rowHeader: true, value: (p) => p.name, cell: (p) => p.name },
                  { id: "type", header: "Type", value: (p) => p.scope, cell: (p) => p.scope },
                ]}
                actions={
                  <Button onClick={() => setStep(1)} ariaLabel="Edit permissions">
                    Edit
                  </Button>
                }
                empty="Without a policy the role may do nothing."
              />
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

const sources: { value: Source; label: string; description: string }[] = [
  { value: "gitlab", label: "GitLab", description: "Group, project, branch or tag." },
  { value: "github", label: "GitHub", description: "Organization, repository, branch or tag." },
  { value: "other", label: "Another issuer", description: "The subject of its tokens, as a pattern." },
];

const refTypes = [
  { value: "branch", label: "Branch" },
  { value: "tag", label: "Tag" },
  { value: "any", label: "Any branch or tag" },
];

function WebIdentityFields({
  identity,
  onChange,
  wrong,
}: {
  identity: WebIdentity;
  onChange: (part: Partial<WebIdentity>) => void;
  wrong: Problem;
}) {
  const providers = useLoad((signal) => listProviders(signal), []);
  const provider = useLoad(
    async (signal) => (identity.providerArn ? getProvider(identity.providerArn, signal) : undefined),
    [identity.providerArn],
  );
  const set = onChange;
  const audiences = provider.value?.audiences ?? [];
  const [only] = audiences;
  useEffect(() => {
    if (audiences.length === 1 && only && !identity.audience) set({ audience: only });
    // Once, when the provider's audiences are there.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [provider.value]);
  const options = (providers.value ?? []).map((p) => ({ value: p.arn, label: p.host }));
  const github = identity.source === "github";
  const any = identity.refType === "any";
  return (
    <Container header={<Header variant="h2">Web identity</Header>}>
      <SpaceBetween size="l">
        <FaultAlert fault={providers.fault ?? provider.fault} />
        <FormField
          label="Identity provider"
          errorText={wrong.providerArn}
          description={
            providers.value?.length === 0 ? (
              <>
                There is none yet. <Link href={href("providers", "create")}>Add a provider</Link> first.
              </>
            ) : undefined
          }
        >
          <Select
            selectedOption={options.find((o) => o.value === identity.providerArn) ?? null}
            options={options}
            placeholder="Choose provider"
            statusType={providers.loading ? "loading" : "finished"}
            loadingText="Loading providers"
            empty="No identity providers"
            filteringType={options.length > 10 ? "auto" : "none"}
            onChange={({ detail }) => {
              const arn = detail.selectedOption.value ?? "";
              set({ providerArn: arn, audience: "", source: sourceOf(hostOf(arn)) });
            }}
          />
        </FormField>
        <FormField label="Audience" errorText={wrong.audience}>
          <Select
            selectedOption={identity.audience ? { value: identity.audience, label: identity.audience } : null}
            options={audiences.map((a) => ({ value: a, label: a }))}
            placeholder="Choose audience"
            disabled={!identity.providerArn}
            statusType={provider.loading ? "loading" : "finished"}
            loadingText="Loading audiences"
            onChange={({ detail }) => set({ audience: detail.selectedOption.value ?? "" })}
          />
        </FormField>
        <FormField label="The jobs run on">
          <RadioGroup
            ariaLabel="The jobs run on"
            value={identity.source}
            items={sources}
            onChange={({ detail }) => set({ source: detail.value as Source })}
          />
        </FormField>
        {identity.source === "other" ? (
          <FormField label="Subject" errorText={wrong.subject} constraintText="What the tokens state in sub; * stands for any characters.">
            <Input
              value={identity.subject}
              onChange={({ detail }) => set({ subject: detail.value })}
              spellcheck={false}
              autoComplete={false}
              ariaRequired
            />
          </FormField>
        ) : (
          <SpaceBetween size="l">
            <FormField
              label={github ? "GitHub organization" : "GitLab group"}
              errorText={wrong.group}
              constraintText={
                github ? undefined : "With its subgroups, as in the project's address, for example acme/tools; or a user's name."
              }
            >
              <Input
                name="group"
                value={identity.group}
                onChange={({ detail }) => set({ group: detail.value })}
                spellcheck={false}
                autoComplete={false}
                ariaRequired
              />
            </FormField>
            <FormField
              label={github ? "GitHub repository – optional" : "GitLab project – optional"}
              errorText={wrong.project}
              constraintText={`Empty: every ${github ? "repository of the organization" : "project of the group and its subgroups"}.`}
            >
              <Input
                name="project"
                value={identity.project}
                onChange={({ detail }) => set({ project: detail.value })}
                spellcheck={false}
                autoComplete={false}
              />
            </FormField>
            <FormField label="Branch or tag">
              <Select
                selectedOption={refTypes.find((t) => t.value === identity.refType) ?? null}
                options={refTypes}
                onChange={({ detail }) => set({ refType: detail.selectedOption.value as WebIdentity["refType"] })}
              />
            </FormField>
            {!any && (
              <FormField
                label={identity.refType === "tag" ? "Tag – optional" : "Branch – optional"}
                errorText={wrong.ref}
                constraintText={`Empty: every ${identity.refType}. * stands for any characters.`}
              >
                <Input
                  name="ref"
                  value={identity.ref}
                  onChange={({ detail }) => set({ ref: detail.value })}
                  spellcheck={false}
                  autoComplete={false}
                />
              </FormField>
            )}
          </SpaceBetween>
        )}
        {identity.providerArn && (
          <FormField label="The trust policy that this writes" stretch>
            <Editor label="Trust policy as written by these fields" value={trustPolicy(identity)} minLines={4} />
          </FormField>
        )}
      </SpaceBetween>
    </Container>
  );
}

export function ChoosePolicies({
  selected,
  onSelect,
  without = [],
}: {
  selected: Policy[];
  onSelect: (p: Policy[]) => void;
  without?: readonly string[];
}) {
  const policies = useLoad<Policy[]>((signal, show) => listPolicies("All", signal, show), []);
  return (
    <ResourceTable<Policy>
      title="Permissions policies"
      description="Choose one or more policies to attach."
      noun="policy"
      nouns="policies"
      items={policies.value?.filter((p) => !without.includes(p.arn))}
      id={(p) => p.arn}
      loading={policies.loading}
      fault={policies.fault}
      reload={policies.reload}
      selection="multi"
      selected={selected}
      onSelect={onSelect}
      columns={[
        { id: "name", header: "Policy name", rowHeader: true, searchable: true, value: (p) => p.name, cell: (p) => p.name },
        { id: "type", header: "Type", value: (p) => p.scope, cell: (p) => p.scope },
        { id: "description", header: "Description", searchable: true, value: (p) => p.description, cell: (p) => p.description || "–" },
      ]}
      actions={
        <Button
          iconName="external"
          iconAlign="right"
          href={href("policies", "create")}
          target="_blank"
          rel="noopener"
          ariaLabel="Create policy, opens in a new tab"
        >
          Create policy
        </Button>
      }
    />
  );
}
