"""Fields of the documents, and the parts that several have.

Of each field its kind (`text`, `decimal`: a number as a string, `number`, `flag`, `time`: RFC 3339 and UTC, `day`,
`any`, `by name`: an object whose keys are names; or the name of a part, `list of` them) and what it is. A `?` behind
the kind: it may be null.
"""

from __future__ import annotations

from typing import NamedTuple


class Field(NamedTuple):
    """One field of a document."""

    name: str
    kind: str
    nullable: bool
    about: str


def fields_of(text: str) -> dict[str, Field]:
    """Fields by name, from lines of `name | kind | what it is`."""
    found: dict[str, Field] = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        name, kind, about = (part.strip() for part in line.split("|"))
        found[name] = Field(name, kind.rstrip("?"), kind.endswith("?"), about)
    return found


PARTS: dict[str, dict[str, Field]] = {
    name: fields_of(text)
    for name, text in {
        "order": """
            order_id | text | its id
            signal_id | text | the signal that it came from
            rebalance_id | text? | the rebalance that it is a leg of
            kind | text | order, bracket, close, unwind, leg, or the instruction that it records
            strategy | text? | the signal's label
            symbol | text | the ticker; ? of a message that named none
            side | text? | buy or sell
            status | text | where it stands: reason-codes.md
            reason | text? | why it ended so: reason-codes.md
            ladder | text? | by which it is worked
            symbol_class | text? | leveraged_etf, high_volume_etf, stock
            requested_qty | decimal? | shares that were asked for
            working_qty | decimal? | shares that it works for
            filled_qty | decimal | shares that were filled
            avg_fill_price | decimal? | at which, on average
            reference_price | decimal? | from which slippage is measured
            max_slippage_bps | decimal? | its cap
            cap_breached | flag | whether it was filled beyond it
            cap_bound | text? | what decided the cap where settings or signal did not
            cap_floor | decimal? | the cap that one tick comes to
            worst_price | decimal? | which no limit is beyond
            arrival_bid | decimal? | bid on arrival
            arrival_ask | decimal? | ask on arrival
            slippage_bps | decimal? | against the reference price, + is cost
            shortfall_bps | decimal? | against the mid on arrival, + is cost
            stop_loss | decimal? | a bracket's stop, as it is now
            take_profit | decimal? | a bracket's target, as it is now
            risk_reward | decimal? | reward for a risk of one, by stop and target as they are now; null: no risk is left
            entry_risk_reward | decimal? | the same as it was entered; of what was not, at the price to be had
            protected | flag? | whether its shares are guarded, read back from the broker
            protective_order_id | text? | the broker's id of the OCO that guards them
            unwind_order_id | text? | the order that leaves its shares
            unwind_cost | decimal? | dollars that leaving them cost
            exit_price | decimal? | at which its shares left
            exit_reason | text? | how: reason-codes.md
            exit_at | time? | when
            repegs | number | rungs after the first
            market_fallback | flag | whether a market order was sent
            seconds_to_fill | decimal? | from the first send to the last fill
            created_at | time | when the signal was taken in
            first_sent_at | time? | when the first child order was sent
            completed_at | time? | when it was over
            expires_at | time? | when the signal expires
            execution_arn | text? | the execution that works it
            executions | number | how many worked it so far
            signal_price | decimal? | of a bracket
            exit_anchor | text? | of a bracket: fill or signal
            extended_hours | flag | whether it may be entered outside the session
            outside_session | flag | whether it was
            unprotected_ok | flag | whether without protection till the open
            parent_id | text? | the bracket that an unwind leaves
            about | text? | the signal that a cancel or an adjust names
            superseded_by | text? | the close that took over
            unexited_qty | decimal | shares that are still held
            odd_qty | decimal | less than a share of them, which cannot be guarded
            frozen | text? | why record and account disagree
            exits_moved | flag | whether an adjust or a split moved stop or target
            rungs | list of rung | child orders, as they were sent
            older_rungs | number | child orders before these, which are not kept
            protections | list of protection | OCOs
            exits | list of exit | how shares left
            events | list of event | its history
        """,
        "rung": """
            rung | number | its place in the ladder
            client_order_id | text | its id at the broker, which repeg gave
            broker_order_id | text? | the broker's own
            type | text | limit or market
            limit_price | decimal? | its limit
            qty | decimal | shares
            filled_qty | decimal | filled of them
            avg_fill_price | decimal? | at which
            status | text | new, filled, canceled, ...
            bid | decimal? | bid that it was priced by
            ask | decimal? | ask that it was priced by
            sent_at | time | when it was sent
            closed_at | time? | when it was over
        """,
        "protection": """
            client_order_id | text | its id at the broker, which repeg gave
            broker_order_id | text? | the broker's own
            qty | decimal | shares that it guards
            status | text | where it stands
            placed_at | time? | when it was seen live
            closed_at | time? | when it was over
            stop | decimal | its stop
            target | decimal | its target
        """,
        "exit": """
            source | text | the order that took the shares
            reason | text | target, stop, close, unwind or outside
            qty | decimal | shares
            price | decimal? | null: nobody knows
            at | time | when
        """,
        "event": """
            at | time | when
            state | text | the step that wrote it
            detail | text | what happened
        """,
        "leg": """
            symbol | text | ticker
            side | text | buy or sell
            qty | decimal | shares
            current_weight | decimal | fraction of equity before
            target_weight | decimal | fraction that is wanted
            drift | decimal | how far off, + is too much held
            half | text | first: frees cash; then: spends it
            order_id | text | the order that it becomes
        """,
        "left": """
            symbol | text | ticker
            drift | decimal | how far off its target it stays
            why | text | why
        """,
        "check": """
            name | text | the line's name
            ok | flag | whether it is
            detail | text | what was seen
            mend | text? | the one command or action that mends it
            cost | cost | what the check took
        """,
        "cost": """
            trading_requests | number | requests to the broker that count
            aws_calls | number | calls of AWS
            seconds | number | wall time
        """,
        "halt": """
            scope | text | account, symbol or strategy
            of | text? | which symbol or strategy
            mode | text | active, reducing or halted
            reason | text? | what whoever halted said
            since | time? | when, by the wall
            cancel_open | flag | whether resting entries are taken back
        """,
        "gains": """
            trades | number | exits that were counted
            wins | number | of them with a gain
            realised | decimal | dollars
            unrealised | decimal? | dollars at the mid; null: not valued
            held | decimal | shares that are valued
            fees | any | null: Alpaca books them by the day
            unpriced_qty | decimal | shares that left at a price that nobody knows
        """,
        "point": """
            at | time | the minute
            value | number | its value
        """,
    }.items()
}
