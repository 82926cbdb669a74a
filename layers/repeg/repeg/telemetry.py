"""What the stack says of itself: its one logger, and its metrics as lines of the same log (EMF)."""

from __future__ import annotations

import gc
import logging
import os
import threading
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics

from repeg.domain.metrics.listed import LISTED, NAMESPACE, SERVICE, Metric
from repeg.domain.metrics.measured import Call, Line, line_of_calls

logger = Logger()

_Answer = TypeVar("_Answer")
_PLACES = 6
# A gauge is told once a minute. Kept by the second, the last one is read as it was told; it costs no more.
_BY_THE_SECOND, _BY_THE_MINUTE = 1, 60
LAST_WORD_SECONDS = 0.3
"""So long before its time-out an invocation is told as one that ran into it."""
LONGEST_SECONDS = 900.0
"""The most that Lambda gives an invocation."""
_INVOCATION = ("function_name", "order_id", "signal_id")


class EmbeddedMeter:
    """Writes each line to the log, from where CloudWatch reads it: no call, and nothing to wait for."""

    def put(self, line: Line) -> None:
        """Write a line: one record, with the stack's name or with each of what it is broken down by."""
        try:
            self._put(line)
        except Exception as error:  # an order goes on without its figures
            logger.error(f"metrics were not written: {error}")

    def _put(self, line: Line) -> None:
        if not line.values:
            return
        stack = os.environ.get("STACK_NAME", "")
        first, *others = line.by.items() if line.by else [(None, "")]
        # The library's ordinary class keeps what was added between invocations, and among threads.
        metrics = EphemeralMetrics(namespace=NAMESPACE, service=stack)
        if first[0]:
            metrics.add_dimension(*first)
        for name, of in others:
            metrics.add_dimensions(**{SERVICE: stack, str(name): of})
        for name, what in line.about.items():
            metrics.add_metadata(name, what)
        for measured, told in line.values.items():
            about = LISTED[measured]
            resolution = _BY_THE_SECOND if about.gauge else _BY_THE_MINUTE
            for value in told if isinstance(told, list) else [told]:
                metrics.add_metric(measured.value, about.unit.value, round(float(value), _PLACES), resolution)
        metrics.flush_metrics()


def about_the_invocation(line: Line) -> Line:
    """The line with the function and the order that this invocation is about, to be found by."""
    keys = logger.get_current_keys()
    known = {name: str(keys[name]) for name in _INVOCATION if keys.get(name)}
    return line._replace(about={**known, **line.about})


class Calls:
    """The requests of an invocation, told together at its end; `then` is handed them besides, once."""

    def __init__(self) -> None:
        self._heard: list[Call] = []
        self.then: Callable[[list[Call]], None] | None = None

    def heard(self, call: Call) -> None:
        """Note one request."""
        self._heard.append(call)

    def tell(self) -> None:
        """Write down what was noted, and begin anew."""
        heard, self._heard = self._heard, []
        then, self.then = self.then, None
        if heard:
            meter.put(about_the_invocation(line_of_calls(heard)))
        if heard and then:
            then(heard)


class _Alerts(logging.Handler):
    """Counts log lines that ask for a person, whoever writes them."""

    def emit(self, record: logging.LogRecord) -> None:
        if getattr(record, "alert", None) is True:
            meter.put(Line({Metric.ALERTS: 1}))


meter = EmbeddedMeter()
calls = Calls()
logger.addHandler(_Alerts())


def _seconds_left(context: Any) -> float:
    remaining = getattr(context, "get_remaining_time_in_millis", None)
    return float(remaining()) / 1000 if remaining else LONGEST_SECONDS


def _runs_out_of_time() -> None:
    logger.error("it runs into its time-out")
    meter.put(about_the_invocation(Line({Metric.FUNCTION_ERRORS: 1})))


def invoked(handler: Callable[[dict[str, Any], Any], _Answer]) -> Callable[[dict[str, Any], Any], _Answer]:
    """What every function's handler is wrapped in: its log lines name the request, its calls are told at the end."""
    if not gc.isenabled():
        # All is imported: none of it is ever looked through for garbage while an order waits.
        gc.freeze()
        gc.enable()

    @wraps(handler)
    def wrapped(event: dict[str, Any], context: Any) -> _Answer:
        # Nobody is left to tell of it once the time is over.
        last_word = threading.Timer(_seconds_left(context) - LAST_WORD_SECONDS, _runs_out_of_time)
        last_word.daemon = True
        last_word.start()
        try:
            return handler(event, context)
        except Exception:
            if not last_word.finished.is_set():
                meter.put(about_the_invocation(Line({Metric.FUNCTION_ERRORS: 1})))
            raise
        finally:
            last_word.cancel()
            calls.tell()

    logged: Callable[[dict[str, Any], Any], _Answer] = logger.inject_lambda_context(wrapped, clear_state=True)
    return logged
