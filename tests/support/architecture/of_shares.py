"""What a bracket holds, and how closes free and sell it: what, in short, and where."""

from __future__ import annotations

from repeg.domain import patience as wait
from repeg.domain.settings import Settings
from tests.support.architecture.tables import seconds

_DEFAULT = Settings()

WHERE = (
    (
        "what must be true before a bracket's entry is sent",
        "a limit within the cap of the signal's price, enough reward for the risk at the price to be had, no "
        "opposite position; a short only of what is easy to borrow",
        "domain/rules/bracket_entry.py: refused_at position_problem short_problem",
    ),
    (
        "where limit, stop and target lie",
        "the distances of the signal, measured from the fill (or kept, with `exit_anchor: signal`); the stop rounded "
        "inward",
        "domain/order/bracket.py: Bracket, domain/rules/bracket_exit.py: levels_of",
    ),
    (
        "a fill that is not worth holding",
        f"reward over risk at the fill below {_DEFAULT.SMART_EXECUTOR_MIN_RR_RATIO}, a price beyond the cap, or a "
        "fill through the stop: the shares are exited at once by an order of their own (ladder `unwind`), "
        "and the order ends `unwound`; what a close took over and did not sell is judged, and left, no less",
        "domain/order/bracket.py: Bracket.fill_problem, domain/rules/entered.py: not_worth_holding, "
        "domain/rules/bracket_entry.py: with_terms, "
        "steps/protect.py: protect, worker/bare.py: leave, steps/unwind.py: unwind",
    ),
    (
        "how shares are protected",
        "one OCO over all whole shares, sent in the same invocation as the fill; it counts once both legs were seen "
        "live",
        "steps/protect.py: protect, domain/order/protection.py",
    ),
    (
        "an OCO that is refused",
        f"tried again for {sum(wait.FORM_WAITS)} s; shares are sold only if a fresh quote shows the market through "
        "the stop; else they stay, alerted, and are tried by the sweep",
        "worker/bare.py: after_refusal",
    ),
    (
        "exits that an adjust moves",
        "the new levels are saved beside the old ones, the OCO is cancelled, read until that is certain, and placed "
        "anew: bare for less than a second. Refused, the old ones come back at once. A level that the market has "
        "passed is refused, or, with force, sells",
        "steps/move_exits.py: move_exits, domain/rules/moving.py: misplaced passed, domain/proof/agreement.py: "
        "exits_moved exits_put_back",
    ),
    (
        "what is looked at every minute, and in which order",
        "clock, positions, orders whose execution died, entries that stand still, what was given up, schedules that "
        "did not fire, metrics; then rebalances, and whose keys they are",
        "care/sweep.py: sweep",
    ),
    (
        "shares that no record has",
        "of an entry that nobody has looked at for 30 s after somebody should have, the sweep asks the broker; what it "
        "bought, and is bare, is alerted like any other bare share. Of entries that move nothing is asked",
        "care/unseen.py: look_for_unseen",
    ),
    (
        "a position whose stop is gone, or was passed",
        f"found by the sweep, every minute. Put back {seconds(wait.CARE_GRACE)} later, by the second sweep that sees "
        f"it gone; alerted after {seconds(wait.BARE_TOLD_AFTER)} of session. Past its stop for "
        f"{seconds(wait.THROUGH_FOR)}: exited. All rules: [last-line-of-defence.md](last-line-of-defence.md)",
        "domain/proof/defence.py: RULES, care/watch.py: watch_positions",
    ),
    (
        "what proves how much of an OCO is left",
        "two answers that say the same of what it took, whether it is over and what took its place, of three at most; "
        "a close, which looks at the account before it sells, takes down by one",
        "domain/proof/answers.py: one_will_do agree, worker/oco.py: read_oco",
    ),
    (
        "what proves that shares are gone",
        "both reads of the position, no live OCO over them, and an order that took as many; else nothing is traded: "
        "frozen",
        "domain/proof/evidence.py: weigh",
    ),
    (
        "what an operator may decide about a frozen position",
        "`repeg resolve`: shares and levels as given, or forgotten",
        "domain/proof/resolving.py",
    ),
    (
        "splits and stock dividends",
        "believed when two answers of the broker's data confirm them; shares and levels are rescaled, and protected "
        "anew",
        "domain/proof/evidence.py: weigh rescaled, worker/evidence.py: actions_by_two, worker/adjust.py: adjusted",
    ),
    (
        "which fields change when shares are guarded, bare, or to be left",
        "one function for each thing that happens to them; what a close takes on is in `closing.py` beside it, what "
        "a look at the account comes to in `domain/proof/agreement.py`",
        "domain/order/guarding.py",
    ),
    (
        "how many shares a sell or a close may work",
        "what the account holds and no order holds; a close frees what brackets protect first, oldest first, no more "
        "than needed; a sell never opens a short",
        "domain/rules/sizing.py: size_close limit_sell releases",
    ),
    (
        "how a close frees protected shares",
        "their OCOs are cancelled and read until they are over; alerted after "
        f"{seconds(wait.TAKE_DOWN_STUCK_AFTER)}. A close that must wait {seconds(wait.BARE_WHILE_CLOSING)} puts "
        "protection back first; what a close of a part leaves is protected beside a child order that rests",
        "steps/release.py: release, worker/take_down.py: take_down, worker/restore.py: guard_beside",
    ),
    (
        "orders of others that hold shares",
        "left alone, unless the close's signal says that they give way",
        "worker/foreign.py: make_way",
    ),
    (
        "how a close ends, and whose shares it sold",
        "`filled` only if the account shows what it should leave; shares of no bracket count first, then the oldest "
        "bracket's",
        "domain/proof/leftover.py: explained, domain/proof/leaving.py: booked",
    ),
    (
        "what is alerted, and how often",
        f"one line that ends with the command to begin with; what lasts again every {seconds(wait.TOLD_AGAIN_AFTER)}",
        "domain/order/alerts.py: order_line, domain/history.py: is_due",
    ),
)
