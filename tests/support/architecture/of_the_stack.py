"""The stack, the desk and the exchange: what, in short, and where."""

from __future__ import annotations

from repeg.clock import TRUSTED_FOR
from repeg.domain import patience as wait
from repeg.domain.rebalance.prices import MID_OFF_CLOSE, WORTH_OFF
from repeg.domain.schedule.times import Schedule
from repeg.wiring.known_account import BELIEVED_FOR
from tests.support.architecture.tables import seconds

STACK = (
    (
        "what a rebalance sells and buys",
        "whole plan in pure arithmetic, made anew before the sells, before the buys and at the end",
        "domain/rebalance/plan.py: plan plan_buys left_over",
    ),
    (
        "what its buys may spend",
        "cash that is there once the sells are over (settled cash without margin), less open orders, covers and the "
        "cash buffer; each buy has a budget at its worst price, is cut to it, and never becomes a market order",
        "domain/rebalance/funds.py: spendable share_out",
    ),
    (
        "at which prices it is planned, and which stop it",
        f"a mid more than {MID_OFF_CLOSE:.0%} off the previous close without a trade of today, or an account worth "
        f"{WORTH_OFF:.0%} else than the broker says",
        "domain/rebalance/prices.py: judge worth_doubted",
    ),
    (
        "what it does next; its legs; how it ends",
        f"plan, sell, buy, look; {wait.LEGS_AT_ONCE} legs at work at once, the largest drift first",
        "rebalance/advance.py: advance, domain/rebalance/legs.py, domain/rebalance/outcome.py",
    ),
    (
        "when schedules fire, and what each does",
        "; ".join(f"`{each}` at {each.time:%H:%M}" for each in Schedule)
        + ", New York, off by default; claimed in the table, "
        "once a day",
        "domain/schedule/times.py: Schedule, schedules/runner.py: fire",
    ),
    (
        "a schedule that did not fire",
        "the sweep alerts it, once",
        "care/punctual.py: look_for_missed_runs",
    ),
    (
        "targets on record, and when they are stale",
        "those of before the previous session's open are refused, with an alert",
        "domain/schedule/targets.py: judge",
    ),
    (
        "what is in the table, under which keys",
        "see [the table](#the-table)",
        "store/items.py: order_item",
    ),
    (
        "the order record, its parts, and old forms of it",
        "parts, as [below](#the-record); old forms are read and written anew",
        "domain/order/parts.py, domain/order/record.py: Order, store/old_records.py: upgraded",
    ),
    (
        "what takes up an order whose execution died",
        "the sweep: execution `<order>-<n+1>`, which owns the record from that write on",
        "care/sweep.py: sweep",
    ),
    (
        "what is compared with the broker as a whole, and what mends it",
        "every five minutes, by a function of its own: orders, fills, positions, lists, turns and counters. What two "
        f"looks {wait.LOOKS_APART_SECONDS} s apart both show is mended by what does the same elsewhere, or alerted: "
        "[runbook.md](runbook.md#compare-the-whole-book)",
        "domain/reconcile/findings.py: ABOUT, reconcile/heal.py: heal, domain/reconcile/trades.py, "
        "domain/reconcile/positions.py, domain/reconcile/work.py, reconcile/run.py: reconcile",
    ),
    (
        "how an execution finds its order, and its step",
        "reads the record, ends quietly if a newer execution owns it, takes the step, and protects at once what was "
        "bought",
        "wiring/handlers.py: take_step run_step",
    ),
    (
        "what is asked of Alpaca, and how answers are read",
        "the port says what each call may come to; one adapter behind it",
        "broker/port.py: Broker, broker/alpaca.py: AlpacaBroker, broker/alpaca_parse.py",
    ),
    (
        "which error means what",
        "by who must act: the operator, the sender, or nobody (it is tried again)",
        "errors.py",
    ),
    (
        "what a function reads of its environment",
        "wired once a process, and only what is used; the template gives each function what it needs",
        "wiring/clients.py: environment, wiring/connection.py: broker",
    ),
    (
        "log lines, and what every handler is wrapped in",
        "one logger with the order's ids; a line with `alert` asks for a person",
        "telemetry.py: invoked",
    ),
    (
        "how an alert reaches a person",
        "a log line that an alarm counts, and an event on the bus, which a rule sends to the topic and so by mail",
        "worker/worker.py: Worker.alert, template.yaml: EveryAlert",
    ),
    (
        "market time",
        f"the broker's clock, one reading for all, believed for {seconds(TRUSTED_FOR)} while quotes agree with it",
        "clock.py: TimeKeeper",
    ),
    (
        "which keys, which account; the lock on live trading",
        "live needs ConfirmLiveTrading, AccountNumber and Alpaca's own hosts (rules of the template); before the "
        f"first order of a process the keys' account is asked for and compared, believed for {seconds(BELIEVED_FOR)}",
        "wiring/live_lock.py: unlock broker_urls, wiring/known_account.py, template.yaml: LiveTradingIsDeliberate",
    ),
    (
        "a setting: its meaning, bound and default",
        "declared once; operators' overrides are checked as a whole, the last valid document stays in force; read "
        "anew within seconds, fixed for an order when it is released",
        "domain/settings.py: Settings, settings.py: load_settings",
    ),
    (
        "what an order shows outside",
        "one list of fields, for `repeg order --json` and for the event of its outcome; a rebalance's beside it",
        "domain/order/views.py: order_view, domain/rebalance/views.py",
    ),
    (
        "which events are published",
        "outcomes, alerts, exits, cap breaches, rebalances, spreads, summaries",
        "events.py",
    ),
    (
        "metrics",
        "one list of all there are, and what an order contributes",
        "domain/metrics/listed.py: LISTED, domain/metrics/measured.py",
    ),
    (
        "functions, their rights and time-outs; alarms",
        "see [the stack](#the-stack), [alarms](alarms.md)",
        "template.yaml",
    ),
)
DESK = (
    (
        "a command",
        "in the file of its subject; registered in `main.py`; what several share is in `desk/cli/reaching.py`, "
        "`options.py` and `output.py`",
        "desk/cli/main.py, desk/cli",
    ),
    ("how a command finds the stack", "a local cloud that is up, else AWS", "desk/stack/connection.py: connect"),
    (
        "pausing the intake",
        "Lambda's mapping of the queue is switched off; the queue keeps what comes",
        "desk/stack/intake.py: pause",
    ),
    (
        "what `make deploy` asks, and what keeps a live stack",
        "which account, which Python; termination protection is switched on behind it",
        "desk/deployment, Makefile: deploy",
    ),
    ("orders in words and tables", "works on views, never on records", "desk/telling/render.py"),
    (
        "the blotter: what is looked at, how often, and who is let in",
        "one poller for all pages, while one is open; rows that changed are pushed; the page's own requests are "
        "answered, with the key of the run",
        "desk/blotter/sources.py: reached, desk/blotter/feed.py: diff, desk/blotter/door.py: refused",
    ),
    ("a line of the doctor", "one list of checks, each in the file of its subject", "desk/doctor/checks.py: CHECKS"),
    (
        "what must be true of records beside the exchange, in every test",
        "rules over all records and the exchange's journal",
        "desk/report/audit.py, desk/report/endings.py",
    ),
    (
        "a story of the demo",
        "a market, a signal, what happens, how it must end",
        "desk/demo/stories.py, desk/demo/story.py",
    ),
    (
        "a figure of the bench",
        "one part a file, each with its targets",
        "desk/bench/__main__.py, desk/bench/parts, desk/bench/kinds.py",
    ),
    (
        "the local cloud",
        "an AWS emulator and the exchange, with the real template deployed into it",
        "desk/cloud",
    ),
)
EXCHANGE = (
    (
        "how orders match, and stops are elected",
        "price, then time, against the touch and its size, each after a latency",
        "desk/exchange/venue/floor.py: Floor, desk/exchange/venue/matching.py",
    ),
    (
        "an order's way: acknowledged, on the market, cancelled, expired",
        "each event a latency after its cause",
        "desk/exchange/venue/life.py: Life",
    ),
    (
        "what an order is refused for, buying power and shares included",
        "one list of rules in the order in which they are asked: asset, account, id, fractions, intent, exits, wash "
        "trades, amount, short, cost, means",
        "desk/exchange/rules/admission.py: admit",
    ),
    (
        "a fault",
        "one entry: when it may strike, and what happens then, to a request, an order, an item of an answer or a "
        "message",
        "desk/exchange/faults/effects.py: Kind",
    ),
    (
        "on which requests a fault acts",
        "by method, path, symbol, terms of the order, chance and count",
        "desk/exchange/faults/triggers.py: Trigger",
    ),
    (
        "an endpoint",
        "one table of routes for trading, one for market data, each row with its handler",
        "desk/exchange/alpaca/trading.py, desk/exchange/alpaca/market_data.py",
    ),
    (
        "what an order keeps of buying power and shares; the account's figures",
        "one account, margin or cash, settled after sessions",
        "desk/exchange/market/account.py, desk/exchange/venue/ledger.py",
    ),
    (
        "brackets, OCO and OTO groups; replacing",
        "one leg ends the other; a replacement takes effect later, if the old order is still there then",
        "desk/exchange/venue/groups.py: Groups, desk/exchange/venue/replacing.py: Replacements",
    ),
    (
        "sessions, holidays, halts, auctions, splits",
        "a calendar of 2024 to 2027; the others by the control port",
        "desk/exchange/market/sessions.py, desk/exchange/venue/floor.py: Floor, desk/exchange/venue/corporate.py",
    ),
    (
        "the streams",
        "trade updates and market data, in JSON or MessagePack; trade updates as server-sent events, too",
        "desk/exchange/streams/trade_updates.py, desk/exchange/streams/trade_events.py, desk/exchange/streams/feeds.py",
    ),
    (
        "how a request is read and refused in Alpaca's words",
        "every field typed in one place; where a refusal was seen stands beside it, or beside its rule",
        "desk/exchange/wire/given.py: Given, desk/exchange/wire/errors.py, desk/exchange/rules, desk/exchange/venue",
    ),
    (
        "its settings: latencies, limits, odd behaviour",
        "one class, set by the control port",
        "desk/exchange/rules/settings.py",
    ),
    ("the control port", "one table of routes", "desk/exchange/control/api.py"),
    ("keys, rate limit, and the way of a request", "around every client's request", "desk/exchange/door/gateway.py"),
)
TESTS = (
    (
        "which test shows what",
        "a card for each situation, with its tests: [test-cards.md](test-cards.md)",
        "docs/test-cards.md",
    ),
    (
        "tests of a whole order, in milliseconds",
        "the real definition, steps, store and adapter against the real exchange, without HTTP, whose clock is moved "
        "on by every wait; any call can kill the worker; an audit after each",
        "tests/support/lab.py, tests/integration/spine",
    ),
    (
        "random storms",
        "from a seed: signals, quotes, lost answers, dying workers, strangers; then all must come to a true end",
        "tests/support/storms/storm.py, tests/integration/spine/trouble/test_storms.py",
    ),
    (
        "what holds the house together",
        "walls and circles, writers of each field, the printed pages, the template",
        "tests/unit/test_walls.py, tests/unit/test_writers.py, tests/unit/docs/test_architecture.py, "
        "tests/unit/template/test_template.py",
    ),
)
