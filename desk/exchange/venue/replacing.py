"""Replacing an order by another one: a request that takes effect later, if the old order is still there then."""

from __future__ import annotations

from decimal import Decimal
from functools import partial
from typing import Any

from msgspec.structs import replace

from desk.exchange.market.model import ZERO, Order, OrderClass, OrderType, Role, Status
from desk.exchange.market.requests import OrderRequest, Replacement
from desk.exchange.rules.admission import check_means, price_to_reserve
from desk.exchange.rules.conflicts import check_opposite
from desk.exchange.rules.drafting import timing, trail_from
from desk.exchange.rules.exits import check_stop, check_stop_leg, check_target
from desk.exchange.rules.settings import nanoseconds
from desk.exchange.rules.shape import check_trail
from desk.exchange.venue.fate import Fate, Happening
from desk.exchange.venue.floor import Floor
from desk.exchange.venue.groups import Groups
from desk.exchange.venue.life import Life
from desk.exchange.venue.state import State
from desk.exchange.wire.errors import invalid, unprocessable

_PRICED = (OrderType.LIMIT, OrderType.STOP_LIMIT)
_STOPPED = (OrderType.STOP, OrderType.STOP_LIMIT)


class Replacements:
    """The replace requests for the orders of a state."""

    def __init__(self, state: State, life: Life, groups: Groups, floor: Floor) -> None:
        self._state = state
        self._life = life
        self._groups = groups
        self._floor = floor

    def request(self, order_id: str, wanted: Replacement, fate: Fate | None = None) -> Order:
        """Accept a replacement or raise ApiError; returns the new order, which may still lose against a fill."""
        state = self._state
        old = state.find(order_id)
        _check_state(old)
        changed = _changes(old, wanted)
        if state.client_id_taken(wanted.client_order_id):
            raise invalid("client_order_id must be unique")
        new = replace(
            replace(old, **changed),
            id=state.new_id(),
            # The old order keeps its own, so that looking that up finds the order that was replaced:
            # forum.alpaca.markets/t/945.
            client_order_id=wanted.client_order_id or state.new_id(),
            number=len(state.orders) + 1,
            status=Status.PENDING_NEW,
            created_at=state.now,
            updated_at=state.now,
            replaces=old.id,
            live=False,
            **self._remainder(old, changed.get("qty") or old.qty or ZERO),
        )
        if wanted.trail is not None and new.hwm is not None:
            new = trail_from(new, new.hwm)
        if wanted.time_in_force is not None:
            new = replace(new, expires_at=timing(state.now, new.time_in_force, new.extended_hours).expires_at)
        asked = changed.get("qty")
        new = replace(new, reserve_price=self._readmit(old, new))
        state.change(old, "pending_replace", status=Status.PENDING_REPLACE, replaced_by=new.id)
        state.record("accepted", new)
        effective = state.now + nanoseconds(state.settings.replace_ms)
        state.schedule.add(effective, partial(self._take_over, old.id, new.id, asked, fate), relative=True)
        return new

    def _readmit(self, old: Order, new: Order) -> Decimal:
        """The rules of the market and the account for the order as it would be; returns the price to reserve at."""
        state = self._state
        standing = state.standing(new.symbol, without=old)
        last = standing.last_price
        if new.role is Role.STOP_LOSS and new.stop_price != old.stop_price:
            # Only a price that changes is judged: one that was fine when it was sent may have been overtaken by the
            # market.
            for base in self._bases(new, last):
                check_stop_leg(new.side, new.stop_price, base)
        elif new.type in _STOPPED and new.stop_price != old.stop_price:
            check_stop(new.side, new.stop_price, last)
        if new.role is Role.TAKE_PROFIT and new.order_class is not OrderClass.OCO and not new.covered:
            check_target(new.side, new.limit_price, last)
        if new.covered:
            return new.limit_price or new.stop_price or ZERO
        request = _as_request(new)
        check_opposite(request, new.position_intent, standing.open_orders, new.role)
        # Its own shares must not count against it, as they did at Alpaca for a while: alpacahq/Alpaca-API#282.
        reserve_price = price_to_reserve(request, new.position_intent, standing)
        check_means(request, new.position_intent, reserve_price, standing)
        return reserve_price

    def _bases(self, stop: Order, last: Decimal | None) -> tuple[Decimal | None, ...]:
        """Prices that measure a stop leg: its entry's while that is open, else its target's and the market."""
        prices = {m.role: m.limit_price or m.stop_price or last for m in self._state.members(stop)}
        if Role.ENTRY in prices:
            return (prices[Role.ENTRY],)
        return prices.get(Role.TAKE_PROFIT), last

    def _remainder(self, old: Order, asked: Decimal) -> dict[str, Any]:
        """Quantity and fills of an order that is for `asked` shares, those included that the old one has filled."""
        if self._state.settings.replace_carries_fills:
            return {"qty": asked, "filled_qty": old.filled_qty, "filled_value": old.filled_value}
        return {"qty": asked - old.filled_qty, "filled_qty": ZERO, "filled_value": ZERO}

    def _take_over(self, old_id: str, new_id: str, asked: Decimal | None, fate: Fate | None) -> None:
        state = self._state
        old, new = state.find(old_id), state.find(new_id)
        if new.status.final:
            self._restore(old)
            return
        qty = asked if asked is not None else old.qty
        assert qty is not None
        # A fill, a cancel or the stop price may have come first; then the old order is the one that counts.
        waits = old.status is Status.PENDING_REPLACE and old.elected == new.elected
        # A 200 promises nothing: docs.alpaca.markets/reference/patchorderbyorderid-1.
        if not waits or qty <= old.filled_qty:
            self._refuse(old, new)
            return
        if fate is not None:
            take_over = partial(self._take_over, old_id, new_id, asked, None)
            fate(Happening(state, new, go_on=take_over, refuse=partial(self._refuse, old, new)))
            return
        # The old order went on trailing while the replacement was under way.
        if new.type is OrderType.TRAILING_STOP and old.hwm is not None:
            new = trail_from(new, old.hwm)
        state.change(old, "replaced", status=Status.REPLACED, replaced_at=state.now)
        held = old.covered
        becomes: dict[str, Any] = {
            "status": Status.HELD if held else Status.NEW,
            "covered": held,
            "live": old.live or not held,
        }
        new = state.change(new, "held" if held else "new", **becomes, **self._remainder(old, qty))
        # Only now: a replacement that never takes over has no life to end.
        state.schedule.add(new.expires_at, partial(self._life.expire, new.id))
        if new.live and not held:
            self._groups.reached_market(new)
            self._floor.match(new.symbol)

    def _refuse(self, old: Order, new: Order) -> None:
        self._life.end(new, Status.REJECTED)
        self._restore(old)

    def _restore(self, old: Order) -> None:
        if old.status is not Status.PENDING_REPLACE:
            return
        working = Status.PARTIALLY_FILLED if old.filled_qty else Status.NEW
        status = Status.HELD if old.covered else working
        self._state.change(old, "replace_rejected", status=status, replaced_by=None)


