"""Orders as people read them: tables and colours. Works on order views (`repeg.domain.order.views`)."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import IO, Any, cast

from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from desk.telling.figures import basis_points, clock_time, day, moment, price, shares
from desk.telling.holding import OVER, UNPROTECTED, bracket_facts, standing
from desk.telling.paired import Paired
from repeg.domain.order.record import UNKNOWN_SYMBOL

View = dict[str, Any]

_STYLES = {
    "filled": "green",
    "partially_filled": "yellow",
    "unfilled": "yellow",
    "rejected": "red",
    "unwound": "red",
    "failed": "bold red",
    "superseded": "dim",
    "done": "green",
    "done_with_residual": "yellow",
    "working": "cyan",
    "selling": "cyan",
    "buying": "cyan",
    "waiting": "blue",
    "received": "blue",
}
ROOMY = 120
"""Screen columns from which more is shown beside what came of something."""
IN_PIPES = 160


def console(*, stderr: bool = False) -> Console:
    """A console that never breaks a table that was sent into a file or pipe, nor pads its lines there."""
    made = Console(stderr=stderr, highlight=False, markup=False)
    if made.is_terminal:
        return made
    return Console(file=cast(IO[str], _Unpadded(made.file)), highlight=False, markup=False, width=IN_PIPES)


class _Unpadded(io.TextIOBase):
    """Lines without the blanks that fill them up to the width of their column."""

    def __init__(self, to: IO[str]) -> None:
        self._to = to
        self._line = ""

    def write(self, text: str) -> int:
        *lines, self._line = (self._line + text).split("\n")
        self._to.write("".join(f"{line.rstrip(' ')}\n" for line in lines))
        return len(text)

    def flush(self) -> None:
        self._to.flush()

    def isatty(self) -> bool:
        return False


def status_of(view: View) -> Text:
    """The status in its colour."""
    return Text(view["status"].replace("_", " "), style=_STYLES.get(view["status"], ""))


def outcome(view: View) -> Text:
    """Status and reason in one cell; a reason that is the same word says nothing more."""
    text = status_of(view)
    if view["reason"] not in (None, view["status"]):
        text.append(f" {view['reason']}", style="dim")
    return text


def _outcome_alone(view: View) -> Text:
    """The outcome, with the one thing about the position that must not be missed where nothing else is shown of it."""
    text, position = outcome(view), _position(view)
    return text.append(" ").append(position) if UNPROTECTED in position.plain else text


def filled_of(view: View) -> str:
    """Filled shares, and those that were asked for where they are more."""
    filled, requested = str(view["filled_qty"]), view["requested_qty"]
    if view.get("working_qty"):
        return f"{filled} of {requested} asked"
    return filled if requested in (None, filled) else f"{filled}/{requested}"


def _filled_shortly(view: View) -> str:
    names = ("filled_qty", "requested_qty")
    return filled_of(view | {name: shares(view[name]) for name in names if view[name] is not None})


def _position(view: View) -> Text:
    """What a bracket holds, and which orders are there to leave a position, or are legs of a rebalance."""
    if view["rebalance_id"]:
        return Text("rebalance leg", style="dim")
    if view["about"]:
        return Text(f"of {view['about']}", style="dim")
    return Text(view["kind"], style="dim") if view["kind"] in ("close", "unwind") else standing(view)


def _subject(view: View) -> str:
    """What it trades; of a cancel or an adjust of what has no symbol, or is not known, the signal that it names."""
    known = view["symbol"] != UNKNOWN_SYMBOL or not view["about"]
    return str(view["symbol"] if known else view["about"])


def _at_work(view: View) -> Text:
    """The child order that is in the market, beside the quote that it was priced by; empty for all that is over."""
    rung = view["rungs"][-1] if view["rungs"] and view["status"] not in OVER else None
    if rung is None or rung["closed_at"]:
        return Text()
    text = Text(f"limit {price(rung['limit_price'])}" if rung["limit_price"] else "market", style="cyan")
    return text.append(f" in {price(rung['bid'])} / {price(rung['ask'])}", style="dim") if rung["bid"] else text


@dataclass(frozen=True)
class _Column:
    title: str
    cell: Callable[[View], RenderableType]
    right: bool = False
    goes: int = 0
    """In which order columns are left out of a screen that is too narrow for all; 0: never."""


_POSITION = "position"
_COLUMNS = (
    _Column("created (ET)", lambda view: moment(view["created_at"])),
    _Column("symbol", _subject),
    _Column("side", lambda view: view["side"] or (view["kind"] if view["about"] else "")),
    _Column("filled", _filled_shortly, right=True),
    _Column("outcome", outcome),
    _Column(_POSITION, _position, goes=4),
    _Column("at", lambda view: price(view["avg_fill_price"]), right=True),
    _Column("bps", lambda view: basis_points(view["slippage_bps"]), right=True, goes=5),
    _Column("at work", _at_work, goes=6),
    _Column("cap", lambda view: view["max_slippage_bps"] or "", right=True, goes=3),
    _Column("ladder", lambda view: view["ladder"] or "", goes=2),
    _Column("rungs", lambda view: str(len(view["rungs"])), right=True, goes=1),
    _Column("signal", lambda view: view["signal_id"]),
)


def orders_table(views: Iterable[View], width: int) -> RenderableType:
    """One line for each order, with as many columns as there is room for on a screen of so many.

    Where ids are too long for that, two lines: nothing is cut short, and no id or reason is broken.
    """
    listed = list(views)
    known = [column for column in _COLUMNS if column.cell is not _at_work or any(map(_at_work, listed))]
    for left_out in range(max(column.goes for column in _COLUMNS) + 1):
        table = _orders_table(listed, [column for column in known if not 0 < column.goes <= left_out])
        if settled(table, width):
            return table
    if _folded(table, width):
        return table
    known = [replace(each, cell=status_of) if each.title == "outcome" else each for each in known]
    known = [each for each in known if each.title != "signal"]
    for left_out in range(max(column.goes for column in _COLUMNS) + 1):
        paired = _in_two_lines(listed, [column for column in known if not 0 < column.goes <= left_out])
        if paired.fits(width):
            break
    return paired.shown(width)


def _folded(table: Table, width: int) -> bool:
    """Whether it fits if outcomes are folded between their words: status above, reason below."""
    table.collapse_padding = True
    [outcomes] = [column for column in table.columns if column.header == "outcome"]
    words = [word for cell in outcomes.cells if isinstance(cell, Text) for word in cell.plain.split()]
    others = [column for column in table.columns if column is not outcomes]
    needed = [max(_cell_width(cell) for cell in (each.header, *each.cells)) for each in others]
    least = max(map(cell_len, ("outcome", *words)))
    if sum(needed) + least + len(others) > width:
        return False
    for column, each in zip(others, needed, strict=True):
        column.width = each
    outcomes.no_wrap = False
    return True


def _in_two_lines(views: Sequence[View], columns: Sequence[_Column]) -> Paired:
    """Figures and status above, signal and reason below."""
    alone = all(column.title != _POSITION for column in columns)

    def below(view: View) -> Text:
        text, position = Text(view["signal_id"]), _position(view)
        if view["reason"] not in (None, view["status"]):
            text.append(f"  {view['reason']}", style="dim")
        return text.append("  ").append_text(position) if alone and UNPROTECTED in position.plain else text

    rows = [([_as_text(column.cell(view)) for column in columns], below(view)) for view in views]
    right = {column.title for column in columns if column.right}
    return Paired([column.title for column in columns], rows, "signal, reason", right)


def _as_text(cell: RenderableType) -> Text:
    return cell if isinstance(cell, Text) else Text(str(cell))


def _orders_table(views: Sequence[View], columns: Sequence[_Column]) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    if all(column.title != _POSITION for column in columns):
        columns = [replace(each, cell=_outcome_alone) if each.title == "outcome" else each for each in columns]
    for column in columns:
        table.add_column(column.title, justify="right" if column.right else "left", no_wrap=True)
    for view in views:
        table.add_row(*(column.cell(view) for column in columns))
    return table


def settled(table: Table, width: int) -> bool:
    """Whether a table of text, without lines, fits on a screen of so many columns; the widths of its own are set then.

    Left to itself rich measures each cell three times, which takes as long as all else that lists orders.
    """
    widths = [max(map(_cell_width, (each.header, each.footer, *each.cells))) for each in table.columns]
    _, right, _, left = table.padding
    gap = max(left, right) if table.collapse_padding else left + right
    if sum(widths) + gap * (len(widths) - 1) > width:
        return False
    for column, each in zip(table.columns, widths, strict=True):
        column.width = each
    return True


def _cell_width(cell: RenderableType) -> int:
    lines = cell.plain.split("\n") if isinstance(cell, Text) else str(cell).split("\n")
    return max(map(cell_len, lines))


def widest(table: RenderableType) -> int:
    """Columns that it takes to show all of it."""
    boundless = Console(width=1000)
    return Measurement.get(boundless, boundless.options, table).maximum


def order_page(view: View, width: int = IN_PIPES) -> RenderableType:
    """Everything about one order: what came of it, its child orders, its history; on so many columns."""
    parts: list[RenderableType] = [_headline(view), _facts(view)]
    if view["rungs"]:
        rungs = _rungs(view["rungs"])
        rungs.collapse_padding = widest(rungs) > width
        parts += ["", rungs]
    if view["events"]:
        parts += ["", timeline(view["events"])]
    return Group(*parts)


def order_headline(view: View) -> Text:
    """One order in a line: what was asked, what came of it, and at what price."""
    text = _headline(view)
    if view["avg_fill_price"]:
        text.append(f"  {filled_of(view)} at {price(view['avg_fill_price'])}")
        if view["slippage_bps"]:
            text.append(f", {basis_points(view['slippage_bps'])} bps", style="dim")
    return text


def _headline(view: View) -> Text:
    words = [(view["side"] or view["kind"]).upper(), view["requested_qty"], _subject(view)]
    text = Text()
    text.append(" ".join(filter(None, words)) + "  ", style="bold")
    text.append_text(outcome(view))
    if held := standing(view):
        text.append("  ").append_text(held)
    return text


def _facts(view: View) -> Table:
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="dim")
    facts.add_column()
    arrival = f"{price(view['arrival_bid'])} / {price(view['arrival_ask'])}" if view["arrival_bid"] else None
    seconds = view["seconds_to_fill"]
    slippage = view["slippage_bps"]
    fill = f"{filled_of(view)} at {price(view['avg_fill_price'])}" if view["avg_fill_price"] else None
    rows: dict[str, RenderableType | None] = {
        "signal": view["signal_id"] + (f" ({view['strategy']})" if view["strategy"] else ""),
        "order": view["order_id"],
        "created": f"{day(view['created_at'])} {clock_time(view['created_at'])} ET",
        "ladder": view["ladder"] and f"{view['ladder']} ({(view['symbol_class'] or '').replace('_', ' ')})",
        "arrival": arrival,
        "filled": fill and fill + (f" in {seconds} s" if seconds else ""),
        "price" if view["signal_price"] else "reference": _reference(view),
        "slippage": slippage and f"{basis_points(slippage)} bps (+ is cost)",
        "warning": "the fill is beyond the slippage cap" if view["cap_breached"] else None,
        **bracket_facts(view),
        "of": view["about"],
        "exits for": view["parent_id"],
        "leg of": view["rebalance_id"] and f"{view['rebalance_id']} (repeg rebalance {view['signal_id']})",
        "superseded": view["superseded_by"] and f"by {view['superseded_by']}",
    }
    for name, value in rows.items():
        if value:
            facts.add_row(name, value)
    return facts


def _reference(view: View) -> str | None:
    """What slippage is measured against; a bracket's limit is derived from it."""
    if view["reference_price"] is None:
        return None
    reference = price(view["reference_price"])
    limit = view["signal_price"] and view["rungs"] and view["rungs"][0]["limit_price"]
    told = f"signal {reference}" + (f", limit {price(limit)}" if limit else "") if view["signal_price"] else reference
    return f"{told}, {_cap(view)}"


