import json

import pytest

import templates
from tests.golden import update


def test_the_examples_render_as_reviewed():
    paths = {*update.GOLDEN.glob("*.json")} - {update.OPENAPI}  # tests/unit/api holds that
    found = {path.name: path.read_text("utf-8") for path in paths}

    assert found == update.rendered(), "python -m tests.golden.update, then read the diff"


def test_the_version_of_the_templates_is_of_these():
    files = {path.name: path.read_text("utf-8") for path in update.GOLDEN.glob("*.json")}

    assert update.template_version(files) == templates.TEMPLATE_VERSION, "make golden"
    assert f"Value: '{templates.TEMPLATE_VERSION}'" in update.BOOTSTRAP.read_text(), "make golden"


@pytest.mark.parametrize("path", update.EXAMPLES, ids=lambda path: path.stem)
def test_the_golden_workflow_is_the_one_in_the_template(path):
    template = json.loads((update.GOLDEN / f"{path.stem}.json").read_text("utf-8"))
    asl = json.loads((update.GOLDEN / f"{path.stem}.asl.json").read_text("utf-8"))

    assert update.workflow(template) == asl
