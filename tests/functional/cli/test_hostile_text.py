"""No text of a row, a run, a log or AWS reaches a terminal or a pipe as anything but text."""

from __future__ import annotations

import json
import re
import time

import pytest
import yaml

from provisioner.audit.versions import Written
from provisioner.aws.items import to_dynamodb
from provisioner.jobs import FieldError
from provisioner.jobs.row_content import content_digest
from provisioner.runs.model import Pause
from provisioner.stacks.model import (
    Cause,
    Condition,
    Deletion,
    Deployment,
    Failure,
    JobStatus,
)
from tests.support.cli import NOW, OUTPUTS, put_run
from tests.support.clients import CLIENTS
from tests.support.rows import ROW

HOSTILE = (
    "a[link=http://evil]b[/link]\x1b]52;c;ZXZpbA==\x07\x1b]8;;http://evil\x1b\\c\x1b]8;;\x1b\\"
    "\x1b[2J\x9b31337m\x9d0;t\x9c\x08\x7f\r\u202egpj\u2066\u200f\u2028\ufeff\U000e0041z"
)
GROUP = "/jobs/report"
_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200f\u2028-\u202e\u2066-\u2069\ufeff\U000e0041]"
)
_OWN = re.compile(r"\r?\x1b\[(?:[0-9;]{0,11}m|\?25[lh]|2K|1A)")
"""What Rich itself writes: colours, the cursor hidden and shown, a line written again."""

COMMANDS = {
    "get": ["get"],
    "get JOB": ["get", "report"],
    "get as JSON": ["get", "report", "--output", "json"],
    "get as YAML": ["get", "report", "--output", "yaml"],
    "runs": ["runs", "report"],
    "logs": ["logs", "report", "--since", "1h"],
    "schedule": ["schedule", "paused"],
    "schedule of an invalid row": ["schedule", "report"],
    "dead-letters list": ["dead-letters", "list"],
    "dead-letters redrive": ["dead-letters", "redrive", "--all"],
    "apply": ["apply", "{file}"],
    "apply of what is there": ["apply", "{file}", "--set", "Text=x"],
    "apply --wait": ["apply", "{good}", "--wait", "--timeout", "0s"],
    "retry --wait": ["retry", "report", "--wait", "--timeout", "0s"],
    "run": ["run", "checked", "--payload", json.dumps({HOSTILE: 1})],
    "run --wait": ["run", "failing", "--wait", "--timeout", "0s"],
    "stop": ["stop", "report"],
    "stop RUN": ["stop", "report", HOSTILE],
    "resume": ["resume", "paused"],
    "versions": ["versions", "report"],
    "diff": ["diff", "report"],
    "deployments": ["deployments", "report"],
    "rollback": ["rollback", "report", "--to", "1", "--dry-run"],
    "audit": ["audit", "report"],
    "audit of all": ["audit"],
    "restore": ["restore", "report", "1"],
    "an unknown job": ["get", HOSTILE],
    "confirm-deletions": ["confirm-deletions", "--all", "--yes"],
    "delete": ["delete", "report", "--yes"],
}
SILENT = {
    *("apply --wait", "delete", "retry --wait", "run --wait"),
    "schedule of an invalid row",
}
"""Those that have nothing hostile to show."""


