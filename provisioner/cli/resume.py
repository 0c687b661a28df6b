"""`provisioner resume`: let a schedule go on that failures have paused."""

from datetime import UTC, datetime

from provisioner.cli.display import hint
from provisioner.cli.options import DEFAULT_STACK, JobArgument, StackOption, one_command
from provisioner.cli.session import session
from provisioner.runs.model import Pause, iso

app = one_command()


@app.command()
def resume(job: JobArgument, *, stack: StackOption = DEFAULT_STACK) -> None:
    """Let the schedule of a job go on that paused after failures (`pause_on_failures`).

    What failed until now does not count again.
    """
    with session(stack) as here:
        if here.row(job) is None:
            raise here.unknown(job)
        pause = here.triggers.pause(job)
        if pause is None or not pause.paused:
            hint(f"The schedule of {job} is not paused.")
            return
        now = iso(datetime.now(UTC))
        here.triggers.set_pause(job, Pause(paused=False, since=now, note=f"by {here.caller_arn()}"))
    hint(f"The schedule of {job} goes on. It was paused {pause.since}: {pause.note}.")
