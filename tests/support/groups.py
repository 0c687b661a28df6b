"""Which tests run one after the other in one process, when there are several."""

from __future__ import annotations

ENGINE = {
    # By night only. One process may stand between an engine's functions and its CloudFormation.
    "faults": ("test_statuses", "test_api_tokens"),
    "hand": ("test_by_hand", "test_contract", "test_nested_stacks", "test_network"),
    # By night only. They kill the engine, damage its tables and turn its events off.
    "rough": ("test_recovery", "test_hostile", "test_unnoticed", "test_upgrade"),
    "notifications": ("test_notifications", "test_ec2"),
    "crowd": ("test_many_jobs",),  # by night only
    "browser": ("test_story_in_browser",),
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
"""Modules of tests/local by group: `make test-engine-whole` has a process for each."""

_TEMPLATES = (
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
_GROUP_OF |= dict.fromkeys(_TEMPLATES, "templates")

_FOLDERS = ("tests/browser/", "tests/unit/bootstrap/")
"""One process starts a browser, and one renders the bootstrap: fixtures end with their group."""


def group_of(test: str) -> str:
    """Return the group of a test by its node id: its module, or what the tables above say.

    Each of a simulation's seeds is a group.
    """
    module = test.partition("::")[0]
    folder = next(filter(module.startswith, _FOLDERS), None)
    if folder:
        return folder
    return test if module.startswith("tests/simulation/") else _GROUP_OF.get(module, module)
