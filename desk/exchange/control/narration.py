"""One line of text for a journal entry that somebody at a terminal wants to see."""

from __future__ import annotations

from typing import Any

from desk.exchange.market.moments import eastern, parse_instant

Entry = dict[str, Any]


def line(entry: Entry) -> str | None:
    """What happened, as `10:00:00.070 fill      buy 10 TQQQ at 50.98`; None for what is only noise (reads, quotes)."""
    what = _LINES.get(entry["type"], lambda _: None)(entry)
    if what is None:
        return None
    at = eastern(parse_instant(entry["at"]))
    return f"{at:%H:%M:%S}.{at.microsecond // 1000:03d} {what}"


def _request(entry: Entry) -> str | None:
    # What went well shows by what it did, an order or a cancel; what went wrong leaves no other trace.
    if entry["status"] and entry["status"] < 400 and "fault" not in entry:
        return None
    outcome = str(entry["status"]) if entry["status"] else "connection cut"
    said = f" {entry['message']}" if "message" in entry else ""
    fault = f" (fault: {entry['fault']})" if "fault" in entry else ""
    return f"{'refused' if said else 'request':<16} {entry['method']} {entry['path']}: {outcome}{said}{fault}"


def _order(entry: Entry) -> str:
    amount = entry["qty"] or f"${entry['notional']}"
    prices = [f"{name} {entry[key]}" for name, key in _PRICES if entry[key] is not None]
    kind = entry["order_type"] if not prices else ""
    terms = " ".join([*([kind] if kind else []), *prices, entry["order_class"], entry["time_in_force"]])
    part = f", {entry['filled_qty']} filled" if entry["filled_qty"] not in ("0", entry["qty"]) else ""
    return f"{entry['event']:<16} {entry['side']} {amount} {entry['symbol']} {' '.join(terms.split())}{part}"


_PRICES = (("limit", "limit_price"), ("stop", "stop_price"), ("trail", "trail_price"), ("trail %", "trail_percent"))
_LINES: dict[str, Any] = {
    "request": _request,
    "order": _order,
    "fill": lambda e: f"{'fill':<16} {e['side']} {e['qty']} {e['symbol']} at {e['price']}",
    "elected": lambda e: f"{'stop reached':<16} {e['side']} {e['symbol']} stop {e['stop_price']}",
    "resized": lambda e: f"{'stop resized':<16} {e['symbol']} to {e['qty']}",
    "corporate_action": lambda e: f"{e['action']:<16} {e['symbol']} {e['new_rate']} for {e['old_rate']}",
    "position": lambda e: f"{'position set':<16} {e['symbol']} {e['position_qty']}",
    "halt": lambda e: f"{'halted' if e['halted'] else 'resumed':<16} {e['symbol']}",
    "problem": lambda e: f"{'problem':<16} {e['detail']}",
}
