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
from provisioner.plain_text import counted
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
            help="Key of the bundle without .zip; with --build the job. Default: the name of PATH.",
        ),
    ] = "",
    exclude: Annotated[
        list[str] | None,
        typer.Option(
            "--exclude", metavar="PATTERN", help="Also leave out files that match, such as '*.csv'."
        ),
    ] = None,
    build: Annotated[
        bool,
        typer.Option(
            "--build",
            help="Push the source of a job whose row has 'build', and follow it until it is READY.",
        ),
    ] = False,
    include: Annotated[
        list[str] | None,
        typer.Option(
            "--include",
            metavar="PATTERN",
            help="With --build: push matching files that look like secrets, such as '.npmrc'.",
        ),
    ] = None,
    wait: Annotated[
        bool, typer.Option("--wait/--no-wait", help="With --build: wait until it ends.")
    ] = True,
    timeout: TimeoutOption = "1h",
    stack: StackOption = DEFAULT_STACK,
) -> None:
    """Upload a folder of code as a zip archive, or an archive as it is, to the bundle bucket.

    Prints the s3:// URI for the row's "bundle". Pushing the same files again uploads nothing. With
    --build the folder is a job's source: files that .dockerignore, or else .gitignore, excludes are
    left out. Exit codes with --build: 0 built and READY, 1 failed, 6 overtaken by a later push, 7
    not finished after --timeout.
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
            hint(f'The build begins; follow it with "provisioner builds {job} --follow".')
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
    hint(f"{verb} {counted(pushed.files, 'file')}, {counted(pushed.size_bytes, 'byte')}.")
