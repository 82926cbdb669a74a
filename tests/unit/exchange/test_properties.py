"""Properties that hold whatever orders, quotes, cancels and pauses come, in whatever order."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.exchange.virtual import VirtualExchange, order_body

CASH = Decimal(100_000)
QUOTE = st.tuples(st.just("quote"), st.integers(990, 1010), st.integers(0, 4), st.integers(0, 300))
ORDER = st.tuples(
    st.just("order"),
    st.sampled_from(["buy", "sell"]),
    st.sampled_from(["1", "7", "120", "0.5", "33.25"]),
    st.one_of(st.none(), st.integers(985, 1015)),
)
GROUP = st.tuples(
    st.just("group"), st.sampled_from(["bracket", "oto", "oco"]), st.sampled_from(["buy", "sell"]), st.integers(1, 9)
)
STOP = st.tuples(
    st.just("stop"), st.sampled_from(["buy", "sell"]), st.sampled_from(["stop", "trailing_stop"]), st.integers(1, 9)
)
REPLACE = st.tuples(st.just("replace"), st.integers(0, 5), st.integers(1, 120), st.integers(985, 1015))
CANCEL = st.tuples(st.just("cancel"), st.integers(0, 5))
PAUSE = st.tuples(st.just("pause"), st.sampled_from(["0.01", "0.03", "0.07", "0.5", "2"]))
ACTIONS = st.lists(st.one_of(QUOTE, ORDER, CANCEL, PAUSE), max_size=30)
ALL_ACTIONS = st.lists(st.one_of(QUOTE, ORDER, GROUP, STOP, REPLACE, CANCEL, PAUSE), max_size=40)


def price(cents: int) -> str:
    return str(Decimal(cents) / 100)


def play(actions: list[tuple[object, ...]], partial_fills: str) -> VirtualExchange:
    exchange = VirtualExchange()
    exchange.control("PUT", "settings", {"partial_fill_probability": partial_fills, "rate_limit": 10_000})
    exchange.quote("TQQQ", "9.99", "10.01", 100, 100)
    for action in actions:
        match action:
            case ("quote", int(bid), int(width), int(size)):
                exchange.quote("TQQQ", price(bid), price(bid + width), size, size)
            case ("order", str(side), str(qty), limit):
                cents = price(limit) if isinstance(limit, int) else None
                exchange.send("POST", "/v2/orders", order_body("TQQQ", side, qty, cents))
            case ("group", str(kind), str(side), int(width)):
                exchange.send("POST", "/v2/orders", group(kind, side, width))
            case ("stop", str(side), str(kind), int(away)):
                at = price(1000 + away if side == "buy" else 1000 - away)
                stop = {"stop_price": at} if kind == "stop" else {"trail_price": price(away)}
                body = order_body("TQQQ", side, "7", type=kind, time_in_force="gtc", **stop)
                exchange.send("POST", "/v2/orders", body)
            case ("replace", int(nth), int(shares), int(cents)):
                orders = exchange.ok("GET", "/v2/orders", status="all", limit=500)
                if nth < len(orders):
                    named = {"limit_price": price(cents)} if orders[nth]["limit_price"] else {}
                    body = named if orders[nth]["order_class"] else {"qty": shares, **named}
                    exchange.send("PATCH", f"/v2/orders/{orders[nth]['id']}", body)
            case ("cancel", int(nth)):
                orders = exchange.ok("GET", "/v2/orders")
                if nth < len(orders):
                    exchange.send("DELETE", f"/v2/orders/{orders[nth]['id']}")
            case ("pause", str(seconds)):
                exchange.advance(seconds)
    return exchange


def group(kind: str, side: str, width: int) -> dict[str, object]:
    """An entry or an exit at the market with exits `width` cents to both sides of ten dollars."""
    up, down = price(1000 + width), price(1000 - width)
    exit_side = side if kind == "oco" else {"buy": "sell", "sell": "buy"}[side]
    target, stop = (up, down) if exit_side == "sell" else (down, up)
    legs: dict[str, object] = {"stop_loss": {"stop_price": stop}}
    if kind != "oto":
        legs["take_profit"] = {"limit_price": target}
    more = {"type": "limit"} if kind == "oco" else {}
    return order_body("TQQQ", side, "7", order_class=kind, time_in_force="gtc", **more) | legs


@settings(max_examples=150, deadline=None)
@given(ALL_ACTIONS, st.sampled_from(["0", "0.5"]), st.booleans())
def test_groups_and_replacements_never_trade_more_than_was_asked(
    actions: list[tuple[object, ...]], partial_fills: str, settle: bool
) -> None:
    exchange = play(actions, partial_fills)
    if settle:
        # Nothing that is about to be replaced can be cancelled.
        exchange.advance(1)
        exchange.ok("DELETE", "/v2/orders")
    exchange.advance(5)
    orders = {o["id"]: o for o in exchange.ok("GET", "/v2/orders", status="all", limit=500)}
    bought: dict[str, Decimal] = defaultdict(Decimal)
    shares = Decimal(0)
    for fill in exchange.journal("fill"):
        bought[fill["order_id"]] += Decimal(fill["qty"])
        shares += Decimal(fill["qty"]) * (1 if fill["side"] == "buy" else -1)
    held = {p["symbol"]: Decimal(p["qty"]) for p in exchange.ok("GET", "/v2/positions")}
    assert held.get("TQQQ", Decimal(0)) == shares
    for order in orders.values():
        assert Decimal(order["filled_qty"]) <= Decimal(order["qty"])
        if order["replaces"] is None:
            assert bought[order["id"]] == Decimal(order["filled_qty"])
        elif order["status"] == "replaced" or bought[order["id"]]:
            chain = bought[order["id"]] + Decimal(orders[order["replaces"]]["filled_qty"])
            assert chain == Decimal(order["filled_qty"])
        assert not (settle and order["status"] in ("held", "new", "partially_filled", "pending_cancel"))


@settings(max_examples=100, deadline=None)
@given(ALL_ACTIONS)
def test_a_group_never_sells_its_shares_twice(actions: list[tuple[object, ...]]) -> None:
    exchange = play(actions, "0")
    exchange.advance(5)
    sold: dict[str, Decimal] = defaultdict(Decimal)
    asked: dict[str, Decimal] = {}
    for order in exchange.ok("GET", "/v2/orders", status="all", limit=500, nested="true"):
        if order["order_class"] != "oco" or order["status"] == "replaced":
            continue
        asked[order["id"]] = Decimal(order["qty"])
        sold[order["id"]] = sum((Decimal(o["filled_qty"]) for o in [order, *(order["legs"] or [])]), Decimal(0))
    assert all(sold[group_id] <= asked[group_id] for group_id in asked)


@settings(max_examples=120, deadline=None)
@given(ACTIONS, st.sampled_from(["0", "0.5"]))
def test_the_books_always_balance(actions: list[tuple[object, ...]], partial_fills: str) -> None:
    exchange = play(actions, partial_fills)
    exchange.advance(3)
    fills = exchange.journal("fill")
    by_order: dict[str, Decimal] = defaultdict(Decimal)
    cash, shares = CASH, Decimal(0)
    for fill in fills:
        qty, paid = Decimal(fill["qty"]), Decimal(fill["price"])
        sign = 1 if fill["side"] == "buy" else -1
        by_order[fill["order_id"]] += qty
        cash, shares = cash - sign * qty * paid, shares + sign * qty
        assert paid == Decimal(fill["ask"] if sign > 0 else fill["bid"])
    account = exchange.ok("GET", "/v2/account")
    held = {p["symbol"]: Decimal(p["qty"]) for p in exchange.ok("GET", "/v2/positions")}
    assert Decimal(account["cash"]) == cash
    assert held.get("TQQQ", Decimal(0)) == shares
    for order in exchange.ok("GET", "/v2/orders", status="all", limit=500):
        filled, asked = Decimal(order["filled_qty"]), Decimal(order["qty"])
        assert filled == by_order[order["id"]]
        assert filled <= asked
        assert (filled == asked) == (order["status"] == "filled")


@settings(max_examples=80, deadline=None)
@given(ACTIONS)
def test_limits_are_kept_and_no_quote_gives_more_than_it_shows(actions: list[tuple[object, ...]]) -> None:
    exchange = play(actions, "0")
    exchange.advance(3)
    limits: dict[str, Decimal | None] = {}
    given_by_quote: dict[str, Decimal] = {}
    for entry in exchange.journal():
        if entry["type"] == "quote":
            given_by_quote = {"buy": Decimal(entry["ask_size"]), "sell": Decimal(entry["bid_size"])}
        elif entry["type"] == "order" and entry["event"] == "accepted":
            limits[entry["order_id"]] = Decimal(entry["limit_price"]) if entry["limit_price"] else None
        elif entry["type"] == "fill" and (limit := limits[entry["order_id"]]) is not None:
            improvement = (limit - Decimal(entry["price"])) * (1 if entry["side"] == "buy" else -1)
            assert improvement >= 0
            given_by_quote[entry["side"]] -= Decimal(entry["qty"])
            assert given_by_quote[entry["side"]] >= 0


@settings(max_examples=40, deadline=None)
@given(ALL_ACTIONS)
def test_time_runs_forward_and_a_final_order_stays_final(actions: list[tuple[object, ...]]) -> None:
    exchange = play(actions, "0.5")
    exchange.advance(3)
    entries = exchange.journal()
    assert [entry["seq"] for entry in entries] == list(range(1, len(entries) + 1))
    assert all(one["at"] <= two["at"] for one, two in pairwise(entries))
    ended: set[str] = set()
    for entry in (e for e in entries if e["type"] == "order"):
        assert entry["order_id"] not in ended
        if entry["event"] in ("filled", "canceled", "expired", "rejected", "replaced"):
            ended.add(entry["order_id"])


@settings(max_examples=20, deadline=None)
@given(ALL_ACTIONS)
def test_the_same_actions_give_the_same_journal(actions: list[tuple[object, ...]]) -> None:
    assert play(actions, "0.5").journal() == play(actions, "0.5").journal()
