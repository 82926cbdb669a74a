// A stranger's bot, written for Alpaca itself with its client for Node of today, `@alpacahq/alpaca-trade-api` 4.
//
// Nothing in it knows of a simulated exchange, but for the address in its environment. It prints what it has seen and
// done as one JSON document.
"use strict";

const { Alpaca, ApiError, TimeFrame, withResponse } = require("@alpacahq/alpaca-trade-api");

const url = process.env.ALPACA_URL;
const streams = url.replace(/^http/, "ws");
const [SYMBOL, QTY, PATIENCE_MS] = ["TQQQ", 10, 60_000];
const here = (address, options) => fetch(String(address).replace(/^https:\/\/[^/]+/, url), options);
const alpaca = new Alpaca({ fetchApi: here, timeoutMs: PATIENCE_MS });
const { trading, marketData } = alpaca;
const seen = {};
const events = [];
setTimeout(() => fail(new Error("out of patience")), 2 * PATIENCE_MS).unref();

function fail(error) {
  console.error(error);
  process.exit(1);
}

// The first of what a stream tells that fits; those that came before the question are looked through, too.
function listener() {
  const [heard, waiting] = [[], []];
  return {
    tell(item) {
      heard.push(item);
      waiting.filter(({ fits }) => fits(item)).forEach(({ resolve }) => resolve(item));
    },
    first: (fits) => new Promise((resolve) => {
      const known = heard.find(fits);
      known ? resolve(known) : waiting.push({ fits, resolve });
    }),
  };
}

async function connected(stream, subscribe) {
  stream.onError((problem) => fail(new Error(problem)));
  stream.onConnect(subscribe);
  stream.connect();
  const { status } = await stream.whenAuthenticated();
  return status;
}

async function refused(order) {
  try {
    await trading.orders.submit({ symbol: SYMBOL, qty: 1, side: "buy", type: "market", ...order });
  } catch (error) {
    return [error.constructor.name, error.status, error.code, error instanceof ApiError && error.requestId !== undefined];
  }
}

async function lookAround(quotes) {
  const quote = await quotes.first(() => true);
  seen.streamedQuote = [quote.symbol, quote.bidPrice, quote.askPrice];
  const account = await withResponse(trading.account.getAccountRaw());
  seen.account = [account.data.status, account.data.equity, account.data.tradingBlocked];
  seen.headers = [account.headers.has("X-Request-ID"), account.rateLimit.limit];
  const clock = await trading.clock.legacyClock();
  seen.clock = [clock.isOpen, clock.timestamp.toISOString().slice(0, 10), clock.nextClose.toISOString()];
  const market = (await trading.clock.clock({ markets: "NYSE" })).clocks[0];
  const week = await trading.calendar.calendar({ market: market.market.mic });
  seen.market = [market.phase, market.nextMarketClose.toISOString(), week.calendar.length];
  const days = await trading.calendar.legacyCalendar({
    start: new Date("2026-11-25T00:00:00Z"), end: new Date("2026-11-27T00:00:00Z"),
  });
  seen.days = days.map(({ open, close }) => [open, close]);
  const asset = await trading.assets.getV2AssetsSymbolOrAssetId({ symbolOrAssetId: SYMBOL });
  const assets = await trading.assets.getV2Assets({ status: "active", assetClass: "us_equity" });
  seen.asset = [asset.tradable, asset.fractionable, assets.some(({ symbol }) => symbol === SYMBOL)];
  const bars = await marketData.getStockBarsFor(SYMBOL, {
    timeframe: TimeFrame.Minute, start: new Date("2026-11-20T00:00:00Z"), end: new Date("2026-11-21T00:00:00Z"),
  });
  seen.bars = [bars.length, bars[0].close];
  seen.price = await marketData.getLatestPrice(SYMBOL);
  const snapshots = await marketData.stocks.stockSnapshots({ symbols: SYMBOL });
  seen.quote = [snapshots[SYMBOL].latestQuote.bp, snapshots[SYMBOL].latestQuote.ap];
}

