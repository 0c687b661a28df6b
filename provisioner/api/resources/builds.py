"""Builds of a job's code, and what they printed."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from provisioner.api.call import Answer
from provisioner.api.encoding import jsonable
from provisioner.api.pages import log_of, part_of
from provisioner.service import builds, commits

if TYPE_CHECKING:
    from provisioner.api.call import Call


def list_builds(call: Call) -> Answer:
    """Return the last builds of a job."""
    found = builds.list_builds(call.service, call.job_name)
    return part_of(call, "builds", jsonable([builds.document(each) for each in found]), "id")


def get_build(call: Call) -> Answer:
    """Return one build."""
    found = builds.find(call.service, call.job_name, call.path["build"])
    return Answer(jsonable(builds.document(found)))


def get_build_log(call: Call) -> Answer:
    """Return a page of what a build has printed."""
    job_name, build = call.job_name, call.path["build"]
    found = builds.find(call.service, job_name, build)
    return log_of(call, f"{job_name}/builds/{build}", partial(builds.log_page, call.service, found))


def build_again(call: Call) -> Answer:
    """Have a job's code built again, or the commit that the caller names."""
    commit = call.query.commit
    if commit is None:
        _again(call)
    elif call.query.dry_run:
        commits.check(call.service, call.job_name, commit)
    else:
        commits.build_commit(call.service, call.job_name, commit)
    location = f"/v1/jobs/{call.job_name}/builds"
    return Answer(
        {"job_name": call.job_name, "dry_run": call.query.dry_run}, 202, {"Location": location}
    )


def _again(call: Call) -> None:
    builds.buildable(call.service, call.job_name)
    if not call.query.dry_run:
        builds.build_again(call.service, call.job_name)
