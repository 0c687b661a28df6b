"""`provisioner push`: code into the bundle bucket."""

import re
from pathlib import Path
from typing import Annotated

import typer

from provisioner.cli.display import hint, stdout
from provisioner.cli.options import DEFAULT_STACK, StackOption, one_command
from provisioner.cli.session import session
from provisioner.errors import PermanentError

app = one_command()

_NAME = re.compile(r"[A-Za-z0-9._-]+(?:/[A-Za-z0-9._-]+)*")


@app.command()
def push(
    path: Annotated[
        Path,
        typer.Argument(
            metavar="PATH",
            show_default=False,
            help="A folder, which becomes the root of an archive, or an archive: .zip, .jar.",
        ),
    ],
    *,
    name: Annotated[
        str,
        typer.Option(
            "--name", metavar="NAME", help="Key of the bundle without .zip; default: PATH's name."
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
    """Put a folder of code into the bundle bucket, as a zip archive, or an archive as it is.

    Prints the s3:// URI for the row's "bundle". The same files are the same version, however often
    they are pushed.
    """
    if not path.exists():
        message = f"{path} is not there"
        raise PermanentError(message)
    is_folder = path.is_dir()
    if exclude and not is_folder:
        message = "--exclude is for folders: an archive is pushed as it is"
        raise typer.BadParameter(message)
    own = path.resolve()
    key = (name or (own.name if is_folder else own.stem)).removesuffix(".zip")
    if not _NAME.fullmatch(key):
        message = f'"{key}" cannot name a bundle: use letters, digits, ".", "_", "-" and "/"'
        raise PermanentError(message)
    with session(stack) as here:
        if is_folder:
            pushed = here.bundles.push(key, path, exclude or ())
        else:
            pushed = here.bundles.push_archive(key, path)
    verb = "Uploaded" if pushed.uploaded else "Already there:"
    hint(f"{verb} {pushed.files} file{'s' * (pushed.files != 1)}, {pushed.size_bytes:,} bytes.")
    stdout().print(pushed.bundle.uri, soft_wrap=True)
