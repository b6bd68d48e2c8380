import Flashbar, { type FlashbarProps } from "@cloudscape-design/components/flashbar";
import { useSyncExternalStore } from "react";

// Messages above the screen, which outlive a change of the route: what was created
// on one screen is told on the next.

type Item = FlashbarProps.MessageDefinition;

let items: Item[] = [];
let count = 0;
const listeners = new Set<() => void>();

function set(next: Item[]): void {
  items = next;
  for (const listener of listeners) listener();
}

export function flash(type: "success" | "info" | "warning" | "error", content: string): void {
  const id = `flash-${++count}`;
  const dismiss = () => set(items.filter((i) => i.id !== id));
  set(
    [
      {
        id,
        type,
        content,
        dismissible: true,
        dismissLabel: "Dismiss message",
        onDismiss: dismiss,
        ariaRole: type === "error" ? ("alert" as const) : ("status" as const),
      },
      ...items,
    ].slice(0, 4),
  );
}

export function clearFlashes(): void {
  set([]);
}

export function Flashes() {
  const shown = useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => items,
  );
  return (
    <Flashbar
      items={shown}
      i18nStrings={{
        ariaLabel: "Messages",
        errorIconAriaLabel: "Error",
        successIconAriaLabel: "Success",
        infoIconAriaLabel: "Information",
        warningIconAriaLabel: "Warning",
      }}
    />
  );
}
