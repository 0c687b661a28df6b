"""The work of a run over many items: a Distributed Map in the place of `Run`.

Every item is a child execution of its own. Its states are those that do the work of a plain run,
whatever they are, under names of its own; at its end ``ItemRecord`` puts the item's result into S3.
A child that fails does so quietly and says its index: so all items are tried, and what comes
together is small and complete, whatever the number of failures. ``SummarizeItems`` then holds their
share against what the row tolerates.

A Distributed Map cannot see the workflow's variables (Step Functions, workflow variables): what it
needs is the output of ``Admit`` (`map_input`), from which ``Item`` makes the child's own
`$item_run`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from provisioner.jobs import MAX_ITEMS
from provisioner.runs.model import RunStatus
from templates.workflow import usage
from templates.workflow.expressions import ENTERED_MILLIS, INPUT, STARTED_BY, address, run
from templates.workflow.fan_out_result import (
    not_summarized,
    summarize_items,
    summary,
    time_of_items,
)
from templates.workflow.jsonata import (
    Expression,
    assign,
    block,
    call,
    cases,
    concat,
    expression,
    function,
    merge,
    negated,
    variable,
    when,
)
from templates.workflow.prepare import own_members
from templates.workflow.states import SERVICE_RETRY, State, caught, sdk

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provisioner.jobs import FanOut, Job
    from provisioner.jobs.model import RowModel
    from provisioner.settings import Platform
    from templates.workflow.jsonata import Value

_VARIABLES = (
    "run",
    "outcome",
    "attempts",
    "retries",
    "refusals",
    "spot",
    "spot_interruptions",
    "worked",
    "attempt_start",
    "large",
    "stored_output",
    "launch",
    "place",
    "machines",
)
"""What the states of the work read and assign: theirs are the item's, which may not use the name
of a variable of the run."""

_OWN = "item_"


def variables(job: RowModel) -> dict[str, Value]:
    """Return the variables that tell a container its item's place: expressions by their names."""
    return {f"FAN_OUT_{name.upper()}": call("string", run(name)) for name in _place(job)}


def started_by(job: Job) -> Expression:
    """Return by what name a container is found again: the run's, not the child execution's."""
    return run("started_by") if job.fan_out else STARTED_BY


def _place(job: RowModel) -> tuple[str, ...]:
    """Return what an item gets to know of its place; nobody counts a source before it is read."""
    if job.fan_out is None:
        return ()
    return ("index",) if job.fan_out.source else ("index", "count")


def problem(job: Job, own: Value) -> Value:
    """Return why an input cannot be run: `own` is the job type's reason, here of what all share."""
    if job.fan_out is None:
        return own
    payload = variable("payload")
    shared = block(assign("text", call("string", _shared(job.fan_out, payload))), own)
    if job.fan_out.source:
        return shared
    items = _items(job.fan_out, payload)
    count = call("count", items)
    too_many = f"A run takes at most {MAX_ITEMS} items; this one has "
    return when(
        call("type", items).equals("array"),
        when(count.above(MAX_ITEMS), concat(too_many, call("string", count)), shared),
        f"The input of this job needs a list named {job.fan_out.items}",
    )


def map_input(job: Job) -> object:
    """Return what `Admit` hands on: all that the items and what comes of them need to know."""
    if job.fan_out is None:
        return {}
    items = _items(job.fan_out, run("payload"))
    handed: dict[str, Value] = {
        name: run(name)
        for name in ("id", "key", "deadline", "overrides", "depth", *own_members(job))
    }
    handed |= {"started_by": STARTED_BY, "payload": _shared(job.fan_out, run("payload"))}
    if job.fan_out.source:
        return {"run": expression(handed)}
    return {"run": expression({**handed, "count": call("count", items)}), "items": items}


