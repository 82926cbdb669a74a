"""What has to change for one more of a kind, and which page follows from it."""

from __future__ import annotations

from tests.support.architecture.tables import places, table

ADDING = (
    (
        "wait, pause, limit",
        "domain/patience.py",
        "with its why",
    ),
    (
        "reason for an end",
        "domain/reasons.py: Reason",
        "its place is its precedence; then whoever finds it says so in a `Refusal`; `python -m desk.docs`",
    ),
    (
        "setting",
        "domain/settings.py: Settings, template.yaml: SettingsDefaults",
        "meaning and bounds stand with it; `python -m desk.docs`",
    ),
    (
        "ladder",
        "domain/ladder/rungs.py: LadderName LADDERS, domain/ladder/routing.py: route",
        "`SignalLadder` beside it, if signals may ask for it; `python -m tests.support.architecture`",
    ),
    (
        "field of a signal",
        "domain/signals/parsing.py, domain/signals/intake.py, domain/order/parts.py: Ask",
        "docs/guide.md says it to senders",
    ),
    (
        "field that is shown outside",
        "domain/order/parts.py, domain/order/views.py: _FIELDS",
        "what writes it, at most two files (`python -m tests.support.architecture.writers`); old records take its "
        "default",
    ),
    (
        "stage of an order",
        "domain/rules/life.py: Stage STATES, domain/rules/moves.py: MOVES",
        "and its card in `desk/docs.py`; `python -m desk.docs`",
    ),
    (
        "state of a machine",
        "statemachines, domain/routes.py: Route, domain/rules/life.py: STATES, steps, functions, template.yaml: "
        "ExecuteOrder",
        "who leads there, as `worker/outcome.py` does behind a child order that was sent; the step, the function with "
        "its handler; in the template the function, the machine's right to "
        "invoke it and its "
        "`DefinitionSubstitutions`; `_tasks` in `tests/support/lab.py`, `ORDER_PATH` in "
        "`desk/bench/parts/cold.py`, the "
        "diagram below",
    ),
    (
        "item of the table",
        "store/items.py",
        "a row of its docstring, a key, and the store that writes it, under `store/`",
    ),
    (
        "event",
        "events.py",
        "its name; `worker/worker.py` publishes",
    ),
    (
        "alarm",
        "template.yaml, docs/runbook.md",
        "in the template also in the dashboard's list of alarms; its page in the runbook, which counts them; its name "
        "in `tests/unit/template/test_alarms.py`, its proof in "
        "`tests/e2e/test_every_alarm.py`, "
        "its name in `EveryAlarmPosted`, what it costs in docs/performance.md; "
        "a metric of ours is one in `domain/metrics/listed.py`; "
        "`python -m tests.support.architecture` prints docs/alarms.md",
    ),
    (
        "schedule",
        "domain/schedule/times.py: Schedule, schedules/jobs.py, template.yaml: RunSchedule",
        "the job in a file of its own beside the others",
    ),
    (
        "function that the clock starts",
        "template.yaml: ReconcileBook, functions, wiring/clients.py, desk/cloud/schedules.py: EVERY",
        "for what has no day of its own to claim, such as the sweep; `EVERY` has the local cloud start it, too",
    ),
    (
        "pre-trade limit",
        "domain/limits.py: LIMITS COUNTED, domain/settings.py: Settings, template.yaml: SettingsDefaults, "
        "domain/reasons.py: Reason",
        "its measure is of `domain/case.py`; upper bounds only, and 0 is none; a reason that begins with `risk_` "
        "counts as one by a limit; its row in docs/guide.md",
    ),
    (
        "difference of the book",
        "domain/reconcile/findings.py: ABOUT, domain/reconcile, reconcile/heal.py: heal",
        "found in the file of its subject (trades, positions, work); what is done about it is its `Heal`, of which "
        "those that are `NONE` are alerted",
    ),
    (
        "command",
        "desk/cli/main.py",
        "and the file of its subject in `desk/cli/`, which reads through `desk/stack/` and prints through "
        "`desk/telling/render.py`; what its `--json` prints, in `desk/documents/listed.py`; `repeg orders`, in "
        "`trading/orders.py`, is a plain one",
    ),
    (
        "column of a table",
        "desk/telling/render.py: _COLUMNS, domain/order/views.py: _FIELDS",
        "of orders, with `CSV` in `desk/cli/trading/orders.py`; a table that one command alone prints stands in that "
        "command's file",
    ),
    (
        "line of the doctor",
        "desk/doctor/checks.py: CHECKS",
        "and the look at it, in the file of its subject",
    ),
    (
        "fault of the exchange",
        "desk/exchange/faults/effects.py: Kind",
        "one entry; what happens to an order is `OnOrder` with a `Fate` (`venue/fate.py`) for one of its "
        "moments; its row in "
        "docs/exchange.md is printed from it: `python -m tests.support.architecture`",
    ),
    (
        "rule of the exchange",
        "desk/exchange/rules/admission.py: admit",
        "where it was seen, beside it",
    ),
    (
        "endpoint of the exchange",
        "desk/exchange/alpaca/trading.py, desk/exchange/alpaca/market_data.py",
        "a row of the routes, and its handler",
    ),
    (
        "setting of the exchange",
        "desk/exchange/rules/settings.py: Settings",
        "and its row in docs/exchange.md",
    ),
)


def printed() -> str:
    """One row a kind."""
    return table(("one more", "changes", "besides"), ((what, places(at), note) for what, at, note in ADDING))
