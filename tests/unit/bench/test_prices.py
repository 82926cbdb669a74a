from __future__ import annotations

import pytest

from desk.bench.bill.table_units import TableUnits, item_bytes
from desk.bench.kinds import KINDS
from desk.bench.parts.cost import Spent, middle
from desk.bench.parts.cost import report as cost_report
from desk.report.prices import MEMORY_GB, Usage, bill, computing, document, dollars, price_list
from tests.support.stack import load_template

KEY = {"pk": {"S": "ORDER#1"}, "sk": {"S": "ORDER"}}


def test_a_bill_is_the_sum_of_its_services() -> None:
    ms = 1_000_000 / MEMORY_GB
    usage = Usage(transitions=1000, invocations=1_000_000, lambda_ms=ms, signals=0, secret_reads=10_000)
    parts = bill(usage)
    assert parts["step_functions"] == pytest.approx(0.025)
    assert parts["lambda"] == pytest.approx(0.20 + 1000 * 0.0000133334)
    assert parts["secrets_manager"] == pytest.approx(0.05)
    assert dollars(usage) == pytest.approx(sum(parts.values()))


def test_a_cold_start_is_billed_like_an_invocation() -> None:
    warm, cold = Usage(invocations=3, lambda_ms=200), Usage(invocations=3, lambda_ms=200, init_ms=800)
    assert (
        bill(cold)["lambda"] - bill(warm)["lambda"] == pytest.approx(computing(800)) == pytest.approx(1.84e-5, rel=0.01)
    )
    assert any("INIT" in what for what in price_list())


def test_memory_is_billed_as_the_functions_have_it() -> None:
    assert MEMORY_GB * 1024 == load_template()["Globals"]["Function"]["MemorySize"]


def test_a_signal_costs_its_way_through_the_queue() -> None:
    assert bill(Usage())["sqs"] == pytest.approx(1.5e-6)


def test_a_document_holds_usage_and_bill() -> None:
    told = document(Usage(transitions=7))
    assert told["transitions"] == 7
    assert told["bill"]["step_functions"] == 0.000175


def test_a_kind_is_told_by_each_figures_median() -> None:
    usages = [
        Usage(transitions=7, lambda_ms=300),
        Usage(transitions=9, lambda_ms=100),
        Usage(transitions=7, lambda_ms=200),
    ]
    assert middle(usages) == Usage(transitions=7, lambda_ms=200)


def test_every_figure_stands_beside_that_of_a_buy_at_once_and_every_price_has_a_name() -> None:
    plain, dear = (
        Usage(transitions=5, invocations=3, lambda_ms=200),
        Usage(transitions=20, invocations=9, lambda_ms=300),
    )
    found = {kind.name: [Spent(dear, 8, 2, 10.0)] for kind in KINDS} | {KINDS[0].name: [Spent(plain, 2, 1, 0.3)] * 3}
    part = cost_report(found)
    of = part.figures["kinds"]["full_ladder"]["of_buy_at_once"]
    assert (of["transitions"], of["invocations"], of["lambda_ms"], of["trading_calls"]) == (4, 3, 1.5, 4)
    assert part.figures["prices"]["Step Functions, state transition"] == 0.000025
    assert ["Step Functions, state transition", "25"] in list(part.tables[-1].rows)
    assert {target.name: target.ok for target in part.targets}["order at once, trading calls"]


def _item(size: int, **more: dict[str, str]) -> dict[str, dict[str, str]]:
    blank = KEY | more | {"document": {"S": ""}}
    return KEY | more | {"document": {"S": "x" * (size - item_bytes(blank))}}


def test_an_item_weighs_its_names_and_values() -> None:
    assert item_bytes({"pk": {"S": "ab"}, "n": {"N": "12"}, "m": {"M": {"a": {"S": "é"}}}}) == 4 + 3 + 1 + 3 + 3


def test_writes_count_kilobytes_and_transactions_twice() -> None:
    units = TableUnits()
    units.take("PutItem", {"Item": _item(2049)})
    assert units.write == 3
    units.take(
        "TransactWriteItems", {"TransactItems": [{"Put": {"Item": _item(1024)}}, {"ConditionCheck": {"Key": KEY}}]}
    )
    assert units.write == 3 + 2 + 2


def test_an_index_is_written_too() -> None:
    units = TableUnits()
    listed = {"gsi1pk": {"S": "ORDERS"}, "gsi1sk": {"S": "1"}, "gsi2pk": {"S": "OPEN"}, "gsi2sk": {"S": "1"}}
    units.take("PutItem", {"Item": _item(1500, **listed)})
    assert units.write == 2 + 1 + 1
    units.take("PutItem", {"Item": _item(1500, **listed)})
    assert units.write == 4 + 2, "the sparse index is written only when the item's place in it changes"


def test_reads_count_what_was_written_before() -> None:
    units = TableUnits()
    units.take("PutItem", {"Item": _item(5000)}, counted=False)
    assert units.write == 0
    units.take("GetItem", {"Key": KEY, "ConsistentRead": True})
    units.take("GetItem", {"Key": KEY})
    units.take("Query", {"ConsistentRead": True})
    units.take("GetParameters", {})
    assert units.read == 2 + 1 + 1
