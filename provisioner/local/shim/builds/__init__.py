"""CodeBuild: a build runs its project's buildspec in a container, as the project's role.

The engine keeps projects and says of every build that it has succeeded, or hands an inline
buildspec without a source to an image of AWS's that cannot be pulled here. So here the container's
image is packed from this machine's own Python and tools (`provisioner.local.build_image`), its
program takes the source from S3 and runs the phases (`programs.run`), and `docker` and `aws` in it
are small programs too (`programs.docker`, `programs.aws`). Sources in Git are cloned by this
machine's own `git` (`repositories`). What AWS's image has beyond that is not there; reports, caches
and artifacts of CodeBuild's own are not known here.
"""

from provisioner.local.shim.builds import actions


def install() -> None:
    """Run what is started from now on."""
    actions.install()
