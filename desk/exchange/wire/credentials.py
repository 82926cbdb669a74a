"""The keys that a client shows in its headers, of a request or of a stream's handshake."""

from __future__ import annotations

import base64
from collections.abc import Mapping


def shown(headers: Mapping[str, str]) -> tuple[str, str] | None:
    """Key id and secret from Alpaca's own headers, Basic or Bearer (a token has no secret); None if there are none."""
    key, secret = headers.get("apca-api-key-id"), headers.get("apca-api-secret-key")
    if key and secret:
        return key, secret
    scheme, _, credentials = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and credentials:
        return credentials, ""
    if scheme.lower() == "basic":
        try:
            key, _, secret = base64.b64decode(credentials, validate=True).decode().partition(":")
        except ValueError:
            return None
        return (key, secret) if key and secret else None
    return None
