"""The images of examples, made without Docker and without any outside registry.

Two layers: this machine's own Python with boto3, and the example's files. So the example runs in
a real container wherever there is something that runs containers, even offline. On AWS people
build the Dockerfile that lies beside the example instead.
"""

from __future__ import annotations

import functools
import gzip
import hashlib
import importlib.util
import io
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from provisioner.local import bytecode
from provisioner.local.errors import LocalError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

PACKAGES_FOLDER = "/opt/python"
_PACKAGES = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "urllib3", "six")
# What a job of the example's kind talks to; the models of all of AWS are ten times the rest.
_BOTOCORE_SERVICES = ("s3", "sts", "dynamodb", "sqs", "sns")
_LEFT_OUT = frozenset(
    {
        *(
            "test",
            "tests",
            "idlelib",
            "tkinter",
            "turtledemo",
            "lib2to3",
            "ensurepip",
            "pydoc_data",
        ),
        *("site-packages", "dist-packages", "__pycache__"),
    }
)
# Modules for screens and for CPython's own tests, which bring half of a desktop's libraries.
_WITHOUT = ("_tkinter", "_curses", "readline", "_test", "_xxtest", "xxlimited")
_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
_LIBRARY = re.compile(r"(?:=> )?(/\S+) \(0x")
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True)
class Layer:
    """A gzipped tar, and the digests that a registry knows it and its content by."""

    blob: bytes
    diff_id: str

    @functools.cached_property
    def digest(self) -> str:
        """The blob's digest."""
        return sha256(self.blob)


@dataclass(frozen=True)
class Program:
    """What an image starts, and where the example's files lie in it."""

    folder: str
    entry_point: tuple[str, ...]
    command: tuple[str, ...]
    files: tuple[tuple[str, Path], ...] = ()


TASK = Program("/job", (), ("python", "/job/job.py"))
"""Of an example that is a container: its `job.py`."""

_CLIENT = "/var/runtime/runtime_client.py"
FUNCTION = Program(
    "/var/task",
    ("python", _CLIENT),
    ("app.handler",),
    ((_CLIENT, Path(__file__).with_name("runtime_client.py")),),
)
"""Of an example that is a Lambda function: `handler` in its `app.py`."""


@dataclass(frozen=True)
class Image:
    """An OCI image: what to push, in order."""

    layers: tuple[Layer, ...]
    config: bytes

    @property
    def manifest(self) -> bytes:
        """The manifest that ties the blobs together."""
        layers = [
            {
                "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
                "digest": layer.digest,
                "size": len(layer.blob),
            }
            for layer in self.layers
        ]
        document = {
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "config": {
                "mediaType": "application/vnd.oci.image.config.v1+json",
                "digest": sha256(self.config),
                "size": len(self.config),
            },
            "layers": layers,
        }
        return json.dumps(document, sort_keys=True).encode()


MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"


def sha256(data: bytes) -> str:
    """Return a digest as registries write it."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def can_build() -> bool:
    """Tell whether this machine's Python runs in a Linux container, and what it needs is known."""
    return platform.system() == "Linux" and shutil.which("ldd") is not None


