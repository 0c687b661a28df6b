"""Starting a run: the payload as a form made from its schema, or as JSON."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from provisioner.console import schema_form
from provisioner.console.field_text import from_json, to_json
from provisioner.console.filters import path
from provisioner.console.http import redirect
from provisioner.console.render import page
from provisioner.errors import PermanentError
from provisioner.jobs import InvalidRow
from provisioner.jobs.model import OVERLAPS
from provisioner.jobs.types import ContainerJob
from provisioner.service import rerun, rights, run_detail, start_run
from provisioner.service.apply import changes_between
from provisioner.service.rights import Action
from provisioner.service.start_run import InvalidRunError, RunRequest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from provisioner.console.http import Request, Response
    from provisioner.jobs import Job
    from provisioner.service.context import Service

_SIZES = ("cpu", "memory_mb")


@dataclass(frozen=True, slots=True)
class _Form:
    """What the form contains.

    Attributes
    ----------
    view
        `form` for a field per member, `json` for one box.
    raw
        The text of that box.
    overrides
        The text of each part that the row lets a run override.
    kept
        Names of environment variables whose values stay those of the run that is repeated: they
        are not for this caller to see.
    key
        The idempotency key: however often the form is sent, it starts one run.
    """

    payload: Mapping[str, object]
    view: str = "form"
    raw: str = ""
    overlap: str = ""
    overrides: Mapping[str, str] = field(default_factory=dict)
    kept: tuple[str, ...] = ()
    parent: str = ""
    key: str = field(default_factory=lambda: secrets.token_urlsafe(12))
    errors: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def show(request: Request, service: Service) -> Response:
    """Return the form for a run; with `again` in its address, filled as that run was started."""
    name = request.parts["job"]
    job = _job(service, name)
    schema = job.payload_schema if job else None
    form = _Form(schema_form.initial(schema, job.payload if job else {}))
    if again := request.query.get("again"):
        form = _repeating(request, service, again)
    if request.query.get("view") == "json" or not schema:
        form = replace(form, view="json", raw=to_json(form.payload))
    return _page(request, service, job, form)


def submit(request: Request, service: Service) -> Response:
    """Check, show in the other view, or start, whichever button was pressed."""
    name = request.parts["job"]
    job = _job(service, name)
    read = _read(request, service)
    form = _checked(job, read)
    wanted = request.form.get("do", "check")
    if wanted in {"form", "json"} and not read.errors:
        form = replace(form, view=wanted, raw=to_json(form.payload))
    if wanted != "start":
        return _page(request, service, job, form)
    if form.errors:
        return _page(request, service, job, form, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    try:
        started = start_run.start_run(service, name, _run_request(service, name, form))
    except (InvalidRunError, PermanentError) as error:
        said = tuple(str(error).split("\n  "))
        form = replace(form, errors={**form.errors, "overrides": said})
        return _page(request, service, job, form, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    return redirect(path("jobs", name, "runs", started.name))


def _job(service: Service, name: str) -> Job | None:
    """Return the job of a row, None if the row is INVALID: the last good one still runs."""
    job = service.job(service.existing_row(name))
    return None if isinstance(job, InvalidRow) else job


def _repeating(request: Request, service: Service, run: str) -> _Form:
    asked = rerun.request_of(service, request.parts["job"], run)
    overrides = {name: to_json(value) for name, value in asked.overrides.items()}
    kept: tuple[str, ...] = ()
    if not _sees_values(service):
        variables = asked.overrides.get("environment", {})
        kept = tuple(variables) if isinstance(variables, dict) else ()
        overrides.pop("environment", None)
    return _Form(asked.payload, overrides=overrides, kept=kept, parent=asked.parent or "")


def _sees_values(service: Service) -> bool:
    return rights.allows(service.caller(), Action.READ_ENVIRONMENT)


def _read(request: Request, service: Service) -> _Form:
    sent = request.form
    prefix = "override:"
    form = _Form(
        {},
        view="json" if sent.get("view") == "json" else "form",
        raw=sent.get("raw", ""),
        overlap=sent.get("overlap", ""),
        overrides={
            name.removeprefix(prefix): text
            for name, text in sent.items()
            if name.startswith(prefix)
        },
        parent=sent.get("parent", ""),
        key=sent.get("key") or secrets.token_urlsafe(12),
    )
    if form.parent and "keep_environment" in sent:
        form = replace(form, kept=_repeating(request, service, form.parent).kept)
    if form.view == "form":
        read = schema_form.filled(sent)
        return replace(form, payload=read.payload, errors=read.errors)
    try:
        payload = from_json(form.raw.strip() or "{}")
    except ValueError as error:
        return replace(form, errors={"": (str(error),)})
    if not isinstance(payload, dict):
        return replace(form, errors={"": ("must be a JSON object",)})
    return replace(form, payload=payload)


def _checked(job: Job | None, form: _Form) -> _Form:
    """Add what is wrong with the payload as the run would get it, and with the overrides."""
    errors = dict(form.errors)
    if not errors and job is not None:
        errors = schema_form.violations(job.payload_schema, {**job.payload, **form.payload})
    try:
        _overrides(form)
    except ValueError as error:
        errors["overrides"] = (str(error),)
    return replace(form, errors=errors)


def _overrides(form: _Form) -> dict[str, Any]:
    """Return what the form overrides; what is left empty is not overridden."""
    found: dict[str, Any] = {}
    for name, text in form.overrides.items():
        if not text.strip():
            continue
        if name == "command" and not text.lstrip().startswith(("[", '"')):
            found[name] = text
            continue
        try:
            found[name] = from_json(text)
        except ValueError as error:
            raise ValueError(f"{name} {error}") from error
    return found


def _run_request(service: Service, job_name: str, form: _Form) -> RunRequest:
    overrides = _overrides(form)
    typed = overrides.get("environment", {})
    if form.kept and isinstance(typed, dict):  # what is not one is refused as it is
        before = run_detail.detail(service, job_name, form.parent).overrides
        overrides["environment"] = {**before.get("environment", {}), **typed}
    return RunRequest(
        payload=start_run.check_payload(dict(form.payload)),
        overrides=overrides,
        overlap=form.overlap or None,
        idempotency_key=form.key,
        parent=form.parent or None,
    )


def _page(
    request: Request,
    service: Service,
    job: Job | None,
    form: _Form,
    *,
    status: int = HTTPStatus.OK,
) -> Response:
    schema = job.payload_schema if job else None
    fields = schema_form.fields(schema, form.payload, form.errors) if form.view == "form" else ()
    shown = {at for each in fields for at in (each.pointer,)}
    default = dict(job.payload) if job else {}
    return page(
        request,
        "run_form.html",
        status=status,
        polls=False,
        job_name=request.parts["job"],
        job=job,
        form=form,
        fields=fields,
        errors=_elsewhere(form.errors, shown),
        parts=_parts(job),
        changes=list(changes_between(default, dict(form.payload))),
        overlaps=OVERLAPS,
        sees_values=_sees_values(service),
    )


def _elsewhere(errors: Mapping[str, Sequence[str]], shown: set[str]) -> list[str]:
    """Return the errors that stand beside no field."""
    return [
        f"{at} {each}".strip()
        for at, messages in errors.items()
        for each in messages
        if not any(at == field or (field and at.startswith(f"{field}/")) for field in shown)
    ]


def _parts(job: Job | None) -> tuple[str, ...]:
    """Return what a run of the job may override."""
    if not isinstance(job, ContainerJob):
        return ()
    parts = tuple(part for part in ("command", "environment") if part in job.allow_overrides)
    return (*parts, *(_SIZES if "size" in job.allow_overrides else ()))
