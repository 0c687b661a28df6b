"""Renew provisioner/prices.json from AWS's public price list: `make prices [REGIONS=a,b]`.

The list is public and needs no account, only the network. Its format is that of the AWS Billing
User Guide, "Reading the service price list files". Each price has the date and the source that
it is from. Those of EC2 are kept as they are: its files have hundreds of megabytes for each Region.
"""

from __future__ import annotations

import json
import re
import sys
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

HOST = "https://pricing.us-east-1.amazonaws.com"
INDEX = "/offers/v1.0/aws/index.json"
SOURCE = f"{HOST}{INDEX}, on demand, without free tiers"
PRICES = Path(__file__).parent.parent / "provisioner" / "prices.json"

USAGE_TYPES = {
    "AWSLambda": {
        "lambda_request": "Request",
        "lambda_gb_second_arm64": "Lambda-GB-Second-ARM",
        "lambda_gb_second_x86_64": "Lambda-GB-Second",
        "lambda_storage_gb_second": "Lambda-Storage-GB-Second",
    },
    "AmazonECS": {
        "fargate_vcpu_hour_arm64": "Fargate-ARM-vCPU-Hours:perCPU",
        "fargate_gb_hour_arm64": "Fargate-ARM-GB-Hours",
        "fargate_vcpu_hour_x86_64": "Fargate-vCPU-Hours:perCPU",
        "fargate_gb_hour_x86_64": "Fargate-GB-Hours",
        "fargate_storage_gb_hour": "Fargate-EphemeralStorage-GB-Hours",
    },
    "AmazonStates": {"state_transition": "StateTransition"},
    "AmazonDynamoDB": {"dynamodb_write_unit": "WriteRequestUnits"},
    "AmazonVPC": {"public_ipv4_hour": "PublicIPv4:InUseAddress"},
}
"""Our names of prices, by offer, and how `usagetype` ends: it may begin with a Region's code."""

KEPT = re.compile(r"ec2_hour:.+|gp3_gb_month")

Document = dict[str, Any]
Fetch = Callable[[str], Document]


def main() -> None:
    """Write the file again."""
    only = {region for region in ",".join(sys.argv[1:]).split(",") if region}
    old = json.loads(PRICES.read_text("utf-8"), parse_float=Decimal)
    new = renewed(old, fetch, only)
    PRICES.write_text(json.dumps(new, indent=2, default=float) + "\n", "utf-8")
    for region, rates in new["regions"].items():
        if missing := sorted(names() - rates.keys()):
            print(f"{region}: no price of {', '.join(missing)}, so no figures that take them")


def fetch(path: str) -> Document:
    """Read a file of the price list."""
    with urllib.request.urlopen(HOST + path, timeout=60) as answer:  # noqa: S310 - https, above
        found: Document = json.load(answer)
    return found


def names() -> set[str]:
    """Return every price that is looked up."""
    return {name for wanted in USAGE_TYPES.values() for name in wanted}


def renewed(old: Document, read: Fetch, only: Iterable[str] = ()) -> Document:
    """Return the whole file with new prices: of all Regions, or of some, the others as before."""
    wanted = set(only)
    rates: dict[str, Document] = {}
    for code, usage_types in USAGE_TYPES.items():
        offer = read(INDEX)["offers"][code]
        for region, entry in read(offer["currentRegionIndexUrl"])["regions"].items():
            if wanted and region not in wanted:
                continue
            document = read(entry["currentVersionUrl"])
            published = {"as_of": document["publicationDate"][:10], "source": SOURCE}
            rates.setdefault(region, {}).update(
                {
                    name: {"usd": usd, **published}
                    for name, usd in rates_of(document, usage_types).items()
                }
            )
    for region, before in old["regions"].items():
        kept = before if wanted and region not in wanted else only_kept(before)
        rates[region] = kept | rates.get(region, {})
    return {"regions": {region: rates[region] for region in sorted(rates) if rates[region]}}


def only_kept(rates: Document) -> Document:
    """Return those prices that this program does not renew."""
    return {name: price for name, price in rates.items() if KEPT.fullmatch(name)}


def rates_of(document: Document, usage_types: Mapping[str, str]) -> dict[str, Decimal]:
    """Return the prices in one Region's file of an offer; one that it does not name is left out.

    Raises
    ------
    ValueError
        If two prices go by one name: then the names above have to be more exact.
    """
    found: dict[str, set[Decimal]] = {}
    on_demand = document["terms"].get("OnDemand", {})
    for sku, product in document["products"].items():
        for name, usage_type in usage_types.items():
            full = product.get("attributes", {}).get("usagetype", "")
            if _is(usage_type, full) and sku in on_demand:
                found.setdefault(name, set()).update(_prices(on_demand[sku]))
    if doubtful := sorted(name for name, prices in found.items() if len(prices) > 1):
        message = f"several prices of {', '.join(doubtful)}"
        raise ValueError(message)
    return {name: price for name, prices in found.items() for price in prices}


def _is(usage_type: str, full: str) -> bool:
    """Tell whether a usage type is the one; `IA-` is not a Region's code."""
    return re.fullmatch(rf"(?:(?!IA-)[A-Z0-9]+-)?{re.escape(usage_type)}", full) is not None


def _prices(offers: Mapping[str, Document]) -> Iterable[Decimal]:
    """Yield what each offer asks for the first units that are not free."""
    for offer in offers.values():
        tiers = sorted(
            (Decimal(tier["beginRange"]), Decimal(tier["pricePerUnit"]["USD"]))
            for tier in offer["priceDimensions"].values()
            if "USD" in tier["pricePerUnit"]
        )
        yield from [price for _, price in tiers if price][:1]


if __name__ == "__main__":
    main()
