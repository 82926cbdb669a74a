"""Clock and data feed: what time the market has, who agrees, and whether quotes come."""

from __future__ import annotations

from datetime import datetime, timedelta

from desk.doctor.broker import CONNECT_S, READ_S, STATUS_PAGE, accepted_keys, hosts, mend_outage
from desk.doctor.case import Case
from desk.doctor.findings import Trouble
from desk.doctor.keys import fill_in
from desk.doctor.meter import CountingBudget
from desk.doctor.settings import read_settings
from desk.doctor.words import SET_CLOCK, aws, repeg, seconds_of
from desk.telling.figures import NEW_YORK, price
from repeg.broker.alpaca import AlpacaBroker, connect_alpaca
from repeg.clock import CALENDAR_AHEAD, CALENDAR_BACK, TRUSTED_FOR
from repeg.domain.history import ClockAnchor
from repeg.domain.market.quotes import Quote, quote_problem
from repeg.domain.market.sessions import Calendar
from repeg.domain.reasons import Reason
from repeg.errors import BrokerUnavailable, BudgetExhausted, CredentialsRefused, DataFeedDenied

CLOCK, FEED = "clock", "data feed"
LIQUID = "SPY"
SKEW = timedelta(seconds=2)
_CAUSES = {
    Reason.NO_QUOTE: "has no bid or no ask",
    Reason.STALE_QUOTE: "is stale",
    Reason.BAD_QUOTE: "is locked or crossed",
}


def broker(case: Case) -> AlpacaBroker:
    """The account as the functions reach it, with a short patience."""
    keys, (trading_url, data_url) = case.fact(accepted_keys), case.fact(hosts)
    return connect_alpaca(
        keys.key_id,
        keys.secret_key,
        trading_url=trading_url,
        data_url=data_url,
        feed=case.fact(read_settings).in_force.data_feed,
        budget=CountingBudget(case.meter),
        now=case.wall,
        connect_timeout=CONNECT_S,
        read_timeout=READ_S,
    )


def broker_clock(case: Case) -> ClockAnchor:
    """The broker's clock beside this machine's (one trading request)."""
    asked_at = case.wall()
    try:
        market_at = case.fact(broker).now()
    except (BrokerUnavailable, BudgetExhausted) as error:
        raise Trouble(CLOCK, f"the broker's clock cannot be read: {error}", mend_outage(case)) from None
    return ClockAnchor(market_at=market_at, wall_at=asked_at + (case.wall() - asked_at) / 2)


def calendar(case: Case) -> Calendar:
    """Trading days: those that the stack keeps, else read from the broker (one trading request)."""
    now = case.fact(broker_clock).market_at
    kept = case.market.calendar()
    if kept and kept.covers(now):
        return kept
    today = now.astimezone(NEW_YORK).date()
    first, last = today - CALENDAR_BACK, today + CALENDAR_AHEAD
    try:
        return Calendar(first=first, last=last, days=case.fact(broker).calendar(first, last))
    except (BrokerUnavailable, BudgetExhausted) as error:
        raise Trouble(CLOCK, f"the trading calendar cannot be read: {error}", mend_outage(case)) from None


def market_now(case: Case) -> datetime:
    """Market time, carried on from the one reading."""
    speed = case.connection.speed or 1
    return case.fact(broker_clock).market_time(case.wall(), speed)


def check_clock(case: Case) -> str:
    """Do this machine, the broker and the stack have the same time: to 2 s, by a reading of 15 minutes at most."""
    anchor = case.fact(broker_clock)
    times = f"{_clock_time(anchor.market_at)} ET, {_session(case.fact(calendar), anchor.market_at)}"
    kept = case.market.clock()
    if case.simulated:
        return f"{times}; {_simulated(case, anchor, kept)}"
    skew = anchor.wall_at - anchor.market_at
    if abs(skew) > SKEW:
        how = "ahead of" if skew > timedelta(0) else "behind"
        detail = f"this machine is {seconds_of(skew)} {how} the broker's clock ({times})"
        raise Trouble(CLOCK, detail, SET_CLOCK)
    logs = aws(case.connection, f"logs tail {case.connection.log_group} --since 15m")
    age = case.wall() - kept.wall_at if kept else None
    if kept is None or age is None or age > TRUSTED_FOR:
        when = f"last read it {seconds_of(age)} ago" if age else "has never read it"
        raise Trouble(CLOCK, f"{times}, but the stack {when}; its sweep should, every ten minutes", logs)
    theirs = kept.wall_at - kept.market_at
    if abs(theirs) > SKEW:
        raise Trouble(CLOCK, f"the functions' clock is {seconds_of(theirs)} off the broker's ({times})", logs)
    return f"{times}; this machine is {seconds_of(skew)} off, the stack {seconds_of(theirs)}"


