"""Where a checkout's engine keeps its files, and what it remembers between commands."""

from __future__ import annotations

import fcntl
import json
import os
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

from provisioner.local.errors import LocalError

if TYPE_CHECKING:
    from collections.abc import Iterator

_CHECKOUT = Path(__file__).resolve().parents[2]
STATE_VARIABLE = "PROVISIONER_LOCAL_STATE"


@dataclass(frozen=True)
class Home:
    """Folders of one engine.

    Attributes
    ----------
    checkout
        The repository: template.yaml, samconfig.toml, bootstrap/.
    folder
        This engine's own: ports, processes, logs, data. A second folder is a second engine.
    shared
        What all engines of the checkout share: installed tools, built packages and images.
    """

    checkout: Path
    folder: Path
    shared: Path

    @classmethod
    def of_checkout(cls, folder: Path | None = None, checkout: Path = _CHECKOUT) -> Home:
        """Return the checkout's own home, or that of another engine of it in `folder`.

        `folder` defaults to $PROVISIONER_LOCAL_STATE, else `.provisioner` in the checkout.
        """
        shared = checkout / ".provisioner"
        chosen = folder or Path(os.environ.get(STATE_VARIABLE) or shared)
        return cls(checkout=checkout, folder=chosen.absolute(), shared=shared)

    @property
    def data(self) -> Path:
        """What AWS would remember: tables, stacks, objects."""
        return self.folder / "data"

    @property
    def saved(self) -> Path:
        """The engine's state, as it writes it every few seconds and when it stops."""
        return self.data / "state" / "everything.json"

    def log(self, name: str) -> Path:
        """Return the log file of a process or a step."""
        return self.folder / f"{name}.log"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep every other command that changes this engine out.

        Raises
        ------
        LocalError
            Another one is at it.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                message = 'another "provisioner local" command is at work on this engine'
                raise LocalError(message) from None
            yield


@contextmanager
def one_at_a_time(folder: Path) -> Iterator[None]:
    """Wait until no other command works in a shared folder, and keep others waiting until then."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@dataclass(frozen=True)
class ProcessRecord:
    """A process that we started; a process id alone may come to mean somebody else's."""

    pid: int
    started: str


@dataclass(frozen=True)
class EngineState:
    """What `engine.json` holds.

    Attributes
    ----------
    port
        The engine's, chosen once and kept.
    processes
        What we started and have not stopped, by name: "engine", "podman".
    made_from
        Digest of what the engine's process was made from.
    auth
        Whether the engine enforces IAM.
    container_host
        Where the container engine answers (a DOCKER_HOST), or None without one.
    deployed
        Digest of what the bootstrap was last deployed from.
    parameters
        Those of template.yaml that somebody has given.
    examples
        Digest of the example jobs as they were last written.
    """

    port: int | None = None
    processes: dict[str, ProcessRecord] = field(default_factory=dict)
    made_from: str | None = None
    auth: bool = False
    container_host: str | None = None
    deployed: str | None = None
    parameters: dict[str, str] = field(default_factory=dict)
    examples: str | None = None

    def with_process(self, name: str, record: ProcessRecord) -> EngineState:
        """Return the state with one more process."""
        return replace(self, processes=self.processes | {name: record})

    def without_process(self, name: str) -> EngineState:
        """Return the state without a process that has ended."""
        return replace(self, processes={k: v for k, v in self.processes.items() if k != name})


def load(home: Home) -> EngineState:
    """Read the state; a first time, or a file that is none of ours, is an empty one."""
    try:
        document = json.loads((home.folder / "engine.json").read_text(encoding="utf-8"))
        processes = {
            name: ProcessRecord(**record) for name, record in document["processes"].items()
        }
        known = {field.name for field in fields(EngineState)} & document.keys()
        return EngineState(**({name: document[name] for name in known} | {"processes": processes}))
    except (FileNotFoundError, ValueError, TypeError, KeyError, AttributeError):
        return EngineState()


def save(home: Home, state: EngineState) -> None:
    """Write the state whole or not at all."""
    home.folder.mkdir(parents=True, exist_ok=True)
    draft = home.folder / "engine.json.new"
    draft.write_text(json.dumps(asdict(state), indent=1) + "\n", encoding="utf-8")
    draft.replace(home.folder / "engine.json")
