"""The deterministic machine: books, matching, the account, and the life of each order in market time."""
