"""Rows in files: YAML or JSON, any number of documents, each a row or a list of rows.

Numbers become int or Decimal, which is what DynamoDB holds. YAML is read by its 1.2 core schema:
`on`, `no`, `12:30`, `007` and dates are text, as their author most likely meant them.
"""

from __future__ import annotations

import json
import re
import reprlib
import sys
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from provisioner.json_objects import distinct
from provisioner.service.rows import RowProblem, SourcedRow

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator

STDIN = "-"

_BLANKS = re.compile(r"\s*")
_BLOCK = re.compile(r"[|>][-+1-9]*[ \t]*(?:#.*)?\n")
"""What begins a block of text, as far as one line tells."""

_TOO_DEEP = "is nested too deeply"


class UnreadableFileError(Exception):
    """A file that holds no rows, or none that can be read."""


def read_all(paths: Iterable[str]) -> tuple[list[SourcedRow], list[RowProblem]]:
    """Read the rows of all files, and what is wrong with files that cannot be read."""
    found: list[SourcedRow] = []
    problems: list[RowProblem] = []
    for path in paths:
        try:
            found.extend(read(path))
        except UnreadableFileError as error:
            problems.append(RowProblem(path, "", "", str(error)))
    return found, problems


def read(path: str) -> list[SourcedRow]:
    """Read the rows of a file, of stdin for `-`.

    Raises
    ------
    UnreadableFileError
        With what is wrong, in words for the file's author.
    """
    source = "stdin" if path == STDIN else path
    rows = [
        SourcedRow(source, number, values)
        for number, values in enumerate(_rows(_documents(_text(path))), start=1)
    ]
    if not rows:
        message = "holds no rows"
        raise UnreadableFileError(message)
    return rows


def _text(path: str) -> str:
    try:
        if path == STDIN:
            return sys.stdin.buffer.read().decode("utf-8-sig")  # whatever the locale is
        return Path(path).read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        message = "does not exist"
        raise UnreadableFileError(message) from error
    except IsADirectoryError as error:
        message = "is a folder; name the files in it"
        raise UnreadableFileError(message) from error
    except UnicodeDecodeError as error:
        message = "is not text in UTF-8"
        raise UnreadableFileError(message) from error
    except OSError as error:
        message = f"cannot be read: {error.strerror}"
        raise UnreadableFileError(message) from error


def _rows(documents: list[object]) -> Iterator[dict[str, object]]:
    for number, document in enumerate(documents, start=1):
        for values in document if isinstance(document, list) else [document]:
            if values is None:
                continue
            if not isinstance(values, dict):
                message = (
                    f"document {number} holds {reprlib.repr(values):.40} where a row, which is a "
                    "map of attributes, should be"
                )
                raise UnreadableFileError(message)
            yield values


def _documents(text: str) -> list[object]:
    problem = None
    if text.lstrip().startswith(("{", "[")):
        try:
            return list(_json_documents(text))
        except json.JSONDecodeError as error:
            problem = f"is not valid JSON: {error}"  # unless it is YAML in braces
        except RecursionError as error:
            raise UnreadableFileError(_TOO_DEEP) from error
        except ValueError as error:
            raise UnreadableFileError(str(error)) from error
    try:
        # A block's last line ends as all others do, also where the file ends with it.
        end = "\n" if _BLOCK.search(text) and not text.endswith("\n") else ""
        return list(yaml.load_all(text + end, _Loader))
    except RecursionError as error:
        raise UnreadableFileError(_TOO_DEEP) from error
    except yaml.YAMLError as error:
        raise UnreadableFileError(problem or _yaml_problem(error)) from error


def _json_documents(text: str) -> Iterator[object]:
    decoder = json.JSONDecoder(
        object_pairs_hook=distinct, parse_float=Decimal, parse_constant=Decimal
    )
    start = _after_blanks(text, 0)
    while start < len(text):
        document, end = decoder.raw_decode(text, start)
        yield document
        start = _after_blanks(text, end)


def _after_blanks(text: str, start: int) -> int:
    found = _BLANKS.match(text, start)
    return found.end() if found else start


def _yaml_problem(error: yaml.YAMLError) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        mark = error.problem_mark
        problem = error.problem or "cannot be read"
        return f"is not valid YAML: {problem} (line {mark.line + 1}, column {mark.column + 1})"
    return f"is not valid YAML: {error}"


class _Loader(yaml.SafeLoader):
    """YAML 1.2's core schema, numbers with a fraction as Decimal, no key twice."""

    yaml_implicit_resolvers = {}  # noqa: RUF012  (PyYAML's own way)

    def construct_mapping(
        self,
        node: yaml.MappingNode,
        deep: bool = False,  # noqa: FBT001, FBT002  (PyYAML's own)
    ) -> dict[Hashable, object]:
        seen = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                if key.value in seen:
                    problem = f'"{key.value}" appears twice in one map'
                    raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
                seen.add(key.value)
        values = super().construct_mapping(node, deep)
        if wrong := [key for key in values if not isinstance(key, str)]:
            problem = f'"{wrong[0]}" is a name and must be text: put it in quotation marks'
            raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark)
        return values

    def construct_number(self, node: yaml.ScalarNode) -> int | Decimal:
        try:
            return int(node.value, 0) if node.tag.endswith(":int") else Decimal(node.value)
        except (ValueError, ArithmeticError) as error:
            problem = f'"{node.value:.40}" is not a number'
            raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark) from error

    def construct_text(self, node: yaml.ScalarNode) -> str:
        return str(node.value)


for _tag, _pattern, _first in (
    ("null", r"~|null|Null|NULL|", "~nN\0"),
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?(?:0|[1-9][0-9]*)|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
    (
        "float",
        r"[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?",
        "-+.0123456789",
    ),
    ("merge", r"<<", "<"),
):
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}",
        re.compile(f"^(?:{_pattern})$"),
        ["" if character == "\0" else character for character in _first],
    )
_Loader.add_constructor("tag:yaml.org,2002:float", _Loader.construct_number)
_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.construct_number)
_Loader.add_constructor("tag:yaml.org,2002:merge", _Loader.construct_text)
