"""Prices out of files of AWS's price list, in the format of the AWS Billing User Guide."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from provisioner.runs.cost import Prices
from tools import prices


def offer(*products):
    """Return a Region's file: of each product its usage type, and its prices by `beginRange`."""
    skus = [f"SKU{index}" for index, _ in enumerate(products)]
    return {
        "formatVersion": "v1.0",
        "offerCode": "any",
        "publicationDate": "2026-11-20T12:34:56Z",
        "products": {
            sku: {"sku": sku, "productFamily": "any", "attributes": {"usagetype": usage_type}}
            for sku, (usage_type, _) in zip(skus, products, strict=True)
        },
        "terms": {
            "OnDemand": {
                sku: {
                    f"{sku}.JRTCKXETXF": {
                        "priceDimensions": {
                            f"{sku}.JRTCKXETXF.{begin}": {
                                "unit": "any",
                                "beginRange": str(begin),
                                "endRange": "Inf",
                                "pricePerUnit": {"USD": usd},
                            }
                            for begin, usd in tiers.items()
                        }
                    }
                }
                for sku, (_, tiers) in zip(skus, products, strict=True)
            }
        },
    }


FILES = {
    "AWSLambda": offer(
        ("Lambda-GB-Second", {0: "0.0000166667000", 6_000_000_000: "0.0000150000"}),
        ("EUW1-Lambda-GB-Second-ARM", {0: "0.0000133334"}),
        ("Request", {0: "0.0000002"}),
        ("Lambda-Edge-Request", {0: "0.0000006"}),
    ),
    "AmazonECS": offer(
        ("USE1-Fargate-vCPU-Hours:perCPU", {0: "0.0404800000"}),
        ("USE1-SpotUsage-Fargate-vCPU-Hours:perCPU", {0: "0.0100000000"}),
        ("USE1-Fargate-GB-Hours", {0: "0.0044450000"}),
    ),
    "AmazonStates": offer(("USE1-StateTransition", {0: "0.0000000000", 4000: "0.0000250000"})),
    "AmazonDynamoDB": offer(
        ("WriteRequestUnits", {0: "0.000000625"}), ("IA-WriteRequestUnits", {0: "0.00000078"})
    ),
    "AmazonVPC": offer(("USE1-PublicIPv4:InUseAddress", {0: "0.0050000000"})),
}

# Usage types and prices that the list has, as it was published in August and September 2026: what
# is looked up, and what is near it. "Global-" is the free tier.
LISTED = {
    "AWSLambda": {
        "Request": {0: "0.0000002000"},
        "Request-ARM": {0: "0.0000002000"},
        "Global-Request": {0: "0.0000000000"},
        "Lambda-Edge-Request": {0: "0.0000006000"},
        "Lambda-GB-Second": {
            0: "0.0000166667",
            6_000_000_000: "0.0000150000",
            15_000_000_000: "0.0000133334",
        },
        "Lambda-GB-Second-ARM": {
            0: "0.0000133334",
            7_500_000_000: "0.0000120001",
            18_750_000_000: "0.0000106667",
        },
        "Global-Lambda-GB-Second": {0: "0.0000000000"},
        "Lambda-Provisioned-GB-Second": {0: "0.0000097222"},
        "Lambda-Provisioned-Concurrency-ARM": {0: "0.0000033334"},
        "Lambda-Storage-GB-Second": {0: "0.0000000309"},
        "Lambda-Storage-GB-Second-ARM": {0: "0.0000000309"},
        "Lambda-Edge-GB-Second": {0: "0.0000500100"},
    },
    "AmazonECS": {
        "USE1-Fargate-vCPU-Hours:perCPU": {0: "0.0404800000"},
        "USE1-Fargate-GB-Hours": {0: "0.0044450000"},
        "USE1-Fargate-ARM-vCPU-Hours:perCPU": {0: "0.0323800000"},
        "USE1-Fargate-ARM-GB-Hours": {0: "0.0035600000"},
        "USE1-Fargate-Windows-vCPU-Hours:perCPU": {0: "0.0914800000"},
        "USE1-Fargate-EphemeralStorage-GB-Hours": {0: "0.0001110000"},
        "USE1-SpotUsage-Fargate-vCPU-Hours:perCPU": {0: "0.0127000000"},
    },
    "AmazonStates": {
        "USE1-StateTransition": {0: "0.0000000000", 4000: "0.0000250000"},
        "USE1-StepFunctions-Request": {0: "0.0000010000"},
        "USE1-StepFunctions-GB-Second": {0: "0.0000166700"},
    },
    "AmazonDynamoDB": {
        "WriteRequestUnits": {0: "0.0000006250"},
        "ReplWriteRequestUnits": {0: "0.0000006250"},
        "IA-WriteRequestUnits": {0: "0.0000007800"},
        "ReadRequestUnits": {0: "0.0000001250"},
        "WriteCapacityUnit-Hrs": {0: "0.0000000000", 18_600: "0.0006500000"},
    },
    "AmazonVPC": {
        "USE1-PublicIPv4:InUseAddress": {0: "0.0050000000"},
        "USE1-PublicIPv4:IdleAddress": {0: "0.0050000000"},
    },
}


