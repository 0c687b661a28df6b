"""What a Lambda function has besides its archive: runtime, handler, layers, concurrency."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from provisioner.jobs.errors import did_you_mean, invalid, kind_of, shown
from provisioner.jobs.values import each, text_list, whole

if TYPE_CHECKING:
    from collections.abc import Mapping

RUNTIMES = (
    *("python3.11", "python3.12", "python3.13", "python3.14", "python3.15"),
    *("nodejs22.x", "nodejs24.x", "nodejs26.x"),
    *("ruby3.3", "ruby3.4", "ruby4.0"),
    *("java8.al2", "java8.al2023", "java11", "java11.al2023", "java17", "java17.al2023"),
    *("java21", "java25", "dotnet10", "provided.al2023"),
)
"""Lambda's runtimes for zip archives that are not deprecated, as of November 2026."""

DEPRECATED: Mapping[str, str] = MappingProxyType(
    {
        "python3.8": "2024-10-14",
        "python3.9": "2025-12-15",
        "python3.10": "2026-10-31",
        "nodejs16.x": "2024-06-12",
        "nodejs18.x": "2025-09-01",
        "nodejs20.x": "2026-04-30",
        "ruby3.2": "2026-03-31",
        "dotnet6": "2024-12-20",
        "dotnet8": "2026-11-10",
        "provided.al2": "2026-07-31",
    }
)
"""Runtimes without security patches, and since when; Lambda still creates functions with them
(Lambda Developer Guide, Lambda runtimes)."""

SUCCESSORS = {
    "python": "python3.14",
    "nodejs": "nodejs24.x",
    "ruby": "ruby4.0",
    "java": "java25",
    "dotnet": "dotnet10",
    "provided": "provided.al2023",
    "go": "provided.al2023",
}
"""What to use instead of a runtime that Lambda has given up."""

IMAGE_SUFFIX = "_ci"
"""Ends the name of a function whose code is a container image. A name has 64 characters, of which a
prefix and a job's name may take 61, and no job's name has an underscore."""

CUSTOM_HANDLER = "bootstrap"
"""Of a `provided` runtime that names none: Lambda runs the file of this name whatever it says."""

MAX_HANDLER_CHARACTERS = 128
MAX_DIRECTORY_CHARACTERS = 1_000
"""Lambda API, ImageConfig WorkingDirectory."""

MAX_LAYERS = 5
"""Lambda quotas, function layers."""

_READS_SECRETS = ("python", "nodejs", "ruby")
_DIRECTORY = re.compile(r"/[^\n\r\t]*")
_HANDLER = re.compile(r"\S+")
_LAYER = re.compile(
    r"arn:aws[a-z-]*:lambda:[a-z0-9-]+:[0-9]{12}:layer:[A-Za-z0-9_-]{1,140}(?P<version>:[0-9]{1,9})?"
)


class _HandlerForm(NamedTuple):
    """How handlers of a family of runtimes are written (Lambda Developer Guide, by language)."""

    pattern: re.Pattern[str]
    wanted: str


_DOTTED = _HandlerForm(
    re.compile(r"[^.].*\.[^.]+"), 'must name a file and a function, like "main.handler"'
)
_HANDLERS = {
    "python": _DOTTED,
    "nodejs": _DOTTED,
    "ruby": _DOTTED,
    "java": _HandlerForm(
        re.compile(r"[\w$]+(?:\.[\w$]+)*(?:::[\w$]+)?"),
        'must name a class, and may name its method, like "com.example.Report::run"',
    ),
    "dotnet": _HandlerForm(
        re.compile(r"[^:]+(?:::[^:]+::[^:]+)?"),
        'must be like "Assembly::Namespace.Class::Method", or the name of an executable assembly',
    ),
}


