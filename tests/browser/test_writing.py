"""What people change in the console, in a browser: with and without JavaScript."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from decimal import Decimal

import pytest

from provisioner.console.writing import WRITING
from provisioner.service.caller import Role
from provisioner.service.rights import NEEDED
from provisioner.stacks.model import Failure, JobStatus
from tests.support.browser import expect, tab
from tests.support.cli import put_run
from tests.support.clients import CLIENTS
from tests.support.deployments import deploy, write
from tests.support.executions import put_running, start_execution, wait_for_status
from tests.support.rows import ROW

pytestmark = pytest.mark.browser

ENDLESS = {"Type": "Wait", "Seconds": 3600, "End": True}
MARKUP = "\"'><img src=x onerror=alert(1)></textarea><script>alert(2)</script>{{ 7*7 }}"
EVIL = f"{MARKUP}\x1b[2J\u202e"
"""What runs may hold; rows with controls are INVALID."""
SCHEMA = {
    "type": "object",
    "required": ["day"],
    "properties": {
        "day": {"type": "string", "pattern": "^2026-"},
        "limit": {"type": "integer", "minimum": 1, "default": 5},
    },
}


@pytest.fixture
def job(world):
    """Yield a job that can be run, with another row in each test."""
    world.provisioner.jobs.put(ROW | {"job_name": "story", "payload_schema": SCHEMA})
    here = world.provisioner
    if "StateMachineArn" not in here.record("story").outputs:
        here.make_runnable(ENDLESS, "story")
    return here


def executions(job):
    arn = job.record("story").outputs["StateMachineArn"]
    found = CLIENTS.stepfunctions.list_executions(stateMachineArn=arn)["executions"]
    return {
        each["name"]: json.loads(
            CLIENTS.stepfunctions.describe_execution(executionArn=each["executionArn"])["input"]
        )
        for each in found
    }


def edit(page, change, form="JSON"):
    """Replace the editor's text by what becomes of it."""
    page.get_by_role("textbox", name=f"The row, as {form}").focus()
    text = page.locator("textarea[name=row]").input_value() if form == "JSON" else typed(page)
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(change(text))


def typed(page):
    """Return the editor's text."""
    return "\n".join(page.locator(".cm-line").all_inner_texts()).replace("\n\n", "\n")


def test_a_job_is_created_broken_planned_and_merged(browser, console, job):
    with tab(browser, console) as page:
        page.goto("/new?from=story")
        edit(page, lambda text: text.replace("story-copy", "tale"))
        page.get_by_text("Creates the job").wait_for()
        page.get_by_role("button", name="Save").click()
        page.wait_for_url("**/jobs/tale")
        assert job.row("tale")["handler"] == ROW["handler"]

        page.goto("/jobs/tale/edit")
        edit(page, lambda text: text.replace('"runtime"', '"memory_mb": "much",\n  "runtime"'))
        page.get_by_text("1 problem").wait_for()
        expect(page.locator(".cm-lintRange-error")).to_have_text('"memory_mb": "much"')
        expect(page.locator(".cm-lint-marker-error")).to_have_count(1)
        expect(page.get_by_role("textbox", name="The row, as JSON")).to_be_focused()
        edit(page, lambda text: text.replace('"much"', "512"))
        page.get_by_text("1 attribute changes").wait_for()
        expect(page.locator(".cm-lintRange-error")).to_have_count(0)

        job.jobs.put(job.row("tale") | {"description": "a colleague's"})
        page.get_by_role("button", name="Save").click()
        page.get_by_text("Somebody has changed this row").wait_for()
        page.get_by_role("button", name="Save").click()
        page.wait_for_url("**/jobs/tale")
        saved = job.row("tale")
        assert (saved["memory_mb"], saved["description"]) == (512, "a colleague's")

        page.goto("/jobs/tale/delete")
        page.get_by_label("The name of the job").fill("tale")
        page.get_by_role("button", name="Delete the job").click()
        page.wait_for_url("**/jobs/tale")
        assert job.row("tale") == {}


