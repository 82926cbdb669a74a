"""Alpaca's JSON for orders, positions, the account, assets and market data."""

from __future__ import annotations

from decimal import Context, Decimal
from typing import Any

from desk.exchange.market.account import Position, held
from desk.exchange.market.model import SHARE_STEP, ZERO, Asset, Bar, Order, Quote, Status, Trade
from desk.exchange.market.moments import eastern, utc_text
from desk.exchange.market.prices import plain
from desk.exchange.market.sessions import Session
from desk.exchange.venue.engine import Engine

Json = dict[str, Any]
_RATIO = Decimal("0.000001")
# Some billions of shares at some billions of dollars have more digits than Python rounds by itself.
_WIDE = Context(prec=80)


def _nine(value: Decimal) -> Decimal:
    return value.quantize(SHARE_STEP, context=_WIDE)


def _time(instant: int | None) -> str | None:
    return None if instant is None else utc_text(instant)


def order_json(order: Order, legs: list[Order] | None = None) -> Json:
    """An order: every number a string, null where there is none; with its legs if there are any given."""
    return {
        "id": order.id,
        "client_order_id": order.client_order_id,
        "created_at": _time(order.created_at),
        "updated_at": _time(order.updated_at),
        "submitted_at": _time(order.created_at),
        "filled_at": _time(order.filled_at),
        "expired_at": _time(order.expired_at),
        "expires_at": _time(order.expires_at),
        "canceled_at": _time(order.canceled_at),
        "failed_at": _time(order.failed_at),
        "replaced_at": _time(order.replaced_at),
        "replaced_by": order.replaced_by if order.status is Status.REPLACED else None,
        "replaces": order.replaces,
        "asset_id": order.asset_id,
        "symbol": order.symbol,
        "asset_class": order.asset_class,
        "notional": plain(order.notional),
        "qty": plain(order.qty),
        "filled_qty": plain(order.filled_qty),
        "filled_avg_price": plain(order.avg_price),
        "order_class": order.order_class.value,
        "order_type": order.type.value,
        "type": order.type.value,
        "side": order.side.value,
        "position_intent": order.position_intent.value,
        "time_in_force": order.time_in_force.value,
        "limit_price": plain(order.limit_price),
        "stop_price": plain(order.stop_price),
        "status": order.status.value,
        "extended_hours": order.extended_hours,
        "legs": [order_json(leg) for leg in legs] if legs else None,
        "trail_percent": plain(order.trail_percent),
        "trail_price": plain(order.trail_price),
        "hwm": plain(order.hwm),
        "subtag": None,
        "source": None,
        "ratio_qty": None,
        **_group_json(order),
    }


def _group_json(order: Order) -> Json:
    """What binds an order to others, of brackets, OCO and OTO alone."""
    return {"group_id": order.group, "group_role": order.role.value} if order.group and order.role else {}


def position_json(engine: Engine, position: Position) -> Json:
    """A position valued at the last sale; a short has negative numbers."""
    asset = engine.asset(position.symbol)
    price = engine.mark(position.symbol) or position.avg_entry_price
    value, cost = position.qty * price, position.qty * position.avg_entry_price
    gain = value - cost
    ratio = (gain / abs(cost)).quantize(_RATIO, context=_WIDE) if cost else ZERO
    kept = held(engine.orders.open(position.symbol))
    sign = 1 if position.qty > 0 else -1
    return {
        "asset_id": asset.id,
        "symbol": position.symbol,
        "exchange": asset.exchange,
        "asset_class": asset.asset_class,
        "asset_marginable": asset.marginable,
        "avg_entry_price": plain(_nine(position.avg_entry_price)),
        "qty": plain(position.qty),
        "qty_available": plain(sign * max(ZERO, abs(position.qty) - kept)),
        "side": "long" if position.qty > 0 else "short",
        "market_value": plain(_nine(value)),
        "cost_basis": plain(_nine(cost)),
        "unrealized_pl": plain(_nine(gain)),
        "unrealized_plpc": plain(ratio),
        "unrealized_intraday_pl": plain(_nine(gain)),
        "unrealized_intraday_plpc": plain(ratio),
        "current_price": plain(price),
        "lastday_price": plain(price),
        "change_today": "0",
    }


