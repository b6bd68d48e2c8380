import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import Modal from "@cloudscape-design/components/modal";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState, type ReactNode } from "react";
import { FaultAlert } from "./FaultAlert";
import { useAction } from "./load";

interface ConfirmProps {
  title: string;
  action: string; // the word on the button: "Delete"
  children: ReactNode; // what will happen
  phrase?: string; // what must be typed first
  onConfirm: () => Promise<void>;
  onClose: () => void;
}

// Confirm asks once more before what cannot be undone, and shows there what refused it.
export function Confirm({ title, action, children, phrase, onConfirm, onClose }: ConfirmProps) {
  const [typed, setTyped] = useState("");
  const { busy, fault, run } = useAction();
  const ready = !phrase || typed === phrase;
  const confirm = () => ready && !busy && void run(onConfirm).then((done) => done && onClose());
  return (
    <Modal
      visible
      header={title}
      closeAriaLabel="Close"
      onDismiss={onClose}
      footer={
        <Box float="right">
          <SpaceBetween direction="horizontal" size="xs">
            <Button variant="link" onClick={onClose}>
              Cancel
            </Button>
            <Button variant="primary" disabled={!ready} loading={busy} onClick={confirm} data-testid="confirm">
              {action}
            </Button>
          </SpaceBetween>
        </Box>
      }
    >
      <SpaceBetween size="m">
        <div>{children}</div>
        {phrase && (
          <FormField label={<>To confirm, enter “{phrase}”</>}>
            <Input
              value={typed}
              onChange={({ detail }) => setTyped(detail.value)}
              onKeyDown={({ detail }) => detail.key === "Enter" && confirm()}
              autoComplete={false}
              ariaRequired
            />
          </FormField>
        )}
        <FaultAlert fault={fault} />
      </SpaceBetween>
    </Modal>
  );
}
