"""Requests, replies and errors, and how fields are read; no word of Alpaca's rules."""