def test_a_row_is_written_as_yaml(browser, console, job):
    exact = {"ratio": Decimal("0.123456789012345"), "answer": "no", "day": "2026-11-27"}
    job.jobs.put(ROW | {"job_name": "tale", "payload": exact})
    with tab(browser, console) as page:
        page.goto("/jobs/tale/edit")
        page.get_by_label("Format").select_option("YAML")
        for line in (f"ratio: {exact['ratio']}", 'answer: "no"', 'day: "2026-11-27"'):
            expect(page.locator(".cm-line", has_text=line)).to_have_count(1)
        edit(page, lambda text: f"# mine\nmemory_mb: much\n{text}", "YAML")
        page.get_by_text("1 problem").wait_for()
        expect(page.locator(".cm-lintRange-error")).to_have_text("memory_mb: much")
        expect(page.locator(".lines .line-number")).to_have_text("2")

        edit(page, lambda text: text.replace("much", "[512"), "YAML")
        page.get_by_text("is not valid YAML").wait_for()
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_role("textbox", name="The row, as YAML")).to_be_focused()
        page.get_by_label("Format").select_option("JSON")
        expect(page.get_by_label("Format")).to_have_value("yaml")
        edit(page, lambda text: text.replace("[512", "512"), "YAML")
        page.get_by_text("1 attribute changes").wait_for()
        expect(page.locator(".cm-lintRange-error")).to_have_count(0)

        job.jobs.put(job.row("tale") | {"description": "a colleague's"})
        page.get_by_role("button", name="Save").click()
        page.get_by_text("Somebody has changed this row").wait_for()
        expect(page.locator(".cm-line", has_text="description: a colleague's")).to_have_count(1)
        page.get_by_role("button", name="Save").click()
        page.wait_for_url("**/jobs/tale")
        changes = {"memory_mb": 512, "description": "a colleague's"}
        assert job.row("tale") == ROW | {"job_name": "tale", "payload": exact} | changes

        page.goto("/jobs/tale/edit")
        as_yaml = typed(page)
        page.get_by_label("Format").select_option("JSON")
        expect(page.locator(".cm-line").first).to_have_text("{")
        page.get_by_label("Format").select_option("YAML")
        assert typed(page) == as_yaml
    job.jobs.delete("tale")


def test_a_row_that_broke_its_job_is_rolled_back(browser, console, world, job):
    write(job, ROW | {"job_name": "tale", "description": "as it was"})
    deploy(job, "tale")
    with tab(browser, console) as page:
        page.goto("/jobs/tale/edit")
        edit(page, lambda text: text.replace(ROW["handler"], "gone.handler"))
        page.get_by_text("1 attribute changes").wait_for()
        page.get_by_role("button", name="Save").click()
        page.wait_for_url("**/jobs/tale")
        assert job.row("tale")["handler"] == "gone.handler"
        failure = Failure("gone is not a module", world.now)
        job.save("tale", status=JobStatus.FAILED, failure=failure, spec_digest="f" * 64)

        page.reload()
        page.get_by_text("gone is not a module").wait_for()
        page.get_by_role("link", name="Roll back to deployment 1").click()
        page.get_by_text("gone.handler").wait_for()
        page.get_by_role("button", name="Roll back").click()
        page.wait_for_url("**/jobs/tale")
    assert job.row("tale") == ROW | {"job_name": "tale", "description": "as it was"}
    job.jobs.delete("tale")


def test_the_editor_is_left_by_keys_and_leaves_keys_alone(browser, console, job):
    with tab(browser, console) as page:
        page.goto("/jobs/story/edit")
        editor = page.get_by_role("textbox", name="The row, as JSON")
        editor.press("Control+Home")
        page.keyboard.type("jk/?")
        expect(page.locator(".cm-line").first).to_have_text("jk/?{")
        expect(page.get_by_role("dialog")).to_have_count(0)
        page.get_by_text("1 problem").wait_for()
        editor.press("Control+z")
        page.get_by_text("Nothing changes").wait_for()

        editor.press("Control+f")
        page.get_by_role("textbox", name="Find").fill("handler")
        page.keyboard.press("Escape")
        expect(editor).to_be_focused()
        page.keyboard.press("Tab")
        expect(page.get_by_role("button", name="Save")).to_be_focused()
    assert job.row("story")


def test_a_run_is_checked_while_typing_and_started_by_keys_alone(browser, console, job):
    before = executions(job)
    with tab(browser, console) as page:
        page.goto("/jobs/story/run")
        day = page.locator("[name='text:day']")
        day.focus()
        page.keyboard.type("2025-01-01")
        page.get_by_text("must match").wait_for()
        assert day.input_value() == "2025-01-01"
        day.fill("2026-01-01")
        page.get_by_text("must match").wait_for(state="detached")
        page.keyboard.press("Tab")
        page.keyboard.type("7")
        for _ in range(8):
            if page.evaluate("document.activeElement.value") == "start":
                break
            page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.wait_for_url(re.compile("/jobs/story/runs/manual-"))

    (given,) = [given for name, given in executions(job).items() if name not in before]
    assert {name: given[name] for name in ("day", "limit")} == {"day": "2026-01-01", "limit": 7}


