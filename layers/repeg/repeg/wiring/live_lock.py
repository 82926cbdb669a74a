"""The lock on live trading, checked again at run time: the right host, the right account, or nothing is sent."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from repeg.broker.alpaca import DATA_URL, LIVE_URL, PAPER_URL
from repeg.errors import LiveTradingLocked


def broker_urls(mode: str, trading_override: str, data_override: str) -> tuple[str, str]:
    """Trading and market-data URL for a mode.

    Raises:
        LiveTradingLocked: live with a custom host, paper pointed at the live host, or an unknown mode.
    """
    if mode == "live":
        if trading_override or data_override:
            raise LiveTradingLocked("live trading goes to Alpaca's own hosts only; leave BrokerUrl and DataUrl empty")
        return LIVE_URL, DATA_URL
    if mode != "paper":
        raise LiveTradingLocked(f"TradingMode is {mode!r}; it must be paper or live")
    # A closing dot makes another name of the same host.
    if (urlsplit(trading_override).hostname or "").rstrip(".") == urlsplit(LIVE_URL).hostname:
        raise LiveTradingLocked("BrokerUrl is the live host, but TradingMode is paper")
    return trading_override or PAPER_URL, data_override or DATA_URL


def unlock(mode: str, account_number: str, stack: str, ask: Callable[[], str]) -> None:
    """Check, before the first order of a process, that the keys belong to the account that was named.

    `ask` tells the number of the account that they belong to; `stack` is whose keys they are.

    Raises:
        LiveTradingLocked: they do not, or live trading names no account.
    """
    if mode != "live" and not account_number:
        return
    if not account_number:
        raise LiveTradingLocked("AccountNumber is empty; live trading needs the account it was confirmed for")
    actual = ask()
    if actual != account_number:
        told = f"the keys belong to account {actual}, the stack is for {account_number}"
        mend = f"put in the keys of {account_number}: repeg keys set --stack {stack}"
        raise LiveTradingLocked(f"{told}: nothing is traded, exits neither; {mend}")
