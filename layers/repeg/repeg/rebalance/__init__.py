"""Rebalances: what they ask of the broker, and the steps they take."""
