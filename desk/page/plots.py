"""The plots of the report, each from its part of the document; empty where there is nothing to draw."""

from __future__ import annotations

from datetime import datetime
from itertools import accumulate
from typing import Any

from desk.page.drawing import (
    ACCENT,
    BAD,
    BAND,
    GOOD,
    INK,
    MUTED,
    SOFT,
    Spec,
    across,
    drawn,
    name,
    names,
    number,
    values,
)

View = dict[str, Any]
FEWEST_MINUTES = 5
_DAYS_NAMED = 6
_SMOOTHED = 7
"""Minutes to either side."""


def distribution(section: View, what: str) -> str:
    """How many orders cost how much, in bps."""
    bars = section["histogram"]
    closed = [bar for bar in bars if bar["low"] is not None and bar["high"] is not None]
    if not closed:
        return ""
    width = float(closed[0]["high"]) - float(closed[0]["low"])
    rows = [_bar(bar, width) for bar in bars]
    shown = {
        "data": values(rows),
        "mark": {"type": "rect", "stroke": "var(--card)", "strokeWidth": 0.8},
        "encoding": {
            "x": number("low", "basis points, + is cost", axis={"tickCount": 6}),
            "x2": {"field": "high"},
            "y": number("orders", "orders", axis={"values": _whole(rows), "format": "d"}, scale={"zero": True}),
            "y2": {"datum": 0},
            "color": {"field": "open", "type": "nominal", "legend": None, "scale": _colours(False, ACCENT, SOFT)},
        },
    }
    average = across(float(section["all"]["average_bps"] or 0), INK, vertical=True)
    return drawn([shown, average], f"{what} of orders in basis points")


def _whole(rows: list[Spec]) -> list[int]:
    """Some five counts from nothing to the most, of which none is a half."""
    most = max(row["orders"] for row in rows)
    step = next(size for size in (unit * 10**zeros for zeros in range(9) for unit in (1, 2, 5)) if size * 5 >= most)
    return [*range(0, most + 1, step)]


def _bar(bar: View, width: float) -> Spec:
    low = float(bar["low"]) if bar["low"] is not None else float(bar["high"]) - width
    high = float(bar["high"]) if bar["high"] is not None else low + width
    return {"low": low, "high": high, "orders": bar["orders"], "open": bar["low"] is None or bar["high"] is None}


def _colours(first: Any, one: str, other: str) -> Spec:
    return {"domain": [first, not first], "range": [one, other]}


def intervals(groups: dict[str, list[View]], of: str, what: str) -> str:
    """Averages with their intervals, a row for each group and name; `of` is the field's stem, as in `average_bps`."""
    rows = [
        {
            "group": group,
            "name": _words(each["name"]),
            "value": float(each[f"{of}_bps"]),
            "low": float(each["low_bps"] or each[f"{of}_bps"]),
            "high": float(each["high_bps"] or each[f"{of}_bps"]),
        }
        for group, some in groups.items()
        for each in some
        if each[f"{of}_bps"] is not None
    ]
    if not rows:
        return ""
    side = names(rows, 130)
    data = values(rows)
    layers = [
        across(0, MUTED, vertical=True, dash=False),
        {
            "data": data,
            "mark": {"type": "rule", "stroke": ACCENT, "strokeWidth": 5, "opacity": 0.35, "strokeCap": "round"},
            "encoding": {"y": side, "x": number("low", "basis points"), "x2": {"field": "high"}},
        },
        {
            "data": data,
            "mark": {"type": "point", "filled": True, "size": 70, "color": ACCENT, "opacity": 1},
            "encoding": {"y": side, "x": number("value", "basis points", axis={"grid": True, "tickCount": 5})},
        },
    ]
    return drawn(layers, what, height=26 * len(rows) + 12, width=240)


