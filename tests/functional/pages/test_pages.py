"""Pages as the server makes them: what they show, to whom, and that a number leads to its list."""

from __future__ import annotations

import gzip
import html
import re
from dataclasses import replace

import pytest

from provisioner.console import assets
from provisioner.runs.model import iso
from provisioner.service.caller import Caller, Role
from tests.support.cli import put_run
from tests.support.clients import CLIENTS
from tests.support.console_world import (
    NOW,
    OVER_ITEMS,
    World,
    commands_of,
    counters_of,
    jobs_of,
    put_history,
    text_of,
)

RUN = "/jobs/daily-report/runs/manual-094136?at=2026-11-26T09%3A41%3A36.000Z"
PAGES = (
    "/",
    "/overview/jobs",
    "/jobs",
    "/jobs?prefix=b&sort=next%20run",
    "/jobs/catalog-sync",
    "/jobs/geo-lookup",
    "/jobs/transcode",
    "/jobs/usage-meter",
    RUN,
    RUN.replace("?", "/log?"),
    "/runs",
    "/runs?status=FAILED&ended=24",
    "/failures",
)


def words(page):
    return html.unescape(re.sub(r"<[^>]+>", " ", page))


@pytest.mark.parametrize("path", PAGES)
def test_a_page_says_nothing_new_when_nothing_changed(world, path):
    whole = text_of(world, path)
    tag = re.search(r'hx-ptag="(\w+)"', whole)
    if tag is None:
        assert "/log?" in path
        return
    again = world.get(path, hx_request="true", hx_ptag=tag[1])
    other = world.get(path, hx_request="true", hx_ptag="other")

    assert (again.status, again.body) == (304, "")
    assert other.status == 200
    assert "<html" not in other.body
    assert len(whole) < 200_000


def test_an_error_is_one_again_and_again(world):
    for _ in range(2):
        answer = world.get("/jobs/none", hx_request="true", hx_ptag="of the page")
        assert (answer.status, "HX-PTag" in answer.headers) == (404, False)


def test_a_first_visit_takes_less_than_50_kb(world):
    sizes = {path: len(gzip.compress(text_of(world, path).encode())) for path in PAGES}
    first = assets.FILES.keys() - {"editor.js"}  # which only the pages that edit a row load
    assert all("/static/editor." not in html.unescape(text_of(world, path)) for path in PAGES)
    files = sum(len(gzip.compress(assets.content(name))) for name in first)

    assert files + max(sizes.values()) < 50_000, sizes


@pytest.fixture(scope="module")
def deployed(world):
    """Yield the world with what the command line asks for: outputs, and a job's log group."""
    world.provisioner.deploy()
    put_history(world)
    CLIENTS.logs.create_log_group(logGroupName="/jobs/daily-report")
    return world


ITEMS = f"/jobs/orders-to-json/runs/{OVER_ITEMS}/items"
MORE_PAGES = (
    "/audit",
    "/audit?action=retry_job&by=o%27hara&outcome=failed",
    "/dead-letters",
    "/failures?hours=168",
    "/jobs?owner=data&status=READY&type=lambda&tag=team%3Ddata",
    "/jobs/billing-export/audit?run=manual%20one",
    "/jobs/billing-export/more",
    "/jobs/catalog-sync/versions",
    "/runs?job=catalog-sync&status=TIMED_OUT&tag=team%3Ddata",
    "/runs?status=FAILED&tag=team%3Ddata&ended=24",
    "/runs?since=2026-11-25T09:42Z&until=2026-11-26T09:00:30&started_by=user/ada",
    "/jobs?schedule=paused&sort=next%20run",
    "/audit?since=2026-11-25T09:42&until=2026-11-26T09:42",
    "/upgrade",
    ITEMS,
    f"{ITEMS}?status=FAILED",
    f"{ITEMS}/2",
)


@pytest.mark.parametrize("path", [*PAGES, *MORE_PAGES])
def test_the_command_of_a_page_works(deployed, path):
    commands = commands_of(text_of(deployed, path))

    assert commands
    for command in commands:
        done = deployed.provisioner.run(*command)
        assert done.exit_code == 0, (command, done.stderr)


