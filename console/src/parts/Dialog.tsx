import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Modal from "@cloudscape-design/components/modal";
import SpaceBetween from "@cloudscape-design/components/space-between";
import type { ReactNode } from "react";
import { FaultAlert } from "./FaultAlert";
import { useAction } from "./load";

interface DialogProps {
  title: string;
  action: string; // the word on the button: "Delete"
  ready?: boolean; // whether all is there that the action needs
  size?: "medium" | "large";
  onSubmit: () => Promise<void>;
  onClose: () => void;
  children: ReactNode | ((submit: () => void) => ReactNode);
}

// Dialog asks for something, does it, and closes; what refuses it is shown there.
export function Dialog({ title, action, ready = true, size, onSubmit, onClose, children }: DialogProps) {
  const { busy, fault, run } = useAction();
  const submit = () => {
    if (ready && !busy) void run(onSubmit).then((done) => done && onClose());
  };
  return (
    <Modal
      visible
      size={size}
      header={title}
      closeAriaLabel="Close"
      onDismiss={onClose}
      footer={
        <Box float="right">
          <SpaceBetween direction="horizontal" size="xs">
            <Button variant="link" onClick={onClose}>
              Cancel
            </Button>
            <Button variant="primary" disabled={!ready} loading={busy} onClick={submit}>
              {action}
            </Button>
          </SpaceBetween>
        </Box>
      }
    >
      <SpaceBetween size="m">
        {typeof children === "function" ? children(submit) : children}
        <FaultAlert fault={fault} />
      </SpaceBetween>
    </Modal>
  );
}
