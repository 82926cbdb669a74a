"""Alpaca as a `Broker`: one account, its orders by REST and the market data that decisions need."""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any, TypeVar
from urllib.parse import quote as url_quote
from urllib.parse import urlsplit

from repeg.broker import alpaca_errors as errors
from repeg.broker import alpaca_parse as parse
from repeg.broker.alpaca_fields import Unreadable
from repeg.broker.alpaca_market import Clock, MarketData, read_answer
from repeg.broker.alpaca_requests import oco_request, order_request
from repeg.broker.alpaca_wire import (
    CONNECT_TIMEOUT_SECONDS,
    READ_TIMEOUT_SECONDS,
    Method,
    NoAnswer,
    Reply,
    Wire,
    is_loopback,
)
from repeg.broker.port import (
    MOST_FILLS,
    Accepted,
    Ambiguous,
    CancelOutcome,
    InTime,
    SubmitOutcome,
    Throttled,
    always,
)
from repeg.budget.ledger import RateBudget
from repeg.domain.market.reports import (
    US_EQUITY,
    Account,
    Asset,
    ChildOrder,
    Fill,
    OrderReport,
    Position,
    ProtectiveOrder,
    TradingDay,
)
from repeg.domain.metrics.measured import Call
from repeg.domain.order.reservation import Reservation
from repeg.errors import (
    BrokerUnavailable,
    BudgetExhausted,
    ConfigurationError,
    SentTooLate,
)

PAPER_URL = "https://paper-api.alpaca.markets"
LIVE_URL = "https://api.alpaca.markets"
DATA_URL = "https://data.alpaca.markets"
FEEDS = frozenset({"sip", "iex", "delayed_sip", "boats", "overnight", "otc"})


_Told = TypeVar("_Told", OrderReport, Position)
_log = logging.getLogger(__name__)
# The most that Alpaca lists in one call.
_PAGE = 500
_FILLS = 100


def wall_clock() -> datetime:
    """Market time where no simulated clock runs."""
    return datetime.now(UTC)


def connect_alpaca(
    key_id: str,
    secret_key: str,
    *,
    trading_url: str,
    data_url: str,
    feed: str = "sip",
    budget: RateBudget,
    now: Clock = wall_clock,
    connect_timeout: float = CONNECT_TIMEOUT_SECONDS,
    read_timeout: float = READ_TIMEOUT_SECONDS,
    on_refused: Callable[[], None] = lambda: None,
    heard: Callable[[Call], None] = lambda call: None,
) -> AlpacaBroker:
    """An account at Alpaca; sends nothing yet. URLs carry no version path. Time-outs are wall seconds per call.

    `now` tells market time, by which the broker's rate limit counts. `on_refused` is called whenever the keys are
    refused, `heard` after every request. Raises `ConfigurationError`.
    """
    if feed not in FEEDS:
        raise ConfigurationError(f"data feed {feed!r} is none of {', '.join(sorted(FEEDS))}")
    for name, key in (("key id", key_id), ("secret key", secret_key)):
        if not key or not key.isascii() or not key.isprintable() or " " in key:
            raise ConfigurationError(f"the broker's {name} is empty or holds characters that no key has")
    for url in (trading_url, data_url):
        scheme = urlsplit(url).scheme
        if scheme != "https" and not (scheme == "http" and is_loopback(url)):
            # Keys and orders would travel in clear text.
            raise ConfigurationError(f"broker URL {url!r} must begin with https:// (http:// only on this machine)")
    timeouts = {"connect_timeout": connect_timeout, "read_timeout": read_timeout}
    trading = Wire(trading_url, key_id, secret_key, **timeouts, heard=heard)
    # Market data has a limit of its own, which nobody budgets.
    data = Wire(data_url, key_id, secret_key, **timeouts, heard=lambda call: heard(call._replace(left=None)))
    return AlpacaBroker(trading, data, budget, feed=feed, now=now, on_refused=on_refused)


