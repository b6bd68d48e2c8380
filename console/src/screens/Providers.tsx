import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import Form from "@cloudscape-design/components/form";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import Link from "@cloudscape-design/components/link";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import Table from "@cloudscape-design/components/table";
import Textarea from "@cloudscape-design/components/textarea";
import Tiles from "@cloudscape-design/components/tiles";
import { useEffect, useState } from "react";
import { examineIssuer, type Check } from "../api/daypass";
import { asFault, isAborted, type Fault } from "../api/fault";
import { createProvider, getProvider, listProviders, type Provider, type ProviderDetail } from "../api/iam";
import { query, type Tag } from "../api/query";
import { Confirm } from "../parts/Confirm";
import { FaultAlert } from "../parts/FaultAlert";
import { flash } from "../parts/flash";
import { plural, when } from "../parts/format";
import { useAction, useLoad } from "../parts/load";
import { ResourceTable } from "../parts/ResourceTable";
import { TagFields, TagsPanel } from "../parts/Tags";
import { go, href } from "../route";

export function Providers() {
  const providers = useLoad((signal) => listProviders(signal), []);
  const [selected, setSelected] = useState<Provider[]>([]);
  const [deleting, setDeleting] = useState(false);
  const one = selected[0];
  return (
    <>
      <ResourceTable<Provider>
        title="Identity providers"
        description="Issuers of ID tokens that this account trusts."
        variant="full-page"
        noun="identity provider"
        items={providers.value}
        id={(p) => p.host}
        loading={providers.loading}
        fault={providers.fault}
        reload={providers.reload}
        selection="single"
        selected={selected}
        onSelect={setSelected}
        columns={[
          {
            id: "provider",
            header: "Provider",
            rowHeader: true,
            searchable: true,
            value: (p) => p.host,
            cell: (p) => <Link href={href("providers", "view", p.arn)}>{p.host}</Link>,
          },
          { id: "type", header: "Type", cell: () => "OpenID Connect" },
          { id: "arn", header: "ARN", value: (p) => p.arn, cell: (p) => p.arn },
        ]}
        actions={
          <>
            <Button disabled={!one} onClick={() => setDeleting(true)}>
              Delete
            </Button>
            <Button variant="primary" href={href("providers", "create")}>
              Add provider
            </Button>
          </>
        }
        empty={<Button href={href("providers", "create")}>Add provider</Button>}
      />
      {deleting && one && (
        <DeleteProvider provider={one} onClose={() => setDeleting(false)} onDeleted={() => (setSelected([]), providers.reload())} />
      )}
    </>
  );
}

function DeleteProvider({ provider, onClose, onDeleted }: { provider: Provider; onClose: () => void; onDeleted: () => void }) {
  return (
    <Confirm
      title={`Delete ${provider.host}?`}
      action="Delete"
      phrase={provider.host}
      onClose={onClose}
      onConfirm={async () => {
        await query("iam", "DeleteOpenIDConnectProvider", { OpenIDConnectProviderArn: provider.arn });
        flash("success", `Identity provider ${provider.host} was deleted.`);
        onDeleted();
      }}
    >
      From then on no job with a token of this issuer is given credentials. The roles that trust it stay, and do so again if it is added
      again.
    </Confirm>
  );
}

const lines = (text: string) => text.split(/[\s,]+/).filter(Boolean);

