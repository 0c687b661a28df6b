"""`aws` in a build: any operation of the services in the image, and `s3 cp`, by boto3.

The AWS CLI itself is not packed; its names of operations and options are those of the models, from
which they are read here too.
"""

from __future__ import annotations

import base64
import importlib
import json
import sys
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import boto3
from botocore import xform_name
from botocore.utils import ContainerMetadataFetcher

if TYPE_CHECKING:
    from collections.abc import Sequence

ContainerMetadataFetcher.TIMEOUT_SECONDS = 20
"""Two seconds, botocore's own, are too little for the engine of a busy machine."""

_SERVICES = {"s3api": "s3"}
_OWN = frozenset({"query", "output", "region"})
"""Options of the program itself."""


def main(arguments: Sequence[str]) -> object:
    """Do what the command line says and return what is to be printed, if anything."""
    service, operation, *rest = arguments
    match service, operation:
        case "s3", "cp":
            _copy(*(one for one in rest if not one.startswith("--")))
            return None
        case "ecr", "get-login-password":
            return _login_password()
        case _:
            return _call(_SERVICES.get(service, service), operation, rest)


def _copy(source: str, target: str) -> None:
    s3 = boto3.client("s3")
    if target.startswith("s3://"):
        there = urlsplit(target)
        key = there.path.lstrip("/")
        if not key or key.endswith("/"):
            key += source.rpartition("/")[2]
        s3.upload_file(source, there.netloc, key)
    else:
        there = urlsplit(source)
        s3.download_file(there.netloc, there.path.lstrip("/"), target)


def _login_password() -> str:
    token = boto3.client("ecr").get_authorization_token()["authorizationData"][0]
    return base64.b64decode(token["authorizationToken"]).decode().partition(":")[2]


def _call(service: str, operation: str, arguments: Sequence[str]) -> object:
    client: Any = boto3.Session().client(service)  # type: ignore[call-overload]
    name = next(
        each
        for each in client.meta.service_model.operation_names
        if xform_name(each, "-") == operation
    )
    members = client.meta.service_model.operation_model(name).input_shape.members
    own, given = {}, {}
    for option, value in options(arguments):
        if option in _OWN:
            own[option] = value
        else:
            member = next(each for each in members if xform_name(each, "-") == option)
            given[member] = _value(members[member].type_name, value)
    answer = getattr(client, xform_name(name))(**given)
    answer.pop("ResponseMetadata", None)
    return shown(answer, own)


def options(arguments: Sequence[str]) -> list[tuple[str, str]]:
    """Return the options of a command line, each with its values as one text.

    >>> options(["--body", "a.zip", "--no-progress", "--image-ids", "imageTag=1"])
    [('body', 'a.zip'), ('no-progress', ''), ('image-ids', 'imageTag=1')]
    """
    found: list[tuple[str, list[str]]] = []
    for argument in arguments:
        if argument.startswith("--"):
            name, is_one, value = argument[2:].partition("=")
            found.append((name, [value] if is_one else []))
        else:
            found[-1][1].append(argument)
    return [(name, " ".join(values)) for name, values in found]


def _value(kind: str, text: str) -> Any:  # noqa: ANN401
    """Return a value as the model wants it: short forms are known of flat structures only."""
    if kind == "blob":
        return open(text.removeprefix("fileb://"), "rb")  # noqa: PTH123
    if kind in {"structure", "list", "map"}:
        if text[:1] in {"{", "["}:
            return json.loads(text)
        items = [
            dict(pair.split("=", 1) for pair in item.split(",")) if "=" in item else item
            for item in text.split()
        ]
        return items if kind == "list" else items[0]
    return {"boolean": lambda: text != "false", "integer": lambda: int(text)}.get(
        kind, lambda: text
    )()


def shown(answer: object, own: dict[str, str]) -> object:
    """Return an answer as `--query` and `--output` want it."""
    if "query" in own:
        answer = importlib.import_module("jmespath").search(own["query"], answer)
    if own.get("output") == "text" and not isinstance(answer, (dict, list)):
        return "None" if answer is None else answer
    return json.dumps(answer, indent=4, default=str)


if __name__ == "__main__":
    try:
        text = main(sys.argv[1:])
    except Exception as error:  # noqa: BLE001 - as the CLI: one line and an exit code
        sys.exit(f"\n{error}")
    if text is not None:
        print(text)
