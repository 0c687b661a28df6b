# ruff: noqa: E501  (messages stand as they are sent)
"""Reasons as the services word them, and whether they pass by themselves."""

from __future__ import annotations

import pytest

from provisioner.stacks.failure_causes import is_recoverable

PASSES = {
    "rate": "Rate exceeded (Service: AWSStepFunctions; Status Code: 400; Error Code: ThrottlingException)",
    "handler throttled": 'Resource handler returned message: "null" (HandlerErrorCode: Throttling)',
    "too many requests": "Rate Exceeded. (Service: Lambda, Status Code: 429, Request ID: 1) TooManyRequestsException",
    "ec2": "Request limit exceeded. (Service: Ec2, Error Code: RequestLimitExceeded)",
    "roles quota": "Cannot exceed quota for RolesPerAccount: 1000 (Error Code: LimitExceeded)",
    "handler internal": "Resource handler returned message (HandlerErrorCode: ServiceInternalError)",
    "handler failure": "Internal Failure (HandlerErrorCode: InternalFailure)",
    "network": "Resource handler returned message (HandlerErrorCode: NetworkFailure)",
    "timeout": "Resource handler returned message (HandlerErrorCode: ServiceTimeout)",
    "not stabilized": "Exceeded attempts to wait (HandlerErrorCode: NotStabilized)",
    "did not stabilize": "Resource of type 'AWS::ECS::Service' with identifier 'x' did not stabilize.",
    "unavailable": "Service Unavailable (Service: Logs, Status Code: 503)",
    "logs conflict": "A conflicting operation is currently in progress against this resource. Please try again.",
    "lambda conflict": "The operation cannot be performed at this time. An update is in progress for resource",
    "new role": "The role defined for the function cannot be assumed by Lambda.",
    "new execution role": "Role is invalid or cannot be assumed",
    "new vpc role": "The provided execution role does not have permissions to call CreateNetworkInterface on EC2",
    "new task role": 'Resource handler returned message: "Role is not valid (Service: AmazonECS; Status Code: 400; Error Code: ClientException)"',
    "new role to pass": "User: arn:aws:sts::1:assumed-role/cloudformation/AWSCloudFormation is not authorized to perform: iam:PassRole on resource: arn:aws:iam::1:role/jobs/jobs-report-Role-1",
    "capacity": "Capacity is unavailable at this time. Please try again later or in a different AZ",
    "event source mapping throttled": "Rate exceeded for operation 'Rate exceeded (Service: Lambda, Status Code: 429, Request ID: b8b7796b, Extended Request ID: null)'.",
    "alarm throttled": "Unable to create alarms due to reason: Rate exceeded (Service: AmazonCloudWatch; Status Code: 400; Error Code: Throttling; Request ID: 1f0a35b7)",
    "name of a state machine still held": "State Machine is being deleted: 'arn:aws:states:eu-west-1:1:stateMachine:jobs-report' (Service: Sfn, Status Code: 400) StateMachineDeleting",
    "name of a queue still held": "You must wait 60 seconds after deleting a queue before you can create another with the same name.",
    "bucket conflict": "A conflicting conditional operation is currently in progress against this resource. Please try again.",
    "network interface still attached": "resource sg-0123 has a dependent object (Service: Ec2, Status Code: 400) DependencyViolation",
    "new scheduler role": "The execution role you provide must allow AWS EventBridge Scheduler to assume the role. (HandlerErrorCode: InvalidRequest)",
    "a schedule's start": 'Resource handler returned message: "The StartDate you specify cannot be earlier than 5 minutes ago. (Service: Scheduler, Status Code: 400)" (HandlerErrorCode: InvalidRequest)',
    "waiter": "Resource timed out waiting for completion (RequestToken: 9, HandlerErrorCode: NotStabilized)",
    "service limit": "Limit exceeded for resource of type 'AWS::Logs::LogGroup'. (HandlerErrorCode: ServiceLimitExceeded)",
}
STAYS = {
    "state machine's schema": "Resource handler returned message: \"Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: Maximum value is 99999999 at /States/Wait/Seconds' (Service: Sfn, Status Code: 400)\" (HandlerErrorCode: InvalidRequest)",
    "model": 'Resource handler returned message: "Model validation failed (#/EventSourceArn: failed validation constraint for keyword [pattern])" (HandlerErrorCode: InvalidRequest)',
    "handler already exists": "Resource of type 'AWS::Logs::LogGroup' with identifier '{\"/properties/LogGroupName\":\"/jobs/report\"}' already exists. (HandlerErrorCode: AlreadyExists)",
    "handler access denied": "Encountered a permissions error performing a tagging operation (HandlerErrorCode: UnauthorizedTaggingOperation)",
    "not found": 'Resource handler returned message: "S3 Error Code: NoSuchVersion. S3 Error Message: The specified version does not exist." (HandlerErrorCode: InvalidRequest)',
    "unzipped size": "Unzipped size must be smaller than 262144000 bytes (Service: Lambda, Status Code: 400)",
    "bad parameter": "Value '64' at 'memorySize' failed to satisfy constraint",
    "access denied": "User: arn:aws:sts::1:assumed-role/x is not authorized to perform: lambda:CreateFunction",
    "exists": "jobs-report already exists in stack arn:aws:cloudformation:eu-west-1:1:stack/other/1",
    "export": "No export named no-such-export found.",
    "a job's name": "Properties validation failed for jobs-throttle-report",
    "definition": "Invalid State Machine Definition: 'MISSING_TRANSITION_TARGET'",
    "nothing": "",
}


@pytest.mark.parametrize("reason", PASSES.values(), ids=PASSES)
def test_passes_by_itself(reason):
    assert is_recoverable(reason)


@pytest.mark.parametrize("reason", STAYS.values(), ids=STAYS)
def test_is_for_a_person(reason):
    assert not is_recoverable(reason)
