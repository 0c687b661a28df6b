// Evaluates expressions by JSONata's reference implementation: a list of {text, bindings} from stdin,
// a list of {value} or {error} to stdout. Without bindings an expression is parsed only.
const { createHash } = require("node:crypto");
const { readFileSync } = require("node:fs");
const jsonata = require("jsonata");

// What Step Functions adds to JSONata, as far as the workflow uses it.
function prepared(text) {
  const expression = jsonata(text);
  expression.registerFunction("parse", (json) => JSON.parse(json));
  expression.registerFunction("random", () => 0.5);
  expression.registerFunction("uuid", () => "6f1c1f0e-0000-4000-8000-000000000000");
  expression.registerFunction("hash", (data, algorithm) =>
    createHash(algorithm.replace("-", "").toLowerCase()).update(data).digest("hex"));
  return expression;
}

async function evaluated({ text, bindings }) {
  try {
    const expression = prepared(text);
    if (bindings === undefined) return {};
    return { value: await expression.evaluate(undefined, bindings) };
  } catch (error) {
    return { error: `${error.code}: ${error.message}` };
  }
}

(async () => {
  const asked = JSON.parse(readFileSync(0, "utf8"));
  const answers = [];
  for (const one of asked) answers.push(await evaluated(one));
  process.stdout.write(JSON.stringify(answers));
})();
