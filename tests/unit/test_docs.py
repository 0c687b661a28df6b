"""Pages that list what the code has: they list all of it."""

from __future__ import annotations

import inspect
import json
import re
from dataclasses import fields
from pathlib import Path

import pytest

import provisioner
from provisioner.aws.stack_items import to_item
from provisioner.cli.commands import COMMANDS
from provisioner.entrypoints.metrics import Count
from provisioner.jobs import InvalidRow, parse
from provisioner.jobs.functions import RUNTIMES
from provisioner.runs import keys
from provisioner.runs.remedies import REMEDIES
from provisioner.service.rights import Action
from provisioner.stacks.model import Deployment, JobStatus, StackRecord
from tests.support.bootstrap import load

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
STACKS = (DOCS / "reference/stacks.md").read_text()
COST = (DOCS / "reference/cost.md").read_text()
OPERATIONS = (DOCS / "operating/operations.md").read_text()
LANGUAGES = (DOCS / "guides/languages.md").read_text()
ROWS = [json.loads(text) for text in re.findall(r"```json\n(.*?)```", LANGUAGES, re.DOTALL)]


def listed(page):
    """Return what the first cells of a page's tables name."""
    cells = re.findall(r"^\| (`.*?) \|", page, re.MULTILINE)
    return {name for cell in cells for name in re.findall(r"`(\w+)`", cell)}


def test_every_attribute_and_status_of_the_stacks_table_is_there():
    page, _, parts = STACKS.partition("\n## Conditions\n")
    assert listed(page) == {*to_item(StackRecord("x")), "version", *JobStatus}
    assert listed(parts.partition("\n## Deployments\n")[2]) == {
        each.name for each in fields(Deployment)
    }


@pytest.mark.parametrize("row", ROWS, ids=[row.get("runtime", "image") for row in ROWS])
def test_the_row_of_each_language_is_good(row):
    assert not isinstance(parse(row), InvalidRow)


def test_there_is_a_recipe_for_every_language():
    def families(runtimes):
        return {re.match("[a-z]+", runtime)[0] for runtime in runtimes}

    assert families(row["runtime"] for row in ROWS if "runtime" in row) == families(RUNTIMES)


def test_what_to_do_about_each_error_of_a_run_is_there():
    page = (DOCS / "concepts/runs.md").read_text()
    table = page.split("\n## What to do about a failure\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (.*`.*) \| (.*) \|$", table, re.MULTILINE)[1:]

    assert [said for _, said in rows] == [each.said for each in REMEDIES]
    for remedy, (names, _) in zip(REMEDIES, rows, strict=True):
        listed = set(re.findall(r"`(.*?)`", names))
        assert listed == {*remedy.errors, *remedy.in_cause}


def section(title):
    """Return a section of the page on operations."""
    return OPERATIONS.split(f"\n## {title}\n")[1].split("\n## ")[0]


def test_every_metric_is_there():
    assert listed(section("Metrics")) == set(Count)


def test_the_cost_counts_the_same_metrics():
    [at_most] = re.findall(r"at most (\d+) per bootstrap", OPERATIONS)

    assert f"published all month, at most {at_most} |" in COST


def test_every_alarm_is_there():
    known = [
        re.sub("…|<Function>", r"\\w+", name)
        for name in re.findall(r"^\| `(.*?)` \|", section("Alarms"), re.MULTILINE)
    ]
    alarms = {
        resource["Properties"]["AlarmName"]["Fn::Sub"].partition("-Provisioner-")[2]
        for resource in load(ROOT / "bootstrap/observability.yaml")["Resources"].values()
        if resource["Type"] == "AWS::CloudWatch::Alarm"
    }

    without_slack = len(alarms - {"SlackDeadLetters"})
    assert f"for {len(alarms)} alarms ({without_slack} without Slack)" in OPERATIONS
    assert f"| {without_slack} alarms of the bootstrap, 0.10 each" in COST
    assert {name for name in alarms if not any(re.fullmatch(one, name) for one in known)} == set()
    assert [one for one in known if not any(re.fullmatch(one, name) for name in alarms)] == []


def test_every_parameter_of_the_bootstrap_is_there_with_its_default():
    page = (DOCS / "reference/parameters.md").read_text()
    documented = dict(re.findall(r"^\| `(\w+)` \| `?(.*?)`? \|", page, re.MULTILINE))
    found = {
        name: str(parameter["Default"]) or "none"
        for name, parameter in load(ROOT / "template.yaml")["Parameters"].items()
    }

    assert documented == found | {"JobActions": "see `template.yaml", "SecretsPrefix": "Prefix"}


