"""The front door: one request for every job, answered with an address to follow."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from provisioner.api.call import Answer
from provisioner.api.encoding import jsonable
from provisioner.api.problems import Problem, ProblemType
from provisioner.api.resources import runs
from provisioner.runs.model import RunStatus
from provisioner.service import run_detail, submissions
from provisioner.service.problems import FieldProblem

if TYPE_CHECKING:
    from provisioner.api.call import Call
    from provisioner.service.start_run import RunRequest


_NO_RUN = dict.fromkeys(("run", "started_at", "ended_at", "error", "run_url", "redrive"))


def submit(call: Call) -> Answer:
    """Take work for the job that the request names."""
    asked, job_name = _run_request(call), call.body.job_name
    if call.query.dry_run:
        submissions.check_only(call.service, job_name, asked)
        return Answer({"id": None, "job_name": job_name, "run": None, "dry_run": True}, 202)
    taken = submissions.submit(call.service, job_name, asked)
    place = f"{job_name}.{taken.name}"
    said = {"id": place, "job_name": job_name, "run": taken.run, "dry_run": False}
    replayed = "false" if taken.is_new else "true"
    headers = {"Location": f"/v1/submissions/{place}", "Idempotency-Replayed": replayed}
    return Answer(said, 202, headers)


def get_submission(call: Call) -> Answer:
    """Return how far a submission has come; with `wait`, once it has ended or the time is up."""
    place = call.path["submission"]
    job_name, _, name = place.partition(".")
    said = runs.waited(call, lambda: _state(call, job_name, name), _status)
    return Answer(jsonable({"id": place, "job_name": job_name, **said}))


def _state(call: Call, job_name: str, name: str) -> dict[str, Any]:
    match submissions.follow(call.service, job_name, name):
        case submissions.Undelivered() as ended:
            nothing = run_detail.Stored()
            return _NO_RUN | {
                "status": ended.status,
                "ended_at": ended.at,
                "error": ended.reason,
                "result": nothing,
                "redrive": ended.redrive,
            }
        case None:
            return _NO_RUN | {"status": RunStatus.QUEUED, "result": run_detail.Stored()}
        case run:
            found = run_detail.detail(call.service, job_name, run)
            return _NO_RUN | {
                "run": run,
                "status": found.line.status,
                "started_at": found.line.started_at,
                "ended_at": found.line.ended_at,
                "error": found.error,
                "result": found.result,
                "run_url": f"/v1/jobs/{job_name}/runs/{run}",
            }


def _status(state: dict[str, Any]) -> str:
    """Return the status to wait for: a message that starts no run has failed."""
    is_over = state["status"] in {submissions.DEAD_LETTER, submissions.EXPIRED}
    return RunStatus.FAILED if is_over else str(state["status"])


def _run_request(call: Call) -> RunRequest:
    asked, named = runs.request_of(call), call.body.submission_id
    if named is not None and asked.idempotency_key not in {None, named}:
        wrong = FieldProblem("/submission_id", "differs from the Idempotency-Key: send one of them")
        raise Problem(ProblemType.INVALID_BODY, "See errors.", [wrong])
    return replace(asked, idempotency_key=named or asked.idempotency_key)
