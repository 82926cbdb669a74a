"""Writes down what to hold from the next open on: of some symbols those that rose most, each at the same weight.

    python examples/rotation.py examples/daily_bars.csv

Shows how a strategy writes targets, which the market-open rebalance of a stack trades by if that is on; nothing says
that this one earns money. Needs boto3 alone; see breakout.py for credentials. Run it once a day, after the close: the
targets of a strategy that has died are refused from the second open on.
"""

import csv
import json
import os
import sys
from datetime import UTC, datetime
from decimal import Decimal
from itertools import groupby

import boto3
from botocore.exceptions import BotoCoreError, ClientError

TABLE = os.environ.get("REPEG_STACK", "repeg")
DAYS, HELD = 20, 2
INVESTED = Decimal("0.98")  # the rest stays cash


def targets(bars):
    """Weights by symbol, which may sum to 1. Bars: symbol,date,high,low,close, oldest first."""
    rises = {}
    for symbol, days in groupby(sorted(bars, key=lambda bar: bar["symbol"]), key=lambda bar: bar["symbol"]):
        closes = [Decimal(day["close"]) for day in days][-DAYS:]
        rises[symbol] = closes[-1] / closes[0]
    best = sorted(rises, key=lambda symbol: (-rises[symbol], symbol))[:HELD]
    return {symbol: str(round(INVESTED / len(best), 4).normalize()) for symbol in best}


def write(table, weights):
    """In the place of the targets before; fields that a rebalance signal has may stand beside them."""
    document = json.dumps({"strategy": "rotation", "targets": weights})
    written_at = datetime.now(UTC).isoformat()
    table.put_item(Item={"pk": "TARGETS", "sk": "CURRENT", "document": document, "written_at": written_at})


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("which bars? for example: python examples/rotation.py examples/daily_bars.csv")
    try:
        with open(sys.argv[1], newline="") as file:
            weights = targets(csv.DictReader(file))
        write(boto3.resource("dynamodb").Table(TABLE), weights)
    except (OSError, BotoCoreError, ClientError) as error:
        sys.exit(f'no targets were written: {error} (for the local cloud: eval "$(repeg local env)")')
    print(json.dumps(weights))
