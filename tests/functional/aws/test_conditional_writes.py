"""What DynamoDB says of a write that it refused is read off its codes, not its words."""

from __future__ import annotations

import pytest
from botocore.stub import Stubber

from provisioner.aws.tables import written
from provisioner.errors import ConflictError, PermanentError
from tests.support.clients import CLIENTS

pytestmark = pytest.mark.usefixtures("bootstrap")

NONE, FAILED, CONFLICT = "None", "ConditionalCheckFailed", "TransactionConflict"
UPDATE = {"TableName": "T", "Key": {"k": {"S": "1"}}, "UpdateExpression": "SET a = b"}


def write(operation, request, **error):
    with Stubber(CLIENTS.dynamodb) as stub:
        stub.add_client_error(operation, **error)
        return written(CLIENTS, operation, **request)


@pytest.mark.parametrize(
    ("reasons", "error"),
    [((NONE, FAILED), None), ((FAILED, NONE), None), ((CONFLICT, NONE), ConflictError)],
    ids=["second", "first", "conflict"],
)
def test_a_transaction_reports_each_write(reasons, error):
    def transact():
        return write(
            "transact_write_items",
            {"TransactItems": [{"Update": UPDATE}, {"Update": UPDATE}]},
            service_error_code="TransactionCanceledException",
            service_message="The words are not to be read: ConditionalCheckFailed",
            http_status_code=400,
            modeled_fields={"CancellationReasons": [{"Code": code} for code in reasons]},
        )

    if error is None:
        assert transact() is None
    else:
        with pytest.raises(error):
            transact()


def test_a_single_write():
    assert (
        write("update_item", UPDATE, service_error_code="ConditionalCheckFailedException") is None
    )
    with pytest.raises(PermanentError):
        write("update_item", UPDATE, service_error_code="AccessDeniedException")
