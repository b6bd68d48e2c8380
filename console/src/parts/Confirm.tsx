import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import { useState, type ReactNode } from "react";
import { Dialog } from "./Dialog";

interface ConfirmProps {
  title: string;
  action: string; // the word on the button: "Delete"
  children: ReactNode; // what will happen
  phrase?: string; // what must be typed first
  onConfirm: () => Promise<void>;
  onClose: () => void;
}

// Confirm asks once more before what cannot be undone.
export function Confirm({ title, action, children, phrase, onConfirm, onClose }: ConfirmProps) {
  const [typed, setTyped] = useState("");
  return (
    <Dialog title={title} action={action} ready={!phrase || typed === phrase} onSubmit={onConfirm} onClose={onClose}>
      {(submit) => (
        <>
          <div>{children}</div>
          {phrase && (
            <FormField label={<>To confirm, enter “{phrase}”</>}>
              <Input
                value={typed}
                onChange={({ detail }) => setTyped(detail.value)}
                onKeyDown={({ detail }) => detail.key === "Enter" && submit()}
                autoComplete={false}
                ariaRequired
              />
            </FormField>
          )}
        </>
      )}
    </Dialog>
  );
}
