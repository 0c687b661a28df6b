"""Runs one job on a machine of its own: cloud-init starts this as the machine's user data.

Python 3.9 and its standard library only, as cloud-init itself needs them: no AMI has more for
certain. What to run is in S3 (`machine.json`); user data hold neither a payload nor a secret.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import re
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

METADATA = os.environ.get("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://169.254.169.254")
SERVICES = {
    "states": ("states", "AWSStepFunctions", "1.0"),
    "secretsmanager": ("secretsmanager", "secretsmanager", "1.1"),
    "ssm": ("ssm", "AmazonSSM", "1.1"),
    "ecr": ("api.ecr", "AmazonEC2ContainerRegistry_V20150921", "1.1"),
}
TRIES = 5
OVER = ("InvalidToken", "TaskDoesNotExist", "TaskTimedOut")
ECR = re.compile(r"\d{12}\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com(\.cn)?$")


class FailedError(Exception):
    """Why the job did not succeed: an error's name, and its cause."""


def say(text: str) -> None:
    """Write a line to the machine's console."""
    sys.stderr.write(f"provisioner: {text}\n")
    sys.stderr.flush()


def run(*command: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a program; what is not installed fails like the rest."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False, **options)
    except OSError as error:
        return subprocess.CompletedProcess(command, 127, "", str(error))


def power_off(minutes: int = 0) -> None:
    """Switch the machine off, which terminates it; by a timer that outlives this program."""
    done = run("shutdown", "-P", f"+{minutes}" if minutes else "now")
    say(f"power off in {minutes} min: {done.returncode} {done.stderr.strip()}")


def fetch(url: str, method: str = "GET", headers: Any = (), body: bytes | None = None) -> bytes:
    """Return what a server answers; tries again while it is the server's fault."""
    for attempt in range(1, TRIES + 1):
        request = urllib.request.Request(url, body, dict(headers), method=method)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return bytes(answer.read())
        except urllib.error.HTTPError as error:
            text = error.read()
            if attempt == TRIES or not (passing(error.code) or b"hrottl" in text):
                raise FailedError(code_of(text) or f"HTTP{error.code}", url) from error
        except OSError as error:
            if attempt == TRIES:
                raise FailedError(type(error).__name__, f"{url}: {error}") from error
        time.sleep(2 ** (attempt - 1))
    raise AssertionError


def passing(status: int) -> bool:
    """Tell whether an error may pass: rights take seconds to reach S3 after a role is made."""
    return status >= 500 or status == 403


def code_of(text: bytes) -> str:
    """Return the code of an error of AWS's, "" if it is not one."""
    try:
        return re.split("[#:]", json.loads(text)["__type"])[-1]
    except (ValueError, KeyError, TypeError):
        return ""


class Machine:
    """What the machine knows of itself, and the calls of AWS that it signs as such."""

    def __init__(self) -> None:
        self.instance_id = self.metadata("instance-id")
        self.region = self.metadata("placement/region")
        self.domain = self.metadata("services/domain")

    def metadata(self, path: str) -> str:
        """Return an entry of the instance metadata, by IMDSv2."""
        lifetime = {"X-aws-ec2-metadata-token-ttl-seconds": "60"}
        token = fetch(f"{METADATA}/latest/api/token", "PUT", lifetime).decode()
        url = f"{METADATA}/latest/meta-data/{path}"
        return fetch(url, headers={"X-aws-ec2-metadata-token": token}).decode()

    def call(self, service: str, action: str, region: str = "", **parameters: Any) -> Any:
        """Call an action of a service that speaks JSON."""
        host, target, version = SERVICES[service]
        headers = {
            "content-type": f"application/x-amz-json-{version}",
            "x-amz-target": f"{target}.{action}",
        }
        body = json.dumps(parameters).encode()
        region = region or self.region
        return json.loads(self.signed("POST", service, host, "/", headers, body, region))

    def read(self, bucket: str, key: str) -> bytes:
        """Return an object in S3."""
        path = urllib.parse.quote(f"/{bucket}/{key}", safe="/-_.~")
        return self.signed("GET", "s3", "s3", path, {}, b"", self.region)

    def signed(
        self,
        method: str,
        service: str,
        host: str,
        path: str,
        headers: dict[str, str],
        body: bytes,
        region: str,
    ) -> bytes:
        """Send a request signed with the credentials of the machine's role (Signature V4)."""
        base = os.environ.get("AWS_ENDPOINT_URL") or f"https://{host}.{region}.{self.domain}"
        role = self.metadata("iam/security-credentials/").split()[0]
        keys = json.loads(self.metadata(f"iam/security-credentials/{role}"))
        now = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        scope = f"{now[:8]}/{region}/{service}/aws4_request"
        hashed = hashlib.sha256(body).hexdigest()
        headers = {
            **headers,
            "host": urllib.parse.urlsplit(base).netloc,
            "x-amz-content-sha256": hashed,
            "x-amz-date": now,
            "x-amz-security-token": keys["Token"],
        }
        names = sorted(headers)
        lines = [method, path, "", *(f"{name}:{headers[name]}" for name in names)]
        canonical = "\n".join([*lines, "", ";".join(names), hashed])
        digest = hashlib.sha256(canonical.encode()).hexdigest()
        key = f"AWS4{keys['SecretAccessKey']}".encode()
        for part in scope.split("/"):
            key = hmac.digest(key, part.encode(), "sha256")
        text = f"AWS4-HMAC-SHA256\n{now}\n{scope}\n{digest}".encode()
        signature = hmac.new(key, text, "sha256").hexdigest()
        headers["authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={keys['AccessKeyId']}/{scope},"
            f"SignedHeaders={';'.join(names)},Signature={signature}"
        )
        return fetch(base + path, method, headers, body if method == "POST" else None)

    def secret(self, arn: str) -> str:
        """Return a secret's value, or one key of it, as ECS reads such an ARN."""
        if ":ssm:" in arn:
            name = arn.split(":parameter", 1)[1]
            found = self.call("ssm", "GetParameters", Names=[name], WithDecryption=True)
            if not found["Parameters"]:
                raise FailedError("ResourceInitializationError", f"{arn} does not exist")
            return str(found["Parameters"][0]["Value"])
        parts = [*arn.split(":"), "", "", ""]
        key, stage, version = parts[7:10]
        which = {"VersionStage": stage, "VersionId": version}
        which = {name: value for name, value in which.items() if value}
        which["SecretId"] = ":".join(parts[:7])
        text = str(self.call("secretsmanager", "GetSecretValue", **which)["SecretString"])
        return str(json.loads(text)[key]) if key else text

    def secrets(self, arns: dict[str, str]) -> dict[str, str]:
        """Return the values of secrets by the names of their variables."""
        try:
            return {name: self.secret(arn) for name, arn in arns.items()}
        except (FailedError, KeyError, ValueError) as error:
            cause = f"a secret could not be read: {type(error).__name__} {error.args[:1]}"
            raise FailedError("ResourceInitializationError", cause) from error


class Container:
    """The job's container, in Docker."""

    def __init__(self, machine: Machine, job: dict[str, Any]) -> None:
        self.machine = machine
        self.job = job

    def start(self) -> None:
        """Start it; its variables are secrets as well, so no command line shows those."""
        machine, job = self.machine, self.job
        secrets = machine.secrets(job["secrets"])
        self._pull()
        region = {"AWS_REGION": machine.region, "AWS_DEFAULT_REGION": machine.region}
        logs = {"group": job["log_group"], "stream": job["log_stream"]}
        options = ["--name", "job", "--network", "host", "--log-driver", "awslogs"]
        for name, value in {**logs, "region": machine.region}.items():
            options += ["--log-opt", f"awslogs-{name}={value}"]
        for name, value in {**region, **job["environment"]}.items():
            options += ["--env", f"{name}={value}"]
        for name in secrets:
            options += ["--env", name]
        if job["gpus"]:
            options += ["--gpus", "all"]
        own = {**secrets, "PATH": os.environ["PATH"], "HOME": "/root"}
        done = run("docker", "run", "--detach", *options, job["image"], *job["command"], env=own)
        if done.returncode:
            raise FailedError("CannotStartContainerError", done.stderr[-1000:])

    def wait(self) -> int:
        """Return its exit code when it has ended."""
        done = run("docker", "wait", "job")
        if done.returncode:
            raise FailedError("ContainerLost", done.stderr[-1000:])
        return int(done.stdout)

    def stop(self) -> None:
        """End it, within half a minute."""
        run("docker", "stop", "--time", "30", "job")

    def _pull(self) -> None:
        image = str(self.job["image"])
        for attempt in range(TRIES):
            self._log_in(image.split("/", maxsplit=1)[0])
            done = run("docker", "pull", "--quiet", image)
            if done.returncode == 0:
                return
            say(done.stderr)
            run("systemctl", "start", "--no-block", "docker")  # may come up after cloud-init
            time.sleep(5 * attempt)
        raise FailedError("CannotPullContainerError", done.stderr[-1000:])

    def _log_in(self, host: str) -> None:
        found = ECR.match(host)
        if found is None:
            return
        answer = self.machine.call("ecr", "GetAuthorizationToken", region=found[1])
        token = base64.b64decode(answer["authorizationData"][0]["authorizationToken"]).decode()
        user, _, password = token.partition(":")
        run("docker", "login", "--username", user, "--password-stdin", host, input=password)


def watch(machine: Machine, container: Container, given: dict[str, Any]) -> None:
    """Report that the machine is alive; end it when nobody waits for it."""
    due = 0.0
    while True:
        try:
            if time.monotonic() >= due:
                due = time.monotonic() + given["heartbeat"]
                machine.call("states", "SendTaskHeartbeat", taskToken=given["token"])
            if given["spot"] and interrupted(machine):
                report(machine, given, "SpotInterruption", "EC2 took the Spot instance back")
                break
        except FailedError as error:
            if error.args[0] in OVER:
                say(f"nobody waits for this run: {error}")
                break
            say(f"no heartbeat: {error}")
        time.sleep(min(5, given["heartbeat"]))
    container.stop()
    power_off()


def interrupted(machine: Machine) -> bool:
    """Tell whether EC2 has announced that it takes the Spot instance back."""
    try:
        return bool(machine.metadata("spot/instance-action"))
    except FailedError:
        return False


def report(machine: Machine, given: dict[str, Any], error: str = "", cause: str = "") -> None:
    """Tell Step Functions how the run ended: well, unless there is an error."""
    token = given["token"]
    if error:
        machine.call("states", "SendTaskFailure", taskToken=token, error=error, cause=cause)
    else:
        output = json.dumps({"exit_code": 0, "instance_id": machine.instance_id})
        machine.call("states", "SendTaskSuccess", taskToken=token, output=output)


def work(machine: Machine, given: dict[str, Any]) -> None:
    """Run the job to its end and report that."""
    try:
        job = json.loads(machine.read(given["bucket"], given["key"]))
        container = Container(machine, job)
        threading.Thread(target=watch, args=(machine, container, given), daemon=True).start()
        container.start()
        code = container.wait()
        if code:
            raise FailedError("ContainerFailed", f"Exit code {code} on {machine.instance_id}")
    except FailedError as error:
        name, cause = [*error.args, ""][:2]
        report(machine, given, name, cause)
    except Exception as error:  # nobody else would report it
        report(machine, given, "MachineFailed", f"{type(error).__name__}: {error}")
    else:
        report(machine, given)


def main(given: dict[str, Any]) -> None:
    """Do all there is to do: `given` is the token, what to run, and until when."""
    try:
        power_off(1 + max(0, int(given["deadline"] - time.time())) // 60)
        work(Machine(), given)
    except Exception as error:  # whatever happens, the machine has to end
        say(f"{type(error).__name__}: {error}")
    finally:
        power_off()
