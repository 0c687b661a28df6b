"""What differs between the templates that made jobs' stacks and those of this release."""

from __future__ import annotations

import json
import logging
import re
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import templates
from provisioner.jobs import InvalidRow, guarded
from provisioner.service.replacements import CREATE_ONLY

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime

    from provisioner.settings import Platform
    from provisioner.stacks.model import StackRecord

_log = logging.getLogger(__name__)

COMPARED = 50
"""Jobs whose templates are read from CloudFormation: some 10 s, as one request may take."""

ORDER = ("replaced", "deleted", "changed", "added")
"""What matters most comes first."""

# Which code a job runs is pinned when it is deployed, and no matter of the templates.
_PINNED = re.compile(r"@sha256:[0-9a-f]{64}")
_CODE = frozenset({"Code", "S3ObjectVersion"})


@dataclass(frozen=True, slots=True, order=True)
class TemplateChange:
    """A kind of difference; `name` is of a property, "" when it is about the whole resource."""

    verb: str
    type: str
    name: str = ""


def changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> frozenset[TemplateChange]:
    """Return how the resources of a template differ from those of another."""
    return frozenset(_changes(_resources(old), _resources(new)))


def report(
    records: Sequence[StackRecord],
    rows: Callable[[Sequence[str]], Mapping[str, dict[str, Any]]],
    deployed: Callable[[str], str],
    platform: Platform,
    now: datetime,
    chance: random.Random,
) -> dict[str, object]:
    """Return what an upgrade changes in the stacks of outdated jobs, each kind with how many jobs.

    Of many jobs some are drawn by lot and compared; what cannot be read is counted.

    Parameters
    ----------
    rows
        Returns the rows of jobs by their names.
    deployed
        Returns the template of a stack by its id, as JSON.
    """
    drawn = chance.sample(records, COMPARED) if len(records) > COMPARED else records
    known = rows([each.job_name for each in drawn])
    found, unreadable = defaultdict[TemplateChange, list[str]](list), 0
    for record in drawn:
        differing = _of_job(record, known.get(record.job_name, {}), deployed, platform, now)
        unreadable += differing is None
        for each in differing or ():
            found[each].append(record.job_name)
    ordered = sorted(found, key=lambda each: (ORDER.index(each.verb), -len(found[each]), each))
    return {
        "outdated": len(records),
        "compared": len(drawn) - unreadable,
        "not_compared": len(records) - len(drawn) + unreadable,
        "differences": [
            {
                "verb": each.verb,
                "type": each.type,
                "property": each.name,
                "jobs": len(found[each]),
                "example": min(found[each]),
            }
            for each in ordered
        ],
    }


def _of_job(
    record: StackRecord,
    row: dict[str, Any],
    deployed: Callable[[str], str],
    platform: Platform,
    now: datetime,
) -> frozenset[TemplateChange] | None:
    """Return how a job's template differs from the one of its stack, None if that is not known."""
    job = guarded.parse(row, platform.allowed)
    if isinstance(job, InvalidRow) or record.stack_id is None:
        return None
    try:
        text = templates.to_json(templates.build(job, platform, now))
        return changes(json.loads(deployed(record.stack_id)), json.loads(text))
    except Exception as error:  # noqa: BLE001  (whatever one job does, the others are compared)
        job_name = record.job_name
        _log.warning(
            "the templates of %s cannot be compared: %r",
            job_name,
            error,
            extra={"job_name": job_name},
        )
        return None


def _changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[TemplateChange]:
    for name, resource in old.items():
        kind = resource["Type"]
        if name not in new:
            yield TemplateChange("deleted", kind)
        elif new[name]["Type"] != kind:
            yield TemplateChange("replaced", kind)
        else:
            before, after = resource.get("Properties", {}), new[name].get("Properties", {})
            for each in sorted((before.keys() | after.keys()) - _CODE):
                if before.get(each) != after.get(each):
                    is_replaced = each in CREATE_ONLY.get(kind, ())
                    yield TemplateChange("replaced" if is_replaced else "changed", kind, each)
    for name in new.keys() - old.keys():
        yield TemplateChange("added", new[name]["Type"])


def _resources(template: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(_PINNED.sub("", json.dumps(template["Resources"])))
    return found
