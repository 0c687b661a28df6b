"""What requests may name: for each route, something that is there on the engine."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.credentials import Credentials

from provisioner.runs import keys
from tests.support.engine import EngineUnderTest
from tests.support.http import Caller
from tests.support.waiting import wait_until

CODE = "def handler(event, context):\n    print({text!r}, event)\n    return event\n"
BROKEN = {"main.py": CODE, "requirements.txt": "=== not a requirement\n"}
BUILD_SECONDS = 240.0
MESSAGES = 8


class World:
    """Jobs that are READY with all that their routes ask for, made by the API where it can be."""

    def __init__(self, engine: EngineUnderTest) -> None:
        self.engine = engine
        own = engine.environment
        who = Credentials(own["AWS_ACCESS_KEY_ID"], own["AWS_SECRET_ACCESS_KEY"])
        self.call = Caller(engine.outputs["ApiUrl"], who, region=own["AWS_REGION"])
        self._triggers = engine.table("Triggers")
        self.job, self.victim, self.built, self.held = (
            engine.unique(stem) for stem in ("fuzzed", "victim", "built", "held")
        )

    def made(self) -> dict[str, Any]:
        """Return what requests may name: values of paths, and bodies by their operation."""
        self._put(self.built, self._unbuilt())
        self._put(self.victim, self._row(self.victim))
        self._put(self.job, self._row(self.job))
        self._until("READY", self.job)
        self.engine.bundle(f"{self.job}.zip", {"app.py": CODE.format(text="second")})
        self._until("two deployments", self.job, lambda: self._count(self.job, "deployments") == 2)
        self._hold()
        assert self.call("POST", "/v1/upgrades", {}).status in {202, 409}
        return {"paths": self._paths(), "names": self._names(), "bodies": self._bodies()}

    def _row(self, name: str) -> dict[str, Any]:
        return self.engine.lambda_row(name, handler="app.handler") | {
            "bundle": self.engine.bundle(f"{name}.zip", {"app.py": CODE.format(text="first")}),
            "schedule": "cron(0 6 * * ? *)",
            "fan_out": {"max_concurrency": 2},
        }

    def _unbuilt(self) -> dict[str, Any]:
        source = self.engine.bundle(f"{self.built}/source.zip", BROKEN)
        row = self.engine.lambda_row(self.built, handler="main.handler") | {
            "build": {"source": source}
        }
        del row["bundle"]
        return row

    def _put(self, name: str, row: dict[str, Any]) -> None:
        reply = self.call("PUT", f"/v1/rows/{name}", row, if_none_match="*")
        assert reply.status == 201, reply

    def _get(self, path: str) -> Any:
        return self.call("GET", path).json

    def _until(self, what: str, name: str, is_so: Any = None) -> None:
        is_so = is_so or (lambda: self._get(f"/v1/jobs/{name}")["status"] == what)
        wait_until(is_so, f"{what} of {name}", timeout_seconds=BUILD_SECONDS)

    def _count(self, name: str, what: str) -> int:
        return len(self._get(f"/v1/jobs/{name}/{what}")[what])

    def _hold(self) -> None:
        """Hold a deletion, as the provisioner does when many rows are removed at once."""
        now = datetime.now(UTC).isoformat()
        record = {"job_name": self.held, "status": "PENDING", "deletion": "held", "version": 1}
        self.engine.table("Stacks").put_item(Item=record | {"updated_at": now})

    def turn_upgrade(self, status: str) -> None:
        """Let the upgrade be PAUSED, as failures make it, or over, so that one can be started."""
        ended = (
            " REMOVE #upgrade.ended_at"
            if status == "PAUSED"
            else ", #upgrade.ended_at = #upgrade.started_at"
        )
        with suppress(self._triggers.meta.client.exceptions.ConditionalCheckFailedException):
            self._triggers.update_item(
                Key={"job_name": keys.UPGRADE, "trigger_id": keys.UPGRADE},
                UpdateExpression=f"SET #upgrade.#status = :status{ended}",
                ConditionExpression="#upgrade.#status <> :running",
                ExpressionAttributeNames={"#upgrade": keys.Field.UPGRADE, "#status": "status"},
                ExpressionAttributeValues={":status": status, ":running": "RUNNING"},
            )

    def _paths(self) -> dict[str, str]:
        work = {"job_name": self.job, "payload": {"items": ["a", "b"]}}
        submitted = self.call("POST", "/v1/submissions", work).json
        ended = self._get(f"/v1/submissions/{submitted['id']}?wait=20")
        assert ended["status"] == "SUCCEEDED", ended
        self._until("a build", self.built, self._has_built)
        bulk = self.call("POST", "/v1/bulk", self._bulk()).json
        return {
            "job_name": self.job,
            "run": ended["run"],
            "item": "0",
            "build": self._get(f"/v1/jobs/{self.built}/builds")["builds"][0]["id"],
            "version": "1",
            "submission": submitted["id"],
            "bulk": bulk["id"],
            "problem": "stale",
        }

    def _has_built(self) -> bool:
        builds = self._get(f"/v1/jobs/{self.built}/builds")["builds"]
        return bool(builds) and builds[0]["status"] == "FAILED"

    def _names(self) -> dict[str, str]:
        """Return other jobs than the usual one, by operation."""
        of_builds = ("list_builds", "build_again", "get_build", "get_build_log")
        return dict.fromkeys(of_builds, self.built) | {
            "delete_row": self.victim,
            "put_row": self.victim,
            "confirm_deletion": self.held,
        }

    def _bulk(self) -> dict[str, Any]:
        ids = [self.victim]
        return {"action": "pause_schedules", "ids": ids, "expected_count": 1, "reason": "to see"}

    def _bodies(self) -> dict[str, list[Any]]:
        today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        span = {"start": f"{today - timedelta(days=2):%FT%T}", "end": f"{today:%FT%T}"}
        row, work = self._row(self.victim), {"payload": {"items": ["a"]}}
        messages = [{"ids": [each]} for each in self._messages()]
        return {
            "put_row": [row],
            "validate_row": [self._row(self.job)],
            "plan_row": [self._row(self.job) | {"memory_mb": 256}],
            "patch_row": [{"description": "a"}, {"description": None}],
            "roll_back": [{}, {"to": 1}, {"to": 2}],
            "start_run": [work],
            "submit": [work | {"job_name": self.job}],
            "run_again": [{}],
            "backfill": [span],
            "start_bulk": [self._bulk(), self._bulk() | {"action": "resume_schedules"}],
            "start_upgrade": [{}],
            "redrive_dead_letters": messages[::2],
            "discard_dead_letters": messages[1::2],
        }

    def _messages(self) -> list[str]:
        """Let messages fail for good; return their ids."""
        queue = self.engine.outputs["DeadLetterQueueUrl"]
        text = json.dumps({"job_name": self.job})
        for _ in range(MESSAGES):
            self.engine.client("sqs").send_message(QueueUrl=queue, MessageBody=text)
        listed = self._get("/v1/dead-letters")["messages"]
        return [each["id"] for each in listed][-MESSAGES:]
