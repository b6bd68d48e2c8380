import Alert from "@cloudscape-design/components/alert";
import BreadcrumbGroup from "@cloudscape-design/components/breadcrumb-group";
import Button from "@cloudscape-design/components/button";
import Checkbox from "@cloudscape-design/components/checkbox";
import Container from "@cloudscape-design/components/container";
import FileUpload from "@cloudscape-design/components/file-upload";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import Link from "@cloudscape-design/components/link";
import ProgressBar from "@cloudscape-design/components/progress-bar";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import Tabs from "@cloudscape-design/components/tabs";
import { useEffect, useRef, useState } from "react";
import {
  blockNames,
  createBucket,
  deleteBucket,
  deleteBucketPolicy,
  deleteObjects,
  download,
  getBucketPolicy,
  getPublicAccessBlock,
  listBuckets,
  listObjects,
  putBucketPolicy,
  putFolder,
  putPublicAccessBlock,
  type Bucket,
  type Entry,
  type Listing,
  type PublicAccessBlock,
} from "../api/s3";
import { upload } from "../api/upload";
import { Ask } from "../parts/Ask";
import { Confirm } from "../parts/Confirm";
import { Editor } from "../parts/Editor";
import { FaultAlert } from "../parts/FaultAlert";
import { flash } from "../parts/flash";
import { bytes, plural, pretty, when } from "../parts/format";
import { useAction, useLoad } from "../parts/load";
import { ResourceTable } from "../parts/ResourceTable";
import { href } from "../route";

export function Buckets() {
  const buckets = useLoad((signal) => listBuckets(signal), []);
  const [selected, setSelected] = useState<Bucket[]>([]);
  const [open, setOpen] = useState<"create" | "delete">();
  const one = selected[0];
  return (
    <>
      <ResourceTable<Bucket>
        title="Buckets"
        description="Buckets of Amazon S3's kind, in the store that this server has."
        variant="full-page"
        noun="bucket"
        items={buckets.value}
        id={(b) => b.name}
        loading={buckets.loading}
        fault={buckets.fault}
        reload={buckets.reload}
        selection="single"
        selected={selected}
        onSelect={setSelected}
        columns={[
          {
            id: "name",
            header: "Name",
            rowHeader: true,
            searchable: true,
            value: (b) => b.name,
            cell: (b) => <Link href={href("buckets", "view", b.name)}>{b.name}</Link>,
          },
          { id: "created", header: "Created", value: (b) => b.created, cell: (b) => when(b.created) },
        ]}
        actions={
          <>
            <Button disabled={!one} onClick={() => setOpen("delete")}>
              Delete
            </Button>
            <Button variant="primary" onClick={() => setOpen("create")}>
              Create bucket
            </Button>
          </>
        }
        empty={<Button onClick={() => setOpen("create")}>Create bucket</Button>}
      />
      {open === "create" && (
        <Ask
          title="Create bucket"
          label="Bucket name"
          constraint="3 to 63 characters: lower-case letters, digits, points and hyphens."
          action="Create bucket"
          onClose={() => setOpen(undefined)}
          onSubmit={async (name) => {
            await createBucket(name);
            flash("success", `Bucket ${name} was created.`);
            buckets.reload();
          }}
        />
      )}
      {open === "delete" && one && (
        <Confirm
          title={`Delete ${one.name}?`}
          action="Delete"
          phrase={one.name}
          onClose={() => setOpen(undefined)}
          onConfirm={async () => {
            await deleteBucket(one.name);
            flash("success", `Bucket ${one.name} was deleted.`);
            setSelected([]);
            buckets.reload();
          }}
        >
          Only an empty bucket can be deleted.
        </Confirm>
      )}
    </>
  );
}

export function BucketScreen({ name, prefix }: { name: string; prefix: string }) {
  return (
    <SpaceBetween size="l">
      <Header variant="h1">{name}</Header>
      <Tabs
        ariaLabel="Parts of the bucket"
        tabs={[
          { id: "objects", label: "Objects", content: <Objects bucket={name} prefix={prefix} /> },
          { id: "permissions", label: "Permissions", content: <Permissions bucket={name} /> },
        ]}
      />
    </SpaceBetween>
  );
}

function place(bucket: string, prefix: string): string {
  return href("buckets", "view", bucket) + (prefix ? `?prefix=${encodeURIComponent(prefix)}` : "");
}

