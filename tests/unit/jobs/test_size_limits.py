"""No row takes long to read, whatever its author writes."""

from __future__ import annotations

import importlib
import pkgutil
import re
import time
import zlib
from contextlib import contextmanager
from decimal import Decimal
from functools import cache

import pytest

import provisioner
from provisioner.jobs import EcsJob, InvalidRow, LambdaJob, parse, row_digest
from provisioner.jobs.attributes import ALIASES
from provisioner.jobs.errors import MAX_ERRORS
from provisioner.jobs.rows import forbidden
from provisioner.jobs.size_limits import excess
from tests.support import fuzzed_rows
from tests.support.drawn import commit, examples

BASE = {
    "lambda": {
        "job_name": "nightly",
        "type": "lambda",
        "runtime": "python3.14",
        "handler": "main.handler",
        "bundle": "s3://my-bundles/nightly/code.zip",
    },
    "ecs": {"job_name": "crunch", "type": "ecs", "image": "busybox:1"},
}
NAMES = sorted({*LambdaJob.model_fields, *EcsJob.model_fields, *ALIASES})
SIZES = (1_000, 10_000, 400_000)

WORST = {
    "blanks around a number": lambda n: " " * (n // 2) + "5" + " " * (n // 2) + "x",
    "blanks": lambda n: " " * n,
    "digits": lambda n: "1" * n,
    "letters": lambda n: "a" * n,
    "words": lambda n: "ab " * (n // 3),
    "dots and hyphens": lambda n: "a.-" * (n // 3),
    "braces": lambda n: "{{" + " " * n,
    "brackets": lambda n: "[" * n,
    "quotes": lambda n: "'\"\\" * (n // 3),
    "an ARN of colons": lambda n: "arn" + ":" * n,
    "an address": lambda n: "s3://bucket/" + "a/" * (n // 2) + "?versionId=" + " ",
    "an image": lambda n: "a/" * (n // 2) + ":" + "a" * n,
    "a schedule": lambda n: "cron(" + "0," * (n // 2) + " * * * ? *)",
    "emoji": lambda n: "\N{GRINNING FACE}" * n,
    "JSON of many": lambda n: '{"a": [' + "[]," * (n // 3) + "[]]}",
    "JSON of digits": lambda n: '{"a": 1.' + "1" * n + "}",
}


@cache
def worst_texts():
    return [made(size) for size in SIZES for made in WORST.values()]


@contextmanager
def within(seconds):
    """Guard against what hangs; what parsing takes is measured in `bench.parse`."""
    began = time.process_time()
    yield
    assert time.process_time() - began < seconds


def row_with(name, value):
    kind = "ecs" if name in EcsJob.model_fields else "lambda"
    return BASE[kind] | {name: value}


@pytest.mark.parametrize("name", NAMES)
def test_no_text_of_an_attribute_takes_long(name):
    for text in worst_texts():
        with within(1):
            for value in (text, [text], {text: text}):
                parse(row_with(name, value))


MANY = {
    "numbers": lambda n: [Decimal(number) for number in range(n)],
    "words": lambda n: [f"w{number}" for number in range(n)],
    "empty texts": lambda n: [""] * n,
    "words of a map": lambda n: {f"w{number}": f"v{number}" for number in range(n)},
    "maps": lambda n: [{f"k{number}": number} for number in range(n)],
    "control characters": lambda n: ["\x01"] * n,
    "statements": lambda n: [{"Sid": f"S{number}", "Acton": "x"} for number in range(n)],
    "one statement": lambda n: {f"Actio{number}": "x" for number in range(n)},
    "rules": lambda n: [{"errors": [f"E{number}" for number in range(n)], "action": "fail"}],
    "schemas": lambda n: {
        "type": "object",
        "properties": {f"p{number}": {} for number in range(n)},
    },
}


@cache
def worst_values():
    return [made(count) for count in (100, 4_000, 20_000) for made in MANY.values()]


@pytest.mark.parametrize("name", NAMES)
def test_no_number_of_values_takes_long(name):
    for value in worst_values():
        with within(1):
            parse(row_with(name, value))


def test_no_number_of_attributes_takes_long():
    row = BASE["ecs"] | {f"memory_m{number}": number for number in range(60_000)}

    with within(1):
        rejected = parse(row)

    assert isinstance(rejected, InvalidRow)
    assert len(rejected.errors) == MAX_ERRORS + 1
    assert rejected.errors[-1].message == "and more; they show once these are put right"


def test_too_many_errors_in_one_attribute_are_cut_too():
    words = [f"wrong {number}" for number in range(80)]

    rejected = parse(BASE["ecs"] | {"notify": words})

    assert isinstance(rejected, InvalidRow)
    assert [error.field for error in rejected.errors[:2]] == ["notify[0]", "notify[1]"]
    assert len(rejected.errors) == MAX_ERRORS + 1


TOO_LARGE = {
    "a text": ("cpu", " " * 5_000 + "x", "holds more than 4096 characters"),
    "a list": ("notify", ["failed"] * 101, "holds more than 100 values"),
    "a map": ("tags", {f"k{number}": "v" for number in range(101)}, "more than 100 values"),
    "names of keys": ("tags", {"k" * 40_000: "v"}, "holds more than 32768 characters"),
    "lists in lists": ("depends_on", [["a"] * 10] * 10, "holds more than 100 values"),
}


@pytest.mark.parametrize(("name", "value", "words"), TOO_LARGE.values(), ids=TOO_LARGE)
def test_what_is_too_large_is_named(name, value, words):
    rejected = parse(BASE["ecs"] | {name: value})

    assert isinstance(rejected, InvalidRow)
    (error,) = rejected.errors
    assert error.field == name
    assert words in error.message


def test_a_list_that_holds_itself_comes_to_an_end():
    endless = []
    endless.append(endless)

    assert excess("payload", endless) == "holds more than 10000 values"


def test_a_fuzzed_row_is_answered_at_once():
    for row in fuzzed_rows.rows(examples(500), seed=zlib.crc32(commit().encode())):
        with within(1):
            parsed = parse(row)
        if isinstance(parsed, InvalidRow):
            assert 1 <= len(parsed.errors) <= MAX_ERRORS + 1
            assert all(error.field.isprintable() and error.message for error in parsed.errors)
        assert len(row_digest(row, parsed)) == 64


def patterns():
    """Return all patterns of modules that see what rows, messages and runs hold."""
    found = {}
    for module in pkgutil.walk_packages(provisioner.__path__, "provisioner."):
        if module.name.startswith(("provisioner.local", "provisioner.aws", "provisioner.entry")):
            continue
        for name, value in vars(importlib.import_module(module.name)).items():
            # What rows, messages and runs hold is text; bytes are the console's own files.
            if isinstance(value, re.Pattern) and isinstance(value.pattern, str):
                found.setdefault(value, f"{module.name.removeprefix('provisioner.')}.{name}")
    return [pytest.param(pattern, id=name) for pattern, name in found.items()]


STARTS = ("", "a", "1", "arn:", "s3://", "#", "C", "cron(", "{{", "ForAnyValue:", "a/", "a:")
PUMPED = (" ", "a", "1", "A", "-", ".", "_", "a.", "a-", "a/", "a_", "0,", ":", "{", "{{ ", "ü")


@pytest.mark.parametrize("pattern", patterns())
def test_every_pattern_is_linear(pattern):
    for start in STARTS:
        for pumped in PUMPED:
            text = start + pumped * 20_000 + "\x00"
            with within(1):
                pattern.fullmatch(text)


def test_what_a_text_may_not_hold_is_found_in_linear_time():
    for pumped in (*PUMPED, "{{", "{{resolv", "%", "\ud800"):
        with within(1):
            forbidden(pumped * 50_000)
