"""What everything else speaks of: orders, assets, prices, instants and sessions."""
