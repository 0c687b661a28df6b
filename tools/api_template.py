"""The part of bootstrap/api.yaml that the table of routes says: `make golden` writes it."""

from __future__ import annotations

from pathlib import Path

from provisioner.api.routes import ROUTES, Route
from provisioner.service.caller import Role

TEMPLATE = Path(__file__).parent.parent / "bootstrap" / "api.yaml"
BEGIN = "  # ---- From here on written by `make golden`, from provisioner/api/routes ----\n"
END = "  # ---- To here ----\n"
_ARN = "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${Api}/$default"


def resources() -> str:
    """Return the routes, and a policy for each role."""
    return "\n".join([*map(_route, ROUTES), *map(_policy, Role)])


def update() -> None:
    """Write the template again."""
    before, _, rest = TEMPLATE.read_text("utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    TEMPLATE.write_text(f"{before}{BEGIN}\n{resources()}\n{END}{after}", "utf-8")


def patterns(role: Role) -> list[str]:
    """Return what a role may invoke, in the form of ARNs: `GET/v1/jobs/*`.

    `*` stands for any characters, slashes among them, so one pattern covers what is below it.
    """
    wanted = [_pattern(route) for route in ROUTES if role.includes(route.role)]
    return sorted({each for each in wanted if not any(_covers(other, each) for other in wanted)})


def _pattern(route: Route) -> str:
    parts = ["*" if part.startswith("{") else part for part in route.path.split("/")]
    return route.method + "/".join(parts)


def _covers(pattern: str, other: str) -> bool:
    return pattern != other and pattern.endswith("*") and other.startswith(pattern[:-1])


def _route(route: Route) -> str:
    name = "".join(part.capitalize() for part in route.name.split("_"))
    return f"""\
  {name}Route:
    Type: AWS::ApiGatewayV2::Route
    Properties:
      ApiId: !Ref Api
      RouteKey: {route.key}
      AuthorizationType: !If [Jwt, JWT, AWS_IAM]
      AuthorizerId: !If [Jwt, !Ref Authorizer, !Ref AWS::NoValue]
      AuthorizationScopes: !If [Jwt, {_scopes(route.role)}, !Ref AWS::NoValue]
      Target: !Sub integrations/${{Integration}}
"""


def _scopes(role: Role) -> str:
    enough = [each.value for each in Role if each.includes(role)]
    return "[" + ", ".join(f'!Sub "${{ScopePrefix}}{each}"' for each in enough) + "]"


def _policy(role: Role) -> str:
    resources = "\n".join(f"              - !Sub {_ARN}/{each}" for each in patterns(role))
    return f"""\
  {role.value.capitalize()}ApiPolicy:
    Type: AWS::IAM::ManagedPolicy
    Condition: Iam
    Properties:
      ManagedPolicyName: !Sub ${{Prefix}}_api_{role.value}
      Path: !Sub /${{Prefix}}_provisioner/
      Description: For callers of the API with the role {role.value}
      PolicyDocument:
        Version: "2012-10-17"
        Statement:
          - Effect: Allow
            Action: execute-api:Invoke
            Resource:
{resources}
"""