@pytest.mark.parametrize(
    ("path", "command"),
    [
        (MORE_PAGES[1], "audit --action retry_job --by o'hara --outcome failed"),
        (MORE_PAGES[3], "runs --status failed --since 168h"),
        (MORE_PAGES[4], "get --status READY --type lambda --owner data --tag team=data"),
        (MORE_PAGES[8], "runs catalog-sync --status timed_out"),
        (MORE_PAGES[9], "runs --status failed --tag team=data --since 24h"),
        (MORE_PAGES[11], "get --schedule paused"),
        (MORE_PAGES[12], "audit --since 2026-11-25T09:42:00Z --until 2026-11-26T09:42:00Z"),
        (
            MORE_PAGES[10],
            "runs --started-by user/ada --since 2026-11-25T09:42:00Z --until 2026-11-26T09:00:30Z",
        ),
    ],
)
def test_the_command_of_a_list_has_its_filters(deployed, path, command):
    assert commands_of(text_of(deployed, path)) == [command.split()]


class TestTheOverview:
    def test_each_number_leads_to_a_list_with_as_many(self, world):
        counters = counters_of(world)

        assert len(counters) == 9
        assert sum(counters.values()) > 20
        for href, count in counters.items():
            page = text_of(world, href)
            shown = page.count("<tr data-row>")
            assert shown == count, href

    def test_runs_are_drawn(self, world):
        page = text_of(world, "/")

        assert page.count('class="run good"') > 20
        assert 'class="run bad"' in page

    def test_what_comes_next_is_named_the_soonest_first(self, world):
        page = text_of(world, "/overview/jobs", hx_request="true")

        coming = re.findall(r'data-next="([^"]+)".*?datetime="([^"]+)"', page)
        assert [at for _, at in coming] == sorted(at for _, at in coming)
        assert "fraud-score" in dict(coming)
        assert "ledger-close" not in dict(coming)  # its schedule is off


class TestAJob:
    def test_has_how_its_last_runs_went_and_how_long_they_took(self, world):
        page = text_of(world, "/jobs/catalog-sync")
        picture = re.search(r'<svg class="durations".*?</svg>', page, re.DOTALL)[0]
        said = words(page)

        assert 'class="strip"' in page
        assert picture.count("<rect") == 6
        assert "Usually" in said
        assert re.search(r"\d+ s to \d+ s; \d succeeded", said)
        for href in re.findall(r'<a class="\w+" href="([^"]+)"', picture):
            assert world.get(html.unescape(href)).status == 200

    def test_that_failed_says_why_and_what_to_do(self, world):
        said = words(text_of(world, "/jobs/geo-lookup"))

        assert "Function failed" in said
        assert "cannot be assumed by Lambda" in said
        assert "provisioner retry geo-lookup" in said

    def test_that_failed_leads_to_what_cloudformation_did(self, world):
        page = html.unescape(text_of(world, "/jobs/geo-lookup"))
        links = re.findall(r'href="([^"]+/stack)"', page)
        said = words(text_of(world, links[0]))

        assert set(links) == {"/jobs/geo-lookup/stack"}
        update, create = said.split("took ")[1:]
        assert "Function failed first" in update
        assert "cannot be assumed by Lambda" in update
        assert update.startswith("16 s")
        assert "update rollback complete" in said.split("took ")[0]
        assert create.startswith("34 s")
        assert "failed" not in create

    def test_without_a_stack_leads_nowhere(self, world):
        assert "/stack" not in html.unescape(text_of(world, "/jobs/catalog-sync"))
        assert "has no stack yet" in world.get("/jobs/catalog-sync/stack").body

    def test_that_is_invalid_says_it_beside_the_attribute(self, world):
        page = text_of(world, "/jobs/transcode")
        row = re.search(r'<dl class="facts row">(.*?)</dl>', page, re.DOTALL)[1]
        first = row.split("<dt")[1]

        assert "memory_mb" in first
        assert "must be from 128 to 10240" in first

    def test_has_its_next_times_in_its_zone_and_marks_the_change_of_clocks(self, world):
        before = replace_now(world, "2027-03-24T12:00:00+00:00")
        page = text_of(before, "/jobs/billing-export")

        assert "Thu 25 Mar 06:00 CET" in words(page)
        assert "Sun 28 Mar 06:00 CEST" in words(page)
        assert page.count("clocks change") == 1

    def test_that_does_not_exist(self, world):
        response = world.get("/jobs/billing-exprot")

        assert response.status == 404
        assert "billing-export" in response.body


def replace_now(world, text):
    return replace(world, now=type(NOW).fromisoformat(text))


