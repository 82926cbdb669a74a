"""Ladders: rungs, their prices, and which symbol takes which."""
