from decimal import Decimal

import pytest

from provisioner.cli.rows import UnreadableFileError, read


@pytest.fixture
def read_text(tmp_path):
    def read_text(text, name="rows.yaml"):
        path = tmp_path / name
        path.write_text(text)
        return [row.values for row in read(str(path))]

    return read_text


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("job_name: a\n---\njob_name: b\n", id="documents"),
        pytest.param("- job_name: a\n- job_name: b\n", id="a list"),
        pytest.param("- job_name: a\n---\n---\njob_name: b\n", id="a list, nothing, a row"),
        pytest.param('[{"job_name": "a"}, {"job_name": "b"}]', id="a JSON list"),
        pytest.param('{"job_name": "a"}\n{"job_name": "b"}\n', id="JSON lines"),
        pytest.param('\n\t{"job_name":\t"a"}\n[{"job_name": "b"}]', id="JSON documents and tabs"),
        pytest.param("{job_name: a}\n---\n{job_name: b}", id="YAML in braces"),
        pytest.param("\ufeffjob_name: a\n---\njob_name: b\n", id="a byte order mark"),
    ],
)
def test_a_file_holds_any_number_of_rows(read_text, text):
    assert read_text(text) == [{"job_name": "a"}, {"job_name": "b"}]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1),
        ("-1", -1),
        ("0x10", 16),
        ("0o17", 15),
        ("1.50", Decimal("1.50")),
        ("1e3", Decimal(1000)),
        (".5", Decimal("0.5")),
        ("true", True),
        ("False", False),
        ("~", None),
        ("", None),
        ("null", None),
        ("on", "on"),
        ("No", "No"),
        ("12:30", "12:30"),
        ("007", "007"),
        ("012345678901", "012345678901"),
        ("1_000", "1_000"),
        ("2026-11-21", "2026-11-21"),
        ("2026-11-21T09:00:00Z", "2026-11-21T09:00:00Z"),
        ("'1'", "1"),
        ("<<", "<<"),
    ],
)
def test_yaml_means_what_it_says(read_text, text, value):
    (row,) = read_text(f"value: {text}\n")

    assert row["value"] == value
    assert type(row["value"]) is type(value)


@pytest.mark.parametrize("name", ["rows.yaml", "rows.json"])
def test_fractions_are_exact(read_text, name):
    (row,) = read_text('{"value": 0.1}', name)

    assert row == {"value": Decimal("0.1")}


def test_yaml_merges(read_text):
    text = "- &base {job_name: a, memory_mb: 128}\n- {<<: *base, job_name: b}\n"

    assert read_text(text)[1] == {"job_name": "b", "memory_mb": 128}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param("", "holds no rows", id="empty"),
        pytest.param("# nothing\n---\n", "holds no rows", id="only comments"),
        pytest.param("a: [1\nb: 2", "is not valid YAML: expected ',' or ']'", id="broken YAML"),
        pytest.param("a: 1\n b: 2", "(line 2, column 3)", id="where YAML breaks"),
        pytest.param('{"a": 1,', "is not valid JSON: Expecting property name", id="broken JSON"),
        pytest.param("a: 1\na: 2", '"a" appears twice in one map (line 2, column 1)', id="twice"),
        pytest.param('{"a": 1, "a": 2}', 'an object has "a" twice', id="twice in JSON"),
        pytest.param("- text", "document 1 holds 'text' where a row", id="text for a row"),
        pytest.param("a: {1: x}", '"1" is a name and must be text', id="a number as key"),
        pytest.param("? ~\n: x", '"None" is a name and must be text', id="NULL as key"),
        pytest.param("true: x", "(line 1, column 1)", id="a flag as key"),
        pytest.param("? [a]\n: 1", "unhashable key", id="a list as key"),
        pytest.param("a: !!int x", '"x" is not a number (line 1, column 4)', id="no int"),
        pytest.param("a: !!float x", '"x" is not a number', id="no float"),
        pytest.param(f"a: {'9' * 5000}", "is not a number", id="a number too long for Python"),
        pytest.param("!!python/object:os.system {}", "could not determine", id="a Python object"),
    ],
)
def test_what_is_wrong_with_a_file(read_text, text, problem):
    with pytest.raises(UnreadableFileError) as caught:
        read_text(text)

    assert problem in str(caught.value)


@pytest.mark.usefixtures("usual_recursion_limit")
@pytest.mark.parametrize(
    "text",
    [
        pytest.param("[" * 100_000 + "]" * 100_000, id="JSON"),
        pytest.param("a: " + "[" * 600 + "]" * 600, id="YAML"),
    ],
)
def test_a_file_nested_too_deeply(read_text, text):
    with pytest.raises(UnreadableFileError, match="is nested too deeply"):
        read_text(text)


@pytest.mark.parametrize(
    ("prepare", "problem"),
    [
        pytest.param(lambda _: None, "does not exist", id="missing"),
        pytest.param(lambda path: path.mkdir(), "is a folder", id="folder"),
        pytest.param(lambda path: path.write_bytes(b"\xff\xfe"), "is not text", id="binary"),
    ],
)
def test_files_that_cannot_be_read(tmp_path, prepare, problem):
    path = tmp_path / "rows.yaml"
    prepare(path)

    with pytest.raises(UnreadableFileError, match=problem):
        read(str(path))


def test_a_row_without_a_name_is_known_by_its_number(tmp_path):
    path = tmp_path / "rows.yaml"
    path.write_text("- {type: ecs}\n- {job_name: b}\n")

    assert [row.label for row in read(str(path))] == ["#1", "b"]


def test_lists_of_lists_of_yaml_are_not_written_out(read_text):
    """Twenty lines of aliases stand for a million entries, and expanding them never ends."""
    levels = [f"- &l{level} [*l{level - 1}, *l{level - 1}]" for level in range(1, 60)]

    with pytest.raises(UnreadableFileError) as caught:
        read_text("- &l0 [x, x]\n" + "\n".join(levels))

    assert "where a row, which is a map of attributes, should be" in str(caught.value)


def test_thousands_of_json_documents_are_read(read_text):
    assert len(read_text(('{"a": "' + "x" * 200 + '"}\n') * 5_000)) == 5_000


UNREADABLE = {
    "a control character": ("job_name: \x07\n", "is not valid YAML: unacceptable character"),
    "half a list": ("job_name: [a", r"is not valid YAML: .* \(line 1, column 13\)"),
}


@pytest.mark.parametrize(("text", "words"), UNREADABLE.values(), ids=UNREADABLE)
def test_what_is_not_yaml_says_why(read_text, text, words):
    with pytest.raises(UnreadableFileError, match=words):
        read_text(text)


def test_a_path_that_cannot_be_opened_says_why():
    with pytest.raises(UnreadableFileError, match="cannot be read: File name too long"):
        read("x" * 5000)
