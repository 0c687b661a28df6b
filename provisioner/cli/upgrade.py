"""`provisioner upgrade`: update the stacks of all jobs to this release, in waves."""

import re
from datetime import timedelta
from functools import partial
from typing import Annotated

import typer
from rich.text import Text

from provisioner.cli import documents
from provisioner.cli.display import ago, confirm, hint, span, status, stdout, table
from provisioner.cli.options import (
    DEFAULT_STACK,
    Format,
    FormatOption,
    StackOption,
    seconds_of,
    usage_errors,
)
from provisioner.cli.session import session
from provisioner.errors import ProvisionerError
from provisioner.plain_text import counted
from provisioner.service import upgrades
from provisioner.service.context import Service
from provisioner.service.upgrades import Upgrade

app = typer.Typer(
    invoke_without_command=True,
    add_completion=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

DryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="Only show what would happen to the upgrade.")
]
_PERCENT = re.compile(r"(\d{1,3})%?")


@app.callback()
def upgrade(
    context: typer.Context,
    *,
    wave: Annotated[
        list[str] | None,
        typer.Option(
            "--wave",
            metavar="PERCENT",
            show_default="5%, 25%, 100%",
            help="Share of the outdated jobs updated by the end of a wave; repeat it for each.",
        ),
    ] = None,
    soak: Annotated[
        str,
        typer.Option(
            "--soak",
            metavar="DURATION",
            help="How long a wave watches for failing runs after its last update.",
        ),
    ] = "10m",
    pause_on_failures: Annotated[
        int,
        typer.Option(
            "--pause-on-failures", metavar="N", help="Pause when this many jobs have failed."
        ),
    ] = 1,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Only show which jobs are outdated, and what would change."),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    stack: StackOption = DEFAULT_STACK,
) -> None:
    """Update the stacks of all jobs to the templates of this release, in waves.

    Deploying a release changes no stack of a job. The upgrade runs in the bootstrap, not in this
    terminal; `upgrade status` shows its progress. It pauses when a stack cannot be updated, or when
    a run fails soon after its job's update. `upgrade resume` continues it, and `upgrade abort` ends
    it.
    """
    if context.invoked_subcommand is not None:
        return
    waves = [_percent(text) for text in wave] if wave else upgrades.DEFAULT_WAVES
    with session(stack) as service, usage_errors():
        found = upgrades.outdated(service)
        _show_outdated(found)
        if not found:
            return
        _show_report(service)
        start = partial(
            upgrades.start,
            service,
            waves,
            soak=timedelta(seconds=seconds_of(soak)),
            pause_on_failures=pause_on_failures,
        )
        start(dry_run=True)
        if dry_run:
            return
        if not yes:
            jobs, shares = counted(len(found), "job"), counted(len(waves), "wave")
            confirm(f"Update the stacks of {jobs} in {shares}?")
        begun = start()
    stdout().print(Text.assemble(status("RUNNING"), f"  {begun.id}"))
    hint('See "provisioner upgrade status".')


@app.command("status")
def status_command(
    *, output: FormatOption = Format.TABLE, stack: StackOption = DEFAULT_STACK
) -> None:
    """Show the progress of the last upgrade, and what failed."""
    with session(stack) as service:
        found = upgrades.current(service)
    if output is not Format.TABLE:
        documents.show(upgrades.document(found), output)
    else:
        _show(found)


@app.command()
def resume(
    *,
    retry_failed: Annotated[
        bool,
        typer.Option("--retry-failed", help="Also retry the stacks that failed."),
    ] = False,
    dry_run: DryRunOption = False,
    stack: StackOption = DEFAULT_STACK,
) -> None:
    """Continue a paused upgrade; earlier failures no longer count."""
    with session(stack) as service:
        found = upgrades.resume(service, retry_failed=retry_failed, dry_run=dry_run)
    stdout().print(Text.assemble(status(found.status), f"  {found.id}"))


@app.command()
def abort(
    *,
    reason: Annotated[
        str,
        typer.Option(
            "--reason", metavar="TEXT", show_default=False, help="The reason, for the audit."
        ),
    ] = "",
    dry_run: DryRunOption = False,
    stack: StackOption = DEFAULT_STACK,
) -> None:
    """End an upgrade; jobs that are not updated yet stay as they are."""
    with session(stack) as service:
        found = upgrades.abort(service, reason, dry_run=dry_run)
    stdout().print(Text.assemble(status(found.status), f"  {found.id}"))


def _percent(text: str) -> int:
    found = _PERCENT.fullmatch(text.strip())
    if not found:
        message = f'"{text}" is not a percentage: write 5%'
        raise typer.BadParameter(message)
    return int(found[1])


def _show_outdated(found: upgrades.Outdated) -> None:
    if not found:
        hint("No job is outdated.")
        return
    listed = table("TYPE", "OUTDATED", "READY", keep=("TYPE", "OUTDATED", "READY"))
    for kind, (count, ready) in sorted(found.by_type.items()):
        listed.add_row(Text(kind), Text(str(count)), Text(str(ready)))
    stdout().print(listed)
    if found.not_ready:
        hint(f"Not READY, so left as they are: {found.not_ready}.")


def _show_report(service: Service) -> None:
    """Say what changes in the stacks, replacements first."""
    try:
        found = upgrades.report(service)
    except ProvisionerError as error:
        hint(f"What would change in the stacks is not known: {error}")
        return
    listed = table("CHANGE", "RESOURCE", "PROPERTY", "JOBS", "FOR EXAMPLE", keep=("CHANGE", "JOBS"))
    for each in found["differences"]:
        words = ("verb", "type", "property", "jobs", "example")
        listed.add_row(*(Text(str(each[word]) or "-") for word in words))
    if listed.row_count:
        stdout().print(listed)
    hint(f"Compared with their stacks: {found['compared']} of {found['outdated']} READY jobs.")


def _show(found: Upgrade) -> None:
    stdout().print(Text.assemble(status(found.status), f"  {found.id}  {found.reason}"))
    started = f"started {ago(found.started_at)} by {found.by}"
    pace = f"soak {span(found.soak)}, pause on failures {found.pause_on_failures}"
    hint(f"to {found.to or '-'}, {counted(found.total, 'job')}, {started}, {pace}")
    listed = table("WAVE", "SHARE", "CHOSEN", "UPGRADED", "IN PROGRESS", "FAILED", "SKIPPED")
    for number, wave in enumerate(found.progress):
        counts = (wave.chosen, wave.upgraded, wave.in_progress, wave.failed, wave.skipped)
        share = f"{found.waves[number]}%"
        listed.add_row(Text(str(number + 1)), Text(share), *(Text(str(each)) for each in counts))
    stdout().print(listed)
    if found.failures:
        failed = table("JOB", "WHAT", "REASON", keep=("JOB", "WHAT"))
        for each in found.failures:
            failed.add_row(Text(each.job_name), Text(each.kind), Text(each.reason))
        stdout().print(failed)
