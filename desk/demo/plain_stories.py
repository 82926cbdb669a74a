"""Plain orders: limits that follow the market within a cap, and the market's own hours."""

from __future__ import annotations

from desk.demo.story import MARKET, Act, Event, Expected, Part, Story, Touch, moves, when_live


def _order(name: str, side: str, qty: int, symbol: str) -> Event:
    return {
        "signal_id": f"demo-{name}",
        "kind": "order",
        "strategy": "demo",
        "symbol": symbol,
        "side": side,
        "qty": qty,
    }


FILLED_AT_ONCE = Story(
    "TQQQ buy: filled at once",
    _order("buy", "buy", 100, "TQQQ"),
    Expected("filled", ladder="better_orders", limits=("50.99",), fills=(("100", "50.98"),)),
    quote=Touch("50.95", "50.98"),
)
SOLD_AT_ONCE = Story(
    "TQQQ sell: takes its turn, filled at once",
    _order("sell", "sell", 100, "TQQQ"),
    Expected("filled", ladder="better_orders", limits=("50.94",), fills=(("100", "50.95"),)),
)
REPEGGED = Story(
    "SOXL buy: thin offer, the rest on a re-peg",
    _order("repeg", "buy", 100, "SOXL"),
    Expected(
        "filled",
        ladder="better_orders",
        limits=("28.44", "28.46"),
        fills=(("40", "28.43"), ("60", "28.45")),
        repegs=1,
    ),
    quote=Touch("28.40", "28.43", 40),
    script=(moves({"symbol": "SOXL", "event": "fill"}, Touch("28.42", "28.45", 500)),),
)
MARKET_FALLBACK = Story(
    "SPXL buy: price climbs, market fallback",
    _order("fallback", "buy", 40, "SPXL"),
    Expected(
        "filled",
        ladder="better_orders",
        limits=("168.25", "168.31", "168.37", MARKET),
        fills=(("40", "168.42"),),
        repegs=2,
        market_fallback=True,
    ),
    quote=Touch("168.20", "168.24"),
    script=(
        when_live("SPXL", 1, Touch("168.26", "168.30")),
        when_live("SPXL", 2, Touch("168.32", "168.36")),
        when_live("SPXL", 3, Touch("168.38", "168.42")),
    ),
)
RAN_AWAY = Story(
    "TECL buy: price runs away, no chase",
    _order("ran-away", "buy", 30, "TECL"),
    Expected(
        "unfilled",
        "slippage_exceeded",
        ladder="better_orders",
        limits=("112.45", "112.51", "112.58", "112.64"),
        repegs=2,
    ),
    quote=Touch("112.40", "112.44"),
    script=(
        when_live("TECL", 1, Touch("112.46", "112.50")),
        when_live("TECL", 2, Touch("112.53", "112.57")),
        when_live("TECL", 3, Touch("112.80", "112.84")),
    ),
)
STANDARD = Story(
    "AAPL buy: from mid towards the ask",
    _order("standard", "buy", 20, "AAPL"),
    Expected(
        "filled",
        ladder="standard",
        limits=("272.14", "272.15", "272.16"),
        fills=(("20", "272.16"),),
        repegs=2,
    ),
    quote=Touch("272.10", "272.18"),
    script=(when_live("AAPL", 3, Touch("272.10", "272.16")),),
)
CLOSED = Story(
    "MSFT buy: the market is closed",
    _order("closed", "buy", 5, "MSFT"),
    Expected("rejected", "market_closed", ladder="standard"),
    quote=Touch("512.30", "512.40"),
)
WIDE_OPEN = Story(
    "LABU buy: waits for the open to narrow",
    _order("open", "buy", 30, "LABU"),
    Expected(
        "filled",
        ladder="better_orders",
        limits=("95.09",),
        fills=(("30", "95.08"),),
        first_sent_from="2026-11-24T09:30:20-05:00",
    ),
    quote=Touch("95.00", "95.12"),
    script=({"at": "2026-11-24T09:30:20-05:00", "symbol": "LABU", **Touch("95.05", "95.08").fields},),
)

BETTER_ORDERS = Part(
    "Better Orders",
    (
        Act(
            "Friday 10:00, regular session",
            "2026-11-20T10:00:00-05:00",
            (FILLED_AT_ONCE, SOLD_AT_ONCE, REPEGGED, MARKET_FALLBACK, RAN_AWAY, STANDARD),
        ),
        Act("Friday 18:00, market closed", "2026-11-20T18:00:00-05:00", (CLOSED,)),
    ),
)
