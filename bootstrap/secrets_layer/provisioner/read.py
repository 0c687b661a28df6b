"""Print a line of shell for each variable of PROVISIONER_SECRETS, which sets it to its secret.

PROVISIONER_SECRETS is a JSON object of variables and ARNs. The standard library signs the requests
itself: to import an SDK takes seconds in a small function. `read.js` and `read.rb` do the same.
"""

import datetime as dt
import hashlib
import hmac
import json
import os
import shlex
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

ATTEMPTS = 3
TIMEOUT_SECONDS = 3
NAMES_A_CALL = 10  # Systems Manager, GetParameters
REGION = os.environ["AWS_REGION"]
SUFFIX = "amazonaws.com.cn" if REGION.startswith("cn-") else "amazonaws.com"


def main():
    wanted = json.loads(os.environ["PROVISIONER_SECRETS"])
    secrets = {arn for arn in wanted.values() if arn.split(":")[2] == "secretsmanager"}
    names = sorted({name_of(arn) for arn in wanted.values() if arn not in secrets})
    batches = [names[at : at + NAMES_A_CALL] for at in range(0, len(names), NAMES_A_CALL)]
    with ThreadPoolExecutor(8) as pool:
        found = dict(zip(secrets, pool.map(secret, secrets), strict=False))
        parameters = {k: v for batch in pool.map(parameters_of, batches) for k, v in batch.items()}
    sys.stdout.reconfigure(encoding="utf-8")
    for variable, arn in wanted.items():
        value = found[arn] if arn in secrets else parameters[name_of(arn)]
        print(f"export {variable}={shlex.quote(value)}")


def secret(arn):
    parts = arn.split(":")
    key, stage, version = [*parts[7:], "", "", ""][:3]
    ask = {"SecretId": ":".join(parts[:7]), "VersionStage": stage, "VersionId": version}
    ask = {name: value for name, value in ask.items() if value}
    answer = call("secretsmanager", "secretsmanager.GetSecretValue", ask)
    if "SecretString" not in answer:
        sys.exit(f"secrets: {arn} is binary; only text can be in a variable")
    text = answer["SecretString"]
    return part_of(text, key, arn) if key else text


def part_of(text, key, arn):
    try:
        value = json.loads(text)[key]
    except (ValueError, KeyError, TypeError, IndexError):
        sys.exit(f"secrets: {arn} has no key {key}")
    return value if isinstance(value, str) else json.dumps(value)


def name_of(arn):
    return arn.split(":parameter", 1)[1]


def parameters_of(names):
    ask = {"Names": names, "WithDecryption": True}
    answer = call("ssm", "AmazonSSM.GetParameters", ask)
    if answer.get("InvalidParameters"):
        sys.exit(f"secrets: no parameter {', '.join(answer['InvalidParameters'])}")
    return {one["Name"]: one["Value"] for one in answer["Parameters"]}


def call(service, target, ask):
    body = json.dumps(ask).encode()
    url = os.environ.get("AWS_ENDPOINT_URL") or f"https://{service}.{REGION}.{SUFFIX}"
    attempt = 0
    while True:
        attempt += 1
        request = Request(f"{url}/", body, signed(urlsplit(url).netloc, service, target, body))
        try:
            with urlopen(request, timeout=TIMEOUT_SECONDS) as answer:
                return json.load(answer)
        except HTTPError as error:
            why = f"{error.code} {error.read().decode(errors='replace')[:500]}"
            again = error.code >= 500 or "Throttl" in why
        except OSError as error:
            why, again = str(error), True
        if attempt == ATTEMPTS or not again:
            sys.exit(f"secrets: {target} of {ask.get('SecretId') or ask['Names']} failed: {why}")
        time.sleep(0.2 * attempt)


def signed(host, service, target, body):
    now = dt.datetime.now(dt.UTC).strftime("%Y%m%dT%H%M%SZ")
    headers = {
        "content-type": "application/x-amz-json-1.1",
        "host": host,
        "x-amz-date": now,
        "x-amz-security-token": os.environ.get("AWS_SESSION_TOKEN", ""),
        "x-amz-target": target,
    }
    headers = {name: value for name, value in sorted(headers.items()) if value}
    names = ";".join(headers)
    lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
    canonical = f"POST\n/\n\n{lines}\n{names}\n{hashlib.sha256(body).hexdigest()}"
    scope = f"{now[:8]}/{REGION}/{service}/aws4_request"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    key = f"AWS4{os.environ['AWS_SECRET_ACCESS_KEY']}".encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    text = f"AWS4-HMAC-SHA256\n{now}\n{scope}\n{digest}"
    signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    credential = f"{os.environ['AWS_ACCESS_KEY_ID']}/{scope}"
    headers["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={names}, Signature={signature}"
    )
    return headers


if __name__ == "__main__":
    main()
