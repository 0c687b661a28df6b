"""Where a bug can be planted: in what a migration is wired with, never in the product."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from provisioner.aws.clients import Clients
from provisioner.aws.run_list import RunList
from tests.simulation.migration.table import Table


@dataclass(frozen=True)
class Bug:
    """What a world is wired with; without arguments nothing is wrong with it."""

    run_list: Callable[[Clients, str], RunList] = RunList
    table: type[Table] = Table
    hears: bool = True
    """Whether the new run_stream lists the runs of old workflows."""


NO_BUG = Bug()
