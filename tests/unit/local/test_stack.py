from provisioner.local.stack import first_failure


def event(name, status, reason="", stack="jobs"):
    return {
        "StackId": "arn:jobs",
        "PhysicalResourceId": "arn:jobs" if name == stack else name,
        "LogicalResourceId": name,
        "ResourceStatus": status,
        "ResourceStatusReason": reason,
    }


BEFORE = [
    event("Table", "CREATE_FAILED", "of another time"),
    event("jobs", "CREATE_IN_PROGRESS"),
]


def test_the_first_resource_that_failed_says_why():
    newest_first = [
        event("jobs", "UPDATE_ROLLBACK_FAILED", "The following resource(s) failed"),
        event("Roles", "UPDATE_FAILED", "again"),
        event("jobs", "UPDATE_ROLLBACK_IN_PROGRESS"),
        event("Roles", "UPDATE_FAILED", "no such role"),
        event("jobs", "UPDATE_IN_PROGRESS"),
        *BEFORE,
    ]

    assert first_failure(newest_first) == "Roles: no such role"


def test_an_operation_before_the_last_one_does_not_count():
    newest_first = [event("jobs", "UPDATE_IN_PROGRESS"), *BEFORE]

    assert first_failure(newest_first) == "no resource says why"
