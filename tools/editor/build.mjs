// Bundles CodeMirror, and a reader of YAML, into one file of the console, and says so in its manifest: `make editor`.
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { build } from "esbuild";

const vendor = new URL("../../provisioner/console/static/vendor/", import.meta.url);
const bundle = new URL("codemirror.js", vendor);
await build({
  absWorkingDir: import.meta.dirname,
  entryPoints: ["editor.mjs"],
  bundle: true,
  charset: "utf8",
  format: "iife",
  globalName: "CodeMirror",
  legalComments: "none",
  minify: true,
  outfile: bundle.pathname,
  target: "es2022",
});
const { packages } = JSON.parse(readFileSync(new URL("package-lock.json", import.meta.url)));
const bundled = Object.entries(packages).filter(([name, about]) => name && !about.dev && !about.optional);
const licences = new Map();
for (const [name] of bundled) {
  const text = readFileSync(new URL(`${name}/LICENSE`, import.meta.url), "utf8").trim();
  licences.set(text, [...(licences.get(text) ?? []), name.replace("node_modules/", "")]);
}
const said = [...licences].map(([text, names]) => `${names.join(", ")}:\n\n${text}\n`).join("\n");
writeFileSync(new URL("LICENSE-codemirror", vendor), said);
const manifest = new URL("manifest.json", vendor);
const others = JSON.parse(readFileSync(manifest)).filter((each) => each.package !== "codemirror");
const entry = {
  package: "codemirror",
  version: packages["node_modules/@codemirror/view"].version,
  licence: [...new Set(bundled.map(([, { license }]) => license))].sort().join(", "),
  licence_file: "LICENSE-codemirror",
  from: "npm, bundled by tools/editor (make editor)",
  bundled: Object.fromEntries(bundled.map(([name, { version }]) => [name.replace("node_modules/", ""), version])),
  files: { "codemirror.js": createHash("sha256").update(readFileSync(bundle)).digest("hex") },
};
writeFileSync(manifest, `${JSON.stringify([...others, entry], null, 2)}\n`);
