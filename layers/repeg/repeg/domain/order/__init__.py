"""The order record, its parts, and what happens to it."""
