"""A stranger's agent: it trades with Alpaca's own tools for agents, `alpaca-mcp-server`, over stdio.

The server has no setting for the trading host, so the address goes into its table of hosts before its own command runs;
for market data it has a variable. It prints what the agent has seen and done as one JSON document.
"""

import asyncio
import json
import os
import sys
import time

from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client

SYMBOL = "TQQQ"
PATIENCE_S = 60
SERVER = """
import os
from alpaca_mcp_server import cli, server
server.TRADING_API_BASE_URLS["paper"] = os.environ["DATA_API_URL"]
cli.main()
"""
NEEDED = {"get_account_info", "get_clock", "place_stock_order", "get_open_position", "cancel_order_by_id"}


class Agent:
    """Looks around, buys, protects, makes a mistake and leaves; it hears of nothing, and so asks."""

    def __init__(self, session):
        self.session = session
        self.seen = {}

    async def ask(self, tool, **arguments):
        """What a tool answers: Alpaca's JSON, or the words of its refusal."""
        answer = await asyncio.wait_for(self.session.call_tool(tool, arguments), PATIENCE_S)
        if answer.isError:
            return answer.content[0].text
        data = answer.structuredContent["data"]
        return data["result"] if set(data) == {"result"} else data

    async def order_in(self, status, order):
        """The order once it has this status."""
        deadline = time.monotonic() + PATIENCE_S
        while order["status"] != status:
            assert time.monotonic() < deadline, order
            order = await self.ask("get_order_by_id", order_id=order["id"])
        return order

    async def run(self):
        tools = {tool.name for tool in (await self.session.list_tools()).tools}
        self.seen["tools"] = [len(tools) > 50, sorted(NEEDED - tools)]
        await self.look_around()
        await self.buy()
        await self.protect()
        await self.err()
        await self.watch()
        await self.leave()

    async def look_around(self):
        account, clock = await self.ask("get_account_info"), await self.ask("get_clock")
        self.seen["account"] = [account["status"], account["cash"], account["trading_blocked"]]
        self.seen["clock"] = [clock["is_open"], clock["timestamp"][:10]]
        days = await self.ask("get_calendar", start="2026-11-25", end="2026-11-27")
        self.seen["days"] = [[day["date"], day["close"]] for day in days]
        asset = await self.ask("get_asset", symbol_or_asset_id=SYMBOL)
        assets = await self.ask("get_all_assets", status="active")
        self.seen["asset"] = [asset["tradable"], asset["class"], SYMBOL in {each["symbol"] for each in assets}]
        quote = (await self.ask("get_stock_latest_quote", symbols=SYMBOL))["quotes"][SYMBOL]
        self.seen["quote"] = [quote["bp"], quote["ap"]]
        bars = await self.ask("get_stock_bars", symbols=SYMBOL, timeframe="1Min", start="2026-11-20T14:30:00Z")
        self.seen["bars"] = len(bars["bars"][SYMBOL])
        snapshot = (await self.ask("get_stock_snapshot", symbols=SYMBOL))[SYMBOL]
        self.seen["snapshot"] = snapshot["latestTrade"]["p"]

    async def buy(self):
        order = await self.ask(
            "place_stock_order",
            symbol=SYMBOL,
            side="buy",
            qty="10",
            type="limit",
            limit_price="51",
            client_order_id="entry",
        )
        order = await self.order_in("filled", order)
        position = await self.ask("get_open_position", symbol_or_asset_id=SYMBOL)
        self.seen["bought"] = [order["filled_avg_price"], order["filled_qty"], position["qty"], position["side"]]

    async def protect(self):
        order = await self.ask(
            "place_stock_order",
            symbol=SYMBOL,
            side="sell",
            qty="10",
            type="limit",
            time_in_force="gtc",
            order_class="oco",
            take_profit_limit_price="55",
            stop_loss_stop_price="49",
        )
        await self.order_in("new", order)
        orders = await self.ask("get_orders", status="open", nested=True)
        self.seen["protected"] = [[each["order_class"], [leg["status"] for leg in each["legs"]]] for each in orders]
        replaced = await self.ask("replace_order_by_id", order_id=order["legs"][0]["id"], stop_price="48.5")
        self.seen["replaced"] = [replaced["stop_price"], replaced["type"]]
        self.seen["cancel"] = await self.ask("cancel_order_by_id", order_id=order["id"])
        await self.order_in("canceled", order)

    async def err(self):
        order = {"symbol": SYMBOL, "side": "buy", "qty": "1"}
        refused = await self.ask("place_stock_order", **order, client_order_id="entry")
        self.seen["refused"] = [refused["error"]["http_status"], refused["error"]["detail"]]
        routed = await self.ask("place_stock_order", **order, advanced_instructions={"algorithm": "VWAP"})
        self.seen["routed"] = [routed["error"]["http_status"], routed["error"]["detail"]["code"]]

    async def watch(self):
        await self.ask("create_watchlist", name="mine", symbols=[SYMBOL, "SPY"])
        (made,) = await self.ask("get_watchlists")
        watched = await self.ask("get_watchlist_by_id", watchlist_id=made["id"])
        self.seen["watched"] = sorted(asset["symbol"] for asset in watched["assets"])
        await self.ask("delete_watchlist_by_id", watchlist_id=made["id"])

    async def leave(self):
        await self.order_in("filled", await self.ask("close_position", symbol_or_asset_id=SYMBOL))
        self.seen["positions"] = await self.ask("get_all_positions")
        self.seen["gone"] = "404" in await self.ask("get_open_position", symbol_or_asset_id=SYMBOL)
        fills = await self.ask("get_account_activities_by_type", activity_type="FILL")
        self.seen["fills"] = [fill["side"] for fill in fills]
        history = await self.ask("get_portfolio_history", period="1D", timeframe="5Min")
        self.seen["history"] = len(history["equity"]) == len(history["timestamp"]) > 0


async def main():
    server = StdioServerParameters(command=sys.executable, args=["-W", "ignore", "-c", SERVER], env=dict(os.environ))
    async with stdio_client(server) as (read, write), ClientSession(read, write) as session:
        await asyncio.wait_for(session.initialize(), PATIENCE_S)
        agent = Agent(session)
        await agent.run()
    json.dump(agent.seen, sys.stdout)


if __name__ == "__main__":
    asyncio.run(main())
