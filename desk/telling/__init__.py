"""Orders told to people."""
