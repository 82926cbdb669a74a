"""The control port under /_exchange: what tests and demos turn to set the scene and read the journal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields as dataclass_fields
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

from desk.exchange.alpaca.views import account_json, asset_json
from desk.exchange.control.quotes import PRICE_FIELDS, put_quote, quotes_json
from desk.exchange.control.scripts import Scripts
from desk.exchange.control.staging import Staging
from desk.exchange.control.tape import Tapes
from desk.exchange.faults.rules import Faults
from desk.exchange.market.account import AccountState
from desk.exchange.market.clock import MarketClock
from desk.exchange.market.model import Asset
from desk.exchange.market.moments import utc_text
from desk.exchange.market.sessions import covers, next_boundary
from desk.exchange.rules.settings import Settings
from desk.exchange.venue.engine import Engine
from desk.exchange.venue.journal import Entry
from desk.exchange.wire.errors import ApiError, ControlError
from desk.exchange.wire.fields import body_of, flag, instant, number, only, records, seconds, symbol, text
from desk.exchange.wire.web import Reply, Request, Router

_FLAGS = ("tradable", "marginable", "shortable", "fractionable", "easy_to_borrow")
# As Alpaca's asset_class has them.
_CLASSES = (
    "us_equity",
    "us_option",
    "crypto",
    "crypto_perp",
    "treasury",
    "corporate",
    "global_equity",
    "us_index",
    "ipo",
)
_ACCOUNT_TYPES = ("margin", "cash")
# Beyond any journal: a longer number is a mistake of the client's, and would cost the reading of it.
_LAST = 10**17
_MAX_SPEED = 1000
JOURNAL = "/_exchange/journal"
_ACCOUNT_FLAGS = (
    "shorting_enabled",
    "fractional_trading",
    "trading_blocked",
    "account_blocked",
    "trade_suspended_by_user",
    "transfers_blocked",
    "disable_overnight_trading",
)


class Poll(NamedTuple):
    """A request for the journal above `after`, held for `wait` wall seconds if there is nothing yet."""

    after: int
    wait: float


def poll_of(request: Request) -> Poll:
    """What a journal request asks for; ControlError if that is nothing."""
    query = request.query.refusing(ControlError)
    return Poll(query.whole("after", 0, _LAST, 0), float(query.decimal("wait") or 0))


class ControlApi:
    """Control requests, in and out as JSON; a bad one gets 400 and `error` naming the field."""

    def __init__(
        self,
        engine: Engine,
        clock: MarketClock,
        faults: Faults,
        scripts: Scripts,
        tapes: Tapes,
        clear_limits: Callable[[], None],
        settings: Settings,
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._faults = faults
        self._scripts = scripts
        self._tapes = tapes
        self._clear_limits = clear_limits
        self._initial = settings
        staging = Staging(engine)
        self.router = Router(
            "/_exchange",
            {
                "GET /health": lambda request: Reply(200, {"status": "ok", **self._clock_json()}),
                "POST /reset": self.reset,
                "GET /clock": lambda request: Reply(200, self._clock_json()),
                "PUT /clock": self.set_clock,
                "POST /clock/advance": self.advance,
                "GET /quotes": lambda request: Reply(200, quotes_json(self._engine)),
                "PUT /quotes/{name}": self.quote,
                "POST /script": self.script,
                "POST /tape": self.tape,
                "PUT /account": self.account,
                "PUT /assets/{name}": self.asset,
                "PUT /positions/{name}": self.position,
                "GET /settings": lambda request: Reply(200, self._engine.settings.as_json()),
                "PUT /settings": self.settings,
                "GET /faults": lambda request: Reply(200, {"faults": [f.as_json() for f in self._faults.rules]}),
                "PUT /faults": self.faults,
                "POST /legs": staging.end_leg,
                "POST /corporate_actions": staging.corporate_action,
                "GET /journal": self.journal,
            },
        )

    def serve(self, request: Request) -> Reply:
        """Answer a control request; ControlError and ApiError for a bad one."""
        handler = self.router.find(request.method, request.path)
        if handler is None:
            raise ApiError(404, 40410000, "endpoint not found.")
        return handler(request)

    def reset(self, request: Request) -> Reply:
        self._engine.reset(self._initial)
        self._scripts.clear()
        self._tapes.clear()
        self._faults.put([], self._engine)
        # A new scene begins with whole budgets.
        self._clear_limits()
        return Reply(200, {"status": "reset"})

    def _clock_json(self) -> dict[str, Any]:
        return {
            "now": utc_text(self._engine.now),
            "paused": self._clock.paused,
            "speed": float(self._clock.speed),
        }

    def set_clock(self, request: Request) -> Reply:
        body = body_of(request)
        only(body, ("now", "paused", "speed"))
        now = instant("now", body["now"]) if body.get("now") is not None else None
        paused = flag("paused", body["paused"]) if body.get("paused") is not None else None
        speed = number("speed", body["speed"]) if body.get("speed") is not None else None
        if speed == 0:
            raise ControlError("speed: must be above 0 (use paused)")
        if speed is not None and speed > _MAX_SPEED:
            raise ControlError(f"speed: at most {_MAX_SPEED}")
        if now is not None and not covers(now):
            raise _beyond("now")
        if speed is not None:
            self._clock.run_at(Fraction(speed))
        if paused is not None:
            self._clock.pause(paused)
        warning = self._move_to(now) if now is not None else None
        return Reply(200, self._clock_json() | ({"warning": warning} if warning else {}))

    def advance(self, request: Request) -> Reply:
        body = body_of(request)
        only(body, ("seconds",))
        if not self._clock.paused:
            raise ControlError("paused: the clock must be paused to be advanced")
        warning = self._move_to(self._engine.now + seconds("seconds", body.get("seconds")))
        return Reply(200, self._clock_json() | ({"warning": warning} if warning else {}))

    def _move_to(self, now: int) -> str | None:
        """Set market time; returns what to mind about the jump."""
        if not covers(now):
            raise _beyond("seconds")
        warning = None
        if now >= self._engine.now:
            # Read before the jump, which moves both.
            jumped, seen = next_boundary(self._engine.now) <= now, self._engine.journal.last_seq
            self._engine.advance_to(now)
            warning = _of_jump(self._engine.journal.after(seen)) if jumped else None
        else:
            self._engine.set_back(now)
            # Requests of a minute that is still to come would count against it when it comes.
            self._clear_limits()
        self._clock.set(now)
        return warning

    def quote(self, request: Request, name: str) -> Reply:
        body = body_of(request)
        only(body, PRICE_FIELDS)
        name = symbol(name)
        put_quote(self._engine, name, body)
        return Reply(200, {"symbol": name, "at": utc_text(self._engine.now)})

    def script(self, request: Request) -> Reply:
        body = body_of(request)
        only(body, ("events",))
        return Reply(200, {"planned": self._scripts.post(records("events", body.get("events")))})

    def tape(self, request: Request) -> Reply:
        body = body_of(request)
        only(body, ("symbol", "path", "align"))
        align = flag("align", body.get("align", False))
        path = text("path", body.get("path"))
        return Reply(200, {"starts_at": self._tapes.play(symbol(body.get("symbol")), path, align)})

    def account(self, request: Request) -> Reply:
        body = body_of(request)
        only(body, ("cash", *(f.name for f in dataclass_fields(AccountState))))
        changes = {name: _account_value(name, value) for name, value in body.items()}
        # Cash alone changes with each fill, so that it is the ledger's own; the rest is what the broker has set.
        self._engine.ledger.cash = changes.pop("cash", self._engine.ledger.cash)
        self._engine.ledger.account = replace(self._engine.ledger.account, **changes)
        return Reply(200, account_json(self._engine))

    def asset(self, request: Request, name: str) -> Reply:
        body = body_of(request)
        only(body, (*_FLAGS, "name", "exchange", "status", "attributes", "class"))
        changes = {key: _asset_value(key, value) for key, value in body.items()}
        if "class" in changes:
            changes["asset_class"] = changes.pop("class")
        name = symbol(name)
        before = self._engine.assets.get(name) or Asset(symbol=name, name=name)
        self._engine.assets[name] = replace(before, **changes)
        return Reply(200, asset_json(self._engine.assets[name]))

    def position(self, request: Request, name: str) -> Reply:
        body = body_of(request)
        only(body, ("qty", "avg_entry_price"))
        name = symbol(name)
        qty = number("qty", body.get("qty"), low=None)
        given = body.get("avg_entry_price")
        entry = number("avg_entry_price", given) if given is not None else self._engine.mark(name)
        if entry is None and qty:
            raise ControlError("avg_entry_price: needed, the symbol has no price yet")
        # Refuses an unknown symbol before anything is put in place.
        self._engine.asset(name)
        self._engine.ledger.set_position(name, qty, entry or Decimal(0))
        self._engine.journal.position(self._engine.now, name, qty)
        return Reply(200, {"symbol": name, "qty": str(qty)})

    def settings(self, request: Request) -> Reply:
        self._engine.configure(body_of(request))
        return Reply(200, self._engine.settings.as_json())

    def faults(self, request: Request) -> Reply:
        body = body_of(request)
        only(body, ("faults",))
        self._faults.put(records("faults", body.get("faults")), self._engine)
        return Reply(200, {"faults": [fault.as_json() for fault in self._faults.rules]})

    def journal(self, request: Request) -> Reply:
        return Reply(200, self._engine.journal.after(poll_of(request).after))


def _beyond(name: str) -> ControlError:
    return ControlError(f"{name}: outside the trading calendar (2024-2027)")


def _of_jump(entries: list[Entry]) -> str:
    """What to mind when a session began or ended on the way: only what is at the exchange has gone along."""
    expired = sum(entry.get("event") == "expired" for entry in entries)
    return (
        f"a session began or ended on the way ({expired} orders expired); clients that wait for it by another clock, "
        "as state machines do, have not moved: they wake too late for it"
    )


def _asset_value(name: str, value: Any) -> Any:
    if name == "class":
        if value not in _CLASSES:
            raise ControlError(f"class: one of {', '.join(_CLASSES)} is needed")
        return value
    if name == "attributes":
        if not isinstance(value, list):
            raise ControlError("attributes: a JSON array is needed")
        return tuple(text("attributes", item) for item in value)
    return flag(name, value) if name in _FLAGS else text(name, value)


def _account_value(name: str, value: Any) -> Any:
    if name == "account_type":
        if value not in _ACCOUNT_TYPES:
            raise ControlError(f"account_type: one of {', '.join(_ACCOUNT_TYPES)} is needed")
        return value
    if name in _ACCOUNT_FLAGS:
        return flag(name, value)
    # Below zero as well: an account in debt is a scene that must be playable.
    if name in ("cash", "last_equity"):
        return number(name, value, low=None)
    return number(name, value, low=Decimal(1)) if name == "multiplier" else text(name, value)
