"""Where a job's containers may connect to: the outbound rules of the job's own security group."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from provisioner.jobs.errors import invalid, shown
from provisioner.jobs.values import each, text_list

MAX_RULES = 50
"""Of the 60 outbound rules that EC2 allows in a security group by default."""

_WANTED = (
    'must be like "10.0.0.0/16:5432", "0.0.0.0/0:443", "[2001:db8::/32]:443", '
    '"pl-0123456789abcdef0:443" or "sg-0123456789abcdef0:5432"'
)
_RULE = re.compile(
    r"(?:\[(?P<v6>[^\]]*)\]|(?P<bare>[^:\[\]]*)|(?P<whole>[^\[\]]*))"  # [IPv6], others, IPv6 alone
    r"(?::(?P<first>[0-9]{1,5})(?:-(?P<last>[0-9]{1,5}))?(?:/(?P<protocol>tcp|udp))?)?"
)
_ID = re.compile(r"(?:pl|sg)-[0-9a-f]{8,17}")


@dataclass(frozen=True, slots=True)
class EgressRule:
    """One outbound rule.

    Attributes
    ----------
    destination
        A CIDR block (IPv4 or IPv6), a prefix list or a security group.
    ports
        The first and the last one; None for every port of every protocol.
    """

    destination: str
    protocol: str = "tcp"
    ports: tuple[int, int] | None = None


def egress_rules(value: object) -> tuple[EgressRule, ...]:
    """Check a list of ``DESTINATION[:PORT[-PORT][/udp]]``."""
    texts = text_list(value)
    if not texts:
        raise invalid(
            "is empty: a container that cannot connect to anything cannot pull its image; "
            "leave it out to allow every destination"
        )
    if len(texts) > MAX_RULES:
        raise invalid(f"has {len(texts)} entries; at most {MAX_RULES} are allowed")
    rules = each(((f"[{index}]", text) for index, text in enumerate(texts)), _rule)
    if len(set(rules)) < len(rules):
        raise invalid("has one of its rules twice")
    return tuple(rules)


def _rule(text: str) -> EgressRule:
    found = _RULE.fullmatch(text.strip())
    if not found:
        raise invalid(f"{_WANTED}, not {shown(text)}")
    destination = found["v6"] or found["bare"] or found["whole"] or ""
    if not _ID.fullmatch(destination):
        _check_cidr(destination, text)
    if found["first"] is None:
        return EgressRule(destination)
    first = int(found["first"])
    last = int(found["last"] or first)
    if not 0 <= first <= last <= 65_535:
        raise invalid(f"{shown(text)} does not name ports from 0 to 65535")
    return EgressRule(destination, found["protocol"] or "tcp", (first, last))


def _check_cidr(destination: str, text: str) -> None:
    try:
        block = ipaddress.ip_network(destination, strict=False)
    except ValueError:
        names = "; a security group does not know names of hosts" if "." in destination else ""
        raise invalid(f"{_WANTED}, not {shown(text)}{names}") from None
    if str(block) != destination:
        raise invalid(f'{shown(destination)} is not a block of addresses; write "{block}"')
