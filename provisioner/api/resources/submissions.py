"""The front door: one request for every job, answered with an address to follow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provisioner.api.call import Answer
from provisioner.api.encoding import jsonable
from provisioner.api.resources import runs

if TYPE_CHECKING:
    from provisioner.api.call import Call
    from provisioner.service.run_detail import RunDetail


def submit(call: Call) -> Answer:
    """Start a run of the job that the request names."""
    started = runs.started(call, call.body.job_name, runs.request_of(call))
    job_name = call.body.job_name
    if started is None:
        return Answer({"id": None, "job_name": job_name, "run": None, "dry_run": True}, 202)
    place = f"{job_name}.{started.name}"
    said = {"id": place, "job_name": job_name, "run": started.name, "dry_run": False}
    replayed = "false" if started.execution.is_new else "true"
    headers = {"Location": f"/v1/submissions/{place}", "Idempotency-Replayed": replayed}
    return Answer(said, 202, headers)


def get_submission(call: Call) -> Answer:
    """Return how far a submission has come; with `wait`, once it has ended or the time is up."""
    place = call.path["submission"]
    job_name, _, run = place.partition(".")
    found: RunDetail = runs.followed(call, job_name, run)
    said = {
        "id": place,
        "job_name": job_name,
        "run": run,
        "status": found.line.status,
        "started_at": found.line.started_at,
        "ended_at": found.line.ended_at,
        "error": found.error,
        "result": found.result,
        "run_url": f"/v1/jobs/{job_name}/runs/{run}",
    }
    return Answer(jsonable(said))
