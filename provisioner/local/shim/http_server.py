"""The engine's HTTP by Uvicorn, whose parser is written in C.

MiniStack's own server, Hypercorn, parses and writes HTTP in Python, which took a quarter of what an
engine computes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from provisioner.local.shim.patching import private, wrap

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_HYPERCORN = "hypercorn.asyncio"


def install() -> None:
    """Adapt the server that MiniStack looks for when it begins to serve."""
    wrap(_HYPERCORN, "serve", _by_uvicorn)


def _by_uvicorn(_serve: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    async def serve(app: Any, config: Any) -> None:  # noqa: ANN401
        host, _, port = config.bind[0].rpartition(":")
        settings = private("uvicorn", "Config")(
            app,
            host=host,
            port=int(port),
            http="httptools",
            ws="none",
            lifespan="on",
            log_config=None,
            log_level=config.loglevel.lower(),
            access_log=False,
            server_header=False,
            date_header=False,
            timeout_keep_alive=int(config.keep_alive_timeout),
            timeout_graceful_shutdown=int(config.graceful_timeout),
        )
        await private("uvicorn", "Server")(settings).serve()

    return serve
