"""Who may read which parameters of Systems Manager: decided by their ARNs.

AWS decides on GetParameters for each parameter that is named. The engine does so for one parameter
at a time, and takes several for all of them. Here the first one that is named decides.
"""

from __future__ import annotations

import functools
import json
from typing import TYPE_CHECKING, Any

from provisioner.local.shim.patching import wrap

if TYPE_CHECKING:
    from collections.abc import Callable


def install() -> None:
    """Name the parameter that a call is about."""
    wrap("ministack.core.iam_actions", "extract_resource_arn", _of_parameters)


def first_arn(body: bytes, region: str, account_id: str) -> str | None:
    """Return the ARN of the first parameter of a call that names several.

    >>> first_arn(b'{"Names": ["/jobs/a", "/jobs/b"]}', "us-east-1", "000000000000")
    'arn:aws:ssm:us-east-1:000000000000:parameter/jobs/a'
    """
    try:
        names = json.loads(body or b"{}").get("Names")
    except (ValueError, AttributeError):
        return None
    if not isinstance(names, list) or not names or not isinstance(names[0], str):
        return None
    if names[0].startswith("arn:"):
        return names[0]
    return f"arn:aws:ssm:{region}:{account_id}:parameter/{names[0].removeprefix('/')}"


def _of_parameters(extract: Callable[..., str]) -> Callable[..., str]:
    @functools.wraps(extract)
    def extracting(  # noqa: PLR0913, PLR0917 - the engine's own signature
        service: str,
        method: str,
        path: str,
        headers: Any,  # noqa: ANN401
        body: bytes,
        query_params: Any,  # noqa: ANN401
        region: str,
        account_id: str,
    ) -> str:
        found = extract(service, method, path, headers, body, query_params, region, account_id)
        several = first_arn(body, region, account_id) if service == "ssm" else None
        return several or found

    return extracting
