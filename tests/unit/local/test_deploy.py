import pytest

from provisioner.local.deploy import sources_digest

FILES = (
    "template.yaml",
    "bootstrap/network.yaml",
    "bootstrap/examples/a.yaml",
    "provisioner/stacks/plan.py",
    "provisioner/cli/main.py",
    "provisioner/local/up.py",
    "templates/__init__.py",
    "tests/test_plan.py",
)


@pytest.fixture
def checkout(tmp_path):
    for name in FILES:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("before", encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(
    ("name", "deployed"),
    [
        ("template.yaml", True),
        ("bootstrap/network.yaml", True),
        ("provisioner/stacks/plan.py", True),
        ("templates/__init__.py", True),
        ("bootstrap/examples/a.yaml", False),
        ("provisioner/cli/main.py", False),
        ("provisioner/local/up.py", False),
        ("tests/test_plan.py", False),
    ],
)
def test_only_what_is_shipped_asks_for_a_deployment(checkout, name, deployed):
    before = sources_digest(checkout)

    (checkout / name).write_text("after", encoding="utf-8")

    assert (sources_digest(checkout) != before) is deployed


def test_a_new_file_asks_for_a_deployment(checkout):
    before = sources_digest(checkout)

    (checkout / "provisioner" / "new.py").write_text("", encoding="utf-8")

    assert sources_digest(checkout) != before
