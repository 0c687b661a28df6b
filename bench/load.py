"""Readers of the live overview at the same time, as the console's own pages ask for it.

``python -m bench.load`` brings an engine up and fills its tables (`bench.seed`). Then 50 readers
ask the console for a minute, through the engine's HTTP API and the console's own function, each
every two seconds for both parts of the page, with the tags of its last answers. With ``--here`` it
reads the engine that the environment names; with ``--one-process`` the console is in this process.
It prints the answers, how long they took, and the requests to DynamoDB for each reader and minute.
An error ends it with 1.
"""

from __future__ import annotations

import argparse
import http.client
import os
import re
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from statistics import median, quantiles
from urllib.parse import urlsplit

from bench import seed
from bench.engine import engine
from bench.faces import Faces
from provisioner.entrypoints import console
from tests.support.console import served
from tests.support.engine import EngineUnderTest
from tests.support.functions import Context

READERS, SECONDS, EVERY_SECONDS = 50, 60, 2.0
PARTS = ("/", "/overview/jobs")
READS = re.compile(r'reads;desc="([0-9]+)"')


@dataclass
class Seen:
    """What the readers were answered."""

    answers: Counter[str] = field(default_factory=Counter)
    took_ms: list[float] = field(default_factory=list)
    reads: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, answer: str, took_ms: float, reads: int) -> None:
        with self.lock:
            self.answers[answer] += 1
            self.reads += reads
            self.took_ms.append(took_ms)


def read(url: str, seen: Seen, until: float, first_after: float) -> None:
    """Ask for the overview again and again, as a page of the console does."""
    tags: dict[str, str | None] = dict.fromkeys(PARTS)
    time.sleep(first_after)
    while (began := time.monotonic()) < until:
        for part, tag in tags.items():
            tags[part] = ask(url, part, tag, seen)
        time.sleep(max(0.0, EVERY_SECONDS - (time.monotonic() - began)))


def ask(url: str, part: str, tag: str | None, seen: Seen) -> str | None:
    """Ask for a part of the page; return the tag of the answer."""
    where, began, reads = urlsplit(url), time.monotonic(), 0
    known = {"HX-PTag": tag} if tag else {}
    try:
        connection = http.client.HTTPConnection("127.0.0.1", where.port, timeout=30)
        headers = {"Host": where.netloc, "HX-Request": "true", **known}
        connection.request("GET", part, headers=headers)
        answer = connection.getresponse()
        answer.read()
        connection.close()
        tag, said = answer.headers.get("HX-PTag", tag), str(answer.status)
        found = READS.search(answer.headers.get("Server-Timing", ""))
        reads = int(found[1]) if found else 0
    except OSError as error:
        said = type(error).__name__
    seen.note(said, (time.monotonic() - began) * 1000, reads)
    return tag


def show(url: str, readers: int, seconds: float) -> bool:
    """Let readers ask; print what came of it, and tell whether there was no error."""
    seen, until = Seen(), time.monotonic() + seconds
    threads = [
        threading.Thread(target=read, args=(url, seen, until, EVERY_SECONDS * n / readers))
        for n in range(readers)
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    late, each_minute = quantiles(seen.took_ms, n=20)[-1], readers * seconds / 60
    print(f"{readers} readers, {seconds:.0f} s: {dict(seen.answers)}")
    print(f"median {median(seen.took_ms):.0f} ms, 95th percentile {late:.0f} ms")
    print(f"asked {sum(seen.answers.values()) / each_minute:.1f} times by each reader and minute")
    print(f"requests to DynamoDB for each reader and minute: {seen.reads / each_minute:.1f}")
    return set(seen.answers) <= {"200", "304"}


def load(under_test: EngineUnderTest, options: argparse.Namespace) -> bool:
    """Let readers ask the console over the engine's tables."""
    if not options.one_process:
        url = seed.here().outputs["ConsoleUrl"]
        return _warm_and_show(url, options)
    runtime = Faces(under_test).runtime
    with served(lambda event: console.handler(event, Context(), runtime)) as url:
        return _warm_and_show(url, options)


def _warm_and_show(url: str, options: argparse.Namespace) -> bool:
    show(url, 1, 2 * EVERY_SECONDS)
    return show(url, options.readers, options.seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=seed.JOBS)
    parser.add_argument("--runs", type=int, default=seed.RUNS)
    parser.add_argument("--readers", type=int, default=READERS)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--here", action="store_true", help="the console of this engine, as it is")
    parser.add_argument("--one-process", action="store_true", help="the console in this process")
    options = parser.parse_args()
    if options.here:
        good = load(EngineUnderTest(dict(os.environ)), options)
        raise SystemExit(0 if good else 1)
    with engine() as under_test:
        os.environ |= under_test.environment
        seed.seed(seed.here(), under_test, options.jobs, options.runs)
        good = load(under_test, options)
    raise SystemExit(0 if good else 1)


if __name__ == "__main__":
    main()