PAGES = [*ROOT.glob("*.md"), *DOCS.rglob("*.md")]


def anchors(page):
    """Return the anchors of a page's headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_links_lead_somewhere(page):
    for target, anchor in re.findall(r"\]\(([\w./-]*)(?:#([\w-]+))?\)", page.read_text()):
        there = page.parent / target if target else page
        assert there.exists(), target
        assert not anchor or anchor in anchors(there), f"{target}#{anchor}"


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_no_table_is_cut(page):
    for table in re.findall(r"(?:^ *\|.*\n)+", page.read_text(), re.MULTILINE):
        header, rule, *_ = rows = [re.split(r"(?<!\\)\|", row) for row in table.splitlines()]
        assert all(re.fullmatch(" *:?-+:? *", cell) for cell in rule[1:-1]), header
        assert {len(row) for row in rows} == {len(header)}, header


def test_the_index_names_every_page():
    index = DOCS / "README.md"
    named = set(re.findall(r"\]\(([\w./-]+\.md)\)", index.read_text()))

    assert {str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md") if page != index} <= named


def test_every_kind_of_item_is_in_the_data_model():
    page = (DOCS / "internals/data-model.md").read_text()
    kinds = {
        value
        for name, value in vars(keys).items()
        if name.isupper() and isinstance(value, str) and value.startswith("#")
    }

    assert {kind for kind in kinds if f"`{kind}" not in page} == set()


def test_every_table_of_the_bootstrap_is_there():
    page = (DOCS / "reference/tables.md").read_text()
    tables = {
        name.removesuffix("Table")
        for name, resource in load(ROOT / "template.yaml")["Resources"].items()
        if resource["Type"] == "AWS::DynamoDB::Table"
    }

    listed = set(re.findall(r"^\| (\w+) \| `", page, re.MULTILINE))
    assert listed == tables - {"Pace"} | {"RateLimits"}


def test_every_command_has_a_line_and_a_section():
    page = (DOCS / "reference/cli.md").read_text()
    named = re.findall(r"^\| \[`([\w-]+).*?\]\(#([\w-]+)\) \|", page, re.MULTILINE)

    assert {name for name, _ in named} == COMMANDS.keys() - {"local"}
    assert all(name == anchor for name, anchor in named)


def test_every_recorded_action_is_in_the_reference():
    page = (DOCS / "reference/audit-table.md").read_text()
    line = next(line for line in page.splitlines() if line.startswith("| `action` |"))
    recorded = {
        Action[name]
        for module in (ROOT / "provisioner").rglob("*.py")
        for name in re.findall(
            r"(?:recorded\(\s*\w+,|Intent\(|action =) *\s*Action\.(\w+)", module.read_text()
        )
    }

    assert recorded <= set(re.findall(r"`(\w+)`", line))


NAMED = re.compile(r"`((?:provisioner|templates|tests|bootstrap)[./][\w./]*\w)`")
"""Modules, dotted, and files with slashes."""


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_modules_and_files_that_pages_name_exist(page):
    named = NAMED.findall(page.read_text())

    assert [name for name in named if not any(path.exists() for path in files(name))] == []


def files(name):
    """Return where a module or file of this name would be."""
    if "/" in name:
        return [ROOT / name]
    module = ROOT / name.replace(".", "/")
    return [module.with_name(module.name + ".py"), module / "__init__.py", ROOT / name]


PACKAGES = {path.parent.name for path in ROOT.glob("provisioner/*/__init__.py")}


def test_the_architecture_names_every_package():
    page = (DOCS / "internals/architecture.md").read_text()

    assert {f"provisioner.{package}" for package in PACKAGES} <= set(NAMED.findall(page))


def test_the_architecture_names_every_function():
    page = (DOCS / "internals/architecture.md").read_text()
    templates = [ROOT / "template.yaml", *(ROOT / "bootstrap").glob("*.yaml")]
    handlers = {
        name
        for template in templates
        for name in re.findall(r"Handler: (provisioner\.[\w.]+)\.handler", template.read_text())
    }

    assert handlers
    assert handlers <= set(NAMED.findall(page))


def test_the_two_ways_name_packages_that_exist():
    """`provisioner/__init__.py` names packages by themselves, and those of templates."""
    named = set(re.findall(r"`([\w.]+)`", inspect.getdoc(provisioner)))

    assert {name for name in named if not name.startswith("templates")} <= PACKAGES
    assert named >= PACKAGES
    assert all(any(path.exists() for path in files(name)) for name in named - PACKAGES)
