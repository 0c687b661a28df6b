"""The work of a run over many items: a Distributed Map in the place of `Run`.

Every item is a child execution of its own. Its states are those that do the work of a plain run,
whatever they are, under names of its own; at its end ``ItemRecord`` puts the item's result into S3.
A child that fails does so quietly and says its index: so all items are tried, and what comes
together is small and complete, whatever the number of failures. ``Tally`` then holds their share
against what the row tolerates.

A Distributed Map cannot see the workflow's variables (Step Functions, workflow variables): what it
needs is the output of ``Admit`` (`spread`), from which ``Item`` makes the child's own `$item_run`.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, cast

from provisioner.jobs import MAX_ITEMS
from templates.workflow.expressions import STARTED_BY, jsonata, squeezed
from templates.workflow.fan_out_result import SUCCEEDED, broken, summary, tally
from templates.workflow.states import SERVICE_RETRY, State

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provisioner.jobs import FanOut, Job
    from provisioner.settings import Platform

_VARIABLES = ("run", "outcome", "tried", "again", "refused", "pause", "large", "stored_output")
"""What the states of the work read and assign: theirs are the item's, who may not use the name of
a variable of the run."""

_VARIABLE = re.compile(rf"\$({'|'.join(_VARIABLES)})\b")


def variables(job: Job) -> dict[str, str]:
    """Return the variables that tell a container its item's place: expressions by their names."""
    return {f"FAN_OUT_{name.upper()}": f"$string($run.{name})" for name in _place(job)}


def started_by(job: Job) -> str:
    """Return by what name a container is found again: the run's, not the child execution's."""
    return "$run.started_by" if job.fan_out else STARTED_BY


def _place(job: Job) -> tuple[str, ...]:
    """Return what an item is told of its place; nobody counts a source before it is read."""
    if job.fan_out is None:
        return ()
    return ("index",) if job.fan_out.source else ("index", "count")


def problem(job: Job, own: str) -> str:
    """Return why an input cannot be run: `own` is the job type's reason, here of what all share."""
    if job.fan_out is None:
        return own
    whole = f"( $text := $string({_shared(job.fan_out, '$payload')}); {own} )"
    if job.fan_out.source:
        return whole
    items = _items(job.fan_out, "$payload")
    name = job.fan_out.items
    return squeezed(f"""
        $type({items}) = "array"
            ? ($count({items}) > {MAX_ITEMS}
                ? "A run takes at most {MAX_ITEMS} items; this one has " & $string($count({items}))
                : {whole})
            : "The input of this job needs a list named {name}"
    """)


def spread(job: Job) -> object:
    """Return what `Admit` hands on: all that the items and what comes of them need to know."""
    if job.fan_out is None:
        return {}
    shared = _shared(job.fan_out, "$run.payload")
    items = _items(job.fan_out, "$run.payload")
    count = "" if job.fan_out.source else f', "count": $count({items})'
    run = (
        f'{{"id": $run.id, "key": $run.key, "deadline": $run.deadline, '
        f'"started_by": {STARTED_BY}, "overrides": $run.overrides, "depth": $run.depth, '
        f'"payload": {shared}{count}}}'
    )
    listed = {} if job.fan_out.source else {"items": jsonata(items)}
    return {"run": jsonata(run), **listed}


def states(job: Job, platform: Platform, work: Mapping[str, object]) -> dict[str, object]:
    """Return the states that do the work: `work` are those of a plain run, from ``Run`` on."""
    fan_out = cast("FanOut", job.fan_out)
    return {
        "Run": {
            "Type": "Map",
            **_dataset(fan_out, platform),
            "ItemSelector": {
                "run": jsonata("$states.input.run"),
                "item": jsonata("$states.context.Map.Item.Value"),
                "index": jsonata("$states.context.Map.Item.Index"),
            },
            "MaxConcurrency": fan_out.max_concurrency,
            "ToleratedFailurePercentage": fan_out.tolerated_failure_percent,
            "ItemProcessor": {
                "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
                "StartAt": "Item",
                "States": {
                    "Item": _item(job),
                    **{_of_item(name): _own(state) for name, state in work.items()},
                    "ItemRecord": _record(job, platform),
                },
            },
            "Catch": [
                {
                    "ErrorEquals": ["States.ALL"],
                    "Assign": {"outcome": broken()},
                    "Next": "RecordFailure",
                }
            ],
            "Output": summary(
                f"s3://{platform.artifacts_bucket}/", _folder(job, "$states.input.run")
            ),
            "Next": "Tally",
        },
        "Tally": tally(fan_out),
    }


