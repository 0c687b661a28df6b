"""Which tests run one after the other in one of pytest's processes, when there are many."""

from __future__ import annotations

from xdist.scheduler import LoadScopeScheduling

from tests.support.engine_groups import ENGINE

TEMPLATES = (
    "tests/validators/test_workflow_text.py",
    "tests/node/test_jsonata.py",
    "tests/node/test_rules.py",
    "tests/validators/test_handlers.py",
    "tests/validators/test_against_aws.py",
    "tests/validators/test_templates.py",
)
"""One process builds the templates of generated rows and reads cfn-lint's rules."""

_GROUP_OF = {
    f"tests/local/{module}.py": group for group, modules in ENGINE.items() for module in modules
}
_GROUP_OF |= dict.fromkeys(TEMPLATES, "templates")

_BROWSER = "tests/browser/"
"""One process starts a browser, and one bootstrap for it to look at."""


class ByModule(LoadScopeScheduling):
    """Gives a process a module at a time, or a group of them; a simulation's seeds one by one.

    pytest-xdist's own groups are not seen by pytest 9.2, which does not let a test be renamed.
    """

    def _split_scope(self, nodeid: str) -> str:
        module = nodeid.partition("::")[0]
        if module.startswith(_BROWSER):
            return _BROWSER
        return nodeid if module.startswith("tests/simulation/") else _GROUP_OF.get(module, module)