def test_without_javascript(browser, console, job):
    before = executions(job)
    with tab(browser, console, java_script_enabled=False) as page:
        page.goto("/jobs/story/edit")
        row = page.get_by_label("The row, as JSON")
        row.fill(row.input_value().replace('"runtime"', '"memory_mb": 1,\n  "runtime"'))
        page.get_by_role("button", name="Save").click()
        page.get_by_text("1 problem").wait_for()

        page.goto("/jobs/story/run")
        page.get_by_role("button", name="Start the run").click()
        page.get_by_text("is required").wait_for()
        page.locator("[name='text:day']").fill("2026-01-01")
        page.get_by_role("button", name="JSON").click()
        assert json.loads(page.get_by_label("A JSON object").input_value())["day"] == "2026-01-01"
        page.get_by_role("button", name="Start the run").click()
        page.wait_for_url(re.compile("/jobs/story/runs/manual-"))
        (name,) = executions(job).keys() - before.keys()
        arn = job.record("story").outputs["StateMachineArn"].replace("stateMachine", "execution")
        put_running("story", f"{arn}:{name}")

        page.goto(f"/jobs/story/runs/{name}/stop")
        page.get_by_label("Why").fill("enough")
        page.get_by_role("button", name="Stop the run").click()
        page.wait_for_url(re.compile(rf"/jobs/story/runs/{name}(\?|$)"))
        page.get_by_text("The run is being stopped.").wait_for()
        page.reload()
        assert page.get_by_text("The run is being stopped.").count() == 0
    wait_for_status(f"{arn}:{name}", "ABORTED")


def test_twenty_runs_are_stopped_while_their_page_is_open(browser, console, job):
    machine = job.record("story").outputs["StateMachineArn"]
    names = [f"many-{number:02}" for number in range(20)]
    for name in names:
        put_running("story", start_execution(machine, name))
    with tab(browser, console) as page:
        page.goto("/runs?job=story&status=RUNNING")
        page.get_by_label("All on this page").check()
        page.get_by_role("button", name="Stop…").click()
        page.get_by_label("Why").fill("maintenance")
        page.get_by_role("button", name=re.compile(r"Stop \d+ runs")).click()
        page.get_by_text("Done.").wait_for()

    stopped = {run["trigger_id"].rpartition("#")[2] for run in job.triggers.latest("story", 40)
               if run.get("stop_reason") == "maintenance"}  # fmt: skip
    assert set(names) <= stopped


def test_texts_of_others_are_text(browser, console, job):
    job.jobs.put(ROW | {
        "job_name": "evil", "description": MARKUP, "schedule": "rate(1 hour)",
        "payload": {"<b>": MARKUP, MARKUP: 1},
        "payload_schema": {"type": "object", "title": MARKUP, "properties": {
            "<b>": {"type": "string", "title": MARKUP, "description": MARKUP},
            "c": {"enum": [MARKUP]}, MARKUP: {"type": "integer"}}},
    })  # fmt: skip
    job.make_runnable(ENDLESS, "evil")
    put_run("evil", "one", "FAILED", input=json.dumps({"<b>": EVIL}), error=EVIL, cause=EVIL)
    pages = [
        "/jobs/evil/run", "/jobs/evil/run?again=one", "/jobs/evil/run?view=json", "/new?from=evil",
        "/jobs/evil/edit", "/jobs/evil/delete", "/jobs/evil/pause", "/jobs/evil/runs/one/stop",
        "/bulk?action=run_again&job=evil&since=2026-01-01T00:00:00Z",
        f"/bulk?action=run_again&job={EVIL}", f"/jobs/{EVIL}/edit", f"/new?from={EVIL}",
    ]  # fmt: skip
    with tab(browser, console) as page:
        page.on("dialog", lambda _: pytest.fail("a script of theirs runs"))
        for address in pages:
            page.goto(address)
            assert page.locator("main img, main script").count() == 0
            text = page.content()
            assert "\x1b" not in text
            assert "\u202e" not in text
        page.goto("/jobs/evil/run?again=one")
        page.locator("input").first.press("Tab")
        page.locator("[name^='json:<b>']").press("End")
        page.get_by_role("button", name="Start the run").click()
        page.wait_for_url(re.compile("/jobs/evil/runs/manual-"))
    machine = job.record("evil").outputs["StateMachineArn"]
    (started,) = CLIENTS.stepfunctions.list_executions(stateMachineArn=machine)["executions"]
    found = CLIENTS.stepfunctions.describe_execution(executionArn=started["executionArn"])
    assert json.loads(found["input"])["<b>"] == EVIL


READER_PAGES = [
    route.pattern.format(job="story", run="one", bulk="x", version="1")
    for route in WRITING
    if route.method == "GET" and not Role.READ.includes(NEEDED[route.action])
]


def test_a_reader_gets_403_and_sees_no_button(browser, console, world, job):
    before = world.before

    def of_a_reader(request):
        known = before(request)
        return known.of(replace(known.caller, role=Role.READ))

    world.before = of_a_reader
    try:
        with tab(browser, console) as page:
            for address in READER_PAGES:
                assert page.goto(address).status == 403, address
            page.goto("/dead-letters")
            assert page.locator("main button").count() == 0
            for address in ("/jobs", "/jobs/story", "/runs"):
                page.goto(address)
                links = page.eval_on_selector_all("main a", "all => all.map(a => a.pathname)")
                assert not [each for each in links if re.search(r"/(edit|run|delete|new)$", each)]
    finally:
        world.before = before
    assert job.row("story")
