"""The front door: keys, faults, the rate limit and the journal around every request of a client."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from secrets import token_hex

from desk.exchange.alpaca.corporate_actions import CORPORATE_ACTIONS, CorporateActionsApi
from desk.exchange.alpaca.market_data import MarketDataApi
from desk.exchange.alpaca.markets import MARKETS, MarketsApi
from desk.exchange.alpaca.trading import TradingApi
from desk.exchange.control.api import ControlApi
from desk.exchange.control.scripts import Scripts
from desk.exchange.control.tape import Tapes
from desk.exchange.door.rate_limit import RateLimiter
from desk.exchange.faults.answers import shaped
from desk.exchange.faults.effects import TRANSPORT, Kind
from desk.exchange.faults.rules import Fault, Faults
from desk.exchange.faults.subjects import of_request
from desk.exchange.market.clock import MarketClock
from desk.exchange.rules.settings import Settings
from desk.exchange.venue.engine import Engine
from desk.exchange.venue.keeping import pack, unpack
from desk.exchange.wire import credentials
from desk.exchange.wire.errors import ApiError, ControlError
from desk.exchange.wire.web import Reply, Request, Router, refusal

CONTROL = "/_exchange"
MARKET_DATA = "/v2/stocks"
_DATA_HOST = (f"{MARKET_DATA}/", CORPORATE_ACTIONS)

# The data host is behind a proxy that answers for it; the trading host answers itself. Seen:
# github.com/devinadams94/Trading_bot, docs/API_KEY_AND_DATA_FIX.md.
_UNAUTHORIZED = {"message": "unauthorized."}
_NO_KEYS = "<html><head><title>401 Authorization Required</title></head><body>401 Authorization Required</body></html>"


class Gateway:
    """Everything a request meets, without a transport: give it the time to act on, get the reply."""

    def __init__(
        self,
        start: int,
        speed: Fraction = Fraction(1),
        settings: Settings | None = None,
        ids: random.Random | None = None,
        clock: MarketClock | None = None,
    ) -> None:
        settings = settings or Settings()
        self.clock = clock or MarketClock(start, speed)
        self.engine = Engine(start, settings, ids or random.SystemRandom())
        self.limiter, self.data_limiter = RateLimiter(), RateLimiter()
        self.faults = Faults(lambda: self.engine.chance)
        self.trading = TradingApi(self.engine, self.faults)
        self.markets = MarketsApi(self.engine)
        self.market_data = MarketDataApi(self.engine)
        self.corporate_actions = CorporateActionsApi(self.engine)
        scripts, tapes = Scripts(self.engine), Tapes(self.engine)
        self.control = ControlApi(self.engine, self.clock, self.faults, scripts, tapes, self._clear_limits, settings)

    def keep_up(self) -> None:
        """Bring the engine to the present."""
        self.engine.advance_to(self.clock.now())

    def held(self) -> bytes:
        """All that the exchange holds now, for another process to go on with."""
        self.keep_up()
        return pack(self.engine)

    def go_on_with(self, held: bytes) -> None:
        """Hold what another process held, from the market time on that it had."""
        unpack(self.engine, held)
        self.clock.set(self.engine.now)

    def fault_for(self, request: Request) -> Fault | None:
        """The transport fault that acts on a client's request, if any."""
        if request.path.startswith(CONTROL) or not self.faults.rules:
            return None
        return self.faults.draw(TRANSPORT, request.method, request.path, of_request(request, self.engine.orders))

    def serve(self, request: Request, fault: Fault | None = None) -> Reply:
        """Bring the engine to the present, then answer."""
        self.keep_up()
        reply = (
            self._serve_control(request) if request.path.startswith(CONTROL) else self._serve_recorded(request, fault)
        )
        # 32 hexadecimal digits, on refusals as well: github.com/Petersoj/alpaca-java issue 156.
        return replace(reply, headers={**reply.headers, "X-Request-ID": token_hex(16)})

    def _serve_control(self, request: Request) -> Reply:
        try:
            reply = self.control.serve(request)
        except (ApiError, ControlError) as problem:
            reply = refusal(problem)
        self.engine.advance_to(self.engine.now)
        # Its answers are read by people, at the end of a curl; Alpaca's end as Alpaca's do.
        return replace(reply, line=True)

    def _serve_recorded(self, request: Request, fault: Fault | None) -> Reply:
        reply = self._serve_client(request, fault)
        shape: Kind | None = None
        if self.faults.rules:
            reply, shape = shaped(self.faults, request, reply)
        self.engine.advance_to(self.engine.now)
        acted = shape or (fault.kind if fault else None)
        name = acted.value if acted else None
        self.engine.journal.request(
            self.engine.now, request.method, request.path, request.query_string, reply.status, name, _message(reply)
        )
        return reply

    def _serve_client(self, request: Request, fault: Fault | None) -> Reply:
        if fault is not None and fault.unheard:
            return fault.answer(lambda: self._route(request))
        data = request.path.startswith(_DATA_HOST)
        if not self._opens(request.headers):
            return Reply(401, _NO_KEYS, content_type="text/html") if data else Reply(401, _UNAUTHORIZED)
        now, settings = self.engine.now, self.engine.settings
        limiter, limit = (self.data_limiter, settings.data_rate_limit) if data else (self.limiter, settings.rate_limit)
        reply = self._answer(request, fault) if limiter.admit(now, limit) else Reply(429, _TOO_MANY)
        return replace(reply, headers={**reply.headers, **limiter.headers(now, limit)})

    def _clear_limits(self) -> None:
        self.limiter.clear()
        self.data_limiter.clear()

    def _answer(self, request: Request, fault: Fault | None) -> Reply:
        return self._route(request) if fault is None else fault.answer(lambda: self._route(request))

    def _route(self, request: Request) -> Reply:
        handler = self._router(request.path).find(request.method, request.path)
        try:
            if handler is None:
                raise ApiError(404, 40410000, "endpoint not found.")
            return handler(request)
        except ApiError as problem:
            return refusal(problem)

    def _router(self, path: str) -> Router:
        if path.startswith(CORPORATE_ACTIONS):
            return self.corporate_actions.router
        if path.startswith(MARKETS):
            return self.markets.router
        return self.market_data.router if path.startswith(_DATA_HOST) else self.trading.router

    def _opens(self, headers: Mapping[str, str]) -> bool:
        pair = credentials.shown(headers)
        return pair is not None and self.accepts_keys(*pair)

    def accepts_keys(self, key_id: str, secret_key: str) -> bool:
        """Whether the pair opens the account: any does, unless the settings name one."""
        settings = self.engine.settings
        return settings.key_id in (None, key_id) and settings.secret_key in (None, secret_key)


# The words were seen, the number follows the pattern of the others.
_TOO_MANY = {"code": 42910000, "message": "too many requests."}


def _message(reply: Reply) -> str | None:
    refused = reply.status >= 400 and isinstance(reply.body, dict)
    return str(reply.body["message"]) if refused and "message" in reply.body else None
