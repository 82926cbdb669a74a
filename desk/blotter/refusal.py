"""Why the page does not get what it asked for."""

from __future__ import annotations


class Refused(Exception):
    """What was asked for makes no sense, or is refused; the message says why. Nothing was changed."""
