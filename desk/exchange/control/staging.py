"""Control requests that let happen what no request of a client brings about: the end of one leg alone, a split."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from desk.exchange.alpaca.views import order_json
from desk.exchange.market.corporate import ActionType, CorporateAction
from desk.exchange.market.model import Order, Role, Status
from desk.exchange.market.moments import eastern
from desk.exchange.market.prices import plain
from desk.exchange.venue.corporate import OrderPolicy, carry_out
from desk.exchange.venue.engine import Engine
from desk.exchange.wire.errors import ControlError
from desk.exchange.wire.fields import body_of, day, flag, number, only, symbol, text
from desk.exchange.wire.web import Reply, Request

_NAMES = ("order_id", "client_order_id", "symbol")
_ACTION_FIELDS = (
    *("symbol", "type", "new_rate", "old_rate", "rate"),
    *("announce", "apply", "orders", "cash_in_lieu"),
)
_DAYS = ("ex_date", "process_date", "record_date", "payable_date")
# Shares have nine decimals and a Decimal 28 digits: beyond these, a product with a price would be rounded.
_LARGEST_RATIO, _MOST_SHARES = Decimal(10_000), Decimal(10) ** 12
_ROLES = (Role.STOP_LOSS.value, Role.TAKE_PROFIT.value)
_ENDS = (Status.CANCELED.value, Status.REJECTED.value, Status.EXPIRED.value)


class Staging:
    """Events of the broker's own, for one engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def end_leg(self, request: Request) -> Reply:
        """End one leg of a group; the others live on."""
        body = body_of(request)
        only(body, (*_NAMES, "role", "event"))
        role = Role(_one_of("role", body.get("role"), _ROLES))
        end = Status(_one_of("event", body.get("event"), _ENDS))
        leg = self._leg(body, role)
        self._engine.groups.lose(leg, end)
        return Reply(200, order_json(self._engine.find(leg.id)))

    def corporate_action(self, request: Request) -> Reply:
        """Announce a split or stock dividend in the market data, carry it out in the account, or both."""
        body = body_of(request)
        only(body, (*_ACTION_FIELDS, *_DAYS))
        announce, apply = (flag(name, body.get(name, True)) for name in ("announce", "apply"))
        if not announce and not apply:
            raise ControlError("apply: neither announced nor carried out")
        policy = OrderPolicy(_one_of("orders", body.get("orders", OrderPolicy.QUANTITY), tuple(OrderPolicy)))
        price = body.get("cash_in_lieu")
        cash_in_lieu = None if price is None else number("cash_in_lieu", price)
        action = self._action(body)
        _check_sizes(self._engine, action)
        book = self._engine.books.get(action.symbol)
        if book is not None:
            book.split()
        if announce:
            self._engine.announced.append(action)
        if apply:
            carry_out(self._engine, action, policy, cash_in_lieu)
        return Reply(200, {**action.as_json(), "position_qty": plain(self._engine.ledger.held(action.symbol))})

    def _action(self, body: dict[str, Any]) -> CorporateAction:
        kind = ActionType(_one_of("type", body.get("type"), tuple(ActionType)))
        new_rate, old_rate = _rates(kind, body)
        days = {name: day(name, body[name]) for name in _DAYS if body.get(name) is not None}
        # Of today unless said otherwise: whoever plays a split now need not know the market's date.
        ex_date = days.get("ex_date", eastern(self._engine.now).date())
        return CorporateAction(
            id=self._engine.new_id(),
            type=kind,
            symbol=self._engine.asset(symbol(body.get("symbol"))).symbol,
            new_rate=new_rate,
            old_rate=old_rate,
            ex_date=ex_date,
            process_date=days.get("process_date", ex_date),
            record_date=days.get("record_date"),
            payable_date=days.get("payable_date"),
        )

    def _leg(self, body: dict[str, Any], role: Role) -> Order:
        members = self._named_group(body)
        found = [member for member in members if member.role is role]
        if not found:
            raise ControlError(f"role: the group has no open {role} leg")
        # No guess which was meant: the wrong stop ended would be a scene that proves nothing.
        if len(found) > 1:
            raise ControlError("symbol: more than one group is open, name one of its orders")
        return found[0]

    def _named_group(self, body: dict[str, Any]) -> list[Order]:
        """Open orders of the group that an order of it names, or of all groups in a symbol."""
        given = [name for name in _NAMES if body.get(name) is not None]
        if len(given) != 1:
            raise ControlError(f"{_NAMES[0]}: one of {', '.join(_NAMES)} is needed")
        orders, (name,) = self._engine.orders, given
        if name == "symbol":
            return [o for o in orders.open(symbol(body[name])) if o.group is not None and not o.succeeding]
        value = text(name, body[name])
        order = orders.get(value) if name == "order_id" else orders.by_client_id(value)
        if order is None or order.group is None:
            raise ControlError(f"{name}: no order of a group is called {value}")
        return self._engine.members(order)


def _check_sizes(engine: Engine, action: CorporateAction) -> None:
    """Refuse an action after which there would be shares beyond what Python counts exactly."""
    orders = [order.qty or order.filled_qty for order in engine.orders.open(action.symbol)]
    largest = max([abs(engine.ledger.held(action.symbol)), *orders])
    if not 1 / _LARGEST_RATIO <= action.ratio <= _LARGEST_RATIO or largest * action.ratio >= _MOST_SHARES:
        raise ControlError("new_rate: out of range")


def _rates(kind: ActionType, body: dict[str, Any]) -> tuple[Decimal, Decimal]:
    if kind is ActionType.STOCK_DIVIDEND:
        only(body, {*_ACTION_FIELDS, *_DAYS} - {"new_rate", "old_rate"})
        return _above_zero("rate", body), Decimal(1)
    only(body, {*_ACTION_FIELDS, *_DAYS} - {"rate"})
    new, old = _above_zero("new_rate", body), _above_zero("old_rate", body)
    # Alpaca lists the two kinds apart; one under the other's name would be a ratio upside down.
    if (new <= old) if kind is ActionType.FORWARD_SPLIT else (new >= old):
        raise ControlError(f"new_rate: not that of a {kind}")
    return new, old


def _above_zero(name: str, body: dict[str, Any]) -> Decimal:
    value = number(name, body.get(name))
    if value == 0:
        raise ControlError(f"{name}: must be above 0")
    return value


def _one_of(name: str, value: Any, known: tuple[str, ...]) -> str:
    if value not in known:
        raise ControlError(f"{name}: one of {', '.join(known)} is needed")
    return str(value)
