"""What values in requests are made of.

Texts in a query are read strictly: a number is its digits, a flag is `true` or `false`.
"""

import re
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

_DIGITS = re.compile(r"[0-9]{1,6}")


def _number(value: object) -> object:
    if isinstance(value, str) and not _DIGITS.fullmatch(value):
        message = "must be a number"
        raise ValueError(message)
    return value


def _flag(value: object) -> object:
    if isinstance(value, str) and value not in {"true", "false"}:
        message = 'must be "true" or "false"'
        raise ValueError(message)
    return value


def _time(value: object) -> object:
    if not isinstance(value, str) or not re.fullmatch(r"\d{4}-\d\d-\d\dT.+", value, re.ASCII):
        message = "must be a time like 2026-11-26T09:00:00Z"
        raise ValueError(message)
    return value


def _in_utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError as error:
        message = "must be a time between the years 1 and 9999 in UTC"
        raise ValueError(message) from error


Number = Annotated[int, BeforeValidator(_number)]
Flag = Annotated[bool, BeforeValidator(_flag)]
Time = Annotated[AwareDatetime, BeforeValidator(_time), AfterValidator(_in_utc)]
Text = Annotated[str, Field(max_length=200)]
Tag = Annotated[str, Field(max_length=400, pattern=r"^[^=]")]


class Strict(BaseModel):
    """Refuses what it does not know: a misspelt filter would find too much."""

    model_config = ConfigDict(extra="forbid")
