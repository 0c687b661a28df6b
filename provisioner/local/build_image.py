"""The image of builds: this machine's Python, shell and tools, as an archive for `docker load`.

On AWS builds run in CodeBuild's own images, which no registry here has. Started as a module by the
engine: it prints the image's name, or packs it into the folder that it is given and prints the
archive's path. What a machine lacks (npm, say) its builds lack.
"""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import sys
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

from provisioner.local import image
from provisioner.local.errors import LocalError
from provisioner.local.home import Home
from provisioner.local.install import uv

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_PROGRAMS = Path(__file__).parent / "shim" / "builds" / "programs"
_FOLDER = "/opt/build"
_TOOLS = (
    *("bash", "awk", "basename", "base64", "cat", "chmod", "cp", "cut", "date", "diff", "dirname"),
    *("env", "expr", "find", "grep", "gzip", "head", "id", "ln", "ls", "md5sum", "mkdir", "mktemp"),
    *("mv", "pwd", "readlink", "realpath", "rm", "rmdir", "sed", "seq", "sha256sum", "sleep"),
    *("sort", "stat", "tail", "tar", "tee", "test", "touch", "tr", "true", "false", "uname"),
    *("uniq", "unzip", "wc", "xargs", "zip", "jq", "git"),
)
_BOTOCORE_SERVICES = ("ecr",)
"""Models that the Python layer leaves out, and `aws` needs."""

_DEBIAN_WHEELS = Path("/usr/share/python-wheels")

_PROGRAM = image.Program("/codebuild", (), ("bash",))


def main(arguments: Sequence[str]) -> None:
    """Print the name of the image, or pack it.

    Raises
    ------
    LocalError
        It cannot be packed on this machine.
    """
    if not image.can_build():
        message = "the image of builds is only packed on Linux, with ldd"
        raise LocalError(message)
    files, links = _contents()
    name = f"localhost/provisioner/build:{_version(files)}"
    if not arguments:
        print(name)
        return
    path = Path(arguments[0]) / "build-image.tar"
    _write(path, name, files, links)
    print(path)


def _contents() -> tuple[dict[str, Path], dict[str, str]]:
    """Return the files beside Python's, and the links."""
    tools = {name: Path(found).resolve() for name in _TOOLS if (found := shutil.which(name))}
    programs = sorted({*tools.values(), uv().resolve()})
    files = {str(path): path for path in (*programs, *image.libraries_of(programs))}
    files |= {f"{_FOLDER}/{path.name}": path for path in sorted(_PROGRAMS.glob("*.py"))}
    files |= dict(_models())
    if wheel := _pip():
        files[f"{_FOLDER}/pip.whl"] = wheel
    links = {f"/usr/local/bin/{name}": str(path) for name, path in tools.items()}
    links |= {f"/bin/{name}": str(tools["bash"]) for name in ("sh", "bash")}
    links |= {"/usr/local/bin/uv": str(uv().resolve()), "/usr/bin/env": str(tools["env"])}
    return files, {link: target for link, target in links.items() if link not in files}


def _pip() -> Path | None:
    """Return the wheel of pip that Python brings along, which runs as it is."""
    found = (*(image.standard_library() / "ensurepip" / "_bundled").glob("pip-*.whl"),)
    return next(iter((*found, *_DEBIAN_WHEELS.glob("pip-*.whl"))), None)


def _models() -> Iterator[tuple[str, Path]]:
    """Yield botocore's models that are needed besides, by where they lie in the image."""
    root = image.package("botocore")
    for service in _BOTOCORE_SERVICES:
        for path in (root / "data" / service).rglob("*.json*"):
            yield f"{image.PACKAGES_FOLDER}/{path.relative_to(root.parent)}", path


def _version(files: dict[str, Path]) -> str:
    """Return a digest of what goes into the image: of our programs their text, else file stats."""
    digest = hashlib.sha256(sys.version.encode())
    for path in (Path(__file__), Path(image.__file__), *_PROGRAMS.glob("*.py")):
        digest.update(path.read_bytes())
    for name in sorted(files):
        found = files[name].stat()
        digest.update(f"{name} {found.st_size}\n".encode())
    return digest.hexdigest()[:16]


def _write(path: Path, name: str, files: dict[str, Path], links: dict[str, str]) -> None:
    cache = Home.of_checkout().shared / "images"
    scripts = {"docker": "docker.py", "aws": "aws.py", "pip": "pip.whl/pip"}
    layers = (
        image.python_layer(cache),
        image.layer_of(
            files,
            links,
            executables={
                f"/usr/local/bin/{program}": f'#!/bin/sh\nexec python {_FOLDER}/{script} "$@"\n'
                for program, script in scripts.items()
            },
        ),
    )
    config = image.config_of(layers, _PROGRAM)
    members = {f"{layer.digest[7:]}.tar.gz": layer.blob for layer in layers}
    manifest = [{"Config": "config.json", "RepoTags": [name], "Layers": list(members)}]
    members |= {"config.json": config, "manifest.json": json.dumps(manifest).encode()}
    with tarfile.open(path, "w") as archive:
        for member, content in members.items():
            entry = tarfile.TarInfo(member)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except LocalError as error:
        sys.exit(str(error))
