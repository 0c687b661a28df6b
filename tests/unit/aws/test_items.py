from decimal import Decimal

import pytest

from provisioner.aws.items import to_plain


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1", Decimal(1)),
        ("1" + "0" * 125, Decimal("1E+125")),
        ("0." + "0" * 129 + "1", Decimal("1E-130")),
        ("1E+125", Decimal("1E+125")),
        ("9" * 38, Decimal("9" * 38)),
    ],
    ids=["one", "the largest", "the smallest", "in short", "38 digits"],
)
def test_any_number_of_dynamodb_is_read(text, number):
    assert to_plain({"n": {"N": text}}) == {"n": number}
