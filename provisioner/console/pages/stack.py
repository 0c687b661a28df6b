"""What happened to a job's stack: CloudFormation's last events, operation by operation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provisioner.console.render import page
from provisioner.service import stack_events

if TYPE_CHECKING:
    from provisioner.console.http import Request, Response
    from provisioner.service.context import Service


def events(request: Request, service: Service) -> Response:
    """Return the last operations of a job's stack.

    However many people look, CloudFormation is asked once in two seconds: reconciles need its ten
    lists of events a second as well.
    """
    name = request.parts["job"]
    found = service.recalled(
        f"operations of {name}", lambda: stack_events.operations(service, name)
    )
    operations = [(each, each.last_at - each.began_at) for each in found]
    return page(request, "stack.html", job_name=name, operations=operations)
