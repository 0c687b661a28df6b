"""`python -m tools.smoke`, which `make smoke` calls."""

from __future__ import annotations

import os
import re
import sys
import time
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from typing import TYPE_CHECKING

from rich.table import Table

from provisioner.local.deploy import sources_digest
from provisioner.local.errors import LocalError
from provisioner.terminal import CleanConsole
from tools.smoke import images, steps
from tools.smoke.cost import Estimate
from tools.smoke.state import FAILED, PASSED, Result, SmokeError, State
from tools.smoke.targets import CHECKOUT, FOLDER, Account, EmbeddedEngine, architecture
from tools.smoke.teardown import find_stack, other_prefixes, tear_down

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tools.smoke.steps import Step
    from tools.smoke.targets import Target

PREFIX = re.compile(r"[a-z][a-z0-9-]{0,19}")
TEARDOWN = "teardown"
_OUT = CleanConsole()


def main(arguments: Sequence[str] | None = None) -> int:
    """Return 1 if a step has failed, 2 if the command could not go on, 130 after Ctrl-C, else 0."""
    options = _parsed(arguments)
    os.chdir(CHECKOUT)
    target: Target | None = None
    try:
        target = EmbeddedEngine(_say) if options.engine else Account()
        return _smoke(target, options)
    except (SmokeError, LocalError) as refused:
        _say(f"Error: {refused}")
        return 2
    except KeyboardInterrupt:
        _say("interrupted; the same command goes on, `--only-teardown` removes what is there")
        return 130
    finally:
        if target is not None and not options.keep:
            target.close()


def _parsed(arguments: Sequence[str] | None) -> Namespace:
    parser = ArgumentParser(
        "make smoke", description=__doc__, formatter_class=RawDescriptionHelpFormatter
    )
    parser.add_argument("--prefix", default="smoke", help="of the bootstrap, and its stack's name")
    parser.add_argument("--engine", action="store_true", help="on an embedded engine, not on AWS")
    parser.add_argument("--yes", action="store_true", help="do not ask before spending")
    parser.add_argument("--again", action="store_true", help="repeat steps that have passed")
    parser.add_argument("--keep", action="store_true", help="leave the bootstrap and its jobs")
    parser.add_argument("--only-teardown", action="store_true", help="run no step")
    parser.add_argument("--step", action="append", metavar="NAME", help="only this one; repeatable")
    options = parser.parse_args(arguments)
    if not PREFIX.fullmatch(options.prefix):
        parser.error(f"{options.prefix}: a prefix matches {PREFIX.pattern}")
    return options


def _smoke(target: Target, options: Namespace) -> int:
    path = FOLDER / f"{target.name}-{target.account}-{target.region}-{options.prefix}.json"
    state = State.load(path)
    state.forget_other_sources(sources_digest(CHECKOUT))
    found = find_stack(target, options.prefix)
    others = other_prefixes(target, options.prefix)
    state.guard(options.prefix, found["StackId"] if found else None, others)
    known = steps.all_steps()
    wanted = _wanted(known, state, target, options)
    _announce(target, options, [step for step in known if step.name in wanted])
    if not (options.yes or not target.costs or _agreed()):
        _say("nothing was changed")
        return 2
    if target.is_engine:
        state.results |= steps.left_to_aws(known)
    if wanted:
        _deploy(target, state, options.prefix, is_new=found is None)
        _run(wanted, target, state, options.prefix)
    if not options.keep:
        _tear_down(target, state, options.prefix)
    return _report(known, state)


def _wanted(known: list[Step], state: State, target: Target, options: Namespace) -> set[str]:
    """Return the steps to run."""
    names = {step.name for step in known}
    if unknown := set(options.step or ()) - names:
        message = f"there is no step {', '.join(sorted(unknown))}; there are {', '.join(names)}"
        raise SmokeError(message)
    if options.only_teardown:
        return set()
    possible = {step.name for step in known if not (target.is_engine and step.needs_aws)}
    chosen = possible & set(options.step or names)
    return chosen if options.again or options.step else chosen - state.passed()


def _announce(target: Target, options: Namespace, wanted: list[Step]) -> None:
    where = "embedded engine" if target.is_engine else f"account {target.account}"
    _say(f"{where}, Region {target.region}, prefix and stack {options.prefix}")
    for number, step in enumerate(wanted, 1):
        _say(f"{number:3}  {step.name}: {step.shows}")
    if target.costs and wanted:
        estimate = Estimate.of((step.usage for step in wanted), target.region)
        _say(f"It takes {estimate}.")
    if not options.keep:
        _say("At the end everything under this prefix is deleted.")


def _agreed() -> bool:
    return sys.stdin.isatty() and input("Go on? [y/N] ").strip().lower() in {"y", "yes"}


def _deploy(target: Target, state: State, prefix: str, *, is_new: bool) -> None:
    if is_new:
        state.began, state.stack_id = True, None
    state.save()
    target.deploy(prefix, _say)
    stack = find_stack(target, prefix)
    state.stack_id = stack["StackId"] if stack else None
    state.save()


def _run(wanted: set[str], target: Target, state: State, prefix: str) -> None:
    """Run the steps in a bootstrap that is there."""
    os.environ["PROVISIONER_STACK"] = prefix
    os.environ["SMOKE_ARCHITECTURE"] = architecture()
    endpoint = os.environ.get("AWS_ENDPOINT_URL")
    for kind in images.PROGRAMS if target.is_engine else ("function",):
        _say(f"pushing the image of a {kind}")
        cache = CHECKOUT / ".provisioner" / "images"
        uri = images.push_code(target.client("ecr"), endpoint, prefix, kind, cache)
        os.environ[f"SMOKE_{kind.upper()}_IMAGE"] = uri
    log = state.path.with_suffix(".log")
    log.unlink(missing_ok=True)
    if not steps.run(wanted, state, log, _say):
        raise KeyboardInterrupt
    if log.exists():
        _say(f"failures at length: {log}")


def _tear_down(target: Target, state: State, prefix: str) -> None:
    if state.stack_id is None and not state.kept:
        return
    began = time.monotonic()
    try:
        tear_down(target, state, prefix, _say)
        outcome, why = PASSED, ""
    except SmokeError as refused:
        outcome, why = FAILED, str(refused)
    state.results[TEARDOWN] = Result(outcome, round(time.monotonic() - began, 1), why)
    state.save()


def _report(known: list[Step], state: State) -> int:
    shows = {step.name: step.shows for step in known} | {TEARDOWN: "Everything can be deleted"}
    _OUT.print(table(shows, state.results))
    bad = [name for name, result in state.results.items() if result.outcome == FAILED]
    return 1 if bad else 0


def table(shows: dict[str, str], results: dict[str, Result]) -> Table:
    """Return the steps with what became of each."""
    found = Table(box=None, padding=(0, 2, 0, 0))
    for heading in ("STEP", "RESULT", "SECONDS", "SHOWS"):
        found.add_column(heading, justify="right" if heading == "SECONDS" else "left")
    for name, what in shows.items():
        result = results.get(name, Result("not run"))
        seconds = f"{result.seconds:.0f}" if result.seconds else ""
        found.add_row(name, result.outcome, seconds, what)
        if result.why:
            found.add_row("", "", "", f"  {result.why}")
    return found


def _say(text: str) -> None:
    _OUT.print(text, soft_wrap=True)


if __name__ == "__main__":
    sys.exit(main())