def account_json(engine: Engine) -> Json:
    """The account, valued now."""
    ledger, value = engine.ledger, engine.valuation()
    account = ledger.account
    return {
        "id": engine.account_id,
        "account_number": account.account_number,
        "status": account.status,
        "crypto_status": "INACTIVE",
        "currency": "USD",
        "buying_power": plain(value.buying_power),
        "regt_buying_power": plain(value.buying_power),
        "effective_buying_power": plain(value.buying_power),
        "non_marginable_buying_power": plain(value.non_marginable),
        "options_buying_power": "0",
        "cash": plain(ledger.cash),
        "accrued_fees": "0",
        "portfolio_value": plain(value.equity),
        "trading_blocked": account.trading_blocked,
        "transfers_blocked": account.transfers_blocked,
        "account_blocked": account.account_blocked,
        "trade_suspended_by_user": account.trade_suspended_by_user,
        "shorting_enabled": account.may_short,
        "multiplier": plain(account.leverage),
        "equity": plain(value.equity),
        "last_equity": plain(account.last_equity),
        "long_market_value": plain(value.long_value),
        "short_market_value": plain(value.short_value),
        "position_market_value": plain(value.long_value + value.short_value),
        "initial_margin": plain(value.initial_margin),
        "maintenance_margin": plain(value.maintenance_margin),
        "last_maintenance_margin": plain(value.maintenance_margin),
        "sma": "0",
        "created_at": "2024-01-02T14:30:00Z",
        "balance_asof": eastern(engine.now).date().isoformat(),
    }


def asset_json(asset: Asset) -> Json:
    borrow = "easy_to_borrow" if asset.easy_to_borrow else "hard_to_borrow"
    return {
        "id": asset.id,
        "class": asset.asset_class,
        "exchange": asset.exchange,
        "symbol": asset.symbol,
        "name": asset.name or asset.symbol,
        "status": asset.status,
        "tradable": asset.tradable,
        "marginable": asset.marginable,
        "shortable": asset.shortable,
        "easy_to_borrow": asset.easy_to_borrow,
        "borrow_status": borrow,
        "fractionable": asset.fractionable,
        "maintenance_margin_requirement": 30,
        "margin_requirement_long": "30",
        "margin_requirement_short": "30",
        "attributes": list(asset.attributes),
    }


def session_json(session: Session, settlement: str) -> Json:
    def clock(instant: int, form: str) -> str:
        return eastern(instant).strftime(form)

    return {
        "date": session.day.isoformat(),
        "open": clock(session.open, "%H:%M"),
        "close": clock(session.close, "%H:%M"),
        "session_open": clock(session.pre_open, "%H%M"),
        "session_close": clock(session.post_close, "%H%M"),
        "settlement_date": settlement,
    }


def quote_json(quote: Quote, now: int) -> Json:
    """A latest quote; an empty side has price and size 0 and no venue."""
    return {
        "t": utc_text(quote.stamp(now)),
        # An empty side is told as price 0 and venue blank; sizes are shares since 2025-11-03, round lots before.
        "ax": "Q" if quote.ask > 0 else " ",
        "ap": _number(quote.ask),
        "as": int(quote.ask_size),
        "bx": "Q" if quote.bid > 0 else " ",
        "bp": _number(quote.bid),
        "bs": int(quote.bid_size),
        "c": ["R"],
        "z": "C",
    }


def trade_json(trade: Trade, at: int) -> Json:
    return {
        "t": utc_text(at),
        "x": "Q",
        "p": _number(trade.price),
        "s": _printed(trade.size),
        "c": ["@"],
        "i": trade.at // 1_000 % 1_000_000_000,
        "z": "C",
    }


def bar_json(bar: Bar) -> Json:
    return {
        "t": utc_text(bar.at),
        "o": _number(bar.open),
        "h": _number(bar.high),
        "l": _number(bar.low),
        "c": _number(bar.close),
        "v": _printed(bar.volume),
        "n": bar.count,
        "vw": _number(bar.vwap),
    }


def status_json(halted: bool, at: int) -> Json:
    """The trading status of a symbol that halts or resumes."""
    return {
        "sc": "H" if halted else "T",
        "sm": "Trading Halt" if halted else "Trading Resumption",
        "rc": "T1" if halted else "",
        "rm": "Halt News Pending" if halted else "",
        "t": utc_text(at),
        "z": "C",
    }


def imbalance_json(price: Decimal, at: int) -> Json:
    return {"p": _number(price), "z": "C", "t": utc_text(at)}


def _printed(size: Decimal) -> int:
    """Shares as the tape prints them, which has no fractions.

    Less than one is one, and of more the fraction is cut off: finra.org, 2023 report on examination and risk
    monitoring, "fractional shares". Strict clients cannot read a page with anything else.
    """
    return max(1, int(size)) if size else 0


def _number(value: Decimal) -> int | float:
    return int(value) if value % 1 == 0 else float(value)
