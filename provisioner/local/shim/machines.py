"""EC2: an instance runs its user data, and ends.

On AWS RunInstances takes what the request leaves out from the launch template, and the instance
boots an AMI whose cloud-init runs the user data. The engine ignores the launch template, and its
instances run nothing. Here the user data run as a process of this machine, with instance metadata
of their own (`machine_metadata`), and `docker` and `shutdown` that are the engine's
(`machine_programs`). AMI, network and security groups stay names.

A container would not be nearer to an instance: where Podman has no network namespaces
it shares the host's network all the same, nothing here has an image of an AMI with cloud-init and
Docker, and a Docker inside needs a privileged container. So the engine shows what the boot program
does, and not what an AMI has or what a network lets through.

On AWS IAM is asked about TerminateInstances with each instance's ARN and tags; the engine gives it
"*". Here it gets those of the first instance.
"""

from __future__ import annotations

import base64
import contextlib
import contextvars
import functools
import os
import signal
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from provisioner.local.shim import machine_metadata, machine_programs
from provisioner.local.shim.patching import private, wrap

if TYPE_CHECKING:
    from collections.abc import Callable

_ACTIONS = "ministack.core.iam_actions"
_EC2 = "ministack.services.ec2"
_IAM = "ministack.services.iam"
_STEP_FUNCTIONS = "ministack.services.stepfunctions"
MAX_USER_DATA_BYTES = 16_384

_one_launch = threading.Lock()
_running: dict[str, Machine] = {}
_launched: dict[str, str] = {}
"""Instances by their client token."""


def install() -> None:
    """Adapt launch, search and termination of instances, and the names of EC2's errors."""
    for name in ("_instances", "_launch_templates", "_tags", "_p", "_error", "_parse_member_list"):
        private(_EC2, name)
    actions = private(_EC2, "_ACTION_MAP")
    actions["RunInstances"] = _launching(actions["RunInstances"])
    actions["TerminateInstances"] = _terminating(actions["TerminateInstances"])
    wrap(_EC2, "_matches_filters", _by_client_token)
    wrap(_ACTIONS, "extract_resource_arn", _of_the_instance)
    wrap(_ACTIONS, "request_tag_context", _with_its_tags)
    wrap(_STEP_FUNCTIONS, "_prefix_sdk_error", _one_error_of_ec2)


class Machine:
    """An instance while it runs: a process, its metadata, and at most one container."""

    def __init__(self, record: dict[str, Any], user_data: bytes, template: dict[str, Any]) -> None:
        self.record = record
        self.identifier: str = record["InstanceId"]
        self._folder = tempfile.TemporaryDirectory(prefix=f"{self.identifier}-")
        self._programs = machine_programs.Programs(self.identifier, self.end)
        self._metadata = machine_metadata.serve(
            machine_metadata.entries_of(self.identifier, _role_arn(template)),
            machine_metadata.Options.of(template.get("MetadataOptions", {})),
            self._programs.answer,
        )
        self._timer: threading.Timer | None = None
        self._over = threading.Event()
        folder = Path(self._folder.name)
        script = folder / "user-data"
        script.write_bytes(user_data)
        script.chmod(0o700)
        url = f"http://127.0.0.1:{self._metadata.server_port}"
        self._programs.place(folder, url)
        self._process = subprocess.Popen(
            [script],
            env={
                "PATH": f"{folder}:{os.environ['PATH']}",
                "AWS_ENDPOINT_URL": f"http://127.0.0.1:{os.environ['GATEWAY_PORT']}",
                "AWS_EC2_METADATA_SERVICE_ENDPOINT": url,
            },
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )

    def end(self, after_seconds: float = 0) -> None:
        """End the machine, now or by a timer; it is terminated then, as its template says."""
        if after_seconds:
            self._timer = threading.Timer(
                after_seconds, contextvars.copy_context().run, (self.end,)
            )
            self._timer.daemon = True
            self._timer.start()
        elif not self._over.is_set():
            self._over.set()
            threading.Thread(target=contextvars.copy_context().run, args=(self._end,)).start()

    def _end(self) -> None:
        if self._timer:
            self._timer.cancel()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._programs.remove_container()
        self._metadata.shutdown()
        self._metadata.server_close()
        self._folder.cleanup()
        self.record["State"] = {"Code": 48, "Name": "terminated"}
        self.record["_terminated_at"] = time.time()
        _running.pop(self.identifier, None)


