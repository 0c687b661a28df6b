// A row's JSON as YAML and back: by YAML 1.2's core schema, as `provisioner apply` reads it (provisioner/cli/rows.py).
// Numbers stay as they are written, however many digits they have; what is not for eyes is an escape, as in the JSON.
class ExactNumber {
  constructor(json) { this.json = json; }
}
const MERGE = { text: "<<" }; // as a name it would take over another map's members
const UNSAFE = /[\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufff9-\ufffb\ufffe\uffff\ud800-\udfff\u{e0000}-\u{e007f}]/gu;
const OTHER_BREAKS = /[\x85\u2028\u2029]/;
const inHex = (number, digits) => number.toString(16).padStart(digits, "0");
const inJson = (character) => character.split("").map((unit) => `\\u${inHex(unit.charCodeAt(0), 4)}`).join("");
const inYaml = (character) => (character.length > 1 ? `\\U${inHex(character.codePointAt(0), 8)}` : inJson(character));
const quoted = (text, escaped = inJson) => JSON.stringify(text).replace(UNSAFE, escaped);

function exactNumber(text) {
  if (/^0[ox]/.test(text)) return new ExactNumber(BigInt(text).toString());
  const [, sign, whole, rest] = /^([-+]?)(\d*)(.*)$/.exec(text);
  const fraction = rest.replace(/^\.(?=[eE]|$)/, "");
  return new ExactNumber(`${sign === "-" ? "-" : ""}${whole || "0"}${fraction}`);
}

const CORE = [
  {
    tag: "tag:yaml.org,2002:null", default: true, test: /^(?:~|null|Null|NULL|)$/,
    identify: (value) => value === null, resolve: () => null, stringify: () => "null",
  },
  {
    tag: "tag:yaml.org,2002:bool", default: true, test: /^(?:true|True|TRUE|false|False|FALSE)$/,
    identify: (value) => typeof value === "boolean", resolve: (text) => /^t/i.test(text), stringify: ({ value }) => `${value}`,
  },
  {
    tag: "tag:yaml.org,2002:float", default: true,
    test: /^(?:[-+]?(?:0|[1-9]\d*)|0o[0-7]+|0x[\da-fA-F]+|[-+]?(?:\.\d+|(?:0|[1-9]\d*)(?:\.\d*)?)(?:[eE][-+]?\d+)?)$/,
    identify: (value) => value instanceof ExactNumber, resolve: exactNumber, stringify: ({ value }) => value.json,
  },
  { tag: "tag:yaml.org,2002:merge", default: true, test: /^<<$/, resolve: () => MERGE, stringify: () => MERGE.text },
  {
    tag: "tag:yaml.org,2002:str", default: true, identify: (value) => typeof value === "string", resolve: (text) => text,
    // `provisioner apply` takes no tab within plain text.
    stringify: (item, context, ...more) => (item.value.search(UNSAFE) < 0 && (item.value.includes("\n") || !item.value.includes("\t"))
      ? CodeMirror.stringifyString(item, { ...context, actualString: true }, ...more) : quoted(item.value, inYaml)),
  },
];
const OPTIONS = {
  // "failsafe" has maps, lists and text; `compat` puts quotation marks around what older readers take for something else.
  schema: "failsafe", compat: "yaml-1.1", prettyErrors: false,
  customTags: (tags) => [...tags.filter((each) => each.collection), ...CORE],
};
const TOO_DEEP = "is nested too deeply";

class TextProblem extends Error {
  constructor(message, at) {
    super(message);
    this.at = at;
  }
}

// Return the tree of YAML text, of JSON text as well.
function treeOf(text) {
  const strange = text.search(OTHER_BREAKS);
  if (strange >= 0) throw new TextProblem("has a line break that some readers take for none: write it as an escape, in quotation marks", strange);
  const tree = CodeMirror.parseDocument(text, OPTIONS);
  const [error] = tree.errors;
  if (error) {
    const several = error.code === "MULTIPLE_DOCS";
    if (error.message.includes("call stack")) throw new TextProblem(TOO_DEEP, 0);
    throw new TextProblem(several ? "must be one row: a second document begins here" : `is not valid YAML: ${error.message}`, error.pos[0]);
  }
  CodeMirror.visit(tree, {
    Alias: (_, { range }) => { throw new TextProblem("must not be an alias: write the value itself", range[0]); },
    Node: (_, node) => {
      const at = node.range[0];
      if (node.anchor) throw new TextProblem("must not have an anchor: write the value wherever it belongs", at);
      if (node.tag) throw new TextProblem("must not have a tag", at);
    },
    Pair: (_, { key }) => {
      if (key?.value === MERGE) throw new TextProblem("must not be a merge key: write the members themselves", key.range[0]);
      const isText = CodeMirror.isScalar(key) && typeof key.value === "string";
      if (!isText) throw new TextProblem("is a name and must be text: put it in quotation marks", key?.range?.[0] ?? 0);
    },
  });
  return tree;
}

const valueOf = (node) => {
  if (CodeMirror.isMap(node)) return new Map(node.items.map(({ key, value }) => [key.value, valueOf(value)]));
  if (CodeMirror.isSeq(node)) return node.items.map(valueOf);
  return node?.value === MERGE ? MERGE.text : node?.value ?? null;
};

function jsonOf(value, indent = "") {
  const inner = `${indent}  `;
  const between = (begin, parts, end) => (parts.length ? `${begin}\n${inner}${parts.join(`,\n${inner}`)}\n${indent}${end}` : begin + end);
  if (value instanceof ExactNumber) return value.json;
  if (value instanceof Map) return between("{", [...value].map(([name, each]) => `${quoted(name)}: ${jsonOf(each, inner)}`), "}");
  if (Array.isArray(value)) return between("[", value.map((each) => jsonOf(each, inner)), "]");
  return typeof value === "string" ? quoted(value) : JSON.stringify(value);
}

function within(make) {
  try {
    return make();
  } catch (error) {
    if (error instanceof RangeError) throw new TextProblem(TOO_DEEP, 0);
    throw error;
  }
}

// Return YAML text as JSON, and where in the text each value stands by its JSON pointer.
function fromYaml(text) {
  return within(() => {
    const tree = treeOf(text);
    if (!CodeMirror.isMap(tree.contents)) throw new TextProblem("must be a map of attributes", 0);
    return { json: jsonOf(valueOf(tree.contents)), placeOf: (pointer) => placeIn(tree.contents, pointer) };
  });
}

// Return JSON text as YAML.
function toYaml(json) {
  JSON.parse(json); // whose errors are not YAML's
  return within(() => new CodeMirror.Document(valueOf(treeOf(json).contents), OPTIONS).toString({ lineWidth: 0 }));
}

function placeIn(map, pointer) {
  let node = map;
  let at = 0;
  for (const part of pointer.split("/").slice(1).map((each) => each.replaceAll("~1", "/").replaceAll("~0", "~"))) {
    const pair = CodeMirror.isMap(node) && node.items.find(({ key }) => key.value === part);
    node = pair ? pair.value : CodeMirror.isSeq(node) ? node.items[Number(part)] : undefined;
    const found = pair ? pair.key : node;
    if (!found?.range) break;
    [at] = found.range;
  }
  return at;
}
