// Print a line of shell for each variable of PROVISIONER_SECRETS; what read.py does, for Node.js.

const crypto = require("crypto");
const { URL } = require("url");

const ATTEMPTS = 3;
const TIMEOUT_MS = 3000;
const NAMES_A_CALL = 10; // Systems Manager, GetParameters
const { env } = process;
const region = env.AWS_REGION;
const suffix = region.startsWith("cn-") ? "amazonaws.com.cn" : "amazonaws.com";

async function main() {
  const wanted = JSON.parse(env.PROVISIONER_SECRETS);
  const arns = [...new Set(Object.values(wanted))];
  const secrets = arns.filter((arn) => arn.split(":")[2] === "secretsmanager");
  const names = arns.filter((arn) => !secrets.includes(arn)).map(nameOf);
  const batches = [];
  while (names.length) batches.push(names.splice(0, NAMES_A_CALL));
  const found = new Map(await Promise.all(secrets.map(async (arn) => [arn, await secret(arn)])));
  const parameters = new Map((await Promise.all(batches.map(parametersOf))).flat());
  for (const [variable, arn] of Object.entries(wanted)) {
    const value = found.has(arn) ? found.get(arn) : parameters.get(nameOf(arn));
    console.log(`export ${variable}='${value.replaceAll("'", `'"'"'`)}'`);
  }
}

async function secret(arn) {
  const parts = arn.split(":");
  const [key, stage, version] = parts.slice(7);
  const ask = { SecretId: parts.slice(0, 7).join(":") };
  if (stage) ask.VersionStage = stage;
  if (version) ask.VersionId = version;
  const answer = await call("secretsmanager", "secretsmanager.GetSecretValue", ask);
  const text = answer.SecretString;
  if (text === undefined) fail(`${arn} is binary; only text can be in a variable`);
  return key ? partOf(text, key, arn) : text;
}

function partOf(text, key, arn) {
  let whole;
  try {
    whole = JSON.parse(text);
  } catch {
    // what is not JSON has no keys
  }
  if (whole === null || typeof whole !== "object" || !Object.hasOwn(whole, key)) {
    fail(`${arn} has no key ${key}`);
  }
  return typeof whole[key] === "string" ? whole[key] : JSON.stringify(whole[key]);
}

function nameOf(arn) {
  return arn.slice(arn.indexOf(":parameter") + ":parameter".length);
}

async function parametersOf(names) {
  const ask = { Names: names, WithDecryption: true };
  const answer = await call("ssm", "AmazonSSM.GetParameters", ask);
  if (answer.InvalidParameters?.length) fail(`no parameter ${answer.InvalidParameters.join(", ")}`);
  return answer.Parameters.map(({ Name, Value }) => [Name, Value]);
}

async function call(service, target, ask) {
  const body = JSON.stringify(ask);
  const url = new URL(env.AWS_ENDPOINT_URL || `https://${service}.${region}.${suffix}`);
  for (let attempt = 1; ; attempt += 1) {
    let why;
    let again = true;
    try {
      const headers = signed(url.host, service, target, body);
      const { status, text } = await post(url, headers, body);
      if (status === 200) return JSON.parse(text);
      why = `${status} ${text.slice(0, 500)}`;
      again = status >= 500 || why.includes("Throttl");
    } catch (error) {
      why = error.message;
    }
    if (attempt === ATTEMPTS || !again) {
      fail(`${target} of ${ask.SecretId ?? ask.Names} failed: ${why}`);
    }
    await new Promise((done) => setTimeout(done, 200 * attempt));
  }
}

function post(url, headers, body) {
  const { request } = require(url.protocol === "http:" ? "http" : "https");
  return new Promise((resolve, reject) => {
    const sent = request(url, { method: "POST", headers, timeout: TIMEOUT_MS }, (answer) => {
      const pieces = [];
      answer.on("data", (piece) => pieces.push(piece));
      answer.on("error", reject);
      answer.on("end", () =>
        resolve({ status: answer.statusCode, text: Buffer.concat(pieces).toString() }),
      );
    });
    sent.on("timeout", () => sent.destroy(new Error("no answer in time")));
    sent.on("error", reject);
    sent.end(body);
  });
}

function signed(host, service, target, body) {
  const now = new Date().toISOString().replace(/[-:]|\.\d+/g, "");
  const headers = { "content-type": "application/x-amz-json-1.1", host, "x-amz-date": now };
  if (env.AWS_SESSION_TOKEN) headers["x-amz-security-token"] = env.AWS_SESSION_TOKEN;
  headers["x-amz-target"] = target;
  const names = Object.keys(headers).join(";");
  const lines = Object.entries(headers).map(([name, value]) => `${name}:${value}\n`).join("");
  const canonical = `POST\n/\n\n${lines}\n${names}\n${sha256(body)}`;
  const scope = [now.slice(0, 8), region, service, "aws4_request"];
  const key = scope.reduce(hmac, `AWS4${env.AWS_SECRET_ACCESS_KEY}`);
  const text = `AWS4-HMAC-SHA256\n${now}\n${scope.join("/")}\n${sha256(canonical)}`;
  const signature = hmac(key, text).toString("hex");
  headers.authorization =
    `AWS4-HMAC-SHA256 Credential=${env.AWS_ACCESS_KEY_ID}/${scope.join("/")}, ` +
    `SignedHeaders=${names}, Signature=${signature}`;
  headers["content-length"] = Buffer.byteLength(body);
  return headers;
}

function sha256(text) {
  return crypto.createHash("sha256").update(text).digest("hex");
}

function hmac(key, text) {
  return crypto.createHmac("sha256", key).update(text).digest();
}

function fail(why) {
  console.error(`secrets: ${why}`);
  process.exit(1);
}

main();
