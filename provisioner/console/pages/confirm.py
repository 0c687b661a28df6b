"""Doing one thing to one job or run: what it means is said first, then a button does it."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from provisioner.console.filters import command, path
from provisioner.console.http import redirect
from provisioner.console.render import page
from provisioner.errors import PermanentError
from provisioner.service import (
    builds,
    commits,
    deployments,
    edits,
    retry,
    run_detail,
    runs,
    schedule,
)
from provisioner.service.deletions import confirm_deletion, require_held

if TYPE_CHECKING:
    from collections.abc import Callable

    from provisioner.console.http import Request, Response
    from provisioner.service.context import Service


@dataclass(frozen=True, slots=True)
class Asked:
    """The one thing that a confirmation asks for."""

    name: str
    label: str
    hint: str = ""
    required: bool = True


@dataclass(frozen=True, slots=True)
class Confirmation:
    """A question with one button.

    Attributes
    ----------
    title
        With `{job}` and `{run}` for what the address names.
    said
        Sentences that say what it means.
    does
        The command that does it, too, and its options; none if there is none.
    check
        Raises what is wrong, before the question is asked and before anything is done.
    act
        Does it, with what was asked for; its answer is nothing, or a reason why it was not done.
    """

    title: str
    said: tuple[str, ...]
    button: str
    does: tuple[str, ...]
    act: Callable[[Service, Request, str], None]
    check: Callable[[Service, Request], object]
    asks: Asked | None = None
    danger: bool = False

    def show(self, request: Request, service: Service) -> Response:
        """Return the page that asks."""
        self.check(service, request)
        return self._page(request, ())

    def submit(self, request: Request, service: Service) -> Response:
        """Do it, and go back to where it was asked; what is wrong stands beside the question."""
        given = request.form.get(self.asks.name, "").strip() if self.asks else ""
        try:
            self.check(service, request)
            self.act(service, request, given)
        except PermanentError as error:
            return self._page(request, (str(error),), HTTPStatus.UNPROCESSABLE_ENTITY)
        return redirect(_back(request))

    def _page(
        self, request: Request, errors: tuple[str, ...], status: int = HTTPStatus.OK
    ) -> Response:
        job = request.parts["job"]
        names = {"job": job, "run": request.parts.get("run", "")}
        name, *options = self.does or ("",)
        return page(
            request,
            "confirm.html",
            status=status,
            polls=False,
            title=self.title.format(**names),
            said=[each.format(**names) for each in self.said],
            button=self.button,
            cli_text=command(name, job, names["run"], *options) if name else "",
            asks=self.asks,
            danger=self.danger,
            errors=errors,
            back=_back(request),
        )


def _back(request: Request) -> str:
    run = request.parts.get("run")
    job = request.parts["job"]
    return path("jobs", job, "runs", run) if run else path("jobs", job)


def _job(request: Request) -> str:
    return request.parts["job"]


def _row_exists(service: Service, request: Request) -> object:
    return service.existing_row(_job(request))


def _has_schedule(service: Service, request: Request) -> object:
    return schedule.scheduled_job(service, _job(request))


def _run_exists(service: Service, request: Request) -> object:
    return run_detail.find(service, _job(request), request.parts["run"])


def _can_be_retried(service: Service, request: Request) -> object:
    return retry.prepare_retry(service, [_job(request)], expect_all=False)


def _is_held(service: Service, request: Request) -> None:
    require_held(service, [_job(request)])


def _stop(service: Service, request: Request, reason: str) -> None:
    runs.stop(service, _job(request), request.parts["run"], reason)


def _pause(service: Service, request: Request, note: str) -> None:
    schedule.pause(service, _job(request), note)


def _resume(service: Service, request: Request, _: str) -> None:
    schedule.turn_on(service, _job(request))


def _retry(service: Service, request: Request, _: str) -> None:
    retry.retry(service, _job(request))


def _unpin(service: Service, request: Request, _: str) -> None:
    deployments.unpin(service, _job(request))


def _can_be_built(service: Service, request: Request) -> object:
    return builds.buildable(service, _job(request))


def _build(service: Service, request: Request, _: str) -> None:
    builds.build_again(service, _job(request))


def _names_a_commit(service: Service, request: Request) -> object:
    return commits.current(service, _job(request))


def _build_commit(service: Service, request: Request, commit: str) -> None:
    commits.build_commit(service, _job(request), commit)


def _confirm_deletion(service: Service, request: Request, _: str) -> None:
    confirm_deletion(service, _job(request))


def _delete(service: Service, request: Request, typed: str) -> None:
    if typed != _job(request):
        message = f"type the job's name, {_job(request)}, to delete it"
        raise PermanentError(message)
    edits.delete(service, typed, edits.row_of(service, typed).etag)


STOP = Confirmation(
    title="Stop {run}",
    said=(
        "The run ends as STOPPED, and its container or machine is stopped.",
        "A waiting run does not start.",
    ),
    button="Stop the run",
    does=("stop",),
    act=_stop,
    check=_run_exists,
    asks=Asked("reason", "Why", "Recorded with the run."),
    danger=True,
)
PAUSE = Confirmation(
    title="Pause the schedule of {job}",
    said=(
        "No run starts at its scheduled times until you resume it. It can still be run by hand.",
        "This sets schedule_enabled to false in the row, with the note.",
    ),
    button="Pause the schedule",
    does=(),
    act=_pause,
    check=_has_schedule,
    asks=Asked("note", "Why", "Shown beside the schedule."),
)
RESUME = Confirmation(
    title="Resume the schedule of {job}",
    said=(
        "Runs start again from the next scheduled time. Those that were skipped are not started.",
    ),
    button="Resume the schedule",
    does=("resume",),
    act=_resume,
    check=_has_schedule,
)
RETRY = Confirmation(
    title="Retry {job}",
    said=("The provisioner forgets earlier failures, and updates the stack to match the row.",),
    button="Retry",
    does=("retry",),
    act=_retry,
    check=_can_be_retried,
)
UNPIN = Confirmation(
    title="Unpin {job}",
    said=("This removes the pin from the row: the newest code is deployed, and each later push.",),
    button="Unpin",
    does=("unpin",),
    act=_unpin,
    check=_row_exists,
)
BUILD = Confirmation(
    title="Build {job} again",
    said=("The newest source is built again. The job keeps its code until the build succeeds.",),
    button="Build",
    does=("build",),
    act=_build,
    check=_can_be_built,
)
BUILD_COMMIT = Confirmation(
    title="Build a commit of {job}",
    said=(
        "The commit is written into the row and built. The job keeps its code until the build "
        "succeeds.",
    ),
    button="Build the commit",
    does=("build", "--commit", "SHA"),
    act=_build_commit,
    check=_names_a_commit,
    asks=Asked("commit", "Commit", "Its SHA-1 in full, 40 characters."),
)
DELETE = Confirmation(
    title="Delete {job}",
    said=(
        "This removes the row, and then its stack: the schedule, the code, the queue with its "
        "messages, and the logs. A run that has not ended is stopped.",
        "With deletion_policy: retain in the row, the stack stays.",
        "Its past runs stay in the list until they expire.",
    ),
    button="Delete the job",
    does=("delete",),
    act=_delete,
    check=_row_exists,
    asks=Asked("name", "The name of the job, to be sure"),
    danger=True,
)
CONFIRM_DELETION = Confirmation(
    title="Confirm the deletion of {job}",
    said=(
        "Its stack is held because many rows were removed at once. The stack is deleted for good.",
    ),
    button="Delete the stack",
    does=("confirm-deletions",),
    act=_confirm_deletion,
    check=_is_held,
    danger=True,
)
