"""Schedules of jobs."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from provisioner.api.call import Answer
from provisioner.api.encoding import jsonable
from provisioner.api.routes.route import BACKFILL_SECONDS
from provisioner.jobs.zones import zone
from provisioner.service import backfill as backfills
from provisioner.service import schedule
from provisioner.service.backfill import NotAdmitted
from provisioner.service.run_lines import line_of

if TYPE_CHECKING:
    from provisioner.api.call import Call
    from provisioner.service.schedule import ScheduleView

_ADMISSION_SECONDS = 0.2


def get_schedule(call: Call) -> Answer:
    """Return a job's schedule."""
    return Answer(_document(schedule.view(call.service, call.job_name, call.query.count)))


def pause_schedule(call: Call) -> Answer:
    """Turn a schedule off in its row."""
    if call.query.dry_run:
        schedule.scheduled_job(call.service, call.job_name)
    else:
        schedule.pause(call.service, call.job_name, call.body.note)
    return _changed(call, paused=True)


def resume_schedule(call: Call) -> Answer:
    """Let a schedule start runs again, whatever keeps it."""
    if call.query.dry_run:
        schedule.scheduled_job(call.service, call.job_name)
    else:
        schedule.turn_on(call.service, call.job_name)
    return _changed(call, paused=False)


def backfill(call: Call) -> Answer:
    """Start the runs of a backfill one after another, as long as there is time."""
    asked = call.body
    planned = backfills.plan(call.service, call.job_name, asked.start, asked.end, asked.overlap)
    runs = [{"scheduled_for": each.scheduled_for, "run": each.name} for each in planned.runs]
    started = 0 if call.query.dry_run else _start(call, planned)
    said = {"dry_run": call.query.dry_run, "runs": runs, "started": started}
    location = f"/v1/jobs/{call.job_name}/runs"
    return Answer(jsonable(said | {"left": len(runs) - started}), 202, {"Location": location})


def _start(call: Call, planned: backfills.Backfill) -> int:
    """Start runs until the time is up; return how many of them there are by then."""
    until, started = time.monotonic() + BACKFILL_SECONDS, 0
    for step in backfills.start(call.service, planned):
        if isinstance(step, NotAdmitted):
            call.pause(_ADMISSION_SECONDS)
        else:
            started += 1
        if time.monotonic() > until:
            break
    return started


def _changed(call: Call, *, paused: bool) -> Answer:
    said = {"job_name": call.job_name, "paused": paused, "dry_run": call.query.dry_run}
    return Answer(said)


def _document(found: ScheduleView) -> dict[str, object]:
    job = found.job
    said: dict[str, object] = jsonable(
        {
            "job_name": job.job_name,
            "state": found.state,
            "schedule": list(job.schedule),
            "timezone": job.timezone,
            "note": job.schedule_note or None,
            "pause": found.pause and {"since": found.pause.since, "note": found.pause.note},
            "next": [
                {
                    "at": each.at,
                    "local": each.at.astimezone(zone(job.timezone)).isoformat(),
                    "schedule": job.schedule[each.index],
                }
                for each in found.next
            ],
            "runs": [line_of({"job_name": job.job_name, **run}) for run in found.runs],
            "missed": found.missed,
        }
    )
    return said
