"""What is wrong with a row, in words that let its author correct it."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

SHOWN_CHARACTERS = 60
"""How much of a wrong value an error repeats: enough to find it, not enough to leak it."""

MAX_ERRORS = 50
"""How many a person reads of one row; no more are looked for."""

_LONGEST_WORD = 40
"""Of which another could have been meant: to compare two takes their lengths' product."""


@dataclass(frozen=True, slots=True)
class FieldError:
    """One thing wrong with one attribute.

    Attributes
    ----------
    field
        The attribute as its author wrote it, with the path inside it: ``environment.LOG_LEVEL``,
        ``permissions[0].Action``.
    message
        What is wrong and what would be right, without the attribute's name in front.
    """

    field: str
    message: str


@dataclass(frozen=True, slots=True)
class InvalidRow:
    """A row that describes no job, with everything that is wrong with it.

    Attributes
    ----------
    job_name
        The row's key, even when it is itself at fault, as far as it can be shown; "" when it is
        not text.
    errors
        At least one; those of the row as a whole first, then in the order of the model's fields.
        When there are more than `MAX_ERRORS`, the last one says so.
    """

    job_name: str
    errors: tuple[FieldError, ...]


def at_most(errors: Sequence[FieldError]) -> tuple[FieldError, ...]:
    """Return errors as far as a person reads them."""
    if len(errors) <= MAX_ERRORS:
        return tuple(errors)
    return (*errors[:MAX_ERRORS], FieldError("", "and more; they show once these are put right"))


class InvalidValueError(ValueError):
    """A value that its field cannot take; carries every problem found inside it.

    Parameters
    ----------
    *problems
        Pairs of a path inside the field (``""`` for the value itself, else ``".KEY"`` or
        ``"[0]"``) and a message. None at all means that the fault has been reported already.
    """

    def __init__(self, *problems: tuple[str, str]) -> None:
        super().__init__("; ".join(message for _, message in problems))
        self.problems = problems


def invalid(message: str) -> InvalidValueError:
    """Return the error for a value that is wrong as a whole."""
    return InvalidValueError(("", message))


def shown(value: object) -> str:
    """Return a value as an error message may repeat it: quoted if text, and short."""
    text = f'"{value}"' if isinstance(value, str) else kind_of(value)
    end = '..."' if isinstance(value, str) else "..."
    cut = text[: SHOWN_CHARACTERS - len(end)] + end
    return text if len(text) <= SHOWN_CHARACTERS else cut


def kind_of(value: object) -> str:
    """Return what the DynamoDB console would call a value."""
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return f"the number {value}"
        case str():
            return "text"
        case list() | tuple():
            return "a list"
        case dict():
            return "a map"
        case None:
            return "NULL"
        case _:
            return f"a {type(value).__name__}"


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """Return ``; did you mean "x"?`` for the nearest choice, or nothing."""
    if len(word) > _LONGEST_WORD:
        return ""
    by_lower = {choice.lower(): choice for choice in choices}
    nearest = difflib.get_close_matches(word.lower(), by_lower, n=1, cutoff=0.65)
    return f'; did you mean "{by_lower[nearest[0]]}"?' if nearest else ""


def one_of(choices: Iterable[str]) -> str:
    """Return ``"a", "b" or "c"``."""
    quoted = [f'"{choice}"' for choice in choices]
    return " or ".join(filter(None, [", ".join(quoted[:-1]), quoted[-1]]))
