"""The assets that are listed from the start."""

from __future__ import annotations

from collections.abc import Mapping

from desk.exchange.market.model import Asset

_LEVERAGED = "TQQQ SQQQ TECL SPXL UPRO UVXY LABU LABD SOXL FNGU FAS TNA TZA CURE DIRV"
_HIGH_VOLUME = "SPY QQQ TLT XLF XLK XLP XLY VOX VTV VOOG VOOV AGG BIL BSV IWM EFA VWO"
_FUNDS = "VTI VOO VEA IVV GLD SLV USO XLE XLV XLI XLU XLB XLC ARKK DIA HYG LQD IEF SHY SOXS"
_STOCKS = (
    "AAPL MSFT CRWD NVDA AMZN GOOGL GOOG META TSLA IBM AIG BAC AMD INTC NFLX ORCL CRM ADBE CSCO JPM WFC C GS V MA "
    "KO PEP PG JNJ PFE MRK UNH HD WMT COST DIS NKE MCD BA CAT GE F GM T VZ XOM CVX UBER PLTR COIN SNAP SOFI BRK.B"
)


def listed_assets() -> dict[str, Asset]:
    """Seed assets by symbol, all of them tradable, fractionable, shortable and marginable."""
    funds = [Asset(symbol=s, name=f"{s} ETF", exchange="ARCA") for s in f"{_LEVERAGED} {_HIGH_VOLUME} {_FUNDS}".split()]
    stocks = [Asset(symbol=s, name=f"{s} common stock") for s in _STOCKS.split()]
    return {asset.symbol: asset for asset in funds + stocks}


def find_asset(assets: Mapping[str, Asset], name: str) -> Asset | None:
    """An asset by its symbol (in any case) or by its id."""
    return assets.get(name.upper()) or next((asset for asset in assets.values() if asset.id == name), None)
