"""`provisioner resume`: resume a schedule that was paused after failures."""

from provisioner.cli.display import hint
from provisioner.cli.options import DEFAULT_STACK, JobArgument, StackOption, one_command
from provisioner.cli.session import session
from provisioner.service import schedule

app = one_command()


@app.command()
def resume(job: JobArgument, *, stack: StackOption = DEFAULT_STACK) -> None:
    """Resume a schedule that was paused after failures (`pause_on_failures`).

    Earlier failures do not count again.
    """
    with session(stack) as service:
        pause = schedule.resume(service, job)
    if pause is None:
        hint(f"The schedule of {job} is not paused.")
    else:
        hint(f"The schedule of {job} is resumed. It was paused {pause.since}: {pause.note}.")
