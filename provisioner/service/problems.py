"""What is wrong with a document, for programs: where it is, and what was probably meant."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from provisioner.jobs import FieldError

_INDEX = re.compile(r"\[(\d+)\]")
_KEY = re.compile(r"[^.\[]+")
_MEANT = re.compile(r'; did you mean "(?P<meant>[^"]+)"\?')


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """One thing wrong with one value of a document.

    Attributes
    ----------
    pointer
        To the value, as a JSON pointer (RFC 6901); "" is the whole document.
    detail
        A sentence without its subject, as in `FieldError`.
    did_you_mean
        What was probably meant, None when nothing is near.
    """

    pointer: str
    detail: str
    did_you_mean: str | None = None


def problem_of(error: FieldError, document: object, root: str = "") -> FieldProblem:
    """Return the problem that an error of a row, or of a payload, is; `root` goes before its path.

    An error says where it is as people write it, `permissions[0].Action`, where a key with a dot
    looks like two: the document tells which it is.
    """
    meant = _MEANT.search(error.message)
    place = root + pointer(_parts(error.field, document))
    return FieldProblem(place, error.message, meant["meant"] if meant else None)


def pointer(parts: Iterable[str | int]) -> str:
    """Return the way to a value as a JSON pointer."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)


def _parts(path: str, here: object) -> Iterator[str]:
    while path:
        if index := _INDEX.match(path):
            part, path = index[1], path[index.end() :]
            number = int(part)
            here = here[number] if isinstance(here, list) and number < len(here) else None
        else:
            path = path.removeprefix(".")
            part = _key(path, here)
            path = path[len(part) :]
            here = here.get(part) if isinstance(here, dict) else None
        yield part


def _key(path: str, here: object) -> str:
    """Return the key that a path begins with: the longest that there is, or else up to a dot."""
    known = (str(key) for key in here) if isinstance(here, dict) else ()
    fitting = [
        key for key in known if key and (path == key or path.startswith((f"{key}.", f"{key}[")))
    ]
    if fitting:
        return max(fitting, key=len)
    found = _KEY.match(path)
    return found[0] if found else path
