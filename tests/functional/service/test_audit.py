"""What the audit keeps of actions, and versions of rows with who wrote them."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from provisioner.audit.entries import EntryFilter, Outcome
from provisioner.aws.items import to_dynamodb
from provisioner.aws.row_versions import RowVersions, written_in
from provisioner.errors import InvalidRequestError, NotFoundError, StaleError
from provisioner.service import audit, cursors, deletions, edits, retry, runs, start_run, versions
from provisioner.service.audit import recorded
from provisioner.service.caller import Caller, Role
from provisioner.service.rights import Action
from provisioner.service.start_run import RunRequest
from tests.support.clients import CLIENTS
from tests.support.rows import ROW

ADA = Caller(
    "arn:aws:iam::123456789012:user/ada",
    via="api",
    role=Role.ADMIN,
    address="203.0.113.7",
    proven=True,
    request_id="r-1",
)
EVE = Caller("arn:aws:iam::123456789012:user/eve", via="cli", role=Role.ADMIN)
READER = replace(ADA, role=Role.READ)
ENDLESS = {"Type": "Wait", "Seconds": 3600, "End": True}
ENVIRONMENT = {"LEVEL": "hunter2", "DAY": "monday"}


def as_caller(here, caller, **changes):
    return replace(here.service, caller=lambda: caller, **changes)


@pytest.fixture
def ada(here):
    return as_caller(here, ADA)


def entries(service, job_name="report"):
    return audit.of_job(service, job_name, 100).entries


class Stream:
    """The Jobs table's stream, as job_stream reads it."""

    def __init__(self, service):
        self.service = service
        self.sequence = 100

    def record(self, before, after, at=None):
        self.sequence += 100
        images = {"OldImage": before, "NewImage": after}
        change = {name: to_dynamodb(image) for name, image in images.items() if image is not None}
        created = (at or datetime.now(UTC)).timestamp()
        change |= {"SequenceNumber": f"{self.sequence}", "ApproximateCreationDateTime": created}
        return {"dynamodb": change}

    def send(self, *records):
        for record in records:
            self.service.row_versions.record(written_in(record, "report"))

    def write(self, before, after):
        self.send(self.record(before, after))