@pytest.fixture
def world(here):
    """Yield a bootstrap whose every text is hostile."""
    here.jobs.put(
        ROW
        | {"description": HOSTILE, "owner": HOSTILE, HOSTILE: HOSTILE, "schedule": HOSTILE}
        | {"payload": {HOSTILE: HOSTILE}, "environment": {HOSTILE: HOSTILE}}
    )
    condition = Condition("Drifted", "True", HOSTILE, HOSTILE, NOW)
    here.save(
        status=JobStatus.INVALID,
        errors=(FieldError(HOSTILE, HOSTILE),),
        failure=Failure(HOSTILE, NOW, HOSTILE),
        conditions=(condition,),
        outputs={"LogGroup": GROUP, "Other": HOSTILE},
        retained_resources=(HOSTILE,),
        deployments=(
            Deployment(2, NOW, Cause.ROW, "2", "2", HOSTILE, artifact=HOSTILE),
            Deployment(
                1,
                NOW,
                Cause.ROW,
                "1",
                "1",
                content_digest({"job_name": "report"}),
                artifact=HOSTILE,
            ),
        ),
    )
    here.save(HOSTILE, status=JobStatus.PENDING, deletion=Deletion.HELD, updated_at=NOW)
    put_run("report", HOSTILE, "FAILED", error=HOSTILE, cause=HOSTILE, execution_arn=HOSTILE)
    put_run("report", "output", "SUCCEEDED", source=HOSTILE, output=json.dumps({HOSTILE: HOSTILE}))
    for name in ("one", "two"):
        put_run("report", f"{HOSTILE}{name}", "RUNNING", execution_arn=HOSTILE)
    paused = {"job_name": "paused", "schedule": "rate(1 day)", "pause_on_failures": 2}
    here.jobs.put(ROW | paused)
    here.triggers.set_pause("paused", Pause(paused=True, since=NOW.isoformat(), note=HOSTILE))
    schema = {"type": "object", "additionalProperties": False}
    here.jobs.put(ROW | {"job_name": "checked", "payload_schema": schema})
    here.make_runnable({"Type": "Succeed"}, "checked")
    here.jobs.put(ROW | {"job_name": "failing"})
    here.make_runnable({"Type": "Fail", "Error": HOSTILE, "Cause": HOSTILE}, "failing")
    CLIENTS.logs.create_log_group(logGroupName=GROUP)
    CLIENTS.logs.create_log_stream(logGroupName=GROUP, logStreamName="one")
    CLIENTS.logs.put_log_events(
        logGroupName=GROUP,
        logStreamName="one",
        logEvents=[{"timestamp": int(time.time() * 1000), "message": HOSTILE}],
    )
    change = Written("report", "1", NOW, {"job_name": "report"}, here.row())
    here.service.row_versions.record(change)
    # with rights of one's own, past `provisioner.service.audit`, which cleans what it writes
    claim = dict.fromkeys(
        ("action", "caller", "via", "reason", "detail", "run", "outcome"), HOSTILE
    )
    claim |= {"subject": "says#report", "entry_id": f"2026{HOSTILE}", "feed": "all"}
    claim |= {"changes": [{"path": HOSTILE, "kind": HOSTILE}]}
    CLIENTS.dynamodb.put_item(TableName="jobs-Audit", Item=to_dynamodb(claim))
    CLIENTS.sqs.send_message(
        QueueUrl=OUTPUTS["DeadLetterQueueUrl"],
        MessageBody=json.dumps({"job_name": HOSTILE}),
        MessageAttributes={
            "ErrorMessage": {"DataType": "String", "StringValue": "evil\x9b2J\u202e"},
        },
    )
    return here


@pytest.mark.parametrize("terminal", [False, True], ids=["pipe", "terminal"])
def test_no_control_character_reaches_the_outside(world, file, monkeypatch, terminal):
    if terminal:
        monkeypatch.setenv("FORCE_COLOR", "1")
    files = {
        "{file}": file(ROW | {"description": HOSTILE + "${Text}", HOSTILE: HOSTILE}),
        "{good}": file(ROW | {"job_name": "paused", "schedule": "rate(1 day)"}, name="good.yaml"),
    }

    ran = {
        name: world.run(*(files.get(each, each) for each in arguments))
        for name, arguments in COMMANDS.items()
    }

    assert {
        name: _UNSAFE.findall(_OWN.sub("", result.output) if terminal else result.output)
        for name, result in ran.items()
    } == {name: [] for name in COMMANDS}
    raised = {name: result.exception for name, result in ran.items()}
    assert [each for each in raised.items() if not isinstance(each[1], SystemExit | None)] == []
    assert {name for name, result in ran.items() if "evil" not in result.output} == SILENT


@pytest.mark.parametrize(("form", "load"), [("json", json.loads), ("yaml", yaml.safe_load)])
def test_programs_read_the_very_text(world, form, load):
    one = load(world.run("get", "report", "--output", form).stdout)

    assert one["row"]["description"] == HOSTILE
    assert one["row"]["payload"] == {HOSTILE: HOSTILE}


def test_colours_of_log_lines_stay(world, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    CLIENTS.logs.put_log_events(
        logGroupName=GROUP,
        logStreamName="one",
        logEvents=[{"timestamp": int(time.time() * 1000), "message": "\x1b[31mred\x1b[0m"}],
    )

    assert "\x1b[31mred\x1b[0m" in world.run("logs", "report").stdout