def read(path):
    if path == prices.INDEX:
        return {"offers": {code: {"currentRegionIndexUrl": f"/{code}"} for code in FILES}}
    if path.count("/") == 1:
        regions = ("us-east-1", "eu-west-1")
        return {"regions": {each: {"currentVersionUrl": f"{path}/{each}"} for each in regions}}
    return FILES[path.split("/")[1]]


def by_hand(usd):
    return {"usd": Decimal(usd), "as_of": "2026-06-17", "source": "by hand"}


OLD = {
    "regions": {
        "us-east-1": {"state_transition": by_hand(1), "ec2_hour:t3.micro": by_hand("0.0104")},
        "eu-central-1": {"state_transition": by_hand(2)},
    },
}


def test_a_file_says_what_a_region_asks_for():
    rates = prices.rates_of(FILES["AWSLambda"], prices.USAGE_TYPES["AWSLambda"])
    assert rates == {
        "lambda_gb_second_x86_64": Decimal("0.0000166667"),
        "lambda_gb_second_arm64": Decimal("0.0000133334"),
        "lambda_request": Decimal("0.0000002"),
    }


def test_the_free_tier_is_not_the_price():
    rates = prices.rates_of(FILES["AmazonStates"], prices.USAGE_TYPES["AmazonStates"])
    assert rates == {"state_transition": Decimal("0.000025")}


def test_two_prices_of_one_name_are_an_error():
    doubtful = offer(("Request", {0: "0.1"}), ("USE1-Request", {0: "0.2"}))
    with pytest.raises(ValueError, match="several prices of lambda_request"):
        prices.rates_of(doubtful, prices.USAGE_TYPES["AWSLambda"])


@pytest.mark.parametrize("code", LISTED)
def test_beside_what_is_near_it_in_the_list_each_price_is_found(code):
    """What is found is what the file that is shipped says."""
    shipped = json.loads(prices.PRICES.read_text(), parse_float=Decimal)["regions"]["us-east-1"]
    rates = prices.rates_of(offer(*LISTED[code].items()), prices.USAGE_TYPES[code])
    assert rates == {name: shipped[name]["usd"] for name in prices.USAGE_TYPES[code]}


@pytest.mark.parametrize(
    "usage_type", ["EU-StateTransition", "APS3-StateTransition", "UGW1-StateTransition"]
)
def test_a_usage_type_begins_with_the_code_of_its_region(usage_type):
    rates = prices.rates_of(offer((usage_type, {0: "0.1"})), prices.USAGE_TYPES["AmazonStates"])
    assert rates == {"state_transition": Decimal("0.1")}


def test_a_price_in_another_currency_is_left_out():
    listed = offer(("StateTransition", {0: "0.1"}))
    [term] = listed["terms"]["OnDemand"]["SKU0"].values()
    [dimension] = term["priceDimensions"].values()
    dimension["pricePerUnit"] = {"CNY": "0.1744000000"}
    assert prices.rates_of(listed, prices.USAGE_TYPES["AmazonStates"]) == {}


def test_all_regions_are_renewed_but_for_what_is_kept():
    new = prices.renewed(OLD, read)
    assert sorted(new["regions"]) == ["eu-west-1", "us-east-1"]
    assert new["regions"]["us-east-1"]["state_transition"] == {
        "usd": Decimal("0.000025"),
        "as_of": "2026-11-20",
        "source": prices.SOURCE,
    }
    assert new["regions"]["us-east-1"]["ec2_hour:t3.micro"] == by_hand("0.0104")
    assert new["regions"]["eu-west-1"]["fargate_vcpu_hour_x86_64"]["usd"] == Decimal("0.04048")


def test_the_others_stay_when_only_some_are_renewed():
    new = prices.renewed(OLD, read, ["us-east-1"])
    assert sorted(new["regions"]) == ["eu-central-1", "us-east-1"]
    assert new["regions"]["eu-central-1"] == {"state_transition": by_hand(2)}


def test_what_is_written_can_be_read():
    text = json.dumps(prices.renewed(OLD, read), default=float)
    rates = Prices.from_json(text).rates("us-east-1")
    assert float(rates["fargate_gb_hour_x86_64"]) == 0.004445


def test_every_price_that_is_looked_up_is_in_the_file():
    listed = json.loads(prices.PRICES.read_text())["regions"]["us-east-1"]
    assert {name for name in listed if not prices.KEPT.fullmatch(name)} == prices.names()
