"""CPU seconds of a command and of all that it starts, by kind of process.

``python -m tools.cpu make test-engine`` says where an engine suite's time goes. Linux only. Daemons
and containers count as well: they stay below this process, which adopts orphans.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import subprocess
import sys
import time
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
TICKS = os.sysconf("SC_CLK_TCK")
EVERY_SECONDS = 0.25
_SET_CHILD_SUBREAPER = 36
"""PR_SET_CHILD_SUBREAPER, prctl(2)."""

KINDS = {
    r"engine_main\.py": "the engine",
    r"fork_server\.py|ministack-lambda-jobs_": "functions of the provisioner",
    r"ministack-lambda-": "functions of jobs",
    r"/pytest ": "pytest",
    r"provisioner\.cli\.main|bin/provisioner ": "the command provisioner",
    r"provisioner\.local|build_image|image_program": "provisioner local",
    r"/sam |assemble\.py|--makefile": "the SAM CLI and what it starts",
    r"podman|conmon|runc|crun": "Podman, conmon and runc",
    r"/job/|/var/runtime/|python3 -c": "in containers",
    r"tools\.cpu": "this measurement",
}


@dataclass(frozen=True)
class Process:
    """A process as it was last seen; times in seconds of CPU."""

    pid: int
    parent: int
    kind: str
    own: float
    reaped: float


Seen = dict[tuple[int, int], Process]
"""By process id and start."""


def kind_of(pid: int) -> str | None:
    """Name what a process is; None when it has ended, or has no kind of its own."""
    try:
        line = (PROC / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode()
    except (OSError, UnicodeDecodeError):
        return None
    return next((kind for pattern, kind in KINDS.items() if re.search(pattern, line)), None)


def _processes() -> dict[int, tuple[str, list[str]]]:
    """Return names and fields of all processes, from the parent's id on (proc(5))."""
    found = {}
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                head, _, tail = (entry / "stat").read_text().rpartition(")")
                found[int(entry.name)] = (head.partition("(")[2], tail.split()[1:])
    return found


def look(seen: Seen) -> None:
    """Note what runs below this process."""
    found = _processes()
    children = defaultdict(list)
    for pid, (_, fields) in found.items():
        children[int(fields[0])].append(pid)
    below = [os.getpid()]
    for pid in below:
        below += children[pid]
        name, fields = found[pid]
        user, system, reaped_user, reaped_system = (int(each) / TICKS for each in fields[10:14])
        key = (pid, int(fields[18]))
        kind = kind_of(pid) or (seen[key].kind if key in seen else name)
        seen[key] = Process(
            pid,
            int(fields[0]),
            kind,
            user + system,
            reaped_user + reaped_system,
        )


def reap(but: int) -> None:
    """Take the ends of orphans, and leave the command's to `subprocess`."""
    for path in (PROC / str(os.getpid()) / "task").glob("*/children"):
        for pid in map(int, path.read_text().split()):
            if pid != but:
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(pid, os.WNOHANG)


def totals(seen: Seen) -> Counter[str]:
    """Return seconds by kind; what came and went between two looks counts for its parent."""
    seconds: Counter[str] = Counter()
    known: dict[int, float] = defaultdict(float)
    for process in reversed(seen.values()):  # children first: a parent is seen before them
        below = known.pop(process.pid, 0.0)
        seconds[process.kind] += process.own + max(process.reaped - below, 0.0)
        if not (PROC / str(process.pid)).exists():
            # Children may end, and their parent with them, after the last look at the parent.
            known[process.parent] += process.own + max(process.reaped, below)
    return seconds


def main(command: list[str]) -> int:
    """Run the command, and print the table when it has ended."""
    ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, 1)
    began = time.monotonic()
    child = subprocess.Popen(command)
    seen: Seen = {}
    while child.poll() is None:
        look(seen)
        reap(but=child.pid)
        time.sleep(EVERY_SECONDS)
    look(seen)
    seconds = totals(seen)
    numbers = Counter(process.kind for process in seen.values())
    for kind, used in seconds.most_common():
        print(f"{used:8.1f} CPU-s  {numbers[kind]:5d} processes  {kind}")
    print(f"{seconds.total():8.1f} CPU-s in {time.monotonic() - began:.0f} s")
    return child.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
