"""Requests of an HTTP API wait for their turn, and no turn lasts for long."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

from provisioner.local.shim.gateway import in_turn

FIRST, OTHER = {"config": {"FunctionName": "first"}}, {"FunctionName": "other"}


class Function:
    """Notes how many calls it serves at once; it ends them when it is told to."""

    def __init__(self):
        self.may_end = asyncio.Event()
        self.served, self.busy, self.busiest = [], 0, 0

    async def __call__(self, _call, _record, event):
        self.busy += 1
        self.busiest = max(self.busiest, self.busy)
        try:
            await self.may_end.wait()
        finally:
            self.busy -= 1
        self.served.append(event)
        return event


def play(story):
    """Run it in a thread of its own: this one may have a browser's loop."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(lambda: asyncio.run(story())).result()


async def all_wait(tasks):
    for _ in range(5 * len(tasks)):
        await asyncio.sleep(0)


def test_a_few_at_a_time_in_the_order_of_requests():
    async def story():
        function = Function()
        running = in_turn(function, 2, turn_seconds=60)
        tasks = [asyncio.create_task(running(None, FIRST, n)) for n in range(10)]
        await all_wait(tasks)
        assert function.busy == 2
        function.may_end.set()
        assert await asyncio.gather(*tasks) == list(range(10))
        assert (function.busiest, function.served) == (2, list(range(10)))

    play(story)


def test_each_function_has_turns_of_its_own():
    async def story():
        function = Function()
        running = in_turn(function, 1, turn_seconds=60)
        tasks = [asyncio.create_task(running(None, each, 0)) for each in (FIRST, OTHER)]
        await all_wait(tasks)
        assert function.busy == 2
        function.may_end.set()
        await asyncio.gather(*tasks)

    play(story)


def test_a_turn_ends_though_its_call_continues():
    async def story():
        function = Function()
        running = in_turn(function, 1, turn_seconds=0.01)
        first, second = (asyncio.create_task(running(None, FIRST, n)) for n in range(2))
        while function.busy < 2:
            await asyncio.sleep(0.001)
        function.may_end.set()
        assert await asyncio.gather(first, second) == [0, 1]

    play(story)


def test_a_call_that_fails_ends_its_turn():
    async def failing(*_):
        raise ValueError

    async def story():
        running = in_turn(failing, 1, turn_seconds=60)
        tasks = [running(None, FIRST, n) for n in range(3)]
        found = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(each) for each in found] == [ValueError] * 3

    play(story)
