"""A simulated Alpaca: REST v2 trading and market data over a deterministic, virtual-time matching core."""
