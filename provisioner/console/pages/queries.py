"""What an address's query asks for: filters, which are absent when they are empty."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from provisioner.errors import InvalidRequestError
from provisioner.runs.model import time_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from enum import StrEnum

    E = TypeVar("E", bound=StrEnum)

_LONGEST_NUMBER = 10


def text(query: Mapping[str, str], name: str) -> str | None:
    """Return a filter, None if it is not asked for."""
    return query.get(name, "").strip() or None


def choice(query: Mapping[str, str], name: str, choices: type[E]) -> E | None:
    """Return a filter that has to be one of some words, None if it is not asked for.

    Raises
    ------
    InvalidRequestError
        If it is another word.
    """
    word = text(query, name)
    if word is None:
        return None
    try:
        return choices(word)
    except ValueError as error:
        message = f'{name} "{word}" is not one of {", ".join(choices)}'
        raise InvalidRequestError(message) from error


def time(query: Mapping[str, str], name: str) -> datetime | None:
    """Return a time, None if it is not asked for; one without a zone is in UTC.

    Raises
    ------
    InvalidRequestError
        If it is something else.
    """
    word = text(query, name)
    if word is None:
        return None
    found = time_of(word) or time_of(f"{word}Z")
    if found is None:
        message = f'"{word}" is not a time like 2026-11-21T09:00:00Z'
        raise InvalidRequestError(message)
    return found


def number(query: Mapping[str, str], name: str, default: int) -> int:
    """Return a number that is not negative.

    Raises
    ------
    InvalidRequestError
        If it is something else.
    """
    word = text(query, name)
    if word is None:
        return default
    if not (word.isascii() and word.isdigit() and len(word) < _LONGEST_NUMBER):
        message = f'{name} "{word}" is not a number'
        raise InvalidRequestError(message)
    return int(word)
