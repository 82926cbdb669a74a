"""How records look in the table: keys, and the translation to and from DynamoDB's attribute values.

| pk              | sk                     | what                                                        |
|-----------------|------------------------|-------------------------------------------------------------|
| ORDER#<id>      | ORDER                  | the order record                                            |
| REBALANCE#<id>  | REBALANCE              | the record of a rebalance                                   |
| SIGNAL#<id>     | SIGNAL                 | which order or rebalance a signal became, and its body's hash |
| QUEUE#<symbol>  | <arrival>#<order id>   | the symbol's orders that are not over, in order of arrival  |
| QUEUE#<symbol>  | TURN                   | the order whose turn it is                                  |
| QUEUE#portfolio | <arrival>#<id>, TURN   | rebalances that are not over, and whose turn it is          |
| POSITION#<symb> | <arrival>#<order id>   | what a bracket holds, and the levels to protect it by       |
| QUEUE#<symbol>  | TURN#TRADED, #EXITED   | when an order of ours last traded, when shares last left    |
| MARKET          | CLOCK, CALENDAR        | last reading of the broker's clock, trading days            |
| MARKET          | ACCOUNT                | which account the keys belong to, as last told              |
| MARKET          | ASSETS                 | which symbols the broker trades, asked once a day           |
| MARKET          | OPENING                | plans of the open, from the spreads before it               |
| TARGETS         | CURRENT                | the targets that the market-open rebalance goes by          |
| RUN#<schedule>  | <date>                 | the run of a schedule on a day, and what it came to         |
| SETTINGS        | LAST_VALID             | the last valid settings document                            |
| DESK            | PAUSED, ACKNOWLEDGED   | when intake was paused by hand, which alerts were seen      |
| MARKET          | BOOK                   | positions and equity as last looked at, for the limits      |
| MARKET          | LOSSES                 | what strategies lost today, as the sweep last reckoned it   |
| LIMITS          | <date>                 | counters of a day's entries, for the limits that count      |
| CONTROL         | ACCOUNT, SYMBOL#<s>, STRATEGY#<n> | what is halted; the account's says `active`, too  |
| CONTROL         | ORDER#<id>             | an order or rebalance that is taken back, until it is over  |
| TRIPS           | PROTECTION, BROKER, LOSS, DRIFT | evidence upon which trading halts by itself       |
| SWEEP           | STATE                  | where the sweep goes on, and what it told of moving orders  |
| SWEEP           | COMPARED               | what the last comparison of the book found                  |
| BUDGET#<mode>   | BUDGET                 | trading requests of the last minute: one account a stack    |
| IDENTITY        | IDENTITY               | the token in our ids; the mark of the `ACCOUNT` above        |
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from repeg.domain.metrics.figures import mark_of
from repeg.domain.models import from_json, to_json
from repeg.domain.money import plain
from repeg.domain.order.fence import fenced, unfenced
from repeg.domain.order.given_up import is_looked_for
from repeg.domain.order.record import ZERO, Order

Item = dict[str, Any]

OPEN = "OPEN"
UNPUBLISHED = "UNPUBLISHED"
GIVEN_UP = "GIVEN_UP"
HELD = "HELD"
MARKED, MARKED_REWARD = "MARKED", "MARKED_REWARD"
"""Marks of entries; of brackets that bought apart, which a day of plain orders would else put out of sight."""
TURN = "TURN"
FORM = 2
"""Which form of the order record this version writes; records without a form are of the first.

A version that must not be read by this one, as what it says would be lost or misread, writes a higher one.
"""


def to_item(data: Mapping[str, str | int]) -> Item:
    """Text and whole numbers as DynamoDB attribute values."""
    return {key: {"S": value} if isinstance(value, str) else {"N": str(value)} for key, value in data.items()}


def from_item(item: Item) -> dict[str, Any]:
    """DynamoDB attribute values as text and whole numbers; what is neither stays as DynamoDB has it."""
    return {key: _plain(value) for key, value in item.items()}


def _plain(value: dict[str, Any]) -> Any:
    return int(value["N"]) if "N" in value else value.get("S", value)


def order_key(order_id: str) -> Item:
    """Key of an order record."""
    return to_item({"pk": f"ORDER#{order_id}", "sk": "ORDER"})


def signal_key(signal_id: str) -> Item:
    """Key of a signal's claim."""
    return to_item({"pk": f"SIGNAL#{signal_id}", "sk": "SIGNAL"})


def queue_key(order: Order) -> Item:
    """Key of the order's place in its symbol's queue."""
    return place_key(order.symbol, order.ask.received_wall, order.order_id)


def queue_item(order: Order) -> Item:
    """The order's place in its symbol's queue."""
    parked_until = int(order.run.parked_until.timestamp()) if order.run.parked_until else 0
    return queue_key(order) | to_item({"order_id": order.order_id, "parked_until": parked_until})


