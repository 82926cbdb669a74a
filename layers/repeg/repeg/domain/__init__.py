"""Pure execution rules: no I/O, no clock, no SDK. Money is Decimal, time is passed in."""
