"""Put the example jobs onto an engine: what they run, what they read, and their rows."""

from __future__ import annotations

import hashlib
import io
import json
import re
import zipfile
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import yaml

from provisioner.jobs import placeholders
from provisioner.local import image, registry
from provisioner.local.clients import client, table
from provisioner.local.errors import LocalError
from provisioner.local.progress import Say, silent
from provisioner.local.stack import stack_outputs

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from provisioner.local.engine import Engine

_FOLDER = "bootstrap/examples"
_ECR_IMAGE = re.compile(r"[^/]+/(?P<repository>[^:@]+):(?P<tag>[\w.-]+)")
_GRAVITON = re.compile(r"(\d)g\.")
"""In the name of an instance type: m7g.large has a brother m7i.large of the other kind."""
_ZIP_DATE = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class Example:
    """A row of `bootstrap/examples/NAME.yaml`, and the folder of the same name beside it."""

    row: Mapping[str, Any]
    folder: Path

    @property
    def job_name(self) -> str:
        """The job's name."""
        name: str = self.row["job_name"]
        return name

    @property
    def is_container(self) -> bool:
        """Whether it needs something that runs containers."""
        return "image" in self.row


def load(checkout: Path, outputs: Mapping[str, str]) -> list[Example]:
    """Read the example rows, `${OutputName}` replaced by the bootstrap stack's outputs.

    Raises
    ------
    LocalError
        A row names an output that the stack does not have.
    """
    examples = []
    for path in sorted((checkout / _FOLDER).glob("*.yaml")):
        written = yaml.safe_load(path.read_text(encoding="utf-8"))
        row, errors = placeholders.filled(written, outputs)
        if errors:
            message = f"{path.name}, {errors[0].field}: {errors[0].message}"
            raise LocalError(message)
        if "image" in row:
            row = _for_this_machine(row)
        examples.append(Example(row, path.with_suffix("")))
    return examples


def _for_this_machine(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row for the image that is packed here, with machines that could run it."""
    here = {**row, "architecture": image.architecture()}
    if "instance_type" in row and here["architecture"] == "x86_64":
        here["instance_type"] = [_GRAVITON.sub(r"\1i.", one) for one in row["instance_type"]]
    return here


def that_can_be_made(examples: Iterable[Example], say: Say = silent) -> list[Example]:
    """Return the examples whose code this machine can pack; says which it cannot, and why."""
    can_build = image.can_build()
    possible = []
    for example in examples:
        if example.is_container and not can_build:
            say(
                f"leaving out example {example.job_name}: its image is packed from this machine's "
                "Python, which takes Linux and ldd; docs/start/local.md says how to push your own"
            )
        else:
            possible.append(example)
    return possible


def seed(engine: Engine, stack_name: str, examples: Iterable[Example], say: Say = silent) -> None:
    """Upload what the examples need and write their rows."""
    outputs = stack_outputs(engine, stack_name)
    examples = list(examples)
    for example in examples:
        say(f"uploading the code of {example.job_name}")
        if example.is_container:
            _push_image(engine, example)
        else:
            _upload_bundle(engine, example)
    data = engine.home.checkout / _FOLDER / "data"
    _upload_data(engine, data, outputs["ArtifactsBucketName"])
    jobs = table(engine, outputs["JobsTableName"])
    say(f"writing {len(examples)} rows into the Jobs table")
    for example in examples:
        jobs.put_item(Item=json.loads(json.dumps(example.row), parse_float=Decimal))


def digest(checkout: Path) -> str:
    """Return a digest of all the examples."""
    folder = checkout / _FOLDER
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            digest.update(f"{path.relative_to(folder)}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def _upload_bundle(engine: Engine, example: Example) -> None:
    bundle = urlsplit(example.row["bundle"])
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for path in sorted(example.folder.iterdir()):
            if path.is_file():
                file.writestr(zipfile.ZipInfo(path.name, _ZIP_DATE), path.read_bytes())
    client(engine, "s3").put_object(
        Bucket=bundle.netloc, Key=bundle.path.lstrip("/"), Body=archive.getvalue()
    )


def _push_image(engine: Engine, example: Example) -> None:
    found = _ECR_IMAGE.fullmatch(example.row["image"])
    if found is None:
        message = f"example {example.job_name} names no image with a tag: {example.row['image']}"
        raise LocalError(message)
    program = image.FUNCTION if example.row["type"] == "lambda" else image.TASK
    built = image.build(example.folder, engine.home.shared / "images", program)
    registry.push(engine, built, found["repository"], found["tag"])


def _upload_data(engine: Engine, folder: Path, bucket: str) -> None:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            key = f"examples/data/{path.relative_to(folder)}"
            client(engine, "s3").put_object(Bucket=bucket, Key=key, Body=path.read_bytes())
