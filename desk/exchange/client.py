"""Client of the exchange's control port; standard library only."""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote as escape
from urllib.request import HTTPSHandler, ProxyHandler, Request, build_opener

Entry = dict[str, Any]
Amount = Decimal | str | int
# A proxy from the environment would send requests for this machine out of it.
_DIRECT = build_opener(ProxyHandler({}))
_LONGEST_POLL_S = 5.0


class ExchangeRefused(Exception):
    """The control port answered with an error; the message says which field."""


@dataclass(frozen=True)
class ClockReading:
    """Market time (RFC 3339, UTC), whether it stands still, and its speed.

    `warning`: what to mind after a jump over the beginning or end of a session.
    """

    now: str
    paused: bool
    speed: float
    warning: str | None = None


class ExchangeControl:
    """Sets the scene of a simulated exchange and reads its journal.

    `url` is the exchange's base URL, `ca_file` the authority to trust where it speaks TLS (PEM); timeout in seconds.
    """

    def __init__(self, url: str, timeout: float = 10.0, *, ca_file: str | None = None) -> None:
        self.url = url.rstrip("/")
        self._timeout = timeout
        self._opener = _DIRECT
        if ca_file is not None:
            # The environment would do, but later Pythons have read it before a test could set it.
            trust = ssl.create_default_context(cafile=ca_file)
            self._opener = build_opener(ProxyHandler({}), HTTPSHandler(context=trust))

    def health(self) -> bool:
        """Whether the exchange answers."""
        try:
            return bool(self._call("GET", "health")["status"] == "ok")
        except OSError:
            return False

    def reset(self) -> None:
        """Empty exchange: no orders, positions, quotes, faults, scripts; first settings. Clock and speed stay."""
        self._call("POST", "reset")

    def clock(self) -> ClockReading:
        return ClockReading(**self._call("GET", "clock"))

    def set_clock(
        self, now: str | None = None, *, paused: bool | None = None, speed: float | None = None
    ) -> ClockReading:
        """Set market time (RFC 3339), let it run or stand still, change its speed."""
        return ClockReading(**self._call("PUT", "clock", _given(now=now, paused=paused, speed=speed)))

    def advance(self, seconds: Amount) -> ClockReading:
        """Move a paused clock on by market seconds."""
        return ClockReading(**self._call("POST", "clock/advance", {"seconds": str(seconds)}))

    def quote(
        self,
        symbol: str,
        bid: Amount,
        ask: Amount,
        bid_size: Amount | None = None,
        ask_size: Amount | None = None,
        *,
        frozen: bool = False,
        age: Amount | None = None,
        last: Amount | None = None,
        previous_close: Amount | None = None,
    ) -> None:
        """Put a quote; sizes in shares (as before, or 1,000). `frozen`: never stamped anew; `age`: stamped so many
        seconds ago, and frozen. `last`: the last sale, else the midpoint; `previous_close`: of the session before."""
        body = _given(bid=_text(bid), ask=_text(ask), bid_size=_text(bid_size), ask_size=_text(ask_size))
        body |= {"frozen": frozen or age is not None} | _given(age=_text(age))
        body |= _given(last=_text(last), previous_close=_text(previous_close))
        self._call("PUT", f"quotes/{_segment(symbol)}", body)

    def quotes(self) -> dict[str, dict[str, str]]:
        """The touch of every symbol that has one: bid, ask, bid_size, ask_size."""
        return dict(self._call("GET", "quotes"))

    def script(self, *events: Entry) -> int:
        """Plan scripted events; returns how many."""
        return int(self._call("POST", "script", {"events": list(events)})["planned"])

    def tape(self, symbol: str, path: str, *, align: bool = False) -> str:
        """Play a gzip CSV of quotes; returns the market time of its first tick."""
        return str(self._call("POST", "tape", {"symbol": symbol, "path": path, "align": align})["starts_at"])

    def account(self, **changes: Any) -> Entry:
        """Change the account (cash, account_number, trading_blocked, ...); returns it."""
        return dict(self._call("PUT", "account", changes))

    def asset(self, symbol: str, *, asset_class: str | None = None, **changes: Any) -> Entry:
        """Change or list an asset (tradable, fractionable, shortable, ...); returns it."""
        if asset_class is not None:
            changes["class"] = asset_class
        return dict(self._call("PUT", f"assets/{_segment(symbol)}", changes))

    def position(self, symbol: str, qty: Amount, avg_entry_price: Amount | None = None) -> None:
        """Put a position in place without touching cash; 0 removes it."""
        body = _given(qty=str(qty), avg_entry_price=_text(avg_entry_price))
        self._call("PUT", f"positions/{_segment(symbol)}", body)

    def settings(self, **changes: Any) -> Entry:
        """Change settings (ack_ms, fill_ms, rate_limit, ...); returns all of them."""
        return dict(self._call("PUT", "settings", changes))

    def faults(self, *faults: Entry) -> None:
        """Put these faults in force in place of all others; none clears them."""
        self._call("PUT", "faults", {"faults": list(faults)})

    def end_leg(
        self,
        role: str,
        event: str = "canceled",
        *,
        symbol: str | None = None,
        order_id: str | None = None,
        client_order_id: str | None = None,
    ) -> Entry:
        """End one leg (`stop_loss`, `take_profit`) of a group alone (`canceled`, `rejected`, `expired`); returns it.

        The group is the only open one in the symbol, or that of an order.
        """
        named = _given(symbol=symbol, order_id=order_id, client_order_id=client_order_id)
        return dict(self._call("POST", "legs", {"role": role, "event": event, **named}))

    def corporate_action(
        self,
        symbol: str,
        kind: str,
        new_rate: Amount | None = None,
        old_rate: Amount | None = None,
        *,
        rate: Amount | None = None,
        announce: bool = True,
        apply: bool = True,
        orders: str = "quantity",
        cash_in_lieu: Amount | None = None,
        **days: str,
    ) -> Entry:
        """A `forward_split` or `reverse_split` of `new_rate` shares for `old_rate`, or a `stock_dividend` of `rate`.

        `announce`: the market data tells it; `apply`: position and orders follow, orders in their `quantity` (`keep`,
        `rescale`, `cancel`). `cash_in_lieu`: dollars a share for a fraction, which is kept without. `days`: `ex_date`,
        `process_date` (today), `record_date`, `payable_date`. Returns it with the resulting `position_qty`.
        """
        rates = _given(new_rate=_text(new_rate), old_rate=_text(old_rate), rate=_text(rate))
        rates |= _given(cash_in_lieu=_text(cash_in_lieu))
        how = {"symbol": symbol, "type": kind, "announce": announce, "apply": apply, "orders": orders}
        return dict(self._call("POST", "corporate_actions", {**how, **rates, **days}))

    def journal(self, after: int = 0, *, wait: float = 0) -> list[Entry]:
        """Journal entries above `after`; with `wait`, held until there is one, for at most so many wall seconds."""
        waiting = f"&wait={wait:.3f}" if wait else ""
        return list(self._call("GET", f"journal?after={after}{waiting}", extra_s=wait))

    def wait_for(self, predicate: Callable[[Entry], bool], timeout: float = 10.0, *, after: int = 0) -> Entry:
        """The first journal entry above `after` that fits; TimeoutError after so many wall seconds."""
        deadline = time.monotonic() + timeout
        while True:
            left = deadline - time.monotonic()
            for entry in self.journal(after, wait=min(max(left, 0.001), _LONGEST_POLL_S)):
                # What was seen is not fetched again when the poll goes on.
                after = entry["seq"]
                if predicate(entry):
                    return entry
            if left <= 0:
                raise TimeoutError(f"no such journal entry within {timeout} s")

    def _call(self, method: str, path: str, body: Entry | None = None, *, extra_s: float = 0) -> Any:
        data = json.dumps(body, default=str).encode() if body is not None else None
        headers = {"Content-Type": "application/json"}
        request = Request(f"{self.url}/_exchange/{path}", data=data, headers=headers, method=method)
        try:
            with self._opener.open(request, timeout=self._timeout + extra_s) as answer:
                return json.load(answer)
        except HTTPError as problem:
            with problem:
                raise ExchangeRefused(problem.read().decode()) from None


def _segment(symbol: str) -> str:
    return escape(symbol, safe="")


def _text(value: Amount | None) -> str | None:
    return None if value is None else str(value)


def _given(**fields: Any) -> Entry:
    return {name: value for name, value in fields.items() if value is not None}
