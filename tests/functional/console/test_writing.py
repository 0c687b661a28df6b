"""The pages that change something, without JavaScript."""

from __future__ import annotations

import json
from dataclasses import replace
from urllib.parse import quote

import pytest

from provisioner.console.done import SENTENCES
from provisioner.console.routes import ROUTES
from provisioner.console.writing import WRITING
from provisioner.runs.model import iso
from provisioner.service.caller import Role
from provisioner.service.rights import Action
from tests.support.cli import put_run
from tests.support.clients import CLIENTS
from tests.support.executions import put_running, start_execution
from tests.support.rows import ROW

pytestmark = pytest.mark.usefixtures("job")

ENDLESS = {"Type": "Wait", "Seconds": 3600, "End": True}
SCHEMA = {
    "type": "object",
    "required": ["day"],
    "properties": {
        "day": {"type": "string", "format": "date"},
        "limit": {"type": "integer", "minimum": 1, "default": 5},
    },
}


@pytest.fixture
def job(here):
    here.jobs.put(
        ROW | {"payload": {"who": "me"}, "payload_schema": SCHEMA, "schedule": "rate(1 hour)"}
    )
    here.machine = here.make_runnable(ENDLESS)
    return here


def inputs(job):
    states = CLIENTS.stepfunctions
    found = states.list_executions(stateMachineArn=job.machine)["executions"]
    return [
        json.loads(states.describe_execution(executionArn=each["executionArn"])["input"])
        for each in found
    ]


class TestRunForm:
    def test_it_begins_with_the_defaults_as_values(self, browser):
        page = browser.get("/jobs/report/run")

        assert page.form["integer:limit"] == "5"
        assert json.loads(page.form["rest:"]) == {"who": "me"}

    def test_a_run_is_started_once_however_often_it_is_sent(self, job, browser):
        page = browser.get("/jobs/report/run")
        page.form.fill({"date:day": "2026-11-21"})

        first, second = browser.press(page, "start"), browser.press(page, "start")

        assert first.status == second.status == 303
        assert first.response.headers["Location"] == second.response.headers["Location"]
        (given,) = inputs(job)
        assert given.pop("_run")["by"] == "local operator"
        assert given == {"day": "2026-11-21", "limit": 5, "who": "me"}

    def test_errors_stand_beside_their_field_and_nothing_is_lost(self, job, browser):
        page = browser.get("/jobs/report/run")
        page.form.fill({"integer:limit": "0"})

        page = browser.press(page, "start")

        assert page.status == 422
        assert "must be at least 1" in page.text
        assert "is required" in page.text
        assert page.form["integer:limit"] == "0"
        assert inputs(job) == []

    def test_form_and_json_are_of_the_same_payload(self, browser):
        page = browser.get("/jobs/report/run")
        page.form.fill({"date:day": "2026-11-21"})

        page = browser.press(page, "json")
        payload = json.loads(page.form["raw"])
        assert payload == {"day": "2026-11-21", "limit": 5, "who": "me"}
        page.form.fill({"raw": json.dumps(payload | {"limit": 7})})
        page = browser.press(page, "form")

        assert page.form["integer:limit"] == "7"
        assert page.form["date:day"] == "2026-11-21"

    def test_broken_json_stays_as_it_was_typed(self, browser):
        page = browser.get("/jobs/report/run?view=json")
        page.form.fill({"raw": '{"day": }'})

        page = browser.press(page, "form")

        assert page.form["raw"] == '{"day": }'
        assert "is not valid JSON" in page.text

    def test_run_again_is_filled_as_that_run_and_names_it(self, job, browser):
        put_run("report", "one", "FAILED", input='{"day": "2026-11-20", "limit": 3, "who": "you"}')

        page = browser.get("/jobs/report/run?again=one")
        assert page.form["date:day"] == "2026-11-20"
        assert "Differs from the row" in page.text
        browser.press(page, "start")

        (given,) = inputs(job)
        assert given.pop("_run")["parent"] == "one"
        assert given == {"day": "2026-11-20", "limit": 3, "who": "you"}

    def test_an_operator_repeats_values_that_are_not_shown(self, here, browser):
        row = {
            "job_name": "box",
            "type": "ecs",
            "image": "busybox:1",
            "allow_overrides": ["environment"],
        }
        here.jobs.put(row)
        here.machine = here.make_runnable(ENDLESS, "box")
        overrides = {"environment": {"TOKEN": "hush", "DAY": "1"}}
        put_run("box", "one", "FAILED", input="{}", overrides=json.dumps(overrides))
        browser.role = Role.OPERATE

        page = browser.get("/jobs/box/run?again=one")
        assert "hush" not in page.html
        assert "TOKEN" in page.text
        page.form.fields.append(["override:environment", '{"DAY": "2"}'])
        page.form.fields = [
            each for each in page.form.fields if each != ["override:environment", ""]
        ]
        assert browser.press(page, "start").status == 303

        (given,) = inputs(here)
        assert given["_run"]["overrides"]["environment"] == {"TOKEN": "hush", "DAY": "2"}

        page.form.fill({"override:environment": "[1]"})
        refused = browser.press(page, "start")
        assert refused.status == 422
        assert "hush" not in refused.html

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("key", "../x y"),
            ("key", "k" * 5_000),
            ("key", "\u00e9\x00\n"),
            ("overlap", "nonsense"),
            ("parent", "nobody"),
            ("parent", "p" * 5_000),
            ("view", "<b>"),
            ("do", "delete"),
            ("raw", "[" * 50_000),
        ],
        ids=lambda value: repr(value[:12]),
    )
    @pytest.mark.parametrize("kept", [False, True], ids=["", "with kept values"])
    def test_a_forged_field_is_refused_or_means_nothing(self, browser, name, value, kept):
        page = browser.get("/jobs/report/run?view=json")
        page.form.fill({"raw": '{"day": "2026-11-20"}'})
        fields = [each for each in page.form.fields if each[0] not in {name, "do"}]
        fields += [[name, value], *([["keep_environment", "1"]] if kept else [])]
        fields += [] if name == "do" else [["do", "start"]]

        page = browser.post("/jobs/report/run", fields)

        assert page.status in {200, 303, 400, 404, 422}


