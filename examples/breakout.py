"""Buys what closed above its highest high of twenty days, with a stop at its lowest low of ten.

    python examples/breakout.py examples/daily_bars.csv

Shows how a strategy sends signals; nothing says that this one earns money. Needs boto3 alone, with credentials and
region as for any program that talks to AWS, or those of the local cloud: eval "$(repeg local env)". A signal's id names
the day: a second run on the same bars buys nothing again.
"""

import csv
import hashlib
import json
import os
import sys
from decimal import Decimal
from itertools import groupby

import boto3
from botocore.exceptions import BotoCoreError, ClientError

QUEUE = os.environ.get("REPEG_STACK", "repeg") + "-signals.fifo"
DOLLARS_AT_RISK = Decimal(250)  # for each signal, between its price and its stop


def signals(bars):
    """A bracket for every symbol that broke out on its last day. Bars: symbol,date,high,low,close, oldest first."""
    for symbol, days in groupby(sorted(bars, key=lambda bar: bar["symbol"]), key=lambda bar: bar["symbol"]):
        *before, last = list(days)[-21:]
        close, stop = Decimal(last["close"]), min((Decimal(day["low"]) for day in before[-10:]), default=0)
        broke_out = len(before) == 20 and close > max(Decimal(day["high"]) for day in before)
        if broke_out and (shares := DOLLARS_AT_RISK // (close - stop)):
            yield {
                "signal_id": f"breakout-{symbol.replace('.', '-')}-{last['date']}",
                "kind": "bracket",
                "strategy": "breakout",
                "symbol": symbol,
                "side": "buy",
                "qty": str(shares),
                "signal_price": str(close),
                "stop_loss": str(stop),
                "take_profit": str(close + 2 * (close - stop)),
                "when_closed": "next_open",
            }


def send(sqs, queue_url, signal):
    """Orders of one symbol keep their order (group); the same body twice is taken once (deduplication)."""
    body = json.dumps(signal, sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256(body.encode()).hexdigest()[:32]
    sqs.send_message(
        QueueUrl=queue_url,
        MessageBody=body,
        MessageGroupId=signal["symbol"],
        MessageDeduplicationId=f"{signal['signal_id']}-{digest}",
    )


def run(file):
    with open(file, newline="") as bars:
        found = list(signals(csv.DictReader(bars)))
    sqs = boto3.client("sqs")
    queue_url = sqs.get_queue_url(QueueName=QUEUE)["QueueUrl"]
    if not found:
        print("no breakout, nothing was sent", file=sys.stderr)
    for signal in found:
        send(sqs, queue_url, signal)
        print(signal["signal_id"])


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("which bars? for example: python examples/breakout.py examples/daily_bars.csv")
    try:
        run(sys.argv[1])
    except (OSError, BotoCoreError, ClientError) as error:
        sys.exit(f'stopped: {error} (for the local cloud: eval "$(repeg local env)")')