def _check_state(old: Order) -> None:
    status = old.status
    if status is Status.REPLACED:
        raise unprocessable("order already replaced")
    if status.final:
        raise unprocessable("unable to replace order, order is not open")
    if status in (Status.PENDING_CANCEL, Status.PENDING_REPLACE):
        raise unprocessable(f"cannot replace order in {status} status")
    if old.succeeding:
        raise unprocessable("order chain not fully replaced")
    unsent = status is Status.HELD and not old.covered
    if unsent or status in (Status.ACCEPTED, Status.PENDING_NEW):
        # Seen for a replacement that took effect all the same: alpacahq/alpaca-trade-api-python#306.
        raise invalid("unable to replace order, order isn't sent to exchange yet")
    if old.notional is not None:
        raise unprocessable("notional orders cannot be replaced")


def _changes(old: Order, wanted: Replacement) -> dict[str, Any]:
    """The fields that become different; ApiError if one may not, or none does."""
    _check_fields(old, wanted)
    fields: dict[str, Any] = {
        "qty": wanted.qty,
        "time_in_force": wanted.time_in_force,
        "limit_price": wanted.limit_price,
        "stop_price": wanted.stop_price,
        "trail_price" if old.trail_price is not None else "trail_percent": wanted.trail,
    }
    changed = {name: value for name, value in fields.items() if value is not None and value != getattr(old, name)}
    if not changed:
        # Was a 403 in 2021: alpacahq/alpaca-trade-api-js#123.
        raise unprocessable("order parameters are not changed")
    return changed


def _check_fields(old: Order, wanted: Replacement) -> None:
    name = old.type.value.replace("_", " ")
    if wanted.qty is not None and wanted.qty != old.qty:
        if old.order_class is not OrderClass.SIMPLE:
            raise unprocessable("qty cannot be changed for advanced orders")
        if not old.whole:
            raise unprocessable("qty cannot be changed for fractional orders")
        if wanted.qty <= old.filled_qty:
            raise unprocessable("qty must be > filled_qty")
    if wanted.time_in_force is not None and not wanted.time_in_force.rests:
        raise invalid("invalid time_in_force")
    if wanted.limit_price is not None and old.type not in _PRICED:
        raise invalid(f"{name} orders must not have a limit price")
    if wanted.stop_price is not None and old.type not in _STOPPED:
        raise invalid(f"{name} orders must not have a stop price")
    if wanted.trail is not None:
        if old.type is not OrderType.TRAILING_STOP:
            raise invalid(f"{name} orders must not have a trail")
        percent = old.trail_percent is not None
        check_trail(None if percent else wanted.trail, wanted.trail if percent else None)


def _as_request(order: Order) -> OrderRequest:
    return OrderRequest(
        symbol=order.symbol,
        side=order.side,
        type=order.type,
        time_in_force=order.time_in_force,
        qty=(order.qty or ZERO) - order.filled_qty,
        limit_price=order.limit_price,
        stop_price=order.stop_price,
    )