async function buy(updates, stream) {
  const order = await trading.submitAndWait(
    { type: "limit", symbol: SYMBOL, qty: QTY, side: "buy", limitPrice: 51, clientOrderId: "entry" },
    { stream, timeoutMs: PATIENCE_MS },
  );
  const fill = await updates.first((update) => update.event === "fill" && update.order.id === order.id);
  const position = await trading.positions.getOpenPosition({ symbolOrAssetId: SYMBOL });
  seen.bought = [fill.price, fill.qty, fill.positionQty, order.status, order.filledAvgPrice];
  seen.position = [position.qty, position.avgEntryPrice, position.side];
}

async function protect(updates) {
  const oco = await trading.orders.oco({
    symbol: SYMBOL, qty: QTY, side: "sell", timeInForce: "gtc",
    takeProfit: { limitPrice: 55 }, stopLoss: { stopPrice: 49 },
  });
  await updates.first((update) => update.event === "new" && update.order.id === oco.id);
  const open = await trading.orders.getAllOrders({ status: "open", nested: true });
  seen.protected = open.map((order) => [order.orderClass, order.status, order.legs.map((leg) => leg.status)]);
  await trading.orders.deleteOrderByOrderID({ orderId: oco.id });
  await updates.first((update) => update.event === "canceled" && update.order.id === oco.id);
}

async function replace(updates) {
  const order = await trading.orders.limit({ symbol: SYMBOL, qty: 1, side: "buy", limitPrice: 40 });
  await updates.first((update) => update.event === "new" && update.order.id === order.id);
  const next = await trading.orders.patchOrderByOrderId({
    orderId: order.id, patchOrderRequest: { limitPrice: "41.5" },
  });
  await updates.first((update) => update.event === "replaced" && update.order.id === order.id);
  seen.replaced = [next.limitPrice, next.replaces === order.id];
  await trading.orders.deleteAllOrders();
  await updates.first((update) => update.event === "canceled" && update.order.id === next.id);
}

async function leave(updates) {
  const close = await trading.positions.deleteOpenPosition({ symbolOrAssetId: SYMBOL });
  const fill = await updates.first((update) => update.event === "fill" && update.order.id === close.id);
  seen.sold = [fill.price, fill.positionQty];
  seen.positions = await trading.positions.getAllOpenPositions();
  const gone = await trading.positions.getOpenPosition({ symbolOrAssetId: SYMBOL }).catch((error) => error);
  seen.gone = [gone.constructor.name, gone.code];
  const fills = [];
  for await (const activity of trading.iterateActivities({ activityTypes: ["FILL"] })) fills.push(activity.side);
  seen.fills = fills;
  const history = await trading.portfolioHistory.getAccountPortfolioHistory({ period: "1D", timeframe: "5Min" });
  seen.history = history.equity.length === history.timestamp.length && history.equity.length > 0;
}

async function main() {
  const [quotes, updates] = [listener(), listener()];
  const quoteStream = marketData.stockStream({ feed: "iex", url: `${streams}/v2/iex` });
  const updateStream = trading.stream({ url: `${streams}/stream` });
  quoteStream.onQuote(quotes.tell);
  updateStream.onTradeUpdate((update) => {
    events.push([update.event, update.order.clientOrderId]);
    updates.tell(update);
  });
  seen.streams = [
    await connected(quoteStream, () => quoteStream.subscribeForQuotes([SYMBOL])),
    await connected(updateStream, () => updateStream.subscribeTradeUpdates()),
  ];
  await lookAround(quotes);
  await buy(updates, updateStream);
  await protect(updates);
  await replace(updates);
  seen.errors = [
    await refused({ symbol: "NOPE" }),
    await refused({ qty: 1_000_000 }),
    await refused({ clientOrderId: "entry" }),
  ];
  await leave(updates);
  seen.entry = events.filter(([, name]) => name === "entry").map(([event]) => event);
  // The client's own timers would keep the process for as long as its patience lasts.
  process.stdout.write(JSON.stringify(seen), () => process.exit(0));
}

main().catch(fail);
