// Converts texts as the console's editor does: a list of {yaml} or {json} from stdin; to stdout a list of {json, places} or
// {yaml}, or {error, at}.
const { readFileSync } = require("node:fs");
const { join } = require("node:path");
const { runInThisContext } = require("node:vm");

const folder = join(__dirname, "../../provisioner/console/static");
const sources = ["vendor/codemirror.js", "yaml_text.js"].map((name) => readFileSync(join(folder, name), "utf8"));
const { fromYaml, toYaml } = runInThisContext(`${sources.join("\n")}; ({ fromYaml, toYaml })`);

function converted({ yaml, json, pointers }) {
  try {
    if (json !== undefined) return { yaml: toYaml(json) };
    const found = fromYaml(yaml);
    return { json: found.json, places: pointers.map(found.placeOf) };
  } catch (error) {
    return { error: error.message, at: error.at ?? null };
  }
}

process.stdout.write(JSON.stringify(JSON.parse(readFileSync(0, "utf8")).map(converted)));
