"""Every route of the API: the one table that dispatch, OpenAPI, IAM policies and tests read."""

from __future__ import annotations

from provisioner.api.routes import jobs, operating, runs
from provisioner.api.routes.route import PATH_PATTERNS, Route

__all__ = ["PATH_PATTERNS", "ROUTES", "Route"]

ROUTES: tuple[Route, ...] = (*jobs.ROUTES, *runs.ROUTES, *operating.ROUTES)
"""`$default` leads here, too: other paths are 404, other methods 405."""
