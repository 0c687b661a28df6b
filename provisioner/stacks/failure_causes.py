"""Which failures are worth trying again. Pure.

CloudFormation reports a failed resource in words only, so the words decide; they are the ones that
the services send. What is not known to pass by itself is for a person: five more failures of a
wrong parameter do not help.
"""

from __future__ import annotations

import re

_PASSES_BY_ITSELF = re.compile(
    "|".join(
        (
            r"rate exceeded",
            r"\bthrottl(?:ed|ing)",
            r"too ?many ?requests",
            r"request ?limit ?exceeded",
            r"limit ?exceeded",
            r"service ?unavailable",
            r"internal ?(?:service ?)?(?:error|failure)",
            r"networkfailure",
            r"servicetimeout",
            r"insufficient capacity",
            r"capacity is unavailable",
            r"did not stabilize",
            r"notstabilized",
            r"exceeded attempts to wait",
            r"resource is not in the state",
            r"resourceconflict",
            r"conflictexception",
            r"conflicting (?:conditional )?operation",
            r"must wait \d+ seconds after deleting",
            r"timed out waiting",
            r"has a dependent object",
            r"must allow .{1,60} to assume the role",
            r"(?:operation|update) is (?:currently )?in progress",
            r"is being (?:created|updated|deleted)",
            r"cannot be assumed",
            r"unable to assume the role",
            r"not authorized to perform: iam:passrole on resource",  # of a role that is new
            r"role is not valid",
            r"does not have permissions to call createnetworkinterface",
            r"startdate you specify cannot be earlier",  # the stack took long: the next has another
        )
    ),
    re.IGNORECASE,
)


def is_recoverable(reason: str) -> bool:
    """Tell whether the same operation may succeed later with nobody changing anything.

    Throttles, quotas, capacity, internal errors, and the seconds that a new IAM role takes to be
    known everywhere.
    """
    return _PASSES_BY_ITSELF.search(reason) is not None
