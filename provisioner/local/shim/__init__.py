"""What MiniStack lacks of AWS, added to it from inside, in its own process.

Imported by `engine_main` under the engine's own Python, so nothing here may import anything but
the standard library and what `locks/engine.txt` has. Each module says what AWS does, what the
engine does instead, and corrects the difference by wrapping functions that `patching` has first
made sure are there.
"""

from provisioner.local.shim import (
    archives,
    batch,
    builds,
    callbacks,
    concurrency,
    conditions,
    container_logs,
    deliveries,
    docker_api,
    executions,
    function_images,
    functions,
    gateway,
    http_server,
    invocations,
    key_bounds,
    layers,
    log_pages,
    machine_capacity,
    machines,
    map_runs,
    nested_stacks,
    object_versions,
    objects,
    operations,
    parameters,
    persistence,
    pushes,
    queries,
    results,
    roles,
    runtimes,
    schedules,
    serving,
    spot,
    stack_events,
    stacks,
    stage_variables,
    streams,
    tasks,
    transforms,
    wrappers,
)
from provisioner.local.shim.patching import EngineMismatchError, private

__all__ = ["EngineMismatchError", "install", "private"]


def install() -> None:
    """Patch the engine, before it begins to serve.

    Raises
    ------
    EngineMismatchError
        The installed engine is another one than all this was written for.
    """
    for module in (
        http_server,
        serving,
        persistence,
        stack_events,
        stacks,
        nested_stacks,
        transforms,
        roles,
        parameters,
        schedules,
        operations,
        deliveries,
        queries,
        streams,
        docker_api,
        tasks,
        container_logs,
        log_pages,
        functions,
        invocations,
        function_images,
        runtimes,
        wrappers,
        concurrency,
        archives,
        results,
        layers,
        executions,
        spot,
        callbacks,
        machines,
        machine_capacity,
        map_runs,
        objects,
        object_versions,
        pushes,
        builds,
        conditions,
        batch,
        stage_variables,
        gateway,
        key_bounds,
    ):
        module.install()
