"""Every wait, pause and limit of an order's life, each with its why.

For how long what the market or the account showed is believed stands where that is: `market/quotes.py`, `book.py`,
`loss.py`, `ladder/opening.py`, the clock's in `repeg/clock.py`.

`..._SECONDS` are seconds of market time (what the machine waits, or a step sleeps), timedeltas market time too unless
they say wall. A backoff is a tuple: its n-th entry is the n-th wait, its last one every further wait.
"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal


def backoff(waits: tuple[int, ...], count: int) -> int:
    """The wait after `count` waits, in seconds."""
    return waits[min(count, len(waits) - 1)]


# ---- a child order in the market ----
LINGER_SECONDS = 0.15
"""How long a step watches a fresh order (or cancel) before it lets the state machine wait: most are done by then."""
LONGEST_SLEEP_SECONDS = 0.5
"""A step sleeps out a fraction of a second; a longer one is cheaper as a whole second of the machine's Wait."""
MARKET_PATIENCE = Decimal(5)
"""A market order is filled at once or waits for a halt to end: it is looked at again soon."""
STANDARD_PATIENCE = Decimal(5)
CHECK_AFTER_SECONDS = 2
"""A rung of seconds is looked at about once before its time is up."""
FIRST_CHECKS_AT_SECONDS = (3, 10)
SLOWEST_CHECK_SECONDS = 15
CHECKS_IN_A_REST = 6
"""A bracket's entry is looked at about so often while it rests, within bounds: each look costs a transition."""
PARTIAL_FILL_GRACE_SECONDS = Decimal(5)
"""A bracket's entry that began to fill gets so long for the rest: what is bought has no stop meanwhile."""
LONGEST_CHECKED_PATIENCE = Decimal(60)
"""A rung of up to a minute is checked every two seconds, a longer rest ever more seldom."""

# ---- a ladder ----
COMPLETION_WINDOW_SECONDS = 120
"""What must complete walks its ladder again for so long; an exit goes on behind that until the close."""
LONGEST_LAP_PATIENCE = Decimal(20)
"""A ladder that found no market is walked again ever more patiently, up to this."""
LONGEST_EXIT_PATIENCE = Decimal(300)
"""A record must hold a whole day of rungs that found no market."""
REJECTED_PAUSES_SECONDS = (2, 2, 5, 10, 30, 60, 120, 300)
"""What the exchange rejects, or somebody cancels, again and again is sent ever more seldom."""
NO_QUOTE_PAUSE_SECONDS = 2
NO_MARKET_PAUSE_SECONDS = 2
NO_MARKET_LOOKS = 5
"""Quotes that show no market are waited out for ten seconds: wide moments of a thin symbol last about so long."""
BAD_QUOTE_READS = 3
BAD_QUOTE_PAUSE_SECONDS = 0.7
"""A locked or crossed market lasts for less than two seconds, nearly always."""

# ---- a cancel ----
CANCEL_BACKOFF_SECONDS = (1, 1, 2, 2, 4, 5, 5, 5, 5, 10, 10, 10, 10, 30, 60)
"""Alpaca confirms nearly all cancels within a second. Those that take longer wait for a venue: five looks within the
first ten seconds, nine within the half minute after which the operator is alerted, then seldom."""
# Cancels have hung for hours, and off hours until the next open (forum.alpaca.markets thread 813): half a minute is
# more than any that is only slow.
CANCEL_ALARM_AFTER = timedelta(seconds=30)
STUCK_ENTRY_SECONDS = 5
"""An entry that hangs keeps what it bought from being settled: it is looked at so often while it does."""

# ---- an intent whose fate is unknown ----
SEND_WITHIN = timedelta(seconds=3)
"""Wall time. An intent that is older is not sent: its worker was held up, and another may have the order by now."""
LONGEST_STEP = timedelta(seconds=60)
"""Wall time. The functions' own time-out: no worker lives longer than that. A test compares it with the template."""
ON_ITS_WAY = timedelta(seconds=15)
"""Wall time. What was sent may lie in the network for so long, by clocks that may differ a little."""
SENDER_LIFE = LONGEST_STEP + ON_ITS_WAY
"""After so long nobody can be about to send an intent, and nothing of it is still on its way: only then "never sent"
may be concluded."""
LOOKUP_BACKOFF_SECONDS = (1, 2, 5)
"""Look-ups of an ambiguous submit happen at +1, +3 and +8 seconds: the order list lags by some 200 ms, a POST that
timed out after 5 s may take as long again."""
# Alpaca advises against resending after a time-out, as the order may be live
# (docs.alpaca.markets/docs/working-with-orders). Under the same id, and after look-ups, a resend can buy nothing twice.
MAX_SENDS = 2
"""The broker refuses a client order id that it knows: a second send is safe, a third would hide a fault."""
LOOKED_FOR = timedelta(minutes=10)
"""Before an exit sends again, it looks so long for what it gave up: a broker in trouble works off late what it took."""
LATE_LOOKS = (timedelta(minutes=3), timedelta(minutes=10))
"""Market time after which the sweep looks for what was given up: once and again, at one trading request each."""
LATE_LOOKS_A_SWEEP = 20
"""An outage may leave many of them: the sweep's first duty is to positions."""
FOLD_TRIES = 3
"""An accepted order in the hand of a worker that lost the record is folded in so often before it is taken back."""
CANCEL_LOOKS_SECONDS = (LINGER_SECONDS, 0.5, 1.0, 2.0)