class AlpacaBroker(MarketData):
    """`Broker` for one Alpaca account. See `repeg.broker.port` for what each call means and raises."""

    def __init__(
        self,
        trading: Wire,
        data: Wire,
        budget: RateBudget,
        *,
        feed: str,
        now: Clock,
        on_refused: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(data, feed=feed, now=now, on_refused=on_refused)
        self._trading = trading
        self._budget = budget
        self._urgent = False
        self._reserved: Reservation | None = None

    def urgent(self, reserved: Reservation | None = None) -> AlpacaBroker:
        """The same account and connections, with first call on the request budget."""
        twin = copy.copy(self)
        twin._urgent, twin._reserved = True, reserved
        return twin

    def reserve(self, requests: int) -> Reservation:
        """Debit requests ahead."""
        return self._budget.reserve(requests, self._urgent)

    def give_back(self, reserved: Reservation) -> None:
        """Take back the debit of what was not drawn."""
        self._budget.give_back(reserved)

    def now(self) -> datetime:
        """The broker's clock, in UTC."""
        return read_answer(parse.clock, self._get("/clock"))

    def calendar(self, start: date, end: date) -> tuple[TradingDay, ...]:
        """Trading days from start to end, both included."""
        return read_answer(
            parse.trading_days, self._get("/calendar", {"start": start.isoformat(), "end": end.isoformat()})
        )

    def account(self) -> Account:
        """The account as it stands."""
        return read_answer(parse.account, self._get("/account"))

    def paid_in(self, after: date, until: date) -> Decimal:
        """Deposits less withdrawals after a date, until another."""
        # Asked for a day more: the bound is said to be of when an activity was made, which may be the day before its
        # date.
        since = (after - timedelta(days=1)).isoformat()
        query = {"activity_types": "CSD,CSW,JNLC,ACATC", "after": since, "page_size": 100}
        return read_answer(partial(parse.paid_in, after, until), self._get("/account/activities", query))

    def asset(self, symbol: str) -> Asset | None:
        """The asset, None if unknown."""
        reply = self._find(f"/assets/{_part(symbol)}")
        return read_answer(parse.asset, reply) if reply else None

    def assets(self) -> tuple[Asset, ...]:
        """All active shares and funds, thousands of them, in one request."""
        reply = self._get("/assets", {"status": "active", "asset_class": US_EQUITY})
        return read_answer(parse.assets, reply)

    def position(self, symbol: str) -> Position | None:
        """The position, None when flat."""
        reply = self._find(f"/positions/{_part(symbol)}")
        held = read_answer(parse.position, reply) if reply else None
        return _same(held, "symbol", symbol) if held else None

    def positions(self) -> tuple[Position, ...]:
        """All positions."""
        return read_answer(parse.positions, self._get("/positions"))

    def order(self, broker_order_id: str) -> OrderReport | None:
        """A child order by the broker's id."""
        # With its legs, since a stop can die while its target lives: by that alone the shares would count as guarded.
        reply = self._find(f"/orders/{_part(broker_order_id)}", {"nested": "true"})
        return _same(read_answer(parse.order_report, reply), "broker_order_id", broker_order_id) if reply else None

    def order_by_client_id(self, client_order_id: str) -> OrderReport | None:
        """A child order by our id."""
        query = {"client_order_id": client_order_id}
        reply = self._find("/orders:by_client_order_id", query)
        return _same(read_answer(parse.order_report, reply), "client_order_id", client_order_id) if reply else None

    def orders(self, symbol: str, after: datetime) -> tuple[OrderReport, ...]:
        """All child orders of a symbol submitted after `after`, oldest first; one request per 500."""
        query = {"status": "all", "symbols": symbol, "nested": "false", "after": _stamp(after)}
        return self._listed(query, lambda body: parse.order_reports(symbol, body))

    def groups(self, symbol: str, after: datetime) -> tuple[OrderReport, ...]:
        """As `orders`, legs rolled up under their parents."""
        query = {"status": "all", "symbols": symbol, "nested": "true", "after": _stamp(after)}
        return self._listed(query, lambda body: parse.order_reports(symbol, body))

    def open_orders(self, every_buy: bool = False) -> tuple[OrderReport, ...]:
        """All open orders, legs rolled up under their parents; one request per 500."""
        parser = parse.order_reports_with_every_buy if every_buy else parse.readable_order_reports
        return self._listed({"status": "open", "nested": "true"}, parser)

    def _listed(self, query: dict[str, Any], parser: Callable[[Any], list[OrderReport]]) -> tuple[OrderReport, ...]:
        query = {"limit": _PAGE, "direction": "asc", **query}
        found: dict[str, OrderReport] = {}
        while True:
            reply = self._get("/orders", query)
            fresh = [report for report in read_answer(parser, reply) if report.broker_order_id not in found]
            found.update((report.broker_order_id, report) for report in fresh)
            latest = max((report.submitted_at for report in fresh if report.submitted_at), default=None)
            if len(reply.body) < _PAGE or latest is None:
                return tuple(found.values())
            # The bound is exclusive, and orders may share a time.
            query["after"] = _stamp(latest - timedelta(microseconds=1))

    def newest_fills(self, since: datetime) -> tuple[Fill, ...]:
        """The last 100 fills, the most that one answer has, and as many pages more as it takes to `since`."""
        query: dict[str, Any] = {"direction": "desc", "page_size": _FILLS}
        found: list[Fill] = []
        for _ in range(MOST_FILLS // _FILLS):
            reply = self._get("/account/activities/FILL", query)
            page = read_answer(parse.fills, reply)
            found += page
            last = parse.last_activity(reply.body) if len(reply.body) >= _FILLS else None
            if last is None or not page or page[-1].at < since:
                break
            query["page_token"] = last
        return tuple(found)

    def submit(self, child: ChildOrder, in_time: InTime = always) -> SubmitOutcome:
        """Send a child order, once."""
        return self._submit(child.client_order_id, order_request(child), in_time)

    def protect(self, oco: ProtectiveOrder, in_time: InTime = always) -> SubmitOutcome:
        """Send an OCO, once."""
        return self._submit(oco.client_order_id, oco_request(oco), in_time)

    def _submit(self, client_order_id: str, request: dict[str, Any], in_time: InTime) -> SubmitOutcome:
        try:
            reply = self._trading_call("POST", "/orders", request, in_time)
        except NoAnswer as error:
            # Never sent again unseen, it may be live (docs.alpaca.markets/docs/working-with-orders).
            return Ambiguous(str(error))
        if reply.status == 429:
            return Throttled(self._note_throttle(reply))
        if reply.ok:
            return _accepted(client_order_id, reply)
        return errors.submit_refusal(reply)

    def cancel(self, broker_order_id: str) -> CancelOutcome:
        """Ask for a cancel; only a later read by id tells what came of it."""
        try:
            reply = self._trading_call("DELETE", f"/orders/{_part(broker_order_id)}")
        except NoAnswer:
            return CancelOutcome.UNCLEAR
        if reply.status == 429:
            raise BudgetExhausted(self._note_throttle(reply))
        return _cancel_outcome(reply)

    def _get(self, path: str, query: dict[str, Any] | None = None) -> Reply:
        try:
            reply = self._trading_call("GET", path, query)
        except NoAnswer as error:
            raise BrokerUnavailable(str(error)) from error
        if reply.status == 429:
            raise BudgetExhausted(self._note_throttle(reply))
        return reply

    def _find(self, path: str, query: dict[str, Any] | None = None) -> Reply | None:
        reply = self._get(path, query)
        return None if errors.says_unknown(reply) else reply

    def _trading_call(
        self, method: Method, path: str, data: dict[str, Any] | None = None, in_time: InTime | None = None
    ) -> Reply:
        # The record is drawn once for this broker: a further request of the same look has a debit of its own.
        reserved, self._reserved = self._reserved, None
        self._budget.spend(self._urgent, reserved)
        # Asked last: the budget's own call may have taken longer than an intent is good for.
        if in_time is not None and not in_time():
            raise SentTooLate("held up before it was sent")
        reply = self._trading.call(method, path, data)
        self._note_count(reply)
        if errors.refuses_credentials(reply):
            raise self._refused(reply)
        return reply

    def _note_count(self, reply: Reply) -> None:
        count = errors.request_count(reply.headers)
        if count is None:
            return
        try:
            self._budget.observe(*count)
        except Exception:
            # The answer in hand may tell of a live order: nothing may keep it from the caller.
            _log.exception("the broker's request count could not be noted")

    def _note_throttle(self, reply: Reply) -> float:
        now = self._clock()
        wait = errors.throttle_wait(reply.headers, now)
        try:
            self._budget.blocked(now + timedelta(seconds=wait))
        except Exception:
            _log.exception("the broker's throttling could not be noted")
        return wait


def _accepted(client_order_id: str, reply: Reply) -> Accepted | Ambiguous:
    try:
        report = parse.order_report(reply.body)
    except Unreadable as error:
        return Ambiguous(f"{error}: {reply}")
    if report.client_order_id != client_order_id:
        return Ambiguous(f"the answer tells of another order: {reply}")
    return Accepted(report)


def _cancel_outcome(reply: Reply) -> CancelOutcome:
    if reply.ok:
        return CancelOutcome.REQUESTED
    if errors.says_unknown(reply):
        return CancelOutcome.UNKNOWN_ORDER
    said = errors.refusal(reply)
    if said is None or said.status != 422:
        return CancelOutcome.UNCLEAR
    # A second wish is refused while the first is under way.
    if said.says("pending cancel|pending_cancel"):
        return CancelOutcome.REQUESTED
    if said.says(r"already (in )?\W*(filled|cancell?ed|expired|rejected|replaced)"):
        return CancelOutcome.ALREADY_TERMINAL
    if said.says("order_id is missing"):
        return CancelOutcome.UNKNOWN_ORDER
    return CancelOutcome.UNCLEAR


def _same(told: _Told, field: str, asked: str) -> _Told:
    # An answer about another order, folded into ours, would book its fills; another's position would be sold.
    if getattr(told, field) != asked:
        raise BrokerUnavailable(f"asked for {asked}, the answer tells of {getattr(told, field)}")
    return told


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _part(text: str) -> str:
    # An empty part would turn "cancel this order" into "cancel all orders".
    if not text.strip("."):
        raise ValueError("an order id or symbol is empty")
    return url_quote(text, safe="")
