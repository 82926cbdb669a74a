"""What AWS asks for what an order uses.

List prices of us-east-1 in dollars, without free tiers and discounts, as known on the date below. They change: check
them at https://aws.amazon.com/pricing before relying on a figure.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

PRICED_ON = "2026-11-21"
REGION = "us-east-1"
MILLION = 1_000_000
MEMORY_GB = 1769 / 1024  # as the template has it

TRANSITION = 25 / MILLION  # Step Functions, Standard
LAMBDA_REQUEST = 0.20 / MILLION
LAMBDA_GB_SECOND = 0.0000133334  # arm64; since August 2025 the INIT phase of a cold start is billed like any other
TABLE_WRITE_UNIT = 0.625 / MILLION  # DynamoDB, on demand: 1 KB
TABLE_READ_UNIT = 0.125 / MILLION  # 4 KB, strongly consistent
QUEUE_REQUEST = 0.50 / MILLION  # SQS, FIFO
EVENT = 1.00 / MILLION  # EventBridge, an event of one's own
LOG_GB = 0.50  # CloudWatch Logs, taken in
SECRET_REQUEST = 0.05 / 10_000  # Secrets Manager

# What every invocation writes beside our own lines: START, END and REPORT.
PLATFORM_LOG_BYTES = 300
# Send, receive, delete; receiving without finding anything is in nobody's bill but the month's.
QUEUE_REQUESTS_PER_SIGNAL = 3


def computing(milliseconds: float) -> float:
    """Dollars of so much time of a function."""
    return milliseconds / 1000 * MEMORY_GB * LAMBDA_GB_SECOND


def price_list() -> dict[str, float]:
    """Dollars of one of each."""
    return {
        "Step Functions, state transition": TRANSITION,
        "Lambda, request": LAMBDA_REQUEST,
        f"Lambda, arm64, second of {MEMORY_GB * 1024:.0f} MB, INIT of cold starts included": computing(1000),
        "DynamoDB, write unit, on demand": TABLE_WRITE_UNIT,
        "DynamoDB, read unit, on demand": TABLE_READ_UNIT,
        "SQS, FIFO, request": QUEUE_REQUEST,
        "EventBridge, event": EVENT,
        "CloudWatch Logs, kilobyte taken in": LOG_GB / 1e6,
        "Secrets Manager, request": SECRET_REQUEST,
    }


@dataclass(frozen=True)
class Usage:
    """What one order used. Units of the table are counted from the sizes of what was written and read."""

    transitions: float = 0
    invocations: float = 0
    lambda_ms: float = 0
    init_ms: float = 0
    """Of cold starts, billed beside the invocations that they precede."""
    write_units: float = 0
    read_units: float = 0
    signals: float = 1
    events: float = 0
    log_bytes: float = 0
    secret_reads: float = 0


def bill(usage: Usage) -> dict[str, float]:
    """Dollars by service."""
    return {
        "step_functions": usage.transitions * TRANSITION,
        "lambda": usage.invocations * LAMBDA_REQUEST + computing(usage.lambda_ms + usage.init_ms),
        "dynamodb": usage.write_units * TABLE_WRITE_UNIT + usage.read_units * TABLE_READ_UNIT,
        "sqs": usage.signals * QUEUE_REQUESTS_PER_SIGNAL * QUEUE_REQUEST,
        "eventbridge": usage.events * EVENT,
        "logs": (usage.log_bytes + usage.invocations * PLATFORM_LOG_BYTES) / 1e9 * LOG_GB,
        "secrets_manager": usage.secret_reads * SECRET_REQUEST,
    }


def dollars(usage: Usage) -> float:
    """Dollars in all."""
    return sum(bill(usage).values())


def document(usage: Usage) -> dict[str, Any]:
    """JSON-ready."""
    parts = {service: float(f"{amount:.3g}") for service, amount in bill(usage).items()}
    return {**asdict(usage), "dollars": float(f"{dollars(usage):.3g}"), "bill": parts}
