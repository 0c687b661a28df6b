"""Hundreds of jobs at once: they use up quotas and deletions that others would wait for."""

from __future__ import annotations

import pytest

from tests.local.test_pipeline import deployed, push, tagged

pytestmark = [pytest.mark.engine, pytest.mark.night]


def test_300_jobs_of_one_image_are_redeployed_by_one_push(crowded_engine):
    engine = crowded_engine
    tag = engine.unique("many")
    image = tagged(engine, tag)
    names = [f"{tag}-{number:03}" for number in range(300)]
    for name in names:
        engine.put(engine.container_row(name, image=image))
    seen: set[str] = set()

    def ready(digest):
        records = [engine.record(name) for name in names]
        seen.update(record.get("status", "") for record in records)
        return all(deployed(engine, name) == digest for name in names)

    first = push(engine, tag, "first")
    engine.wait(lambda: ready(first), "all jobs", timeout_seconds=900)
    digest = push(engine, tag, "second")

    engine.wait(lambda: ready(digest), "the new image of all jobs", timeout_seconds=900)

    assert "FAILED" not in seen
    for name in names:
        engine.delete(name)
