"""What Step Functions refuses in a definition, found without it.

The rules are those of the Amazon States Language specification and of
ValidateStateMachineDefinition, as far as our definitions go: JSONata throughout, and no Parallel.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

State = Mapping[str, Any]

TERMINAL = {"Succeed", "Fail"}
_ANY = {"Type", "Comment", "QueryLanguage"}
_WORK = {"Arguments", "Retry", "Catch", "Output", "Assign", "Next", "End"}
FIELDS = {
    "Pass": {"Output", "Assign", "Next", "End"},
    "Task": {"Resource", "TimeoutSeconds", "HeartbeatSeconds", *_WORK},
    "Choice": {"Choices", "Default", "Output", "Assign"},
    "Wait": {"Seconds", "Timestamp", "Output", "Assign", "Next", "End"},
    "Map": {
        *("Items", "ItemReader", "ItemSelector", "ItemProcessor", "MaxConcurrency", "Label"),
        *("ToleratedFailurePercentage", "ToleratedFailureCount", "ResultWriter"),
        *(_WORK - {"Arguments"}),
    },
    "Succeed": {"Output"},
    "Fail": {"Error", "Cause"},
}
MAX_NAME_CHARACTERS = 80
MAX_DEFINITION_BYTES = 1_048_576


def rules(state: State) -> list[State]:
    """Return the parts of a state that say where it leads."""
    return [state, *state.get("Choices", []), *state.get("Catch", [])]


def following(state: State) -> set[str]:
    """Return the states that a state can lead to."""
    return {rule[key] for rule in rules(state) for key in ("Next", "Default") if key in rule}


def reachable(machine: State) -> set[str]:
    """Return the states that the first one leads to."""
    found: set[str] = set()
    left = {machine["StartAt"]}
    while left:
        found |= left
        left = set().union(*(following(machine["States"][name]) for name in left)) - found
    return found


def machines(machine: State) -> Iterator[State]:
    """Yield a machine, and those of its Map states."""
    yield machine
    for state in machine["States"].values():
        if "ItemProcessor" in state:
            yield from machines(state["ItemProcessor"])


def problems(definition: State) -> list[str]:
    """Return why Step Functions would refuse a definition."""
    found = [] if definition.get("QueryLanguage") == "JSONata" else ["its language is JSONPath"]
    names = [name for machine in machines(definition) for name in machine["States"]]
    found += [f"{name}: there are two of that name" for name in names if names.count(name) > 1]
    for machine in machines(definition):
        missing = {machine["StartAt"]} - set(machine["States"])
        for name, state in machine["States"].items():
            found += [f"{name}: {problem}" for problem in _of_state(name, state)]
            missing |= following(state) - set(machine["States"])
        found += [f"{name}: is led to, and not there" for name in sorted(missing)]
        if not missing:
            unreached = set(machine["States"]) - reachable(machine)
            found += [f"{name}: nothing leads to it" for name in sorted(unreached)]
    return found


def _of_state(name: str, state: State) -> Iterator[str]:
    kind = state["Type"]
    ways_out = ("Next" in state) + ("Choices" in state) + bool(state.get("End"))
    if ways_out != (0 if kind in TERMINAL else 1):
        yield f"has {ways_out} ways out"
    if len(name) > MAX_NAME_CHARACTERS:
        yield "has too long a name"
    if foreign := set(state) - FIELDS[kind] - _ANY:
        yield f"{kind} has no {foreign}"
    if "Choices" in state and not state["Choices"]:
        yield "has no choices"
    for several in (state.get("Retry", []), state.get("Catch", [])):
        yield from _of_errors([one["ErrorEquals"] for one in several])
    for retrier in state.get("Retry", []):
        for field, (default, least, most) in _RETRY.items():
            if not least <= retrier.get(field, default) <= most:
                yield f"{field} is out of bounds"


_RETRY = {
    "BackoffRate": (2, 1, float("inf")),
    "MaxAttempts": (3, 0, 99_999_999),
    "IntervalSeconds": (1, 1, 99_999_999),
    "MaxDelaySeconds": (1, 1, 31_622_399),
}


def _of_errors(lists: list[list[str]]) -> Iterator[str]:
    if not all(lists):
        yield "catches nothing"
    if any("States.ALL" in errors and len(errors) > 1 for errors in lists):
        yield "States.ALL must stand alone"
    if any("States.ALL" in errors for errors in lists[:-1]):
        yield "States.ALL must come last"


_ALIKE = {"Next": "Inner", "Default": "Inner", "ToleratedFailurePercentage": 1.5}


def for_moto(state: Any) -> Any:
    """Return a state as moto's parser takes it; expressions, numbers and ways out all alike.

    Not in its grammar though right: a whole number as a percentage, and the reader of a listing
    without InputType (Step Functions, ItemReader: only for files).
    """
    match state:
        case {"ItemProcessor": {**processor}}:
            plain = {name: part for name, part in state.items() if name != "ItemProcessor"}
            inner = {"Inner": {"Type": "Succeed"}}
            processor = {**processor, "StartAt": "Inner", "States": inner}
            return {**for_moto(plain), "ItemProcessor": processor}
        case {"ReaderConfig": {"MaxItems": _} as config} if "InputType" not in config:
            return for_moto({**state, "ReaderConfig": {**config, "InputType": "JSON"}})
        case dict():
            return {name: _ALIKE.get(name) or for_moto(part) for name, part in state.items()}
        case list():
            return [for_moto(part) for part in state]
    return shape(state)


def shape(value: Any) -> Any:
    """Return a definition, or a part of one, with all expressions and all numbers alike."""
    match value:
        case dict():
            return {name: shape(part) for name, part in value.items()}
        case list():
            return [shape(part) for part in value]
        case str() if value.startswith("{%"):
            return "{% 1 %}"
        case bool() | str():
            return value
        case int() | float():
            return 2
    return value
