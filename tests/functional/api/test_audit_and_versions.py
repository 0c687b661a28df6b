"""Versions, the audit and submissions over HTTP."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from provisioner.audit.versions import Written
from provisioner.jobs.row_content import content_digest
from provisioner.runs.messages import received
from tests.support.api import ISSUER, by_iam, by_scopes
from tests.support.cli import ACCOUNT, NOW, REGION
from tests.support.clients import CLIENTS
from tests.support.rows import ROW

LARGER = ROW | {"memory_mb": 512, "environment": {"LEVEL": "hunter2"}}
VERSIONS = "/v1/jobs/report/versions"
ENDLESS = {"Type": "Wait", "Seconds": 3600, "End": True}


@pytest.fixture
def changed(here):
    here.jobs.put(LARGER)
    for sequence, (before, after) in enumerate(
        [(None, ROW), (ROW, LARGER), (LARGER, None)], start=1
    ):
        here.service.row_versions.record(Written("report", str(sequence), NOW, before, after))


@pytest.mark.usefixtures("changed")
class TestVersions:
    def test_a_version_shows_no_value_of_a_variable_to_anybody(self, api):
        numbers = [each["version"] for each in api("GET", VERSIONS).json["versions"]]
        shown = api("GET", f"{VERSIONS}/2")

        assert numbers == [3, 2, 1]
        assert shown.json["row"] == LARGER | {"environment": {"LEVEL": None}}
        assert [each["path"] for each in shown.json["changes"]] == [
            "environment.LEVEL",
            "memory_mb",
        ]
        assert "hunter2" not in shown.text
        assert api("GET", f"{VERSIONS}/3").json["row"] is None

    def test_they_come_in_pages(self, api, here):
        first = api("GET", VERSIONS, query="limit=2")
        rows = (None, ROW)
        here.service.row_versions.record(Written("report", "4", NOW, *rows))
        last = api("GET", VERSIONS, query=f"limit=2&cursor={first.json['next']}")

        assert [each["version"] for each in first.json["versions"]] == [3, 2]
        assert [each["version"] for each in last.json["versions"]] == [1]
        assert f"cursor={first.json['next']}" in first.headers["Link"]
        assert last.json["next"] is None
        assert "Link" not in last.headers
        other = f"/v1/jobs/report/deployments?cursor={first.json['next']}"
        assert api("GET", other.partition("?")[0], query=other.partition("?")[2]).status == 400

    @pytest.mark.parametrize("path", [f"{VERSIONS}/9", "/v1/jobs/other/versions", f"{VERSIONS}/0"])
    def test_what_there_is_not(self, api, path):
        assert api("GET", path).slug == "not-found"

    def test_a_version_is_restored_over_the_row_that_was_seen(self, api, here):
        etag = api("GET", "/v1/rows/report").headers["ETag"]
        path = f"{VERSIONS}/1/restore"

        assert api("POST", path).slug == "precondition-required"
        assert api("POST", path, if_match=f'"{"0" * 32}"').slug == "stale"
        tried = api("POST", path, query="dry_run=true", if_match=etag)
        assert tried.json["outcome"] == "updated"
        assert here.row() == LARGER
        assert api("POST", path, if_match=etag).json == ROW
        assert here.row() == ROW

        (entry,) = api("GET", "/v1/jobs/report/audit").json["entries"]
        assert (entry["action"], entry["detail"]) == ("restore_version", "version 1")
        assert (entry["proven"], entry["via"], entry["outcome"]) == (True, "api", "done")
        assert "hunter2" not in str(entry)

    def test_the_row_of_a_deleted_job_is_restored(self, api, here):
        here.jobs.delete("report")

        assert api("POST", f"{VERSIONS}/1/restore", if_none_match="*").status == 201
        assert api("POST", f"{VERSIONS}/1/restore", if_none_match="*").slug == "stale"
        assert here.row() == ROW

    @pytest.mark.parametrize("role", ["read", "operate"])
    def test_only_writers_restore(self, api, role):
        client = replace(api, authorizer=by_scopes(f"jobs/{role}"))

        assert client("POST", f"{VERSIONS}/1/restore", if_match="*").status == 403
        assert client("GET", f"{VERSIONS}/1").status == 200


def test_every_action_of_the_api_is_in_the_audit_page_by_page(api, here):
    here.jobs.put(ROW)
    here.make_runnable(ENDLESS)
    run = api("POST", "/v1/jobs/report/runs", {"payload": {"n": "hunter2"}}).json["run"]
    replace(api, authorizer=by_iam())("POST", "/v1/jobs/report/retry")
    api("DELETE", "/v1/rows/report", if_match="*")

    first = api("GET", "/v1/audit", query="limit=2")
    second = api("GET", "/v1/audit", query=f"limit=2&cursor={first.json['next']}")

    found = first.json["entries"] + second.json["entries"]
    assert [each["action"] for each in found] == ["delete_row", "retry_job", "start_run"]
    assert found[1]["by"] == by_iam()["iam"]["userArn"]
    assert found[2]["by"].endswith("#ada")
    assert all(each["address"] and each["request_id"] for each in found)
    assert "hunter2" not in first.text + second.text
    for query, actions in {
        "action=start_run": ["start_run"],
        "by=user/ada&outcome=done": ["retry_job"],
        "since=2026-01-01T00:00:00Z&until=2026-01-02T00:00:00Z": [],
    }.items():
        for path in ("/v1/audit", "/v1/jobs/report/audit"):
            listed = api("GET", path, query=query).json["entries"]
            assert [each["action"] for each in listed] == actions, (path, query)
    of_run = api("GET", "/v1/jobs/report/audit", query=f"run={run}").json["entries"]
    assert [each["run"] for each in of_run] == [run]


class TestSubmissions:
    BODY = {"job_name": "report", "payload": {"n": 1}}  # noqa: RUF012

    @pytest.fixture
    def processor(self, here):
        here.jobs.put(ROW)
        here.make_runnable({"Type": "Wait", "Seconds": 3600, "End": True})

    @pytest.mark.usefixtures("processor")
    def test_work_is_taken_and_followed(self, api):
        taken = api("POST", "/v1/submissions", self.BODY, idempotency_key="k")
        again = api("POST", "/v1/submissions", self.BODY, idempotency_key="k")
        other = api("POST", "/v1/submissions", self.BODY | {"payload": {}}, idempotency_key="k")

        assert (taken.status, taken.json["job_name"]) == (202, "report")
        assert again.headers["Location"] == taken.headers["Location"]
        assert again.headers["Idempotency-Replayed"] == "true"
        assert other.status in {409, 422}
        followed = api("GET", taken.headers["Location"])
        assert followed.json["status"] in {"STARTING", "RUNNING"}
        assert api("GET", followed.json["run_url"]).status == 200

    @pytest.mark.usefixtures("processor")
    def test_a_new_row_is_a_new_processor_and_nothing_else_changes(self, api, here):
        body = {"job_name": "invoices"}
        assert api("POST", "/v1/submissions", body).slug == "not-found"

        here.jobs.put(ROW | {"job_name": "invoices"})
        here.make_runnable(ENDLESS, "invoices")

        assert (
            api("POST", "/v1/submissions", body)
            .headers["Location"]
            .startswith("/v1/submissions/invoices.")
        )

    @pytest.mark.usefixtures("processor")
    def test_a_submission_can_be_tried(self, api):
        tried = api("POST", "/v1/submissions", self.BODY, query="dry_run=true")

        assert (tried.status, tried.json["id"]) == (202, None)

    @pytest.mark.parametrize("body", [{}, {"job_name": "A"}, {"job_name": "report", "x": 1}])
    def test_what_names_no_job(self, api, body):
        assert api("POST", "/v1/submissions", body).status == 422

    @pytest.mark.usefixtures("processor")
    @pytest.mark.parametrize("id_in", ["header", "body", "both"])
    def test_the_name_of_work_is_its_idempotency_key(self, api, id_in):
        body = self.BODY | ({} if id_in == "header" else {"submission_id": "order-7"})
        key = {} if id_in == "body" else {"idempotency_key": "order-7"}

        first, again = (api("POST", "/v1/submissions", body, **key) for _ in range(2))

        assert again.headers["Location"] == first.headers["Location"]
        assert again.headers["Idempotency-Replayed"] == "true"

    def test_two_names_for_one_piece_of_work(self, api):
        body = self.BODY | {"submission_id": "order-7"}

        refused = api("POST", "/v1/submissions", body, idempotency_key="order-8")

        assert refused.slug == "invalid-body"
        assert refused.json["errors"][0]["pointer"] == "/submission_id"

    @pytest.mark.usefixtures("processor")
    def test_only_operators_submit(self, api):
        reader = replace(api, authorizer=by_scopes("jobs/read"))

        assert reader("POST", "/v1/submissions", self.BODY).status == 403
        assert reader("GET", "/v1/submissions/report.nothing").slug == "not-found"


class TestSubmissionsToAQueue:
    BODY = {"job_name": "report", "payload": {"n": 1}, "submission_id": "order-7"}  # noqa: RUF012
    PLACE = "/v1/submissions/report.queue-order-7"

    @pytest.fixture
    def machine(self, here):
        here.jobs.put(ROW | {"queue": True})
        machine = here.make_runnable(ENDLESS)
        outputs = {
            "StateMachineArn": machine,
            "LogGroup": "/jobs/report",
            "QueueUrl": CLIENTS.sqs.create_queue(QueueName="jobs-report")["QueueUrl"],
            "QueueBatchSize": "1",
            "QueueMaxConcurrency": "2",
        }
        here.make_ready(outputs=outputs)
        return machine

    @pytest.fixture
    def messages(self, machine):  # noqa: ARG002
        def messages():
            queue = CLIENTS.sqs.get_queue_url(QueueName="jobs-report")["QueueUrl"]
            found = CLIENTS.sqs.receive_message(
                QueueUrl=queue,
                MaxNumberOfMessages=10,
                VisibilityTimeout=0,
                MessageAttributeNames=["All"],
            )
            return [
                received(m["Body"], m["MessageAttributes"]["message_id"]["StringValue"], "own")
                for m in found.get("Messages", ())
            ]

        return messages

    def test_work_waits_in_the_queue_and_is_followed(self, api, here, machine, messages):
        taken = api("POST", "/v1/submissions", self.BODY)
        waits = api("GET", taken.headers["Location"])

        assert (taken.status, taken.json["run"]) == (202, None)
        assert taken.headers["Location"] == self.PLACE
        assert [(m.id, m.content) for m in messages()] == [("order-7", {"n": 1})]
        assert not CLIENTS.stepfunctions.list_executions(stateMachineArn=machine)["executions"]
        assert (waits.json["status"], waits.json["run"]) == ("QUEUED", None)
        assert waits.json["run_url"] is None

        here.service.executions.start(machine, "queue-order-7", {"n": 1})

        runs = api("GET", self.PLACE).json
        assert (runs["status"], runs["run"]) == ("STARTING", "queue-order-7")
        assert api("GET", runs["run_url"]).status == 200

    def test_the_same_again_is_one_message(self, api, messages):
        for _ in range(2):
            again = api("POST", "/v1/submissions", self.BODY)

        assert again.headers["Idempotency-Replayed"] == "true"
        assert len(messages()) == 1
        other = api("POST", "/v1/submissions", self.BODY | {"payload": {"n": 2}})
        assert other.slug == "key-reused"

    def test_what_was_noted_and_not_sent_is_sent_by_the_next_try(self, api, here, messages):
        here.service.submissions.add("report", "order-7", content_digest(self.BODY["payload"]))

        assert api("POST", "/v1/submissions", self.BODY).status == 202
        assert len(messages()) == 1

    def test_a_batch_has_its_own_run(self, api, here, machine):
        api("POST", "/v1/submissions", self.BODY)
        here.service.submissions.claim("report", ["order-7"], "queue-of-many")
        assert api("GET", self.PLACE).json["status"] == "QUEUED"

        here.service.executions.start(machine, "queue-of-many", {"messages": [{"n": 1}]})

        assert api("GET", self.PLACE).json["run"] == "queue-of-many"

    def test_a_message_that_became_a_dead_letter_message_says_so(self, api, here, machine, paused):
        api("POST", "/v1/submissions", self.BODY)
        here.service.submissions.dead("report", "order-7", "the input is too large")

        dead = api("GET", self.PLACE, query="wait=20").json

        assert (dead["status"], dead["run"], paused) == ("DEAD_LETTER", None, [])
        assert "no run could be started: the input is too large" in dead["error"]
        queue = f"arn:aws:sqs:{REGION}:{ACCOUNT}:jobs-report_dead"
        assert dead["redrive"] == f"aws sqs start-message-move-task --source-arn {queue}"

        here.service.executions.start(machine, "queue-order-7", {"n": 1})

        assert api("GET", self.PLACE).json["status"] == "STARTING"

    @pytest.mark.usefixtures("machine")
    @pytest.mark.parametrize("is_dead", [False, True], ids=["waiting", "dead"])
    @pytest.mark.parametrize(("days", "expired"), [(17, False), (19, True)])
    def test_a_message_that_sqs_has_dropped_says_so(self, api, is_dead, days, expired):
        api("POST", "/v1/submissions", self.BODY)
        ago = f"{datetime.now(UTC) - timedelta(days=days):%Y-%m-%dT%H:%M:%S.000Z}"
        times = ["sent_at", *(["dead_at"] if is_dead else [])]
        CLIENTS.dynamodb.update_item(
            TableName="jobs-Triggers",
            Key={"job_name": {"S": "report"}, "trigger_id": {"S": "#submission#order-7"}},
            UpdateExpression=f"SET {', '.join(f'{name} = :ago' for name in times)}",
            ExpressionAttributeValues={":ago": {"S": ago}},
        )

        found = api("GET", self.PLACE).json

        assert found["status"] == ("EXPIRED" if expired else "DEAD_LETTER" if is_dead else "QUEUED")
        assert ("submit it again" in (found["error"] or "")) == expired
        assert (found["redrive"] is None) == (found["status"] != "DEAD_LETTER")

    @pytest.mark.parametrize(
        ("more", "slug"),
        [
            ({"overrides": {"memory_mb": 512}}, "invalid-run"),
            ({"overlap": "allow"}, "invalid-body"),
            ({"payload": {"_run": {}}}, "invalid-run"),
        ],
        ids=["overrides", "overlap", "reserved"],
    )
    def test_what_a_message_cannot_be(self, api, messages, more, slug):
        for query in ("dry_run=true", ""):
            assert api("POST", "/v1/submissions", self.BODY | more, query=query).slug == slug
        assert messages() == []

    def test_it_can_be_tried(self, api, messages):
        tried = api("POST", "/v1/submissions", self.BODY, query="dry_run=true")

        assert (tried.status, tried.json["id"]) == (202, None)
        assert messages() == []

    @pytest.mark.usefixtures("machine")
    def test_work_that_nobody_submitted(self, api):
        assert api("GET", self.PLACE).slug == "not-found"


@pytest.mark.parametrize(
    ("claims", "name"),
    [
        ({"email": "grace@example.org", "email_verified": "true"}, "grace@example.org"),
        ({"email": "grace@example.org", "email_verified": "false"}, "ada"),
        ({"email": "grace@example.org"}, "ada"),
        ({"username": "u-1"}, "u-1"),
    ],
    ids=str,
)
def test_an_address_that_nobody_has_verified_is_not_a_name(api, claims, name):
    """People may set their own at some issuers: an entry of the audit would name somebody else."""
    api.authorizer = by_scopes("jobs/admin", **claims)
    api("PUT", "/v1/rows/report", ROW, if_none_match="*")

    (entry,) = api("GET", "/v1/audit").json["entries"]

    assert (entry["by"], entry["proven"]) == (f"{ISSUER}#{name}", True)
