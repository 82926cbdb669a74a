"""Alpaca's watchlists: named lists of assets, kept in memory until a reset."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from desk.exchange.alpaca.views import asset_json
from desk.exchange.market.assets import find_asset
from desk.exchange.market.moments import utc_text
from desk.exchange.venue.engine import Engine
from desk.exchange.wire.errors import invalid, not_found
from desk.exchange.wire.given import Given
from desk.exchange.wire.values import id_of
from desk.exchange.wire.web import Handler, Reply, Request

_LONGEST_NAME = 64


@dataclass(frozen=True, slots=True)
class Watchlist:
    """`symbols` in the order in which they came; instants are nanoseconds."""

    id: str
    name: str
    symbols: tuple[str, ...]
    created_at: int
    updated_at: int


class WatchlistsApi:
    """REST v2 /watchlists; each is reached by its id and, at `:by_name`, by its name."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lists: dict[str, Watchlist] = {}
        engine.reset_listeners.append(self._lists.clear)

    @property
    def routes(self) -> dict[str, Handler]:
        """The handlers by method and path."""
        return {
            "GET /watchlists": self.list_all,
            "POST /watchlists": self.create,
            "GET /watchlists/{watchlist_id}": lambda request, watchlist_id: self._show(self._by_id(watchlist_id)),
            "PUT /watchlists/{watchlist_id}": lambda request, watchlist_id: self._update(
                self._by_id(watchlist_id), request.fields
            ),
            "POST /watchlists/{watchlist_id}": lambda request, watchlist_id: self._add(
                self._by_id(watchlist_id), request.fields
            ),
            "DELETE /watchlists/{watchlist_id}": lambda request, watchlist_id: self._delete(self._by_id(watchlist_id)),
            "DELETE /watchlists/{watchlist_id}/{symbol}": self.remove,
            "GET /watchlists:by_name": lambda request: self._show(self._by_name(request)),
            "PUT /watchlists:by_name": lambda request: self._update(self._by_name(request), request.fields),
            "POST /watchlists:by_name": lambda request: self._add(self._by_name(request), request.fields),
            "DELETE /watchlists:by_name": lambda request: self._delete(self._by_name(request)),
        }

    def list_all(self, request: Request) -> Reply:
        """All of them, without their assets."""
        return Reply(200, [self._head(watchlist) for watchlist in self._lists.values()])

    def create(self, request: Request) -> Reply:
        body, now = request.fields, self._engine.now
        name = self._free_name(body)
        if name is None:
            raise invalid("name is required")
        symbols = self._symbols(body.texts("symbols") or ())
        return self._put(Watchlist(self._engine.new_id(), name, symbols, now, now))

    def remove(self, request: Request, watchlist_id: str, symbol: str) -> Reply:
        """Take an asset off the list."""
        watchlist = self._by_id(watchlist_id)
        asset = find_asset(self._engine.assets, symbol)
        if asset is None or asset.symbol not in watchlist.symbols:
            raise not_found(f"symbol not found: {symbol}")
        return self._change(watchlist, symbols=tuple(s for s in watchlist.symbols if s != asset.symbol))

    def _update(self, watchlist: Watchlist, body: Given) -> Reply:
        symbols = body.texts("symbols")
        return self._change(
            watchlist,
            name=self._free_name(body, watchlist) or watchlist.name,
            symbols=watchlist.symbols if symbols is None else self._symbols(symbols),
        )

    def _add(self, watchlist: Watchlist, body: Given) -> Reply:
        symbol = body.text("symbol")
        # Seen without a symbol as well: github.com/alpacahq/Alpaca-API issue 91.
        return self._change(watchlist, symbols=self._symbols([*watchlist.symbols, symbol or ""]))

    def _delete(self, watchlist: Watchlist) -> Reply:
        del self._lists[watchlist.id]
        return Reply(204)

    def _change(self, watchlist: Watchlist, **changes: Any) -> Reply:
        return self._put(replace(watchlist, updated_at=self._engine.now, **changes))

    def _put(self, watchlist: Watchlist) -> Reply:
        self._lists[watchlist.id] = watchlist
        return self._show(watchlist)

    def _show(self, watchlist: Watchlist) -> Reply:
        assets = [asset_json(self._engine.asset(symbol)) for symbol in watchlist.symbols]
        return Reply(200, {**self._head(watchlist), "assets": assets})

    def _head(self, watchlist: Watchlist) -> dict[str, Any]:
        return {
            "id": watchlist.id,
            "account_id": self._engine.account_id,
            "created_at": utc_text(watchlist.created_at),
            "updated_at": utc_text(watchlist.updated_at),
            "name": watchlist.name,
        }

    def _by_id(self, text: str) -> Watchlist:
        found = self._lists.get(id_of(text) or "")
        if found is None:
            raise not_found("watchlist not found")
        return found

    def _by_name(self, request: Request) -> Watchlist:
        name = request.query.text("name")
        if name is None:
            raise invalid("name is required")
        found = self._named(name)
        if found is None:
            raise not_found("watchlist not found")
        return found

    def _named(self, name: str) -> Watchlist | None:
        return next((watchlist for watchlist in self._lists.values() if watchlist.name == name), None)

    def _free_name(self, body: Given, own: Watchlist | None = None) -> str | None:
        """The name in a body, which no other list has; None if none is given."""
        name = body.text("name")
        if name is None:
            return None
        if len(name) > _LONGEST_NAME:
            raise invalid(f"name must be no more than {_LONGEST_NAME} characters")
        if self._named(name) not in (None, own):
            # Seen: github.com/Petersoj/alpaca-java issue 52.
            raise invalid("watchlist name must be unique")
        return name

    def _symbols(self, names: Iterable[str]) -> tuple[str, ...]:
        """The symbols of assets, each once."""
        found = []
        for name in names:
            asset = find_asset(self._engine.assets, name)
            if asset is None:
                raise invalid(f"asset not found: {name}")
            found.append(asset.symbol)
        return tuple(dict.fromkeys(found))
