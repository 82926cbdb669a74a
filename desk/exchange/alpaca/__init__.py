"""Alpaca's own face: its paths, its JSON and its streams."""
