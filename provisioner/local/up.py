"""The way from nothing to running jobs: engine, bootstrap, examples, in this order."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from provisioner.local import examples, outcomes
from provisioner.local.deploy import deploy
from provisioner.local.errors import LocalError
from provisioner.local.home import save
from provisioner.local.progress import Say, silent
from provisioner.local.stack import DEFAULT_STACK, stack_outputs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provisioner.local.engine import Engine


@dataclass(frozen=True)
class Wanted:
    """What `up` is asked for.

    Attributes
    ----------
    stack_name
        The bootstrap stack's name.
    auth
        Whether the engine enforces IAM; None keeps what was.
    fresh
        Forget all data first.
    examples
        Whether to write the example rows and run them.
    parameters
        Parameters of template.yaml; those of the last time stay.
    """

    stack_name: str = DEFAULT_STACK
    auth: bool | None = None
    fresh: bool = False
    examples: bool = True
    parameters: Mapping[str, str] = field(default_factory=dict)


def up(engine: Engine, wanted: Wanted, say: Say = silent) -> list[outcomes.ExampleOutcome]:
    """Bring everything up that is not, and return what became of the examples.

    Raises
    ------
    LocalError
        A step failed, or a part crashed in the meantime.
    """
    engine.start(auth=wanted.auth, fresh=wanted.fresh, say=say)
    try:
        deploy(engine, wanted.stack_name, parameters=wanted.parameters, say=say)
        return _show(engine, wanted.stack_name, say) if wanted.examples else []
    except LocalError:
        # A crash explains what failed after it better than that does.
        engine.check()
        raise


def _show(engine: Engine, stack_name: str, say: Say) -> list[outcomes.ExampleOutcome]:
    """Write the examples and run them; once, and again when they change.

    So that a row which somebody edited or deleted stays so at the next `up`.
    """
    known = examples.load(engine.home.checkout, stack_outputs(engine, stack_name))
    found = examples.that_can_be_made(known, say)
    digest = examples.digest(engine.home.checkout)
    if engine.state.examples != digest:
        examples.seed(engine, stack_name, found, say)
        outcomes.await_stacks(engine, stack_name, found, say)
        outcomes.run_each(engine, stack_name, found, say)
        save(engine.home, replace(engine.state, examples=digest))
    return outcomes.outcomes(engine, stack_name, found)
