"""A stack that is deleted while no event of it arrives, on the embedded engine."""

from __future__ import annotations

import pytest

pytestmark = [pytest.mark.engine, pytest.mark.night]


def test_a_stack_that_went_unnoticed_is_made_again_by_the_daily_check(rough_engine):
    engine = rough_engine
    name = engine.unique("unnoticed")
    engine.put(engine.lambda_row(name))
    before = engine.wait_for(name, "READY")
    with engine.without_stack_events():
        engine.client("cloudformation").delete_stack(StackName=f"jobs-{name}")
        engine.wait(lambda: engine.stack(name) is None, "the deletion")
    assert engine.record(name) == before

    engine.sweep(compare=True)

    engine.wait_for(
        name, "READY", until=lambda: engine.record(name)["stack_id"] != before["stack_id"]
    )
