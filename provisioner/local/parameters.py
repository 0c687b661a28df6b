"""Parameters of the bootstrap, as people give them and as the SAM CLI takes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from provisioner.local.errors import LocalError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path


def parsed(given: Iterable[str]) -> dict[str, str]:
    """Read NAME=VALUE pairs.

    Raises
    ------
    LocalError
        One has no name or no `=`.
    """
    pairs = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not name or not equals:
            message = f"--parameter {text}: NAME=VALUE is expected"
            raise LocalError(message)
        pairs[name] = value
    return pairs


def known(checkout: Path, parameters: Mapping[str, str]) -> dict[str, str]:
    """Return the parameters, all of which template.yaml has: the SAM CLI drops others silently.

    Raises
    ------
    LocalError
        One is not there; with the names of those that are.
    """
    if not parameters:
        return {}
    template = yaml.load((checkout / "template.yaml").read_text("utf-8"), _Loader)  # noqa: S506
    names = template["Parameters"].keys()
    for name in parameters:
        if name not in names:
            message = f"the bootstrap has no parameter {name}; it has {', '.join(names)}"
            raise LocalError(message)
    return dict(parameters)


def quoted(name: str, value: str) -> str:
    """Return a pair as `--parameter-overrides` takes it, whatever the value holds."""
    escaped = value.replace('"', '\\"')
    return f'{name}="{escaped}"'


class _Loader(yaml.SafeLoader):
    """Reads CloudFormation's YAML, ignoring the functions, which are tags."""


_Loader.add_multi_constructor("!", lambda _loader, _suffix, _node: None)
