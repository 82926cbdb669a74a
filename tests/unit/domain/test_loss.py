"""What the account has lost since the last close."""

from __future__ import annotations

from decimal import Decimal

from repeg.domain.loss import loss_of_the_day


def test_a_loss_is_what_is_missing_of_the_last_close() -> None:
    assert loss_of_the_day(Decimal("99000.50"), Decimal(100_000)) == Decimal("999.50")
    assert loss_of_the_day(Decimal(100_000), Decimal(100_000)) == 0
    assert loss_of_the_day(Decimal(101_000), Decimal(100_000)) == 0
