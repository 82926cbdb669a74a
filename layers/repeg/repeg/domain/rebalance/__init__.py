"""Rebalances: what the account holds against what it should hold, and the legs that lead there."""
