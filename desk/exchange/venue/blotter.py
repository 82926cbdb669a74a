"""Every order ever accepted, in all its versions."""

from __future__ import annotations

from collections.abc import Iterator

from desk.exchange.market.model import Order


class Blotter:
    """Orders by id, by client id, and the open ones by symbol."""

    def __init__(self) -> None:
        # All versions are kept, because a list may lag behind (list_lag_ms) and must show an order as it was.
        self._versions: dict[str, list[tuple[int, Order]]] = {}
        self._by_client_id: dict[str, str] = {}
        # By symbol, as matching asks at every quote; dicts for sets that keep their order.
        self._open: dict[str, dict[str, None]] = {}
        self._groups: dict[str, dict[str, None]] = {}

    def __len__(self) -> int:
        return len(self._versions)

    def put(self, order: Order) -> None:
        """Store a new order or the next version of a known one."""
        self._versions.setdefault(order.id, []).append((order.updated_at, order))
        self._by_client_id[order.client_order_id] = order.id
        if order.group is not None:
            self._groups.setdefault(order.group, {})[order.id] = None
        open_here = self._open.setdefault(order.symbol, {})
        if order.status.final:
            open_here.pop(order.id, None)
        else:
            open_here[order.id] = None

    def get(self, order_id: str) -> Order | None:
        versions = self._versions.get(order_id)
        return versions[-1][1] if versions else None

    def by_client_id(self, client_order_id: str) -> Order | None:
        order_id = self._by_client_id.get(client_order_id)
        return self.get(order_id) if order_id else None

    def as_of(self, instant: int) -> Iterator[Order]:
        """Orders as they were at the instant, oldest first; later ones are left out."""
        for versions in self._versions.values():
            seen = next((order for at, order in reversed(versions) if at <= instant), None)
            if seen is not None:
                yield seen

    def forget_versions(self, instant: int) -> None:
        """Keep the last version of each order, as known since the instant (the clock was set back to it)."""
        for order_id, versions in self._versions.items():
            at, order = versions[-1]
            self._versions[order_id] = [(min(at, instant), order)]

    def group(self, order: Order) -> list[Order]:
        """All orders of its group, itself included, oldest first."""
        ids = self._groups.get(order.group, ()) if order.group is not None else (order.id,)
        return [self._versions[order_id][-1][1] for order_id in ids]

    def open(self, symbol: str | None = None) -> list[Order]:
        """Orders that are not final, oldest first."""
        if symbol is not None:
            return [self._versions[order_id][-1][1] for order_id in self._open.get(symbol, ())]
        orders = [self._versions[order_id][-1][1] for ids in self._open.values() for order_id in ids]
        return sorted(orders, key=lambda order: order.number)
