"""Signals, and the order records that they become."""
