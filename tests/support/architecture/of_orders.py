"""How an order is worked: what, in short, and where (first the place that decides)."""

from __future__ import annotations

from repeg.budget.ledger import REQUESTS_PER_WINDOW, URGENT_DIVISOR
from repeg.domain import patience as wait
from repeg.domain.book import BOOK_LASTS
from repeg.domain.ladder.opening import PATIENCE_ENDS_AFTER_OPEN, PLAN_ENDS_AFTER_OPEN
from repeg.domain.order.reservation import REQUESTS_PER_CHILD, REQUESTS_PER_PROTECTION
from repeg.domain.settings import Settings
from tests.support.architecture.tables import seconds

_DEFAULT = Settings()

WHERE = (
    (
        "what a signal may say",
        "a kind, a symbol and a size; what breaks that is a recorded refusal, `invalid_signal`",
        "domain/signals/parsing.py: parse_signal",
    ),
    (
        "how a message becomes an order",
        "its `signal_id` is claimed once; the record is written, then its execution started; the same body again is "
        "nothing new, another one is `signal_conflict`",
        "intake.py: Intake, domain/signals/intake.py",
    ),
    (
        "a message that cannot be taken in",
        f"tried again up to {wait.MAX_DELIVERIES - 1} times in an outage, {wait.FAULTY_AFTER_DELIVERIES} times if it "
        "is at fault itself; then a dead letter, with an alert",
        "domain/deliveries.py: is_given_up, wiring/inbox.py",
    ),
    (
        "whether an order may be worked now: session, expiry, time left before the close",
        f"a signal expires after {seconds(wait.SIGNAL_LIFETIME)} unless it says otherwise; entries end "
        f"{seconds(wait.ENTRY_MARGIN_BEFORE_CLOSE)}, brackets {seconds(wait.BRACKET_MARGIN_BEFORE_CLOSE)} before the "
        "close",
        "domain/rules/walking.py: may_start, domain/patience.py, domain/rules/timing.py: session_verdict",
    ),
    (
        "what follows when a child order is over: filled, cancelled, expired at the close",
        "the first row that fits of a table, printed into [order-life.md](order-life.md)",
        "domain/rules/endings.py: CHILD_OVER, worker/outcome.py: after_close",
    ),
    (
        "waiting for an open",
        f"parked: later orders of the symbol pass; it is looked at every {seconds(wait.LONGEST_SLEEP)}, and a minute "
        "before",
        "domain/rules/parking.py: parked_seconds",
    ),
    (
        "whose turn it is",
        "one order at a time trades a symbol: the first in line, by arrival, that is not parked. A close ends all "
        "that came before it but exits (what they bought, it sells), so that it is next; an exit under way is left "
        "to finish",
        "store/turns.py: Lines, worker/supersede.py: supersede",
    ),
    (
        "taking an order or a rebalance back",
        "it is handed to an execution that ends it, and a word in the table keeps what is on its way from being sent; "
        f"of a signal that is not there yet it is kept for {seconds(wait.EARLY_CANCEL_LIVES)}",
        "cancels.py: Cancels take_back, domain/rules/life.py: may_be_taken_back",
    ),
    (
        "orders outside the regular session",
        "brackets only, by limits, with the setting on, and if the signal says `unprotected_ok`: no stop works "
        "before the next open",
        "domain/rules/timing.py: _extended_problem session_verdict",
    ),
    (
        "what quote may be traded on",
        f"two-sided, not crossed, at most {_DEFAULT.max_quote_age_seconds} s old (in a quiet symbol "
        f"{_DEFAULT.max_quiet_quote_age_seconds} s), at most {_DEFAULT.max_spread_bps} bps wide for an entry",
        "domain/market/quotes.py: QuoteRules quote_rules",
    ),
    (
        "the first minutes after an open",
        f"a wide spread is waited out for {seconds(PATIENCE_ENDS_AFTER_OPEN)} at most; for "
        f"{seconds(PLAN_ENDS_AFTER_OPEN)} the plan of the pre-market assessment may narrow the cap",
        "domain/ladder/opening.py: waits_for_spread opening_cap",
    ),
    (
        "all of that, in the order in which it is asked",
        "the step `AssessMarket`; an order that passes sends its first child order in the same invocation",
        "steps/assess.py: assess",
    ),
    (
        "which ladder and cap a symbol takes",
        "a plain order's by its class: see [the ladders](#the-ladders); a bracket's are settings, an exit has no cap, "
        "and a signal's own come first",
        "domain/ladder/routing.py: classify route cap_bps, domain/rules/timing.py: classified ladder_of",
    ),
    ("what rungs a ladder has", "see [the ladders](#the-ladders)", "domain/ladder/rungs.py: LADDERS"),
    (
        "how the cap becomes a price",
        f"measured from the reference, rounded inward, at least {_DEFAULT.cap_floor_ticks} tick wide; a signal's own "
        "cap is never widened",
        "domain/ladder/pricing.py: worst_price Cap.at_least",
    ),
    (
        "ticks, rounding, fractions of shares",
        "a cent from a dollar up; limits are rounded to the side that pays less, quantities down",
        "domain/money.py: tick_size round_passive floor_qty",
    ),
    (
        "an amount in dollars",
        "becomes shares at the worst price that the cap allows; a bracket's at its limit, whole shares only",
        "domain/rules/timing.py: size_notional, domain/rules/bracket_entry.py: released_bracket",
    ),
    (
        "an exit that would meet orders of the account on the other side",
        "is priced a tick off them, as the broker refuses what could trade with itself",
        "domain/ladder/pricing.py: off_the_wall",
    ),
    (
        "what a rung sends, and a market order beyond the cap",
        "no limit is beyond the cap. A market order is sent only while the touch is inside the cap and shows enough "
        "shares; else a limit rests at the worst price in its place",
        "domain/ladder/pricing.py: price_rung",
    ),
    (
        "which rung is next, and when the ladder is over",
        "each rung once. What must complete walks it again and again: with `completion: must` for "
        f"{wait.COMPLETION_WINDOW_SECONDS} s, exits until the close",
        "domain/rules/walking.py: next_rung",
    ),
    (
        "nothing is sent any more because the price ran away",
        "before the first send, when the touch has run beyond the cap since the release: the order ends, "
        "`slippage_exceeded`",
        "domain/rules/walking.py: runaway",
    ),
    (
        "ids: of orders, executions, child orders and OCOs",
        "pure functions of what they are for: the order's of its signal, a child's of the order and its number "
        "(`...-e1`, an OCO's `...-p1`), and of a token of this table: who sends again sends the same id",
        "domain/order/record.py: order_id_for Order.client_order_id Order.name_at_broker, store/identity.py, "
        "executions.py",
    ),
    (
        "how a child order is sent",
        f"its id and terms are saved, then it is sent once, within {seconds(wait.SEND_WITHIN)} of that; a worker "
        "that wakes later must save again, which it cannot if another one owns the order",
        "worker/send.py: send, steps/place.py: place",
    ),
    (
        "a submit without an answer",
        f"looked up by our id, then in the list of orders, after {seconds(wait.LOOKUP_BACKOFF_SECONDS)} in turn; if "
        f"it is nowhere, sent once more under the same id ({wait.MAX_SENDS} sends at most). That it never was sent "
        f"is concluded when no sender can live: after {seconds(wait.SENDER_LIFE)}",
        "steps/place.py: place, worker/lookup.py: look_up",
    ),
    (
        "an order that shows after it was given up for never sent",
        f"looked for by the sweep after {seconds(wait.LATE_LOOKS[0])} and {seconds(wait.LATE_LOOKS[1])}; guarded "
        "shares keep their OCO, anything else is taken back, and reported",
        "care/given_up.py: look_for_given_up, worker/send.py: answer_for",
    ),
    (
        "what proves that an order at the broker is ours",
        "our id, and the terms that were written down; a stranger that bears our id is left alone, and alerted",
        "domain/proof/ours.py: contradiction",
    ),
    (
        "whether a child order filled, and is left to rest",
        f"read by id {seconds(wait.LINGER_SECONDS)} after it was sent, then every "
        f"{seconds(wait.CHECK_AFTER_SECONDS)} until its patience is over; a bracket's entry at "
        f"{seconds(wait.FIRST_CHECKS_AT_SECONDS)}, then every {seconds(wait.SLOWEST_CHECK_SECONDS)} at the longest",
        "domain/rules/walking.py: patience_left, worker/outcome.py: proceed",
    ),
    (
        "a bracket's entry that filled in part",
        f"gets {seconds(wait.PARTIAL_FILL_GRACE_SECONDS)} for the rest, as what is bought has no stop meanwhile",
        "domain/rules/walking.py: patience_left",
    ),
    (
        "a fill without a price, figures that do not agree",
        f"read again after {seconds(wait.PRICE_LAGS_SECONDS)}, or every few seconds while they disagree; nothing is "
        "measured from what is missing",
        "worker/entered.py: priced, domain/order/children.py: Doubt",
    ),
    (
        "a fill that one answer made up",
        "believed until the account speaks against it (a refused OCO, a position, a listing, the journal of fills): "
        "then two more reads decide; what is at work goes on, what is over is taken back, the record follows",
        "worker/unfilled.py: goes_on_unfilled settle, care/unfilled.py: without_made_up_fills, "
        "domain/reconcile/trades.py: made_up_fills",
    ),
    (
        "an order that somebody replaced at the broker",
        "its successor is followed, and the fills of both are added up",
        "domain/order/chains.py: added_up, worker/lookup.py: successor_of",
    ),
    (
        "how a child order is cancelled",
        f"asked for once (again while that is unclear), then read after {seconds(wait.CANCEL_BACKOFF_SECONDS)} in "
        f"turn until it is over by id; alerted after {seconds(wait.CANCEL_ALARM_AFTER)}, and what is filled is "
        "protected meanwhile",
        "steps/cancel.py: cancel",
    ),
    (
        "a rung at whose price a child order rests already",
        "it stays where it is, and stands for that rung, too",
        "domain/rules/resting.py: kept_for",
    ),
    (
        "a refusal by the broker",
        "looked up by our id before it is believed; one table says which are, and which are tried again, how often; "
        "what it does not name ends the ladder",
        "domain/rules/refusals.py: TABLE, broker/alpaca_errors.py: submit_refusal",
    ),
    (
        "a broker that does not answer",
        f"an entry gives up after {wait.BROKER_TRIES} failures in a row; an exit alerts, and tries on",
        "steps/place.py: place",
    ),
    (
        "what the account's requests may be used for",
        f"{REQUESTS_PER_WINDOW} in any minute, each debited before it is sent; one in {URGENT_DIVISOR} is kept for "
        f"exits and cancels. Before an entry {REQUESTS_PER_CHILD} are set aside, {REQUESTS_PER_PROTECTION} more for "
        "a bracket's protection",
        "budget/ledger.py: Ledger, domain/order/reservation.py",
    ),
    (
        "a step that keeps failing",
        "`SecurePosition`: what is live is cancelled, what filled is learnt, the shares are seen to, the order ends "
        "`failed`",
        "steps/secure.py: secure",
    ),
    (
        "a function that is throttled, dies, or does not answer",
        "the machine asks again: ten times if it never ran, else four times, then `SecurePosition`; after 90 s of "
        "silence it counts as failed. Said at the top of the definition",
        "statemachines/execute_order.asl.yaml",
    ),
    (
        "who halts trading, and what then is still sent",
        "an operator, by account, strategy or symbol, read between the save and the send of each entry; or a trip, for "
        f"the account: {_DEFAULT.trip_protection_failures} orders that end without protection within "
        f"{_DEFAULT.trip_protection_minutes} minutes, {_DEFAULT.trip_broker_errors} requests in a row that are not "
        "served, and where they are set the day's loss and differences of the book. Exits are sent whatever is halted",
        "domain/halt.py: halt_of, domain/trips.py, store/halts.py, store/trips.py, worker/trips.py, care/trips.py",
    ),
    (
        "limits that an order is held to before each send",
        "one table for what needs no counter, one for a day's counters, for the account and its strategy; off by "
        f"default but the price collar, {_DEFAULT.price_collar_bps} bps. An entry is counted once, under its own name, "
        "and what it did not use is given back. Exits pass unseen",
        "domain/limits.py: LIMITS COUNTED refused, steps/gate.py: held_back, domain/counters.py, store/limits.py, "
        "care/stock.py",
    ),
    (
        "the account as it was seen a moment ago",
        f"positions, and equity if a limit needs it, kept by the sweep for {BOOK_LASTS.seconds} s: spares a bracket's "
        "entry the read of its position, and refuses nobody by itself",
        "domain/book.py: Book, worker/book.py: shown_position book_for",
    ),
    (
        "with what status and reason an order ends",
        "the first row that fits of a table, printed into [order-life.md](order-life.md#how-it-ends); several "
        "reasons: the one that stands first in `Reason`",
        "domain/rules/endings.py: ENDINGS",
    ),
    (
        "its figures: slippage, shortfall, seconds to fill",
        "slippage against the reference, shortfall against the mid on arrival",
        "domain/rules/walking.py: concluded",
    ),
    (
        "at which stage an order is, and who goes on with it",
        "the first rule that fits of a table, printed into [order-life.md](order-life.md)",
        "domain/rules/life.py: stage_of taken_up STATES",
    ),
    (
        "what is written when it is over",
        "the terminal record leaves the line in one transaction; then it is alerted if it calls for it, published, "
        "and marked published: each at least once",
        "steps/record.py: record",
    ),
    (
        "which fields change when it waits, goes on, or ends",
        "one function for each thing that happens to an order",
        "domain/order/course.py",
    ),
    (
        "who may write a record, and what a worker that wakes late can do",
        "each write names the execution that owns the record and the version that was read, and fails if either "
        "moved on: then nothing is sent either, as nothing is sent that was not written",
        "store/fenced.py: Fenced, domain/order/fence.py",
    ),
    (
        "any wait, pause, limit or number of tries",
        "one file, each with its why",
        "domain/patience.py",
    ),
)
