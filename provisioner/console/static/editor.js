// The row as JSON in CodeMirror, over the textarea that works without it: what is typed goes there, the server
// checks it as before, and its problems stand at their lines. It lives in a shadow root, where its style sheets
// need no exception from the policy.
const {
  EditorState, EditorView, HighlightStyle, bracketMatching, defaultKeymap, drawSelection, highlightActiveLine, history,
  historyKeymap, indentOnInput, indentUnit, json, keymap, lineNumbers, lintGutter, lintKeymap, search, searchKeymap,
  setDiagnostics, syntaxHighlighting, tags,
} = CodeMirror;

const colours = HighlightStyle.define([
  { tag: tags.propertyName, color: "var(--accent)" },
  { tag: tags.string, color: "light-dark(#1f6b3a, #8fdc9f)" },
  { tag: [tags.number, tags.bool, tags.null], color: "light-dark(#8a4b00, #ffc078)" },
  { tag: tags.invalid, color: "light-dark(#b01a24, #ff8d8d)" },
]);
const looks = EditorView.theme({
  "&": { color: "var(--ink)", backgroundColor: "var(--raised)", border: "1px solid var(--line)", borderRadius: "6px", fontSize: ".78125rem" },
  "&.cm-focused": { outline: "2px solid var(--accent)", outlineOffset: "2px" },
  ".cm-scroller": { fontFamily: "var(--mono)", lineHeight: "1.55" },
  ".cm-content, .cm-gutter": { minHeight: "28rem" },
  ".cm-gutters": { color: "var(--soft)", backgroundColor: "var(--sunk)", border: "none", borderRadius: "6px 0 0 6px" },
  ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "transparent" },
  "&.cm-focused .cm-activeLine, &.cm-focused .cm-activeLineGutter": { backgroundColor: "color-mix(in srgb, var(--tint) 55%, transparent)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": { backgroundColor: "light-dark(#cfe3f7, #28435f)" },
  ".cm-cursor": { borderLeftColor: "var(--ink)" },
  "&.cm-focused .cm-matchingBracket": { backgroundColor: "var(--tint)", outline: "1px solid var(--accent)" },
  ".cm-tooltip, .cm-panels": { color: "var(--ink)", backgroundColor: "var(--raised)", borderColor: "var(--line)" },
  ".cm-panel, .cm-panel input, .cm-panel button": { fontFamily: "var(--sans)", fontSize: ".8125rem" },
  ".cm-textfield": { color: "var(--ink)", backgroundColor: "var(--bg)", borderColor: "var(--line)" },
  ".cm-button": { color: "var(--ink)", backgroundColor: "var(--sunk)", backgroundImage: "none", borderColor: "var(--line)" },
});

const area = document.querySelector("#editor textarea[name=row]");
const label = area.closest("label");
const host = document.createElement("div");
const root = host.attachShadow({ mode: "open" });
const toArea = EditorView.updateListener.of((update) => {
  if (!update.docChanged) return;
  area.value = update.state.doc.toString();
  area.dispatchEvent(new Event("input", { bubbles: true }));
});
label.after(host);
area.hidden = true;
const view = new EditorView({
  parent: root,
  root,
  state: EditorState.create({
    doc: area.value,
    extensions: [
      lineNumbers(), lintGutter(), history(), drawSelection(), indentOnInput(), bracketMatching(), highlightActiveLine(), json(),
      indentUnit.of("  "), EditorState.tabSize.of(2), EditorView.lineWrapping, syntaxHighlighting(colours), looks, toArea,
      search({ top: true }), keymap.of([...defaultKeymap, ...searchKeymap, ...historyKeymap, ...lintKeymap]), // Tab goes on to the buttons
      EditorView.contentAttributes.of({ "aria-label": label.textContent.trim().split("\n")[0], spellcheck: "false" }),
    ],
  }),
});
label.addEventListener("click", () => view.focus());

// ---- Problems, as the server has written them beside the text -----------------------------------------
function showProblems() {
  const { doc } = view.state;
  const found = [...document.querySelectorAll("#live [data-line]")].map((each) => {
    const line = doc.line(Math.min(Number(each.dataset.line), doc.lines));
    const from = line.from + line.text.search(/\S|$/);
    return { from, to: Math.max(from, line.to - /,?\s*$/.exec(line.text)[0].length), severity: "error", message: each.querySelector(".error").textContent };
  });
  view.dispatch(setDiagnostics(view.state, found));
}
document.addEventListener("htmx:after:swap", showProblems);
showProblems();
