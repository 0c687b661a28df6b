"""What a definition may hold."""

import pytest

from templates.workflow.asl import definition_string


def test_what_is_neither_json_nor_an_expression_is_a_mistake_of_ours():
    with pytest.raises(TypeError, match="a definition cannot hold a set"):
        definition_string({"States": {"Run"}})
