"""Tables whose rows have two lines: figures above, and below them what is too long for a column and is copied whole."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

_INDENT = 2
_GAP = "  "


@dataclass(frozen=True)
class Paired:
    """The cells of each row under these titles, and what stands in the line `below` them, which has a title, too."""

    titles: Sequence[str]
    rows: Sequence[tuple[Sequence[Text], Text]]
    below: str
    right: Collection[str] = ()
    """Titles of the columns of figures."""

    @property
    def widths(self) -> list[int]:
        """Of the columns; none is ever folded."""
        found = [cell_len(title) for title in self.titles]
        for cells, _ in self.rows:
            found = [max(width, cell_len(cell.plain)) for width, cell in zip(found, cells, strict=True)]
        return found

    def fits(self, width: int) -> bool:
        """Whether the upper lines are within so many screen columns."""
        widths = self.widths
        return sum(widths) + len(widths) - 1 <= width

    def shown(self, width: int) -> RenderableType:
        """For a screen of so many columns: lower lines are folded, at words alone."""
        widths = self.widths
        gap = _GAP if sum(widths) + len(_GAP) * (len(widths) - 1) <= width else " "
        head = self._line([Text(title) for title in self.titles], widths, gap)
        roomy = cell_len(head.plain) + len(_GAP) + cell_len(self.below) <= width
        title = Text(self.below, style="bold")
        head.stylize("bold")
        parts: list[RenderableType] = [head.append(_GAP).append_text(title)] if roomy else [head, _indented(title)]
        for cells, rest in self.rows:
            parts += [self._line(cells, widths, gap), _indented(rest)]
        return Group(*parts)

    def _line(self, cells: Sequence[Text], widths: Sequence[int], gap: str) -> Text:
        line = Text(no_wrap=True, overflow="ignore")
        for place, (title, cell, width) in enumerate(zip(self.titles, cells, widths, strict=True)):
            blank = " " * (width - cell_len(cell.plain))
            line.append(gap if place else "")
            line.append(blank if title in self.right else "").append_text(cell)
            line.append("" if title in self.right else blank)
        line.rstrip()
        return line


def _indented(text: Text) -> Padding:
    return Padding(text, (0, 0, 0, _INDENT))
