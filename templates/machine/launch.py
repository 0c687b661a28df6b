"""The workflow's states around a machine: what it is handed, where it starts, and that it ends.

``Hand`` puts what the machine has to run into S3. ``Run`` launches it and waits for its report. No
capacity leads to ``Run`` again in the next place, at once (``Elsewhere``). After any other failure
the machine, should there still be one, is found and terminated.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from provisioner.jobs import Network
from provisioner.jobs.machines import DEADLINE_TAG, RUN_TAG, silence_seconds
from templates.container import run_variables
from templates.machine.user_data import user_data
from templates.parts.launch_template import machine_tags
from templates.parts.logs import group_name
from templates.workflow import fan_out, log_streams, programs, spot, usage
from templates.workflow.expressions import (
    ENTERED_MILLIS,
    EXECUTION_ARN,
    attempt_seconds,
    outcome,
    run,
)
from templates.workflow.failure_rules import failure
from templates.workflow.jsonata import (
    Expression,
    assign,
    block,
    both,
    call,
    concat,
    expression,
    included,
    merge,
    variable,
    when,
)
from templates.workflow.programs import INSUFFICIENT_CAPACITY, SPOT_INTERRUPTION
from templates.workflow.states import SERVICE_RETRY, State, caught, choice, sdk

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provisioner.jobs import Ec2Job
    from provisioner.settings import Platform
    from templates.workflow.jsonata import Value

_PLACE, _MACHINES = variable("place"), variable("machines")
_FOUND = variable("states.result.Reservations.Instances.InstanceId")
_SOON: State = {**SERVICE_RETRY, "MaxAttempts": 2}
_SPOT_OPTIONS: Value = {
    "MarketType": "spot",
    "SpotOptions": {
        "SpotInstanceType": "one-time",
        "InstanceInterruptionBehavior": "terminate",
    },
}


def hand(job: Ec2Job, platform: Platform, launch: State) -> State:
    """Return the state that puts what to run into S3, where no user data show it.

    `launch` is what CloudFormation fills in, which no expression can hold.
    """
    return {
        "Type": "Task",
        "Resource": sdk(platform, "s3:putObject"),
        "Arguments": {
            "Bucket": platform.artifacts_bucket,
            "Key": _key(job),
            "Body": _body(job, platform),
            "ContentType": "application/json",
            "Tagging": f"job={job.job_name}",  # the roles of other jobs may not read it
        },
        "Retry": [SERVICE_RETRY],
        "Catch": [
            caught(
                "States.ALL",
                "RecordFailure",
                Assign={"outcome": failure(programs.MACHINE_FAILURE)},
            )
        ],
        "Assign": {"launch": launch, "place": 0, "machines": []},
        "Next": "Run",
    }


def _key(job: Ec2Job) -> Expression:
    item: list[Value] = ["/", call("string", run("index"))] if job.fan_out else []
    return concat(f"machines/{job.job_name}/", run("key"), "-", run("machine"), *item, ".json")


def _body(job: Ec2Job, platform: Platform) -> Expression:
    command = variable("run.overrides.command")
    submissions = {"SUBMISSION_TOPIC_ARN": platform.submission_topic_arn} if job.submits else {}
    environment = merge(
        {**submissions, **job.environment, "JOB_NAME": job.job_name},
        variable("overridden"),
        run_variables(job, platform),
    )
    return block(
        programs.OVERRIDDEN_VARIABLES,
        {
            "image": job.image,
            "command": when(call("exists", command), [command], list(job.command)),
            "environment": environment,
            "secrets": dict(job.secrets),
            "log_group": group_name(job, platform),
            "log_stream": log_streams.of_machine(job),
            "gpus": job.gpus,
        },
    )


def arguments(job: Ec2Job, platform: Platform) -> Expression:
    """Return the arguments of RunInstances, at the place that is next."""
    subnets = _subnets(job, platform)
    public = (job.network or Network()).assign_public_ip
    row = call("floor", _PLACE / len(subnets))
    interface: Value = {
        "DeviceIndex": 0,
        "SubnetId": variable("subnets").at(_PLACE - len(subnets) * row),
        "Groups": [variable("launch.groups")],
        "AssociatePublicIpAddress": platform.assign_public_ip if public is None else public,
        "DeleteOnTermination": True,
    }
    kind = variable("kind")
    request: Value = {
        "LaunchTemplate": variable("launch.template"),
        "MinCount": 1,
        "MaxCount": 1,
        "InstanceType": variable("kind.type"),
        "NetworkInterfaces": [interface],
        "ClientToken": _client_token(job),
        "UserData": user_data(_given(job, platform, variable("kind.spot"))),
        "TagSpecifications": _tag_specifications(job, platform),
    }
    return block(
        assign("kinds", _kinds(job)),
        assign("subnets", subnets),
        assign("kind", variable("kinds").at(row)),
        assign("until", _deadline_millis(job)),
        merge(request, included(kind_is_spot(kind), {"InstanceMarketOptions": _SPOT_OPTIONS})),
    )


def instance_type(job: Ec2Job, platform: Platform) -> Expression:
    """Return the type of the machine at the place that is next, or was the last."""
    types = expression([kind["type"] for kind in _kinds(job)])
    return types.at(call("floor", _PLACE / len(_subnets(job, platform))))


def launched(job: Ec2Job, platform: Platform) -> Expression:
    """Return what `outcome` says of a failed attempt's machine: nothing if none was launched."""
    none = variable("named").within([*REFUSALS, *NOT_LAUNCHED])
    said: Value = {
        "instance_type": instance_type(job, platform),
        "log_stream": log_streams.of_machine(job),
    }
    return included(call("not", none), said)


