"""All about one job, for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from provisioner.cli import documents
from provisioner.cli.display import ago, status, stdout, table, usd
from provisioner.cli.runs import parts, runs_table
from provisioner.plain_text import counted
from provisioner.service import job_detail
from provisioner.service.canary_state import State
from provisioner.stacks.model import JobStatus

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from provisioner.runs.cost import MonthlyCost
    from provisioner.service.canary_state import CanaryState
    from provisioner.service.context import Item
    from provisioner.service.job_detail import JobDetail, Relations
    from provisioner.stacks.model import Condition, StackRecord

_LABEL_COLUMNS = 23
_CANARY_STYLES = {
    State.RUNNING: "cyan",
    State.PASSED: "green",
    State.FAILED: "red",
    State.ROLLED_BACK: "yellow",
}
_SHOWN_ABOVE = frozenset({"job_name", "type", "description"})


def last_run(run: Item | None) -> Text:
    """Return how a job's last run went, and when."""
    if run is None:
        return Text("-", "dim")
    return Text.assemble(
        status(str(run.get("status", "-"))), " ", (ago(run.get("started_at")), "dim")
    )


def in_sync(record: StackRecord | None) -> str:
    """Return whether the stack is what the row asks for: yes, no, or "-" for neither."""
    return {True: "yes", False: "no", None: "-"}[job_detail.in_sync(record)]


def show(job: JobDetail) -> None:
    """Write the job to stdout."""
    state = job.state
    row: Mapping[str, object] = state.row or {}
    kind = str(row.get("type", ""))
    _print(Text.assemble((state.job_name, "bold"), "  ", status(state.status), "  ", (kind, "dim")))
    if "description" in row:
        _print(Text(documents.one_line(str(row["description"]))))
    if state.row is None:
        _print(Text("Its row was removed.", "yellow"))
    if state.record:
        _show_problems(state.record)
    if state.row:
        _show_row(row)
    if state.record:
        _show_stack(state.record)
        _show_conditions(state.record)
    if job.canary:
        _show_canary(job.canary)
    _show_dependencies(job.relations)
    _show_costs(job.relations.costs)
    _heading("Last runs")
    listed = runs_table(job.runs)
    if listed.row_count:
        stdout().print(listed)
        _show_parts(job.runs[0])
    else:
        _print(Text("none", "dim"))


def _show_parts(run: Item) -> None:
    """Write what the last run says of its capacity, and of where its time went."""
    if known := parts(run):
        _heading("Where the last run's time went")
        for name, value in known.items():
            _pair(name.lower(), value)


def _show_canary(canary: CanaryState) -> None:
    _heading("Canary")
    _pair("deployment", str(canary.deployment))
    _pair("since", ago(canary.since))
    _pair("runs", canary.sentence, _CANARY_STYLES[canary.state])


def _show_costs(costs: Sequence[MonthlyCost]) -> None:
    """Write what the runs of the last months have cost, about, in USD."""
    if not costs:
        return
    _heading("Estimated cost in USD")
    for each in costs:
        shown = usd(each.cost.usd, each.cost.least)
        without = f", {each.unpriced} of them without a figure" if each.unpriced else ""
        _pair(each.month, f"{shown} for {counted(each.runs, 'run')}{without}")


def _show_dependencies(job: Relations) -> None:
    if not job.needs and not job.needed_by:
        return
    _heading("Dependencies")
    for name, run in job.needs.items():
        label = (f"{'runs after':<{_LABEL_COLUMNS}}", "dim")
        _print(Text.assemble("  ", label, f" {name}  ", last_run(run)))
    for name in job.needed_by:
        _pair("then runs", name)


def _show_problems(record: StackRecord) -> None:
    if record.errors:
        _heading("What is wrong with the row")
        listed = table("FIELD", "PROBLEM", keep=("FIELD",))
        for error in record.errors:
            listed.add_row(Text(error.field), Text(error.message, "red"))
        stdout().print(listed)
    if record.failure:
        _heading("Failure")
        if record.failure.resource:
            _pair("resource", record.failure.resource)
        _pair("reason", record.failure.reason, "red")
        _pair("at", ago(record.failure.at))
        if record.next_attempt_at:
            _pair("next attempt at", record.next_attempt_at.isoformat(timespec="seconds"))


def _show_row(row: Mapping[str, object]) -> None:
    _heading("Row")
    for name in sorted(row.keys() - _SHOWN_ABOVE):
        value = row[name]
        if name == "environment" and isinstance(value, dict):
            value = sorted(value)  # the names only: values are not for screens
        if isinstance(value, dict | list) and value:
            _print(Text(f"  {name}", "dim"))
            for line in documents.as_yaml(value).splitlines():
                _print(Text(f"    {line}"))
        else:
            _pair(name, str(value))


def _show_stack(record: StackRecord) -> None:
    _heading("Stack")
    _pair("name", record.stack_name or "-")
    _pair("cloudformation status", record.cloudformation_status or "-")
    if record.deployment_mode:
        _pair("deployment mode", record.deployment_mode)
    if record.template_version:
        _pair("template version", record.template_version)
    _pair("in sync", in_sync(record), "yellow" if in_sync(record) == "no" else "")
    _pair("changed", ago(record.updated_at))
    if record.stack_id:
        _pair("stack id", record.stack_id)
    for name, value in sorted(record.outputs.items()):
        _pair(name, value)
    if record.missed_schedules:
        _pair("missed schedules", str(record.missed_schedules), "yellow")
    for resource in record.retained_resources:
        _pair("retained resource", resource, "yellow")


def _show_conditions(record: StackRecord) -> None:
    if record.conditions:
        _heading("Conditions")
        listed = table("TYPE", "STATUS", "REASON", "SINCE", "MESSAGE", keep=("TYPE", "STATUS"))
        for condition in record.conditions:
            listed.add_row(
                Text(condition.type),
                status(condition.status),
                Text(condition.reason),
                Text(ago(condition.last_transition_time)),
                Text(_message(condition, record)),
            )
        stdout().print(listed)


def _message(condition: Condition, record: StackRecord) -> str:
    """Return what a condition says: of an invalid row one problem a line."""
    if condition.type == "Ready" and record.status is JobStatus.INVALID and record.errors:
        return "\n".join(f"{error.field}: {error.message}" for error in record.errors)
    return condition.message or "-"


def _heading(text: str) -> None:
    _print(Text(f"\n{text}", "bold"))


def _pair(label: str, value: str, style: str = "") -> None:
    """Write a label and its value; long values run on unbroken, to be copied in one piece."""
    shown = (documents.one_line(value), style)
    _print(Text.assemble("  ", (f"{label:<{_LABEL_COLUMNS}}", "dim"), " ", shown))


def _print(text: Text) -> None:
    stdout().print(text, soft_wrap=True)