class TestWhoeverMayOnlyRead:
    @pytest.fixture
    def as_reader(self, world):
        reader = Caller("bob", via="console", role=Role.READ)
        return World(world.provisioner, world.now, lambda request: request.of(reader))

    def test_never_gets_values_of_the_environment(self, world, as_reader):
        assert "s3cr3t-do-not-show" in text_of(world, "/jobs/catalog-sync")
        shown = text_of(as_reader, "/jobs/catalog-sync")

        assert "API_TOKEN" in shown
        assert "s3cr3t-do-not-show" not in shown

    def test_nor_by_the_overrides_of_a_run(self, world, as_reader):
        overrides = '{"environment": {"KEY": "hidden-value"}}'
        put_run("fraud-score", "own", "SUCCEEDED", overrides=overrides, started_at=NOW)
        at = "/jobs/fraud-score/runs/own?at=" + iso(NOW)

        assert "hidden-value" in text_of(world, at)
        assert "hidden-value" not in text_of(as_reader, at)


@pytest.mark.parametrize(
    ("path", "actions"),
    [
        ("/runs?status=RUNNING", {"stop_runs"}),
        ("/runs?status=FAILED", {"run_again"}),
        ("/failures", {"run_again"}),
        ("/jobs?owner=data", {"pause_schedules", "resume_schedules", "retry_jobs", "delete_jobs"}),
        ("/jobs", set()),
    ],
)
def test_a_list_leads_to_what_may_be_done_to_all_of_it(world, path, actions):
    links = re.findall(r'href="([^"]*bulk\?[^"]+)"', html.unescape(text_of(world, path)))

    assert {re.search(r"action=(\w+)", each)[1] for each in links} == actions
    for each in links:
        assert world.get(each).status == 200, each


@pytest.mark.parametrize("path", ["/jobs?owner=data", "/jobs/catalog-sync", "/runs?status=RUNNING"])
def test_a_reader_has_no_button(world, path):
    reader = Caller("bob", via="console", role=Role.READ)
    shown = text_of(World(world.provisioner, world.now, lambda request: request.of(reader)), path)

    links = {html.unescape(each).partition("?")[0] for each in re.findall(r'href="([^"]+)"', shown)}
    doing = {"run", "edit", "pause", "resume", "backfill", "retry", "delete", "stop", "new", "bulk"}
    assert "<form method" not in shown
    assert not {each for each in links if each.rpartition("/")[2] in doing}


@pytest.mark.parametrize(
    ("query", "field", "said"),
    [
        ("since=yesterday", "since", '"yesterday" is not a time'),
        ("until=2026-13-01T00:00", "until", "is not a time"),
        ("since=2026-11-26T09:00&until=2026-11-26T08:00", "until", "ends before it begins"),
        ("since=9999-12-31T23:59:59%2B00:01", "since", "is not a time"),
    ],
)
@pytest.mark.parametrize("more", ["", "&job=report", "&status=RUNNING"])
def test_a_time_that_is_not_valid_is_said_beside_its_field(world, query, field, said, more):
    answer = world.get(f"/runs?{query}{more}")
    shown = html.unescape(answer.body)

    assert answer.status == 400
    assert f'name="{field}"' in shown
    error = re.search(rf'<em class="error" id="wrong-{field}">([^<]+)</em>', shown)[1]
    assert said.lower() in error.lower()
    assert "No list: a time is not valid" in shown
    assert "<tr data-row>" not in shown
    assert world.get(f"/bulk?action=run_again&{query}{more}").status == 400


def test_runs_of_a_span_of_time_and_of_who_started_them(world):
    def runs(query):
        return text_of(world, f"/runs?{query}").count("<tr data-row>")

    whole, half = runs("job=fraud-score"), "2026-11-26T08:50Z"
    assert whole > 1
    before, since = (runs(f"job=fraud-score&{name}={half}") for name in ("until", "since"))
    assert (before > 0, since > 0, before + since) == (True, True, whole)
    assert runs("started_by=user/ada") == runs("status=RUNNING&started_by=ada") == 1
    assert 'name="until" value="2026-11-26T08:50"' in text_of(world, f"/runs?until={half}")


def test_jobs_by_their_schedule(world):
    names = {state: jobs_of(text_of(world, f"/jobs?schedule={state}")) for state in STATES}

    assert names["paused"] == ["ledger-close"]
    assert "billing-export" in names["scheduled"]
    assert "orders-to-json" in names["none"]
    assert sorted(names["scheduled"] + names["none"]) == jobs_of(text_of(world, "/jobs"))
    assert world.get("/jobs?schedule=x").status == 400


STATES = ("scheduled", "paused", "none")
