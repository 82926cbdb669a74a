"""Mode, broker, keys and account: may this stack trade, where, and on whose account."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from desk.doctor.case import Case
from desk.doctor.findings import Trouble
from desk.doctor.keys import KEYS, Keys, fill_in, old_ones, read_keys
from desk.doctor.words import deploy_again, start_afresh
from repeg.broker import alpaca_parse as parse
from repeg.broker.alpaca_errors import request_count
from repeg.broker.alpaca_fields import Unreadable
from repeg.broker.alpaca_wire import NoAnswer, Reply, Wire
from repeg.errors import LiveTradingLocked
from repeg.wiring.live_lock import broker_urls

MODE, BROKER, ACCOUNT = "mode", "broker", "account"
CONNECT_S, READ_S = 2.0, 4.0
STATUS_PAGE = "https://status.alpaca.markets"
DASHBOARD = "https://app.alpaca.markets"

_BLOCKS = {
    "account_blocked": ("Alpaca has blocked the account", f"ask Alpaca's support why: {DASHBOARD}"),
    "trading_blocked": (
        "Alpaca has blocked trading on the account",
        f"read why in the account's dashboard: {DASHBOARD}",
    ),
    "trade_suspended_by_user": (
        "trading is suspended by the account's own switch",
        f"switch 'suspend trading' off in the account's configuration: {DASHBOARD}",
    ),
}


@dataclass(frozen=True)
class Answer:
    """What the broker said to the first request, and how many milliseconds that took."""

    reply: Reply
    milliseconds: float


def mode_of(case: Case) -> str:
    """paper or live, as the functions were told."""
    return case.environment.get("TRADING_MODE", "paper")


def hosts(case: Case) -> tuple[str, str]:
    """Trading and market data URL that the functions use."""
    environment = case.environment
    try:
        urls = broker_urls(mode_of(case), environment.get("BROKER_URL", ""), environment.get("DATA_URL", ""))
    except LiveTradingLocked as error:
        raise Trouble(MODE, str(error), deploy_again(case.connection)) from None
    if mode_of(case) == "live" and not environment.get("ACCOUNT_NUMBER"):
        mend = f"{deploy_again(case.connection)}, with AccountNumber=<the account> in samconfig.toml"
        raise Trouble(MODE, "live, but the stack names no AccountNumber: every order is refused", mend)
    if not case.simulated and any(_is_loopback(url) for url in urls):
        detail = f"the functions are set to reach the broker at {urls[0]}, which is their own machine"
        raise Trouble(MODE, detail, f"{deploy_again(case.connection)}, with BrokerUrl and DataUrl left empty")
    if case.simulated and urls[0] != case.connection.exchange_url:
        detail = f"the functions trade at {urls[0]}, the exchange is at {case.connection.exchange_url}"
        raise Trouble(MODE, detail, start_afresh())
    return urls


def check_mode(case: Case) -> str:
    """Paper or live, and where."""
    trading_url, _ = case.fact(hosts)
    if case.simulated:
        return f"paper, at the simulated exchange {trading_url}"
    if mode_of(case) == "live":
        return f"LIVE: real money, account {case.environment['ACCOUNT_NUMBER']}, at {trading_url}"
    return f"paper, at {trading_url}"


def answer(case: Case) -> Answer:
    """The broker's answer to a request for the account (one trading request)."""
    keys, (trading_url, _) = case.fact(read_keys), case.fact(hosts)
    wire = Wire(trading_url, keys.key_id, keys.secret_key, connect_timeout=CONNECT_S, read_timeout=READ_S)
    case.meter.count_trading_request()
    started = time.monotonic()
    try:
        reply = wire.call("GET", "/account")
    except NoAnswer as error:
        raise Trouble(BROKER, f"{trading_url} does not answer: {why(error)}", _wake(case)) from None
    if reply.status == 429:
        mend = "repeg doctor again in a minute; if it stays so, stop the other program that uses this account"
        raise Trouble(BROKER, "the account's trading requests of this minute are used up", mend)
    if reply.status >= 500:
        raise Trouble(BROKER, f"{trading_url} answers HTTP {reply.status}: it is in trouble itself", mend_outage(case))
    if reply.status not in (401, 403) and not (reply.ok and isinstance(reply.body, dict)):
        mend = start_afresh() if case.simulated else f"{deploy_again(case.connection)}, with BrokerUrl left empty"
        raise Trouble(BROKER, f"{trading_url} answers HTTP {reply.status}, but not as Alpaca does", mend)
    return Answer(reply, (time.monotonic() - started) * 1000)


