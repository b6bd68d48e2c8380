import AttributeEditor from "@cloudscape-design/components/attribute-editor";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";
import { setTags, type Tagged } from "../api/iam";
import type { Tag } from "../api/query";
import { FaultAlert } from "./FaultAlert";
import { flash } from "./flash";
import { useAction } from "./load";

// TagFields edits a list of tags; what is wrong with one, IAM says when it is sent.
export function TagFields({ tags, onChange }: { tags: readonly Tag[]; onChange: (tags: Tag[]) => void }) {
  const set = (index: number, part: Partial<Tag>) => onChange(tags.map((t, i) => (i === index ? { ...t, ...part } : t)));
  return (
    <AttributeEditor
      items={tags}
      addButtonText="Add new tag"
      empty="No tags."
      removeButtonText="Remove"
      removeButtonAriaLabel={(t) => `Remove tag ${t.key}`}
      disableAddButton={tags.length >= 50}
      onAddButtonClick={() => onChange([...tags, { key: "", value: "" }])}
      onRemoveButtonClick={({ detail }) => onChange(tags.filter((_, i) => i !== detail.itemIndex))}
      definition={[
        {
          label: "Key",
          control: (t, i) => (
            <Input value={t.key} ariaLabel={`Key of tag ${i + 1}`} onChange={({ detail }) => set(i, { key: detail.value })} />
          ),
        },
        {
          label: "Value – optional",
          control: (t, i) => (
            <Input value={t.value} ariaLabel={`Value of tag ${i + 1}`} onChange={({ detail }) => set(i, { value: detail.value })} />
          ),
        },
      ]}
    />
  );
}

// TagsPanel shows a resource's tags and saves what was changed.
export function TagsPanel({ kind, id, tags, reload }: { kind: Tagged; id: string; tags: Tag[]; reload: () => void }) {
  const [draft, setDraft] = useState<Tag[]>();
  const { busy, fault, run } = useAction();
  const save = () =>
    void run(() => setTags(kind, id, tags, draft ?? tags)).then((done) => {
      if (!done) return;
      setDraft(undefined);
      flash("success", "The tags were saved.");
      reload();
    });
  return (
    <Container
      header={
        <Header variant="h2" counter={`(${tags.length})`}>
          Tags
        </Header>
      }
    >
      <SpaceBetween size="m">
        <TagFields tags={draft ?? tags} onChange={setDraft} />
        <FaultAlert fault={fault} />
        {draft && (
          <SpaceBetween direction="horizontal" size="xs">
            <Button onClick={() => setDraft(undefined)}>Cancel</Button>
            <Button variant="primary" loading={busy} onClick={save}>
              Save tags
            </Button>
          </SpaceBetween>
        )}
      </SpaceBetween>
    </Container>
  );
}
