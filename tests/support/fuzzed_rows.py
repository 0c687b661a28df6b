"""Rows that mean no good: the same ones for the same seed, none above DynamoDB's 400 KB."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from decimal import Decimal

from provisioner.jobs.attributes import ALIASES
from provisioner.jobs.schema_dialect import KEYWORDS
from tests.support import generated_rows

LARGEST = 390_000
NAMES = sorted({*ALIASES, *(name for options in generated_rows.OPTIONS for name in options)})

_PIECES = (
    *(" ", "a", "5", "-", ".", "_", "/", ":", ",", "*", "'", '"', "\\", "\n", "\t", "{", "{{", "["),
    *("{%", "{{resolve:", "${", "$", "s3://b/", "arn:", "cron(", "rate(1 day)", "0 6 ", "L-3", "#"),
    *(
        "\x00",
        "\x9b",
        "\u202e",
        "\u0130",
        "\N{GRINNING FACE}",
        "é",
        "sha256:",
        "?versionId=",
        "vCPU",
    ),
    *("subnet-", "sg-0", "Europe/", "States.", "memory", '{"a": ', "1e999", "true", "null"),
)
_REFERENCES = (
    "#",
    "#/$defs/a",
    "%23/a",
    "#%2f$defs",
    "#/properties/a",
    "https://example.com/x",
    "",
)
_PATTERNS = (
    "^(a+)+$",
    r"(\w{9}){9}",
    r"\d{1,99}",
    "(",
    "[[a]",
    r"\p{L}+",
    "(?x) a # [\n",
    "(.{0,9}){0,9}$",
)

Value = Callable[[random.Random, int], object]


def rows(count: int, seed: int = 0) -> Iterator[dict[str, object]]:
    """Yield rows, each with a few attributes that are hostile and the rest as it should be."""
    chance = random.Random(seed)
    usual = list(generated_rows.rows())
    for _ in range(count):
        row: dict[str, object] = dict(chance.choice(usual))
        hostile = chance.randint(1, 3)
        size = int(LARGEST / hostile * chance.random() ** 4)
        for _ in range(hostile):
            name = chance.choice(NAMES) if chance.random() < 0.9 else text(chance, 20)
            row[name] = chance.choice(VALUES)(chance, size)
        if chance.random() < 0.02:
            row |= {f"memory_m{number}": number for number in range(size // 20)}
        yield row


def text(chance: random.Random, size: int) -> str:
    """Return a text of one to three pieces, each over and over."""
    pieces = [chance.choice(_PIECES) for _ in range(chance.randint(1, 3))]
    if chance.random() < 0.5:
        pieces.append(chance.choice(_PIECES) * max(1, size // 2))
    joined = "".join(pieces)
    return (joined * (1 + size // len(joined)))[: size + 1]


def _texts(chance: random.Random, size: int) -> list[object]:
    return [text(chance, chance.choice((0, 3, 30))) for _ in range(size // 20)]


def _number(chance: random.Random, _size: int) -> object:
    digits = "".join(chance.choices("0123456789", k=38))
    return Decimal(f"{chance.choice(('', '-'))}{digits[:20]}.{digits}E{chance.randint(-120, 90)}")


def _map(chance: random.Random, size: int) -> dict[str, object]:
    return {text(chance, 8) + str(number): text(chance, 4) for number in range(size // 30)}


def _nested(chance: random.Random, size: int) -> object:
    value: object = text(chance, size)
    for _ in range(chance.randint(1, 31)):
        value = [value] if chance.random() < 0.5 else {chance.choice(_PIECES): value}
    return value


def _statements(chance: random.Random, size: int) -> object:
    keys = ("Sid", "Action", "Actoin", "Resource", "Condition", "Effect", "NotAction", "Ref")
    return [
        {key: text(chance, 20) for key in chance.sample(keys, 3)} for _ in range(size // 100 + 1)
    ]


def _rules(_chance: random.Random, size: int) -> object:
    errors = [f"E{number}" for number in range(size // 40 + 1)]
    return [{"errors": errors, "action": "fail"}, {"exit_codes": [*range(size // 40)]}]


def _schema(chance: random.Random, size: int) -> object:
    return {"type": "object", **_part(chance, min(size, 8_000) // 60 + 1, 0)}


def _part(chance: random.Random, parts: int, depth: int) -> dict[str, object]:
    found: dict[str, object] = {}
    for keyword in chance.sample(sorted(KEYWORDS), min(4, parts)):
        within = [
            _part(chance, parts // 4, depth + 1) if depth < 8 and parts > 4 else {}
            for _ in range(2)
        ]
        found[keyword] = chance.choice(
            (
                within[0],
                within,
                {chance.choice(("a", "$id", "~", "%")): part for part in within},
                chance.choice(_REFERENCES),
                chance.choice(_PATTERNS),
                chance.randint(-1, 5),
                True,
            )
        )
    return found


VALUES: tuple[Value, ...] = (
    text,
    text,
    _texts,
    _number,
    _map,
    _nested,
    _statements,
    _rules,
    _schema,
    lambda _, size: [Decimal(number) for number in range(size // 12)],
    lambda _, size: [""] * (size // 3),
    lambda chance, size: {text(chance, 5) for _ in range(size // 20)},
    lambda _, size: b"x" * size,
    lambda chance, size: '{"a": ' + text(chance, size) + "}",
)