def _subnets(job: Ec2Job, platform: Platform) -> list[str]:
    """Return the subnets in which a machine may start, in their order."""
    return list((job.network or Network()).subnets or platform.subnets)


def kind_is_spot(kind: Expression) -> Expression:
    """Return the test whether a kind of machine is a Spot instance."""
    return Expression(f"{kind.text}.spot").equals(1)


def _kinds(job: Ec2Job) -> list[dict[str, Value]]:
    """Return the kinds of machines to try, in their order."""
    markets = {"never": (0,), "prefer": (1, 0), "only": (1,)}[job.spot]
    return [{"type": one, "spot": market} for market in markets for one in job.instance_type]


def _deadline_millis(job: Ec2Job) -> Expression:
    least = silence_seconds(job.heartbeat_seconds) + 1
    return ENTERED_MILLIS + 1000 * attempt_seconds(job.attempt_timeout_seconds, least)


def _given(job: Ec2Job, platform: Platform, is_spot: Expression) -> dict[str, Value]:
    return {
        "token": variable("states.context.Task.Token"),
        "bucket": platform.artifacts_bucket,
        "key": _key(job),
        "deadline": call("ceil", variable("until") / 1000),
        "heartbeat": job.heartbeat_seconds,
        "spot": is_spot,
    }


def _client_token(job: Ec2Job) -> Expression:
    """Return what makes a launch that is repeated the same one, and another attempt another.

    An item is one by its index, whether or not it has an execution of its own.
    """
    item = [run("index")] if job.fan_out else []
    tried = [EXECUTION_ARN, *item, variable("attempts"), variable("refusals"), _PLACE]
    return call("hash", call("string", tried), "SHA-256")


def _tag_specifications(job: Ec2Job, platform: Platform) -> list[Value]:
    own: dict[str, Value] = {**job.tags, **machine_tags(job, platform)}
    of_run: dict[str, Value] = {
        RUN_TAG: fan_out.started_by(job),
        DEADLINE_TAG: call("fromMillis", variable("until")),
    }
    return [
        {"ResourceType": "instance", "Tags": _tags({**own, **of_run})},
        {"ResourceType": "volume", "Tags": _tags(own)},
    ]


def _tags(tags: Mapping[str, Value]) -> list[Value]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def after_failure(job: Ec2Job, platform: Platform) -> dict[str, object]:
    """Return the states between a failed attempt and the rules of what becomes of it."""
    return {
        "Elsewhere": _elsewhere(job, platform),
        "Find": {
            "Type": "Task",
            "Resource": sdk(platform, "ec2:describeInstances"),
            "Arguments": {"Filters": [{"Name": "client-token", "Values": [_client_token(job)]}]},
            "Retry": [_SOON],
            "Catch": [caught("States.ALL", "ApplyFailureRules")],
            "Assign": {"machines": expression([_FOUND])},
            "Next": "Terminate",
        },
        "Terminate": {
            "Type": "Task",
            "Resource": sdk(platform, "ec2:terminateInstances"),
            "Arguments": {"InstanceIds": _MACHINES},
            "Retry": [_SOON],
            "Catch": [caught("States.ALL", "ApplyFailureRules")],
            "Next": "ApplyFailureRules",
        },
    }


def _elsewhere(job: Ec2Job, platform: Platform) -> State:
    """Return the choice after a failed attempt: in the next place, on demand, or not again yet."""
    subnets = len(_subnets(job, platform))
    last = len(_kinds(job)) * subnets - 1
    on_demand = len(job.instance_type) * subnets
    none_here = outcome("error").equals(INSUFFICIENT_CAPACITY)
    choices = [
        choice(both(none_here, _PLACE.below(last)), "Run", _to(job, _PLACE + 1, on_demand)),
        choice(none_here, "ApplyFailureRules", _to(job, 0, on_demand)),
        choice(outcome("error").within(list(NOT_LAUNCHED)), "ApplyFailureRules"),
    ]
    if job.spot == "prefer":
        interrupted = outcome("error").equals(SPOT_INTERRUPTION)
        worked = usage.again(job, REFUSALS)
        counted = {"attempts": outcome("attempts"), **spot.counted(job.spot), **worked}
        again: State = {**_to(job, on_demand, on_demand), **counted}
        choices.append(choice(both(interrupted, _PLACE.below(on_demand)), "Run", again))
    return {"Type": "Choice", "Choices": choices, "Default": "Find"}


def _to(job: Ec2Job, place: Value, on_demand: int) -> State:
    """Return the variables of the next place, `on_demand` being the first that is."""
    if job.spot != "prefer":
        return {"place": place}
    return {"place": place, "spot": expression(place).below(on_demand)}


_SOON_OVER = ("RequestLimitExceeded", "InstanceProfileNotReady")
NOT_LAUNCHED = ("LaunchFailed", *_SOON_OVER)
REFUSALS = ("Ec2.Ec2Exception", INSUFFICIENT_CAPACITY, *_SOON_OVER)
"""Errors that mean no machine was launched, and that pass; EC2's own has one name for them all.

A new instance profile takes seconds to reach EC2 (IAM User Guide, eventual consistency).
"""
