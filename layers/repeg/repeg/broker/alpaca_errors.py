"""What Alpaca's refusals mean. HTTP status and code are stable, messages are not: they are read last."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from repeg.broker.alpaca_wire import Reply
from repeg.broker.port import Ambiguous, Denied, Duplicate
from repeg.domain.reasons import Reason

_FALLBACK_WAIT_SECONDS = 1.0
_LONGEST_WAIT_SECONDS = 60.0
_NO_SUCH_LIMIT = 1_000_000
_NO_SUCH_EPOCH = 10_000_000_000
_CODE_DIGITS = 18
# The day trading rule fell in June 2026; firms may keep theirs until October 2027 (FINRA Regulatory Notice 26-10).
_DAY_TRADES = 40310100


@dataclass(frozen=True)
class Refusal:
    """The broker's own words: a JSON object with a message, perhaps a code and more."""

    status: int
    code: int | None
    message: str
    fields: Mapping[str, Any] = field(default_factory=dict)

    def says(self, pattern: str) -> bool:
        """True if the message matches, whatever its case."""
        return re.search(pattern, self.message, re.IGNORECASE) is not None


def refusal(reply: Reply) -> Refusal | None:
    """The refusal in a 4xx answer, or None if it is not in the broker's form (a proxy's error page, say)."""
    if not 400 <= reply.status < 500 or not isinstance(reply.body, dict):
        return None
    message = reply.body.get("message")
    code = _code(reply.body.get("code"))
    if code is None and not isinstance(message, str):
        return None
    return Refusal(reply.status, code, str(message or ""), reply.body)


def refuses_credentials(reply: Reply) -> bool:
    """True if the broker does not accept the keys."""
    if reply.status == 401:
        return True
    said = refusal(reply)
    return said is not None and said.status == 403 and said.code is None and said.says("forbidden|authori[sz]ed")


def says_unknown(reply: Reply) -> bool:
    """True if the broker itself says that it knows no such order, position or asset.

    A bare 404 is not enough: any wrong address gives one, and "no position" must not be concluded from it.
    """
    said = refusal(reply)
    if said is None:
        return False
    if said.status == 404:
        return said.code == 40410000 or said.says("not found|not exist")
    return said.status in {400, 422} and said.says(r"asset .*not found|invalid symbol")


def denies_feed(reply: Reply) -> bool:
    """True if the subscription does not include the market data asked for."""
    said = refusal(reply)
    return said is not None and said.says("subscription|not permit|not entitled|not authorized to access")


def submit_refusal(reply: Reply) -> Denied | Duplicate | Ambiguous:
    """What an answer to a submit that is neither success nor throttling means.

    Only a refusal in the broker's own form counts as one; everything else leaves the order's fate open.
    """
    said = refusal(reply)
    # A proxy on the way may say so while the order goes through: taken for a refusal, it would be bought a second time.
    if said is None or said.status == 408 or (said.status == 404 and said.code is None):
        return Ambiguous(str(reply))
    if said.status == 409 or said.says("client.?order.?id.*(unique|exist|duplicate|already)|must be unique"):
        return Duplicate()
    named = said.fields.get("existing_order_id")
    return Denied(_reason(said), said.message or f"code {said.code}", named if isinstance(named, str) else None)


def request_count(headers: Mapping[str, str]) -> tuple[int, int, datetime | None] | None:
    """The broker's own count: requests per minute, how many of them remain, and when the count starts anew."""
    limit, remaining = _decimal(headers.get("X-Ratelimit-Limit")), _decimal(headers.get("X-Ratelimit-Remaining"))
    if limit is None or remaining is None or not 0 <= remaining <= limit < _NO_SUCH_LIMIT:
        return None
    return int(limit), int(remaining), _reset(headers)


def throttle_wait(headers: Mapping[str, str], now: datetime) -> float:
    """Market seconds to wait after a 429: until the broker's count starts anew."""
    reset = _reset(headers)
    wait = (reset - now).total_seconds() if reset else float(_decimal(headers.get("Retry-After")) or 0)
    return min(wait, _LONGEST_WAIT_SECONDS) if wait > 0 else _FALLBACK_WAIT_SECONDS


# Asked in this order: several of the messages contain the words of a later one.
_MESSAGES: tuple[tuple[str, Reason], ...] = (
    # Not every complaint about a stop is about the market: a stop may be missing, or lie between two ticks.
    (r"stop.?price must be\b.*\b(base|current|market|last).?price", Reason.STOP_THROUGH),
    (r"pattern day|day.trade\b|day.trading protection", Reason.DAY_TRADE_LIMIT),
    (r"must be exit orders|intent mismatch", Reason.NO_POSITION),
    (r"insufficient qty", Reason.HELD_BY_PROTECTION),
    (r"buying power", Reason.INSUFFICIENT_BUYING_POWER),
    (r"wash trade|while a (long|short).* order is open", Reason.WASH_TRADE),
    (r"sold short|short sell|not shortable|allowed to short|hard to borrow", Reason.NOT_SHORTABLE),
    (r"(asset|symbol)\b.*(not (be )?found|not tradable|not active|inactive)|invalid symbol", Reason.NOT_TRADABLE),
    (r"minimal amount of order|notional must be", Reason.NOTIONAL_TOO_SMALL),
)


def _reason(said: Refusal) -> Reason:
    if said.status == 404 or said.code == 40410000:
        return Reason.NOT_TRADABLE
    if said.code == _DAY_TRADES:
        return Reason.DAY_TRADE_LIMIT
    # Fields before words: Alpaca keeps status and code, and may change its messages.
    if said.status == 403 and "existing_qty" in said.fields:
        flat = _decimal(said.fields["existing_qty"]) == 0
        return Reason.NO_POSITION if flat else Reason.HELD_BY_PROTECTION
    if said.status == 403 and "existing_order_id" in said.fields:
        return Reason.WASH_TRADE
    return next((reason for pattern, reason in _MESSAGES if said.says(pattern)), Reason.BROKER_REJECTED)


def _reset(headers: Mapping[str, str]) -> datetime | None:
    epoch = _decimal(headers.get("X-Ratelimit-Reset"))
    return datetime.fromtimestamp(float(epoch), UTC) if epoch is not None and 0 < epoch < _NO_SUCH_EPOCH else None


def _code(value: Any) -> int | None:
    number = _decimal(value)
    return None if number is None or number.adjusted() >= _CODE_DIGITS else int(number)


def _decimal(value: Any) -> Decimal | None:
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None
