"""What AWS bills: what an order used."""
