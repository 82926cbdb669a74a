"""Who may come in: pages that this server served, with the key that the terminal printed. Pure.

A page of another site may send requests to loopback, too. It cannot read the answers, but trading would be halted, or
resumed, all the same; and under a name that it has point here (DNS rebinding) it would read them as well.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from urllib.parse import urlsplit

KEY_HEADER = "X-Repeg-Key"
_LOOPBACK = frozenset({"127.0.0.1", "localhost"})
"""Any port: an SSH tunnel has its own."""
_READING = frozenset({"GET", "HEAD"})

# Nothing from elsewhere, nothing written into the page, no frame around it.
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-store",
}
"""Of every answer."""


def new_key() -> str:
    """A key for one run of the server."""
    return secrets.token_urlsafe(24)


def refused(method: str, headers: Mapping[str, str]) -> str | None:
    """Why a request is not answered, whatever it asks for; None: it may go on. `headers` ignore case."""
    host = headers.get("Host", "")
    if _name(host) not in _LOOPBACK:
        return "this server answers to 127.0.0.1 and localhost only"
    origin = headers.get("Origin")
    if origin is not None and origin != f"http://{host}":
        return "pages of other origins are not answered"
    # A link or a bookmark may lead to the page itself; nothing else of another site may lead anywhere here.
    site, wants = headers.get("Sec-Fetch-Site"), headers.get("Sec-Fetch-Mode")
    if site not in (None, "same-origin", "none") and not (method in _READING and wants == "navigate"):
        return "pages of other sites are not answered"
    if method in _READING:
        return None
    if origin is None:
        return "what changes anything must come from the page"
    if headers.get("Content-Type", "").partition(";")[0].strip().lower() != "application/json":
        return "the body must be application/json"
    return None


def opens(shown: str | None, key: str) -> bool:
    """Whether a key that was shown is the one."""
    return shown is not None and secrets.compare_digest(shown.encode(), key.encode())


def _name(host: str) -> str | None:
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None
