"""`provisioner build`: build a job's code again."""

from rich.text import Text

from provisioner.cli.display import hint, status, stdout
from provisioner.cli.options import DEFAULT_STACK, JobArgument, StackOption, one_command
from provisioner.cli.session import session
from provisioner.service import builds

app = one_command()


@app.command()
def build(job: JobArgument, *, stack: StackOption = DEFAULT_STACK) -> None:
    """Build a job's code again, although that has failed before.

    What was built from the same source is not built twice: push other source, or change the row.
    """
    with session(stack) as service:
        builds.build_again(service, job)
    stdout().print(Text.assemble(status("queued"), f"     {job}"))
    hint(f'Follow it with "provisioner builds {job} --follow".')
