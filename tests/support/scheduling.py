"""Which tests run one after the other in one of pytest's processes, when there are many."""

from __future__ import annotations

from xdist.scheduler import LoadScopeScheduling

ENGINE = {
    # One process only may stand between an engine's functions and its CloudFormation.
    "faults": (
        "test_statuses",
        "test_api_tokens",
        "test_contract",
        "test_nested_stacks",
        "test_network",
    ),
    # By night only. They kill the engine, damage its tables and turn its events off.
    "rough": ("test_recovery", "test_hostile", "test_unnoticed", "test_upgrade"),
    "notifications": ("test_notifications", "test_ec2"),
    "rows": (
        "test_api",
        "test_rows",
        "test_pipeline",
        "test_boundary",
        "test_readme",
    ),
    "runs": ("test_runs", "test_workflow_engine", "test_functions", "test_console"),
    "overlap": ("test_overlap", "test_fan_out", "test_dependencies"),
    "batch": ("test_batch", "test_batch_order", "test_types"),
    "queues": ("test_queue_jobs", "test_truth", "test_builds"),
}
"""Modules of tests/local that make a group: `make test-engine-whole` has a process for each."""

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