def check_broker(case: Case) -> str:
    """Is there an answer, and how much room for orders is left."""
    found = case.fact(answer)
    told = f"answers in {found.milliseconds:.0f} ms"
    count = request_count(found.reply.headers)
    return told + (f", {count[1]} of {count[0]} requests left this minute" if count else "")


def accepted_keys(case: Case) -> Keys:
    """The pair, once the broker took it."""
    keys, reply = case.fact(read_keys), case.fact(answer).reply
    if reply.status in (401, 403):
        detail = f"the broker refuses the keys {keys.shown} (HTTP {reply.status}){keys.misfit(mode_of(case))}"
        raise Trouble(KEYS, detail, fill_in(case.connection))
    return keys


def check_keys(case: Case) -> str:
    """In the secret, filled in, and taken by the broker."""
    keys = case.fact(accepted_keys)
    return f"{keys.shown}, taken by the broker{old_ones(keys, case.wall())}"


def check_account(case: Case) -> str:
    """The right account, and free to trade."""
    case.fact(accepted_keys)
    body: dict[str, Any] = case.fact(answer).reply.body
    try:
        account = parse.account(body)
    except Unreadable as error:
        raise Trouble(ACCOUNT, f"the broker's account cannot be read: {error}", mend_outage(case)) from None
    wanted = case.environment.get("ACCOUNT_NUMBER", "")
    if wanted and account.account_number != wanted:
        detail = (
            f"the keys belong to account {account.account_number}, the stack is for {wanted}: every order is refused"
        )
        raise Trouble(ACCOUNT, detail, f"{fill_in(case.connection)}, with the keys of {wanted}")
    for block, (detail, mend) in _BLOCKS.items():
        if body.get(block) is True:
            raise Trouble(
                ACCOUNT,
                detail,
                f"curl -X PUT {case.connection.exchange_url}/_exchange/account -d '{{\"{block}\": false}}'"
                if case.simulated
                else mend,
            )
    if body.get("status", "ACTIVE") != "ACTIVE":
        raise Trouble(
            ACCOUNT, f"account {account.account_number} is {body['status']}", f"see the dashboard: {DASHBOARD}"
        )
    return f"{account.account_number}, ${account.equity:,.2f}, buying power ${account.buying_power:,.2f}"


def why(error: NoAnswer) -> str:
    """Why there was no answer, in few words."""
    text = str(error)
    for sign, words in (
        ("ConnectTimeout", f"no connection within {CONNECT_S:.0f} s"),
        ("ReadTimeout", f"nothing within {READ_S:.0f} s"),
        ("refused", "nothing listens there"),
        ("NameResolution", "its name cannot be resolved"),
        ("CERTIFICATE", "its certificate is not trusted"),
        ("ProxyError", "the proxy fails"),
    ):
        if sign in text:
            return words
    return text[:160]


def mend_outage(case: Case) -> str:
    """What to do about a broker that fails by itself."""
    if case.simulated:
        return f"curl -X PUT {case.connection.exchange_url}/_exchange/faults -d '{{\"faults\": []}}'"
    return f"wait for Alpaca: {STATUS_PAGE}"


def _wake(case: Case) -> str:
    if not case.simulated:
        return f"check this machine's network, then {STATUS_PAGE}"
    # An exchange whose faults cut connections is there all the same: the day need not be begun anew for it.
    return mend_outage(case) if _is_there(case) else start_afresh()


def _is_there(case: Case) -> bool:
    """Whether the simulated exchange answers at its control port, which no fault acts on."""
    from urllib.request import ProxyHandler, build_opener

    try:
        with build_opener(ProxyHandler({})).open(f"{case.connection.exchange_url}/_exchange/health", timeout=1):
            return True
    except OSError:
        return False


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    return host in {"localhost", "::1"} or host.startswith("127.")
