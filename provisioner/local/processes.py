"""Start processes that outlive us, and stop those, and only those, that we started."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

from provisioner.local.home import ProcessRecord

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_POLL_SECONDS = 0.05
_KILL_SECONDS = 5.0


def start(
    command: Sequence[str | Path], *, env: Mapping[str, str], log: Path, cwd: Path
) -> ProcessRecord:
    """Start a process in a session of its own, its output in `log`; the earlier log is kept."""
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists():
        log.replace(log.with_name(f"{log.name}.before"))
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(word) for word in command],
            env=dict(env),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    # Not waited for: it is to outlive us. So that Python does not complain of that:
    process.returncode = 0
    return ProcessRecord(process.pid, _started(process.pid) or "")


def is_alive(record: ProcessRecord) -> bool:
    """Tell whether the process runs: the very one, not another of the same id."""
    return _started(record.pid) == record.started


def stop(record: ProcessRecord, *, timeout_seconds: float = 15) -> bool:
    """Stop a process of ours, gently first, and what it left of its session.

    Returns
    -------
    bool
        True when it exited on SIGTERM; False when it had to be killed or was already gone.
    """
    if not is_alive(record):
        return False
    os.kill(record.pid, signal.SIGTERM)
    gentle = _ends_within(record, timeout_seconds)
    # The leader of a session is the leader of its group, whose id nobody else gets while one of
    # its processes lives.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(record.pid, signal.SIGKILL)
    _ends_within(record, _KILL_SECONDS)
    return gentle


def _ends_within(record: ProcessRecord, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while is_alive(record) and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
    return not is_alive(record)


def _started(pid: int) -> str | None:
    """Return when a living process was started, in whatever words the system has for it."""
    try:
        # After the name, which may hold anything: state is the 1st field, the start time the 20th.
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except FileNotFoundError:
        return None if Path("/proc/self/stat").exists() else _started_by_ps(pid)
    except ProcessLookupError:
        return None
    return None if fields[0] in {"Z", "X"} else fields[19]


def _started_by_ps(pid: int) -> str | None:
    result = subprocess.run(
        ["ps", "-o", "lstart=,stat=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    started, _, status = result.stdout.strip().rpartition(" ")
    return None if not started or status.startswith("Z") else started.strip()
