"""Functions that run, and how they end: as Lambda reports it, and undisturbed.

On AWS an exception has its own type, an import that fails is `Runtime.ImportModuleError`, a process
that ends is `Runtime.ExitError`; the engine has one name for all. A function that is changed or
deleted ends the calls that it has taken; the engine kills its process. A call that comes after a
change runs the changed code; in the engine a call on its way can leave a process with the old code
behind for all that follow. What a call of Python prints is logged with it, all of it; the engine
stops reading after a quarter of a second.

On AWS an execution environment continues after an exception; the engine starts another process for
the next call. And it imports botocore into each process of Python, which takes five times as long
as the rest of its start: here only where the function imports it as well.
"""

from __future__ import annotations

import contextvars
import functools
import importlib
import queue
import uuid
from typing import TYPE_CHECKING, Any

from provisioner.local.shim.patching import EngineMismatchError, private, wrap
from provisioner.local.shim.wrappers import ENDED

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_RUNTIME = "ministack.core.lambda_runtime"
_LAMBDA = "ministack.services.lambda_svc"
_PYTHON = "_PYTHON_WORKER_SCRIPT"
_NODE = "_NODEJS_WORKER_SCRIPT"
_SILENCE_SECONDS = 0.25
"""How long nothing more comes from a process that has ended,"""
_BUSY_SECONDS = 2.0
"""and from one that has not, on a busy machine, before what it prints is taken to go elsewhere."""
_INIT_FAILED = "Worker init failed: "
_DIED = "Worker process died"
# A line that no function prints: it parts what belongs to a call from what follows.
_MARK = uuid.uuid4().hex

_INIT_ERROR = """
def _init_error(error, module, handler, imported):
    if isinstance(error, ImportError):
        kind, text = "Runtime.ImportModuleError", f"Unable to import module '{module}': {error}"
    elif isinstance(error, SyntaxError):
        kind, text = "Runtime.UserCodeSyntaxError", f"Syntax error in module '{module}': {error}"
    elif imported:
        kind, text = "Runtime.HandlerNotFound", f"Handler '{handler}' missing on module '{module}'"
    else:
        kind, text = type(error).__name__, str(error)
    return kind + "{mark}" + text

""".replace("{mark}", _MARK)
# Counts how deep functions call each other, in those that make clients of AWS.
_DEPTH_ON_IMPORT = """
class _DepthOnImport:
    def find_spec(self, name, path=None, target=None):
        if name != "botocore.session":
            return None
        sys.meta_path.remove(self)
        from importlib.util import find_spec
        spec = find_spec(name)
        load = spec.loader.exec_module

        def loading(module):
            load(module)
            _ms_install_invoke_depth()

        spec.loader.exec_module = loading
        return spec

"""
# What is changed in the engine's own scripts, which run a function's code.
_CHANGES = {
    _PYTHON: {
        "    _ms_install_invoke_depth()\n": (
            "    if 'botocore.session' in sys.modules:\n"
            "        _ms_install_invoke_depth()\n"
            "    else:\n"
            "        sys.meta_path.insert(0, _DepthOnImport())\n"
        ),
        "def run():\n": _INIT_ERROR + _DEPTH_ON_IMPORT + "def run():\n",
        '"error": str(e)}': (
            '"error": _init_error(e, module_name, handler_name, "mod" in locals())}'
        ),
        '"status": "error", "error": str(e), "trace"': (
            '"status": "ok", "raised": True, "error": str(e), "type": type(e).__name__, "trace"'
        ),
        "            result = handler_fn(event, context)\n": (
            "            try:\n"
            "                result = handler_fn(event, context)\n"
            "            finally:\n"
            f'                print("{_MARK}", file=sys.stderr, flush=True)\n'
        ),
    },
    _NODE: {
        'trace: err.stack || ""': 'trace: err.stack || "", type: err.name',
        "trace: e.stack": "trace: e.stack, type: e.name",
    },
}

_type: contextvars.ContextVar[str | None] = contextvars.ContextVar("type", default=None)
_leaving: set[Any] = set()


