"""ECS tasks: containers that reach a loopback-only engine, its own registry, and their own role.

A task definition has its containers' secrets, which the engine loses on their way out of a stack's
template.
"""

from __future__ import annotations

import functools
import hashlib
import json
import logging
import os
import platform
import re
import time
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from provisioner.local.shim import container_logs
from provisioner.local.shim.patching import private, wrap

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_log = logging.getLogger("ecs")
_ECS = "ministack.services.ecs"
_PROVISIONERS = "ministack.services.cloudformation.provisioners"
_ECR_HOST = re.compile(r"\d{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com(\.cn)?/")
_CREDENTIALS_PATH = "/v2/credentials/"
_CREDENTIALS_SECONDS = 6 * 3600
_LOOK_SECONDS = 0.5

# Which role's credentials an AWS_CONTAINER_CREDENTIALS_FULL_URI answers, by the id at its end.
_roles: dict[str, str] = {}
_watched: set[str] = set()


def install() -> None:
    """Adapt the start of containers, how their end is seen, and what they are given."""
    wrap(_ECS, "_run_docker_container", _from_own_registry)
    wrap(_ECS, "_register_metadata", _with_task_role)
    wrap(_ECS, "_maybe_mark_stopped", _reported_by_the_container)
    wrap(_PROVISIONERS, "_normalize_container_defs", _with_secrets)
    wrap("ministack.services.imds", "handle_request", _answering_task_credentials)
    if platform.system() == "Linux":
        wrap(_ECS, "_build_run_kwargs", _on_host_network)


def pullable(image: str) -> str:
    """Return where an image of this account's ECR really is: in the engine's own registry.

    >>> os.environ["GATEWAY_PORT"] = "4566"
    >>> pullable("000000000000.dkr.ecr.us-east-1.amazonaws.com/jobs/etl:1")
    '127.0.0.1:4566/jobs/etl:1'
    >>> pullable("public.ecr.aws/docker/library/busybox:1")
    'public.ecr.aws/docker/library/busybox:1'
    """
    return _ECR_HOST.sub(f"127.0.0.1:{os.environ['GATEWAY_PORT']}/", image, count=1)


