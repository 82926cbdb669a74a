"""Positions that brackets hold: record, account, orders and market side by side, and an operator's word on them."""