class TestEntries:
    def test_a_change_of_a_row(self, ada):
        first = edits.put(ada, ROW | {"environment": ENVIRONMENT}, if_none_match=True)
        changed = {"environment": {"DAY": "hunter3"}, "memory_mb": 512}
        edits.patch(ada, "report", changed, first.etag)

        update, create = entries(ada)

        assert (create.action, update.action) == ("create_row", "update_row")
        assert (update.by, update.via, update.address) == (ADA.name, "api", "203.0.113.7")
        assert (update.proven, update.request_id) == (True, "r-1")
        assert (update.outcome, update.job_name) == (Outcome.DONE, "report")
        assert [(c.path, c.kind, c.before, c.after) for c in update.changes] == [
            ("environment.DAY", "changed", "…", "…"),
            ("memory_mb", "added", "", "512"),
        ]
        assert update.at <= update.ended_at

    def test_no_value_of_a_variable_is_in_the_table(self, ada):
        first = edits.put(ada, ROW | {"environment": ENVIRONMENT}, if_none_match=True)
        edits.delete(ada, "report", first.etag)

        everything = CLIENTS.dynamodb.scan(TableName="jobs-Audit")["Items"]

        assert len(everything) == 2
        assert "hunter2" not in json.dumps(everything)

    def test_a_run_that_is_started_and_stopped(self, here, ada):
        here.jobs.put(ROW)
        here.make_runnable(ENDLESS)
        started = start_run.start_run(ada, "report", RunRequest(payload={"n": "hunter2"}))
        with pytest.raises(NotFoundError):
            runs.stop(ada, "report", "other", "because")

        (entry,) = entries(ada)
        of_run = audit.of_job(ada, "report", 10, EntryFilter(run=started.name)).entries

        assert (entry.action, entry.run, entry.outcome) == ("start_run", started.name, "done")
        assert of_run == (entry,)
        assert audit.of_job(ada, "report", 10, EntryFilter(run="other")).entries == ()
        assert "hunter2" not in str(entry)

    def test_what_was_refused_says_why(self, here, ada):
        here.jobs.put(ROW)
        stale = replace(ada, clock=lambda: datetime.now(UTC))
        with pytest.raises(StaleError), recorded(stale, Action.UPDATE_ROW, "report"):
            raise StaleError("the row has\x1b[2J changed")
        with pytest.raises(NotFoundError), recorded(stale, Action.STOP_RUN, "report"):
            raise NotFoundError("there is no such run")
        with pytest.raises(ValueError, match="hunter2"), recorded(stale, Action.BULK, "report"):
            raise ValueError("hunter2")

        found = {each.action: (each.outcome, each.reason) for each in entries(ada)}

        assert found == {
            "update_row": ("failed", r"the row has\x1b[2J changed"),
            "stop_run": ("refused", "there is no such run"),
            "bulk": ("failed", "ValueError"),
        }

    def test_nothing_is_done_for_a_proven_caller_without_an_entry(self, here, ada):
        CLIENTS.dynamodb.delete_table(TableName="jobs-Audit")
        here.jobs.put(ROW)

        with pytest.raises(NotFoundError):
            retry.retry(ada, "report")
        assert here.queued() == []

    def test_the_command_line_continues_with_a_warning(self, here, caplog):
        CLIENTS.dynamodb.delete_table(TableName="jobs-Audit")

        retry.retry(as_caller(here, EVE), "report")

        assert len(here.queued()) == 1
        assert "The audit has no entry of this" in caplog.text

    def test_a_bootstrap_of_an_earlier_version_has_no_audit(self, here):
        outputs = {k: v for k, v in here.service.outputs.items() if not k.startswith("Audit")}

        retry.retry(as_caller(here, EVE, outputs=outputs), "report")

        assert len(here.queued()) == 1

    def test_an_action_that_was_cut_off_is_begun(self, ada):
        steps = recorded(ada, Action.BACKFILL, "report")
        steps.__enter__()

        (entry,) = entries(ada)

        assert (entry.outcome, entry.ended_at) == (Outcome.BEGUN, None)
        steps.__exit__(None, None, None)