def runtime(value: object) -> str:
    """Check a Lambda runtime, by the identifier that Lambda gives it."""
    if value in RUNTIMES:
        return str(value)
    if not isinstance(value, str):
        raise invalid(f'must be a Lambda runtime like "python3.14", not {kind_of(value)}')
    family = re.match(r"[a-z]*", value.strip().lower())
    instead = SUCCESSORS.get(family[0]) if family else None
    if value in DEPRECATED:
        raise invalid(f'"{value}" is deprecated since {DEPRECATED[value]}; use "{instead}"')
    if hint := did_you_mean(value, RUNTIMES):
        raise invalid(f"{shown(value)} is not a runtime that Lambda offers{hint}")
    raise invalid(
        f"{shown(value)} is not a runtime that Lambda offers; use "
        + (f'"{instead}"' if instead else f"one of {', '.join(RUNTIMES)}")
    )


def handler(value: object) -> str:
    """Check the name of the function that Lambda calls."""
    if not isinstance(value, str) or not _HANDLER.fullmatch(value):
        raise invalid('must be text without spaces, like "main.handler"')
    if len(value) > MAX_HANDLER_CHARACTERS:
        raise invalid(f"has {len(value)} characters; at most {MAX_HANDLER_CHARACTERS} are allowed")
    return value


def handler_of(name: str, runtime_name: str) -> None:
    """Check that a handler is written as its runtime reads it."""
    family = re.match(r"[a-z]*", runtime_name)
    form = _HANDLERS.get(family[0]) if family else None
    if form and not form.pattern.fullmatch(name):
        raise invalid(f"{form.wanted}, not {shown(name)}")


def working_directory(value: object) -> str:
    """Check the folder in an image in which its program starts."""
    if not isinstance(value, str) or not _DIRECTORY.fullmatch(value):
        raise invalid('must be an absolute path, like "/var/task"')
    if len(value) > MAX_DIRECTORY_CHARACTERS:
        raise invalid(
            f"has {len(value)} characters; at most {MAX_DIRECTORY_CHARACTERS} are allowed"
        )
    return value


def layers(value: object) -> tuple[str, ...]:
    """Check the ARNs of versions of layers, in the order in which Lambda merges them."""
    arns = text_list(value)
    if len(arns) > MAX_LAYERS:
        raise invalid(f"has {len(arns)} entries; at most {MAX_LAYERS} are allowed")
    each(((f"[{index}]", arn) for index, arn in enumerate(arns)), _layer)
    if len({arn.rpartition(":")[0] for arn in arns}) < len(arns):
        raise invalid("names one layer twice")
    return arns


def leaves_a_layer(named: tuple[str, ...]) -> None:
    """Check that there is room for the layer that reads secrets."""
    if len(named) == MAX_LAYERS:
        raise invalid(
            f"need a layer of their own, and layers names {MAX_LAYERS} of {MAX_LAYERS} already"
        )


def reads_secrets(runtime_name: str | None, image: str | None) -> None:
    """Check that a function's runtime starts by way of the program that reads its secrets.

    Lambda Developer Guide, modifying the runtime environment: neither custom runtimes nor images
    do. Those of Java and .NET do, but have nothing that could read them.
    """
    if not image and (runtime_name is None or runtime_name.startswith(_READS_SECRETS)):
        return
    what = "an image" if image else runtime_name
    raise invalid(
        "are read for functions in Python, Node.js and Ruby only; in "
        f'{what}, read them in the code: write "secret: ARN" in permissions, and the ARN in '
        "environment"
    )


def _layer(arn: str) -> str:
    found = _LAYER.fullmatch(arn)
    if found and found["version"]:
        return arn
    wanted = 'must be like "arn:aws:lambda:eu-west-1:123456789012:layer:tools:3"'
    raise invalid(
        f"{wanted}: the version's number is missing" if found else f"{wanted}, not {shown(arn)}"
    )


_whole_concurrency = whole(0, 1_000_000)


def reserved_concurrency(value: object) -> int:
    """Check how many runs of a function Lambda keeps free, and allows at most."""
    reserved = _whole_concurrency(value)
    if reserved == 0:
        raise invalid(
            "must be at least 1: with 0, Lambda would refuse every run. To stop the schedule, "
            "set schedule_enabled to false"
        )
    return reserved
