"""Push an image to the engine's own ECR registry, over plain HTTP."""

from __future__ import annotations

import http.client
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from provisioner.local.clients import client
from provisioner.local.errors import LocalError
from provisioner.local.image import MANIFEST_TYPE, Image, sha256

if TYPE_CHECKING:
    from provisioner.local.engine import Engine

_TIMEOUT_SECONDS = 60


def push(engine: Engine, image: Image, repository: str, tag: str) -> str:
    """Push an image and return its URI; the repository is made if need be.

    Raises
    ------
    LocalError
        The registry refused a part of it.
    """
    uri = _repository_uri(engine, repository)
    connection = http.client.HTTPConnection(
        urlsplit(engine.endpoint).netloc, timeout=_TIMEOUT_SECONDS
    )
    try:
        for blob in (*(layer.blob for layer in image.layers), image.config):
            _push_blob(connection, repository, blob)
        path = f"/v2/{repository}/manifests/{tag}"
        _call(connection, "PUT", path, image.manifest, {"Content-Type": MANIFEST_TYPE})
    finally:
        connection.close()
    return f"{uri}:{tag}"


def _repository_uri(engine: Engine, repository: str) -> str:
    ecr = client(engine, "ecr")
    try:
        found = ecr.describe_repositories(repositoryNames=[repository])["repositories"][0]
    except ecr.exceptions.RepositoryNotFoundException:
        found = ecr.create_repository(repositoryName=repository)["repository"]
    uri: str = found["repositoryUri"]
    return uri


def _push_blob(connection: http.client.HTTPConnection, repository: str, blob: bytes) -> None:
    digest = sha256(blob)
    if _request(connection, "HEAD", f"/v2/{repository}/blobs/{digest}") == http.client.OK:
        return
    path = f"/v2/{repository}/blobs/uploads/?digest={quote(digest)}"
    _call(connection, "POST", path, blob, {"Content-Type": "application/octet-stream"})


def _call(
    connection: http.client.HTTPConnection,
    method: str,
    path: str,
    body: bytes,
    headers: dict[str, str],
) -> None:
    status = _request(connection, method, path, body, headers)
    if status != http.client.CREATED:
        message = f"the engine's registry answered {status} to {method} {path}"
        raise LocalError(message)


def _request(
    connection: http.client.HTTPConnection,
    method: str,
    path: str,
    body: bytes | None = None,
    headers: dict[str, str] | None = None,
) -> int:
    connection.request(method, path, body, headers or {})
    response = connection.getresponse()
    response.read()
    return response.status