function Objects({ bucket, prefix }: { bucket: string; prefix: string }) {
  const [begins, setBegins] = useState("");
  const [most, setMost] = useState(entriesAtFirst);
  const objects = useLoad<Listing>(
    (signal, show) => listObjects(bucket, prefix, begins, most, signal, show),
    [bucket, prefix, begins, most],
  );
  useEffect(() => (setBegins(""), setMost(entriesAtFirst)), [bucket, prefix]);
  const [selected, setSelected] = useState<Entry[]>([]);
  const [open, setOpen] = useState<"delete" | "folder" | "upload">();
  const { busy, fault, run, clear } = useAction();
  const files = selected.filter((e) => !e.folder);
  const parts = prefix.split("/").filter(Boolean);
  const close = () => setOpen(undefined);
  const changed = () => (setSelected([]), objects.reload());
  return (
    <SpaceBetween size="m">
      {parts.length > 0 && (
        <BreadcrumbGroup
          ariaLabel="Folders"
          items={[
            { text: bucket, href: place(bucket, "") },
            ...parts.map((p, i) => ({ text: p, href: place(bucket, parts.slice(0, i + 1).join("/") + "/") })),
          ]}
        />
      )}
      <FaultAlert fault={fault} dismiss={clear} />
      {(objects.value?.more || begins) && !objects.loading && (
        <More
          shown={objects.value?.entries.length ?? 0}
          more={objects.value?.more ?? false}
          begins={begins}
          onFind={(text) => (setBegins(text), setMost(entriesAtFirst), setSelected([]))}
          onMore={() => setMost((n) => 2 * n)}
        />
      )}
      {open === "upload" && <Uploads bucket={bucket} prefix={prefix} onClose={close} onDone={changed} />}
      <ResourceTable<Entry>
        title="Objects"
        noun="object"
        items={objects.value?.entries}
        id={(e) => e.key}
        loading={objects.loading}
        fault={objects.fault}
        reload={objects.reload}
        selection="multi"
        selected={selected}
        onSelect={setSelected}
        columns={[
          {
            id: "name",
            header: "Name",
            rowHeader: true,
            searchable: true,
            value: (e) => e.name,
            cell: (e) =>
              e.folder ? (
                <Link href={place(bucket, e.key)}>{e.name}</Link>
              ) : (
                <Button variant="inline-link" ariaLabel={`Download ${e.name}`} onClick={() => void run(() => download(bucket, e.key))}>
                  {e.name}
                </Button>
              ),
          },
          { id: "size", header: "Size", value: (e) => e.size, cell: (e) => (e.folder ? "–" : bytes(e.size)) },
          { id: "modified", header: "Last modified", value: (e) => e.modified, cell: (e) => when(e.modified) },
        ]}
        actions={
          <>
            <Button disabled={files.length !== 1} loading={busy} onClick={() => void run(() => download(bucket, files[0]?.key ?? ""))}>
              Download
            </Button>
            <Button disabled={files.length === 0} onClick={() => setOpen("delete")}>
              Delete
            </Button>
            <Button onClick={() => setOpen("folder")}>Create folder</Button>
            <Button variant="primary" onClick={() => setOpen("upload")}>
              Upload
            </Button>
          </>
        }
        empty={<Button onClick={() => setOpen("upload")}>Upload</Button>}
      />
      {open === "folder" && (
        <Ask
          title="Create folder"
          label="Folder name"
          constraint="Stored as an empty object whose key ends with a slash."
          action="Create folder"
          onClose={close}
          onSubmit={async (folder) => {
            await putFolder(bucket, `${prefix}${folder.replace(/\/+$/, "")}/`);
            changed();
          }}
        />
      )}
      {open === "delete" && (
        <Confirm
          title={`Delete ${plural(files.length, "object")}?`}
          action="Delete"
          onClose={close}
          onConfirm={async () => {
            let deleted = 0;
            try {
              await deleteObjects(
                bucket,
                files.map((f) => f.key),
                (n) => (deleted = n),
              );
            } finally {
              if (deleted > 0) flash("success", `${plural(deleted, "object")} deleted.`);
              if (deleted > 0) changed();
            }
          }}
        >
          {files
            .slice(0, 10)
            .map((f) => f.name)
            .join(", ")}
          {files.length > 10 && ` and ${files.length - 10} more`}
        </Confirm>
      )}
    </SpaceBetween>
  );
}

