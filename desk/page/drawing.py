"""Vega-Lite specifications drawn into SVG that takes its colours from the page: so a plot follows light and dark."""

from __future__ import annotations

import math
import re
from typing import Any

Spec = dict[str, Any]

WIDTH = 330
"""Of a plot without its axes, in pixels: as wide as a phone shows it, so that its words stay legible there."""
INK, MUTED, GRID = "var(--ink)", "var(--muted)", "var(--line)"
ACCENT, SOFT, BAND = "var(--accent)", "var(--accent-soft)", "var(--band)"
GOOD, BAD = "var(--good)", "var(--bad)"

_VERSION = "5.21"
_AXIS = {
    "labelColor": MUTED,
    "titleColor": MUTED,
    "labelFontSize": 11,
    "titleFontSize": 11,
    "titleFontWeight": "normal",
    "titlePadding": 8,
    "labelPadding": 5,
    "labelOverlap": "greedy",
    "labelSeparation": 8,
    # A label stands under its tick, the first and the last one, too: the page lets it reach beyond the drawing.
    "labelFlush": False,
    "domain": False,
    "ticks": False,
    "gridColor": GRID,
}
_CONFIG: Spec = {
    # Each mark would be told to a screen reader one by one; the plot as a whole has a name, and a table beside it.
    "aria": False,
    "background": None,
    "font": "system-ui, sans-serif",
    "view": {"stroke": None},
    "axis": _AXIS,
    "axisX": {"grid": False},
    "text": {"fill": MUTED, "fontSize": 11},
    "rule": {"stroke": MUTED},
}
_LABEL_PX = 6.8
"""Of a letter of a label, in the widest fonts that browsers have for the one that the drawing is measured with."""
_SIZE = re.compile(r' width="[\d.]+" height="[\d.]+"', re.ASCII)


def drawn(layers: list[Spec], about: str, height: int = 170, **more: Any) -> str:
    """The layers as one SVG without a size of its own; `about` says to a screen reader what it shows."""
    # Loaded where it is needed: the engine takes half a second to start, and 30 ms for each plot.
    import vl_convert

    spec = {"width": WIDTH, "height": height, "padding": 2, "config": _CONFIG, "layer": layers} | more
    svg = vl_convert.vegalite_to_svg(spec, vl_version=_VERSION, allowed_base_urls=[])
    name = about.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
    return _SIZE.sub(f' role="img" aria-label="{name}"', svg, count=1)


def values(rows: list[Spec]) -> Spec:
    """Rows as the data of a layer."""
    return {"values": rows}


def number(field: str, title: str | None = None, **more: Any) -> Spec:
    """A field that is measured."""
    return {"field": field, "type": "quantitative", "title": title} | more


def name(field: str, **more: Any) -> Spec:
    """A field that names."""
    return {"field": field, "type": "nominal", "title": None} | more


def names(rows: list[Spec], most: int) -> Spec:
    """The names of rows at the side, with room for them in any font, up to so many pixels."""
    room = min(most, math.ceil(_LABEL_PX * max(len(row["name"]) for row in rows)))
    return name("name", sort=None, axis={"labelColor": INK, "labelLimit": most, "minExtent": room, "grid": False})


def across(at: float, color: str, *, vertical: bool = False, dash: bool = True) -> Spec:
    """A line through the whole plot at a value."""
    mark: Spec = {"type": "rule", "stroke": color, "strokeWidth": 1.2}
    if dash:
        mark["strokeDash"] = [4, 3]
    return {"data": values([{"at": at}]), "mark": mark, "encoding": {"x" if vertical else "y": number("at")}}
