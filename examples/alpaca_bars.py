"""Prints the daily bars of the last sixty days from Alpaca's market data, as breakout.py reads them.

    python examples/alpaca_bars.py CRWD NVDA AAPL > bars.csv

Needs nothing installed; the key pair in APCA_API_KEY_ID and APCA_API_SECRET_KEY. The free feed, iex, is one venue: its
highs and lows are narrower than the market's. The bar of a day that is not over is left out: run it after the close.
A shell that is pointed at the local cloud asks the simulated exchange, which has no past: use another one.
"""

import csv
import json
import os
import sys
from datetime import datetime, timedelta
from urllib.parse import urlencode
from urllib.request import Request, urlopen
from zoneinfo import ZoneInfo

HOST = os.environ.get("APCA_API_DATA_URL", "https://data.alpaca.markets")
NAMES = {"APCA-API-KEY-ID": "APCA_API_KEY_ID", "APCA-API-SECRET-KEY": "APCA_API_SECRET_KEY"}
KEYS = {header: os.environ.get(name, "") for header, name in NAMES.items()}
NOW = datetime.now(ZoneInfo("America/New_York"))


def bars(symbols):
    asked = {
        "symbols": ",".join(symbols),
        "timeframe": "1Day",
        "start": f"{NOW - timedelta(days=60):%Y-%m-%d}",
        "adjustment": "split",
        "feed": "iex",
        "limit": 10000,
    }
    while True:
        with urlopen(Request(f"{HOST}/v2/stocks/bars?{urlencode(asked)}", headers=KEYS), timeout=30) as answer:
            page = json.load(answer)
        for symbol, days in (page["bars"] or {}).items():
            for day in days:
                yield symbol, day["t"][:10], day["h"], day["l"], day["c"]
        if not page.get("next_page_token"):
            return
        asked["page_token"] = page["next_page_token"]


if __name__ == "__main__":
    if not all(KEYS.values()):
        sys.exit("the key pair is needed: export APCA_API_KEY_ID=... APCA_API_SECRET_KEY=...")
    if not sys.argv[1:]:
        sys.exit("which symbols? for example: python examples/alpaca_bars.py CRWD NVDA")
    lines = csv.writer(sys.stdout, lineterminator="\n")
    lines.writerow(["symbol", "date", "high", "low", "close"])
    over = f"{NOW:%Y-%m-%d}" if NOW.hour >= 16 else f"{NOW - timedelta(days=1):%Y-%m-%d}"
    found = [bar for bar in bars(sys.argv[1:]) if bar[1] <= over]
    lines.writerows(found)
    if missing := [symbol for symbol in sys.argv[1:] if symbol not in {bar[0] for bar in found}]:
        print(f"no bars of {', '.join(missing)} at {HOST}", file=sys.stderr)