// entriesAtFirst is how many entries of a folder are loaded before somebody asks for
// more: a page of the table has some, and a bucket can have a million.
const entriesAtFirst = 5_000;

// More is above a folder that was not loaded to its end.
function More({
  shown,
  more,
  begins,
  onFind,
  onMore,
}: {
  shown: number;
  more: boolean;
  begins: string;
  onFind: (text: string) => void;
  onMore: () => void;
}) {
  const [text, setText] = useState(begins);
  return (
    <Alert type="info" action={more && <Button onClick={onMore}>Load more</Button>}>
      <SpaceBetween size="xs">
        <div role="status">
          {begins ? `Those whose names begin with “${begins}” are shown` : "Not all are loaded"}
          {more ? `: the first ${shown.toLocaleString()}, in the order of their names.` : "."}
        </div>
        <form
          onSubmit={(e) => {
            e.preventDefault();
            onFind(text);
          }}
        >
          <SpaceBetween direction="horizontal" size="xs">
            <Input
              ariaLabel="Beginning of the name"
              placeholder="Beginning of the name"
              value={text}
              onChange={({ detail }) => setText(detail.value)}
              spellcheck={false}
              autoComplete={false}
            />
            <Button formAction="submit">Find in the bucket</Button>
            {begins && <Button onClick={() => (setText(""), onFind(""))}>Show all</Button>}
          </SpaceBetween>
        </form>
      </SpaceBetween>
    </Alert>
  );
}

function Uploads({ bucket, prefix, onClose, onDone }: { bucket: string; prefix: string; onClose: () => void; onDone: () => void }) {
  const [files, setFiles] = useState<File[]>([]);
  const [sent, setSent] = useState<{ name: string; percent: number }>();
  const { busy, fault, run } = useAction();
  const stop = useRef<AbortController>(undefined);
  useEffect(() => () => stop.current?.abort(), []);
  const start = () => {
    const controller = new AbortController();
    stop.current = controller;
    void run(async () => {
      for (const file of files) {
        setSent({ name: file.name, percent: 0 });
        await upload(
          bucket,
          prefix + file.name,
          file,
          (n) => setSent({ name: file.name, percent: file.size ? Math.round((100 * n) / file.size) : 100 }),
          controller.signal,
        );
        setFiles((rest) => rest.filter((f) => f !== file));
      }
      flash("success", `${plural(files.length, "file")} uploaded.`);
    }).then((done) => {
      setSent(undefined);
      onDone();
      if (done) onClose();
    });
  };
  return (
    <Container header={<Header variant="h2">Upload to {prefix || bucket}</Header>}>
      <SpaceBetween size="m">
        <FormField label="Files">
          <FileUpload
            multiple
            value={files}
            onChange={({ detail }) => setFiles(detail.value)}
            showFileSize
            ariaRequired
            i18nStrings={{
              uploadButtonText: (multiple) => (multiple ? "Choose files" : "Choose file"),
              dropzoneText: (multiple) => (multiple ? "Drop files to upload" : "Drop file to upload"),
              removeFileAriaLabel: (i) => `Remove file ${i + 1}`,
              limitShowFewer: "Show fewer",
              limitShowMore: "Show more",
              errorIconAriaLabel: "Error",
              warningIconAriaLabel: "Warning",
            }}
          />
        </FormField>
        {sent && <ProgressBar value={sent.percent} label={`Uploading ${sent.name}`} />}
        <FaultAlert fault={fault} />
        <SpaceBetween direction="horizontal" size="xs">
          <Button onClick={() => (busy ? stop.current?.abort() : onClose())}>{busy ? "Stop" : "Close"}</Button>
          <Button variant="primary" disabled={files.length === 0} loading={busy} onClick={start}>
            Start upload
          </Button>
        </SpaceBetween>
      </SpaceBetween>
    </Container>
  );
}

function Permissions({ bucket }: { bucket: string }) {
  return (
    <SpaceBetween size="l">
      <Block bucket={bucket} />
      <BucketPolicy bucket={bucket} />
    </SpaceBetween>
  );
}

