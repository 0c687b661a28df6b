"""The tree of errors is the one that the module's docstring draws."""

from __future__ import annotations

import inspect

from provisioner import errors


def drawn():
    """Yield each class of the drawing with its parent."""
    above = []
    for line in errors.__doc__.splitlines():
        if line.lstrip().startswith("* "):
            depth = line.index("*") // 2
            name = line.strip("* ")
            above[depth:] = [name]
            yield name, above[depth - 1] if depth else "Exception"


def test_every_error_is_drawn_under_its_parent():
    defined = {
        name: kind.__base__.__name__
        for name, kind in vars(errors).items()
        if inspect.isclass(kind) and kind.__module__ == errors.__name__
    }

    assert dict(drawn()) == defined