_CAP_BOUNDS = {
    "signal": " (the signal's own)",
    "opening_plan": " (the opening's)",
    "opening_spread": ", at least half of the spread before the open and a tick",
    "ticks": ", at least a tick",
}


def _cap(view: View) -> str:
    """How far from the reference an order may trade, and what decided that where the settings did not."""
    if not view["max_slippage_bps"]:
        return "no cap"
    told, bound = f"cap {view['max_slippage_bps']} bps", _CAP_BOUNDS.get(view.get("cap_bound") or "")
    if bound is None:
        return told
    return told + bound + (f": {price(view['worst_price'])}" if view.get("worst_price") else "")


def _rungs(rungs: Iterable[View]) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("rung", justify="right")
    table.add_column("sent (ET)")
    table.add_column("type")
    for name in ("bid", "ask", "limit", "qty", "filled", "at"):
        table.add_column(name, justify="right")
    table.add_column("status")
    table.add_column("seconds", justify="right")
    for rung in rungs:
        table.add_row(
            str(rung["rung"]),
            clock_time(rung["sent_at"]),
            rung["type"],
            price(rung["bid"]),
            price(rung["ask"]),
            price(rung["limit_price"]),
            rung["qty"],
            rung["filled_qty"] if rung["filled_qty"] != "0" else "",
            price(rung["avg_fill_price"]),
            rung["status"],
            _seconds(rung["sent_at"], rung["closed_at"]),
        )
    return table


def _seconds(start: str, end: str | None) -> str:
    if end is None:
        return ""
    return f"{(datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds():.2f}"


def timeline(events: Iterable[View]) -> Table:
    """A record's history, one line for each event."""
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True, style="dim")
    table.add_column(no_wrap=True, style="cyan")
    table.add_column(overflow="fold")
    for event in events:
        table.add_row(clock_time(event["at"]), event["state"], event["detail"])
    return table


def change_line(view: View) -> str:
    """One order in one line, for logs."""
    parts = [
        view["signal_id"],
        view["side"] or view["kind"],
        _subject(view),
        filled_of(view),
        view["status"],
        view["reason"] or "",
        f"rung {len(view['rungs'])}" if view["rungs"] else "",
        price(view["avg_fill_price"]),
        standing(view).plain,
    ]
    return " ".join(part for part in parts if part)
