"""Order views read for an audit: numbers for their texts, and the names that an order has at the broker."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from repeg.domain.order.children import ChildStatus
from repeg.domain.order.protection import SPENT_REMEMBERED
from repeg.domain.reasons import Status

View = dict[str, Any]
ZERO = Decimal(0)


@dataclass(frozen=True)
class Child:
    """A child order as recorded."""

    name: str
    type: str
    limit: Decimal | None
    qty: Decimal
    filled: Decimal
    price: Decimal | None
    status: str

    @property
    def closed(self) -> bool:
        """True when it can never fill again, by the record."""
        return ChildStatus(self.status).closed


@dataclass(frozen=True)
class Oco:
    """An OCO as recorded, with its levels as they are at the broker."""

    name: str
    qty: Decimal
    stop: Decimal
    target: Decimal
    status: str
    closed: bool


@dataclass(frozen=True)
class Exit:
    """Shares that left. `source` is the broker's id of a leg, or our id of the order that took them."""

    source: str
    reason: str
    qty: Decimal
    price: Decimal | None


@dataclass(frozen=True)
class Recorded:
    """An order as its view tells it. Quantities are shares, prices dollars."""

    order_id: str
    signal_id: str
    kind: str
    parent_id: str | None
    rebalance_id: str | None
    symbol: str
    side: str | None
    status: Status
    requested: Decimal | None
    remaining: Decimal
    filled: Decimal
    price: Decimal | None
    cap: Decimal | None
    """The worst price that a limit may fill at."""
    held: Decimal
    """Shares of a bracket that have not left."""
    protected: bool
    bare_by_choice: bool
    """Bought outside the session, by a signal that takes that nothing protects it before the open."""
    old_way: bool
    """Priced by the signal alone: whether a target is worth its risk nobody asked."""
    exits_moved: bool
    """An adjust moved them: they may lie anywhere beside the fill."""
    children: tuple[Child, ...]
    older: int
    """Child orders that are not listed any more."""
    ocos: tuple[Oco, ...]
    exits: tuple[Exit, ...]

    @property
    def sign(self) -> int:
        """+1 for a buy, -1 for a sell."""
        return 1 if self.side == "buy" else -1

    def older_names(self) -> set[str]:
        """Names of child orders that a record of few may have left out."""
        return _left_out([child.name for child in self.children], newest=0) if self.older else set()

    def older_oco_names(self) -> set[str]:
        """Names of OCOs that a record of few may have left out."""
        return _left_out([oco.name for oco in self.ocos], newest=SPENT_REMEMBERED)


def read(view: View) -> Recorded:
    """The record behind a view."""
    asked = view["requested_qty"] if view["working_qty"] is None else view["working_qty"]
    return Recorded(
        order_id=view["order_id"],
        signal_id=view["signal_id"],
        kind=view["kind"],
        parent_id=view["parent_id"],
        rebalance_id=view["rebalance_id"],
        symbol=view["symbol"],
        side=view["side"],
        status=Status(view["status"]),
        requested=_number(view["requested_qty"]),
        remaining=Decimal(asked or 0) - Decimal(view["filled_qty"]),
        filled=Decimal(view["filled_qty"]),
        price=_number(view["avg_fill_price"]),
        cap=_number(view["worst_price"]),
        held=Decimal(view["unexited_qty"]),
        protected=bool(view["protected"]),
        bare_by_choice=view["outside_session"] and view["unprotected_ok"],
        old_way=view["max_slippage_bps"] is None and view["exit_anchor"] == "signal",
        exits_moved=view["exits_moved"],
        children=tuple(_child(child) for child in view["rungs"]),
        older=view["older_rungs"],
        ocos=tuple(_oco(oco) for oco in view["protections"]),
        exits=tuple(
            Exit(gone["source"], gone["reason"], Decimal(gone["qty"]), _number(gone["price"])) for gone in view["exits"]
        ),
    )


def _child(view: View) -> Child:
    return Child(
        name=view["client_order_id"],
        type=view["type"],
        limit=_number(view["limit_price"]),
        qty=Decimal(view["qty"]),
        filled=Decimal(view["filled_qty"]),
        price=_number(view["avg_fill_price"]),
        status=view["status"],
    )


def _oco(view: View) -> Oco:
    return Oco(
        name=view["client_order_id"],
        qty=Decimal(view["qty"]),
        stop=Decimal(view["stop"]),
        target=Decimal(view["target"]),
        status=view["status"],
        closed=view["closed_at"] is not None,
    )


def _number(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def _left_out(names: list[str], newest: int) -> set[str]:
    """Our names at the broker are numbered: those of lower numbers that are not listed, but for the `newest`."""
    if not names:
        return set()
    stem = names[-1].rstrip("0123456789")
    last = int(names[-1].removeprefix(stem) or 0)
    return {f"{stem}{number}" for number in range(1, last - newest + 1)} - set(names)