def _launching(run: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(run)
    def launching(request: dict[str, Any]) -> Any:  # noqa: ANN401
        value = private(_EC2, "_p")
        instances = private(_EC2, "_instances")
        token = value(request, "ClientToken")
        user_data = base64.b64decode(value(request, "UserData"))
        if len(user_data) > MAX_USER_DATA_BYTES:
            message = f"User data is limited to {MAX_USER_DATA_BYTES} bytes"
            return private(_EC2, "_error")("InvalidParameterValue", message, 400)
        template = _template(request)
        resolved = {
            "ImageId": [template.get("ImageId") or value(request, "ImageId")],
            "SubnetId": [value(request, "NetworkInterface.1.SubnetId")],
        }
        with _one_launch:
            before = set(instances)
            answer = run({**request, **resolved})
            new = set(instances) - before
        for identifier in new:
            _launched[token] = identifier
            if user_data.startswith(b"#!"):
                machine = Machine(instances[identifier], user_data, template)
                _running[identifier] = machine
        return answer

    return launching


def _template(request: dict[str, Any]) -> dict[str, Any]:
    """Return what the version of the launch template that is asked for holds."""
    value = private(_EC2, "_p")
    known = private(_EC2, "_launch_templates").get(
        value(request, "LaunchTemplate.LaunchTemplateId")
    )
    if known is None:
        return {}
    wanted = value(request, "LaunchTemplate.Version") or str(known["DefaultVersionNumber"])
    [data] = [
        version["LaunchTemplateData"]
        for version in known["Versions"]
        if str(version["VersionNumber"]) == wanted
    ]
    found: dict[str, Any] = data
    return found


def _role_arn(template: dict[str, Any]) -> str | None:
    name = template.get("IamInstanceProfile", {}).get("Arn", "").rpartition("/")[2]
    profile = private(_IAM, "_instance_profiles").get(name)
    if not profile or not profile["Roles"]:
        return None
    arn: str = private(_IAM, "_roles")[profile["Roles"][0]]["Arn"]
    return arn


def _terminating(terminate: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(terminate)
    def terminating(request: dict[str, Any]) -> Any:  # noqa: ANN401
        identifiers = private(_EC2, "_parse_member_list")(request, "InstanceId")
        answer = terminate(request)
        for identifier in identifiers:
            if machine := _running.get(identifier):
                machine.end()
        return answer

    return terminating


def _of_the_instance(extract: Callable[..., str]) -> Callable[..., str]:
    @functools.wraps(extract)
    def extracting(*request: Any) -> str:  # noqa: ANN401
        service, *_, parameters, region, account_id = request
        if service == "ec2" and _first(parameters, "Action") == "TerminateInstances":
            instance_id = _first(parameters, "InstanceId.1")
            return f"arn:aws:ec2:{region}:{account_id}:instance/{instance_id}"
        return extract(*request)

    return extracting


def _with_its_tags(context: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(context)
    def keys(service: str, action: str, body: bytes, parameters: dict[str, Any]) -> Any:  # noqa: ANN401
        found = context(service, action, body, parameters)
        if action != "ec2:TerminateInstances":
            return found
        tags = private(_EC2, "_tags").get(_first(parameters, "InstanceId.1"), [])
        return found | {f"aws:ResourceTag/{tag['Key']}".lower(): tag["Value"] for tag in tags}

    return keys


def _first(parameters: dict[str, Any], name: str) -> str:
    return str(private(_ACTIONS, "_query_param")(parameters, name))


def _by_client_token(matches: Callable[..., bool]) -> Callable[..., bool]:
    """Heed the filter by which the workflow finds a machine, which the engine does not know."""

    @functools.wraps(matches)
    def matching(record: dict[str, Any], filters: dict[str, Any]) -> bool:
        tokens = filters.get("client-token")
        found = tokens is None or record["InstanceId"] in {_launched.get(one) for one in tokens}
        return found and matches(record, filters)

    return matching


def _one_error_of_ec2(prefix: Callable[..., str]) -> Callable[..., str]:
    """Call every error of EC2's by the one name that Step Functions has for them."""

    @functools.wraps(prefix)
    def prefixing(service: str, code: str) -> str:
        return "Ec2.Ec2Exception" if service == "ec2" else prefix(service, code)

    return prefixing
