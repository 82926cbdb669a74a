"""The page itself: the document of `repeg report --json`, told in HTML. Figures are worded here, and none is made."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from desk.page import plots
from desk.telling.figures import NEW_YORK, basis_points, clock_time, day, dollars, price, shares

View = dict[str, Any]
MILLION, WHOLE = 1_000_000, 10_000


def page_of(report: View, stack: str, printed: datetime | None = None) -> str:
    """One HTML file, complete in itself."""
    template = _environment().get_template("report.html.j2")
    made = f"{printed.astimezone(NEW_YORK):%a %d %b %Y %H:%M} ET" if printed else ""
    told: str = template.render(r=report, stack=stack, printed=made, plots=_plots(report), style=_style())
    return told


def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("desk.page", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "words": words,
        "signed_money": signed_money,
        "round_money": round_money,
        "whole_money": whole_money,
        "minus": with_minus,
        "counted": counted,
        "bps": bps,
        "percent": percent,
        "seconds": seconds,
        "count": lambda value: f"{value:,}",
        "day": day,
        "clock": clock_time,
        "price": price,
        "shares": shares,
        "sign": lambda value: "" if value is None or not Decimal(value) else "good" if Decimal(value) > 0 else "bad",
    }
    return made


def _style() -> str:
    return (Path(__file__).parent / "report.css").read_text(encoding="utf-8")


def _plots(report: View) -> dict[str, str]:
    """Every plot by its name. The drawing escapes what it writes: the template takes them for safe."""
    found = {
        "slippage": plots.distribution(report["slippage"], "Slippage"),
        "shortfall": plots.distribution(report["shortfall"], "Shortfall"),
        "slippage_groups": _groups(report["slippage"], "Slippage"),
        "shortfall_groups": _groups(report["shortfall"], "Shortfall"),
        "slippage_minutes": plots.by_minute(report["slippage"], "Slippage"),
        "shortfall_minutes": plots.by_minute(report["shortfall"], "Shortfall"),
        "time": plots.time_to_fill(report["fills"]),
        "rungs": plots.rungs(report["rungs"]),
        "saved_days": plots.over_days(report["old_way"]["by_day"], "saved_dollars", "saved, by day and added up"),
        "saved_groups": plots.intervals(
            {"class": report["old_way"]["by_class"], "all": [report["old_way"]["all"]]}, "saved", "Saved, by class"
        ),
        "exits_days": plots.over_days(report["exits"]["by_day"], "dollars", "realised, by day and added up"),
    }
    drawn = {order["order_id"]: plots.timeline(order) for order in (*report["best"], *report["worst"])}
    return found | drawn


def _groups(section: View, what: str) -> str:
    groups = {"class": section["by_class"], "ladder": section["by_ladder"], "all": [section["all"]]}
    return plots.intervals(groups, "average", f"{what}, average and interval by class and ladder")


def words(text: str | None) -> str:
    """A name of the code as people write it."""
    return "" if text is None else text.replace("_", " ").replace("etf", "ETF")


def bps(value: str | None) -> str:
    """Signed, to the hundredth."""
    if value is None:
        return "-"
    return with_minus(basis_points(value))


def signed_money(value: str | None) -> str:
    """Dollars with their sign."""
    if value is None:
        return "-"
    return with_minus(f"{'+' if Decimal(value) > 0 else ''}{dollars(value)}")


def round_money(value: str) -> str:
    """Large amounts, short."""
    amount = Decimal(value)
    if abs(amount) < WHOLE:
        return dollars(value)
    return f"{dollars(str(amount / MILLION))} m" if abs(amount) >= MILLION else dollars(value).partition(".")[0]


def whole_money(value: str) -> str:
    """Amounts of a column, which all end at the same place."""
    return with_minus(dollars(str(round(Decimal(value)))).partition(".")[0])


def with_minus(told: str) -> str:
    """A figure with the sign of the plots."""
    return told.replace("-", "\N{MINUS SIGN}")


def counted(count: int, one: str, more: str | None = None) -> str:
    """So many of a thing."""
    return f"{count:,} {one if count == 1 else more or one + 's'}"


def percent(part: str | float | None, whole: float | None = None) -> str:
    """A fraction, or a part of a whole, in percent."""
    if part is None or (whole is not None and not whole):
        return "-"
    share = Decimal(part) if whole is None else Decimal(part) / Decimal(whole)
    return f"{share * 100:.1f} %"


def seconds(value: str | None) -> str:
    """To the tenth, from ten on to the whole."""
    if value is None:
        return "-"
    found = Decimal(value)
    return f"{found:.0f} s" if found >= 10 else f"{found:.2f} s"
