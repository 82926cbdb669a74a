"""Brackets: the entry's limit, reward and risk, and where stop and target go. Prices in dollars, whole shares."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from repeg.domain.ladder.pricing import ZERO, cap_distance, worst_price
from repeg.domain.market.quotes import Quote
from repeg.domain.models import Frozen, Side, direction, opposite
from repeg.domain.money import (
    SUB_DOLLAR_TICK,
    beyond,
    clamp_to_worst,
    nearest_tick,
    plain,
    quoted,
    round_passive,
    told_apart,
)
from repeg.domain.order.verdicts import Refusal
from repeg.domain.reasons import Reason

ExitAnchor = Literal["fill", "signal"]


class Levels(Frozen):
    """The prices, in dollars, at which a position is exited."""

    stop: Decimal
    target: Decimal

    def risk_reward(self, price: Decimal, side: Side) -> Decimal | None:
        """Reward over risk of a position entered on `side` at `price`; None when there is no risk left to divide by."""
        risk = (price - self.stop) * direction(side)
        return (self.target - price) * direction(side) / risk if risk > 0 else None


class Bracket(Frozen):
    """What a bracket signal asks for. Without `cap_bps` and `min_rr` nothing is checked: that is the legacy way."""

    side: Side
    signal_price: Decimal
    stop_loss: Decimal
    take_profit: Decimal
    anchor: ExitAnchor
    cap_bps: Decimal | None = None
    cap_floor: Decimal = ZERO
    """Dollars from the signal's price that the cap is at least."""
    min_rr: Decimal | None = None
    moved_stop: Decimal | None = None
    moved_target: Decimal | None = None
    """Where an adjust put an exit before anything was bought: there it lies, whatever is paid."""

    @property
    def meant_stop(self) -> Decimal:
        """The stop that holds, as far as it does not move with the price."""
        return self.moved_stop or self.stop_loss

    @property
    def worst(self) -> Decimal | None:
        """The cap as a price."""
        if self.cap_bps is None:
            return None
        return worst_price(self.signal_price, self.cap_bps, self.side, self.cap_floor)

    @property
    def _capped_by_ticks(self) -> bool:
        return self.cap_bps is not None and self.cap_floor > cap_distance(self.signal_price, self.cap_bps, ZERO)

    def levels_at(self, price: Decimal) -> Levels:
        """Stop and target of an entry at `price`: the stop rounded inward to a tick, the target outward."""
        asked = self._asked_at(price)
        return Levels(stop=self.moved_stop or asked.stop, target=self.moved_target or asked.target)

    def _asked_at(self, price: Decimal) -> Levels:
        """As the signal has them: what the reward for the risk of an entry is judged by."""
        # Not by what was moved: whoever lowers a target has said that the trade is worth it all the same.
        stop, target = self.stop_loss, self.take_profit
        if self.anchor == "fill":
            stop = price + (self.stop_loss - self.signal_price)
            target = price + (self.take_profit - self.signal_price)
        # Rounded so that reward over risk never falls below what the signal asked for. And a signal may put a stop, or
        # a short's target, at next to nothing: a price of 0 would be refused, and the shares stay bare.
        away = opposite(self.side)
        lowest = SUB_DOLLAR_TICK
        return Levels(stop=max(round_passive(stop, away), lowest), target=max(round_passive(target, away), lowest))

    def limit(self, buffer: Decimal) -> Decimal:
        """The entry's limit: the signal's price and `buffer` (a fraction of it), to the nearest tick.

        Clamped to the cap, and to the price at which reward over risk is still the minimum.
        """
        return clamp_to_worst(self._capped_limit(buffer), self._price_of_min_rr(), self.side)

    def look(self, quote: Quote, buffer: Decimal) -> tuple[Decimal, Refusal | None]:
        """The price that an entry would get at this quote, and why it is not worth having, or None.

        Checked in the order in which reasons take precedence.
        """
        touch, price = quote.touch(self.side), self.entry_price(quote, buffer)
        problem = self.stop_problem(quote, price)
        if problem:
            return touch, problem
        if beyond(touch, self.worst, self.side):
            return touch, Refusal(
                reason=Reason.SLIPPAGE_EXCEEDED, detail=f"{quoted(touch)} is beyond {quoted(self.worst)}"
            )
        return price, self._reward_problem(price)

    def entry_price(self, quote: Quote, buffer: Decimal) -> Decimal:
        """What an entry would pay now: the far touch, or its limit where it would rest."""
        touch = quote.touch(self.side)
        return touch if self.cap_bps is None else clamp_to_worst(touch, self._capped_limit(buffer), self.side)

    def stop_problem(self, quote: Quote, price: Decimal) -> Refusal | None:
        """Why an entry at `price` would be stopped out at once: the near touch is through its stop, or the signal's.

        Anchored at the fill, the stop moves with the price: in a wide market a fill at the far touch can have it beyond
        the near one, and be stopped out at once.
        """
        # The near touch is where the stop would sell. Held against the far one, an entry would be bought into a market
        # in which the broker refuses its stop.
        near = quote.touch(opposite(self.side))
        stops = (self.meant_stop, self.levels_at(price).stop)
        stop = max(stops) if self.side == "buy" else min(stops)
        if (near - stop) * direction(self.side) > 0:
            return None
        whose = "" if stop == self.meant_stop else f" of an entry at {quoted(price)}"
        return Refusal(reason=Reason.STOP_THROUGH, detail=f"{near} is through the stop at {quoted(stop)}{whose}")

    def fill_problem(self, price: Decimal) -> Refusal | None:
        """Why an entry filled at `price` (an average) must be exited again, or None."""
        # The market may fall through the stop between the last look and the fill. Anchored at the fill, the stop would
        # move down with it, and the bracket hold what its signal calls a failed trade.
        if self.min_rr is not None and (price - self.meant_stop) * direction(self.side) <= 0:
            detail = f"filled at {quoted(price)}, through the stop at {quoted(self.meant_stop)}"
            return Refusal(reason=Reason.STOP_THROUGH, detail=detail)
        if beyond(price, self.worst, self.side):
            return Refusal(
                reason=Reason.SLIPPAGE_EXCEEDED, detail=f"filled at {quoted(price)}, beyond {quoted(self.worst)}"
            )
        return self._reward_problem(price)

    def _reward_problem(self, price: Decimal) -> Refusal | None:
        if self.min_rr is None:
            return None
        ratio = self._asked_at(price).risk_reward(price, self.side)
        if ratio is not None and ratio >= self.min_rr:
            return None
        # Through the signal's stop, not through the one that holds: a better price.
        if ratio is None and self.moved_stop:
            return None
        seen = "no risk left to measure by" if ratio is None else f"1:{told_apart(ratio, self.min_rr, 2)}"
        return Refusal(
            reason=Reason.RISK_REWARD_TOO_LOW, detail=f"R/R at {quoted(price)} is {seen}, below 1:{plain(self.min_rr)}"
        )

    def _capped_limit(self, buffer: Decimal) -> Decimal:
        if buffer and self.worst is not None and self._capped_by_ticks:
            # The buffer is less than a tick, too: rounded away, it would leave a limit that meets no market.
            return self.worst
        limit = nearest_tick(self.signal_price * (1 + direction(self.side) * buffer))
        return clamp_to_worst(limit, self.worst, self.side)

    def _price_of_min_rr(self) -> Decimal | None:
        """Anchored at the fill, levels move with the price, and any price leaves the same reward for the risk."""
        if self.min_rr is None or self.anchor == "fill":
            return None
        levels = self._asked_at(self.signal_price)
        return round_passive((levels.target + self.min_rr * levels.stop) / (1 + self.min_rr), self.side)
