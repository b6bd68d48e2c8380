import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import type { Fault } from "../api/fault";

// FaultAlert shows where it happened what was refused and why, in AWS's words.
export function FaultAlert({
  fault,
  retry,
  dismiss,
}: {
  fault: Fault | undefined;
  retry?: (() => void) | undefined;
  dismiss?: (() => void) | undefined;
}) {
  if (!fault) return null;
  return (
    <Alert
      type="error"
      header={fault.code}
      action={retry ? <Button onClick={retry}>Retry</Button> : undefined}
      dismissible={!!dismiss}
      onDismiss={dismiss}
      dismissAriaLabel="Dismiss"
    >
      <div role="alert">{fault.message || "No message was given."}</div>
      {fault.requestId && (
        <Box variant="small" color="inherit">
          Request id {fault.requestId}
        </Box>
      )}
    </Alert>
  );
}