class TestOverrides:
    @pytest.fixture
    def box(self, here):
        here.jobs.put(
            {
                "job_name": "box",
                "type": "ecs",
                "image": "busybox:1",
                "command": ["true"],
                "allow_overrides": ["command", "environment"],
            }
        )
        here.machine = here.make_runnable(ENDLESS, "box")
        return here

    @pytest.mark.parametrize(
        ("typed", "command"),
        [
            ("report --day 'a b'", ["report", "--day", "a b"]),
            ('["report", "a b"]', ["report", "a b"]),
            (' "report all"', ["report", "all"]),
        ],
        ids=["as in a shell", "a list", "a JSON string"],
    )
    def test_a_command_as_one_types_it(self, box, browser, typed, command):
        page = browser.get("/jobs/box/run")
        page.form.fill({"override:command": typed})

        assert browser.press(page, "start").status == 303

        (given,) = inputs(box)
        assert given["_run"]["overrides"] == {"command": command}

    @pytest.mark.parametrize(
        ("name", "typed", "said"),
        [
            ("environment", '{"DAY": ', "environment is not valid JSON"),
            ("environment", "DAY=2", "environment is not valid JSON"),
            ("environment", "[" * 9_000, "environment is not valid JSON"),
            ("environment", '{"DAY": 2, "DAY": 3}', 'an object has "DAY" twice'),
            ("command", '["report"', "command is not valid JSON"),
            ("command", "report 'a", "command"),
        ],
    )
    def test_what_cannot_be_read_stays_as_it_was_typed(self, box, browser, name, typed, said):
        page = browser.get("/jobs/box/run")
        page.form.fill({f"override:{name}": typed})

        page = browser.press(page, "start")

        assert page.status == 422
        assert said in page.text
        assert page.form[f"override:{name}"] == typed
        assert inputs(box) == []

    @pytest.mark.parametrize("typed", ["[1]", '"day"', "7", "null"])
    def test_a_payload_is_an_object(self, box, browser, typed):
        page = browser.get("/jobs/box/run?view=json")
        page.form.fill({"raw": typed})

        page = browser.press(page, "start")

        assert page.status == 422
        assert "must be a JSON object" in page.text
        assert page.form["raw"] == typed
        assert inputs(box) == []