def check_feed(case: Case) -> str:
    """Is the feed in the subscription, and does a symbol that always trades have a fresh quote."""
    reading = case.fact(read_settings)
    feed = reading.in_force.data_feed
    quote = _quote(case, feed)
    now = market_now(case)
    problem = quote_problem(quote, now, reading.in_force.max_quote_age_seconds)
    told = f"{feed}: {_told(quote, now)}"
    if problem is None:
        return told
    if case.simulated:
        return f"{told}; on the simulated exchange quotes come from you, from scripts and from tapes"
    if case.fact(calendar).session_at(now) is None:
        return f"{told}; the market is closed"
    if problem is Reason.BAD_QUOTE:
        return f"{told}, locked or crossed for the moment"
    mend = repeg(case.connection, "settings set data_feed=sip") if feed != "sip" else f"wait for Alpaca: {STATUS_PAGE}"
    raise Trouble(FEED, f"{told}: in the session it {_CAUSES[problem]}, so nothing is traded", mend)


def _quote(case: Case, feed: str) -> Quote | None:
    connection = case.connection
    try:
        return case.fact(broker).quote(LIQUID)
    except DataFeedDenied:
        detail = f"the account's market data subscription does not include {feed}"
        mend = "subscribe to it at Alpaca" if feed == "iex" else repeg(connection, "settings set data_feed=iex")
        raise Trouble(FEED, detail, mend) from None
    except CredentialsRefused:
        detail = f"{case.fact(hosts)[1]} refuses the keys that the trading host takes"
        raise Trouble(FEED, detail, fill_in(connection)) from None
    except BudgetExhausted:
        raise Trouble(FEED, "the account's market data requests of this minute are used up", _LATER) from None
    except BrokerUnavailable as error:
        raise Trouble(FEED, f"{case.fact(hosts)[1]} gives no quote: {str(error)[:160]}", mend_outage(case)) from None


_LATER = "repeg doctor again in a minute; if it stays so, stop the other program that uses these keys"


def _simulated(case: Case, anchor: ClockAnchor, kept: ClockAnchor | None) -> str:
    speed = case.connection.speed or 1
    if kept is None:
        return f"simulated, {speed:g}x; the stack has not read it yet"
    off = kept.market_time(anchor.wall_at, speed) - anchor.market_at
    if abs(off) <= SKEW * speed:
        return f"simulated, {speed:g}x; the stack agrees"
    return f"simulated, {speed:g}x; set {seconds_of(off)} off what the stack last read: the next order reads it anew"


def _session(days: Calendar, now: datetime) -> str:
    session = days.session_at(now)
    if session:
        return f"session until {session.closes_at.astimezone(NEW_YORK):%H:%M}"
    upcoming = days.next_session(now)
    if upcoming is None:
        return "closed"
    opens = upcoming.opens_at.astimezone(NEW_YORK)
    return f"closed, opens {opens:%a %d %b %H:%M} (in {seconds_of(upcoming.opens_at - now)})"


def _clock_time(at: datetime) -> str:
    return f"{at.astimezone(NEW_YORK):%a %d %b %H:%M:%S}"


def _told(quote: Quote | None, now: datetime) -> str:
    if quote is None:
        return f"no quote of {LIQUID}"
    prices = f"{price(str(quote.bid))} / {price(str(quote.ask))}"
    return f"{LIQUID} {prices}, {seconds_of(max(now - quote.at, timedelta(0)))} old"
