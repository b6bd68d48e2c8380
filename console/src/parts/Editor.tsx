import Box from "@cloudscape-design/components/box";
import Link from "@cloudscape-design/components/link";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { json } from "@codemirror/lang-json";
import { bracketMatching, foldGutter, indentOnInput } from "@codemirror/language";
import { lintGutter, setDiagnostics, type Diagnostic } from "@codemirror/lint";
import { unifiedMergeView } from "@codemirror/merge";
import { Compartment, EditorSelection, EditorState, type Extension } from "@codemirror/state";
import { Decoration, drawSelection, EditorView, highlightActiveLine, keymap, lineNumbers } from "@codemirror/view";
import { useEffect, useRef, useState } from "react";
import { lintPolicy, type LintResult } from "../api/daypass";
import { asFault, isAborted } from "../api/fault";
import { useDark } from "../appearance";
import { editorTheme } from "./editorTheme";

// A place in a document that decided, by lines and columns from 1.
export interface Span {
  line: number;
  column: number;
  endLine?: number;
  endColumn?: number;
}

interface EditorProps {
  label: string; // the accessible name
  value: string;
  onChange?: (value: string) => void; // read only without it
  lint?: "trust" | "permission"; // asks the server about the document as one types
  before?: string; // shows what changed against this document
  highlight?: readonly Span[];
  minLines?: number;
}

