"""Brackets: entered near the signal's price or not at all, protected from what was paid, and left in good order."""

from __future__ import annotations

from desk.demo.story import MARKET, Act, Event, Expected, Part, Story, Touch, moves


def _bracket(name: str, symbol: str, qty: int, signal: str, stop: str, target: str, **more: object) -> Event:
    return {
        "signal_id": f"demo-{name}",
        "kind": "bracket",
        "strategy": "demo",
        "symbol": symbol,
        "side": "buy",
        "qty": qty,
        "signal_price": signal,
        "stop_loss": stop,
        "take_profit": target,
    } | more


PROTECTED = Story(
    "CRWD buy: filled, protected from its fill",
    _bracket("crwd", "CRWD", 25, "534.82", "529.47", "545.52"),
    Expected(
        "filled",
        ladder="smart_limit",
        limits=("535.09",),
        fills=(("25", "534.95"),),
        stop="529.60",
        target="545.65",
        risk_reward="2.00",
        protected=True,
    ),
    quote=Touch("534.90", "534.95"),
)
REWARD_TOO_LOW = Story(
    "AMD buy: too little reward for its risk",
    _bracket("reward", "AMD", 40, "240.00", "237.60", "244.80", exit_anchor="signal"),
    Expected("rejected", "risk_reward_too_low", ladder="smart_limit", risk_reward="1.89"),
    quote=Touch("240.05", "240.09"),
)
THROUGH_THE_STOP = Story(
    "COIN buy: already through the stop",
    _bracket("through", "COIN", 20, "251.30", "248.79", "256.32"),
    Expected("rejected", "stop_through", ladder="smart_limit"),
    quote=Touch("248.40", "248.50"),
)
SHORT = Story(
    "TSLA short: protected, target hit",
    _bracket("short", "TSLA", 10, "402.10", "406.12", "394.06", side="sell"),
    Expected(
        "filled",
        ladder="smart_limit",
        limits=("401.90",),
        fills=(("10", "402.12"),),
        stop="406.14",
        target="394.08",
        risk_reward="2.00",
        leaves=("target", "10", "394.05"),
    ),
    quote=Touch("402.12", "402.18"),
    # Its protection is the only buy order, and is seen live long before.
    script=(moves({"symbol": "TSLA", "event": "new", "side": "buy"}, Touch("393.98", "394.05"), after=20),),
)
FALLEN = Story(
    "NVDA buy: falls before it is protected",
    _bracket("fallen", "NVDA", 30, "188.40", "186.51", "192.18"),
    Expected(
        "unwound",
        "protection_failed",
        # Who looks before the protection is tried sees that the stop is passed, and tries none.
        reason_when_slow="stop_through",
        ladder="smart_limit",
        limits=("188.49",),
        fills=(("30", "188.39"),),
        stop="186.50",
        target="192.17",
        risk_reward="2.00",
        protected=False,
        leaves=("unwind", "30", "186.20"),
    ),
    quote=Touch("188.36", "188.39"),
    script=(moves({"symbol": "NVDA", "event": "filled", "side": "buy"}, Touch("186.20", "186.26")),),
)
OUT_OF_TIME = Story(
    "PLTR buy: 60 s are over, a part filled",
    _bracket("timeout", "PLTR", 25, "61.20", "60.59", "62.42"),
    Expected(
        "partially_filled",
        "fill_timeout",
        ladder="smart_limit",
        limits=("61.23",),
        fills=(("10", "61.23"),),
        stop="60.62",
        target="62.45",
        risk_reward="2.00",
        protected=True,
    ),
    quote=Touch("61.22", "61.25"),
    script=(moves({"symbol": "PLTR", "event": "new"}, Touch("61.20", "61.23", 10), after=56),),
)

RAN = Touch("535.95", "536.00")
RAN_TO_536 = Story(
    "CRWD buy: the market ran to 536.00",
    _bracket("crwd-ran", "CRWD", 25, "534.82", "529.47", "536.87"),
    Expected("rejected", "slippage_exceeded", ladder="smart_limit"),
    quote=RAN,
)
CLOSED_POSITION = Story(
    "PLTR close: protection taken down, sold",
    {"signal_id": "demo-close", "kind": "close", "strategy": "demo", "symbol": "PLTR"},
    Expected(
        "filled",
        ladder="unwind",
        limits=("61.39",),
        fills=(("10", "61.40"),),
        leaves=("close", "10", "61.40"),
    ),
    quote=Touch("61.40", "61.43"),
    holder=OUT_OF_TIME.signal_id,
)
AFTER_HOURS = Story(
    "META buy: extended hours are off",
    _bracket("extended", "META", 8, "610.40", "604.30", "622.60", extended_hours=True),
    Expected("rejected", "extended_hours_disabled", ladder="smart_limit"),
    quote=Touch("610.30", "610.45"),
)
THE_OLD_WAY = Story(
    "CRWD buy: smart executor off",
    _bracket("crwd-old", "CRWD", 25, "534.82", "529.47", "536.87"),
    Expected(
        "filled",
        ladder="market",
        limits=(MARKET,),
        fills=(("25", "536.00"),),
        stop="529.47",
        target="536.87",
        risk_reward="0.13",
        protected=True,
    ),
    quote=RAN,
)

SMART_EXECUTOR = Part(
    "Smart Order Executor",
    (
        Act(
            "Monday 10:00, brackets",
            "2026-11-23T10:00:00-05:00",
            (PROTECTED, REWARD_TOO_LOW, THROUGH_THE_STOP, SHORT, FALLEN, OUT_OF_TIME),
        ),
        Act("Monday 10:05, CRWD has run to 536.00", "2026-11-23T10:05:00-05:00", (RAN_TO_536, CLOSED_POSITION)),
        Act("Monday 17:00, after the close", "2026-11-23T17:00:00-05:00", (AFTER_HOURS,)),
    ),
)