def install() -> None:
    """Adapt how functions run, are logged, and end."""
    runtime = importlib.import_module(_RUNTIME)
    for script, changes in _CHANGES.items():
        setattr(runtime, script, changed(private(_RUNTIME, script), changes))
    worker = private(_RUNTIME, "Worker")
    worker.invoke = _noting_what_was_raised(worker.invoke)
    drain = worker._drain_stderr_bounded  # noqa: SLF001
    worker._drain_stderr_bounded = _to_the_mark(drain)  # noqa: SLF001
    wrap(_LAMBDA, "_execute_function_warm", _with_its_type)
    for name in ("_lock", "_workers"):
        private(_RUNTIME, name)
    wrap(_LAMBDA, "acquire_worker", with_its_code)
    wrap(_RUNTIME, "kill_workers", _when_idle)
    wrap(_LAMBDA, "release_worker", _then_killed)


def changed(script: str, changes: Mapping[str, str]) -> str:
    """Return a script of the engine with each of the changes made once.

    Raises
    ------
    EngineMismatchError
        It does not read as expected.
    """
    for before, after in changes.items():
        if script.count(before) != 1:
            message = f"this version of MiniStack runs functions otherwise: {before!r}"
            raise EngineMismatchError(message)
        script = script.replace(before, after)
    return script


def _noting_what_was_raised(invoke: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(invoke)
    def invoking(*arguments: Any, **more: Any) -> Any:  # noqa: ANN401
        result = invoke(*arguments, **more)
        _type.set(result.get("type"))
        # To the engine it was a success, so that the process is kept.
        return result | {"status": "error"} if result.pop("raised", False) else result

    return invoking


def _with_its_type(execute: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(execute)
    def executing(*arguments: Any, **more: Any) -> Any:  # noqa: ANN401
        _type.set(None)
        result = execute(*arguments, **more)
        body = result.get("body")
        if result.get("error") and isinstance(body, dict):
            message = body.get("errorMessage", "")
            result["body"] = body | failure(message, _type.get())
            if message.startswith(ENDED):
                result["log"] = message.removeprefix(ENDED)
        return result

    return executing


def failure(message: str, error_type: str | None) -> dict[str, str]:
    """Return what the engine's words of a failure are on AWS, where they differ."""
    if message.startswith(_INIT_FAILED) and _MARK in message:
        error_type, message = message.removeprefix(_INIT_FAILED).split(_MARK, 1)
        return {"errorType": error_type, "errorMessage": message}
    if message == _DIED or message.startswith(ENDED):
        return {"errorType": "Runtime.ExitError", "errorMessage": "Error: Runtime exited"}
    return {"errorType": error_type} if error_type else {}


def _to_the_mark(drain: Callable[..., str]) -> Callable[..., str]:
    @functools.wraps(drain)
    def draining(worker: Any, *waits: float, **more: float) -> str:  # noqa: ANN401
        if not worker.config.get("Runtime", "python").startswith("python"):
            return drain(worker, *waits, **more)
        lines: list[str] = []
        has_ended = worker._proc is None  # noqa: SLF001
        seconds = _SILENCE_SECONDS if has_ended else _BUSY_SECONDS
        try:
            while not (line := worker._stderr_queue.get(timeout=seconds)).endswith(_MARK):  # noqa: SLF001
                lines.append(line)
        except queue.Empty:
            return "\n".join(lines)
        rest = line.removesuffix(_MARK)
        return "\n".join([*lines, rest] if rest else lines)

    return draining


def _when_idle(kill: Callable[..., None]) -> Callable[..., None]:
    """Kill those that serve no call; the others when they have served theirs."""

    @functools.wraps(kill)
    def killing(workers: Any) -> None:  # noqa: ANN401
        with private(_RUNTIME, "_lock"):
            busy = {worker for worker in workers if worker is not None and worker.in_use}
            _leaving.update(busy)
        kill([worker for worker in workers if worker not in busy])

    return killing


def _then_killed(release: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(release)
    def releasing(worker: Any) -> None:  # noqa: ANN401
        release(worker)
        if worker in _leaving:
            _leaving.discard(worker)
            private(_RUNTIME, "kill_workers")([worker])

    return releasing


def with_its_code(acquire: Callable[..., Any]) -> Callable[..., Any]:
    """Acquire no process that runs other code than the caller asks for."""

    @functools.wraps(acquire)
    def acquiring(name: str, config: Any, code: bytes, *rest: Any, **more: Any) -> Any:  # noqa: ANN401
        while True:
            worker, reason = acquire(name, config, code, *rest, **more)
            if worker is None or worker.code_zip == code:
                return worker, reason
            with private(_RUNTIME, "_lock"):
                worker.in_use = False
                for pool in private(_RUNTIME, "_workers").values():
                    if worker in pool:
                        pool.remove(worker)
            private(_RUNTIME, "kill_workers")([worker])

    return acquiring