export function CreateProvider() {
  const [url, setUrl] = useState("");
  const [audience, setAudience] = useState("");
  const [thumbprints, setThumbprints] = useState("");
  const [tags, setTags] = useState<Tag[]>([]);
  const [tried, setTried] = useState(false);
  const { busy, fault, run } = useAction();
  const urlError = !url.trim()
    ? "Enter the provider URL."
    : !/^https:\/\//.test(url.trim())
      ? "The address must begin with https://."
      : undefined;

  const submit = () => {
    setTried(true);
    if (urlError || !audience.trim()) return;
    void run(async () => {
      const arn = await createProvider(url.trim(), lines(audience), lines(thumbprints), tags);
      flash("success", `Identity provider ${url.trim()} was added. To use it, assign a role.`);
      go("providers", "view", arn);
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
        header={<Header variant="h1">Add an identity provider</Header>}
        actions={
          <SpaceBetween direction="horizontal" size="xs">
            <Button variant="link" formAction="none" href={href("providers")}>
              Cancel
            </Button>
            <Button variant="primary" formAction="submit" loading={busy}>
              Add provider
            </Button>
          </SpaceBetween>
        }
      >
        <SpaceBetween size="l">
          <Container header={<Header variant="h2">Configure provider</Header>}>
            <SpaceBetween size="l">
              <FormField label="Provider type">
                <Tiles
                  value="oidc"
                  ariaLabel="Provider type"
                  onChange={() => {}}
                  items={[
                    {
                      value: "oidc",
                      label: "OpenID Connect",
                      description: "Jobs of GitLab, GitHub and others bring an ID token and are given credentials.",
                    },
                  ]}
                />
              </FormField>
              <FormField
                label="Provider URL"
                description="The address of the issuer, as its tokens state it in iss."
                constraintText="For example https://gitlab.com, or the address of your self-hosted GitLab instance."
                errorText={tried ? urlError : undefined}
              >
                <Input
                  name="url"
                  inputMode="url"
                  value={url}
                  onChange={({ detail }) => setUrl(detail.value)}
                  placeholder="https://gitlab.com"
                  autoComplete={false}
                  spellcheck={false}
                  ariaRequired
                />
              </FormField>
              <FormField
                label="Audience"
                description="What the tokens state in aud. It need not be an address, but is the same in the job and here."
                constraintText="For example https://gitlab.com; for GitHub sts.amazonaws.com."
                errorText={tried && !audience.trim() ? "Enter the audience." : undefined}
              >
                <Input
                  name="audience"
                  value={audience}
                  onChange={({ detail }) => setAudience(detail.value)}
                  placeholder="https://gitlab.com"
                  autoComplete={false}
                  spellcheck={false}
                  ariaRequired
                />
              </FormField>
              <FormField
                label="Thumbprints – optional"
                description="SHA-1 of certificates that the issuer's connection must be signed by, for one whose authority this machine does not know. One on each line."
              >
                <Textarea value={thumbprints} onChange={({ detail }) => setThumbprints(detail.value)} rows={2} spellcheck={false} />
              </FormField>
            </SpaceBetween>
          </Container>
          <Examination url={urlError ? "" : url.trim()} />
          <Container header={<Header variant="h2">Add tags – optional</Header>}>
            <TagFields tags={tags} onChange={setTags} />
          </Container>
          <FaultAlert fault={fault} />
        </SpaceBetween>
      </Form>
    </form>
  );
}

// Examination asks the doctor about an issuer before, or after, it is trusted.
function Examination({ url, auto = true }: { url: string; auto?: boolean }) {
  const [state, setState] = useState<{ url: string; checks?: Check[]; fault?: Fault }>();
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    if (!url || (!auto && turn === 0)) return;
    const stop = new AbortController();
    const timer = setTimeout(() => {
      setState({ url });
      examineIssuer(url, stop.signal).then(
        (checks) => setState({ url, checks }),
        (thrown: unknown) => !isAborted(thrown) && setState({ url, fault: asFault(thrown) }),
      );
    }, 700);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [url, auto, turn]);

  const shown = state?.url === url ? state : undefined;
  const failed = shown?.checks?.filter((c) => statusOf(c) === "error") ?? [];
  return (
    <Container
      header={
        <Header
          variant="h2"
          description="What the server sees of the issuer right now: its discovery document, its keys, its certificate."
          actions={
            <Button formAction="none" disabled={!url} onClick={() => setTurn((t) => t + 1)}>
              Check issuer
            </Button>
          }
        >
          Live check
        </Header>
      }
    >
      <div role="status" data-examined={shown?.checks ? (failed.length > 0 ? "failed" : "passed") : ""}>
        {!url && <Box color="text-body-secondary">Enter the provider URL to have it checked.</Box>}
        {url && !shown && !auto && <Box color="text-body-secondary">Not checked yet.</Box>}
        {url && (shown || auto) && !shown?.checks && !shown?.fault && <StatusIndicator type="loading">Checking {url}</StatusIndicator>}
        {shown?.fault && (
          <StatusIndicator type="warning">
            Not checked. {shown.fault.code}: {shown.fault.message}
          </StatusIndicator>
        )}
        {shown?.checks && (
          <SpaceBetween size="xs">
            {failed.length > 0 && (
              <Alert type="warning">
                The issuer has {plural(failed.length, "fault")} that would keep its tokens from being admitted. It can be added all the
                same.
              </Alert>
            )}
            {shown.checks.map((c, i) => (
              <div key={i}>
                <StatusIndicator type={statusOf(c)}>
                  {c.name}
                  {c.detail ? `: ${c.detail}` : ""}
                </StatusIndicator>
                {c.remedy && (
                  <Box variant="small" padding={{ left: "l" }}>
                    {c.remedy}
                  </Box>
                )}
              </div>
            ))}
          </SpaceBetween>
        )}
      </div>
    </Container>
  );
}

function statusOf(c: Check): "success" | "warning" | "error" | "info" {
  if (/^(pass|passed|ok|good)$/i.test(c.outcome)) return "success";
  if (/warn/i.test(c.outcome)) return "warning";
  if (/skip|info|unknown|note/i.test(c.outcome)) return "info";
  return "error";
}

export function ProviderScreen({ arn }: { arn: string }) {
  const provider = useLoad((signal) => getProvider(arn, signal), [arn]);
  const [deleting, setDeleting] = useState(false);
  const detail = provider.value;
  return (
    <SpaceBetween size="l">
      <Header
        variant="h1"
        actions={
          <SpaceBetween direction="horizontal" size="xs">
            <Button onClick={() => setDeleting(true)}>Delete</Button>
            <Button variant="primary" href={`${href("roles", "create")}?provider=${encodeURIComponent(arn)}`}>
              Assign role
            </Button>
          </SpaceBetween>
        }
      >
        {arn.replace(/^.*oidc-provider\//, "")}
      </Header>
      <FaultAlert fault={provider.fault} retry={provider.reload} />
      {provider.loading && !detail && <StatusIndicator type="loading">Loading</StatusIndicator>}
      {detail && (
        <SpaceBetween size="l">
          <Container header={<Header variant="h2">Summary</Header>}>
            <KeyValuePairs
              columns={3}
              items={[
                { label: "Provider", value: "https://" + detail.url.replace(/^https:\/\//, "") },
                { label: "ARN", value: detail.arn },
                { label: "Created", value: when(detail.created) },
              ]}
            />
          </Container>
          <Values
            title="Audiences"
            noun="audience"
            values={detail.audiences}
            reload={provider.reload}
            add={(value) => query("iam", "AddClientIDToOpenIDConnectProvider", { OpenIDConnectProviderArn: arn, ClientID: value })}
            remove={(value) => query("iam", "RemoveClientIDFromOpenIDConnectProvider", { OpenIDConnectProviderArn: arn, ClientID: value })}
          />
          <Values
            title="Thumbprints"
            noun="thumbprint"
            values={detail.thumbprints}
            reload={provider.reload}
            add={(value) => putThumbprints(detail, [...detail.thumbprints, value])}
            remove={(value) =>
              putThumbprints(
                detail,
                detail.thumbprints.filter((t) => t !== value),
              )
            }
          />
          <Examination url={"https://" + detail.url.replace(/^https:\/\//, "")} auto={false} />
          <TagsPanel kind="OpenIDConnectProvider" id={arn} tags={detail.tags} reload={provider.reload} />
        </SpaceBetween>
      )}
      {deleting && (
        <DeleteProvider
          provider={{ arn, host: arn.replace(/^.*oidc-provider\//, "") }}
          onClose={() => setDeleting(false)}
          onDeleted={() => go("providers")}
        />
      )}
    </SpaceBetween>
  );
}

function putThumbprints(provider: ProviderDetail, list: string[]): Promise<unknown> {
  return query("iam", "UpdateOpenIDConnectProviderThumbprint", { OpenIDConnectProviderArn: provider.arn, ThumbprintList: list });
}

interface ValuesProps {
  title: string;
  noun: string;
  values: string[];
  reload: () => void;
  add: (value: string) => Promise<unknown>;
  remove: (value: string) => Promise<unknown>;
}

// Values is a short list of strings to which one is added and from which one is removed.
function Values({ title, noun, values, reload, add, remove }: ValuesProps) {
  const [value, setValue] = useState("");
  const { busy, fault, run, clear } = useAction();
  const perform = (what: string, work: () => Promise<unknown>) =>
    void run(async () => {
      await work();
      setValue("");
      flash("success", what);
      reload();
    });
  return (
    <Table
      header={
        <Header variant="h2" counter={`(${values.length})`}>
          {title}
        </Header>
      }
      ariaLabels={{ tableLabel: title, selectionGroupLabel: title, allItemsSelectionLabel: () => title, itemSelectionLabel: () => title }}
      items={values}
      trackBy={(v) => v}
      columnDefinitions={[
        { id: "value", header: title.slice(0, -1), isRowHeader: true, cell: (v) => v },
        {
          id: "remove",
          header: "Action",
          width: 120,
          cell: (v) => (
            <Button
              variant="inline-link"
              ariaLabel={`Remove ${noun} ${v}`}
              disabled={busy}
              onClick={() => perform(`The ${noun} was removed.`, () => remove(v))}
            >
              Remove
            </Button>
          ),
        },
      ]}
      empty={`No ${noun}s`}
      footer={
        <form
          onSubmit={(e) => {
            e.preventDefault();
            if (value.trim()) perform(`The ${noun} was added.`, () => add(value.trim()));
          }}
        >
          <SpaceBetween size="s">
            <SpaceBetween direction="horizontal" size="xs" alignItems="end">
              <FormField label={`New ${noun}`}>
                <Input value={value} onChange={({ detail }) => setValue(detail.value)} spellcheck={false} autoComplete={false} />
              </FormField>
              <Button formAction="submit" loading={busy} disabled={!value.trim()}>
                Add {noun}
              </Button>
            </SpaceBetween>
            <FaultAlert fault={fault} dismiss={clear} />
          </SpaceBetween>
        </form>
      }
    />
  );
}
