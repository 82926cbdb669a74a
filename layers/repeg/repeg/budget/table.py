"""The request budget in the table: one item of the stack, whose account is one, shared by every worker.

The item holds a counter for each second of market time and their `total`. A request is one conditional write that adds
to both and, in passing, drops the seconds that count no longer; `total` is the sum of the seconds after every write.
Workers that spend at the same time do not conflict: the table adds up. A write is tried again only when another one
has dropped the same seconds first, and its refusal carries the item, so there is hardly ever a need to read.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

from botocore.exceptions import BotoCoreError, ClientError

from repeg.budget.ledger import CLOCK_SET_BACK_SECONDS, REQUESTS_PER_WINDOW, WINDOW_SECONDS, Ledger
from repeg.domain.order.reservation import Reservation
from repeg.errors import BudgetExhausted, RetryError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

_log = logging.getLogger(__name__)

_SECOND_PREFIX = "s"
_ATTEMPTS = 12
_MOST_DROPPED = 80
_CONTENTION_WAIT_SECONDS = 1.0

Item = dict[str, Any]


class TableBudget:
    """`RateBudget` kept in DynamoDB. `now` returns market time; `limit` is in requests per minute.

    `travel_seconds` of market time are allowed between the debit and the broker's count: 0 where market time is wall
    time, more where a simulated market runs faster than the network does.
    If the table cannot be reached, entries get `RetryError` and urgent requests pass uncounted.
    """

    def __init__(
        self,
        client: DynamoDBClient,
        table: str,
        account: str,
        now: Callable[[], datetime],
        *,
        limit: int = REQUESTS_PER_WINDOW,
        travel_seconds: int = 0,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client = client
        self._where: dict[str, Any] = {"TableName": table, "Key": budget_key(account)}
        self._now = now
        self._limit = limit
        self._sleep = sleep
        self._travel_seconds = travel_seconds
        self._ledger = self._ledger_of({})

    def spend(self, urgent: bool, reserved: Reservation | None = None) -> None:
        """Debit one request; `BudgetExhausted` tells the market seconds until one is free.

        A request that was reserved counts from the second in which it is drawn.
        """
        try:
            if reserved is None or not self._draw(reserved):
                self._spend(urgent, 1)
        except (ClientError, BotoCoreError) as error:
            # An exit does not wait for the table: a request too many is refused by the broker, no more.
            if not urgent:
                raise RetryError(f"the request budget cannot be read: {error}") from error
            _log.warning("urgent request passes uncounted, the budget cannot be reached: %s", error)

    def reserve(self, count: int, urgent: bool = False) -> Reservation:
        """Debit `count` requests at once, to be drawn later; they count from now on like any other."""
        try:
            return Reservation(second=self._spend(urgent, count), left=count)
        except (ClientError, BotoCoreError) as error:
            raise RetryError(f"the request budget cannot be read: {error}") from error

    def give_back(self, reserved: Reservation) -> None:
        """Take back the debit of requests that were not drawn."""
        if not self._ledger.counts(reserved.second, self._now().timestamp()):
            return
        try:
            self._shift(reserved.second, reserved.left, to=None)
        except (ClientError, BotoCoreError) as error:
            _log.warning("%s requests come back by themselves, the budget cannot be reached: %s", reserved.left, error)

    def observe(self, limit: int, remaining: int, reset: datetime | None) -> None:
        """Debit what other programs on the account use; keep to the broker's limit if it is the lower one."""
        try:
            self._keep_to(limit)
            # A shared account is only a danger once it runs short; a look at the table for less would be wasted.
            if remaining < limit // 2:
                self._debit_others(limit - remaining, reset)
        except (ClientError, BotoCoreError) as error:
            _log.warning("the broker's request count could not be noted: %s", error)

    def blocked(self, until: datetime) -> None:
        """Hold back the entries of all workers until `until`, for a minute at most."""
        now = self._now().timestamp()
        # A header that is wrong must not block entries for longer than the broker's own window.
        end = min(until.timestamp(), now + WINDOW_SECONDS)
        try:
            self._note("SET blocked_until = :end", {":end": _number(end)})
        except (ClientError, BotoCoreError) as error:
            _log.warning("the broker's refusal could not be noted: %s", error)

    def _draw(self, reserved: Reservation) -> bool:
        """Draw a request; False if none is counted there any more."""
        now = self._now().timestamp()
        # It counts in this second already, and need not be moved: a write saved for what is sent at once.
        if int(now) == reserved.second:
            return True
        return self._ledger.counts(reserved.second, now) and self._shift(reserved.second, 1, to=int(now))

    def _shift(self, second: int, count: int, to: int | None) -> bool:
        """Move `count` requests from a second to another, or give them back (`to=None`); False if it has fewer."""
        names = {"#from": _second_name(second), "#to": "total" if to is None else _second_name(to)}
        minus, plus = _number(-count), _number(-count if to is None else count)
        try:
            self._client.update_item(
                **self._where,
                UpdateExpression="ADD #from :minus, #to :plus",
                ConditionExpression="#from >= :count",
                ExpressionAttributeNames=names,
                ExpressionAttributeValues={":minus": minus, ":plus": plus, ":count": _number(count)},
            )
        except ClientError as error:
            if not _is_refusal(error):
                raise
            return False
        return True

    def _spend(self, urgent: bool, count: int) -> int:
        """Debit `count` requests; returns the second in which they count."""
        for attempt in range(_ATTEMPTS):
            now = self._now().timestamp()
            if self._try_to_spend(now, urgent, count):
                return int(now)
            wait = self._ledger.wait_seconds(now, self._limit, urgent, count)
            if wait > 0:
                raise BudgetExhausted(wait)
            if len(self._ledger.returned(now)) > _MOST_DROPPED:
                self._write(now, change=0, conditions=[], values={})
            # At random, so that those whom one write refused do not meet again.
            elif attempt:
                self._sleep(random.uniform(0, min(0.1, 0.005 * 2**attempt)))  # nosec B311
        if not urgent:
            raise BudgetExhausted(_CONTENTION_WAIT_SECONDS)
        _log.warning("urgent request passes uncounted, too many others write the budget")
        return int(self._now().timestamp())

    def _try_to_spend(self, now: float, urgent: bool, count: int) -> bool:
        ledger = self._ledger
        room = ledger.capacity(now, self._limit, urgent) + sum(_dropped(ledger, now).values()) - count + 1
        conditions = ["(attribute_not_exists(#total) OR #total < :room)"]
        values = {":room": _number(room)}
        if not urgent:
            conditions.append("(attribute_not_exists(blocked_until) OR blocked_until <= :now OR blocked_until > :far)")
            values |= {":now": _number(now), ":far": _number(now + CLOCK_SET_BACK_SECONDS)}
        return self._write(now, change=count, conditions=conditions, values=values)

    def _write(self, now: float, change: int, conditions: list[str], values: Item) -> bool:
        """Add `change` requests to this second and drop old ones; False, with a fresh ledger, if refused."""
        dropped = _dropped(self._ledger, now)
        names = {"#total": "total", "#second": _second_name(int(now))}
        values = {**values, ":change": _number(change), ":sum": _number(change - sum(dropped.values()))}
        for place, (second, count) in enumerate(dropped.items()):
            names[f"#d{place}"] = _second_name(second)
            values[f":d{place}"] = _number(count)
        drop = " REMOVE " + ", ".join(f"#d{place}" for place in range(len(dropped))) if dropped else ""
        unchanged = [f"#d{place} = :d{place}" for place in range(len(dropped))]
        try:
            answer = self._client.update_item(
                **self._where,
                UpdateExpression=f"ADD #total :sum, #second :change{drop}",
                ConditionExpression=" AND ".join([*conditions, *unchanged]),
                ExpressionAttributeNames=names,
                ExpressionAttributeValues=values,
                ReturnValues="ALL_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            if not _is_refusal(error):
                raise
            # The stubs do not know that a refused condition returns the item it was held against.
            item = cast("Item | None", dict(error.response).get("Item"))
            self._ledger = self._ledger_of(item) if item else self._read()
            return False
        self._ledger = self._ledger_of(answer.get("Attributes", {}))
        return True

    def _keep_to(self, limit: int) -> None:
        known = self._ledger.broker_limit
        if limit > 0 and limit != known and (known is not None or limit < self._limit):
            self._note("SET broker_limit = :limit", {":limit": _number(limit)})

    def _debit_others(self, used_in_all: int, reset: datetime | None) -> None:
        now = self._now().timestamp()
        if used_in_all <= self._ledger.used(now) + self._ledger.used_by_others(now):
            return
        # Other workers debit before they send: only what a read *after* the answer does not know of is foreign.
        self._ledger = self._read()
        foreign = used_in_all - self._ledger.used(now)
        if foreign <= self._ledger.used_by_others(now):
            return
        latest = now + 1 + WINDOW_SECONDS
        until = latest if reset is None else min(max(reset.timestamp(), now + 1), latest)
        self._note("SET foreign_used = :n, foreign_until = :end", {":n": _number(foreign), ":end": _number(until)})

    def _note(self, update: str, values: dict[str, Any]) -> None:
        answer = self._client.update_item(
            **self._where, UpdateExpression=update, ExpressionAttributeValues=values, ReturnValues="ALL_NEW"
        )
        self._ledger = self._ledger_of(answer.get("Attributes", {}))

    def _read(self) -> Ledger:
        return self._ledger_of(self._client.get_item(**self._where, ConsistentRead=True).get("Item", {}))

    def _ledger_of(self, item: Item) -> Ledger:
        numbers = {name: float(value["N"]) for name, value in item.items() if "N" in value}
        limit = numbers.get("broker_limit")
        return Ledger(
            spent={int(name[1:]): int(count) for name, count in numbers.items() if _is_second(name)},
            foreign=int(numbers.get("foreign_used", 0)),
            foreign_until=numbers.get("foreign_until", 0.0),
            blocked_until=numbers.get("blocked_until", 0.0),
            broker_limit=None if limit is None else int(limit),
            travel_seconds=self._travel_seconds,
        )


class Tally:
    """The budget's `total` beside the sum of its seconds: a total that lost its way would block entries, or let all."""

    def __init__(self, client: DynamoDBClient, table: str, account: str) -> None:
        self._client = client
        self._where: dict[str, Any] = {"TableName": table, "Key": budget_key(account)}

    def read(self) -> tuple[int, int]:
        """The total, and what the seconds add up to, by one consistent read."""
        return self._of(self._item())

    def count_anew(self) -> None:
        """Set the total to the sum, unless somebody writes meanwhile: then it is compared again another time."""
        item = self._item()
        total, counted = self._of(item)
        seconds = [name for name in item if _is_second(name)][:_MOST_DROPPED]
        if total == counted or len(seconds) < sum(map(_is_second, item)):
            return
        unchanged = ["#total = :total", *(f"#s{place} = :s{place}" for place in range(len(seconds)))]
        values = {f":s{place}": item[name] for place, name in enumerate(seconds)}
        try:
            self._client.update_item(
                **self._where,
                UpdateExpression="SET #total = :counted",
                ConditionExpression=" AND ".join(unchanged),
                ExpressionAttributeNames={"#total": "total"} | {f"#s{n}": name for n, name in enumerate(seconds)},
                ExpressionAttributeValues=values | {":total": item["total"], ":counted": _number(counted)},
            )
        except ClientError as error:
            if not _is_refusal(error):
                raise

    def _item(self) -> Item:
        return cast("Item", self._client.get_item(**self._where, ConsistentRead=True).get("Item", {}))

    def _of(self, item: Item) -> tuple[int, int]:
        counts = {name: int(float(value["N"])) for name, value in item.items() if "N" in value}
        return counts.get("total", 0), sum(count for name, count in counts.items() if _is_second(name))


def budget_key(account: str) -> dict[str, Any]:
    """Key of the account's budget item."""
    return {"pk": {"S": f"BUDGET#{account}"}, "sk": {"S": "BUDGET"}}


def _dropped(ledger: Ledger, now: float) -> dict[int, int]:
    """The seconds that one write may drop; an expression has room for so many only."""
    return dict(list(ledger.returned(now).items())[:_MOST_DROPPED])


def _second_name(second: int) -> str:
    return f"{_SECOND_PREFIX}{second}"


def _is_second(name: str) -> bool:
    return name.startswith(_SECOND_PREFIX) and name[1:].isdecimal()


def _number(value: float) -> dict[str, Any]:
    return {"N": str(value)}


def _is_refusal(error: ClientError) -> bool:
    return error.response.get("Error", {}).get("Code") == "ConditionalCheckFailedException"
