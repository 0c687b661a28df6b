// The row in CodeMirror, as JSON or YAML, over the textarea that works without it: what is typed goes there, as JSON,
// the server checks it as before, and its problems stand at their lines. It lives in a shadow root, where its style
// sheets need no exception from the policy.
const {
  EditorState, EditorView, HighlightStyle, bracketMatching, defaultKeymap, drawSelection, highlightActiveLine, history,
  historyKeymap, indentOnInput, indentUnit, json, keymap, lineNumbers, lintGutter, lintKeymap, search, searchKeymap,
  setDiagnostics, syntaxHighlighting, tags, yaml,
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

// Typing over coloured text: Chromium by itself would keep the colour, in a style attribute that the policy refuses.
const replacing = EditorView.domEventHandlers({
  beforeinput(event, { state, dispatch, composing }) {
    if (event.inputType !== "insertText" || event.data === null || state.selection.main.empty || composing) return false;
    event.preventDefault();
    dispatch(state.replaceSelection(event.data), { userEvent: "input.type", scrollIntoView: true });
    return true;
  },
});
const FORMAT = "provisioner.format";
const SHOWN_AFTER_MS = 350;
const LANGUAGES = { json: { name: "JSON", language: json }, yaml: { name: "YAML", language: yaml } };

const area = document.querySelector("#editor textarea[name=row]");
const label = area.closest("label");
const choice = document.querySelector("[data-format]");
const host = document.createElement("div");
host.className = "text";
const root = host.attachShadow({ mode: "open" });
let format = "json";
let placeOf = null; // where in the YAML a value stands
let wrong = null; // the error that the YAML has: what is sent has stayed as it was before
let shown = 0;
label.after(host);
area.hidden = true;
const view = new EditorView({ parent: root, root, state: stateOf(area.value) });
label.addEventListener("click", () => view.focus());

function stateOf(text) {
  const { name, language } = LANGUAGES[format];
  return EditorState.create({
    doc: text,
    extensions: [
      lineNumbers(), lintGutter(), history(), drawSelection(), indentOnInput(), bracketMatching(), highlightActiveLine(), language(),
      indentUnit.of("  "), EditorState.tabSize.of(2), EditorView.lineWrapping, syntaxHighlighting(colours), looks, replacing,
      EditorView.updateListener.of((update) => { if (update.docChanged) take(update.state.doc.toString()); }),
      search({ top: true }), keymap.of([...defaultKeymap, ...searchKeymap, ...historyKeymap, ...lintKeymap]), // Tab goes on to the buttons
      EditorView.contentAttributes.of({ "aria-label": `The row, as ${name}`, spellcheck: "false" }),
    ],
  });
}

function take(text) {
  clearTimeout(shown);
  let json = text;
  if (format === "yaml") {
    try {
      ({ json, placeOf } = fromYaml(text));
    } catch (error) {
      wrong = { message: error.message, at: error.at ?? 0 };
      shown = setTimeout(showWrong, SHOWN_AFTER_MS);
      return;
    }
  }
  if (json === area.value && !wrong) return showProblems(); // a comment, which may have moved lines
  wrong = null;
  area.value = json;
  area.dispatchEvent(new Event("input", { bubbles: true }));
}

// ---- The format: remembered, and changed only for another of the same row --------------------------------
function show(wanted) {
  const text = wanted === "yaml" ? toYaml(area.value) : area.value;
  const places = wanted === "yaml" ? fromYaml(text).placeOf : null;
  [format, placeOf] = [wanted, places];
  const comments = wanted === "yaml" ? "; its comments are not kept" : "";
  label.querySelector("span").textContent = `The row, as ${LANGUAGES[wanted].name}${comments}`;
  view.setState(stateOf(text));
  showProblems();
}
choice.addEventListener("change", () => {
  const { name } = LANGUAGES[format];
  try {
    if (wrong) throw wrong;
    show(choice.value);
  } catch {
    choice.value = format;
    choice.setCustomValidity(`The text is not valid ${name} yet: mend it first`);
    choice.reportValidity();
    choice.setCustomValidity(""); // what the browser shows stays
    return;
  }
  storage.setItem(FORMAT, format);
});

// ---- Problems, as the server has written them beside the text, or of the YAML itself ---------------------
function showProblems() {
  if (wrong) return showWrong();
  const { doc } = view.state;
  const found = [...document.querySelectorAll("#live [data-line]")].map((each) => {
    if (placeOf && "pointer" in each.dataset) tell(each, doc.lineAt(placeOf(each.dataset.pointer)));
    const line = doc.line(Math.min(Number(each.dataset.line), doc.lines));
    const from = line.from + line.text.search(/\S|$/);
    return { from, to: Math.max(from, line.to - /,?\s*$/.exec(line.text)[0].length), severity: "error", message: each.querySelector(".error").textContent };
  });
  view.dispatch(setDiagnostics(view.state, found));
}
function showWrong() {
  const { doc } = view.state;
  const problem = document.getElementById("text-problem").content.cloneNode(true);
  const at = Math.min(wrong.at, doc.length);
  const line = doc.lineAt(at);
  tell(problem.querySelector("[data-line]"), line, `${wrong.message} (line ${line.number}, column ${at - line.from + 1})`);
  document.getElementById("live").replaceChildren(problem);
  view.dispatch(setDiagnostics(view.state, [{ from: at, to: Math.max(at, line.to), severity: "error", message: wrong.message }]));
}
function tell(item, line, message) {
  item.dataset.line = item.querySelector(".line-number").textContent = line.number;
  item.querySelector("code").textContent = line.text.trim();
  if (message) item.querySelector(".error").textContent = message;
}
document.addEventListener("htmx:after:swap", showProblems);
document.getElementById("editor").addEventListener("submit", (event) => {
  if (!wrong) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  showWrong();
  view.dispatch({ selection: { anchor: Math.min(wrong.at, view.state.doc.length) }, scrollIntoView: true });
  view.focus();
}, { capture: true });

try {
  if (storage.getItem(FORMAT) === "yaml") show("yaml");
} catch { /* what was sent is not valid JSON: it is shown as it is */ }
choice.value = format;
showProblems();
