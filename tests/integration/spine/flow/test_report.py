"""The execution report of orders that were really worked: its sums are those of the exchange's journal, to the cent."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from typing import Any

from desk.report.analysis.reports import Span, report_over
from repeg.domain.reasons import Reason
from tests.support.lab import Lab
from tests.support.leaving import BRACKET, hold, minutes
from tests.support.scenes import journal, on_order, run

ZERO = Decimal(0)


def report(lab: Lab) -> dict[str, Any]:
    """As `repeg report --json` prints it."""
    return report_over(lab.orders.newest(), lambda ids: lab.orders.several([*ids])[0], Span()).document()


class Fills:
    """Fills by the journal, those of entries by order, those that left a bracket by the bracket."""

    def __init__(self, lab: Lab) -> None:
        self.orders = {order.order_id: order for order in lab.orders.newest()}
        owners = {child.broker_order_id: order.order_id for order in self.orders.values() for child in order.children}
        self.bought: dict[str, list[tuple[Decimal, Decimal, dict[str, Any]]]] = defaultdict(list)
        self.left: list[tuple[Decimal, Decimal]] = []
        for entry in journal(lab, "fill"):
            fill = Decimal(entry["qty"]), Decimal(entry["price"]), entry
            if entry["order_id"] in owners:
                self.bought[owners[entry["order_id"]]].append(fill)
            else:
                self.left.append(fill[:2])

    def cost(self, against: dict[str, Decimal]) -> Decimal:
        """Dollars paid beyond a price for each order, + is cost."""
        return sum(
            (
                qty * (price - against[order_id]) * (1 if entry["side"] == "buy" else -1)
                for order_id, fills in self.bought.items()
                for qty, price, entry in fills
            ),
            ZERO,
        )


def arrivals(lab: Lab, fills: Fills) -> dict[str, tuple[Decimal, Decimal]]:
    """What the exchange quoted when an order's first child came in."""
    owners = {order.children[0].broker_order_id: name for name, order in fills.orders.items() if order.children}
    quote, found = (ZERO, ZERO), {}
    for entry in lab.control.journal():
        if entry["type"] == "quote":
            quote = Decimal(entry["bid"]), Decimal(entry["ask"])
        elif entry["type"] == "order" and entry["event"] == "accepted" and entry["order_id"] in owners:
            found[owners[entry["order_id"]]] = quote
    return found


def test_its_sums_are_those_of_the_journal(lab: Lab) -> None:
    """Buys at once and after a re-peg, a sell, a refusal, a bracket that reaches its target and one that is stopped."""
    run(lab, "at-once", qty=40)
    on_order(lab, "new", "50.98", "51.01", nth=1)
    walked = run(lab, "walked", qty=100)
    assert walked.repegs == 1
    run(lab, "sold", side="sell", qty=30)
    lab.control.quote("TQQQ", "50.95", "50.98", 2000, 2000)
    assert run(lab, "refused", **(BRACKET | {"take_profit": "51.10"})).reason is Reason.RISK_REWARD_TOO_LOW
    for signal_id, bid, ask in (("won", "53.50", "53.53"), ("lost", "49.90", "49.93")):
        lab.control.quote("TQQQ", "50.95", "50.98", 2000, 2000)
        hold(lab, signal_id)
        lab.control.quote("TQQQ", bid, ask, 2000, 2000)
        minutes(lab, 2)
    lab.check()

    told, fills = report(lab), Fills(lab)
    quotes = arrivals(lab, fills)
    mids = {order_id: (bid + ask) / 2 for order_id, (bid, ask) in quotes.items()}
    touches = {order_id: quotes[order_id][fills.bought[order_id][0][2]["side"] == "buy"] for order_id in quotes}
    references = {order_id: fills.orders[order_id].signal_price or mids[order_id] for order_id in quotes}
    value = sum((qty * price for some in fills.bought.values() for qty, price, _ in some), ZERO)

    assert Decimal(told["counts"]["traded_dollars"]) == value
    assert Decimal(told["slippage"]["all"]["cost_dollars"]) == fills.cost(references)
    assert Decimal(told["shortfall"]["all"]["cost_dollars"]) == fills.cost(mids)
    assert Decimal(told["old_way"]["all"]["saved_dollars"]) == -fills.cost(touches)
    brackets = [fill for name, some in fills.bought.items() if fills.orders[name].kind == "bracket" for fill in some]
    paid = sum((qty * price for qty, price, _ in brackets), ZERO)
    realised = sum((qty * price for qty, price in fills.left), ZERO) - paid
    assert Decimal(told["exits"]["all"]["dollars"]) == realised
    assert {line["name"]: line["exits"] for line in told["exits"]["by_reason"]} == {"stop": 1, "target": 1}
    assert sum(line["filled"] for line in told["rungs"]) == len(fills.bought) == 5
    assert [(end["reason"], end["orders"]) for end in told["ends"]] == [("risk_reward_too_low", 1)]
    rates = {line["metric"]: line["measured"] for line in told["targets"]}
    assert Decimal(rates["RejectionRatePercent"]) == round(Decimal(100) / 6, 4)
    assert rates["FillRatePercent"] == "100.0000"