class TestConfirmations:
    def test_a_run_is_stopped_with_a_reason(self, job, browser):
        arn = start_execution(job.machine, "one")
        put_running("report", arn)

        page = browser.get("/jobs/report/runs/one/stop")
        page.form.set(reason="enough")

        assert browser.press(page).response.headers["Location"] == "/jobs/report/runs/one"
        (row,) = job.triggers.latest("report", 1)
        assert (row["stop_reason"], row["stopped_by"]) == ("enough", "local operator")

    def test_pause_and_resume(self, job, browser):
        browser.app = replace(browser.app, routes=ROUTES)
        page = browser.get("/jobs/report/pause")
        assert browser.press(page).status == 422
        page.form.set(note="moving house")
        assert browser.press(page).status == 303
        assert job.row()["schedule_note"] == "moving house"
        page = browser.get("/jobs/report")
        assert "It is off by its row, so no run starts" in page.text
        assert "Note: moving house" in page.text

        assert browser.press(browser.get("/jobs/report/resume")).status == 303
        assert "schedule_enabled" not in job.row()
        assert "moving house" not in browser.get("/jobs/report").text
        assert "pause schedulemoving house" in browser.get("/audit").text

    def test_a_job_is_deleted_only_by_its_name(self, job, browser):
        page = browser.get("/jobs/report/delete")
        page.form.set(name="repor")
        wrong = browser.press(page)
        assert (wrong.status, job.row() != {}) == (422, True)
        assert wrong.form["name"] == "repor"

        page.form.set(name="report")
        browser.press(page)
        assert job.row() == {}

    def test_retry(self, job, browser):
        browser.press(browser.get("/jobs/report/retry"))

        assert job.queued()

    @pytest.mark.parametrize(
        "address", ["/jobs/gone/delete", "/jobs/gone/run", "/jobs/report/runs/x/stop"]
    )
    def test_what_is_not_there(self, browser, address):
        assert browser.get(address).status == 404


class TestWhatWasDone:
    @pytest.fixture
    def cookie(self, browser):
        [cookie] = browser.press(browser.get("/jobs/report/retry")).response.cookies
        return cookie.partition(";")[0]

    def test_is_said_once(self, browser, cookie):
        page = browser.get("/jobs/report/versions", cookie=cookie)
        assert "Earlier failures are forgotten" in page.text
        [forgotten] = page.response.cookies
        assert forgotten.startswith("__Host-done=; ")
        assert "Max-Age=0" in forgotten
        assert "forgotten" not in browser.get("/jobs/report/versions").text

    def test_is_not_said_by_a_part_of_a_page(self, browser, cookie):
        part = browser.get("/audit", cookie=cookie, hx_request="true")
        assert ("forgotten" in part.text, part.response.cookies) == (False, ())

    def test_is_not_said_of_what_was_refused(self, browser):
        refused = browser.press(browser.get("/jobs/report/pause"))
        assert (refused.status, refused.response.cookies) == (422, ())

    @pytest.mark.parametrize("value", ["", "x", "<b>bold</b>", "get_job"])
    def test_is_never_text_that_somebody_else_chose(self, browser, value):
        page = browser.get("/jobs/report/versions", cookie=f"__Host-done={value}")
        assert "done" not in [has.get("class") for _, has in page.elements]
        assert page.response.cookies == ()

    def test_has_a_sentence_for_each_action(self):
        actions = {route.action for route in WRITING if route.method == "POST"}
        assert actions - SENTENCES.keys() == {Action.BULK, Action.BACKFILL}
        assert SENTENCES.keys() <= actions


