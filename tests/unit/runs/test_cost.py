"""What a run has used, read off its row, and what that costs."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

import provisioner
from provisioner.jobs import MAX_ITEMS
from provisioner.runs.arrays import array_of, children_of, size_of, with_children
from provisioner.runs.cost import Cost, Prices, estimate, month_of
from provisioner.runs.model import RunStatus, time_of
from provisioner.runs.usage import usage_of

PRICES = Prices.from_json(Path(provisioner.__file__).with_name("prices.json").read_text())
US = PRICES.rates("us-east-1")
PAGE = (Path(__file__).parents[3] / "docs/reference/cost.md").read_text()

FUNCTION = {
    "status": "SUCCEEDED",
    "type": "lambda",
    "usage": {"architecture": "arm64", "memory_mb": Decimal(1024)},
    "work_ms": Decimal(30_000),
    "duration_ms": Decimal(30_100),
    "attempts": Decimal(1),
}
TASK = FUNCTION | {
    "type": "ecs",
    "usage": {"architecture": "arm64", "vcpu": Decimal(4), "memory_mb": Decimal(16_384)},
    "work_ms": Decimal(3_600_000),
}


def without_the_run_itself(row, rates=US):
    """Return what the work alone costs."""
    return cost(row, rates | {"state_transition": Decimal(), "dynamodb_write_unit": Decimal()})


def cost(row, rates=US):
    found = estimate(usage_of(row), rates)
    return found and float(found.usd)


@pytest.mark.parametrize(
    ("what", "row"),
    [
        (
            "function, 128 MB, arm64, 1 s",
            FUNCTION | {"usage": {"architecture": "arm64", "memory_mb": 128}, "work_ms": 1000},
        ),
        ("function, 1,024 MB, arm64, 30 s", FUNCTION),
        (
            "container, 0.25 vCPU, 0.5 GB, arm64, 60 s",
            TASK
            | {
                "usage": {"architecture": "arm64", "vcpu": Decimal("0.25"), "memory_mb": 512},
                "work_ms": 60_000,
            },
        ),
        ("container, 4 vCPU, 16 GB, arm64, one hour", TASK),
    ],
)
def test_the_examples_of_the_page(what, row):
    line = next(line for line in PAGE.splitlines() if line.startswith(f"| {what}"))
    shown = line.rstrip("| ").rpartition("|")[2].strip()
    digits = len(shown.partition(".")[2])
    assert float(shown) == round(1000 * without_the_run_itself(row), digits)


def test_a_plain_run_costs_what_the_workflow_costs_besides():
    used = usage_of(FUNCTION)
    assert (used.transitions, used.attempts, float(used.seconds)) == (4, 1, 30)
    around = 4 * 0.000025 + used.write_units * 0.000000625
    assert cost(FUNCTION) == pytest.approx(without_the_run_itself(FUNCTION) + around)


CHANGED = {
    "x86": ({"usage": TASK["usage"] | {"architecture": "x86_64"}}, 0.04048 * 4 + 0.004445 * 16),
    "less than a minute": ({"work_ms": Decimal(100)}, (0.03238 * 4 + 0.00356 * 16) / 60),
    "two starts of less": (
        {"work_ms": Decimal(100), "attempts": Decimal(2)},
        (0.03238 * 4 + 0.00356 * 16) / 30,
    ),
    "a larger disk": (
        {"usage": TASK["usage"] | {"storage_mb": Decimal(30 * 1024)}},
        0.03238 * 4 + 0.00356 * 16 + 10 * 0.000111,
    ),
    "a size of its own": (
        {"overrides": json.dumps({"cpu": 1024, "memory_mb": 2048})},
        0.03238 + 0.00356 * 2,
    ),
    "stopped, so that nobody has timed it": (
        {"status": "STOPPED", "work_ms": None, "duration_ms": Decimal(1_800_000)},
        (0.03238 * 4 + 0.00356 * 16) / 2,
    ),
    "billed from the pull of its image on": (
        {"pull_ms": Decimal(60_000), "start_ms": Decimal(0), "run_ms": Decimal(1_740_000)},
        (0.03238 * 4 + 0.00356 * 16) / 2,
    ),
    "of several attempts only the last is known": (
        {"pull_ms": Decimal(1), "start_ms": Decimal(1), "run_ms": Decimal(1), "attempts": 2},
        0.03238 * 4 + 0.00356 * 16,
    ),
    "on batch": ({"type": "batch"}, 0.03238 * 4 + 0.00356 * 16),
    "on a machine": (
        {
            "type": "ec2",
            "usage": {"architecture": "arm64", "instance_type": "m7g.large", "disk_gb": 30},
        },
        0.0816 + 0.005 + 30 * 0.08 / 730,
    ),
}


@pytest.mark.parametrize(("changes", "usd"), CHANGED.values(), ids=CHANGED)
def test_the_work(changes, usd):
    assert without_the_run_itself(TASK | changes) == pytest.approx(usd, abs=1e-8)


def test_storage_of_a_function_beyond_what_is_included():
    large = FUNCTION | {"usage": FUNCTION["usage"] | {"storage_mb": Decimal(1536)}}
    more = without_the_run_itself(large) - without_the_run_itself(FUNCTION)
    assert more == pytest.approx(30 * 0.0000000309, abs=1e-8)


ITEMS = TASK | {
    "usage": TASK["usage"] | {"max_concurrency": Decimal(2), "retries": 1},
    "item_count": Decimal(10),
    "item_failures": Decimal(0),
    "work_ms": Decimal(36_000_000),
    "duration_ms": Decimal(18_000_000),
}
HOURLY = 4 * 0.03238 + 16 * 0.00356


def bounds(row):
    found = estimate(
        usage_of(row), US | {"state_transition": Decimal(), "dynamodb_write_unit": Decimal()}
    )
    return float(found.least), float(found.usd)


def test_items_cost_what_all_of_them_cost():
    assert bounds(ITEMS) == pytest.approx((10 * HOURLY, 10 * HOURLY), abs=1e-8)
    assert usage_of(ITEMS).transitions == 5 + 10 * 3


def test_no_items_cost_nothing():
    none = ITEMS | {"item_count": Decimal(0), "work_ms": Decimal(0)}
    assert bounds(none) == (0, 0)


def test_items_that_failed_have_bounds():
    failed = ITEMS | {"status": "FAILED", "item_failures": Decimal(3), "work_ms": 7 * 3_600_000}
    least, most = bounds(failed)
    assert least == pytest.approx(7 * HOURLY, abs=1e-8)
    # No more than two at once for as long as the run took, and a minute for each of their starts.
    assert most == pytest.approx((7 + 2 * 5 + 3 * 2 / 60) * HOURLY, abs=1e-8)
    assert usage_of(failed).transitions == 6 + 7 * 3 + 3 * 4


def test_items_of_which_all_have_failed_may_have_cost_nothing():
    row = ITEMS | {"status": "FAILED", "item_failures": Decimal(99), "work_ms": Decimal(0)}
    least, most = bounds(row)
    assert least == 0 < most


STOPPED = {
    "status": "STOPPED",
    "type": "ecs",
    "usage": TASK["usage"] | {"max_concurrency": 2, "retries": 1, "items": 100},
    "duration_ms": 1_800_000,
    "attempts": Decimal(1),
}


@pytest.mark.parametrize(
    ("changes", "hours"),
    [
        ({}, 2 * 0.5 + 100 * 2 / 60),  # no more than two at once; a minute for each start
        ({"usage": STOPPED["usage"] | {"items": 1}}, 0.5 + 2 / 60),
        ({"duration_ms": 9_000}, 2 * 9 / 3600 + 2 * 10 / 60),  # no more than one start a second
        ({"status": "FAILED"}, 2 * 0.5 + 100 * 2 / 60),  # its children broke
    ],
    ids=str,
)
def test_items_that_were_never_summed_up_have_bounds(changes, hours):
    assert bounds(STOPPED | changes) == pytest.approx((0, hours * HOURLY), abs=1e-8)


def test_of_items_that_were_never_summed_up_few_transitions_are_certain():
    used = usage_of(STOPPED)
    assert (used.least_transitions, used.transitions) == (3, 6 + 100 * 4)
    assert estimate(used, US).least == pytest.approx(
        3 * Decimal("0.000025") + used.write_units * Decimal("0.000000625")
    )


def test_items_of_a_source_are_as_many_as_a_run_may_have():
    usage = {"architecture": "arm64", "memory_mb": 1024, "max_concurrency": 40}
    row = STOPPED | {"type": "lambda", "usage": usage, "duration_ms": 10_000}
    least, most = bounds(row)
    assert least == 0
    assert most == pytest.approx(400 * 0.0000133334 + MAX_ITEMS * 0.0000002, abs=1e-8)


MACHINES = TASK | {
    "type": "ec2",
    "usage": {"architecture": "arm64", "instance_types": ["m7g.large", "m7g.xlarge"]},
}
EACH = {"m7g.large": 0.0816 + 0.005, "m7g.xlarge": 0.1632 + 0.005}


def test_a_machine_of_several_types_costs_what_that_costs_which_it_got():
    for kind, usd in EACH.items():
        row = MACHINES | {"instance_type": kind}
        assert bounds(row) == pytest.approx((usd, usd), abs=1e-8)
        assert usage_of(row).attributes()["instance_type"] == kind


@pytest.mark.parametrize(
    "changes", [{"attempts": 2, "instance_type": "m7g.large"}, {"status": "STOPPED"}], ids=str
)
def test_machines_that_may_have_been_of_several_types_have_bounds(changes):
    assert bounds(MACHINES | changes) == pytest.approx(tuple(EACH.values()), abs=1e-8)
    assert usage_of(MACHINES | changes).attributes()["instance_types"] == list(EACH)


@pytest.mark.parametrize("status", ["STOPPED", "FAILED", "TIMED_OUT"])
def test_a_batch_job_whose_times_are_not_known_may_have_waited_all_the_time(status):
    row = TASK | {"type": "batch", "status": status, "work_ms": None, "duration_ms": 1_800_000}
    assert bounds(row) == pytest.approx((0, HOURLY / 2), abs=1e-8)
    assert usage_of(row).attributes()["untimed_attempts"] == 1


ARRAY = TASK | {
    "type": "batch",
    "usage": TASK["usage"] | {"array_size": Decimal(3)},
    "work_ms": None,
    "batch_job_id": "1f",
}


def test_the_children_of_an_array_are_billed_one_by_one():
    assert children_of(array_of(ARRAY), size_of(ARRAY)) == ("1f:0", "1f:1", "1f:2")
    assert estimate(usage_of(ARRAY), US) is None

    used = with_children(usage_of(ARRAY), 3, 3, [3_600_000, 1_000, 7_200_000, 0])

    assert (used.attempts, float(used.seconds)) == (4, 3 * 3600 + 120)
    assert estimate(used, US).least == estimate(used, US).usd
    assert "sampled" not in used.attributes()


def test_a_thousand_children_stand_for_those_of_a_large_array():
    asked = children_of("1f", 10_000)
    assert (len(asked), asked[1], asked[-1]) == (1_000, "1f:10", "1f:9990")

    used = with_children(usage_of(ARRAY), 10_000, 1_000, [60_000] * 900 + [120_000] * 100)

    assert (used.attempts, float(used.seconds)) == (10_000, 660_000)
    assert used.attributes()["sampled"] == 1_000


@pytest.mark.parametrize(
    ("changes", "known"),
    [
        ({"batch_job_id": None}, (None, 3)),
        ({"batch_job_id": Decimal(1)}, (None, 3)),
        ({"usage": "x"}, ("1f", 0)),
        ({"usage": {"array_size": "3"}}, ("1f", 0)),
    ],
    ids=str,
)
def test_a_damaged_row_has_no_children(changes, known):
    row = ARRAY | changes
    assert (array_of(row), size_of(row)) == known
    assert children_of("1f", 0) == ()


def test_spot_is_a_range():
    used = replace(usage_of(TASK), spot=True)
    on_demand = estimate(usage_of(TASK), US)
    found = estimate(used, US)
    assert found.usd == on_demand.usd == on_demand.least
    assert 0.3 * float(found.usd) < float(found.least) < 0.31 * float(found.usd)


@pytest.mark.parametrize(
    ("went", "is_spot"),
    [
        ({}, True),
        ({"capacity_type": "spot"}, True),
        ({"capacity_type": "on_demand"}, False),
        ({"capacity_type": "on_demand", "spot_interruptions": Decimal(1)}, True),
        ({"capacity_type": "on_demand", "attempts": Decimal(2)}, True),
    ],
)
def test_a_run_that_has_been_on_demand_alone_has_one_price(went, is_spot):
    row = TASK | {"usage": TASK["usage"] | {"spot": True}} | went
    assert usage_of(row).spot is is_spot


@pytest.mark.parametrize(
    ("row", "rates"),
    [
        (TASK, PRICES.rates("eu-west-1")),
        (TASK | {"usage": TASK["usage"] | {"architecture": "riscv"}}, US),
        (ARRAY, US),
        (MACHINES | {"usage": {"instance_types": ["m7g.large", "z9.large"]}}, US),
        (TASK | {"type": "ec2", "usage": {"instance_type": "z9.large"}}, US),
    ],
    ids=["Region", "architecture", "array", "one of the types", "instance type"],
)
def test_what_is_not_known_has_no_figure(row, rates):
    assert estimate(usage_of(row), rates) is None


@pytest.mark.parametrize(
    "damage",
    [
        {"usage": None},
        {"usage": "x"},
        {"type": None},
        {"type": Decimal(1)},
        {"status": "RUNNING"},
        {"status": "x"},
        {"work_ms": "x", "duration_ms": Decimal(-1)},
        {"work_ms": None, "duration_ms": Decimal("1e30")},
    ],
    ids=str,
)
def test_a_row_that_does_not_say_it_has_no_usage(damage):
    assert usage_of(FUNCTION | damage) is None


@pytest.mark.parametrize(
    "damage",
    [
        {"attempts": "x"},
        {"attempts": Decimal("1e40")},
        {"starts": Decimal("NaN"), "queued_at": 1},
        {"overrides": "{"},
        {"overrides": Decimal(1)},
        {"overrides": '["cpu"]'},
        {"overrides": '{"cpu": "1", "memory_mb": -5}'},
        {"usage": FUNCTION["usage"] | {"vcpu": "x", "disk_gb": Decimal("Infinity")}},
    ],
    ids=str,
)
def test_damaged_parts_count_as_absent(damage):
    found = estimate(usage_of(FUNCTION | damage), US)
    assert 0 < found.usd < 1


def test_what_a_run_has_used_is_an_attribute_of_its_row():
    assert usage_of(TASK).attributes() == {
        "architecture": "arm64",
        "vcpu": 4,
        "memory_mb": 16_384,
        "seconds": 3600,
        "attempts": 1,
        "transitions": 4,
        "write_units": 21,
    }
    nothing = replace(usage_of(TASK), seconds=Decimal())
    assert nothing.attributes()["seconds"] == 0


def test_a_run_counts_to_the_month_in_which_it_ended():
    assert month_of(time_of("2026-11-30T23:59:59.999Z")) == "2026-11"


def test_a_figure_is_as_short_as_it_is_exact():
    assert Cost(Decimal("0.1"), Decimal("0.1")) == Cost(Decimal("0.100"), Decimal("0.100"))
    assert str(estimate(usage_of(FUNCTION), US).usd) == str(
        estimate(usage_of(FUNCTION), US).usd.normalize()
    )


def test_each_price_says_when_and_where_it_was_read():
    for prices in PRICES.regions.values():
        for name, price in prices.items():
            assert price.usd > 0, name
            assert time_of(f"{price.as_of}T00:00:00Z"), name
            assert re.search(r"[a-z0-9]+[.](com|io|co|sh|dev|ai)|public repos", price.source)


def test_a_price_without_date_or_source_is_not_read():
    with pytest.raises(TypeError, match="source"):
        Prices.from_json('{"regions": {"x": {"state_transition": {"usd": 1, "as_of": "2026"}}}}')


def test_the_oldest_price_dates_the_list():
    assert PRICES.as_of() == min(p.as_of for p in PRICES.regions["us-east-1"].values())


def test_every_end_is_counted():
    for status in RunStatus:
        row = FUNCTION | {"status": status}
        assert (usage_of(row) is None) is (status in {RunStatus.RUNNING, RunStatus.QUEUED})
