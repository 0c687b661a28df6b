"""Where every call of a port passes: it takes time, others come between, and it may go wrong."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

from provisioner.stacks.model import StackState
from tests.simulation.faults import Crash, Faults
from tests.simulation.timeline import Timeline

T = TypeVar("T")

TIMEOUT_SECONDS = 60
"""Timeout of the provisioner's functions in template.yaml."""


@dataclass(eq=False)
class Invocation:
    """One run of one function: what it has read so far tells whether what it does is right."""

    function: str
    began_at: datetime
    first_edit: int
    retained: frozenset[str] = frozenset()
    """Jobs whose last row, as was known when it began, retained their stack."""
    rows: dict[str, object] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)
    seen: dict[str, StackState | None] = field(default_factory=dict)

    @property
    def deadline(self) -> datetime:
        return self.began_at + timedelta(seconds=TIMEOUT_SECONDS)


class Calls:
    """The only way from a function to the world."""

    def __init__(self, timeline: Timeline, faults: Faults, chance: random.Random) -> None:
        self._timeline = timeline
        self._faults = faults
        self._chance = chance
        self._running = threading.local()
        self._baton: Baton | None = None
        self.count = 0

    @property
    def invocation(self) -> Invocation:
        """The run of a function that is calling."""
        return self._running.invocation

    @invocation.setter
    def invocation(self, invocation: Invocation) -> None:
        self._running.invocation = invocation

    def __call__(self, port: str, work: Callable[[], T]) -> T:
        if self._baton:
            self._baton.pass_on()
        self.count += 1
        self._take_time()
        try:
            return self._faults.call(port, work)
        except Crash:
            self._timeline.note("death at", port)
            raise

    def together(self, works: list[Callable[[], None]], turns: Iterator[int]) -> None:
        """Run several at once; at each call `turns` tells who goes on."""
        self._baton = Baton(works, turns)
        try:
            self._baton.run()
        finally:
            self._baton = None

    def _take_time(self) -> None:
        faults, now = self._faults, self._timeline.now
        slow = faults.slow_until is not None and now < faults.slow_until
        self._timeline.advance(faults.slow_seconds if slow else self._chance.uniform(0.003, 0.05))
        if self._timeline.now > self.invocation.deadline:
            raise Crash("out of time")


class Baton:
    """Threads of which only one runs at a time, so that the order of calls is the test's."""

    def __init__(self, works: list[Callable[[], None]], turns: Iterator[int]) -> None:
        self._turns = turns
        self._may_go = [threading.Semaphore(0) for _ in works]
        self._all_done = threading.Semaphore(0)
        self._alive = list(range(len(works)))
        self._me = threading.local()
        self._raised: list[BaseException] = []
        self._threads = [
            threading.Thread(target=self._run, args=(index, work), daemon=True)
            for index, work in enumerate(works)
        ]

    def run(self) -> None:
        for thread in self._threads:
            thread.start()
        self._may_go[self._next()].release()
        self._all_done.acquire()
        for thread in self._threads:
            thread.join()
        if self._raised:
            raise self._raised[0]

    def pass_on(self) -> None:
        """Let another go on, if it is its turn."""
        me = self._me.index
        chosen = self._next()
        if chosen != me:
            self._may_go[chosen].release()
            self._may_go[me].acquire()

    def _next(self) -> int:
        return self._alive[next(self._turns, 0) % len(self._alive)]

    def _run(self, index: int, work: Callable[[], None]) -> None:
        self._me.index = index
        self._may_go[index].acquire()
        try:
            work()
        except BaseException as error:  # noqa: BLE001  (the test's thread raises it)
            self._raised.append(error)
        self._alive.remove(index)
        if self._alive:
            self._may_go[self._next()].release()
        else:
            self._all_done.release()
