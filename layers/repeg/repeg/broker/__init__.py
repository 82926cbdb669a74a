"""The broker as the rest of repeg sees it (port) and its Alpaca implementation (adapter)."""
