"""`repeg fills` and `repeg pnl`: what was traded, and what it earned."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from desk.cli.options import Limit, Listing, StrategyFilter, SymbolFilter, spread
from desk.cli.output import all_read, print_csv, print_json, refuse, tell, told_without_table

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

    from desk.doctor.case import Case
    from desk.positions.gains import Splits, Worth
    from desk.stack.connection import Connection
    from repeg.domain.order.record import Order
    from repeg.domain.profit import Books

_Known = TypeVar("_Known")
FILLS = "at symbol side qty price cash kind strategy signal_id order_id source"
FIGURES = "trades wins realised unrealised held fees unpriced_qty"


@spread
def fills(
    listing: Listing,
    symbol: SymbolFilter = None,
    strategy: StrategyFilter = None,
    limit: Limit = 1000,
) -> None:
    """List what was bought and sold, entries and exits, the newest first: a line for each child order that filled."""
    from desk.cli.reaching import reaching
    from desk.positions.gains import fill_rows
    from repeg.domain.profit import fills_of

    begin = listing.judged()
    with reaching(listing.stack) as connection:
        found, broken = _all_orders(connection)
    wanted = [
        fill
        for order in found
        for fill in fills_of(order)
        if (symbol or fill.symbol).upper() == fill.symbol
        and strategy in (None, fill.strategy)
        and (begin is None or fill.at >= begin)
    ]
    rows = fill_rows(sorted(wanted, key=lambda fill: fill.at, reverse=True)[:limit])
    with all_read(broken):
        if listing.as_csv:
            print_csv(rows, FILLS)
        elif not told_without_table(rows, listing.as_json, "no fills"):
            from desk.telling.render import console

            screen = console()
            screen.print(fills_table(rows, screen.width))


@spread
def pnl(
    listing: Listing,
    by: Annotated[str, typer.Option("--by", metavar="WAY", help="A line for each strategy, symbol or day.")] = "symbol",
) -> None:
    """Show what orders earned: realised from their fills, and unrealised, at the mid, of what they still hold.

    Brackets by their own exits, all other shares first in, first out; without fees. Exit code 1: not all is counted.
    """
    from desk.cli.reaching import reaching
    from desk.positions.gains import WAYS, booked, gains

    if by not in WAYS:
        refuse(f"--by: {by!r} is none of {', '.join(WAYS)}")
    begin = listing.judged()
    with reaching(listing.stack) as connection:
        found, broken = _all_orders(connection)
    broker = _Broker(connection)
    books = booked(found, broker.splits)
    view = gains(books, by, begin, broker.worth(books)) | {"unread": sorted(broken)}
    with all_read(broken):
        if listing.as_json:
            print_json(view)
        elif listing.as_csv:
            print_csv(view["rows"], f"{by} {FIGURES}")
        else:
            from desk.telling.render import console

            console().print(pnl_table(view))
            for line in _remarks(view, broker.trouble):
                tell(line)


def _all_orders(connection: Connection) -> tuple[list[Order], dict[str, str]]:
    """All of them: what was sold today may have been bought a year ago."""
    from desk.stack.following import SCANNED_AT_MOST
    from repeg.store.orders import OrderStore

    broken: dict[str, str] = {}
    store = OrderStore(connection.dynamodb, connection.table)
    found = list(store.newest(SCANNED_AT_MOST, broken))
    if len(found) + len(broken) >= SCANNED_AT_MOST:
        tell(f"only the newest {SCANNED_AT_MOST} orders were read: what was bought before counts as unmatched")
    return found, broken


class _Broker:
    """The account and the market, asked where that is needed; what was realised is told without them, too."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._case: Case | None = None
        self.trouble = ""
        """Why they could not be asked."""

    def splits(self, books: Books) -> Splits:
        """The splits in force of what the books hold."""
        from desk.positions.gains import splits_in_force

        return self._ask(lambda case: splits_in_force(case, books), ())

    def worth(self, books: Books) -> Worth | None:
        """What the books' shares are worth; None: nothing is held, or nobody knows."""
        from desk.positions.gains import worth_of

        return self._ask(lambda case: worth_of(case, books), None) if books.lots or books.unmatched else None

    def _ask(self, ask: Callable[[Case], _Known], otherwise: _Known) -> _Known:
        from desk.doctor.findings import Trouble
        from desk.doctor.reach import case_of
        from repeg.errors import RepegError

        # Shares of before a split that could not be looked for have another price each.
        if self.trouble:
            return otherwise
        try:
            self._case = self._case or case_of(self._connection)
            return ask(self._case)
        except (Trouble, RepegError) as problem:
            self.trouble = str(problem)
            return otherwise


def _remarks(view: dict[str, Any], trouble: str) -> list[str]:
    """What is not in the figures."""
    told = [f"what is held cannot be valued, nor splits be looked for: {trouble}"] if trouble else []
    if view["unmatched"]:
        names = ", ".join(f"{qty} {symbol}" for symbol, qty in view["unmatched"].items())
        told.append(f"not counted, as no order here brought them: {names} sold or bought back")
    if view["not_held"]:
        names = ", ".join(f"{qty} {symbol}" for symbol, qty in view["not_held"].items())
        told.append(f"not counted, as the account holds them no more, and no order here sold them: {names}")
    if view["unpriced_qty"] != "0":
        told.append(f"not counted, as a price is not known: {view['unpriced_qty']} shares")
    return told


def fills_table(rows: list[dict[str, Any]], width: int) -> RenderableType:
    """One line for each fill, or two where ids are too long for that on so many columns; New York's time."""
    from rich.table import Table
    from rich.text import Text

    from desk.telling.figures import dollars, moment, price, shares
    from desk.telling.paired import Paired
    from desk.telling.render import settled

    titles, right = ("at (ET)", "symbol", "side", "qty", "price", "cash", "by"), ("qty", "price", "cash")
    lines = []
    for row in rows:
        money = dollars(row["cash"]) if row["cash"] else "?"
        figures = (shares(row["qty"]), price(row["price"]) or "?", money)
        lines.append((moment(row["at"]), row["symbol"], row["side"], *figures, row["kind"].replace("_", " ")))
    shown = Table(box=None, header_style="bold", pad_edge=False, collapse_padding=True)
    for title in (*titles, "signal"):
        shown.add_column(title, justify="right" if title in right else "left", no_wrap=True)
    for row, cells in zip(rows, lines, strict=True):
        shown.add_row(*cells, row["signal_id"])
    if settled(shown, width):
        return shown
    paired = [([Text(cell) for cell in cells], Text(row["signal_id"])) for row, cells in zip(rows, lines, strict=True)]
    return Paired(titles, paired, "signal", right).shown(width)


def pnl_table(view: dict[str, Any]) -> Table:
    """One line for each way, and the sum."""
    from rich.table import Table
    from rich.text import Text

    from desk.telling.figures import NO_STRATEGY, dollars

    def money(value: str | None) -> Text:
        return Text(dollars(value), style="red" if (value or "").startswith("-") else "green")

    shown = Table(box=None, header_style="bold", pad_edge=False, show_footer=True)
    shown.add_column(view["by"], footer="all")
    for name, sum_ in (
        ("trades", str(view["trades"])),
        ("won", str(view["wins"])),
        ("realised", money(view["realised"])),
        ("unrealised", money(view["unrealised"])),
    ):
        shown.add_column(name, justify="right", footer=sum_)
    for row in view["rows"]:
        name = row[view["by"]] or (NO_STRATEGY if view["by"] == "strategy" else "none")
        shown.add_row(name, str(row["trades"]), str(row["wins"]), money(row["realised"]), money(row["unrealised"]))
    return shown
