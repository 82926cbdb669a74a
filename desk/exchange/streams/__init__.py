"""What clients listen to: trade updates, market data, and the feed that is only for trying."""
