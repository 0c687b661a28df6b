"""`provisioner unpin`: let a job run the newest code again."""

from provisioner.cli.display import hint
from provisioner.cli.options import DEFAULT_STACK, JobArgument, StackOption, one_command
from provisioner.cli.session import session
from provisioner.service.deployments import unpin

app = one_command()


@app.command("unpin")
def unpin_job(job: JobArgument, *, stack: StackOption = DEFAULT_STACK) -> None:
    """Remove the pin from a job's row: the newest code is deployed, and each later push."""
    with session(stack) as service:
        edited = unpin(service, job)
    if edited.row == edited.before:
        hint(f"{job} is not pinned.")
    else:
        hint(f'{job} is unpinned: the newest code is being deployed; see "provisioner get {job}".')
