"""Which page answers which address, and what its caller has to be allowed to do."""

from __future__ import annotations

from provisioner.console import assets
from provisioner.console.app import Route
from provisioner.console.pages import jobs
from provisioner.console.writing import WRITING
from provisioner.service.rights import Action

ROUTES = (
    Route("GET", "/static/{rest}", assets.serve, None),
    Route("GET", "/jobs", jobs.listed, Action.LIST_JOBS),
    *WRITING,
)
