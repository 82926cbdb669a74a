"""Why an order ended as it did. One enum, in order of precedence; the table in docs/ is generated from it."""

from __future__ import annotations

from enum import StrEnum


class Status(StrEnum):
    """Life of an order. Everything after WORKING is terminal."""

    RECEIVED = "received"
    WAITING = "waiting"
    WORKING = "working"
    FILLED = "filled"
    PARTIALLY_FILLED = "partially_filled"
    UNFILLED = "unfilled"
    REJECTED = "rejected"
    UNWOUND = "unwound"
    SUPERSEDED = "superseded"
    FAILED = "failed"
    DONE = "done"

    @property
    def terminal(self) -> bool:
        """True when no more is bought or sold for it; what a bracket holds may still be exited later."""
        return self not in {Status.RECEIVED, Status.WAITING, Status.WORKING}


class Reason(StrEnum):
    """Machine-readable cause. When several apply, the one listed first is reported."""

    def __new__(cls, value: str, explanation: str) -> Reason:
        member = str.__new__(cls, value)
        member._value_ = value
        member.explanation = explanation
        return member

    explanation: str

    INVALID_SIGNAL = "invalid_signal", "The signal breaks the contract; the event names the field and the fix."
    SIGNAL_CONFLICT = "signal_conflict", "The signal_id was used before with another body; the first stands."
    UNKNOWN_ORDER = (
        "unknown_order",
        "Nothing is known of the signal that is named. If it comes within a day of a cancel, nothing is sent for it.",
    )
    NOTHING_TO_CANCEL = (
        "nothing_to_cancel",
        "What a cancel names is over, or is none that is taken back; the event says how it stands.",
    )
    EXPIRED = "expired", "The signal's expiry passed before the order could be worked."
    CANCELLED = "cancelled", "A cancel took the order back; the event says which."
    HALTED = (
        "halted",
        "Trading is halted: by an operator, by a trip, or as it cannot be read whether it is; the event says which.",
    )
    REDUCING_ONLY = "reducing_only", "Only orders that reduce a position are taken."
    SUPERSEDED = "superseded", "A close for the symbol took over."
    MARKET_CLOSED = "market_closed", "The session is closed, or too close to its end for the next rung."
    EXTENDED_HOURS_DISABLED = (
        "extended_hours_disabled",
        "Entries outside the session are switched off (SMART_EXECUTOR_ENABLE_EXTENDED_HOURS, USE_SMART_EXECUTOR).",
    )
    EXTENDED_UNPROTECTED = (
        "extended_unprotected",
        "Outside the regular session nothing can protect a position; the signal must say unprotected_ok.",
    )
    NOT_TRADABLE = "not_tradable", "The broker does not trade the symbol."
    NOT_SHORTABLE = "not_shortable", "The symbol cannot be sold short."
    NO_POSITION = "no_position", "There is no position that it could sell, buy back or protect."
    OPPOSITE_POSITION = "opposite_position", "The account holds the opposite position."
    NOT_A_BRACKET = "not_a_bracket", "The order has no exits that could be moved: only a bracket has."
    POSITION_FROZEN = (
        "position_frozen",
        "Record and account disagree about the position: nothing is moved until they agree, or `repeg resolve`.",
    )
    LEVELS_OUTDATED = (
        "levels_outdated",
        "A split, `repeg resolve` or a later adjust changed shares or exits since it was sent: its levels are old.",
    )
    HELD_BY_PROTECTION = (
        "held_by_protection",
        "Open orders hold the shares: a close frees what protects them; `repeg positions` shows what is left.",
    )
    HELD_BY_OTHER_ORDER = (
        "held_by_other_order",
        "An order that is not repeg's holds the shares; the event names it. A close may say foreign_orders: cancel.",
    )
    CUT_TO_POSITION = "cut_to_position", "More was asked for than is held: all that is held was sold."
    CUT_TO_CASH = "cut_to_cash", "The price rose: all that the cash set aside for the leg pays for was bought."
    NOT_FRACTIONABLE = "not_fractionable", "A fraction of a share stays: the broker trades the symbol in whole ones."
    MISCONFIGURED = "misconfigured", "The operator must fix keys, settings or subscription; the event says which."
    BROKER_UNAVAILABLE = "broker_unavailable", "The broker could not be reached, or its answer stayed unknown."
    NO_QUOTE = "no_quote", "There is no two-sided quote."
    STALE_QUOTE = "stale_quote", "The latest quote is too old to trade on."
    BAD_QUOTE = "bad_quote", "The quote stayed locked or crossed, too wide, or far from the last trade."
    NOTIONAL_TOO_SMALL = "notional_too_small", "The amount buys less than the smallest tradable quantity or one dollar."
    STOP_THROUGH = "stop_through", "The market is already through the stop."
    TARGET_THROUGH = (
        "target_through",
        "The market has reached the target that an adjust names: it would sell at once. With force it does.",
    )
    SLIPPAGE_EXCEEDED = "slippage_exceeded", "The price ran beyond the slippage cap."
    RISK_REWARD_TOO_LOW = "risk_reward_too_low", "The reward is too small for the risk at the price to be had."
    RISK_UNREADABLE = "risk_unreadable", "What a limit is measured by could not be read; nothing new was sent."
    RISK_SYMBOL = "risk_symbol", "The symbol is not among those that may be entered (allowed_symbols, denied_symbols)."
    RISK_SIGNAL_AGE = "risk_signal_age", "The signal is older than max_signal_age_seconds."
    RISK_PRICE_COLLAR = "risk_price_collar", "The price is worse than mid or last trade by more than price_collar_bps."
    RISK_ORDER_QTY = "risk_order_qty", "The entry is for more shares than max_order_qty."
    RISK_ORDER_NOTIONAL = "risk_order_notional", "The entry may cost more than max_order_notional."
    RISK_DAILY_LOSS = "risk_daily_loss", "The account, or the strategy, has lost max_daily_loss since the last close."
    RISK_POSITION = "risk_position", "The symbol's position would exceed max_position_fraction of equity."
    RISK_GROSS_EXPOSURE = "risk_gross_exposure", "All positions together would exceed max_gross_fraction of equity."
    RISK_DAILY_ORDERS = "risk_daily_orders", "max_daily_orders entries were sent today."
    RISK_DAILY_NOTIONAL = "risk_daily_notional", "Today's entries would cost more than max_daily_notional."
    RISK_OPEN_ORDERS = "risk_open_orders", "max_open_orders entries are at work."
    RISK_DUPLICATE = "risk_duplicate", "It looks like an entry of a moment ago (duplicate_window_seconds)."
    INSUFFICIENT_BUYING_POWER = "insufficient_buying_power", "The account cannot pay for the order."
    WASH_TRADE = "wash_trade", "An opposite order of this account rests in the market."
    DAY_TRADE_LIMIT = (
        "day_trade_limit",
        "The broker's day-trading rule refuses it until the next trading day, or until the account's equity is enough.",
    )
    CANCELLED_OUTSIDE = (
        "cancelled_outside",
        "Somebody cancelled or replaced its child order at the broker: that is taken as a wish, and no more is sent.",
    )
    BROKER_REJECTED = "broker_rejected", "The broker refused the order; the event holds its words."
    CLIENT_ORDER_ID_TAKEN = (
        "client_order_id_taken",
        "An order that is not ours bears the id of this one; nothing of it was believed, nothing more was sent.",
    )
    OVERFILLED = "overfilled", "The broker filled more than was asked; the alert names the surplus."
    FILL_TIMEOUT = "fill_timeout", "The ladder ran out before the order was filled."
    PROTECTION_FAILED = "protection_failed", "No protection could be placed; the event says what became of the shares."
    ACCOUNT_DISAGREES = (
        "account_disagrees",
        "What was seen is sold, and the account shows more, which nothing explains: that is not sold by itself.",
    )
    INTERNAL_ERROR = "internal_error", "A step kept failing; what was live was cancelled. The log has the error."
    CANCEL_STUCK = "cancel_stuck", "A cancel was not confirmed within 30 s; the symbol stayed locked until it was."


BY_A_LIMIT = frozenset(
    reason for reason in Reason if reason.startswith("risk_") and reason is not Reason.RISK_REWARD_TOO_LOW
)
"""A limit kept it from being sent."""
HELD_BACK = BY_A_LIMIT | {Reason.HALTED, Reason.REDUCING_ONLY, Reason.CANCELLED}
"""It was kept from being sent by what the operator set."""