class TestEditor:
    def edit(self, browser, **changes):
        page = browser.get("/jobs/report/edit")
        row = json.loads(page.form["row"]) | changes
        page.form.set(row=json.dumps({k: v for k, v in row.items() if v is not None}, indent=1))
        return page

    def test_a_row_is_saved(self, job, browser):
        before = job.row()

        assert browser.press(self.edit(browser, memory_mb=512), "save").status == 303

        assert job.row() == before | {"memory_mb": 512}

    def test_a_row_that_is_saved_as_it_was_is_the_same(self, job, browser):
        before = job.row()
        browser.press(browser.get("/jobs/report/edit"), "save")

        assert job.row() == before

    def test_problems_stand_beside_their_lines(self, job, browser):
        page = browser.press(self.edit(browser, memory_mb="much", memroy_mb=1), "plan")

        assert page.status == 200
        assert '"memory_mb": "much"' in page.text
        assert 'did you mean "memory_mb"?' in page.text
        assert browser.press(page, "save").status == 422
        assert "memory_mb" not in job.row()

    def test_a_name_that_appears_twice_is_not_lost(self, job, browser):
        before = job.row()
        page = browser.get("/jobs/report/edit")
        row = page.form["row"].rstrip().removesuffix("}").rstrip()
        page.form.fill({"row": row + ', "payload": {"who": "you"}}'})

        page = browser.press(page, "save")

        assert page.status == 422
        assert 'an object has "payload" twice' in page.text
        assert job.row() == before

    def test_text_that_is_not_json_keeps_its_line(self, browser):
        page = browser.get("/jobs/report/edit")
        page.form.set(row='{\n "a": 1,\n "b": ]\n}')

        page = browser.press(page, "save")

        assert page.status == 422
        assert '3 "b": ]' in page.text
        assert "is not valid JSON" in page.text

    def test_while_typing_only_the_problems_come_back(self, browser):
        page = browser.press(self.edit(browser, memory_mb=1), "plan", hx_request="true")

        assert "<form" not in page.html
        assert "memory_mb" in page.text

    def test_the_plan_shows_values_and_what_is_replaced(self, browser):
        page = browser.press(self.edit(browser, memory_mb=512, description="new"), "plan")

        assert "2 attributes change" in page.text
        assert "512" in page.text

    def test_the_plan_shows_no_secret_that_a_row_has_by_mistake(self, job, browser):
        arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:jobs/token-a1b2c3"
        job.jobs.put(job.row() | {"secrets": {"TOKEN": "hunter2"}})

        page = browser.press(self.edit(browser, secrets={"TOKEN": arn}), "plan")

        assert "1 attribute changes" in page.text
        assert arn in page.text
        assert "hunter2" not in page.html

    @pytest.mark.parametrize("version", ["9" * 5_000, "1", "-1", "²"])
    def test_a_version_that_does_not_exist(self, browser, version):
        assert browser.get(f"/jobs/report/edit?version={quote(version)}").status in {400, 404}

    def test_a_colleague_s_change_is_merged(self, job, browser):
        page = self.edit(browser, memory_mb=512, description="mine")
        job.jobs.put(job.row() | {"timeout_seconds": 99, "description": "theirs"})

        page = browser.press(page, "save")

        assert page.status == 412
        assert "Somebody has changed this row" in page.text
        assert "theirs" in page.text
        merged = json.loads(page.form["row"])
        assert (merged["memory_mb"], merged["timeout_seconds"]) == (512, 99)
        assert merged["description"] == "mine"
        assert job.row()["description"] == "theirs"
        assert browser.press(page, "save").status == 303
        assert job.row()["description"] == "mine"
        assert job.row()["timeout_seconds"] == 99

    @pytest.mark.parametrize("base", ["", "{", "[]", '{"a": 1, "a": 2}'])
    def test_a_form_that_lost_what_it_began_with_loses_nothing(self, job, browser, base):
        page = self.edit(browser, memory_mb=512, description="mine")
        job.jobs.put(job.row() | {"timeout_seconds": 99, "description": "theirs"})
        page.form.fill({"base": base})

        page = browser.press(page, "save")

        assert page.status == 412
        assert "theirs" in page.text
        merged = json.loads(page.form["row"])
        assert (merged["memory_mb"], merged["timeout_seconds"]) == (512, 99)
        assert merged["description"] == "mine"
        assert job.row()["description"] == "theirs"

    def test_a_row_that_was_deleted_in_the_meantime_can_be_saved_as_new(self, job, browser):
        page = self.edit(browser, memory_mb=512)
        job.jobs.delete("report")

        page = browser.press(page, "save")
        assert page.status == 412
        assert "has been deleted" in page.text
        assert browser.press(page, "save").status == 303
        assert job.row()["memory_mb"] == 512

    def test_another_name_is_another_job(self, job, browser):
        page = browser.press(self.edit(browser, job_name="other"), "save")

        assert page.status == 422
        assert job.row("other") == {}

    @pytest.mark.parametrize(
        "address", ["/new", "/new?example=container", "/new?example=machine", "/new?from=report"]
    )
    def test_a_new_job_begins_with_a_row_that_is_nearly_right(self, browser, address):
        page = browser.press(browser.get(address), "plan")

        assert "Creates the job" in page.text or "ami" in page.text

    def test_a_new_job_replaces_none(self, job, browser):
        page = browser.get("/new?from=report")
        page.form.set(row=page.form["row"].replace("report-copy", "report"))
        before = job.row()

        page = browser.press(page, "save")

        assert page.status == 412
        assert "there is a job report already" in page.text
        assert job.row() == before
        page.form.set(row=page.form["row"].replace('"report"', '"report-two"'))
        assert browser.press(page, "save").response.headers["Location"] == "/jobs/report-two"
        assert job.row("report-two")["handler"] == ROW["handler"]


