"""Tags of what a job's stack holds, its role excepted."""

from __future__ import annotations

from provisioner.jobs.errors import InvalidValueError, invalid
from provisioner.jobs.values import text_map
from provisioner.plain_text import printable

MAX_TAGS = 45
"""Of the 50 that AWS allows a resource: CloudFormation adds three, the provisioner two."""

MAX_BYTES = 8_192
"""Ours, of all keys and values: the template has them once for each resource."""

MAX_KEY_CHARACTERS = 128
MAX_VALUE_CHARACTERS = 256
RESERVED_KEYS = frozenset({"provisioner", "job"})
OPENING_KEY = "open-to-jobs"
"""The boundary lets jobs use what has this tag (bootstrap/security.yaml)."""

_SIGNS = frozenset(" _.:/=+-@")
_RULE = "may hold only letters, digits, spaces and _ . : / = + - @"


def tag_map(value: object) -> dict[str, str]:
    """Check tags by the rules that every service shares (AWS General Reference, tag limits)."""
    found = text_map(value, _key_problem, _text)
    if len(found) > MAX_TAGS:
        raise invalid(f"has {len(found)} tags; at most {MAX_TAGS} are allowed")
    size = sum(len(text.encode()) for pair in found.items() for text in pair)
    if size > MAX_BYTES:
        raise invalid(f"has {size} bytes of keys and values; the most is {MAX_BYTES}")
    # Access and cost allocation by tags would be ambiguous.
    folded = [key.casefold() for key in found]
    twice = [
        (f".{printable(key)}", "appears twice, in upper and lower case")
        for key in found
        if folded.count(key.casefold()) > 1
    ]
    if twice:
        raise InvalidValueError(*twice)
    return found


def _key_problem(key: str) -> str | None:
    folded = key.casefold()
    if folded in RESERVED_KEYS:
        return "is set by the provisioner"
    if folded == OPENING_KEY:
        return "opens a resource to jobs, which is for the platform team to decide"
    if folded.startswith("aws:"):
        return 'starts with "aws:", which is AWS\'s own'
    if not 1 <= len(key) <= MAX_KEY_CHARACTERS:
        return f"must have a name of 1 to {MAX_KEY_CHARACTERS} characters"
    return None if _is_clean(key) else _RULE


def _text(text: str) -> str:
    if len(text) > MAX_VALUE_CHARACTERS:
        raise invalid(f"has {len(text)} characters; at most {MAX_VALUE_CHARACTERS} are allowed")
    if text.casefold().startswith("aws:"):
        raise invalid('starts with "aws:", which is AWS\'s own')
    if not _is_clean(text):
        raise invalid(_RULE)
    return text


def _is_clean(text: str) -> bool:
    return all(character.isalnum() or character in _SIGNS for character in text)