class TestLists:
    @pytest.fixture
    def many(self, here):
        start = datetime(2026, 11, 1, tzinfo=UTC)
        for index in range(12):
            now = start + timedelta(minutes=index // 3)  # several at the same time
            caller = ADA if index % 2 else EVE
            service = as_caller(here, caller, clock=lambda now=now: now)
            job = ("report", "other", None)[index % 3]
            with recorded(service, Action.RETRY_JOB, job, detail=str(index)):
                pass
        return here.service

    @pytest.mark.parametrize("limit", [1, 2, 3, 5, 100])
    def test_all_in_order_of_time_and_each_once(self, many, limit):
        seen, cursor = [], None
        while True:
            page = audit.page(many, limit, cursor=cursor)
            seen += page.entries
            cursor = page.cursor
            if cursor is None:
                break

        assert sorted(int(each.detail) for each in seen) == list(range(12))
        assert [each.at for each in seen] == sorted((each.at for each in seen), reverse=True)

    @pytest.mark.parametrize("limit", [1, 2, 3, 4, 100])
    def test_of_one_job_proven_and_claimed(self, many, limit):
        seen, cursor = [], None
        while True:
            page = audit.of_job(many, "report", limit, cursor=cursor)
            seen += page.entries
            cursor = page.cursor
            if cursor is None:
                break

        assert [int(each.detail) for each in seen] == [9, 6, 3, 0]
        assert [each.proven for each in seen] == [True, False, True, False]

    FILTERS = (
        (EntryFilter(by="user/eve"), range(0, 12, 2)),
        (EntryFilter(by="user/eve", action="retry_job", outcome=Outcome.DONE), range(0, 12, 2)),
        (EntryFilter(action="stop_run"), ()),
        (EntryFilter(outcome=Outcome.FAILED), ()),
        (EntryFilter(until=datetime(2026, 11, 1, 0, 2, tzinfo=UTC)), range(6)),
        (
            EntryFilter(
                by="ada",
                since=datetime(2026, 11, 1, 0, 1, tzinfo=UTC),
                until=datetime(2026, 11, 1, 0, 3, tzinfo=UTC),
            ),
            (3, 5, 7),
        ),
    )

    @pytest.mark.parametrize("limit", [1, 2, 3, 100])
    @pytest.mark.parametrize(("which", "numbers"), FILTERS)
    @pytest.mark.parametrize("job", ["", "report"])
    def test_a_filter_finds_each_once_page_by_page(self, many, limit, which, numbers, job):
        seen, cursor = [], None
        while True:
            if job:
                page = audit.of_job(many, job, limit, which, cursor=cursor)
            else:
                page = audit.page(many, limit, which, cursor=cursor)
            assert len(page.entries) <= limit
            seen += page.entries
            cursor = page.cursor
            if cursor is None:
                break

        wanted = [number for number in numbers if not job or number % 3 == 0]
        assert sorted(int(each.detail) for each in seen) == wanted
        assert [each.at for each in seen] == sorted((each.at for each in seen), reverse=True)
        assert audit.newest(many, job, 100, which) == seen

    def test_since_a_time(self, many):
        since = datetime(2026, 11, 1, 0, 3, tzinfo=UTC)

        assert len(audit.page(many, 100, EntryFilter(since=since)).entries) == 3
        assert len(audit.of_job(many, "report", 100, EntryFilter(since=since)).entries) == 1

    def test_until_a_time(self, many):
        until = datetime(2026, 11, 1, 0, 3, tzinfo=UTC)
        first = audit.page(many, 5, EntryFilter(until=until))
        last = audit.page(many, 5, EntryFilter(until=until), cursor=first.cursor)

        seen = [*first.entries, *last.entries]
        assert len(seen) == 12 - len(audit.page(many, 100, EntryFilter(since=until)).entries)
        assert max(each.at for each in seen) < until.isoformat()
        assert len(audit.of_job(many, "report", 100, EntryFilter(until=until)).entries) == 3

    def test_between_times_in_the_wrong_order(self, many):
        span = {
            "since": datetime(2026, 11, 1, 0, 3, tzinfo=UTC),
            "until": datetime(2026, 11, 1, 0, 2, tzinfo=UTC),
        }

        assert audit.page(many, 100, EntryFilter(**span)) == audit.AuditPage((), None)
        assert audit.of_job(many, "report", 100, EntryFilter(**span)) == audit.AuditPage((), None)

    def test_since_a_time_that_has_not_come(self, many):
        since = datetime(2199, 1, 1, tzinfo=UTC)

        assert audit.page(many, 100, EntryFilter(since=since)) == audit.AuditPage((), None)
        assert audit.of_job(many, "report", 100, EntryFilter(since=since)) == audit.AuditPage(
            (), None
        )

    def test_since_a_time_after_the_page_before(self, many):
        since = datetime(2026, 11, 1, 0, 8, tzinfo=UTC)
        cursor = audit.of_job(many, "report", 2).cursor
        cursor_of_all = audit.page(many, 2).cursor

        assert (
            audit.of_job(many, "report", 2, EntryFilter(since=since), cursor=cursor).entries == ()
        )
        assert audit.page(many, 2, EntryFilter(since=since), cursor=cursor_of_all).entries == ()

    def test_a_cursor_after_the_last_entry_there_can_be(self, many):
        cursor = cursors.written(["~", "report"])

        assert len(audit.page(many, 100, cursor=cursor).entries) == 12

    @pytest.mark.parametrize(
        "cursor",
        [
            "x",
            "WzFd",
            "W10",
            "bnVsbA",
            "é",
            *map(cursors.written, (["a" * 1025], ["\ud800"], [""])),
        ],
        ids=repr,
    )
    def test_a_cursor_that_no_list_had(self, many, cursor):
        with pytest.raises(InvalidRequestError):
            audit.page(many, 1, cursor=cursor)
        with pytest.raises(InvalidRequestError):
            audit.of_job(many, "report", 1, cursor=cursor)


class TestVersions:
    def test_each_change_and_who_made_it(self, here, ada):
        stream = Stream(ada)
        edits.put(ada, ROW, if_none_match=True)
        stream.write(None, ROW)
        second = ROW | {"memory_mb": 512}
        here.jobs.put(second)  # past the API
        stream.write(ROW, second)
        deletions.delete(as_caller(here, EVE), "report")
        stream.write(second, None)

        found = versions.list_versions(ada, "report")

        assert [(each.version.number, each.writer) for each in found] == [
            (3, f"says {EVE.name}"),
            (2, "-"),
            (1, ADA.name),
        ]
        assert found[1].version.changed == ("memory_mb",)
        assert found[0].version.deleted

    def test_no_number_of_claims_hides_who_is_proven_to_have_written(self, ada):
        edits.put(ada, ROW, if_none_match=True)
        Stream(ada).write(None, ROW)
        claims = (
            {
                "subject": "says#report",
                "entry_id": f"9999-12-31T23:59:59.{n:03}Z#x",
                "caller": "eve",
            }
            for n in range(600)
        )
        puts = [{"PutRequest": {"Item": to_dynamodb(claim)}} for claim in claims]
        for start in range(0, len(puts), 25):
            CLIENTS.dynamodb.batch_write_item(RequestItems={"jobs-Audit": puts[start : start + 25]})

        (found,) = versions.list_versions(ada, "report")

        assert found.writer == ADA.name

    def test_records_that_come_twice_or_late(self, ada):
        stream = Stream(ada)
        rows = [ROW | {"memory_mb": 128 * n} for n in range(1, 5)]
        records = [stream.record(a, b) for a, b in zip([None, *rows], rows, strict=False)]

        stream.send(records[0], records[2], records[1], records[2], records[0], records[3])

        found = versions.list_versions(ada, "report")
        sizes = [versions.get(ada, "report", e.version.number).row["memory_mb"] for e in found]
        assert sizes == [512, 384, 256, 128]
        before = [
            [change.before for change in versions.compared(ada, "report", e.version.number).changed]
            for e in found[:3]
        ]
        assert before == [[384], [256], [128]]

    def test_a_row_from_before_versions_were_kept(self, ada):
        Stream(ada).write(ROW, ROW | {"memory_mb": 512})

        second, first = versions.list_versions(ada, "report")

        assert (first.version.number, first.version.at, first.writer) == (1, None, "-")
        assert versions.get(ada, "report", 1).row == ROW
        assert second.version.changed == ("memory_mb",)

    def test_the_last_fifty_are_kept(self, ada):
        stream = Stream(ada)
        rows = [ROW | {"memory_mb": 128 + n} for n in range(60)]
        for before, after in zip([None, *rows], rows, strict=False):
            stream.write(before, after)
        stream.send({"dynamodb": stream.record(None, ROW)["dynamodb"] | {"SequenceNumber": "150"}})

        found = versions.list_versions(ada, "report")

        assert [each.version.number for each in found] == list(range(60, 10, -1))
        assert versions.get(ada, "report", 11).row["memory_mb"] == 138
        with pytest.raises(NotFoundError, match="kept are 11 to 60"):
            versions.get(ada, "report", 10)

    def test_a_row_of_any_types_comes_back_as_it_was(self, ada):
        row = {
            "job_name": "report",
            "a": {1, 2},
            "b": b"\x00\xff",
            "c": {"d": [None, b"x"]},
            "e": {"x"},
        }
        stream = Stream(ada)
        record = stream.record(None, row)
        as_event = json.loads(
            json.dumps(record, default=lambda v: __import__("base64").b64encode(v).decode())
        )
        stream.send(as_event)

        version = ada.row_versions.of("report")[0]
        kept = ada.row_versions.row("report", version)

        assert edits.etag_of(kept) == edits.etag_of(row) == version.digests[1]

    def test_differences(self, here, ada):
        stream = Stream(ada)
        rows = [None, ROW, ROW | {"memory_mb": 512}, ROW | {"environment": ENVIRONMENT}]
        for before, after in pairwise(rows):
            stream.write(before, after)
        here.jobs.put(rows[-1])
        reader = as_caller(here, READER)

        def paths(service, *span):
            return [
                (c.path, c.kind.value, c.after) for c in versions.changes(service, "report", *span)
            ]

        assert paths(ada, 1, 2) == [("memory_mb", "added", 512)]
        assert paths(ada, None, 2) == [("memory_mb", "added", 512)]
        assert paths(ada)[:1] == [("environment.DAY", "added", "monday")]
        assert paths(reader)[:1] == [("environment.DAY", "added", None)]
        assert paths(ada, 2) == [
            ("environment.DAY", "added", "monday"),
            ("environment.LEVEL", "added", "hunter2"),
            ("memory_mb", "removed", None),
        ]
        assert versions.get(reader, "report", 3).row["environment"] == {"DAY": None, "LEVEL": None}

    def test_a_row_is_restored_and_that_is_a_version_too(self, here, ada):
        here.jobs.put(ROW)
        stream = Stream(ada)
        stream.write(ROW, ROW | {"memory_mb": 512})
        here.jobs.put(ROW | {"memory_mb": 512})

        restored = versions.restore(ada, "report", 1, before=here.row())
        stream.write(restored.before, restored.row)

        assert here.row() == ROW
        newest = versions.list_versions(ada, "report")[0]
        assert (newest.written_by.action, newest.written_by.detail) == (
            "restore_version",
            "version 1",
        )
        assert newest.writer == ADA.name

    def test_a_deleted_row_is_restored(self, here, ada):
        stream = Stream(ada)
        stream.write(None, ROW)
        stream.write(ROW, None)

        versions.restore(ada, "report", 1)

        assert here.row() == ROW
        with pytest.raises(NotFoundError, match="choose an earlier one"):
            versions.restore(ada, "report", 2)

    def test_a_row_that_a_colleague_has_changed_is_not_restored_over(self, here, ada):
        Stream(ada).write(None, ROW)
        here.jobs.put(ROW | {"memory_mb": 1024})

        with pytest.raises(StaleError):
            versions.restore(ada, "report", 1, if_match=edits.etag_of(ROW))
        assert here.row()["memory_mb"] == 1024

    def test_a_row_that_is_not_valid_is_not_restored(self, here, ada):
        stream = Stream(ada)
        stream.write(None, ROW | {"memory_mb": "much"})
        stream.write(ROW | {"memory_mb": "much"}, ROW)
        here.jobs.put(ROW)

        with pytest.raises(edits.InvalidRowError):
            versions.restore(ada, "report", 1, before=ROW)

    def test_two_functions_at_once_record_each_version_once(self, ada):
        stream = Stream(ada)
        versions_table = ada.row_versions
        record = written_in(stream.record(None, ROW), "report")
        second = RowVersions(CLIENTS, "jobs-Audit", 400, ada.clock)
        versions_table.record(record)

        second.record(record)

        assert len(versions_table.of("report")) == 1

    def test_a_job_without_versions(self, here, ada):
        here.jobs.put(ROW)

        with pytest.raises(NotFoundError, match="when it changes next"):
            versions.list_versions(ada, "report")
        with pytest.raises(NotFoundError, match="there is no job other"):
            versions.list_versions(ada, "other")


HOSTILE = {
    "alike as far as is shown": [
        "2026-01-26T12:00:00.000Z#" + "x" * 600 + str(n) for n in range(6)
    ],
    "control characters": [f"2026-01-26T12:00:00.000Z#{chr(n)}\n" for n in range(1, 7)],
    "spaces": ["2026-01-26T12:00:00.000Z#" + " " * n for n in range(6)],
}


@pytest.mark.parametrize("ids", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("job", ["report", ""], ids=["of a job", "of all"])
def test_pages_come_to_an_end_whatever_claims_are_called(here, ids, job):
    for each in ids:
        claim = {"subject": "says#report", "entry_id": each, "feed": "all", "caller": "eve"}
        CLIENTS.dynamodb.put_item(TableName="jobs-Audit", Item=to_dynamodb(claim))

    found, cursor = [], None
    for _ in range(20):
        if job:
            page = audit.of_job(here.service, job, 2, cursor=cursor)
        else:
            page = audit.page(here.service, 2, cursor=cursor)
        found += page.entries
        cursor = page.cursor
        if cursor is None:
            break

    assert (len(found), cursor) == (6, None)
    assert all(str(audit.document(each)["id"]).isprintable() for each in found)
    assert all(len(str(audit.document(each)["id"])) <= 500 for each in found)
