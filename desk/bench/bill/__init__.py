"""What AWS bills: what an order used, and what is asked for it."""
