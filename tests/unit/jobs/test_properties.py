"""What holds for any row whatever."""

from __future__ import annotations

import json
import string
from contextlib import suppress
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.jobs import EcsJob, InvalidRow, LambdaJob, parse, spec_digest
from provisioner.jobs.errors import InvalidValueError
from provisioner.jobs.schedule import expression
from provisioner.jobs.sizes import FARGATE_MEMORY_MB

NAMES = sorted({*LambdaJob.model_fields, *EcsJob.model_fields, "memory", "language", "fan_out"})
ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=40)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.decimals()
    | st.floats()
    | ANY_TEXT
    | st.sampled_from(["lambda", "ecs", "rate(1 day)", "{{resolve:x}}", "s3://abc/x", "256", "1"])
    | st.binary(max_size=5)
    | st.frozensets(st.text(max_size=3), max_size=2)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
    max_leaves=8,
)
ITEMS = st.dictionaries(st.sampled_from(NAMES) | ANY_TEXT, VALUES, max_size=8)
TYPED_ITEMS = st.builds(
    lambda item, kind: item | {"job_name": "x", "type": kind},
    ITEMS,
    st.sampled_from(["lambda", "ecs"]),
)


@given(ITEMS | TYPED_ITEMS)
def test_parse_never_raises_and_always_answers(item):
    answer = parse(item)

    if isinstance(answer, InvalidRow):
        assert answer.errors
        assert all(error.field.isprintable() and error.message for error in answer.errors)
        json.dumps([(error.field, error.message) for error in answer.errors]).encode()
    else:
        assert len(spec_digest(answer)) == 64


@given(
    st.text(max_size=60)
    | st.text("0123456789*?/,-#LWMONFRI ()", max_size=40).map("cron({})".format)
)
def test_the_schedule_checker_only_ever_refuses(text):
    with suppress(InvalidValueError):
        usual = expression(text)
        assert expression(usual) == usual


def spans(low, high):
    number = st.integers(low, high)
    ranges = st.tuples(number, number).map(lambda ends: f"{min(ends)}-{max(ends)}")
    steps = st.builds("{}/{}".format, st.just("*") | number, st.integers(1, high))
    return st.just("*") | st.lists(number.map(str) | ranges | steps, min_size=1, max_size=3).map(
        ",".join
    )


@given(spans(0, 59), spans(0, 23), spans(1, 31), spans(1, 12), spans(1, 7), st.booleans())
def test_every_list_of_values_ranges_and_steps_is_a_schedule(m, h, day, month, weekday, by_day):
    days = f"{day} * ?" if by_day else f"? {month} {weekday}"
    text = f"cron({m} {h} {days} *)"

    assert expression(text) == text


JOB_NAMES = st.from_regex(r"\A[a-z][a-z0-9-]{0,39}\Z")
TEXTS = st.text(string.ascii_letters + string.digits + " ü'\"", max_size=20)
WHOLE = st.integers(-(10**15) + 1, 10**15 - 1)
"""Whole numbers that a workflow keeps digit by digit."""
COMMON = {
    "description": TEXTS,
    "tags": st.dictionaries(st.from_regex(r"\Ax[a-z ]{1,8}\Z"), st.just("y"), max_size=3),
    "architecture": st.sampled_from(["arm64", "x86_64"]),
    "jitter_minutes": st.integers(0, 1440),
    "retries": st.integers(0, 10).map(str),
    "payload": st.dictionaries(TEXTS, TEXTS | WHOLE | st.booleans(), max_size=3),
    "environment": st.dictionaries(st.from_regex(r"\A[A-F][A-Z_]{1,8}X\Z"), TEXTS, max_size=3),
    "alarms": st.sampled_from([True, False, "true", "FALSE"]),
    "timeout_seconds": st.integers(1, 31_536_000).map(Decimal),
}
GOOD_LAMBDA = st.fixed_dictionaries(
    {
        "job_name": JOB_NAMES,
        "type": st.just("lambda"),
        "runtime": st.sampled_from(["python3.14", "nodejs24.x", "provided.al2023"]),
        "handler": st.just("main.handler"),
        "bundle": st.just("s3://bundles/code.zip"),
    },
    optional=COMMON | {"memory": st.integers(128, 10240)},
)
PAIRS = [(cpu, memory) for cpu, sizes in FARGATE_MEMORY_MB.items() for memory in sizes]
GOOD_ECS = st.builds(
    lambda row, pair: row | {"cpu": pair[0], "memory_mb": pair[1]},
    st.fixed_dictionaries(
        {"job_name": JOB_NAMES, "type": st.just("ecs"), "image": st.just("busybox:1")},
        optional=COMMON | {"command": st.lists(TEXTS, min_size=1, max_size=3)},
    ),
    st.sampled_from(PAIRS),
)


@given(GOOD_LAMBDA | GOOD_ECS, st.randoms(use_true_random=False))
def test_good_rows_are_accepted_and_their_digest_knows_no_order(row, random):
    job = parse(row)
    assert not isinstance(job, InvalidRow), job.errors
    names = list(row)
    random.shuffle(names)

    assert spec_digest(parse({name: row[name] for name in names})) == spec_digest(job)


@pytest.mark.parametrize("cpu", FARGATE_MEMORY_MB)
@given(st.integers(1, 250_000) | st.sampled_from(sorted({memory for _, memory in PAIRS})))
def test_fargate_takes_a_pair_exactly_when_it_is_in_the_table(cpu, memory_mb):
    row = {"job_name": "x", "type": "ecs", "image": "x", "cpu": cpu, "memory_mb": memory_mb}

    assert isinstance(parse(row), EcsJob) == (memory_mb in FARGATE_MEMORY_MB[cpu])
