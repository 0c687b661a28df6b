"""The emulator as a process of its own: started, stopped, asked how it is. Prints nothing."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass, replace
from pathlib import Path

from provisioner.local import containers, ministack, processes
from provisioner.local.errors import LocalError, with_log_tail
from provisioner.local.home import EngineState, Home, load, save
from provisioner.local.install import engine_digest, ensure, installed
from provisioner.local.progress import Say, silent

_MAIN = Path(__file__).with_name("engine_main.py")
_START_SECONDS = 180.0
_STOP_SECONDS = 60.0
ENGINE = "engine"
PODMAN = "podman"


@dataclass(frozen=True)
class Health:
    """How the engine's parts are.

    Attributes
    ----------
    running
        The engine answers.
    crashed
        Names of parts that were started and are gone.
    containers
        The container engine answers; None when there is none.
    """

    running: bool
    crashed: tuple[str, ...]
    containers: bool | None

    @property
    def is_good(self) -> bool:
        """Whether everything that should run does."""
        return self.running and not self.crashed and self.containers is not False


class Engine:
    """One embedded engine: a port on the loopback interface, and a folder of its own."""

    def __init__(self, home: Home | None = None) -> None:
        self.home = home or Home.of_checkout()

    @property
    def state(self) -> EngineState:
        """What is remembered of it."""
        return load(self.home)

    @property
    def endpoint(self) -> str:
        """What AWS_ENDPOINT_URL has to be.

        Raises
        ------
        LocalError
            The engine was never started.
        """
        port = self.state.port
        if port is None:
            message = 'the engine has not been started yet: "provisioner local up"'
            raise LocalError(message)
        return f"http://{ministack.HOST}:{port}"

    def environ(self) -> dict[str, str]:
        """Return the variables that make any AWS client talk to this engine."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_REGION": ministack.REGION,
            "AWS_DEFAULT_REGION": ministack.REGION,
            # The engine's root user, whether it enforces IAM or not.
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    @property
    def _temporary(self) -> Path:
        return self.home.folder / "tmp"

    def health(self) -> Health:
        """Ask every part how it is."""
        state = self.state
        alive = {name: processes.is_alive(record) for name, record in state.processes.items()}
        host = state.container_host
        return Health(
            running=alive.get(ENGINE, False) and ministack.answers(state.port),
            crashed=tuple(name for name, is_alive in alive.items() if not is_alive),
            containers=containers.answers(host) if host else None,
        )

    def check(self) -> None:
        """Make sure that nothing has crashed.

        Raises
        ------
        LocalError
            A part that was started is gone; with the end of its log.
        """
        for name, record in self.state.processes.items():
            if not processes.is_alive(record):
                raise with_log_tail(f"{name} (pid {record.pid}) has crashed", self.home.log(name))

    def start(self, *, auth: bool | None = None, fresh: bool = False, say: Say = silent) -> None:
        """Start what does not run, or is of another version; quick and harmless otherwise.

        Parameters
        ----------
        auth
            Whether IAM is enforced; None keeps what was, at first False. A running engine of the
            other kind is restarted.
        fresh
            Forget all data: tables, stacks, objects.
        say
            Called with each step.

        Raises
        ------
        LocalError
            It could not be installed or does not come up; with the end of its log.
        """
        state = self.state
        wanted = state.auth if auth is None else auth
        is_current = wanted == state.auth and state.made_from == engine_digest()
        if is_current and not fresh and self.health().is_good:
            return
        if state.processes:
            crashed = self.health().crashed
            say(f"{', '.join(crashed)} had crashed" if crashed else "stopping what ran")
            self.stop()
        ensure(self.home, say)
        self._prepare(auth=wanted, fresh=fresh, say=say)
        self._find_containers(say)
        say("starting the engine")
        self._start_process()
        say(f"engine answers at {self.endpoint}" + (" and enforces IAM" if wanted else ""))

    def stop(self) -> bool:
        """Stop everything that was started here; False when nothing ran."""
        state = self.state
        if not state.processes:
            return False
        if record := state.processes.get(ENGINE):
            processes.stop(record, timeout_seconds=_STOP_SECONDS)
            state = state.without_process(ENGINE)
            save(self.home, state)
        if state.container_host:
            containers.remove_left(state.container_host, ministack.instance(self.home, state.port))
            containers.remove_images(state.container_host, f"{ministack.HOST}:{state.port}")
        if record := state.processes.get(PODMAN):
            processes.stop(record)
        shutil.rmtree(self._temporary, ignore_errors=True)
        save(self.home, replace(state, processes={}, container_host=None))
        return True

    def _prepare(self, *, auth: bool, fresh: bool, say: Say) -> None:
        state = self.state
        shutil.rmtree(self._temporary, ignore_errors=True)
        port = state.port
        if port is None or not ministack.is_free(port):
            # Addresses with the port in them are all over the data.
            port, fresh = ministack.free_port(), True
        # A deployment that did not finish would be in its own way.
        if fresh or state.deployed is None or not self.home.saved.exists():
            if self.home.data.exists():
                say("removing the data of earlier runs")
            shutil.rmtree(self.home.data, ignore_errors=True)
            state = replace(state, deployed=None, parameters={}, examples=None)
        save(self.home, replace(state, port=port, auth=auth, processes={}))

    def _find_containers(self, say: Say) -> None:
        state = self.state
        found = containers.find(self.home, state.port or 0)
        state = replace(state, container_host=found.host if found else None)
        if found and found.process:
            say("started a Podman service for container jobs")
            state = state.with_process(PODMAN, found.process)
        save(self.home, state)

    def _start_process(self) -> None:
        state = self.state
        log = self.home.log(ENGINE)
        for folder in (self.home.data, self._temporary):
            folder.mkdir(parents=True, exist_ok=True)
        record = processes.start(
            [installed(self.home).engine_python, _MAIN],
            env=ministack.settings(self.home, state),
            log=log,
            cwd=self.home.folder,
        )
        state = replace(state, made_from=engine_digest())
        save(self.home, state.with_process(ENGINE, record))
        deadline = time.monotonic() + _START_SECONDS
        while not ministack.answers(state.port):
            if not processes.is_alive(record):
                raise with_log_tail("the engine ended while starting", log)
            if time.monotonic() > deadline:
                raise with_log_tail(f"no answer from the engine in {_START_SECONDS:.0f} s", log)
            time.sleep(0.05)