def states(
    job: Job,
    platform: Platform,
    work: Mapping[str, object],
    first: str,
    counters: Mapping[str, object],
) -> dict[str, object]:
    """Return the states that do the work: `work` are those of a plain run, `first` of them.

    `counters` are the variables that those states count attempts in.
    """
    fan_out = cast("FanOut", job.fan_out)
    return {
        "Run": {
            "Type": "Map",
            **_dataset(fan_out, platform),
            "ItemSelector": {
                "run": variable("states.input.run"),
                "item": variable("states.context.Map.Item.Value"),
                "index": variable("states.context.Map.Item.Index"),
            },
            "MaxConcurrency": fan_out.max_concurrency,
            "ToleratedFailurePercentage": fan_out.tolerated_failure_percent,
            "ItemProcessor": {
                "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
                "StartAt": "Item",
                "States": {
                    "Item": _item(job, _of_item(first), counters),
                    **{_of_item(name): _own(state) for name, state in work.items()},
                    "ItemRecord": _record(job, platform),
                },
            },
            "Catch": [caught("States.ALL", "RecordFailure", Assign={"outcome": not_summarized()})],
            "Assign": time_of_items(usage.item_unit_ms(job)),
            "Output": summary(
                address(platform.artifacts_bucket, _folder(job, variable("states.input.run.key")))
            ),
            "Next": "SummarizeItems",
        },
        "SummarizeItems": summarize_items(fan_out),
    }


def _items(fan_out: FanOut, payload: Expression) -> Expression:
    return call("lookup", payload, fan_out.items)


def _shared(fan_out: FanOut, payload: Expression) -> Expression:
    """Return the payload without its items, which `$sift` makes nothing when nothing else is."""
    if fan_out.source:
        return payload
    is_other = function(["v", "k"], variable("k").differs(fan_out.items))
    return merge({}, call("sift", payload, is_other))


def _dataset(fan_out: FanOut, platform: Platform) -> State:
    """Return where the items come from; one more than allowed is read, to know of it."""
    if fan_out.source is None:
        return {"Items": call("lookup", INPUT, "items")}
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


def _item(job: Job, following: str, counters: Mapping[str, object]) -> State:
    """Return the state that makes of an item what the states of a plain run find in their run."""
    one = variable("one")
    item: Value = {
        "item": variable("states.input.item"),
        "_fan_out": {name: variable(f"one.{name}") for name in _place(job)},
    }
    place: Value = {"index": variable("states.input.index")}
    own = block(
        assign("one", merge(variable("states.input.run"), place)),
        merge(one, {"payload": merge(variable("one.payload"), item)}),
    )
    return {
        "Type": "Pass",
        "Assign": {
            "item_run": own,
            "item_stored_output": "",
            **{_OWN + name: value for name, value in counters.items()},
        },
        "Next": following,
    }


def _of_item(name: str) -> str:
    return "ItemRecord" if name == "RecordFailure" else f"Item{name}"


def _own(value: object) -> object:
    """Return a state, or a part of one, with the names of an item's states and variables."""
    match value:
        case Expression():
            return value.renamed(_VARIABLES, _OWN)
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
            return {_OWN + variable: _own(given) for variable, given in value.items()}
        case _:
            return _own(value)


def _record(job: Job, platform: Platform) -> State:
    outcome, index = variable("item_outcome"), variable("item_run.index")
    succeeded = variable("item_outcome.status").equals(RunStatus.SUCCEEDED)
    uri = variable("item_stored_output")
    output = cases(
        (call("not", succeeded), {}),
        (uri.differs(""), {"output_uri": uri}),
        otherwise={"output": INPUT},
    )
    shown = negated(variable("k").within(["names", "pause"]))
    result = call("sift", outcome, function(["v", "k"], shown))
    billed = usage.billed_of_item(job, ENTERED_MILLIS).renamed(_VARIABLES, _OWN)
    return {
        "Type": "Task",
        "Resource": sdk(platform, "s3:putObject"),
        "Arguments": {
            "Bucket": platform.artifacts_bucket,
            "Key": concat(
                _folder(job, variable("item_run.key")),
                when(succeeded, "succeeded/", "failed/"),
                call("string", index),
                ".json",
            ),
            "Body": merge({"index": index}, result, output),
            "ContentType": "application/json",
        },
        "Retry": [SERVICE_RETRY],
        "Output": when(succeeded, -1 * billed, index),
        "End": True,
    }


def _folder(job: Job, key: Expression) -> Expression:
    return concat(f"runs/{job.job_name}/", key, "/items/")