def by_minute(section: View, what: str) -> str:
    """Cost by minute of the day, and its course."""
    minutes = [each for each in section["by_minute"] if each["average_bps"] is not None]
    if len(minutes) < FEWEST_MINUTES:
        return ""
    rows = [
        {"at": _minutes(each["minute"]), "bps": float(each["average_bps"]), "orders": each["orders"]}
        for each in minutes
    ]
    first, last = rows[0]["at"], rows[-1]["at"]
    ticks = [at for at in range(first - first % 60, last + 60, 60) if first <= at <= last] or [first]
    hours = "floor(datum.value / 60) + ':' + format(datum.value % 60, '02d')"
    at = number("at", "New York time", scale={"domain": [first, last], "nice": False})
    at["axis"] = {"values": ticks, "labelExpr": hours}
    low, high = _middle([row["bps"] for row in rows])
    bps = number("bps", "basis points", scale={"domain": [low, high], "clamp": True}, axis={"tickCount": 5})
    course = {"window": [{"op": "mean", "field": "bps", "as": "smooth"}], "frame": [-_SMOOTHED, _SMOOTHED]}
    layers: list[Spec] = [
        across(0, MUTED, dash=False),
        {
            "data": values(rows),
            "mark": {"type": "point", "filled": True, "color": ACCENT, "opacity": 0.4},
            "encoding": {"x": at, "y": bps, "size": number("orders", legend=None, scale={"range": [12, 90]})},
        },
        {
            "data": values(rows),
            "transform": [course],
            "mark": {"type": "line", "stroke": INK, "strokeWidth": 1.6},
            "encoding": {"x": at, "y": {**bps, "field": "smooth"}},
        },
    ]
    return drawn(layers, f"{what} by minute of the day")


def _middle(found: list[float]) -> tuple[float, float]:
    """A range that a few odd minutes do not stretch: what lies beyond is drawn at its edge."""
    known = sorted(found)
    cut = len(known) // 50
    low, high = min(0.0, known[cut]), max(0.0, known[-1 - cut])
    return (low, high) if high > low else (low - 1, high + 1)


def _minutes(text: str) -> int:
    hours, minutes = text.split(":")
    return int(hours) * 60 + int(minutes)


def time_to_fill(fills: View) -> str:
    """Which part of the entries that were sent was filled by when."""
    rows = [{"seconds": float(each["seconds"]), "share": float(each["share"]) * 100} for each in fills["by_seconds"]]
    if not rows:
        return ""
    ticks = [0.25, 1, 2.5, 5, 10, 20, 60, 600]
    scale = {"type": "log", "domain": [0.25, 600]}
    seconds = number(
        "seconds", "seconds from the first child order", scale=scale, axis={"values": ticks, "format": "~g"}
    )
    share = number("share", "% filled", scale={"domain": [0, 100]}, axis={"tickCount": 5})
    data = values(rows)
    both = {"x": seconds, "y": share}
    layers: list[Spec] = [
        {"data": data, "mark": {"type": "area", "color": BAND, "opacity": 1}, "encoding": both},
        {"data": data, "mark": {"type": "line", "stroke": ACCENT, "strokeWidth": 2}, "encoding": both},
        {"data": data, "mark": {"type": "point", "filled": True, "color": ACCENT, "size": 22}, "encoding": both},
        across(90, GOOD),
        {
            "data": values([{"at": 60}]),
            "mark": {"type": "rule", "stroke": GOOD, "strokeDash": [4, 3]},
            "encoding": {"x": {**seconds, "field": "at"}},
        },
    ]
    return drawn(layers, "share of entries filled within so many seconds")


def rungs(lines: list[View]) -> str:
    """What each rung was given, and what it filled."""
    rows = [
        {
            "name": f"{_words(line['ladder'])} {line['rung']}" + (", market" if line["market"] else ""),
            "reached": line["reached"],
            "filled": line["filled"],
            "told": f"{line['filled']:,} of {line['reached']:,}",
        }
        for line in lines
    ]
    if not rows:
        return ""
    side = names(rows, 150)
    data = values(rows)
    most = max(row["reached"] for row in rows)
    orders = number("reached", "orders", scale={"domain": [0, most * 1.28], "nice": False}, axis=None)
    layers = [
        {
            "data": data,
            "mark": {"type": "bar", "color": BAND, "height": 14},
            "encoding": {"y": side, "x": orders},
        },
        {
            "data": data,
            "mark": {"type": "bar", "color": ACCENT, "height": 14},
            "encoding": {"y": side, "x": {**orders, "field": "filled"}},
        },
        {
            "data": data,
            "mark": {"type": "text", "align": "left", "dx": 6},
            "encoding": {"y": side, "x": orders, "text": name("told")},
        },
    ]
    return drawn(layers, "orders that came to each rung, and were filled there", height=22 * len(rows) + 6, width=230)


