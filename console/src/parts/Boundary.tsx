import Alert from "@cloudscape-design/components/alert";
import Button from "@cloudscape-design/components/button";
import { Component, type ReactNode } from "react";

// Boundary keeps a screen that failed from taking the console with it.
export class Boundary extends Component<{ children: ReactNode }, { error?: Error }> {
  override state: { error?: Error } = {};

  static getDerivedStateFromError(error: Error) {
    return { error };
  }

  override render() {
    if (!this.state.error) return this.props.children;
    return (
      <Alert
        type="error"
        header="This screen failed"
        action={<Button onClick={() => this.setState({ error: undefined as never })}>Open it again</Button>}
      >
        {this.state.error.message}. That is a defect of the console; nothing was changed by it.
      </Alert>
    );
  }
}
