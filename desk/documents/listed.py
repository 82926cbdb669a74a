"""The document of each command."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from desk.documents.fields import PARTS, Field, fields_of

_TRADED = """
    signal_id | text | its id, made or given
    sent | flag | whether the queue has it
    signal | any | as it went
"""


class Document(NamedTuple):
    """What a command prints; `rows`: an array of such objects."""

    command: str
    about: str
    fields: dict[str, Field]
    rows: bool = False
    may_have: Mapping[str, Field] = {}
    """Fields that are there only with an option, or not for each row."""


def _of(command: str, about: str, text: str, *, rows: bool = False, may_have: str = "") -> Document:
    return Document(command, about, fields_of(text), rows, fields_of(may_have))


DOCUMENTS = (
    Document("repeg order ID", "An order.", PARTS["order"]),
    Document("repeg orders", "Orders, the newest first. `repeg wait` prints the same.", PARTS["order"], rows=True),
    _of(
        "repeg buy SYMBOL QTY",
        "A signal that was sent; `sell`, `close`, `bracket` and `adjust` print the same. With `--wait` the fields of "
        "the order are beside them. `--dry-run`: [guide.md](guide.md#trade-by-hand).",
        _TRADED,
    ),
    _of(
        "repeg rebalance ID",
        "A rebalance; `repeg rebalances` prints an array of them, without `orders`.",
        """
            signal_id | text | the signal that it came from
            rebalance_id | text | its id
            strategy | text? | the signal's label
            status | text | received, waiting, working, done, done_with_residual, rejected, failed
            reason | text? | why it ended so: reason-codes.md
            cost_bps | decimal? | of what was traded, + is cost
            equity | decimal? | of the account when it was planned
            cash_before | decimal? | then
            cash_after | decimal? | at its end
            created_at | time | when the signal was taken in
            planned_at | time? | when it was planned
            completed_at | time? | when it was over
            dry_run | flag | whether it only plans
            targets | by name | fraction of equity for each symbol
            plan | list of leg | what is traded
            legs | any | ids of the orders that were placed
            residual | list of left | what stays off its target
            execution_arn | text? | the execution that works it
            executions | number | how many worked it so far
            events | list of event | its history
        """,
        may_have="orders | list of order | the legs, as orders",
    ),
    _of(
        "repeg positions",
        "Positions: brackets, and what no bracket holds.",
        """
            symbol | text | ticker
            side | text | buy (long) or sell (short)
            qty | decimal | shares
            entry_price | decimal? | at which they were entered
            value | decimal? | dollars at the mid
            unrealised | decimal? | dollars
            account | any | what the account shows of the symbol
            market | any | bid and ask
            verdict | text | how it stands: last-line-of-defence.md
            record | any | what the record says; null: no bracket's
            orders | any | its OCOs at the broker; null: no bracket's
        """,
        rows=True,
        may_have="""
            order_id | text? | the bracket
            signal_id | text? | its signal
        """,
    ),
    _of(
        "repeg fills",
        "A row for each child order that filled, and each leg of an OCO.",
        """
            at | time | when
            symbol | text | ticker
            side | text | buy or sell
            qty | decimal | shares
            price | decimal? | at which; null: nobody knows
            cash | decimal? | dollars that came in, or went
            kind | text | of its order, or target, stop
            strategy | text? | label
            signal_id | text | of its order
            order_id | text | of its order
            source | text | the id at the broker
        """,
        rows=True,
    ),
    _of(
        "repeg pnl",
        "What orders earned, and what was not counted.",
        """
            by | text | symbol, strategy or day
            since | time? | from when on exits are counted
            trades | number | exits that were counted
            wins | number | of them with a gain
            realised | decimal | dollars
            unrealised | decimal? | dollars at the mid; null: not valued
            held | decimal | shares that are valued
            fees | any | null: Alpaca books them by the day
            unpriced_qty | decimal | shares that left at a price that nobody knows
            rows | list of gains | the same by each, with its name under the key that `by` names
            unmatched | by name | shares sold that no order here bought
            not_held | by name | shares that left by somebody else's hand
            unread | any | ids of records that cannot be read
        """,
    ),
    _of(
        "repeg refused",
        "Messages that were not taken as signals, the oldest first. With `--resend` also `sent` and `why`.",
        """
            message_id | text | the queue's id
            at | time | when it was sent
            signal_id | text? | if it can be read
            problem | text | what is wrong with it
            body | text | what it says
        """,
        rows=True,
    ),
    _of(
        "repeg cancel SIGNAL_ID",
        "What was asked, answered, and how what it names stands.",
        """
            cancel_id | text | the cancel's own signal id
            status | text? | done, rejected; null: no answer yet
            reason | text? | reason-codes.md
            detail | text? | the answer in words
            of | any | the order or rebalance that was named
        """,
    ),
    _of(
        "repeg control",
        "What is halted.",
        """
            mode | text | of the account: active, reducing or halted
            reason | text? | what whoever halted it said
            since | time? | when, by the wall
            scopes | list of halt | every word in force
        """,
    ),
    Document(
        "repeg halt",
        "The word that is in force now; with `--flatten` also `flatten`, what was closed.",
        PARTS["halt"],
        may_have=fields_of("flatten | any | signals that were sent, and what could not be closed"),
    ),
    _of(
        "repeg pause",
        "How intake stands; `repeg resume` prints the same, and `control`.",
        """
            paused | flag | whether signals stay in the queue
            since | time? | since when, if by repeg
            waiting | number | signals in the queue
        """,
        may_have="control | any | as `repeg control` has it",
    ),
    _of(
        "repeg doctor",
        "All checks; exit code 1 unless all are ok.",
        """
            ok | flag | whether all are
            checks | list of check | in the order of the page
            cost | cost | what they took together
        """,
    ),
    _of(
        "repeg reconcile",
        "The book beside the broker; exit code 1 if they differ.",
        """
            drift | number | differences
            mended | number | seen to, with --fix
            findings | any | each with what, symbol, order_id, name, severity, heal and detail
        """,
    ),
    _of(
        "repeg alerts",
        "What called for a person, the oldest first.",
        """
            alert_id | text | its id
            at | time | when, by the wall
            state | text | open, acknowledged or over
            alert | text | what it said
            order_id | text? | the order that it is about
            rebalance_id | text? | the rebalance
            symbol | text? | the symbol
        """,
        rows=True,
    ),
    _of(
        "repeg alarms",
        "The alarms: alarms.md.",
        """
            name | text | without the stack's
            state | text | OK, ALARM or INSUFFICIENT_DATA
            since | time | since when
            reason | text | CloudWatch's words
            what_to_do | text | its description
            namespace | text? | of its metric
            metric | text? | its metric
            dimensions | by name | of its metric
            statistic | text? | of its metric
            period_s | number? | seconds of a point
            comparison | text | with the threshold
            threshold | number? | where it rings
            value | number? | the last point
            value_at | time? | its minute
            muted | flag | whether its actions are off
            target | number? | where what it watches should be
        """,
        rows=True,
    ),
    _of(
        "repeg metrics",
        "What is measured: metrics.md. With a NAME one such object, and `parts`.",
        """
            name | text | the metric
            says | text | what it is
            unit | text | CloudWatch's unit
            statistic | text | how points are made
            by | by name | what it is broken down by
            value | number? | the last point
            value_at | time? | its minute
            target | number? | where it should be
            alarm_level | number? | where an alarm rings
            points | list of point | its course
        """,
        rows=True,
    ),
    _of(
        "repeg settings show",
        "Every setting with the value that orders see: settings.md.",
        """
            settings | by name | values in force
            overrides | by name | those that were set
        """,
    ),
    _of(
        "repeg schedules",
        "What happens by the clock.",
        """
            schedule | text | its name
            meaning | text | what it does
            time | text | HH:MM
            time_zone | text | America/New_York
            on | flag | whether it is
            next_at | time? | when it fires next
            last_run | any | the day, and what it came to
        """,
        rows=True,
    ),
    _of(
        "repeg targets show",
        "The targets on record.",
        """
            targets | by name | fraction of equity for each symbol
            sum | decimal? | of the weights
            written_at | time? | when they were written
            stale | flag | whether they may not be used
            problem | text? | what is wrong with them
            detail | text | the same in words
            used_on | day? | the session that goes by them next
            document | text | as it was written
        """,
    ),
    _of(
        "repeg local status",
        "The local cloud; `repeg local up` prints the same.",
        """
            up | flag | whether it is
            endpoint_url | text? | AWS's clients go there
            exchange_url | text? | Alpaca's clients go there
            stack | text? | its name
            queue_url | text? | for signals
            dlq_url | text? | for what was refused
            table | text? | the table's name
            state_machines | by name | ARNs
            speed | number? | market seconds per second
            outputs | by name | of the stack
        """,
    ),
    _of(
        "repeg webhook",
        "Where signals come in by HTTP.",
        """
            url | text | its address
            secret | text | what opens it
        """,
    ),
)
"""Beside these: `repeg report` (report-fields.md), `repeg exchange` (exchange.md), dry runs and plans (guide.md)."""
