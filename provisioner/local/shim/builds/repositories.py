"""Sources in Git: CodeBuild clones them; here this machine does, before the container starts.

On AWS a connection says who reads. Here it is whoever runs the engine, with the settings and the
credentials of their own `git`; so `url.<base>.insteadOf` leads to a repository on this machine.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

from provisioner.local.shim.builds.programs.docker import archive_of

TYPES = frozenset({"GITHUB", "GITLAB", "BITBUCKET"})
_SOURCE = "codebuild/output/src"
_SECONDS = 300
_PROTOCOLS = "https:file:ssh"
"""Which `git` may use: `ext::` and others run commands."""


class CannotCloneError(Exception):
    """A repository was not cloned, and why."""


def cloned(location: str, version: str) -> tuple[bytes, str]:
    """Return a tar archive of a repository at a version, and the commit.

    In the archive it is where the container's program (`programs.run`) has its source.

    Raises
    ------
    CannotCloneError
        `git` is not here, or has refused.
    """
    with tempfile.TemporaryDirectory(prefix="clone-") as folder:
        _git("clone", "--quiet", "--no-checkout", "--", location, folder)
        _git("-C", folder, "checkout", "--quiet", "--detach", version)
        commit = _git("-C", folder, "rev-parse", "HEAD").strip()
        return archive_of(Path(folder), _SOURCE), commit


def _git(*arguments: str) -> str:
    settings = {"GIT_TERMINAL_PROMPT": "0", "GIT_ALLOW_PROTOCOL": _PROTOCOLS}
    try:
        done = subprocess.run(
            ["git", "-c", "core.hooksPath=/dev/null", *arguments],
            env={**os.environ, **settings},
            capture_output=True,
            text=True,
            check=False,
            timeout=_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CannotCloneError(str(error)) from error
    if done.returncode:
        raise CannotCloneError(" ".join(done.stderr.split()))
    return done.stdout
