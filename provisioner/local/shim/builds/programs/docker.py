"""`docker` in a build: the few commands of builds, over the API of this machine's container engine.

On AWS a privileged build has a Docker daemon of its own. Here it shares the machine's; images of
this account's ECR are in the engine's registry, so they have its name there.
"""

from __future__ import annotations

import base64
import http.client
import io
import json
import os
import re
import socket
import sys
import tarfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_SOCKET = "/var/run/docker.sock"
_ECR = re.compile(r"\d{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com(?:\.cn)?(?=/)")
_NO_ACCOUNT = base64.b64encode(b"{}").decode()
_WITH_VALUE = frozenset(
    {
        *("--tag", "-t", "--file", "-f", "--build-arg", "--target", "--platform", "--label"),
        *("--username", "-u", "--password", "-p", "--format", "--network", "--cache-from"),
        *("--output", "--secret", "--progress", "--volume", "-v", "--workdir", "-w", "--env", "-e"),
        *("--entrypoint", "--cap-drop", "--security-opt", "--pids-limit", "--user"),
    }
)
_SHORT = {
    "-t": "--tag",
    "-f": "--file",
    "-q": "--quiet",
    "-v": "--volume",
    "-w": "--workdir",
    "-e": "--env",
}
_HANDED_ON = ("PIP_", "UV_", "NPM_CONFIG_", "SSL_CERT_", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
_OF_LAMBDA = re.compile(r"public\.ecr\.aws/sam/build-[a-z]+[\d.]*:.*")


_IMAGE_OF_RUN = 2
_AS_IT_IS: Any = {"filter": "tar"} if hasattr(tarfile, "tar_filter") else {}
"""Python 3.11 has filters from 3.11.4 on; those before do what `tar` does."""


@dataclass
class Line:
    """A command line: its options, each with its values, and its words."""

    options: dict[str, list[str]] = field(default_factory=dict)
    words: list[str] = field(default_factory=list)

    def one(self, option: str, default: str = "") -> str:
        """Return the last value of an option."""
        return self.options.get(option, [default])[-1]


def parsed(arguments: Sequence[str]) -> Line:
    """Read a command line.

    >>> parsed(["build", "--pull", "-t", "a:1", "--build-arg=X=1", "."])
    Line(options={'--pull': [''], '--tag': ['a:1'], '--build-arg': ['X=1']}, words=['build', '.'])
    """
    line, left = Line(), list(arguments)
    while left:
        argument = left.pop(0)
        if not argument.startswith("-") or argument == "-":
            line.words.append(argument)
            if line.words[0] == "run" and len(line.words) == _IMAGE_OF_RUN:
                line.words += left  # what follows the image is the container's
                break
            continue
        name, is_one, value = argument.partition("=")
        if not is_one and name in _WITH_VALUE:
            value = left.pop(0)
        line.options.setdefault(_SHORT.get(name, name), []).append(value)
    return line


def main(arguments: Sequence[str]) -> None:
    """Do one command of Docker's."""
    line = parsed(arguments)
    commands = [word for word in line.words if word not in {"buildx", "image"}]
    match commands:
        case ["login", *_]:
            sys.stdin.read()
            print("Login Succeeded")
        case ["build", folder]:
            _build(line, Path(folder))
        case ["run", image, *command]:
            sys.exit(_run(line, image, command))
        case ["tag", source, target]:
            name, tag = named(target)
            _ask("POST", f"/images/{_path(source)}/tag", {"repo": name, "tag": tag})
        case ["push", image]:
            name, tag = named(image)
            _shown(_stream("POST", f"/images/{quote(name, safe='')}/push", {"tag": tag}))
        case ["pull", image]:
            name, tag = named(image)
            _shown(_stream("POST", "/images/create", {"fromImage": name, "tag": tag}))
        case ["inspect", image]:
            print(json.dumps([json.loads(_ask("GET", f"/images/{_path(image)}/json", {}))]))
        case ["version" | "info", *_]:
            print(_ask("GET", "/version", {}).decode())
        case _:
            sys.exit(f"the engine's docker does not know this: docker {' '.join(arguments)}")


def located(text: str) -> str:
    """Return a text in which images of ECR are where they are here."""
    return _ECR.sub(urlsplit(os.environ["AWS_ENDPOINT_URL"]).netloc, text)


def named(image: str) -> tuple[str, str]:
    """Return the name of an image and its tag or digest, as they are here."""
    name = located(image)
    if "@" in name:
        before, _, digest = name.partition("@")
        return before, digest
    before, separator, tag = name.rpartition(":")
    return (before, tag) if separator and "/" not in tag else (name, "latest")


def _path(image: str) -> str:
    return quote(located(image), safe="")


def _build(line: Line, folder: Path) -> None:
    """Build; what .dockerignore leaves out, the container engine leaves out."""
    dockerfile = Path(line.one("--file") or folder / "Dockerfile")
    pairs = [pair.partition("=") for pair in line.options.get("--build-arg", [])]
    arguments = {
        name: located(value if is_one else os.environ.get(name, ""))
        for name, is_one, value in pairs
    }
    query = {
        "t": [located(tag) for tag in line.options.get("--tag", [])],
        "dockerfile": ".build.Dockerfile",
        "buildargs": json.dumps(arguments),
        "target": line.one("--target"),
        "networkmode": "host",
        "nocache": str("--no-cache" in line.options).lower(),
        "rm": "true",
        "forcerm": "true",
    }
    context = packed(folder, located(dockerfile.read_text("utf-8")))
    _shown(_stream("POST", "/build", query, context, "application/x-tar"))


def packed(folder: Path, dockerfile: str) -> bytes:
    """Return a folder as a tar archive with the Dockerfile that is to be built."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        tar.add(folder, ".")
        content = dockerfile.encode()
        member = tarfile.TarInfo(".build.Dockerfile")
        member.size = len(content)
        tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def _run(line: Line, image: str, command: Sequence[str]) -> int:
    """Run a container to its end and return its exit code.

    The container engine does not see this container's folders, so volumes are copied there and
    back. The images in which code for Lambda is built on AWS are the image of this build.
    """
    volumes = [volume.split(":")[:2] for volume in line.options.get("--volume", [])]
    handed_on = [
        f"{name}={value}"
        for name, value in os.environ.items()
        if name.upper().startswith(_HANDED_ON)
    ]
    order = {
        "Image": os.environ["BUILD_IMAGE"] if _OF_LAMBDA.fullmatch(image) else located(image),
        "Entrypoint": line.options.get("--entrypoint"),
        "Cmd": list(command),
        "Env": handed_on + line.options.get("--env", []),
        "WorkingDir": line.one("--workdir"),
        "HostConfig": {"NetworkMode": "host"},
    }
    body = json.dumps(order).encode()
    created = _response("POST", "/containers/create", {}, body, "application/json")
    container = f"/containers/{json.load(created)['Id']}"
    try:
        for here, there in volumes:
            tar = archive_of(Path(here), there.lstrip("/"))
            _response("PUT", f"{container}/archive", {"path": "/"}, tar, "application/x-tar").read()
        _ask("POST", f"{container}/start", {})
        _copy(_response("GET", f"{container}/logs", {"follow": 1, "stdout": 1, "stderr": 1}))
        code = int(json.loads(_ask("POST", f"{container}/wait", {}))["StatusCode"])
        for here, there in volumes:
            answer = _ask("GET", f"{container}/archive", {"path": f"{there}/."})
            with tarfile.open(fileobj=io.BytesIO(answer)) as archive:
                archive.extractall(here, **_AS_IT_IS)  # noqa: S202  (a container of this build made it)
    finally:
        _ask("DELETE", container, {"force": 1})
    return code


def archive_of(folder: Path, name: str) -> bytes:
    """Return a folder as a tar archive without padding after its end.

    Podman stops reading at the end of an archive, and fails if there is more to be written to it.
    """
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        tar.add(folder, name)
        end = tar.offset + 2 * tarfile.BLOCKSIZE
    return buffer.getvalue()[:end]


def _copy(response: http.client.HTTPResponse) -> None:
    """Print what a container prints: pieces, each after eight bytes that say how long it is."""
    while head := response.read(8):
        sys.stdout.buffer.write(response.read(int.from_bytes(head[4:], "big")))
        sys.stdout.buffer.flush()


def _shown(answers: Iterator[dict[str, Any]]) -> None:
    for answer in answers:
        if error := answer.get("error") or (answer.get("errorDetail") or {}).get("message"):
            sys.exit(f"ERROR: {str(error).strip()}")
        sys.stdout.write(answer.get("stream") or "")
        if (status := answer.get("status")) and "progress" not in answer:
            print(f"{answer['id']}: {status}" if answer.get("id") else status)
        sys.stdout.flush()


class _UnixConnection(http.client.HTTPConnection):
    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(_SOCKET)


def _response(
    method: str, path: str, query: dict[str, Any], body: bytes = b"", kind: str = "text/plain"
) -> http.client.HTTPResponse:
    host = urlsplit(os.environ.get("DOCKER_HOST", ""))
    connection = (
        http.client.HTTPConnection(host.hostname or "localhost", host.port or 2375)
        if host.scheme == "tcp"
        else _UnixConnection("localhost")
    )
    headers = {"Content-Type": kind, "X-Registry-Auth": _NO_ACCOUNT}
    given = {name: value for name, value in query.items() if value}
    connection.request(method, f"{path}?{urlencode(given, doseq=True)}", body, headers)
    response = connection.getresponse()
    if response.status >= http.client.BAD_REQUEST:
        sys.exit(f"ERROR: {response.read().decode(errors='replace').strip()}")
    return response


def _ask(method: str, path: str, query: dict[str, Any]) -> bytes:
    return _response(method, path, query).read()


def _stream(
    method: str, path: str, query: dict[str, Any], body: bytes = b"", kind: str = "text/plain"
) -> Iterator[dict[str, Any]]:
    for line in _response(method, path, query, body, kind):
        if line.strip():
            yield json.loads(line)


if __name__ == "__main__":
    main(sys.argv[1:])
