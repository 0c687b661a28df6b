import pytest

from provisioner.local.errors import LocalError
from provisioner.local.home import STATE_VARIABLE, EngineState, Home, ProcessRecord, load, save


@pytest.fixture
def home(tmp_path):
    return Home.of_checkout(tmp_path / "state", tmp_path / "checkout")


def test_state_is_read_as_it_was_written(home):
    state = EngineState(port=4713, auth=True, deployed="abc").with_process(
        "engine", ProcessRecord(17, "4711")
    )

    save(home, state)

    assert load(home) == state
    assert load(home).without_process("engine").processes == {}


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"port": 1, "processes": {"engine": 3}}', '{"processes": {}, "other": 1}'],
    ids=["empty", "list", "no processes", "bare pid", "unknown key"],
)
def test_a_file_that_is_none_of_ours_is_an_empty_state(home, text):
    home.folder.mkdir(parents=True)
    (home.folder / "engine.json").write_text(text, encoding="utf-8")

    assert load(home) == EngineState()


def test_two_commands_do_not_change_one_engine_at_once(home):
    with home.locked(), pytest.raises(LocalError, match="another"), home.locked():
        pass
    with home.locked():
        pass


def test_the_state_folder_can_be_chosen_and_tools_stay_shared(monkeypatch, tmp_path):
    monkeypatch.setenv(STATE_VARIABLE, str(tmp_path / "elsewhere"))

    home = Home.of_checkout(checkout=tmp_path / "checkout")

    assert home.folder == tmp_path / "elsewhere"
    assert home.shared == tmp_path / "checkout" / ".provisioner"
