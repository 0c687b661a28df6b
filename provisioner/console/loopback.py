"""Who uses a console on their own machine: nobody signs in, and nobody else may come."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provisioner.console.same_origin import LOOPBACK_HOST, origin_of, require_own_page
from provisioner.errors import ForbiddenError
from provisioner.service.caller import Caller, Role

if TYPE_CHECKING:
    from provisioner.console.http import Request

_ADDRESSES = {"127.0.0.1", "::1"}


def before(request: Request) -> Request:
    """Return the request of whoever sits at this machine, who may do everything.

    API Gateway of AWS never says that a request came from the loopback address, so a console that
    is deployed like this by mistake serves nobody. A page of another site may have its own name
    resolve to this machine; it cannot have the browser ask for a name that ends with `localhost`.

    Raises
    ------
    ForbiddenError
        If it came from elsewhere, or changes something and was not made by a page of ours.
    """
    if request.source not in _ADDRESSES or not LOOPBACK_HOST.fullmatch(request.host):
        message = "this console has no sign-in, so it answers this machine only"
        raise ForbiddenError(message)
    require_own_page(request.method, request.headers, origin_of(request.host))
    caller = Caller("local operator", via="console", role=Role.ADMIN, address=request.source)
    return request.of(caller)