// Editor is CodeMirror in a shadow root: its styles are adopted style sheets there,
// so that the page's policy need not allow inline styles.
export function Editor({ label, value, onChange, lint, before, highlight, minLines = 12 }: EditorProps) {
  const host = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView>(undefined);
  const theme = useRef(new Compartment());
  const changed = useRef(onChange);
  changed.current = onChange;
  const dark = useDark();
  const spans = JSON.stringify(highlight ?? []);

  useEffect(() => {
    if (!host.current) return;
    const root = host.current.shadowRoot ?? host.current.attachShadow({ mode: "open" });
    const parent = document.createElement("div");
    root.replaceChildren(parent);
    const editor = new EditorView({
      root,
      parent,
      state: EditorState.create({
        doc: value,
        extensions: [
          lineNumbers(),
          drawSelection(),
          bracketMatching(),
          json(),
          EditorView.lineWrapping,
          EditorView.contentAttributes.of({ "aria-label": label, spellcheck: "false" }),
          EditorView.theme({
            ".cm-content": { minHeight: `${minLines * 1.4}em` },
            ".cm-scroller": { maxHeight: "60vh", overflow: "auto" },
          }),
          theme.current.of(editorTheme(document.body.classList.contains("awsui-dark-mode"))),
          changed.current
            ? editing()
            : [
                EditorState.readOnly.of(true),
                EditorView.editable.of(false),
                EditorView.contentAttributes.of({ tabindex: "0", role: "textbox", "aria-readonly": "true", "aria-multiline": "true" }),
              ],
          lint ? lintGutter() : [],
          before !== undefined
            ? unifiedMergeView({ original: before, mergeControls: false, collapseUnchanged: { margin: 3, minSize: 6 } })
            : [],
          marks(JSON.parse(spans) as Span[], value),
          EditorView.updateListener.of((u) => u.docChanged && changed.current?.(u.state.doc.toString())),
        ],
      }),
    });
    view.current = editor;
    return () => editor.destroy();
    // The document that the editor was opened with; later ones are set below.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [label, lint, before, spans, minLines, !onChange]);

  useEffect(() => {
    const editor = view.current;
    if (editor && editor.state.doc.toString() !== value) {
      editor.dispatch({ changes: { from: 0, to: editor.state.doc.length, insert: value } });
    }
  }, [value]);

  useEffect(() => {
    view.current?.dispatch({ effects: theme.current.reconfigure(editorTheme(dark)) });
  }, [dark]);

  return (
    <div>
      <div ref={host} className="editor" data-editor={label} />
      {lint && <Lint kind={lint} value={value} view={view} />}
    </div>
  );
}

function editing(): Extension {
  // Tab moves on, as everywhere on the page; the editor is no trap for the keyboard.
  return [history(), indentOnInput(), highlightActiveLine(), foldGutter(), keymap.of([...defaultKeymap, ...historyKeymap])];
}

// marks shows the parts of the document that decided.
function marks(spans: readonly Span[], value: string): Extension {
  const doc = EditorState.create({ doc: value }).doc;
  const at = (line: number, column: number) => {
    if (line < 1 || line > doc.lines) return doc.length;
    const l = doc.line(line);
    return Math.min(l.from + Math.max(column - 1, 0), l.to);
  };
  const ranges = spans
    .map((s) => ({ from: at(s.line, s.column), to: s.endLine ? at(s.endLine, s.endColumn ?? 1) : at(s.line, Infinity) }))
    .filter((r) => r.to > r.from)
    .sort((a, b) => a.from - b.from);
  return EditorView.decorations.of(
    Decoration.set(
      ranges.map((r) => Decoration.mark({ class: "cm-decided" }).range(r.from, r.to)),
      true,
    ),
  );
}

// Lint asks the server about the document when nothing was typed for a while, marks
// what it says in the editor and lists it below.
function Lint({ kind, value, view }: { kind: "trust" | "permission"; value: string; view: React.RefObject<EditorView | undefined> }) {
  const [result, setResult] = useState<LintResult>();
  const [problem, setProblem] = useState("");

  useEffect(() => {
    const stop = new AbortController();
    const timer = setTimeout(() => {
      if (value.trim() === "") return;
      lintPolicy(kind, value, stop.signal).then(
        (r) => {
          setProblem("");
          setResult(r);
          const editor = view.current;
          if (editor && editor.state.doc.toString() === value) editor.dispatch(setDiagnostics(editor.state, diagnostics(editor.state, r)));
        },
        (thrown: unknown) => !isAborted(thrown) && setProblem(`${asFault(thrown).code}: ${asFault(thrown).message}`),
      );
    }, 400);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [kind, value, view]);

  const show = (line?: number, column?: number) => {
    const editor = view.current;
    if (!editor || !line || line > editor.state.doc.lines) return;
    const l = editor.state.doc.line(line);
    const position = Math.min(l.from + Math.max((column ?? 1) - 1, 0), l.to);
    editor.dispatch({ selection: EditorSelection.cursor(position), scrollIntoView: true });
    editor.focus();
  };

  return (
    <div
      className="lint"
      role="status"
      aria-label="What the server says of the document"
      data-lint={problem ? "unknown" : result ? (result.errors.length > 0 ? "error" : "ok") : "waiting"}
    >
      <SpaceBetween size="xxs">
        {problem && <StatusIndicator type="warning">Not checked. {problem}</StatusIndicator>}
        {!problem && result && result.errors.length === 0 && result.findings.length === 0 && (
          <StatusIndicator type="success">The document is valid; nothing was found</StatusIndicator>
        )}
        {result?.errors.map((e, i) => (
          <div key={`e${i}`}>
            <StatusIndicator type="error">
              <Place line={e.line} column={e.column} show={show} />
              {e.message}
            </StatusIndicator>
          </div>
        ))}
        {result?.findings.map((f, i) => (
          <div key={`f${i}`}>
            <StatusIndicator type={severityType(f.severity)}>
              <Place line={f.line} column={f.column} show={show} />
              {f.message}
            </StatusIndicator>
            {f.witness && (
              <Box variant="small" padding={{ left: "l" }}>
                It admits, for example: <code>{f.witness}</code>
              </Box>
            )}
            {f.mend && (
              <Box variant="small" padding={{ left: "l" }}>
                {f.mend}
              </Box>
            )}
          </div>
        ))}
      </SpaceBetween>
    </div>
  );
}

function Place({
  line,
  column,
  show,
}: {
  line?: number | undefined;
  column?: number | undefined;
  show: (line?: number, column?: number) => void;
}) {
  if (!line) return null;
  return (
    <>
      <Link variant="secondary" onFollow={() => show(line, column)} ariaLabel={`Go to line ${line}`}>
        Line {line}
      </Link>
      {": "}
    </>
  );
}

function severityType(severity: string): "error" | "warning" | "info" {
  if (/critical|high|error/i.test(severity)) return "error";
  return /low|info|note/i.test(severity) ? "info" : "warning";
}

function diagnostics(state: EditorState, result: LintResult): Diagnostic[] {
  const one = (severity: Diagnostic["severity"], message: string, line = 1, column = 1): Diagnostic => {
    const l = state.doc.line(Math.min(Math.max(line, 1), state.doc.lines));
    const from = Math.min(l.from + Math.max(column - 1, 0), l.to);
    return { from, to: Math.max(l.to, from), severity, message };
  };
  return [
    ...result.errors.map((e) => one("error", e.message, e.line, e.column)),
    ...result.findings.map((f) => one(severityType(f.severity), f.message, f.line, f.column)),
  ];
}
