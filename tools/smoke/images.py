"""Push the images that steps run: packed from this machine's Python, without Docker."""

from __future__ import annotations

import http.client
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from provisioner.local import image
from tests.support.engine import CODE
from tools.smoke.state import SmokeError

if TYPE_CHECKING:
    from provisioner.local.image import Image

TAG = "1"
PROGRAMS = {"function": image.FUNCTION, "task": image.TASK}
_TIMEOUT_SECONDS = 300


def repository(prefix: str, kind: str) -> str:
    """Return the name of a repository; rows may name those of the account under its prefix."""
    return f"{prefix}/smoke-{kind}"


def push_code(ecr: Any, endpoint: str | None, prefix: str, kind: str, cache: Path) -> str:
    """Push an image with the steps' code and return its URI.

    Raises
    ------
    SmokeError
        This machine cannot pack one, or the registry refused a part of it.
    """
    if not image.can_build():
        message = "images are packed from this machine's Python, which takes Linux and ldd"
        raise SmokeError(message)
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "code_under_test.py").write_text(CODE, encoding="utf-8")
        built = image.build(Path(folder), cache, PROGRAMS[kind])
    uri = _repository_uri(ecr, repository(prefix, kind))
    token = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    registry = _Registry(endpoint or f"https://{uri.partition('/')[0]}", token)
    registry.push(built, repository(prefix, kind))
    return f"{uri}:{TAG}"


def remove(ecr: Any, prefix: str) -> None:
    """Delete the repositories that `push_code` made."""
    for kind in PROGRAMS:
        try:
            ecr.delete_repository(repositoryName=repository(prefix, kind), force=True)
        except ecr.exceptions.RepositoryNotFoundException:
            continue


def _repository_uri(ecr: Any, name: str) -> str:
    try:
        found = ecr.describe_repositories(repositoryNames=[name])["repositories"][0]
    except ecr.exceptions.RepositoryNotFoundException:
        found = ecr.create_repository(repositoryName=name)["repository"]
    uri: str = found["repositoryUri"]
    return uri


class _Registry:
    """The registry's HTTP API, in the order of calls that `docker push` makes."""

    def __init__(self, url: str, token: str) -> None:
        self._url = url
        self._authorization = {"Authorization": f"Basic {token}"}

    def push(self, built: Image, name: str) -> None:
        for blob in (*(layer.blob for layer in built.layers), built.config):
            self._push_blob(name, blob)
        kind = {"Content-Type": image.MANIFEST_TYPE}
        self._call("PUT", f"/v2/{name}/manifests/{TAG}", built.manifest, kind, expected=201)

    def _push_blob(self, name: str, blob: bytes) -> None:
        digest = image.sha256(blob)
        if self._send("HEAD", f"/v2/{name}/blobs/{digest}")[0] == http.client.OK:
            return
        there = self._call("POST", f"/v2/{name}/blobs/uploads/", expected=202)
        kind = {"Content-Type": "application/octet-stream"}
        there = self._call("PATCH", there, blob, kind, expected=202)
        mark = "&" if "?" in there else "?"
        self._call("PUT", f"{there}{mark}digest={digest}", expected=201)

    def _call(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        headers: dict[str, str] | None = None,
        *,
        expected: int,
    ) -> str:
        """Return where the answer says to go on."""
        status, location = self._send(method, path, body, headers)
        if status != expected:
            message = f"the registry answered {status} to {method} {path}"
            raise SmokeError(message)
        return location

    def _send(
        self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> tuple[int, str]:
        url = urlsplit(urljoin(self._url, path))
        kind = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
        connection = kind(url.netloc, timeout=_TIMEOUT_SECONDS)
        try:
            target = f"{url.path}?{url.query}" if url.query else url.path
            length = {"Content-Length": str(len(body))}
            sent = (headers or {}) | self._authorization | length
            connection.request(method, target, body, sent)
            answer = connection.getresponse()
            answer.read()
            return answer.status, answer.headers.get("Location", "")
        finally:
            connection.close()
