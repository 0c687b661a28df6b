"""One job whose row goes through all types, on the embedded engine with IAM enforcement on."""

from __future__ import annotations

import functools
from datetime import datetime, timedelta

import pytest

from tests.support.batch import SLEEPS, jobs_of

pytestmark = pytest.mark.engine

EVERY_MINUTE = "cron(* * * * ? *)"
RUN_SECONDS = 150
COMMON = {
    "schedule": EVERY_MINUTE,
    "overlap": "allow",
    "payload": {"source": "orders.csv", "destination": "orders.jsonl", "seconds": 0},
}
SLEEPER = {"command": ["python3", "-c", SLEEPS], "permissions": None}


def rows(engine, name):
    """Return the rows that the job has one after the other, each with what it runs as."""
    function = engine.lambda_row(name, **COMMON)
    example = engine.row("orders-to-json")["payload"]
    image = engine.image_function_row(name, **COMMON | {"payload": COMMON["payload"] | example})
    container = engine.container_row(name, **COMMON, **SLEEPER)
    machine = engine.machine_row(name, **COMMON, command=SLEEPER["command"])
    return [function, image, container, container | {"type": "batch"}, machine, function]


def change(engine, row):
    """Write a row and wait until its stack is deployed."""
    name = row["job_name"]
    before = engine.record(name).get("deployed_digest")
    engine.put(row)
    engine.wait_for(name, "READY", until=lambda: engine.record(name)["deployed_digest"] != before)


def schedule_of(engine, name):
    """Return the job's schedule, with when it was made and last changed."""
    return {**engine.schedule(name), "ResponseMetadata": None}


def work(engine, job_type, name, execution):
    """Return what runs outside the workflow for a run."""
    if job_type == "ecs":
        return engine.tasks(execution, "RUNNING")
    if job_type == "batch":
        return [job for job in jobs_of(engine, execution) if job["status"] == "RUNNING"]
    run = {"Key": "provisioner:run", "Value": execution.rpartition(":")[2]}
    return [each for each in engine.machines(name) if run in each["Tags"]]


def stop(engine, job_type, name, execution):
    engine.stop(execution)
    run = engine.wait_for_run(name, execution, "STOPPED")
    assert run["type"] == job_type
    gone = functools.partial(work, engine, job_type, name, execution)
    engine.wait(lambda: not gone(), f"the end of what a run of type {job_type} left running")


@pytest.fixture
def name(engine):
    name = engine.unique("types")
    yield name
    engine.delete(name)  # or it would run every minute


def test_a_job_goes_through_all_types(engine, name):
    started, going_on, schedule = {}, None, None
    for row in rows(engine, name):
        change(engine, row)
        found = schedule_of(engine, name)
        schedule = schedule or found
        assert found == schedule  # not even updated
        if going_on:
            stop(engine, *going_on)  # it has begun as another type
            going_on = None
        execution = engine.start(name, {})
        if row["type"] != "lambda":
            going_on = (row["type"], name, engine.start(name, {"seconds": 300}))
        engine.wait_for_run(name, execution, "SUCCEEDED", timeout_seconds=RUN_SECONDS)
        started[execution.rpartition(":")[2]] = row["type"]
        if going_on:
            look = functools.partial(work, engine, *going_on)
            engine.wait(look, "the run's work", timeout_seconds=RUN_SECONDS)

    kept = {run["trigger_id"].rpartition("#")[2]: run for run in engine.runs(name)}
    assert {run: kept[run]["type"] for run in started} == started
    scheduled = sorted(run["scheduled_for"] for run in kept.values() if "scheduled_for" in run)
    minutes = [datetime.fromisoformat(each).replace(second=0, microsecond=0) for each in scheduled]
    assert minutes == [minutes[0] + timedelta(minutes=n) for n, _ in enumerate(minutes)]