def _with_secrets(normalize: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(normalize)
    def normalizing(containers: list[dict[str, Any]]) -> list[dict[str, Any]]:
        normalized: list[dict[str, Any]] = normalize(containers)
        for container in normalized:
            container["secrets"] = [
                {"name": secret["Name"], "valueFrom": secret["ValueFrom"]}
                for secret in container.get("secrets", [])
            ]
        return normalized

    return normalizing


def _from_own_registry(run: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(run)
    def running(client: object, container: dict[str, Any], *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        return run(client, {**container, "image": pullable(container["image"])}, *args, **kwargs)

    return running


def _on_host_network(build: Callable[..., Any]) -> Callable[..., Any]:
    """Share the host's network: the engine listens on 127.0.0.1 only, and no bridge reaches that.

    A `runtimePlatform` is dropped as well: containers run on this machine's processor.
    """

    @functools.wraps(build)
    def building(*args: Any, **kwargs: Any) -> dict[str, Any]:  # noqa: ANN401
        run_kwargs: dict[str, Any] = build(*args, **kwargs)
        for key in ("network", "extra_hosts", "ports", "platform"):
            run_kwargs.pop(key, None)
        return run_kwargs | {"network_mode": "host"}

    return building


def _reported_by_the_container(look: Callable[..., None]) -> Callable[..., None]:
    """Wait for a task's container to end before looking at it.

    The engine's watcher, which hands in its client, looks ten times a second, twice each time; ten
    containers would take a processor. While it watches, others need not look at all.
    """

    @functools.wraps(look)
    def looking(task: dict[str, Any], client: Any = None) -> None:  # noqa: ANN401
        if client is None:
            if task["taskArn"] not in _watched:
                look(task)
            return
        _watched.add(task["taskArn"])
        _wait(task, client)
        look(task, client)
        if task.get("lastStatus") == "STOPPED":
            _watched.discard(task["taskArn"])

    return looking


def _wait(task: dict[str, Any], client: Any) -> None:  # noqa: ANN401
    identifiers: list[str] = task.get("_docker_ids") or []
    if len(identifiers) != 1:
        time.sleep(_LOOK_SECONDS)
        return
    try:
        container = client.containers.get(identifiers[0])
        container_logs.exit_code(container)
        note_start(task, container.attrs["State"]["StartedAt"])
    except Exception:  # noqa: BLE001 - errors of the Docker client have no class in common
        _log.debug("waiting for a container ended early", exc_info=True)
        time.sleep(_LOOK_SECONDS)


def note_start(task: dict[str, Any], started: str) -> None:
    """Note when a task's container started: a busy engine sees it seconds later, or at its end.

    >>> task = {"pullStoppedAt": "2026-11-21T09:00:00Z", "startedAt": "2026-11-21T09:00:07.000Z"}
    >>> note_start(task, "2026-11-21T10:00:03.123456789+01:00")
    >>> task
    {'pullStoppedAt': '2026-11-21T09:00:00Z', 'startedAt': '2026-11-21T09:00:03.123Z'}
    """
    utc = datetime.fromisoformat(started).astimezone(UTC)
    at = utc.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    for name in ("pullStoppedAt", "startedAt"):
        task[name] = min(at, task.get(name) or at)


def _with_task_role(register: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(register)
    def registering(  # noqa: PLR0913, PLR0917 - the engine's own signature
        task_arn: str,
        cluster_arn: str,
        definition: dict[str, Any],
        container: dict[str, Any],
        launch_type: str,
        env: dict[str, str],
        host_mode: bool,  # noqa: FBT001
        network_ip: str | None,
    ) -> Any:  # noqa: ANN401
        on_host = host_mode or platform.system() == "Linux"
        token = register(
            task_arn, cluster_arn, definition, container, launch_type, env, on_host, network_ip
        )
        region = task_arn.split(":")[3]
        # Fargate sets both; the engine neither.
        env.setdefault("AWS_REGION", region)
        env.setdefault("AWS_DEFAULT_REGION", region)
        offer_credentials(env, definition.get("taskRoleArn"))
        return token

    return registering


def offer_credentials(env: dict[str, str], role_arn: str | None) -> None:
    """Let what runs in an environment take the credentials of a role from the engine."""
    if not role_arn:
        env.pop("AWS_CONTAINER_CREDENTIALS_FULL_URI", None)
        return
    identifier = uuid.uuid4().hex
    _roles[identifier] = role_arn
    env["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = (
        env["AWS_ENDPOINT_URL"] + _CREDENTIALS_PATH + identifier
    )


def _answering_task_credentials(
    handle: Callable[..., Awaitable[Any]],
) -> Callable[..., Awaitable[Any]]:
    """Answer with a session of the task's role; the engine's own keys have no role."""

    @functools.wraps(handle)
    async def handling(method: str, path: str, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        role_arn = _roles.get(path.removeprefix(_CREDENTIALS_PATH))
        if method.upper() != "GET" or role_arn is None:
            return await handle(method, path, *args, **kwargs)
        body = json.dumps(session(role_arn, path.rsplit("/", 1)[-1])).encode()
        return 200, {"Content-Type": "application/json"}, body

    return handling


def session(role_arn: str, identifier: str) -> dict[str, str]:
    """Return credentials of a role, for a task or a machine."""
    account_id, role = role_arn.split(":")[4], role_arn.rsplit("/", 1)[-1]
    digest = hashlib.sha256(f"{identifier}:{role_arn}".encode()).hexdigest()
    access_key = f"ASIA{digest[:16].upper()}"
    secret = hashlib.sha256(f"secret:{digest}".encode()).hexdigest()
    token = hashlib.sha256(f"token:{digest}".encode()).hexdigest()
    private("ministack.services.sts", "register_session")(
        access_key,
        {
            "Arn": f"arn:aws:sts::{account_id}:assumed-role/{role}/{identifier}",
            "UserId": f"{role}:{identifier}",
            "SecretAccessKey": secret,
            "SessionToken": token,
        },
    )
    expiration = time.gmtime(time.time() + _CREDENTIALS_SECONDS)
    return {
        "AccessKeyId": access_key,
        "SecretAccessKey": secret,
        "Token": token,
        "Expiration": time.strftime("%Y-%m-%dT%H:%M:%SZ", expiration),
        "RoleArn": role_arn,
    }
