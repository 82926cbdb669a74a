"""Control requests that let happen what no request of a client brings about: the end of one leg alone."""

from __future__ import annotations

from typing import Any

from desk.exchange.engine import Engine
from desk.exchange.errors import ControlError
from desk.exchange.fields import body_of, only, symbol, text
from desk.exchange.model import Order, Role, Status
from desk.exchange.views import order_json
from desk.exchange.web import Reply, Request

_NAMES = ("order_id", "client_order_id", "symbol")
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

    def _leg(self, body: dict[str, Any], role: Role) -> Order:
        members = self._named_group(body)
        found = [member for member in members if member.role is role]
        if not found:
            raise ControlError(f"role: the group has no open {role} leg")
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
        return self._engine.groups.members(order)


def _one_of(name: str, value: Any, known: tuple[str, ...]) -> str:
    if value not in known:
        raise ControlError(f"{name}: one of {', '.join(known)} is needed")
    return str(value)
