"""Errors, by who must act on them.

`OperatorError`  the person who runs the stack fixes configuration, keys or limits.
`SenderError`    the sender of a signal fixes the signal.
`RetryError`     nobody: the same step is tried again later.
`StaleExecution` nobody: another execution owns the order now; this one must stop and send nothing.
"""

from __future__ import annotations


class RepegError(Exception):
    """Root of every error that repeg raises on purpose."""


class OperatorError(RepegError):
    """The operator must fix something before this can work."""


class ConfigurationError(OperatorError):
    """A setting, key or environment value is missing or wrong."""


class LiveTradingLocked(OperatorError):
    """Account or host is not the one that live trading was confirmed for."""


class DataFeedDenied(OperatorError):
    """The account's subscription does not include the configured data feed."""


class SenderError(RepegError):
    """The sender of a signal must fix it."""


class SignalInvalid(SenderError):
    """A signal breaks the contract. `field` names what, the message how to fix it."""

    def __init__(self, field: str, problem: str) -> None:
        self.field = field
        self.problem = problem
        super().__init__(f"{field}: {problem}")


class RetryError(RepegError):
    """Trying the same step again later is right and safe."""


class BrokerUnavailable(RetryError):
    """A read from the broker failed (time-out, reset, 5xx, unreadable body). Nothing was changed."""


class CredentialsRefused(BrokerUnavailable):
    """The broker does not accept the API keys. Nothing was done.

    Valid keys are refused now and then: it is tried again like an outage, with keys read anew, before it is believed
    and becomes the operator's matter.
    """


class BudgetExhausted(RetryError):
    """The account's trading requests for this minute are used up; nothing was sent.

    `wait_seconds` is market time until the next token is free.
    """

    def __init__(self, wait_seconds: float) -> None:
        self.wait_seconds = wait_seconds
        super().__init__(f"trading request budget is used up for {wait_seconds:.1f} s")


class SentTooLate(RetryError):
    """The worker was held up between saving an intent and sending it; nothing was sent."""


class StoreConflict(RetryError):
    """Another writer changed the record first."""


class StaleExecution(RepegError):
    """The order belongs to a newer execution: stop, write nothing, send nothing."""

    def __init__(self, order_id: str, owner: str) -> None:
        self.order_id = order_id
        super().__init__(f"{order_id} belongs to execution {owner} now")
