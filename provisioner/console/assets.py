"""Files of the console that never change under their name: it has the digest of what they say."""

from __future__ import annotations

import hashlib
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from provisioner.console.http import Response
from provisioner.errors import NotFoundError

if TYPE_CHECKING:
    from provisioner.console.http import Request
    from provisioner.service.context import Service

FOLDER = Path(__file__).with_name("static")
PREFIX = "/static/"
FILES = {
    "console.css": (
        *("vendor/open-props-gray.css", "vendor/open-props-sizes.css"),
        *("vendor/open-props-fonts.css", "console.css", "forms.css"),
    ),
    "htmx.js": ("vendor/htmx.js", "vendor/hx-csp.js", "vendor/hx-ptag.js"),
    "console.js": ("storage.js", "console.js", "forms.js"),
    "editor.js": ("vendor/codemirror.js", "storage.js", "yaml_text.js", "editor.js"),
    "icon.svg": ("icon.svg",),
}
"""What is served, and of which files of `FOLDER` it is made: one request each.

Only the pages that edit a row load `editor.js`.
"""

_TYPES = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
_DIGEST_CHARACTERS = 12
_COMMENT = re.compile(rb"^[ \t]*//.*\n", re.MULTILINE)


@cache
def content(name: str) -> bytes:
    """Return what is served under a name."""
    return b"\n".join(_sent(part) for part in FILES[name])


def _sent(part: str) -> bytes:
    """Return a file as browsers get it: of our own scripts, without the lines that are comments."""
    text = (FOLDER / part).read_bytes()
    is_own = part.endswith(".js") and not part.startswith("vendor/")
    return _COMMENT.sub(b"", text) if is_own else text


@cache
def address(name: str) -> str:
    """Return the address of a file of the console, which changes with what it says."""
    digest = hashlib.sha256(content(name)).hexdigest()[:_DIGEST_CHARACTERS]
    stem, _, extension = name.rpartition(".")
    return f"{PREFIX}{stem}.{digest}.{extension}"


def serve(request: Request, _: Service) -> Response:
    """Return a file, which browsers keep for a year.

    Raises
    ------
    NotFoundError
        If no file has this name with this digest.
    """
    name = next((name for name in FILES if address(name) == request.path), None)
    if name is None:
        message = f"there is no file {request.path}"
        raise NotFoundError(message)
    kept = {"Cache-Control": "public, max-age=31536000, immutable"}
    return Response(content(name), content_type=_TYPES[name.rpartition(".")[2]], headers=kept)