def place_key(line: str, received_wall: datetime, name: str) -> Item:
    """Key of somebody's place in a line; arrival order is wall time of intake."""
    arrival = int(received_wall.timestamp() * 1_000_000)
    # Padded, since DynamoDB sorts text: a number of one digit more would come before the others.
    return to_item({"pk": f"QUEUE#{line}", "sk": f"{arrival:020d}#{name}"})


def position_key(order: Order) -> Item:
    """Key of a bracket's entry in its symbol's list of positions, oldest first."""
    return queue_key(order) | to_item({"pk": f"POSITION#{order.symbol}"})


def position_item(order: Order) -> Item:
    """What a bracket holds and should be protected by."""
    entry = {
        "order_id": order.order_id,
        "qty": plain(order.unexited_qty),
        "side": order.trading_side,
        "stop_loss": plain(order.guard.stop_loss or ZERO),
        "take_profit": plain(order.guard.take_profit or ZERO),
        "gsi2pk": HELD,
        "gsi2sk": f"{order.symbol}#{order.order_id}",
    }
    return position_key(order) | to_item(entry)


def turn_key(symbol: str) -> Item:
    """Key of the symbol's turn."""
    return to_item({"pk": f"QUEUE#{symbol}", "sk": TURN})


class Traded(NamedTuple):
    """When an order of ours last traded a symbol, in market time, and shares that a plain order bought (+) or sold."""

    at: datetime
    qty: Decimal = ZERO


def traded_item(symbol: str, how: str, traded: Traded) -> Item:
    """When an order of the symbol last traded (`TRADED`), or shares of a position were last exited (`EXITED`)."""
    key = {"pk": f"QUEUE#{symbol}", "sk": f"TURN#{how}"}
    return to_item(key | {"at": traded.at.isoformat(), "qty": plain(traded.qty)})


def item_traded(item: Item) -> Traded:
    """What `traded_item` wrote; an older version wrote no quantity."""
    data = from_item(item)
    return Traded(datetime.fromisoformat(data["at"]), Decimal(data.get("qty", "0")))


class Line(NamedTuple):
    """A symbol's line: who has the turn, and who stands in line, in order of arrival, parked until (epoch seconds)."""

    holder: str | None
    waiting: list[tuple[str, int]]

    def first(self, now: datetime) -> str | None:
        """The first that is not parked for later than `now`, or None."""
        return next((order_id for order_id, parked_until in self.waiting if parked_until <= int(now.timestamp())), None)


def line_of(items: Iterable[Item]) -> Line:
    """The line that all items of a symbol's queue make."""
    found = [from_item(item) for item in items]
    holder = next((item["order_id"] for item in found if item["sk"] == TURN), None)
    return Line(holder, [(item["order_id"], item["parked_until"]) for item in found if "parked_until" in item])


def order_item(order: Order) -> Item:
    """The order record with the index attributes that its state calls for."""
    # Fence and status are attributes, for conditions can read them; the rest is one string, as its conversion to a
    # nested map took more processor time than all else in a step.
    attributes: dict[str, Any] = {
        "pk": f"ORDER#{order.order_id}",
        "sk": "ORDER",
        "status": order.status.value,
        "symbol": order.symbol,
        "signal_id": order.signal_id,
        "executions": order.run.executions,
        "version": order.run.version,
        "form": FORM,
        "gsi1pk": "ORDERS",
        "gsi1sk": f"{order.ask.received_wall.isoformat()}#{order.order_id}",
        "order": to_json(unfenced(order)),
    }
    if order.run.execution_arn:
        attributes["execution_arn"] = order.run.execution_arn
    # Only what the sweep has to see is indexed, so that it reads a page a minute however many orders there were.
    over = (GIVEN_UP if is_looked_for(order) else None) if order.run.published else UNPUBLISHED
    to_do = over if order.status.terminal else OPEN
    if to_do:
        attributes |= {"gsi2pk": to_do, "gsi2sk": attributes["gsi1sk"]}
    # Beside the outcome, in the write that records it: a figure lacks no order, whoever dies then.
    mark = mark_of(order)
    if mark:
        attributes |= {
            "gsi3pk": MARKED if mark.risk_reward is None else MARKED_REWARD,
            "gsi3sk": attributes["gsi1sk"],
            "mark": to_json(mark),
        }
    return to_item(attributes)


def item_order(item: Item) -> Order:
    """The order record of an item.

    Raises:
        ValueError: it cannot be read, or a later version wrote it in a form that this one does not know.
    """
    data = from_item(item)
    text, form = data["order"], data.get("form", 1)
    # Parts that go by other names there would be read as empty: no protection, no exits, and shares sold twice.
    if form > FORM:
        raise ValueError(f"the record is of form {form}, this version reads up to {FORM}")
    if form == 1:
        from repeg.store.old_records import upgraded  # a function that starts cold meets none of these

        try:
            text = json.dumps(upgraded(json.loads(text)))
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"no order record of the first form: {error!r}") from error
    # A field that a later version added to this form is passed over.
    order = from_json(text, Order)
    execution_arn = data.get("execution_arn")
    return fenced(order, executions=int(data["executions"]), version=int(data["version"]), execution_arn=execution_arn)
