"""Who calls, by what API Gateway has proven."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from provisioner.api.problems import Problem, ProblemType
from provisioner.service.caller import Caller, Role
from provisioner.service.rights import NEEDED

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from provisioner.service.rights import Action


def caller_of(
    context: Mapping[str, Any], action: Action, *, scope_prefix: str, prefix: str
) -> Caller:
    """Return the caller of a request, from its event's `requestContext`.

    By IAM it has the role that the route needs: its policies were held to the route's own ARN
    before. So no route may show one caller more than another.

    Parameters
    ----------
    scope_prefix
        What comes before `read`, `operate`, `write` and `admin` in the scopes of tokens.
    prefix
        The bootstrap's: roles of jobs begin with it. A job whose row lets it call APIs must not
        reach by this one what the permissions boundary keeps from it.

    Raises
    ------
    Problem
        If it has no role, or is the code of a job.
    """
    address = context.get("http", {}).get("sourceIp")
    request_id = str(context.get("requestId", "")) or None
    match context.get("authorizer"):
        case {"jwt": {"claims": dict() as claims}}:
            role = _role_of(claims, scope_prefix)
            name = _name_of(claims)
            return Caller(name, "api", role, address, proven=True, request_id=request_id)
        case {"iam": {"userArn": str(arn)}} if f":assumed-role/{prefix}-" in arn:
            raise Problem(ProblemType.FORBIDDEN, "The code of jobs may not call the API.")
        case {"iam": {"userArn": str(arn)}}:
            role = NEEDED[action]
            return Caller(arn, "api", role, address, proven=True, request_id=request_id)
    raise Problem(ProblemType.NO_ROLE, "The gateway has passed on no identity.")


def _role_of(claims: Mapping[str, Any], prefix: str) -> Role:
    said = str(claims.get("scope") or claims.get("scp") or "").strip("[]").split()
    granted = _highest(each.removeprefix(prefix) for each in said if each.startswith(prefix))
    if granted is not None and _is_person_of_a_pool(claims):
        # Any person of a pool may ask for each scope of a client: the groups say who may have it.
        group = _highest(_listed(claims.get("cognito:groups")))
        granted = group if group is None or granted.includes(group) else granted
    if granted is None:
        raise Problem(
            ProblemType.NO_ROLE, f"The token has none of the scopes {prefix}read and so on."
        )
    return granted


def _is_person_of_a_pool(claims: Mapping[str, Any]) -> bool:
    return "token_use" in claims and ("username" in claims or "cognito:username" in claims)


def _highest(names: Iterable[str]) -> Role | None:
    known = set(names)
    return next((role for role in reversed(Role) if role.value in known), None)


def _listed(claim: object) -> list[str]:
    """Return the items of a claim that is a list, which the gateway writes `[read write]`."""
    items = claim if isinstance(claim, list) else re.split(r"[\s,]+", str(claim or "").strip("[]"))
    return [str(item).strip("\"'") for item in items]


def _name_of(claims: Mapping[str, Any]) -> str:
    verified = claims.get("email_verified") in (True, "true")
    who = (
        (claims.get("email") if verified else None)
        or claims.get("username")
        or claims.get("sub")
        or claims.get("client_id")
    )
    return f"{claims.get('iss', '')}#{who}"
