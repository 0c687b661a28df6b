import pytest

from provisioner.errors import InvalidCursorError
from provisioner.service import cursors


@pytest.mark.parametrize("position", ["report", ["at", {"3": "report"}], ["é", "x" * 1024], [7]])
def test_what_was_written_is_read(position):
    assert cursors.read(cursors.written(position)) == position


@pytest.mark.parametrize(
    "cursor",
    [
        pytest.param("x", id="not base64"),
        pytest.param("é", id="not ASCII"),
        pytest.param("Ww", id="not JSON"),
        pytest.param(cursors.written(""), id="an empty key"),
        pytest.param(cursors.written(["at", {"3": ""}]), id="an empty key inside"),
        pytest.param(cursors.written(["x" * 1025]), id="a longer key than DynamoDB has"),
        pytest.param(cursors.written(["é" * 513]), id="a longer key in bytes"),
        pytest.param(cursors.written(["\ud800"]), id="half a character"),
        pytest.param("W1tb" * 20_000, id="deep"),
    ],
)
def test_what_no_list_has_written_is_refused(cursor):
    with pytest.raises(InvalidCursorError):
        cursors.read(cursor)
