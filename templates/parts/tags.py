"""A row's tags, on everything in its job's stack but the role.

They are not tags of the stack, since CloudFormation would put those on the role as well. There they
would be `aws:PrincipalTag`: whoever writes a row could give its code what other policies of the
account grant by tag.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from troposphere import Tags
from troposphere.iam import Role

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from troposphere import AWSObject


def put_tags(resources: Iterable[AWSObject], tags: Mapping[str, str]) -> None:
    """Give the tags to each resource that can have some and is not a role."""
    if not tags:
        return
    for resource in resources:
        if "Tags" in resource.props and not isinstance(resource, Role):
            resource.Tags = dict(tags) if resource.props["Tags"][0] is dict else Tags(dict(tags))
