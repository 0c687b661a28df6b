"""The modules where a mistake costs most, each with its tests.

What survives the first of a module's tests meets the next.
"""

from __future__ import annotations

_STACKS = "tests/unit/stacks"
_ALL_OF_STACKS = f"{_STACKS} --deselect {_STACKS}/test_reconcile.py::TestAnyStory"
"""Without what takes longer than all the rest."""
_RUNS = "tests/functional/entrypoints"
_SERVICE = "tests/functional/service"
_WORKFLOW = "tests/functional/workflow"
_TEXT = "tests/validators/test_workflow_text.py"
_STATIC = (
    f"{_TEXT}::test_step_functions_would_refuse_no_definition"
    f" {_TEXT}::test_every_variable_is_assigned_before_the_state_that_reads_it"
)
_UPGRADE = f"{_RUNS}/test_upgrade.py tests/unit/entrypoints/test_sweep_upgrade.py"
_DEPLOYMENTS = f"{_SERVICE}/test_deployments.py {_RUNS}/test_artifact_events.py"
_AUDIT = f"tests/unit/audit {_SERVICE}/test_audit.py"
_HISTORY = (
    "tests/functional/cli/test_audit_and_versions.py"
    " tests/functional/api/test_audit_and_versions.py"
)

TARGETS = {
    "provisioner.stacks.plan": (f"{_STACKS}/test_documented_table.py", _ALL_OF_STACKS),
    "provisioner.stacks.attempts": (f"{_STACKS}/test_plan.py", _ALL_OF_STACKS),
    "provisioner.stacks.record": (f"{_STACKS}/test_daily_check.py", _ALL_OF_STACKS),
    "provisioner.stacks.rate_limits": (f"{_STACKS}/test_rate_limits.py", _ALL_OF_STACKS),
    "provisioner.stacks.deletion_budget": (f"{_STACKS}/test_deletion_budget.py", _ALL_OF_STACKS),
    "provisioner.stacks.deployments": (
        f"{_STACKS}/test_deployments.py",
        f"{_ALL_OF_STACKS} {_DEPLOYMENTS}",
    ),
    "provisioner.stacks.builds": (
        f"{_STACKS}/test_build_attempts.py {_STACKS}/test_building.py",
        f"{_ALL_OF_STACKS} tests/functional/aws/test_builds.py",
    ),
    "provisioner.stacks.building": (f"{_STACKS}/test_building.py", _ALL_OF_STACKS),
    "provisioner.stacks.upgrade": (f"{_STACKS}/test_upgrade.py", _UPGRADE),
    "provisioner.stacks.upgrade_steps": (f"{_STACKS}/test_upgrade.py", _UPGRADE),
    "provisioner.stacks.upgrade_progress": (f"{_STACKS}/test_upgrade.py", _UPGRADE),
    "provisioner.runs.overlap": ("tests/unit/runs/test_overlap.py", _RUNS),
    "provisioner.runs.completion": ("tests/functional/entrypoints/test_entrypoints.py", _RUNS),
    "provisioner.runs.dependencies": ("tests/unit/runs/test_dependencies.py", _RUNS),
    "provisioner.runs.canary": ("tests/unit/runs/test_canary.py", f"{_RUNS}/test_canary.py"),
    "provisioner.runs.messages": (
        "tests/unit/runs/test_messages.py",
        f"{_RUNS}/test_job_queue.py {_WORKFLOW}/test_producers.py",
    ),
    "provisioner.jobs.scheduled_times": ("tests/unit/jobs/test_scheduled_times.py",),
    "provisioner.service.bulk": (f"{_SERVICE}/test_bulk.py",),
    "provisioner.api.preconditions": ("tests/unit/api/test_preconditions.py",),
    "provisioner.audit.entries": (_AUDIT, _HISTORY),
    "provisioner.audit.row_changes": (_AUDIT, _HISTORY),
    "provisioner.audit.versions": (_AUDIT, f"{_RUNS}/test_row_versions.py {_HISTORY}"),
    "templates.workflow.definition": (f"{_WORKFLOW}/test_workflow.py {_STATIC}", _WORKFLOW),
    "templates.workflow.transactions": (
        f"{_WORKFLOW}/test_workflow.py {_WORKFLOW}/test_waiting_runs.py",
        _WORKFLOW,
    ),
    "templates.workflow.failure_rules": (
        f"{_WORKFLOW}/test_failure_rules.py {_WORKFLOW}/test_run_time.py",
        _WORKFLOW,
    ),
}
