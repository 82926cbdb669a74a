"""What execution came to: figures over orders, and the comparison with what the exchange saw."""
