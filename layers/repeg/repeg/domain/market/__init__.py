"""What the market shows: quotes, sessions, what a broker reports."""
