"""What an order must satisfy, and what becomes of one that does: pure functions of what they are given."""
