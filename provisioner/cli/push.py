"""`provisioner push`: a folder of code into the bundle bucket."""

import re
from pathlib import Path
from typing import Annotated

import typer

from provisioner.aws import bundles
from provisioner.cli.display import hint, stdout
from provisioner.cli.options import DEFAULT_STACK, StackOption, one_command
from provisioner.cli.session import session
from provisioner.errors import PermanentError

app = one_command()

_NAME = re.compile(r"[A-Za-z0-9._-]+(?:/[A-Za-z0-9._-]+)*")


@app.command()
def push(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="DIR", show_default=False, help="What becomes the root of the archive."
        ),
    ],
    *,
    name: Annotated[
        str,
        typer.Option(
            "--name", metavar="NAME", help="Key of the bundle without .zip; default: DIR's name."
        ),
    ] = "",
    exclude: Annotated[
        list[str] | None,
        typer.Option(
            "--exclude", metavar="PATTERN", help="Also leave out names like this, as '*.csv'."
        ),
    ] = None,
    stack: StackOption = DEFAULT_STACK,
) -> None:
    """Put a folder of code into the bundle bucket, as a zip archive.

    Prints the s3:// URI for the row's "bundle". The same files are the same version, however often
    they are pushed.
    """
    if not folder.is_dir():
        message = f"{folder} is {'no folder' if folder.exists() else 'not there'}"
        raise PermanentError(message)
    key = (name or folder.resolve().name).removesuffix(".zip")
    if not _NAME.fullmatch(key):
        message = f'"{key}" cannot name a bundle: use letters, digits, ".", "_", "-" and "/"'
        raise PermanentError(message)
    with session(stack) as here:
        pushed = bundles.push(here.bundle_bucket, key, folder, exclude or ())
    verb = "Uploaded" if pushed.uploaded else "Already there:"
    hint(f"{verb} {pushed.files} file{'s' * (pushed.files != 1)}, {pushed.size_bytes:,} bytes.")
    stdout().print(pushed.bundle.uri, soft_wrap=True)