def _items(fan_out: FanOut, payload: str) -> str:
    return f"$lookup({payload}, {json.dumps(fan_out.items)})"


def _shared(fan_out: FanOut, payload: str) -> str:
    """Return the payload without its items, which `$sift` makes nothing when nothing else is."""
    if fan_out.source:
        return payload
    kept = f"function($v, $k) {{ $k != {json.dumps(fan_out.items)} }}"
    return f"$merge([{{}}, $sift({payload}, {kept})])"


def _dataset(fan_out: FanOut, platform: Platform) -> State:
    """Return where the items come from; one more than allowed is read, to know of it."""
    if fan_out.source is None:
        return {"Items": jsonata('$lookup($states.input, "items")')}
    place = fan_out.source.place
    objects = f"arn:{platform.partition}:states:::s3"
    config: State = {"MaxItems": MAX_ITEMS + 1}
    if fan_out.source.kind == "prefix":
        resource, arguments = f"{objects}:listObjectsV2", {"Prefix": place.key} if place.key else {}
    else:
        resource, arguments = f"{objects}:getObject", {"Key": place.key}
        config["InputType"] = fan_out.source.kind.upper()
    if fan_out.source.kind == "csv":
        config["CSVHeaderLocation"] = "FIRST_ROW"
    if place.version_id:
        arguments["VersionId"] = place.version_id
    return {
        "ItemReader": {
            "Resource": resource,
            "ReaderConfig": config,
            "Arguments": {"Bucket": place.bucket, **arguments},
        }
    }


def _item(job: Job) -> State:
    """Return the state that makes of an item what the states of a plain run find in their run."""
    told = ", ".join(f'"{name}": $one.{name}' for name in _place(job))
    return {
        "Type": "Pass",
        "Assign": {
            "item_run": jsonata(
                squeezed(f"""(
                    $one := $merge([$states.input.run, {{"index": $states.input.index}}]);
                    $merge([$one, {{"payload": $merge([$one.payload, {{
                        "item": $states.input.item, "_fan_out": {{{told}}}
                    }}])}}])
                )""")
            ),
            "item_tried": 0,
            "item_again": 0,
            "item_refused": 0,
            "item_stored_output": "",
        },
        "Next": "ItemRun",
    }


def _of_item(name: str) -> str:
    return "ItemRecord" if name == "RecordFailure" else f"Item{name}"


def _own(value: object) -> object:
    """Return a state, or a part of one, with the names of an item's states and variables."""
    match value:
        case str() if value.startswith("{%"):
            return _VARIABLE.sub(r"$item_\1", value)
        case dict():
            return {name: _own_field(name, part) for name, part in value.items()}
        case list():
            return [_own(part) for part in value]
        case _:
            return value


def _own_field(name: str, value: object) -> object:
    match name, value:
        case (("Next" | "Default"), str()):
            return _of_item(value)
        case "Assign", dict():
            return {f"item_{variable}": _own(given) for variable, given in value.items()}
        case _:
            return _own(value)


def _record(job: Job, platform: Platform) -> State:
    succeeded = '$item_outcome.status = "SUCCEEDED"'
    return {
        "Type": "Task",
        "Resource": f"arn:{platform.partition}:states:::aws-sdk:s3:putObject",
        "Arguments": {
            "Bucket": platform.artifacts_bucket,
            "Key": jsonata(
                f"{_folder(job, '$item_run')} & ({succeeded} ? "
                '"succeeded/" : "failed/") & $string($item_run.index) & ".json"'
            ),
            "Body": jsonata(
                squeezed(f"""$merge([
                    {{"index": $item_run.index}},
                    $sift($item_outcome, function($v, $k) {{ $k != "names" }}),
                    $not({succeeded}) ? {{}}
                        : $item_stored_output != "" ? {{"output_uri": $item_stored_output}}
                        : {{"output": $states.input}}
                ])""")
            ),
            "ContentType": "application/json",
        },
        "Retry": [SERVICE_RETRY],
        "Output": jsonata(f"{succeeded} ? {SUCCEEDED} : $item_run.index"),
        "End": True,
    }


def _folder(job: Job, run: str) -> str:
    return f'"runs/{job.job_name}/" & {run}.key & "/items/"'