def targets(page):
    return {has["value"] for _, has in page.elements if has.get("name") == "target"}


class TestBulk:
    @pytest.fixture(autouse=True)
    def runs(self, job):
        for number in range(12):
            name = f"r{number}"
            arn = start_execution(job.machine, name)
            put_running("report", arn)

    def test_runs_are_seen_confirmed_and_stopped(self, job, browser):
        page = browser.get("/bulk?action=stop_runs&job=report&since=2026-11-21T00:00:00Z")
        assert "Stop 12 runs" in page.text
        assert "r11" in page.text
        page.form.set(reason="maintenance")
        page = browser.follow(browser.press(page))
        assert "0 of 12" in page.text

        for said in ("10 of 12", "12 of 12. Done."):
            page = browser.follow(browser.press(page))
            assert said in page.text

        assert {row["stop_reason"] for row in job.triggers.latest("report", 12)} == {"maintenance"}

    @pytest.mark.parametrize(
        "query",
        [
            "status=RUNNING",
            "tag=team",
            "job=report",
            "reason=E:%20*",
            "ended=24",
            "ended=24&tag=team",
        ],
    )
    def test_all_that_match_are_those_of_the_list(self, job, browser, query):
        job.jobs.put(ROW | {"job_name": "other", "tags": {"team": "data"}})
        job.list_all()
        now = job.service.clock()
        failed = {"error_group": "E: *", "started_at": now, "ended_at": iso(now)}
        for name, more in {"f1": failed, "f2": failed | {"error_group": "F: *"}}.items():
            put_run("report", name, "FAILED", **more)
            put_run("other", name, "FAILED", **more)

        listed = browser.get(f"/runs?{query}")
        meant = [browser.get(each) for each in listed.links if "action=" in each]

        assert {each for page in meant for each in targets(page)} == targets(listed) != set()

    def test_they_are_listed_and_lead_to_their_pages(self, browser):
        assert "No bulk action" in browser.get("/bulk-actions").text
        page = browser.get("/bulk?action=stop_runs&job=report&since=2026-11-21T00:00:00Z")
        page.form.set(reason="maintenance")
        begun = browser.follow(browser.press(page))
        assert "/bulk-actions" in begun.links

        listed = browser.get("/bulk-actions")
        said = " ".join(listed.text.split())
        assert "Stop 12 runsmaintenance not finished" in said
        assert "0 of 12" in said
        address = next(each for each in listed.links if each.startswith("/bulk/"))
        assert "Stop 12 runs" in browser.get(address).text

        for _ in range(2):
            begun = browser.follow(browser.press(begun))
        said = " ".join(browser.get("/bulk-actions").text.split())
        assert "maintenance done" in said
        assert "12 of 12" in said
        for list_of in ("/runs", "/jobs"):
            assert "/bulk-actions" in browser.get(list_of).links

    def test_more_than_a_page_of_them(self, job, browser):
        values = {"action": "stop_runs", "reason": "x", "by": "y", "targets": ["report/r"]}
        values |= {"done": 1, "failures": [{"target": "report/r", "message": "no"}]}
        for number in range(60):
            at = f"2026-11-21T09:00:{number:02}+00:00"
            now = job.service.clock()
            job.service.bulks.put(f"b{number:02}", values | {"created_at": at}, now)

        def ids(page):
            return [each.removeprefix("/bulk/") for each in page.links if "/bulk/" in each]

        first = browser.get("/bulk-actions")
        second = browser.get(next(each for each in first.links if "cursor=" in each))
        assert ids(first) + ids(second) == [f"b{number:02}" for number in range(59, -1, -1)]
        assert "done, some failed" in first.text

    def test_nothing_ticked(self, browser):
        page = browser.post("/bulk/ticked", [["action", "stop_runs"]])

        assert "Nothing is ticked" in page.text

    def test_ticked_ones(self, browser):
        fields = [["action", "stop_runs"], ["target", "report/r1"], ["target", "report/r2"]]
        page = browser.post("/bulk/ticked", fields)

        assert "Stop 2 runs" in page.text
        assert browser.press(page).status == 422  # no reason
        page.form.set(count="9" * 5_000, reason="why")
        assert browser.press(page).status == 422
        page.form.set(count="3", reason="why")
        assert "check them again" in browser.press(page).text

    @pytest.mark.parametrize(
        "query",
        [
            "",
            "action=stop_runs",
            "action=burn&job=report",
            "action=stop_runs&job=report&since=2026-11-21",
        ],
    )
    def test_an_empty_filter_or_none(self, browser, query):
        assert browser.get(f"/bulk?{query}").status == 400


class TestBackfill:
    def test_it_is_seen_and_started(self, job, browser):
        query = "start=2026-10-01T00:00:00Z&end=2026-10-01T12:00:00Z&overlap=allow"
        page = browser.get(f"/jobs/report/backfill?{query}")
        count = page.text.count("backfill-20261001")
        assert count == 12
        assert f"Start {count} runs" in page.html

        page = browser.follow(browser.press(page))
        assert f"Started 10 of {count}." in page.text
        page = browser.follow(browser.press(page))
        assert "All have been started." in page.text
        assert len(inputs(job)) == count

    @pytest.mark.parametrize("done", ["-1", "x", "9" * 5_000])
    def test_a_number_of_runs_that_is_none(self, browser, done):
        query = "start=2026-10-01T00:00:00Z&end=2026-10-01T12:00:00Z"

        assert browser.get(f"/jobs/report/backfill?{query}&done={done}").status == 400

    def test_a_span_that_is_not_one(self, browser):
        page = browser.get("/jobs/report/backfill?start=2026-10-02&end=2026-10-01")

        assert page.status == 400
        assert "the end must be after the start" in page.text