def over_days(lines: list[View], field: str, title: str) -> str:
    """Dollars by day as bars, and what they add up to as a line."""
    if len(lines) < 2:
        return ""
    found = [float(line[field]) for line in lines]
    rows = [
        {"day": line["name"], "dollars": each, "total": total, "gain": each >= 0}
        for line, each, total in zip(lines, found, accumulate(found), strict=True)
    ]
    # A day is a date here, wherever the page is made: its ticks are whole days, and none is named twice.
    axis = {"format": "%d %b", "tickCount": {"interval": "day", "step": -(-len(rows) // _DAYS_NAMED)}}
    day = {"field": "day", "type": "temporal", "title": None, "axis": axis, "scale": {"type": "utc", "padding": 10}}
    # By its own format nothing is $0k, and a fifth of a dollar $200m.
    worded = "format(datum.value, abs(datum.value) < 1000 ? '$,.2~f' : '$,~s')"
    dollars = number("dollars", title, axis={"labelExpr": worded, "tickCount": 5})
    bar = {"type": "bar", "width": max(2, min(14, 240 // len(rows)))}
    colour = {"field": "gain", "type": "nominal", "legend": None, "scale": _colours(True, GOOD, BAD)}
    data = values(rows)
    layers: list[Spec] = [
        across(0, MUTED, dash=False),
        {"data": data, "mark": bar, "encoding": {"x": day, "y": dollars, "color": colour}},
        {
            "data": data,
            "mark": {
                "type": "line",
                "stroke": INK,
                "strokeWidth": 1.6,
                "point": {"filled": True, "color": INK, "size": 18},
            },
            "encoding": {"x": day, "y": {**dollars, "field": "total"}},
        },
    ]
    return drawn(layers, title)


def _prices(drawn_at: list[float]) -> Spec:
    """An axis of prices that there are: between two of them a tick would be named like one of both."""
    low, high = min(drawn_at), max(drawn_at)
    digits = 2 if low >= 1 else 4
    first, last = round(low * 10**digits), round(high * 10**digits)
    step = next(
        each for power in range(12) for each in (10**power, 2 * 10**power, 5 * 10**power) if (last - first) / each <= 4
    )
    named = range(-(-first // step) * step, last + 1, step)
    return {"values": [at / 10**digits for at in named], "format": f",.{digits}f"}


def timeline(order: View) -> str:
    """An order's child orders over the quotes that it was priced by."""
    steps = [step for step in order["steps"] if step["bid"] and step["ask"]]
    if not steps:
        return ""
    began = datetime.fromisoformat(steps[0]["sent_at"])

    def seconds(at: str) -> float:
        return round((datetime.fromisoformat(at) - began).total_seconds(), 3)

    ends = [seconds(step["closed_at"] or step["sent_at"]) for step in steps]
    last = max([*ends, 0.05])
    quotes = [{"t": seconds(step["sent_at"]), "bid": float(step["bid"]), "ask": float(step["ask"])} for step in steps]
    quotes.append({**quotes[-1], "t": last})
    limits = [
        {"t": seconds(step["sent_at"]), "end": end, "limit": float(step["limit_price"])}
        for step, end in zip(steps, ends, strict=True)
        if step["limit_price"]
    ]
    filled = [
        {"t": end, "price": float(step["price"]), "qty": float(step["filled_qty"])}
        for step, end in zip(steps, ends, strict=True)
        if step["price"]
    ]
    at = number("t", "seconds", scale={"domain": [0, last], "nice": False}, axis={"tickCount": 5})
    drawn_at = [*(q["bid"] for q in quotes), *(q["ask"] for q in quotes), *(each["limit"] for each in limits)]
    level: Spec = {"scale": {"zero": False, "padding": 8}, "axis": _prices([*drawn_at, *(f["price"] for f in filled)])}
    layers: list[Spec] = [
        {
            "data": values(quotes),
            "mark": {"type": "area", "interpolate": "step-after", "color": BAND, "opacity": 1},
            "encoding": {"x": at, "y": number("bid", **level), "y2": {"field": "ask"}},
        },
        *(
            {
                "data": values(quotes),
                "mark": {"type": "line", "interpolate": "step-after", "stroke": MUTED, "strokeWidth": 1},
                "encoding": {"x": at, "y": number(side, **level)},
            }
            for side in ("bid", "ask")
        ),
        {
            "data": values(limits),
            "mark": {"type": "rule", "stroke": ACCENT, "strokeWidth": 2.5, "strokeCap": "round"},
            "encoding": {"x": at, "x2": {"field": "end"}, "y": number("limit", **level)},
        },
        {
            "data": values(filled),
            "mark": {"type": "point", "filled": True, "size": 75, "color": INK, "opacity": 1, "clip": False},
            "encoding": {"x": at, "y": number("price", **level)},
        },
    ]
    touch = order["arrival_ask"] if order["side"] == "buy" else order["arrival_bid"]
    if touch:
        layers.append(across(float(touch), BAD))
    return drawn(layers, f"{order['side']} {order['symbol']}: limits and fills over bid and ask", height=130)


def _words(text: str) -> str:
    return text.replace("_", " ").replace("etf", "ETF")
