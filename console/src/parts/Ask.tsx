import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import { useState } from "react";
import { Dialog } from "./Dialog";

interface AskProps {
  title: string;
  label: string;
  constraint: string;
  action: string;
  onSubmit: (value: string) => Promise<void>;
  onClose: () => void;
}

// Ask asks for one name.
export function Ask({ title, label, constraint, action, onSubmit, onClose }: AskProps) {
  const [value, setValue] = useState("");
  const name = value.trim();
  return (
    <Dialog title={title} action={action} ready={name !== ""} onSubmit={() => onSubmit(name)} onClose={onClose}>
      {(submit) => (
        <FormField label={label} constraintText={constraint}>
          <Input
            value={value}
            onChange={({ detail }) => setValue(detail.value)}
            onKeyDown={({ detail }) => detail.key === "Enter" && submit()}
            spellcheck={false}
            autoComplete={false}
            autoFocus
            ariaRequired
          />
        </FormField>
      )}
    </Dialog>
  );
}