# ---- a broker that does not answer, or refuses ----
KEYS_SECONDS = 30.0
"""Wall seconds for which a function goes by the keys (or the webhook's secret) that it read; refused, it reads anew."""
READ_BACKOFF_SECONDS = (1, 2, 5, 10, 20, 30, 60)
BROKER_TRIES = 4
"""An entry gives up after so many failures in a row, about eight seconds; an exit alerts the operator and tries on."""
# Alpaca has refused valid keys now and then, for hours (alpacahq/Alpaca-API #118, #228): an exit outlasts that.
KEYS_PAUSE_SECONDS = 30
"""An exit waits so long for the operator to put keys right, and tries again."""
LAG_WAITS = (1, 1, 1)
"""A position shows a trade within a second, three in bad moments: a refusal for lack of shares is tried again."""
FUNDS_WAITS = (1, 1, 2, 5)
"""What a cancelled rung tied up shows as free within seconds."""
OWN_ENTRY_WAITS = (1, 2, 5)
"""An entry of ours in the way of an exit is being cancelled: that takes no longer."""
WASH_WAITS = (1, 2, 5, 10, 20, 30)
FORM_WAITS = (1, 1, 1, 5, 10, 20)
"""A refused form of protection is tried for 38 seconds before it is believed: bare shares are alerted at 60."""
LAGS_FOR = timedelta(seconds=15)
"""The broker may count a child order as live for so long that is over."""
DOUBT_PAUSES = (1, 1, 2, 5, 10, 20)
"""Figures of the broker that do not agree are read again so far apart."""
DOUBT_LASTS_PAUSE = 60
"""Seconds between further reads; then the operator is alerted, too."""

EARLY_CANCEL_LIVES = timedelta(days=1)
"""A cancel of a signal that is not there is remembered so long: they come in different groups of one queue."""

# ---- a wait before the order is worked ----
SIGNAL_LIFETIME = timedelta(minutes=15)
"""From its creation, or from the open that it waits for, where its signal names no expiry."""
TURN_BACKOFF_SECONDS = (1, 2, 5, 10)
"""The next in line may have its turn within a second of the one before; longer than 10 s left turns unused."""
LONG_WITHOUT_TURN = 30
"""Looks a second apart of a position that must be exited; the cancel that it waits for should be confirmed by then."""
LONGEST_WAIT_SECONDS = 60
LONGEST_SLEEP = timedelta(minutes=30)
"""A look costs three transitions: over a weekend of looks each minute that was 32 cents an order."""
SET_FORWARD = timedelta(seconds=60)
"""Market time that nobody waited out: from here on the clock was set, and did not drift."""
SHARED_FOR = timedelta(seconds=60)
"""For so long one reading of the broker's clock may keep orders parked: it need not be read for each of them."""
OPENING_LOOK_SECONDS = 3
"""Spreads of the open narrow within minutes: an order that waits for one looks so often."""
MAX_WAITS_PER_EXECUTION = 500
"""An execution has room for 25,000 events, and a wait with its step takes about ten, more with retries. Then a fresh
execution takes over."""

