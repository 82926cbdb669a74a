"""Order records as earlier versions wrote them, in the present form. Whoever saves one writes the present form."""

from __future__ import annotations

from typing import Any

from repeg.domain.order.verdicts import WaitingFor

_PARTS = {
    "ask": """
        parent_id received_at=received_wall sent_at=sent_wall explicit_expiry when_closed completion
        signal_ladder=ladder signal_cap_bps=cap_bps signal_qty=qty notional extended_hours unprotected_ok
        foreign_orders
    """,
    "terms": """
        ladder symbol_class requested_qty working_qty cut max_slippage_bps cap_floor cap_bound
        reference_price arrival_bid arrival_ask entry_buffer outside_session plan bracket
    """,
    "sending": "refused refused_for resizes wall broker_failures",
    "guard": """
        protections exits ocos refusals key_waits settled position_entry protected stop_loss take_profit
        risk_reward
    """,
    "care": """
        care_at=due_at care_tries=tries frozen adjustments account_seen=seen doubted_at bare_since
        past_stop_since waits_until
    """,
    "unwind": "unwinding=wanted unwind_failed=failed unwinds_seen=seen unwind_order_id=order_id unwind_cost=cost",
    "close": """
        superseded_by gave_way released released_at restoring tries_in booked_qty position_before
        brackets_before held_by_others foreign_looks bought_lately looked_again settling
    """,
    "run": """
        execution_arn executions version expires_at opening parked_until due_at=due_wall holds=waits
        holds_since_start=waits_since_start hold_reason=waits_for clock securing secure_rounds published
    """,
    "result": "slippage_bps shortfall_bps cap_breached seconds_to_fill",
}
"""Which fields of the flat record each part has now: `name`, or `old=new` where it is called otherwise."""


def upgraded(data: dict[str, Any]) -> dict[str, Any]:
    """The parsed JSON of an order record of the first form (one flat object), in the present form."""
    order = _with_reservation(data, "reserve", "reserve_left")
    parts = {part: _moved(order, fields.split()) for part, fields in _PARTS.items()}
    guard, run = parts["guard"], parts["run"]
    run["waits_for"] = _waited_for(run.get("waits_for"))
    guard["protections"] = [_sent(oco) for oco in guard.get("protections", ())]
    if "reserved" in order:
        guard["reserved"] = order["reserved"]
    children = [_with_reservation(_sent(child), "held", "held_left") for child in order.get("rungs", ())]
    return {**order, **parts, "children": children}


def _moved(order: dict[str, Any], fields: list[str]) -> dict[str, Any]:
    names = {old: new or old for old, _, new in (field.partition("=") for field in fields)}
    return {new: order[old] for old, new in names.items() if old in order}


def _sent(record: dict[str, Any]) -> dict[str, Any]:
    return {"saved_wall" if name == "saved_at" else name: value for name, value in record.items()}


def _waited_for(sentence: str | None) -> str | None:
    """What an order waits for was kept as a sentence, which could go on behind the words of today."""
    if sentence is None:
        return None
    if sentence.startswith("waits for a spread of"):
        return WaitingFor.SPREAD
    return next((known for known in WaitingFor if sentence.startswith(known.words)), None)


def _with_reservation(record: dict[str, Any], second: str, left: str) -> dict[str, Any]:
    """A reservation was two fields: the second stayed when none of its requests was left, and counted no more."""
    kept = {name: value for name, value in record.items() if name not in (second, left)}
    if record.get(second) is None or not record.get(left):
        return kept
    return {**kept, "reserved": {"second": record[second], "left": record[left]}}