const blockTexts: Record<keyof PublicAccessBlock, string> = {
  BlockPublicAcls: "Refuse new ACLs that grant public access",
  IgnorePublicAcls: "Ignore ACLs that grant public access",
  BlockPublicPolicy: "Refuse new bucket policies that grant public access",
  RestrictPublicBuckets: "Do not let a public bucket policy admit anybody of another account",
};

function Block({ bucket }: { bucket: string }) {
  const block = useLoad((signal) => getPublicAccessBlock(bucket, signal), [bucket]);
  const [draft, setDraft] = useState<PublicAccessBlock>();
  const { busy, fault, run, clear } = useAction();
  const shown = draft ?? block.value;
  const save = () =>
    void run(async () => {
      if (draft) await putPublicAccessBlock(bucket, draft);
      flash("success", "The public access block was saved.");
      setDraft(undefined);
      block.reload();
    });
  return (
    <Container header={<Header variant="h2">Block public access</Header>}>
      <SpaceBetween size="s">
        <FaultAlert fault={block.fault} retry={block.reload} />
        {block.loading && !block.value && <StatusIndicator type="loading">Loading</StatusIndicator>}
        {shown &&
          blockNames.map((n) => (
            <Checkbox key={n} checked={shown[n]} onChange={({ detail }) => setDraft({ ...shown, [n]: detail.checked })}>
              {blockTexts[n]}
            </Checkbox>
          ))}
        <FaultAlert fault={fault} dismiss={clear} />
        {draft && (
          <SpaceBetween direction="horizontal" size="xs">
            <Button onClick={() => setDraft(undefined)}>Cancel</Button>
            <Button variant="primary" loading={busy} onClick={save}>
              Save changes
            </Button>
          </SpaceBetween>
        )}
      </SpaceBetween>
    </Container>
  );
}

function BucketPolicy({ bucket }: { bucket: string }) {
  const policy = useLoad((signal) => getBucketPolicy(bucket, signal).then(pretty), [bucket]);
  const [draft, setDraft] = useState<string>();
  const [deleting, setDeleting] = useState(false);
  const { busy, fault, run, clear } = useAction();
  const first = pretty(
    JSON.stringify({
      Version: "2012-10-17",
      Statement: [{ Effect: "Allow", Principal: { AWS: [] }, Action: "s3:GetObject", Resource: `arn:aws:s3:::${bucket}/*` }],
    }),
  );
  const save = () =>
    void run(async () => {
      await putBucketPolicy(bucket, draft ?? "");
      flash("success", "The bucket policy was saved.");
      setDraft(undefined);
      policy.reload();
    });
  return (
    <Container
      header={
        <Header
          variant="h2"
          description="Whom the bucket itself allows or denies what, beside what roles and users may by their own policies."
          actions={
            draft !== undefined ? (
              <SpaceBetween direction="horizontal" size="xs">
                <Button variant="link" onClick={() => (setDraft(undefined), clear())}>
                  Cancel
                </Button>
                <Button variant="primary" loading={busy} onClick={save}>
                  Save changes
                </Button>
              </SpaceBetween>
            ) : (
              <SpaceBetween direction="horizontal" size="xs">
                <Button disabled={!policy.value} onClick={() => setDeleting(true)}>
                  Delete
                </Button>
                <Button disabled={policy.value === undefined} onClick={() => setDraft(policy.value || first)}>
                  Edit
                </Button>
              </SpaceBetween>
            )
          }
        >
          Bucket policy
        </Header>
      }
    >
      <SpaceBetween size="m">
        <FaultAlert fault={policy.fault} retry={policy.reload} />
        {policy.value === "" && draft === undefined && <Alert type="info">The bucket has no policy.</Alert>}
        {(draft !== undefined || policy.value) && (
          <Editor
            label="Bucket policy"
            value={draft ?? policy.value ?? ""}
            {...(draft !== undefined ? { onChange: setDraft } : {})}
            minLines={6}
          />
        )}
        <FaultAlert fault={fault} dismiss={clear} />
      </SpaceBetween>
      {deleting && (
        <Confirm
          title="Delete the bucket policy?"
          action="Delete"
          onClose={() => setDeleting(false)}
          onConfirm={async () => {
            await deleteBucketPolicy(bucket);
            policy.reload();
          }}
        >
          What only this policy allowed is denied from then on, and what it denied may be allowed.
        </Confirm>
      )}
    </Container>
  );
}
