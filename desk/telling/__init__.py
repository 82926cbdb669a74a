"""Orders in words and tables, for people."""
