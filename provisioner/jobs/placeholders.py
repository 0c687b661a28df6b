"""`${OutputName}` in a row's text stands for an output of the bootstrap stack. Pure.

So that a row in a file need not know the account's bucket names. `$${` stands for `${` itself.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from provisioner.jobs import FieldError
from provisioner.jobs.errors import did_you_mean, shown
from provisioner.jobs.size_limits import excess

if TYPE_CHECKING:
    from collections.abc import Mapping

_PLACEHOLDER = re.compile(r"\$(?P<escaped>\$)?\{(?P<name>[^}]*)\}?")


def filled(
    row: Mapping[str, object], outputs: Mapping[str, str]
) -> tuple[dict[str, object], tuple[FieldError, ...]]:
    """Return the row with its placeholders replaced, and those that mean nothing.

    What is too large for a row stays as it is: it is going to be refused.
    """
    errors: list[FieldError] = []
    return {
        name: value if excess(name, value) else _fill(value, name, outputs, errors)
        for name, value in row.items()
    }, tuple(errors)


def _fill(value: object, path: str, outputs: Mapping[str, str], errors: list[FieldError]) -> object:
    match value:
        case str():
            return _fill_text(value, path, outputs, errors)
        case list():
            return [
                _fill(part, f"{path}[{index}]", outputs, errors) for index, part in enumerate(value)
            ]
        case dict():
            return {
                name: _fill(part, f"{path}.{name}", outputs, errors) for name, part in value.items()
            }
        case _:
            return value


def _fill_text(text: str, path: str, outputs: Mapping[str, str], errors: list[FieldError]) -> str:
    def replacement(found: re.Match[str]) -> str:
        if found["escaped"]:
            return found[0][1:]
        name = found["name"]
        if name not in outputs or not found[0].endswith("}"):
            errors.append(FieldError(path, _why_unknown(found[0], name, outputs)))
            return found[0]
        return outputs[name]

    return _PLACEHOLDER.sub(replacement, text)


def _why_unknown(text: str, name: str, outputs: Mapping[str, str]) -> str:
    meant = did_you_mean(name, outputs)
    return (
        f"{shown(text)} is not an output of the bootstrap stack{meant or ''}"
        f"{'' if meant else ' (write $${ for a plain ${)'}"
    )
