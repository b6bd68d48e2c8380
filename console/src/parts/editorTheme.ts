import { HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import type { Extension } from "@codemirror/state";
import { EditorView } from "@codemirror/view";
import { tags } from "@lezer/highlight";

// Colours of the editor, light and dark; each has at least 4.5:1 on its ground.

interface Colours {
  ground: string;
  text: string;
  gutter: string;
  line: string;
  selection: string;
  key: string;
  string: string;
  atom: string;
  caret: string;
}

const light: Colours = {
  ground: "#ffffff",
  text: "#0f141a",
  gutter: "#5f6b7a",
  line: "#f2f6fb",
  selection: "#cfe2ff",
  key: "#004a9e",
  string: "#0b6b3a",
  atom: "#8a2c00",
  caret: "#0f141a",
};
const dark: Colours = {
  ground: "#161d26",
  text: "#dedee3",
  gutter: "#9aa5b3",
  line: "#1f2833",
  selection: "#2c4a73",
  key: "#8ab8ff",
  string: "#8fdcae",
  atom: "#ffb38a",
  caret: "#ffffff",
};

export function editorTheme(isDark: boolean): Extension {
  const c = isDark ? dark : light;
  return [
    EditorView.theme(
      {
        "&": { backgroundColor: c.ground, color: c.text, fontSize: "13px" },
        "&.cm-focused": { outline: "none" },
        ".cm-content": { fontFamily: "Monaco, Menlo, Consolas, 'Liberation Mono', monospace", caretColor: c.caret, padding: "8px 0" },
        ".cm-cursor, .cm-dropCursor": { borderLeftColor: c.caret },
        ".cm-gutters": { backgroundColor: c.ground, color: c.gutter, border: "none" },
        ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: c.line },
        "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": {
          backgroundColor: c.selection,
        },
        ".cm-tooltip": { backgroundColor: c.ground, color: c.text, border: `1px solid ${c.gutter}` },
        ".cm-decided": { backgroundColor: isDark ? "#5c2b2b" : "#ffe0e0", outline: `1px solid ${isDark ? "#ff8a8a" : "#b3261e"}` },
      },
      { dark: isDark },
    ),
    syntaxHighlighting(
      HighlightStyle.define([
        { tag: tags.propertyName, color: c.key },
        { tag: tags.string, color: c.string },
        { tag: [tags.number, tags.bool, tags.null], color: c.atom },
      ]),
    ),
  ];
}