# ---- an exit that finds its shares ----
POSITION_READS = 3
"""A position shows a trade within a second or two: it is read so often before the account is said to disagree."""
POSITION_LAG = timedelta(seconds=1)
# Orders and positions have differed for up to ten seconds (alpacahq/Alpaca-API #276).
SHOWS_AFTER = timedelta(seconds=10)
"""In bad moments a position shows so late what an order has traded: a refusal for lack of shares is the sign of one."""
UNEXPLAINED_LOOKS = 3
"""A position that shows more than a close leaves is looked at so often, beyond what may lag, before it is reported."""
POSITION_SHOWS_AFTER = timedelta(seconds=60)
"""By then a position shows a trade for certain."""
GIVE_WAY_LOOKS = 30
"""Looks a second apart at orders that were asked to give way; then the close goes on without their shares."""
BARE_WHILE_CLOSING = timedelta(seconds=30)
"""A close that waits longer than that for anything, behind the protection that it took down, puts it back first."""
UNREAD_OCO_PAUSE_SECONDS = 5
"""What a close has sold and an OCO holds by the record waits for that OCO to be read: nothing is at the market then."""
TAKE_DOWN_STUCK_AFTER = timedelta(seconds=30)
TAKE_DOWN_ASK_AGAIN_AFTER = timedelta(seconds=5)
UNWIND_LOOK_SECONDS = (1, 2, 2, 5, 5, 10)
CLOSED_PAUSE_SECONDS = 300

# ---- protection ----
UNSEEN_ALARM_LOOKS = 8
"""Looks at an OCO that was accepted and is not seen live, about two minutes, before the operator is alerted."""
PRICE_LAGS_SECONDS = (0.2, 0.5, 1.0)
"""A fill whose price is not reported yet is read again after so long: none is booked without one that can be had."""
# One odd quote must not sell what was bought a moment ago.
QUOTE_LOOKS_AFTER_FILL = 2
QUOTE_PAUSE_AFTER_FILL_SECONDS = 0.3
STUCK_OVERNIGHT_PAUSE_SECONDS = 300
STUCK_ENTRY_PAUSE_SECONDS = 30
"""What a hanging entry keeps the broker from protecting is tried again so often."""
# Shares are sold on evidence about their price, and one look may be one false quote.
SECOND_LOOK_SECONDS = 1
WAITED_OUT_SECONDS = 90
"""A wait that is over soon is waited out: who waits acts in the second that it ends."""

# ---- after a step kept failing ----
SECURE_PAUSE_SECONDS = 30
SECURE_ENTRY_ROUNDS = 5
"""An entry that sent nothing outlasts four minutes of trouble: an outage must not end all that wait for an open."""
SECURE_PROTECT_ROUNDS = 3
SECURE_LONGEST_PAUSE_SECONDS = 10
SECURE_LOOKUPS = len(LOOKUP_BACKOFF_SECONDS) + 1
AT_ONCE_WITHIN_SECONDS = 10
"""Wall time. A step held up longer leaves the rest to the machine: the function's own time would run out."""

# ---- the sweep ----
# At 40 to 60 ms an order a sweep of 800 never came to the last ones: positions go first, and who was left out begins
# the next sweep.
POSITIONS_WITHIN = timedelta(seconds=25)
"""Wall time that looking at positions may take of a sweep's 50 s, ..."""
ORDERS_WITHIN = timedelta(seconds=40)
"""... and all of it."""
OVERDUE = timedelta(minutes=5)
"""Wall time after which an order that does not move asks for a person: longer than any step with all its retries."""
UNMOVED = timedelta(seconds=30)
"""Market time after an entry should have been looked at: who works on it is dead, or stands still, and what it buys
meanwhile nobody knows of. Longer than a step that waits for a slow broker takes."""
BLIND_AT_MOST = timedelta(minutes=3)
"""The sweep looks each minute: two that failed are bad luck, a third is alerted."""
HISTORIES = 20
"""Executions whose last movement one sweep asks for."""
# Leaving it off for good would make a slip of the hand cost an unprotected position.
CARE_GRACE = timedelta(seconds=50)
"""Somebody who cancels protection by hand, to sell by hand, gets this long before it is restored: by the second sweep
that sees it gone, one to two minutes after the cancel."""
CARE_AHEAD_OF_OPEN = timedelta(seconds=60)
"""What waits for the open is begun so long before it, and waits there: no share is bare until a sweep comes by."""
CARE_BACKOFF_MINUTES = (1, 1, 2, 2, 5, 10)
"""After refusals of some minutes shares are bare for two more at most; through those of hours they are tried seldom."""
DISAGREES_AFTER = timedelta(seconds=50)
"""What does not fit is looked at by two sweeps before anything is concluded."""
BARE_TOLD_AFTER = timedelta(seconds=60)
"""Of session: longer without protection is alerted again and again."""
# Sell stops were reported not to be executed across halts (forum.alpaca.markets thread 5940), and Alpaca makes a buy
# stop a stop-limit (docs.alpaca.markets/docs/orders-at-alpaca), which a gap leaves behind unfilled.
THROUGH_FOR = timedelta(seconds=30)
"""Of session: what the stop should have sold is still there, so it does not work."""
ERRORS_LAST = timedelta(minutes=5)
"""Requests not served are in a row with those before for so long (wall time); orders in trouble ask oftener."""
TOLD_AGAIN_AFTER = timedelta(minutes=15)
"""What lasts is alerted again so often: seldom enough to be read, often enough not to be forgotten."""
END_TOLD_FOR = timedelta(minutes=10)
"""A metric of the sweep's that is back at nothing is told for so long, and then no more: it is billed by the hour."""

