"""The last builds of a job, as its Stacks row keeps them."""

from __future__ import annotations

from dataclasses import replace

from provisioner.stacks.model import KEPT_BUILDS, BuildAttempt, BuildStatus, StackRecord


def attempt(number, status=BuildStatus.RUNNING):
    return BuildAttempt(str(number), status, f"p:{number}")


def test_a_build_that_continues_is_the_same_build():
    waiting = BuildAttempt("1", BuildStatus.WAITING)
    record = StackRecord("etl").with_build(waiting).with_build(attempt(1))
    ended = replace(attempt(1), status=BuildStatus.FAILED)

    assert record.with_build(ended).build == ended
    assert record.with_build(ended).former_builds == ()


def test_the_last_builds_are_kept_newest_first():
    record = StackRecord("etl")
    for number in range(KEPT_BUILDS + 3):
        record = record.with_build(attempt(number))

    kept = [each.digest for each in (record.build, *record.former_builds)]

    assert kept == [str(number) for number in range(KEPT_BUILDS + 2, 2, -1)]
