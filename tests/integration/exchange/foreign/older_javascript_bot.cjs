// A stranger's bot, written for Alpaca itself with its older client for Node, `@alpacahq/alpaca-trade-api` 3.
//
// Nothing in it knows of a simulated exchange: keys and addresses come from that client's environment variables. It
// prints what it has seen and done as one JSON document.
"use strict";

const Alpaca = require("alpaca-trade-api-3");

const [SYMBOL, QTY, PATIENCE_MS] = ["TQQQ", 10, 120_000];
const alpaca = new Alpaca({ paper: true, feed: "iex" });
const seen = {};
setTimeout(() => fail(new Error("out of patience")), PATIENCE_MS).unref();

function fail(error) {
  console.error(error);
  process.exit(1);
}

const connected = (stream) => new Promise((resolve) => {
  stream.onError((problem) => fail(new Error(problem)));
  stream.onConnect(resolve);
  stream.connect();
});

const update = (event, id) => new Promise((resolve) => {
  alpaca.trade_ws.onOrderUpdate((told) => {
    if (told.event === event && told.order.client_order_id === id) resolve(told);
  });
});

const order = (id, rest) => alpaca.createOrder({
  symbol: SYMBOL, qty: QTY, side: "buy", type: "market", time_in_force: "day", client_order_id: id, ...rest,
});

async function lookAround() {
  const [account, clock, asset] = [await alpaca.getAccount(), await alpaca.getClock(), await alpaca.getAsset(SYMBOL)];
  seen.account = [account.status, account.cash, account.trading_blocked];
  seen.clock = clock.is_open;
  seen.asset = [asset.tradable, (await alpaca.getAssets({ status: "active" })).some((any) => any.symbol === SYMBOL)];
  const days = await alpaca.getCalendar({ start: "2026-11-25", end: "2026-11-27" });
  seen.days = days.map(({ date, close }) => [date, close]);
  const quote = await alpaca.getLatestQuote(SYMBOL);
  seen.quote = [quote.BidPrice, quote.AskPrice];
  const bars = [];
  const day = { start: "2026-11-20", end: "2026-11-21", timeframe: alpaca.newTimeframe(1, alpaca.timeframeUnit.MIN) };
  for await (const bar of alpaca.getBarsV2(SYMBOL, day)) bars.push(bar.ClosePrice);
  seen.bars = bars;
}

async function trade() {
  const filled = update("fill", "entry");
  await order("entry", { type: "limit", limit_price: 51 });
  const fill = await filled;
  const position = await alpaca.getPosition(SYMBOL);
  seen.bought = [fill.price, fill.qty, fill.position_qty, position.qty, position.avg_entry_price];

  const [resting, canceled] = [update("new", "rest"), update("canceled", "rest")];
  const rest = await order("rest", { side: "sell", type: "limit", limit_price: 60 });
  await resting;
  seen.open = (await alpaca.getOrders({ status: "open" })).map((open) => open.client_order_id);
  await alpaca.cancelOrder(rest.id);
  await canceled;

  const refused = await order("entry").catch((error) => error.response);
  seen.refused = [refused.status, refused.data.code, refused.data.message];

  const sold = update("fill", "exit");
  await order("exit", { side: "sell" });
  seen.sold = [(await sold).price, (await sold).position_qty];
  seen.positions = await alpaca.getPositions();
  seen.fills = (await alpaca.getAccountActivities({ activityTypes: "FILL" })).map(({ side }) => side);
}

async function watch() {
  const list = await alpaca.addWatchlist("mine", ["SPY"]);
  await alpaca.addToWatchlist(list.id, SYMBOL);
  seen.watched = (await alpaca.getWatchlist(list.id)).assets.map((asset) => asset.symbol).sort();
  await alpaca.deleteWatchlist(list.id);
  seen.lists = (await alpaca.getWatchlists()).length;
}

async function main() {
  await connected(alpaca.trade_ws);
  alpaca.trade_ws.subscribe(["trade_updates"]);
  const quotes = alpaca.data_stream_v2;
  const quote = new Promise((resolve) => quotes.onStockQuote(resolve));
  await connected(quotes);
  quotes.subscribeForQuotes([SYMBOL]);
  const { Symbol, BidPrice, AskPrice } = await quote;
  seen.streamedQuote = [Symbol, BidPrice, AskPrice];
  await lookAround();
  await trade();
  await watch();
  process.stdout.write(JSON.stringify(seen), () => process.exit(0));
}

main().catch(fail);
