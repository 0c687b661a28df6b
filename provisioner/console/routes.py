"""Which page answers which address, and what its caller has to be allowed to do."""

from __future__ import annotations

from provisioner.console import assets
from provisioner.console.app import Route
from provisioner.console.pages import builds, items, job, jobs, overview, runs, stack
from provisioner.console.writing import WRITING
from provisioner.service.rights import Action

ROUTES = (
    Route("GET", "/static/{rest}", assets.serve, None),
    Route("GET", "/", overview.first, Action.LIST_JOBS),
    Route("GET", "/overview/jobs", overview.of_jobs, Action.LIST_JOBS),
    Route("GET", "/jobs", jobs.listed, Action.LIST_JOBS),
    *WRITING,
    Route("GET", "/jobs/{job}", job.detailed, Action.GET_JOB),
    Route("GET", "/jobs/{job}/more", job.more, Action.GET_JOB),
    Route("GET", "/jobs/{job}/stack", stack.events, Action.GET_STACK),
    Route("GET", "/jobs/{job}/runs/{run}", runs.detailed, Action.GET_RUN),
    Route("GET", "/jobs/{job}/runs/{run}/log", runs.log, Action.GET_LOGS),
    Route("GET", "/jobs/{job}/runs/{run}/log.txt", runs.log_text, Action.GET_LOGS),
    Route("GET", "/jobs/{job}/runs/{run}/items", items.listed, Action.GET_RUN),
    Route("GET", "/jobs/{job}/runs/{run}/items/{item}", items.shown, Action.GET_RUN),
    Route("GET", "/jobs/{job}/builds/{build}", builds.log, Action.LIST_BUILDS),
    Route("GET", "/runs", runs.listed, Action.LIST_RUNS),
    Route("GET", "/failures", overview.failures, Action.LIST_RUNS),
    Route("GET", "/palette", job.suggested, Action.LIST_JOBS),
)
