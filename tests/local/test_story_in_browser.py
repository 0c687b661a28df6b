"""What a person does with a job in the console, in Chromium, from its first row to its deletion."""

from __future__ import annotations

import re

import pytest

from tests.support.browser import CHROMIUM, browser, tab

pytestmark = [
    pytest.mark.engine,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not on this machine"),
]

CODE = """
import time

def handler(event, context):
    print("Good morning,", event["name"])
    for second in range(event["times"] ** 2):
        time.sleep(1)
        print("second", second)
    return {"greeted": event["name"]}
"""
LONGEST_MILLISECONDS = 180_000


@pytest.fixture(scope="module")
def page(engine):
    with browser() as started, tab(started, engine.outputs["ConsoleUrl"]) as page:
        page.set_default_timeout(LONGEST_MILLISECONDS)
        yield page


def edit(page, change):
    """Replace the row in the editor by what becomes of it."""
    page.get_by_role("textbox", name="The row, as JSON").focus()
    text = page.locator("textarea[name=row]").input_value()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(change(text))


def start(page, job, name, times):
    """Start a run by the form that its payload's schema makes; return the run's name."""
    page.goto(f"/jobs/{job}/run")
    page.locator("[name='text:name']").fill(name)
    page.locator("[name='integer:times']").fill(times)
    page.get_by_role("button", name="Start the run").click()
    page.wait_for_url(re.compile(f"/jobs/{job}/runs/"))
    return re.search("/runs/([^/?]+)", page.url)[1]


def see(page, word):
    """Wait until the page says by itself that its job or run has a status."""
    page.locator("main .status").filter(has_text=re.compile(f"^{word}$")).first.wait_for()


def test_a_job_from_an_example_to_its_end(engine, page):
    job = engine.unique("story")
    engine.bundle(f"{job}.zip", {"main.py": CODE})

    page.goto("/new?example=python-function")
    edit(page, lambda text: text.replace("my-function", job))
    page.get_by_text("Creates the job").wait_for()
    page.get_by_role("button", name="Save").click()
    page.wait_for_url(f"**/jobs/{job}")
    see(page, "ready")

    run = start(page, job, "Ada", "2")
    page.goto(f"/jobs/{job}/runs/{run}/log")
    page.get_by_text("Good morning, Ada").wait_for()
    page.goto(f"/jobs/{job}/runs/{run}")
    see(page, "succeeded")
    page.get_by_text('"greeted": "Ada"').wait_for()

    run = start(page, job, "Grace", "7")
    see(page, "running")
    page.goto(f"/jobs/{job}/runs/{run}/stop")
    page.get_by_label("Why").fill("long enough")
    page.get_by_role("button", name="Stop the run").click()
    see(page, "stopped")

    page.goto(f"/jobs/{job}/edit")
    edit(page, lambda text: text.replace('"runtime"', '"memory_mb": "much",\n  "runtime"'))
    page.get_by_text("1 problem").wait_for()
    edit(page, lambda text: text.replace('"much"', "300"))
    page.get_by_text("1 attribute changes").wait_for()
    page.get_by_role("button", name="Save").click()
    page.wait_for_url(f"**/jobs/{job}")
    engine.wait(lambda: engine.function_memory_mb(job) == 300, "the memory of the row")
    engine.wait_for(job, status="READY", in_sync=True)

    page.goto(f"/jobs/{job}/rollback?to=1")
    page.get_by_role("button", name="Roll back").click()
    page.wait_for_url(f"**/jobs/{job}")
    engine.wait(lambda: engine.function_memory_mb(job) != 300, "the memory of before")

    page.goto(f"/jobs/{job}/delete")
    page.get_by_label("The name of the job").fill(job)
    page.get_by_role("button", name="Delete the job").click()
    page.wait_for_url(f"**/jobs/{job}")
    engine.wait_for(job, status="DELETED")
