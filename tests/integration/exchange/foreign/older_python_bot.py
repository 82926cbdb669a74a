"""A stranger's bot, written for Alpaca itself with the older client `alpaca-trade-api`.

Nothing in it knows of a simulated exchange: keys and addresses come from that client's environment variables. It
prints what it has seen and done as one JSON document.
"""

import json
import queue
import sys
import threading
from uuid import uuid4

import alpaca_trade_api as tradeapi
from alpaca_trade_api.rest import APIError, TimeFrame

SYMBOL, QTY = "TQQQ", 10
PATIENCE_S = 60
ENDINGS = ("fill", "canceled", "rejected", "expired")


class Bot:
    """Buys, protects what it bought, and leaves."""

    def __init__(self):
        self.api = tradeapi.REST()
        self.stream = tradeapi.Stream(data_feed="iex")
        self.updates = queue.Queue()
        self.quotes = queue.Queue()
        self.events = []
        self.seen = {}

    def run(self):
        self.stream.subscribe_trade_updates(self.on_update)
        self.stream.subscribe_quotes(self.on_quote, SYMBOL)
        threading.Thread(target=self.stream.run, daemon=True).start()
        quote = self.quotes.get(timeout=PATIENCE_S)
        self.seen["streamed_quote"] = [quote.bid_price, quote.ask_price]
        self.look_around()
        self.buy()
        self.protect()
        self.trade_a_bracket()
        self.trail_and_replace()
        self.make_mistakes()
        self.leave()
        self.seen["events"] = self.events

    async def on_update(self, update):
        self.events.append([update.event, update.order["client_order_id"]])
        self.updates.put(update)

    async def on_quote(self, quote):
        self.quotes.put(quote)

    def until(self, order, *events):
        """The first update of these events about the order."""
        while True:
            update = self.updates.get(timeout=PATIENCE_S)
            if update.order["id"] == order.id and update.event in events:
                return update

    def look_around(self):
        account, clock = self.api.get_account(), self.api.get_clock()
        asset = self.api.get_asset(SYMBOL)
        days = self.api.get_calendar(start="2026-11-25", end="2026-11-27")
        quote, trade = self.api.get_latest_quote(SYMBOL), self.api.get_latest_trade(SYMBOL)
        snapshot = self.api.get_snapshot(SYMBOL)
        bars = self.api.get_bars(SYMBOL, TimeFrame.Minute, "2026-11-20", "2026-11-20", limit=10)
        self.seen["account"] = [account.status, float(account.equity), account.trading_blocked]
        self.seen["open"] = clock.is_open
        self.seen["days"] = [str(day.date.date()) for day in days]
        self.seen["asset"] = [asset.tradable, asset.fractionable, SYMBOL in {a.symbol for a in self.api.list_assets()}]
        self.seen["quote"] = [quote.bp, quote.ap]
        self.seen["trade"] = [trade.p, snapshot.latest_trade.p, snapshot.minute_bar.c]
        self.seen["bars"] = len(bars)

    def buy(self):
        quote = self.api.get_latest_quote(SYMBOL)
        order = self.api.submit_order(
            symbol=SYMBOL,
            qty=QTY,
            side="buy",
            type="limit",
            time_in_force="day",
            limit_price=round(quote.ap + 0.01, 2),
            client_order_id="entry",
        )
        update = self.until(order, *ENDINGS)
        position = self.api.get_position(SYMBOL)
        self.seen["bought"] = [update.event, float(update.price), float(position.qty), float(position.avg_entry_price)]

    def protect(self):
        order = self.api.submit_order(
            symbol=SYMBOL,
            qty=QTY,
            side="sell",
            type="limit",
            time_in_force="gtc",
            order_class="oco",
            take_profit={"limit_price": 55},
            stop_loss={"stop_price": 49, "limit_price": 48.5},
        )
        self.until(order, "new")
        held = self.api.get_order(order.id, nested=True).legs[0]
        self.seen["protected"] = [held.status, held.type, float(self.api.get_position(SYMBOL).qty_available)]
        self.api.cancel_order(order.id)
        self.until(order, "canceled")
        self.seen["bare"] = float(self.api.get_position(SYMBOL).qty_available)

    def trade_a_bracket(self):
        entry = self.api.submit_order(
            symbol="SPY",
            qty=2,
            side="buy",
            type="market",
            time_in_force="gtc",
            order_class="bracket",
            take_profit={"limit_price": 610},
            stop_loss={"stop_price": 590},
        )
        target = entry.legs[0]
        self.until(target, "fill")
        self.seen["bracket"] = [leg.status for leg in self.api.get_order(entry.id, nested=True).legs]

    def trail_and_replace(self):
        trail = self.api.submit_order(
            symbol=SYMBOL, qty=QTY, side="sell", type="trailing_stop", time_in_force="gtc", trail_percent=5
        )
        self.until(trail, "new")
        tighter = self.api.replace_order(trail.id, trail=2)
        self.until(tighter, "new")
        self.seen["trail"] = [float(trail.stop_price), float(self.api.get_order(tighter.id).stop_price)]
        self.seen["open_orders"] = [o.type for o in self.api.list_orders(status="open", limit=100, nested=True)]
        self.api.cancel_all_orders()
        self.until(tighter, "canceled")

    def make_mistakes(self):
        mistakes = (
            {"symbol": "NOPE", "qty": 1},
            {"symbol": SYMBOL, "qty": 1_000_000},
            {"symbol": SYMBOL, "qty": 1, "client_order_id": "entry"},
            {"symbol": SYMBOL, "qty": 1, "type": "limit", "limit_price": 50.123},
        )
        self.seen["errors"] = [self.refused(**mistake) for mistake in mistakes]

    def refused(self, **order):
        try:
            self.api.submit_order(**{"side": "buy", "type": "market", "time_in_force": "day"} | order)
        except APIError as error:
            return [error.status_code, error.code, str(error)]
        return None

    def leave(self):
        self.until(self.api.close_position(SYMBOL), "fill")
        self.api.submit_order(SYMBOL, notional=100, client_order_id=str(uuid4()))
        self.api.cancel_all_orders()
        self.api.close_all_positions()
        self.seen["fills"] = len(self.api.get_activities(activity_types="FILL"))
        history = self.api.get_portfolio_history(period="1D", timeframe="5Min")
        self.seen["history"] = [
            history.timeframe,
            history.base_value,
            len(history.equity) == len(history.timestamp) > 0,
        ]


if __name__ == "__main__":
    bot = Bot()
    bot.run()
    json.dump(bot.seen, sys.stdout)
