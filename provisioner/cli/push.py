"""`provisioner push`: code into the bundle bucket."""

from pathlib import Path
from typing import Annotated

import typer

from provisioner.cli.display import hint, stdout
from provisioner.cli.options import DEFAULT_STACK, StackOption, one_command, usage_errors
from provisioner.cli.session import session
from provisioner.service import bundles

app = one_command()


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
    """Upload a folder of code as a zip archive, or an archive as it is, to the bundle bucket.

    Prints the s3:// URI for the row's "bundle". The same files are the same version, however often
    they are pushed.
    """
    with usage_errors():
        key = bundles.check(path, name, exclude or ())
    with session(stack) as service:
        pushed = bundles.push(service, key, path, exclude or ())
    verb = "Uploaded" if pushed.uploaded else "Already there:"
    hint(f"{verb} {pushed.files} file{'s' * (pushed.files != 1)}, {pushed.size_bytes:,} bytes.")
    stdout().print(pushed.bundle.uri, soft_wrap=True)