# ---- the comparison of the book ----
LOOKS_APART_SECONDS = 10
"""What differs is compared again after so long: orders and positions have disagreed for ten seconds
(github.com/alpacahq/Alpaca-API/issues/276)."""
JOURNAL_SHOWS_AFTER = timedelta(seconds=60)
"""By then the journal of fills is believed to show what an order filled; what it lacks is read by its id."""
COMPARED_AFTER = timedelta(seconds=60)
"""An order that came, was handed on or ended a moment ago may still be being taken up, or cleared away."""
COMPARED_WITHIN = timedelta(seconds=40)
"""Wall time after which a comparison begins nothing more: what is left the next one finds again."""
COUNTS_FOR = timedelta(minutes=15)
"""What the last comparison found is told by the sweep for so long: the comparison after next has replaced it."""

# ---- the session ----
WAITS_BEFORE_OPEN = timedelta(minutes=30)
"""A signal that comes so long before the open waits for it of itself."""
# For the cancel of what is not filled: off hours it could hang until the next open.
ENTRY_MARGIN_BEFORE_CLOSE = timedelta(seconds=10)
BRACKET_MARGIN_BEFORE_CLOSE = timedelta(seconds=90)
"""Time to protect what a bracket bought, or to exit it again."""
EXIT_MARGIN_BEFORE_CLOSE = timedelta(seconds=2)

REBALANCE_MARGIN_BEFORE_CLOSE = timedelta(minutes=5)
"""What is sold must be bought again within the session: later, a rebalance would strand half of a portfolio."""

# ---- a rebalance ----
LEGS_AT_ONCE = 20
"""Legs at work at once: enough to use up a minute's requests, few enough that the largest come before the smallest."""
LEGS_LOOK_SECONDS = (1, 1, 2, 2, 3, 5)
"""Most legs are over within seconds; the slowest ladders take half a minute."""
LEG_HANGS_AFTER = timedelta(minutes=10)
"""Market time from its placing: longer than any leg takes, but for a cancel that hangs, or a close in a halt."""
PRICES_LOOK_SECONDS = (1, 1, 2, 2, 3, 5, 10, 20, 30)
"""A look costs four trading requests, and exits need them, too: what does not pass soon is looked at more seldom."""
PRICES_AGREE_WITHIN = timedelta(minutes=2)
"""Prices that contradict each other stop a plan. Misprints last for seconds; what lasts is for a person to look at."""
ANSWERED_TWICE_WITHIN = timedelta(seconds=2)
"""What the broker says that forbids a plan for good is asked for three times within so long."""
TRADABLE_WITHIN = timedelta(seconds=60)
"""A symbol without a market, or with an order at work, is waited for so long; then the others are traded without it."""
ON_RECORD_AFTER = timedelta(seconds=15)
"""So long after a signal arrived its order may not be on record yet, nor in the index: intake's function lives for ten
seconds, and clocks differ."""
SETTLES_WITHIN = timedelta(seconds=20)
"""Orders that go on filling hold a plan up for so long; then what they bought counts as spent, shown or not."""
SHOWS_LEGS_SECONDS = (1, 1, 2, 2, 4)
"""The account may show a leg's shares, or its cash, some seconds late (Alpaca-API 276: ten in bad moments)."""
REBALANCE_GIVEN_UP_AFTER = timedelta(minutes=10)
"""Of a broker that does not answer: weights of ten minutes ago are still wanted, those of an hour ago may not be."""
REBALANCE_TROUBLE_ROUNDS = 10
"""Rounds of a step that keeps failing, half a minute apart, before a rebalance is given up; its legs go on."""

# ---- a message of the queue ----
MAX_DELIVERIES = 100
"""The queue's own limit (`maxReceiveCount`): with the pauses below, some 45 minutes of an outage.

The last delivery is not tried any more: invocations that died would otherwise end in the dead letters without a word.
"""
TOLD_AFTER_DELIVERIES = 5
"""A message that failed so often, seconds apart, is alerted once."""
FAULTY_AFTER_DELIVERIES = 3
"""So often is one tried whose failure no outage explains: what follows it in its group must not wait for a defect."""
DELIVERY_PAUSES_SECONDS = (1, 2, 2, 2, 2, 5, 10, 20, 30)