def build(example: Path, cache: Path, program: Program = TASK) -> Image:
    """Build the image of an example folder.

    Parameters
    ----------
    example
        Its files lie in the program's folder.
    cache
        Where the Python layer, which seldom changes, is kept.

    Raises
    ------
    LocalError
        It cannot be built here; see `can_build`.
    """
    if not can_build():
        message = "images of examples are only made on Linux, with ldd"
        raise LocalError(message)
    files = {
        f"{program.folder}/{path.relative_to(example)}": path
        for path in example.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    layers = (python_layer(cache), layer_of(files | dict(program.files), {}))
    return Image(layers, config_of(layers, program))


def architecture() -> str:
    """Return what a row calls the architecture of images that are packed here."""
    return "arm64" if platform.machine() in {"aarch64", "arm64"} else "x86_64"


def config_of(layers: Sequence[Layer], program: Program) -> bytes:
    """Return the configuration of an image that starts a program."""
    libraries = sorted({str(path.parent) for path in libraries_of(_programs())})
    document = {
        "architecture": _ARCHITECTURES.get(platform.machine(), platform.machine()),
        "os": "linux",
        "config": {
            "Env": [
                "PATH=/usr/local/bin:/usr/bin:/bin",
                f"PYTHONPATH={PACKAGES_FOLDER}",
                "PYTHONUNBUFFERED=1",
                f"LD_LIBRARY_PATH={':'.join(libraries)}",
            ],
            "Entrypoint": program.entry_point,
            "Cmd": program.command,
            "WorkingDir": program.folder,
        },
        # One entry a layer, or builders refuse it as a base (OCI image configuration, history).
        "history": [{"created_by": "provisioner local"} for _ in layers],
        "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in layers]},
    }
    return json.dumps(document, sort_keys=True).encode()


def python_layer(cache: Path) -> Layer:
    """Return the layer of this machine's Python with boto3, packed once for each version."""
    sources = [Path(each).read_text("utf-8") for each in (__file__, bytecode.__file__)]
    made_from = (sys.version, sys.base_prefix, package("boto3"), sources)
    layer_name = f"python-{hashlib.sha256(repr(made_from).encode()).hexdigest()[:16]}"
    for packed in cache.glob(f"{layer_name}-*.tar.gz"):
        return Layer(packed.read_bytes(), "sha256:" + packed.name.split("-")[2].split(".")[0])
    programs = _programs()
    files = {str(program): program for program in [*programs, *libraries_of(programs)]}
    files |= {
        str(path): path
        for path in _tree(standard_library())
        if not path.name.startswith(_WITHOUT) and ".opt-" not in path.name
    }
    for name in _PACKAGES:
        root = package(name)
        for source in [root] if root.is_file() else _tree(root):
            if _is_wanted(source.relative_to(root.parent)):
                files[f"{PACKAGES_FOLDER}/{source.relative_to(root.parent)}"] = source
    if _CERTIFICATES.exists():
        files[str(_CERTIFICATES)] = _CERTIFICATES
    links = {f"/usr/local/bin/{name}": str(_interpreter()) for name in ("python", "python3")}
    with tempfile.TemporaryDirectory() as compiled:
        layer = layer_of(files | bytecode.bytecode_of(files, Path(compiled)), links)
    cache.mkdir(parents=True, exist_ok=True)
    draft = cache / f"{layer_name}.{os.getpid()}"
    draft.write_bytes(layer.blob)
    draft.replace(cache / f"{layer_name}-{layer.diff_id.removeprefix('sha256:')}.tar.gz")
    return layer


def _interpreter() -> Path:
    """Return the program itself; its place in the file system tells it where its library is."""
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    return (Path(sys.base_prefix) / "bin" / name).resolve()


def standard_library() -> Path:
    """Return the folder of this Python's own modules."""
    return Path(sysconfig.get_path("stdlib"))


def _programs() -> list[Path]:
    modules = sorted((standard_library() / "lib-dynload").glob("*.so"))
    return [_interpreter(), *(path for path in modules if not path.name.startswith(_WITHOUT))]


def libraries_of(programs: Iterable[Path]) -> list[Path]:
    """Return the shared libraries of programs, the loader included, as `ldd` finds them."""
    return list(_libraries(tuple(programs)))


@functools.cache
def _libraries(programs: tuple[Path, ...]) -> list[Path]:
    found = subprocess.run(
        ["ldd", *map(str, programs)], capture_output=True, text=True, check=False
    ).stdout
    return sorted({Path(match) for match in _LIBRARY.findall(found)})


def _tree(root: Path) -> Iterator[Path]:
    for folder, folders, names in os.walk(root):
        folders[:] = [
            name for name in folders if name not in _LEFT_OUT and not name.startswith("config-")
        ]
        yield from (Path(folder) / name for name in names)


def package(name: str) -> Path:
    """Return where a package of this Python lies: its folder, or its one file."""
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        message = f"{name} is not installed beside this Python"
        raise LocalError(message)
    origin = Path(spec.origin)
    return origin.parent if origin.name == "__init__.py" else origin


def _is_wanted(path: Path) -> bool:
    match path.parts:
        case ("botocore", "data", service, _, *_):
            return service in _BOTOCORE_SERVICES
        case _:
            return True


def layer_of(
    files: Mapping[str, Path],
    links: Mapping[str, str],
    executables: Mapping[str, str] | None = None,
) -> Layer:
    """Return a layer of files, of links, and of scripts that are given as text."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name in sorted(files):
            member = tarfile.TarInfo(name.lstrip("/"))
            content = files[name].read_bytes()
            member.size = len(content)
            # Bytecode is valid for its source's very time.
            member.mtime = int(files[name].stat().st_mtime)
            member.mode = 0o755 if os.access(files[name], os.X_OK) else 0o644
            tar.addfile(member, io.BytesIO(content))
        for name, target in sorted(links.items()):
            member = tarfile.TarInfo(name.lstrip("/"))
            member.type, member.linkname, member.mode = tarfile.SYMTYPE, target, 0o777
            tar.addfile(member)
        for name, text in sorted((executables or {}).items()):
            member = tarfile.TarInfo(name.lstrip("/"))
            member.size, member.mode = len(text.encode()), 0o755
            tar.addfile(member, io.BytesIO(text.encode()))
        temporary = tarfile.TarInfo("tmp")
        temporary.type, temporary.mode = tarfile.DIRTYPE, 0o1777
        tar.addfile(temporary)
    content = buffer.getvalue()
    # It stays on this machine: level 5 takes twice as long and saves a fourteenth.
    return Layer(gzip.compress(content, compresslevel=2, mtime=0), sha256(content))
