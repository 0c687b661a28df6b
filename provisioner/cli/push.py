"""`provisioner push`: code into the bundle bucket, or source to be built."""

from pathlib import Path
from typing import Annotated

import typer

from provisioner.cli import push_source
from provisioner.cli.display import hint, stdout
from provisioner.cli.options import (
    DEFAULT_STACK,
    StackOption,
    TimeoutOption,
    one_command,
    seconds_of,
    usage_errors,
)
from provisioner.cli.session import session
from provisioner.service import bundles
from provisioner.service.builds import Pushed

app = one_command()


@app.command()
def push(  # noqa: PLR0913  (each is an option)
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
            "--name",
            metavar="NAME",
            help="Key of the bundle without .zip, or with --build the job; default: PATH's name.",
        ),
    ] = "",
    exclude: Annotated[
        list[str] | None,
        typer.Option(
            "--exclude", metavar="PATTERN", help="Also leave out names like this, as '*.csv'."
        ),
    ] = None,
    build: Annotated[
        bool,
        typer.Option(
            "--build",
            help="Push the source of a job whose row has a build, and follow it until it is READY.",
        ),
    ] = False,
    include: Annotated[
        list[str] | None,
        typer.Option(
            "--include",
            metavar="PATTERN",
            help="With --build: push names like this although they look like secrets, as '.npmrc'.",
        ),
    ] = None,
    wait: Annotated[
        bool, typer.Option("--wait/--no-wait", help="With --build: follow it to its end.")
    ] = True,
    timeout: TimeoutOption = "1h",
    stack: StackOption = DEFAULT_STACK,
) -> None:
    """Upload a folder of code as a zip archive, or an archive as it is, to the bundle bucket.

    Prints the s3:// URI for the row's "bundle". The same files are the same version, however often
    they are pushed. With --build the folder is a job's source: what .dockerignore, or else
    .gitignore, leaves out stays here. Exit codes then: 0 built and READY, 1 failed, 6 overtaken by
    a later push, 7 still going after --timeout.
    """
    timeout_seconds = seconds_of(timeout)
    if not build:
        if include:
            raise typer.BadParameter("--include is only for --build")
        _push_bundle(path, name, exclude or [], stack)
        return
    with session(stack) as service:
        job = name or path.resolve().name
        pushed = push_source.upload(service, job, path, include or (), exclude or ())
        _say(pushed)
        if not wait:
            stdout().print(pushed.bundle.uri, soft_wrap=True)
            hint(f'It is built now; see "provisioner builds {job} --log".')
            return
        raise typer.Exit(push_source.follow(service, job, pushed, timeout_seconds))


def _push_bundle(path: Path, name: str, exclude: list[str], stack: str) -> None:
    with usage_errors():
        key = bundles.check(path, name, exclude)
    with session(stack) as service:
        pushed = bundles.push(service, key, path, exclude)
    _say(pushed)
    stdout().print(pushed.bundle.uri, soft_wrap=True)


def _say(pushed: Pushed) -> None:
    verb = "Uploaded" if pushed.uploaded else "Already there:"
    hint(f"{verb} {pushed.files} file{'s' * (pushed.files != 1)}, {pushed.size_bytes:,} bytes.")
