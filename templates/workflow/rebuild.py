"""A job's template without resources that somebody deleted by hand.

CloudFormation makes such a resource again only after it has forgotten it: the stack is updated to a
template without it and without all that refers to it, and then to the whole one.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

_SUBSTITUTED = re.compile(r"\$\{([A-Za-z0-9]+)")

# A stack has at least one resource; this one makes nothing.
_NOTHING = {"Nothing": {"Type": "AWS::CloudFormation::WaitConditionHandle"}}


def without(template: Mapping[str, Any], resources: Collection[str]) -> dict[str, Any]:
    """Return a template without these resources, and whatever refers to them."""
    gone = set(resources)
    of = template["Resources"]
    while more := {name for name, each in of.items() if name not in gone and _refers(each, gone)}:
        gone |= more
    outputs = template.get("Outputs", {})
    return {
        **template,
        "Resources": {name: each for name, each in of.items() if name not in gone} or _NOTHING,
        "Outputs": {name: each for name, each in outputs.items() if not _refers(each, gone)},
    }


def _refers(value: object, names: set[str]) -> bool:
    match value:
        case {"Ref": str(name)}:
            return name in names
        case {"Fn::GetAtt": [str(name), *_]}:
            return name in names
        case {"Fn::Sub": text}:
            return not names.isdisjoint(_SUBSTITUTED.findall(str(text)))
        case {"DependsOn": str(name)} if name in names:
            return True
        case {"DependsOn": [*depends]} if names & set(depends):
            return True
        case dict():
            return any(_refers(each, names) for each in value.values())
        case list():
            return any(_refers(each, names) for each in value)
        case _:
            return False
