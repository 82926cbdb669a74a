"""Refusals as Alpaca words them: HTTP status, numeric code, message and extra body fields."""

from __future__ import annotations

from typing import Any


class ApiError(Exception):
    """A request that the exchange refuses; becomes the HTTP answer."""

    def __init__(self, status: int, code: int, message: str, **extra: Any) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.extra = extra

    @property
    def body(self) -> dict[str, Any]:
        """The JSON body of the answer."""
        return {"code": self.code, "message": self.message, **self.extra}


def invalid(message: str) -> ApiError:
    """A field of the request is unusable (HTTP 422)."""
    # The number says 400, the status is 422 all the same: Petersoj/alpaca-java#77.
    return ApiError(422, 40010001, message)


def unprocessable(message: str, **extra: Any) -> ApiError:
    """The order breaks a rule, or is in the wrong state (HTTP 422)."""
    return ApiError(422, 42210000, message, **extra)


def forbidden(message: str, **extra: Any) -> ApiError:
    """The account may not do this now (HTTP 403)."""
    return ApiError(403, 40310000, message, **extra)


def not_found(message: str) -> ApiError:
    """No such order, position, asset or endpoint (HTTP 404)."""
    return ApiError(404, 40410000, message)


class ControlError(Exception):
    """A control request that makes no sense (HTTP 400); the message names the field."""
